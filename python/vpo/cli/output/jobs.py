"""Jobs as text and as JSON."""

from __future__ import annotations

import sqlite3

from vpo.base import times
from vpo.base.paths import display, to_json
from vpo.cli.output.sizes import human_size

COLOURS = {
    "queued": "cyan",
    "running": "blue",
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
}


def human_duration(seconds: float | None) -> str:
    """A time span for people: `12.3s`, `4m 05s`, `2h 03m`, `-` for none."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 48 else f"{hours // 24}d {hours % 24:02}h"


def duration_of(job: sqlite3.Row) -> float | None:
    """How long a job took, or has been running, in seconds."""
    ended = job["completed_at"]
    if ended is None and job["status"] == "running":
        ended = times.to_text(times.now())
    return times.seconds_between(job["started_at"], ended)


def job_to_dict(job: sqlite3.Row) -> dict[str, object]:
    """A job of a list as the contract's JSON."""
    duration = duration_of(job)
    return {
        "id": job["id"],
        "type": job["job_type"],
        "status": job["status"],
        "priority": job["priority"],
        "created_at": times.with_z(job["created_at"]),
        "started_at": times.with_z(job["started_at"]),
        "completed_at": times.with_z(job["completed_at"]),
        "duration_seconds": None if duration is None else round(duration, 3),
        "progress_percent": job["progress_percent"],
        **to_json(job["file_path"], "file_path"),
        "error_message": job["error_message"],
    }


def change_to_dict(change: sqlite3.Row) -> dict[str, object]:
    """A job of a file, and what it did to it."""
    # `job_type` is what `files show` called it first.
    listed = {**job_to_dict(change), "job_type": change["job_type"]}
    listed["change"] = change["change"]
    listed["reason"] = change["reason"]
    before = change["path"] if change["change"] == "moved" else None
    listed.update({"path_before": None} if before is None else to_json(before, "path_before"))
    for when in ("before", "after"):
        mtime_ns = change[f"mtime_ns_{when}"]
        listed[f"size_bytes_{when}"] = change[f"size_{when}"]
        listed[f"mtime_ns_{when}"] = mtime_ns
        listed[f"modified_at_{when}"] = None if mtime_ns is None else times.ns_to_text(mtime_ns)
    return listed


def change_in_words(change: sqlite3.Row) -> str:
    """What a job did to a file, and why: `changed, size 1.0 MiB → 1.2 MiB`."""
    if change["change"] is None:
        return ""
    said = str(change["change"])
    if said == "moved":
        told = ", told by its content" if change["reason"] == "content" else ""
        return f"moved from {display(change['path'])}{told}"
    if change["reason"] == "size":
        sizes = change["size_before"], change["size_after"]
        return f"{said}, size {human_size(sizes[0])} → {human_size(sizes[1])}"
    if change["reason"] == "mtime":
        before, after = (
            times.ns_to_text(change[f"mtime_ns_{when}"])[:19].replace("T", " ")
            for when in ("before", "after")
        )
        return f"{said}, modified {before} → {after} (UTC)"
    if change["reason"] == "inode":
        return f"{said}, another file in its place (inode)"
    if said in ("damaged", "accepted") and change["reason"]:
        return f"{said} ({change['reason']})"
    if change["reason"] == "link":
        return f"{said}, became a link or ceased to be one"
    return said
