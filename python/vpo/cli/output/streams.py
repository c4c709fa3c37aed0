"""Writing to stdout and stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress

import click

from vpo.base.paths import display


def echo(text: str, *, err: bool = False) -> None:
    """Prints a line as it is. The caller has already decided about colours.

    Raises OSError if stdout cannot be written. If stderr cannot be written, the command
    goes on: neither its work nor its exit status depends on stderr.
    """
    with suppress(OSError) if err else nullcontext():
        click.echo(text, err=err, color=True)


def json_encoder() -> Callable[[object], bytes]:
    """A function that turns objects into JSON for stdout.

    If stdout is a terminal, characters that it could act on are escaped: names can contain
    control characters, and others that change the direction of the text. JSON always escapes
    the control characters of ASCII, but no others.
    """
    import orjson

    def encode(document: object) -> bytes:
        return orjson.dumps(document, default=repr)

    def encode_for_terminal(document: object) -> bytes:
        text = encode(document).decode()
        if text.isprintable():
            return text.encode()
        return "".join(each if each.isprintable() else _json_escape(each) for each in text).encode()

    return encode_for_terminal if sys.stdout.isatty() else encode


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def for_terminal(text: str) -> str:
    """The text for stdout. If that is a terminal, what is not printable is escaped.

    Line ends (LF and CRLF) stay.
    """
    if not sys.stdout.isatty():
        return text
    lines = text.split("\n")
    return "\n".join(
        display(line[:-1]) + "\r" if line.endswith("\r") else display(line) for line in lines
    )


def silence_stdout() -> None:
    """Discards what is still buffered for stdout, and everything written to it later."""
    _silence(1)


def silence_stderr() -> None:
    """Discards what is still buffered for stderr, and everything written to it later."""
    _silence(2)


def _silence(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
