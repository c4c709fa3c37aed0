"""Exports a manifest as a single file."""

from __future__ import annotations

from collections.abc import Callable

from vpo.manifest.entries import UnwritableNameError
from vpo.manifest.exporting import Export, check_any
from vpo.manifest.file_digests import files_with_digests
from vpo.manifest.formats import FORMATS


def export_lines(export: Export, write: Callable[[bytes], object]) -> None:
    """Writes a manifest of the catalogue's files below a directory, and fills in the result.

    Raises the errors of `files_with_digests` and `check_any`, and StoppedError if the work is
    stopped.
    """
    result = export.result
    form = FORMATS[result.format]
    header = form.header
    with files_with_digests(export, form.algorithms) as files:
        for file in files:
            try:
                line = form.line(file.name, file.size_bytes, file.digests)
            except UnwritableNameError as error:
                result.leave_out(file.path, f"is left out: {error}")
                continue
            write(header + line)
            header = b""
            result.files += 1
            result.size_bytes += file.size_bytes
    check_any(result)
