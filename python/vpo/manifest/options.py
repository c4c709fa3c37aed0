"""How a manifest is to be imported."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import Literal

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

    def to_json(self, root: bytes) -> str:
        """The options and the directory, for the job's record."""
        record = {**asdict(self), **to_json(to_stored(root), "directory")}
        return orjson.dumps(record).decode()

    @classmethod
    def from_json(cls, text: str) -> tuple[ImportOptions, bytes]:
        """Reads the options and the directory from a job's record.

        Raises JobConfigurationError if the record is not that of an import.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            record = orjson.loads(text)
            encoded = record.pop("directory_b64", None)
            directory: bytes = record.pop("directory").encode()
            if encoded is not None:
                directory = base64.b64decode(encoded)
            options: ImportOptions = TypeAdapter(cls).validate_python(record)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise JobConfigurationError(
                "The recorded options of this job are not those of an import",
                hint="Run `vpo verify import` again instead of retrying the job.",
            ) from error
        return options, directory
