"""The command with progress that is shown before a scan begins, not half a second later."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vpo.__main__ import main
from vpo.cli.output import progress
from vpo.jobs.progress import Progress

if TYPE_CHECKING:
    from typing_extensions import Self


class _EagerReporter(progress.TerminalReporter):
    def __enter__(self) -> Self:
        self.progress(lambda: Progress("walk"))
        return super().__enter__()


progress.SHOW_AFTER_SECONDS = -1.0
progress.SECONDS_BETWEEN_LINES = 0.0
progress.TerminalReporter = _EagerReporter  # type: ignore[misc]
sys.argv[0] = "vpo"
main()
