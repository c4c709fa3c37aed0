"""How a failure is shown: text on stderr, or one JSON object on stdout."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from vpo.cli.app import App


def show_failure(
    app: App,
    code: str,
    message: str,
    hint: str | None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Shows what happened and, where it helps, what to do."""
    # Asked of the words, as a mistake in them ends the parsing.
    if "--json" in sys.argv[1:]:
        print_json(failure_to_dict(code, message, hint, details))
        return
    full_stop = "" if message.endswith((".", "?", "!")) else "."
    click.echo(f"{app.paint('Error:', 'red', err=True)} {message}{full_stop}", err=True)
    if hint:
        click.echo(f"\n{hint}", err=True)


def failure_to_dict(
    code: str, message: str, hint: str | None, details: Mapping[str, object] | None = None
) -> dict[str, object]:
    """A failure as the contract's JSON."""
    shown: dict[str, object] = {"error": True, "code": code, "message": message}
    if hint:
        shown["hint"] = hint
    shown["details"] = dict(details or {})
    return shown


def print_json(document: object) -> None:
    """Prints one JSON document on a line."""
    import orjson

    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(document, default=repr) + b"\n")
    sys.stdout.buffer.flush()
