"""Options that select and compare files: the rules of a scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from vpo.cli.options.parameters import Duration, SeparatedList, joined
from vpo.config.models import KINDS

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--kind",
        "kinds",
        type=SeparatedList(KINDS),
        multiple=True,
        metavar="KIND,...",
        help=f"Only these kinds of file: {', '.join(KINDS)}.",
    ),
    click.option(
        "-e",
        "--extensions",
        type=SeparatedList(),
        multiple=True,
        metavar="EXT,...",
        help="Only these file extensions (with --kind: in addition to those kinds).",
    ),
    click.option(
        "--exclude",
        multiple=True,
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


def rules_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The rules that these options give, by their settings. None: the option was not given."""
    lists = ("kinds", "extensions", "exclude", "skip_names")
    separated = ("kinds", "extensions")
    switches = (
        "hidden",
        "follow_symlinks",
        "one_file_system",
        "system_names",
        "ignore_inodes",
        "hour_shifts",
    )
    found = {name: options[name] for name in switches}
    window = options["modify_window"]
    found["modify_window"] = None if window is None else int(window)
    for name in lists:
        found[name] = (joined(options[name]) if name in separated else options[name]) or None
    return found
