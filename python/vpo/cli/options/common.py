"""Options that several commands have."""

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
    help="Files read at a time (default: chosen by device).",
)


def queue_options(what: str) -> Callable[[F], F]:
    """Adds what puts a job into the queue; `what` it is, as the help has it."""

    def decorate(command: F) -> F:
        command = click.option(
            "--priority",
            type=click.IntRange(0, 10_000),
            metavar="N",
            help="Place in the queue: lower ones first (100).",
        )(command)
        return click.option(
            "--enqueue", is_flag=True, help=f"Put the {what} into the queue for `vpo jobs run`."
        )(command)

    return decorate
