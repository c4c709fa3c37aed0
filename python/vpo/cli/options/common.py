"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vpo.config.bounds import MAX_THREADS

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

threads_option = click.option(
    "--threads",
    type=click.IntRange(1, MAX_THREADS),
    metavar="N",
    help="Read N files at the same time (default: depends on the device).",
)


def queue_options(what: str) -> Callable[[F], F]:
    """Adds the options that put a job into the queue; `what` is its name in the help."""

    def decorate(command: F) -> F:
        command = click.option(
            "--priority",
            type=click.IntRange(0, 10_000),
            metavar="N",
            help="Priority in the queue; lower numbers run first (default: 100).",
        )(command)
        return click.option(
            "--enqueue", is_flag=True, help=f"Put the {what} into the queue of `vpo jobs run`."
        )(command)

    return decorate
