"""Sets up `logging` according to the settings."""

from __future__ import annotations

import logging
from typing import Literal

from vpo.config.models import LoggingConfig
from vpo.logging.formatters import JsonFormatter, TextFormatter
from vpo.logging.handlers import FileHandler, StderrHandler, fall_back
from vpo.logging.shared_file import SharedFile

StderrForm = Literal["none", "text", "json"]


def configure(config: LoggingConfig, *, quiet: bool) -> None:
    """Sends all records to the destinations in `config`.

    With `quiet`, stderr only gets warnings and errors; a file gets all records.
    """
    level = logging.getLevelName(config.level.upper())
    with_stack = config.level == "debug"
    formatter = (JsonFormatter if config.format == "json" else TextFormatter)(with_stack=with_stack)
    root = logging.getLogger()
    root.setLevel(level)
    # A record that cannot be written prints a traceback only at level debug.
    logging.raiseExceptions = with_stack
    stderr = StderrHandler(form=config.format)
    stderr.setFormatter(formatter)
    if quiet:
        stderr.setLevel(logging.WARNING)
    if config.file is None or config.include_stderr:
        root.addHandler(stderr)
    if config.file is not None:
        try:
            file = SharedFile(
                config.file, max_bytes=config.max_bytes, backup_count=config.backup_count
            )
        except OSError as error:
            fall_back(stderr, config.file, error)
        else:
            handler = FileHandler(file, stderr)
            handler.setFormatter(formatter)
            root.addHandler(handler)


def form_on_stderr() -> StderrForm:
    """The form of the records on stderr, including when the log file cannot be written."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, StderrHandler):
            return handler.form
    return "none"


def switch_off() -> None:
    """Logs nothing, not even from other packages: the command shows what matters."""
    root = logging.getLogger()
    root.addHandler(logging.NullHandler())
    root.setLevel(logging.CRITICAL)
