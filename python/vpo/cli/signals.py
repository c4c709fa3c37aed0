"""SIGINT, SIGTERM and SIGHUP as requests to stop at the next safe point."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any

from vpo.base.errors import EXIT_SIGINT, EXIT_SIGTERM
from vpo.cli.app import App
from vpo.cli.output.failure import Failure, failure_to_dict, print_json
from vpo.cli.output.streams import echo
from vpo.jobs.stopping import CancelledError, StoppedError


class Signals:
    """Stops a command at its next safe point after a SIGINT, SIGTERM or SIGHUP.

    A second SIGINT stops it at once. A terminal that is closed sends SIGHUP, which has the same
    effect as SIGTERM.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Whoever started the process may have it ignore a signal (nohup, `&` in a shell).
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._received == number == signal.SIGINT:
            raise KeyboardInterrupt
        self._received = number

    def stop(self) -> StoppedError | None:
        """The request to stop, if a signal arrived."""
        if self._received is None:
            return None
        return StoppedError(EXIT_SIGINT if self._received == signal.SIGINT else EXIT_SIGTERM)


def stopped_to_dict(
    stopped: StoppedError, details: Mapping[str, object] | None = None
) -> dict[str, object]:
    """A job that was stopped or cancelled, as JSON."""
    code = "CANCELLED" if isinstance(stopped, CancelledError) else "STOPPED"
    return failure_to_dict(Failure(code, stopped.message, details=details or {}))


def show_stopped(
    app: App,
    stopped: StoppedError,
    *,
    as_json: bool,
    what_of_it: str = "What was recorded until now is kept.",
    details: Mapping[str, object] | None = None,
) -> None:
    """Shows that a job was stopped or cancelled, and what is kept of its work."""
    if as_json:
        print_json(stopped_to_dict(stopped, details))
    elif app.logs_to_stderr != "json":
        what = "Cancelled" if isinstance(stopped, CancelledError) else "Stopped"
        echo(f"{what}. {what_of_it}", err=True)
