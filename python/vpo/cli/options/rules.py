"""Options that select and compare files: the rules of a scan.

Each gives the value of the setting with its name (`ScanConfig`), or None if it was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from vpo.cli.options.parameters import Duration, SeparatedList, joined
from vpo.config.models import KINDS

F = TypeVar("F", bound=Callable[..., Any])


def _several(
    _ctx: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The values of an option that can be repeated."""
    return given or None


def _lists(
    _ctx: click.Context, _parameter: click.Parameter, given: Sequence[Sequence[str]]
) -> tuple[str, ...] | None:
    """The values of an option that takes lists and can be repeated."""
    return joined(given) or None


def _whole(_ctx: click.Context, _parameter: click.Parameter, seconds: float | None) -> int | None:
    """A time span in whole seconds."""
    return None if seconds is None else int(seconds)


_OPTIONS = (
    click.option(
        "--kind",
        "kinds",
        type=SeparatedList(KINDS),
        multiple=True,
        callback=_lists,
        metavar="KIND,...",
        help=f"Only these kinds of file: {', '.join(KINDS)}.",
    ),
    click.option(
        "-e",
        "--extensions",
        type=SeparatedList(),
        multiple=True,
        callback=_lists,
        metavar="EXT,...",
        help="Only these file extensions (with --kind: in addition to those kinds).",
    ),
    click.option(
        "--exclude",
        multiple=True,
        callback=_several,
        metavar="GLOB",
        help="Skip paths matching GLOB (.gitignore syntax).",
    ),
    click.option(
        "--hidden/--no-hidden", default=None, help="Scan names that begin with a dot, too."
    ),
    click.option(
        "--follow-symlinks/--no-follow-symlinks", default=None, help="Follow symbolic links."
    ),
    click.option(
        "--one-file-system/--no-one-file-system",
        default=None,
        help="Skip other file systems that are mounted below the directory.",
    ),
    click.option(
        "--skip-name",
        "skip_names",
        multiple=True,
        callback=_several,
        metavar="NAME",
        help="Skip files and directories called NAME, in any letter case; `*` may end it.",
    ),
    click.option(
        "--system-names/--no-system-names",
        default=None,
        help="Look at trash cans, snapshots and other names that systems create, too.",
    ),
    click.option(
        "--ignore-inodes/--no-ignore-inodes",
        default=None,
        help="Ignore inode numbers, where they change at each mount.",
    ),
    click.option(
        "--modify-window",
        type=Duration(),
        callback=_whole,
        metavar="DURATION",
        help="Modification times may differ by DURATION: 2s.",
    ),
    click.option(
        "--hour-shifts/--no-hour-shifts",
        default=None,
        help="Modification times may differ by whole hours (FAT, daylight saving time).",
    ),
)


def rule_options(command: F) -> F:
    """Adds the options that select and compare files."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
