"""Handlers of log records: one writes to a file that processes share, one to stderr."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

from vpo.logging.shared_file import SharedFile

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    # Python 3.10's is not generic.
    _StreamHandler = logging.StreamHandler


class StderrHandler(_StreamHandler):
    """Logs to the current `sys.stderr`: a progress bar replaces it while it is shown."""

    def __init__(self, *, form: Literal["text", "json"]) -> None:
        super().__init__(sys.stderr)
        self.form = form

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, unless the command itself shows the same to the reader."""
        if self.form == "text" and getattr(record, "is_shown", False):
            return
        self.stream = sys.stderr
        if self.form == "json" and isinstance(self.stream, io.TextIOWrapper):
            _make_utf8(self.stream)
        super().emit(record)


def _make_utf8(stream: io.TextIOWrapper) -> None:
    """JSON is always UTF-8, whatever the locale."""
    if stream.encoding != "utf-8":
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class FileHandler(logging.Handler):
    """Logs to a shared file. If that fails, it logs to stderr from then on, and says so."""

    def __init__(self, file: SharedFile, fallback: StderrHandler) -> None:
        super().__init__()
        self._file: SharedFile | None = file
        self._fallback = fallback

    def emit(self, record: logging.LogRecord) -> None:
        """Appends the record. A failure to log never stops the work."""
        if self._file is None:
            return
        try:
            line = self.format(record) + "\n"
            self._file.append(line.encode(errors="backslashreplace"))
        except OSError as error:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()
            fall_back(self._fallback, file.path, error)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def fall_back(handler: StderrHandler, path: str, error: OSError) -> None:
    """Adds `handler` to the root logger, and logs the reason through it.

    It comes last, so that a record which is being handled right now reaches it as well.
    """
    root = logging.getLogger()
    if handler not in root.handlers:
        root.addHandler(handler)
    handler.handle(
        logging.LogRecord(
            "vpo.logging",
            logging.WARNING,
            __file__,
            0,
            "The log file `%s` cannot be written (%s): vpo now logs to stderr",
            (path, error.strerror or error),
            None,
        )
    )
