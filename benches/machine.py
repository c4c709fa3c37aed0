"""What the figures were measured on, without saying whose machine it is."""

import os
import platform
from collections.abc import Iterator


def describe(work: str) -> dict[str, str]:
    """Facts that bear on the figures; no host name and no path is among them."""
    return {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count() or "unknown"),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(work),
        "disk": _disk(work),
    }


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from file
    except OSError:
        return


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return "unknown"
    return f"{size / 1024**3:.0f} GiB"


def _disk(path: str) -> str:
    """What the kernel says of the disk: some programs read with fewer threads if it rotates."""
    device = os.stat(path).st_dev
    found = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    # A partition has no queue; the disk that it is on is the directory above.
    for place in (found, os.path.dirname(found)):
        for line in _lines(os.path.join(place, "queue", "rotational")):
            return "rotating" if line.strip() == "1" else "not rotating"
    return "unknown"


def _file_system(path: str) -> str:
    """The type of the mount that `path` lies on, matched by its device number."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _lines("/proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return "unknown"
