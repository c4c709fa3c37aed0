"""What a check of files is asked to do."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from typing import Literal

import orjson

from vpo.base.errors import JobConfigurationError
from vpo.base.paths import to_json, to_stored

BudgetUnit = Literal["seconds", "bytes", "percent"]


@dataclass(frozen=True)
class Budget:
    """When a check stops starting files."""

    amount: float
    unit: BudgetUnit


@dataclass(frozen=True)
class VerifyOptions:
    """Which files a check reads, and how."""

    older_than_seconds: float | None = None
    """Only files that were last verified longer ago than this, or never."""
    only_new: bool = False
    """Only files without a digest of their whole content."""
    kinds: tuple[str, ...] = ()
    budget: Budget | None = None
    max_rate: int | None = None
    """Bytes per second."""
    threads: int | None = None
    """None: chosen by device."""
    nice: bool = False
    """Whether other programs have processor and disk first."""


@dataclass(frozen=True)
class VerifyRequest:
    """Directories and files to check. None: all that the catalogue knows."""

    paths: tuple[bytes, ...] = ()
    options: VerifyOptions = field(default_factory=VerifyOptions)

    def to_json(self) -> str:
        """The request as the job's record has it."""
        listed: list[object] = []
        for path in map(to_stored, self.paths):
            listed.append(path if isinstance(path, str) else to_json(path))
        return orjson.dumps({**asdict(self.options), "directories": listed}).decode()

    @classmethod
    def from_json(cls, text: str) -> VerifyRequest:
        """Reads a job's record. Raises JobConfigurationError if it does not describe a check."""
        from pydantic import TypeAdapter, ValidationError

        problem = "directories"
        try:
            record = orjson.loads(text)
            paths = tuple(
                each.encode() if isinstance(each, str) else base64.b64decode(each["path_b64"])
                for each in record.pop("directories")
            )
            options: VerifyOptions = TypeAdapter(VerifyOptions).validate_python(record)
        except ValidationError as error:
            problem = ".".join(str(part) for part in error.errors()[0]["loc"])
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        else:
            return cls(paths, options)
        raise JobConfigurationError(
            f"The recorded options of this job are not valid for a check: {problem}",
            hint="Run `vpo verify` again instead of trying this job again.",
        )
