"""The export of a manifest: a file, lines for a stream, or a BagIt bag."""

from __future__ import annotations

import time

from vpo.base.atomic_file import NewFile
from vpo.base.errors import NothingToListError
from vpo.db.library import Library
from vpo.jobs.context import Context
from vpo.manifest.bag_export import check_place, export_bag
from vpo.manifest.exporting import Export, check_directory
from vpo.manifest.file_export import export_lines
from vpo.manifest.formats import BAGIT
from vpo.manifest.request import ExportRequest
from vpo.manifest.results import ExportResult
from vpo.places.beneath import roots_of

STDOUT = b"-"


def check(request: ExportRequest) -> None:
    """Raises an error if the export cannot be made, whatever the catalogue has."""
    check_directory(request.directory)
    if request.format == BAGIT:
        assert isinstance(request.output, bytes)
        check_place(request.directory, request.output)


def run(library: Library, request: ExportRequest, context: Context) -> ExportResult:
    """Writes a manifest of the catalogue's files below a directory. It is not a job.

    Raises NothingToListError, with the result as its `result`, if no file can be listed;
    VpoError if the manifest cannot be written; StoppedError. Then nothing is left of it.
    """
    output = request.output if isinstance(request.output, bytes) else STDOUT
    result = ExportResult(request.directory, request.format, output)
    export = Export(library, request, context, result, roots_of(library.connection))
    try:
        if request.format == BAGIT:
            export_bag(export, output)
        elif isinstance(request.output, bytes):
            with NewFile(output, replaces=request.replaces) as file:
                export_lines(export, file.write)
                file.finish()
        else:
            export_lines(export, request.output.write)
            request.output.flush()
    except NothingToListError as error:
        error.result = result
        raise
    result.duration_seconds = time.monotonic() - result.started_at
    return result
