"""`--wait`: what a command does if another job is in the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from vpo.cli.groups import Command

F = TypeVar("F", bound=Callable[..., Any])


class WaitingCommand(Command):
    """Takes `--wait` with or without a value: `--wait DIR` waits as long as it takes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Gives a bare option its value, so that it does not take the next word."""
        given = []
        for position, arg in enumerate(args):
            if arg == "--":
                given += args[position:]
                break
            following = args[position + 1] if position + 1 < len(args) else ""
            bare = arg == "--wait" and not following.replace(".", "", 1).isdigit()
            given.append(f"--wait={math.inf}" if bare else arg)
        return super().parse_args(ctx, given)


def wait_option(command: F) -> F:
    """Adds the option to a `WaitingCommand`, as `wait`: seconds; None if it is not given."""
    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        metavar="[SECONDS]",
        help="Wait until a conflicting job has ended, at most SECONDS (default: no limit).",
    )(command)
