"""Writing to stdout and stderr."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress

import click


def echo(text: str, *, err: bool = False) -> None:
    """Prints a line as it is. The caller has already decided about colours.

    Raises OSError if stdout cannot be written. If stderr cannot be written, the command
    goes on: neither its work nor its exit status depends on stderr.
    """
    with suppress(OSError) if err else nullcontext():
        click.echo(text, err=err, color=True)


def silence_stdout() -> None:
    """Discards what is still buffered for stdout, and everything written to it later."""
    _silence(1)


def silence_stderr() -> None:
    """Discards what is still buffered for stderr, and everything written to it later."""
    _silence(2)


def _silence(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
