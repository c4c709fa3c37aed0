"""Whether the process that runs a job is still alive."""

from __future__ import annotations

import os
from datetime import timedelta

from vpo.base import times
from vpo.db.jobs import RunningJob

# A heartbeat comes every 30 s. Where the system does not say whether a process lives, ten
# missed ones count as its death.
HEARTBEAT_SECONDS = 30.0
STALE_AFTER = timedelta(minutes=5)


def identity_of_process(pid: int) -> str | None:
    """What distinguishes the process `pid` from any other that has or had that number.

    That is the boot, the pid namespace and the start time (Linux: proc(5)). None if there is no
    such process, or the system does not say.
    """
    boot = _boot()
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            # The command, in parentheses, may have spaces and parentheses in it.
            state, *fields = stat.read().rpartition(b")")[2].split()
            start_ticks = fields[18].decode()
    except (OSError, IndexError):
        return None
    # A zombie is dead. Its parent has not asked for its exit status yet.
    return f"{boot}/{start_ticks}" if boot and state not in (b"Z", b"X") else None


def _boot() -> str | None:
    try:
        with open("/proc/sys/kernel/random/boot_id") as boot_id:
            return f"{boot_id.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def own_identity() -> str:
    """The identity of this process. Empty if the system does not say."""
    return identity_of_process(os.getpid()) or ""


def is_alive(job: RunningJob) -> bool:
    """Whether the process that runs `job` is alive."""
    if job.worker_pid is None:
        return False
    identity = (job.worker_identity or "").rsplit("/", 2)
    if len(identity) == 3:
        boot_id, namespace, _ = identity
        own_boot_id, _, own_namespace = (_boot() or "/").partition("/")
        if boot_id != own_boot_id:
            # A catalogue in WAL mode is used on one machine, so that one was restarted.
            return False
        if namespace == own_namespace:
            return identity_of_process(job.worker_pid) == job.worker_identity
        # It runs in another container, where its pid means something else.
        return _heartbeat_is_fresh(job)
    return _pid_exists(job.worker_pid) and _heartbeat_is_fresh(job)


def _heartbeat_is_fresh(job: RunningJob) -> bool:
    if job.worker_heartbeat is None:
        return False
    try:
        return times.now() - times.from_text(job.worker_heartbeat) < STALE_AFTER
    except ValueError:
        return False


def _pid_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
