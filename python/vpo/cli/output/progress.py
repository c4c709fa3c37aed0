"""Who is told what a scan or a check is doing: a bar on a terminal, lines when asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, display
from vpo.cli.app import App
from vpo.jobs.control import Counts

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, TaskID
    from typing_extensions import Self

    from vpo.integrity.models import Amount, Verdict

# A scan that is over sooner shows no bar, and does not wait for rich.
SHOW_AFTER_SECONDS = 0.5

_SIGNS = {
    "added": "+",
    "changed": "~",
    "moved": ">",
    "removed": "-",
    "returned": "^",
    "pruned": "x",
}


class _BarReporter:
    """A bar on stderr if that is a terminal, and nobody asked for lines."""

    def __init__(self, app: App, say: Callable[[str], None] | None) -> None:
        self.wants_files = say is not None
        self._app = app
        self._say = say
        # A bar among the lines of a list would break both.
        wanted = app.progress and not app.quiet and say is None
        self._shows = wanted and sys.stderr.isatty()
        self._begin = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _is_early(self) -> bool:
        return not self._shows or time.monotonic() - self._begin < SHOW_AFTER_SECONDS

    def _show(self, completed: int, total: int | None, said: str) -> None:
        if self._bar is None:
            self._start()
        assert self._bar is not None
        assert self._task is not None
        self._bar.update(self._task, completed=completed, total=total, said=said)

    def _columns(self) -> tuple[ProgressColumn, ...]:
        from rich.progress import TextColumn, TimeElapsedColumn

        return TextColumn("{task.fields[said]}"), TimeElapsedColumn()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            *self._columns(),
            console=Console(stderr=True, no_color=not self._app.takes_colour(sys.stderr)),
            transient=True,
        )
        self._task = self._bar.add_task("work", total=None, said="")
        self._bar.start()


class ScanReporter(_BarReporter):
    """Progress of a scan, and changed files where asked."""

    def progress(self, read: Callable[[], Counts], expected: int | None) -> None:
        """Shows how far the walk is; with a total if the last scan gave one."""
        if self._is_early():
            return
        progress = read()
        self._show(
            progress.files,
            expected,
            f"{progress.files:,} files in {progress.directories:,} directories",
        )

    def reading(self, done: int, expected: int) -> None:
        """Shows how many files were read."""
        if not self._is_early():
            self._show(done, expected, f"read {done:,} of {expected:,} files")

    def file(self, change: str, path: StoredPath, before: StoredPath | None = None) -> None:
        """Prints one changed file."""
        if self._say is not None:
            was = "" if before is None else f"{display(before)} -> "
            self._say(f"  {_SIGNS[change]} {was}{display(path)}")


class VerifyReporter(_BarReporter):
    """Progress of a check, and each file where asked."""

    def checking(self, done: Amount, selected: Amount) -> None:
        """Shows how many files and bytes were read, how fast, and how long it will take."""
        if not self._is_early():
            self._show(
                done.size_bytes,
                selected.size_bytes,
                f"{done.files:,} of {selected.files:,} files",
            )

    def _columns(self) -> tuple[ProgressColumn, ...]:
        from rich.progress import (
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        return (
            TextColumn("{task.fields[said]}"),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )

    def file(self, verdict: Verdict, path: StoredPath) -> None:
        """Prints one file."""
        if self._say is not None:
            self._say(f"  {verdict:10} {display(path)}")
