"""The settings of vpo, with their defaults.

Plain dataclasses, so that commands which need no more than defaults do not wait
for pydantic; `load` has pydantic check whatever is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Le

Kind = Literal["video", "audio", "image", "sidecar"]
KINDS: tuple[Kind, ...] = ("video", "audio", "image", "sidecar")

MAX_THREADS = 1024


@dataclass(frozen=True)
class ScanConfig:
    """Section `scan`: which files a scan selects, and which places it enters."""

    kinds: tuple[Kind, ...] = ()
    extensions: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_symlinks: bool = False
    one_file_system: bool = False
    threads: Annotated[int, Ge(0), Le(MAX_THREADS)] = 0
    """Requests in flight; 0: chosen by latency."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    database_path: str | None = None
    scan: ScanConfig = field(default_factory=ScanConfig)
