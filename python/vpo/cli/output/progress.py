"""The progress of a job: a bar if stderr is a terminal, or a line per file if asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, display
from vpo.cli.app import App
from vpo.jobs.progress import Progress, ReadProgress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, TaskID
    from typing_extensions import Self

# A job that ends sooner shows no bar, and does not wait until rich is imported.
SHOW_AFTER_SECONDS = 0.5

_SIGNS = {
    "added": "+",
    "changed": "~",
    "moved": ">",
    "removed": "-",
    "returned": "^",
    "pruned": "x",
}


class TerminalReporter:
    """Shows on stderr how far a job is, and prints each file that something happened to."""

    def __init__(self, app: App, print_line: Callable[[str], None] | None = None) -> None:
        """`print_line` prints the line of a file. None: files are not printed."""
        self.wants_files = print_line is not None
        self._app = app
        self._print_line = print_line
        # A bar between the lines of a list would break both.
        wanted = app.progress and not app.quiet and print_line is None
        self._shows = wanted and sys.stderr.isatty()
        self._began = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._counts_bytes = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def progress(self, read: ReadProgress) -> None:
        """Shows the bar once the job has taken a while."""
        if not self._shows or time.monotonic() - self._began < SHOW_AFTER_SECONDS:
            return
        progress = read()
        if self._bar is None:
            self._start(progress)
        assert self._bar is not None
        assert self._task is not None
        completed, total = progress.files, progress.files_expected
        if self._counts_bytes:
            completed, total = progress.size_bytes, progress.size_bytes_expected
        self._bar.update(self._task, completed=completed, total=total, text=_text(progress))

    def file(self, event: str, path: StoredPath, before: StoredPath | None = None) -> None:
        """Prints a file."""
        if self._print_line is not None:
            was = "" if before is None else f"{display(before)} -> "
            self._print_line(f"  {_SIGNS.get(event, f'{event:10}')} {was}{display(path)}")

    def _start(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn
        from rich.progress import Progress as Bar

        self._counts_bytes = progress.size_bytes_expected is not None
        self._bar = Bar(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            *self._columns(),
            console=Console(stderr=True, no_color=not self._app.takes_colour(sys.stderr)),
            transient=True,
        )
        self._task = self._bar.add_task("work", total=None, text="")
        self._bar.start()

    def _columns(self) -> tuple[ProgressColumn, ...]:
        from rich.progress import (
            DownloadColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        text = TextColumn("{task.fields[text]}")
        if not self._counts_bytes:
            return text, TimeElapsedColumn()
        return (
            text,
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )


def _text(progress: Progress) -> str:
    if progress.phase == "walk":
        return f"{progress.files:,} files in {progress.directories:,} directories"
    files = f"{progress.files:,} of {progress.files_expected or 0:,} files"
    if progress.phase == "relocate":
        return f"{progress.files:,} of {progress.files_expected or 0:,} directories"
    return files if progress.phase == "check" else f"read {files}"
