"""The content of a file of settings, which may be anything: a pipe, or very large."""

from __future__ import annotations

import os
import stat

from vpo.base.errors import ConfigError
from vpo.base.paths import display

# People write settings by hand. A larger file is some other file.
MAX_BYTES = 1_000_000


def content_of(path: str, *, name: str) -> bytes:
    """The content of the file at `path`, at most one byte more than `MAX_BYTES`.

    `name` is what to call the file. Raises ConfigError if it cannot be read.
    """
    try:
        content = _read(path)
    except OSError as error:
        raise ConfigError(
            f"The {name} `{display(path)}` cannot be read: {error.strerror}",
            hint="Check the path and its permissions.",
            reason=error.strerror,
        ) from error
    if content is None:
        reason = "it is a pipe, and no program writes to it"
        raise ConfigError(
            f"The {name} `{display(path)}` cannot be read: {reason}",
            hint="Put a regular file there, or name another path.",
            reason=reason,
        )
    return content


def _read(path: str) -> bytes | None:
    """A file's content; None for a pipe without a writer."""
    # Opening a named pipe would wait for a writer, and there may never be one.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        os.set_blocking(descriptor, True)
        content = file.read(MAX_BYTES + 1)
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    return None if is_pipe and not content else content
