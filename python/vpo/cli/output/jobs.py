"""Jobs, and what they did to files, as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.output.sizes import human_size

if TYPE_CHECKING:
    # Results and trends use this module, too, and no jobs.
    from vpo.catalogue.jobs import FileEvent

COLOURS = {
    "queued": "cyan",
    "running": "blue",
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
}


def human_duration(seconds: float | None) -> str:
    """A time span for people: `12.3s`, `4m 05s`, `2h 03m`; `-` if it is not known."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 48 else f"{hours // 24}d {hours % 24:02}h"


def status_painter(app: App) -> Callable[[str, str], str]:
    """A function that colours the cells of the column STATUS in a table."""

    def paint(head: str, text: str) -> str:
        colour = COLOURS.get(text.strip()) if head == "STATUS" else None
        return app.paint(text, colour) if colour else text

    return paint


def change_in_words(event: FileEvent) -> str:
    """What a job did to a file, and why: `changed, size 1.0 MiB → 1.2 MiB`."""
    change, reason = event.change, event.reason
    if change is None:
        return ""
    if change == "moved":
        by_content = " (recognized by its content)" if reason == "content" else ""
        return f"moved from {display(event.path_before or '')}{by_content}"
    if reason == "size" and event.size_before is not None and event.size_after is not None:
        return f"{change}, size {human_size(event.size_before)} → {human_size(event.size_after)}"
    if reason == "mtime":
        return f"{change}, modified {_moment(event.mtime_ns_before)} →" + (
            f" {_moment(event.mtime_ns_after)} (UTC)"
        )
    if reason == "inode":
        return f"{change}, replaced by another file (another inode number)"
    if reason == "link":
        return f"{change}, became a link or stopped being one"
    if change in ("damaged", "accepted") and reason:
        return f"{change} ({reason})"
    return change


def _moment(mtime_ns: int | None) -> str:
    return "?" if mtime_ns is None else times.ns_to_text(mtime_ns)[:19].replace("T", " ")
