"""What an import and an export of a manifest are asked to do."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from typing import BinaryIO, Literal

import orjson

from vpo.base.errors import JobConfigurationError
from vpo.base.paths import to_json, to_stored

Backslashes = Literal["auto", "separator", "name"]
"""What backslashes in names are: directory separators, or parts of names."""


@dataclass(frozen=True)
class ImportOptions:
    """How a manifest is to be read and checked."""

    format: str | None = None
    """None: vpo detects the format."""
    encoding: str | None = None
    """None: that of the byte-order mark or of `bagit.txt`; else names are used as bytes."""
    backslashes: Backslashes = "auto"
    complete: bool = False
    """Whether files that the manifest does not list are mismatches. In bags they always are."""
    threads: int = 0
    """0: chosen by device."""


@dataclass(frozen=True)
class ImportRequest:
    """A manifest to import."""

    manifest: bytes
    """A file, or the directory of a BagIt bag."""
    directory: bytes | None = None
    """What the names in it are relative to. None: the directory that the manifest is in."""
    options: ImportOptions = field(default_factory=ImportOptions)

    def to_json(self, directory: bytes) -> str:
        """The request as the job's record has it, with the directory that was found."""
        record = {**asdict(self.options), **to_json(to_stored(directory), "directory")}
        return orjson.dumps(record).decode()

    @classmethod
    def from_json(cls, manifest: bytes, text: str) -> ImportRequest:
        """Reads the request from a job's path and record.

        Raises JobConfigurationError if the record is not that of an import.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            record = orjson.loads(text)
            encoded = record.pop("directory_b64", None)
            directory: bytes = record.pop("directory").encode()
            if encoded is not None:
                directory = base64.b64decode(encoded)
            options: ImportOptions = TypeAdapter(ImportOptions).validate_python(record)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise JobConfigurationError(
                "The recorded options of this job are not valid for an import",
                hint="Run `vpo verify import` again instead of retrying the job.",
            ) from error
        return cls(manifest, directory, options)


@dataclass(frozen=True)
class ExportRequest:
    """A manifest to export."""

    directory: bytes
    """Absolute. The files below it are listed, with names relative to it."""
    format: str
    output: bytes | BinaryIO
    """The file or, for a bag, the directory to make; or a stream, which is written as it is."""
    kinds: tuple[str, ...] = ()
    """Empty: all."""
    threads: int = 0
    """0: chosen by device."""
    replaces: bool = False
    """Whether a file at `output` is replaced."""
