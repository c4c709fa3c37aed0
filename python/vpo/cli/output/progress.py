"""The progress of a job: bars if stderr is a terminal, or lines if details are asked for."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, display
from vpo.cli.app import App
from vpo.cli.output.streams import echo
from vpo.jobs.progress import Progress, ReadProgress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, TaskID
    from typing_extensions import Self

# How often a line is printed where there is no terminal, if the user asked for details.
SECONDS_BETWEEN_LINES = 30.0

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
        # Whoever reads a log wants to know that the work goes on.
        self._prints = app.verbose and not (self._shows or app.quiet or sys.stderr.isatty())
        first = SECONDS_BETWEEN_LINES if self._prints else SHOW_AFTER_SECONDS
        self._next = time.monotonic() + first
        self._bar: Bar | None = None
        self._tasks: list[TaskID] = []
        self._since: list[float] = []
        """When each bar began."""
        self._counts_bytes = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def progress(self, read: ReadProgress) -> None:
        """Shows the bars once the job has taken a while."""
        if time.monotonic() < self._next:
            return
        if self._prints:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            echo(f"{'. '.join(_texts(read()))}.", err=True)
        elif self._shows:
            self._show(read())

    def _show(self, progress: Progress) -> None:
        if self._bar is None:
            self._start(progress)
        assert self._bar is not None
        for place, (text, completed, total) in enumerate(_rows(progress, self._counts_bytes)):
            if place == len(self._tasks):
                self._tasks.append(self._bar.add_task("work", total=None, text="", pace=""))
                self._since.append(time.monotonic())
            task = self._tasks[place]
            seconds = time.monotonic() - self._since[place]
            # The walk may be over while its files are still read.
            is_walk = place == 0 and progress.files_to_read is not None
            pace = "" if is_walk else _pace(completed, total, seconds)
            self._bar.update(
                task, completed=completed, total=total, text=text, pace=pace, visible=True
            )
        for task in self._tasks[place + 1 :]:
            self._bar.update(task, visible=False)

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
            return text, TextColumn("{task.fields[pace]}"), TimeElapsedColumn()
        return (
            text,
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )


def _rows(progress: Progress, counts_bytes: bool) -> list[tuple[str, int, int | None]]:
    """The bars to show: the text, how much is done, and of how much."""
    completed, total = progress.files, progress.files_expected
    if counts_bytes:
        completed, total = progress.size_bytes, progress.size_bytes_expected
    first, *more = _texts(progress)
    rows = [(first, completed, total)]
    if progress.files_to_read is not None:
        rows.append((more.pop(0), progress.files_read, progress.files_to_read))
    return rows + [(text, 0, None) for text in more]


def _pace(completed: int, total: int | None, seconds: float) -> str:
    """How many files per second, and the time that is left at this pace."""
    if completed == 0 or seconds < 1:
        return ""
    rate = completed / seconds
    text = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    if total is None or total <= completed:
        return text
    left = timedelta(seconds=math.ceil((total - completed) / rate))
    return f"{text} {left} left"


def _texts(progress: Progress) -> list[str]:
    """What to say, in one or more lines."""
    files = f"{progress.files:,} of {progress.files_expected or 0:,} files"
    if progress.phase == "walk":
        texts = [f"{progress.files:,} files in {progress.directories:,} directories"]
    elif progress.phase == "relocate":
        texts = [f"{progress.files:,} of {progress.files_expected or 0:,} directories"]
    else:
        texts = [files if progress.phase == "check" else f"read {files}"]
    if progress.files_to_read is not None:
        texts.append(f"read {progress.files_read:,} of {progress.files_to_read:,} files")
    if progress.slow is not None:
        texts.append(f"reading {display(progress.slow)}")
    return texts
