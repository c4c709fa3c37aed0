"""What an analysis of a collection is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import orjson

from vpo.base.errors import JobConfigurationError

Tool = Literal["photostats", "photo_pairing", "pipeline_validation"]
TOOLS: tuple[Tool, ...] = ("photostats", "photo_pairing", "pipeline_validation")


@dataclass(frozen=True)
class AnalysisRequest:
    """An analysis of a collection."""

    tool: Tool
    collection: str
    """Name or id."""
    pipeline: str | None = None
    """Name or id. None: the active one. Only for `pipeline_validation`."""
    terminations: tuple[str, ...] = ()
    """The labels of the terminations to judge by; none: all. Only for `pipeline_validation`."""
    reads_xmp: bool = False
    """Whether the metadata in XMP sidecars are read. Only for `photostats`."""
    config_file: str | None = None
    """The file that `--config` names. Its settings of photo collections come first."""
    refresh: bool = False
    """Whether the place is scanned first, even if its listing is new."""
    scan: bool = True
    """Whether the place is scanned first, if its listing is old. If not, only records are used."""

    def to_json(self) -> str:
        """The request as the job's record has it."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> AnalysisRequest:
        """Reads a job's record. Raises JobConfigurationError if it describes no analysis."""
        from pydantic import TypeAdapter, ValidationError

        try:
            request: AnalysisRequest = TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise JobConfigurationError(
                f"The recorded options of this job are not valid for an analysis: {place}",
                hint="Run `vpo analyze` again instead of trying this job again.",
            ) from error
        return request
