"""The command with progress that is shown before a scan begins, not half a second later."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpo.__main__ import main
from vpo.cli.output import progress

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class _Nothing:
    files: int = 0
    directories: int = 0


class _EagerReporter(progress.ScanReporter):
    def __enter__(self) -> Self:
        self.progress(_Nothing, None)
        return super().__enter__()


progress.SHOW_AFTER_SECONDS = -1.0
progress.ScanReporter = _EagerReporter  # type: ignore[misc]
sys.argv[0] = "vpo"
main()
