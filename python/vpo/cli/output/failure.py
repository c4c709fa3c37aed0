"""How a failure is shown: text on stderr, or one JSON object on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from vpo.base.errors import ScanLockedError
from vpo.cli.app import App, echo, silence_stdout


def show_failure(
    app: App,
    code: str,
    message: str,
    hint: str | None,
    details: Mapping[str, object] | None = None,
    *,
    on_stdout: bool = True,
) -> None:
    """Shows what happened and, where it helps, what to do.

    JSON goes to stdout, unless that is what failed. A failure that cannot be shown is
    still that one: OSError is not raised.
    """
    log_failure(app, code, message, hint, details)
    # Asked of the words, as a mistake in them ends the parsing.
    if on_stdout and "--json" in sys.argv[1:]:
        try:
            print_json(failure_to_dict(code, message, hint, details))
            return
        except OSError:
            # Then in words.
            silence_stdout()
    if app.logs_to_stderr == "json":
        # Then every line there is one for machines.
        return
    full_stop = "" if message.endswith((".", "?", "!")) else "."
    echo(f"{app.paint('Error:', 'red', err=True)} {_clean(message)}{full_stop}", err=True)
    if hint:
        echo(f"\n{_clean(hint)}", err=True)


def log_failure(
    app: App,
    code: str,
    message: str,
    hint: str | None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Logs a failure, unless it is that of a job: who did the job has logged it."""
    # The job in the details of a lock is that of somebody else.
    is_of_job = "job_id" in (details or {}) and code != ScanLockedError.code
    if not app.is_logging or is_of_job:
        return
    import logging

    facts = {**(details or {}), "code": code, **({"hint": _clean(hint)} if hint else {})}
    logging.getLogger("vpo").error(
        "%s", _clean(message), extra={"context": facts, "is_shown": True}
    )


def failure_to_dict(
    code: str, message: str, hint: str | None, details: Mapping[str, object] | None = None
) -> dict[str, object]:
    """A failure as the contract's JSON."""
    shown: dict[str, object] = {"error": True, "code": code, "message": _clean(message)}
    if hint:
        shown["hint"] = _clean(hint)
    shown["details"] = {
        name: _clean(value) if isinstance(value, str) else value
        for name, value in (details or {}).items()
    }
    return shown


def _clean(text: str) -> str:
    """Text with words of the command line in it, which need not be UTF-8."""
    return os.fsencode(text).decode(errors="replace")


def print_json(document: object) -> None:
    """Prints one JSON document on a line."""
    import orjson

    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(document, default=repr) + b"\n")
    sys.stdout.buffer.flush()
