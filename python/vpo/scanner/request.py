"""What a scan is asked to do."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field

import orjson

from vpo._engine import Rules
from vpo.base.errors import JobConfigurationError
from vpo.base.paths import to_stored
from vpo.config.models import ProberChoice, ScanConfig
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.kinds import KINDS
from vpo.places.rules import engine_rules


@dataclass(frozen=True)
class ScanOptions:
    """How a scan is done."""

    full: bool = False
    prune: bool = False
    prune_after_seconds: float | None = None
    """For how long files must be missing until `prune` deletes their records. None: any time."""
    forget_excluded: bool = False
    """Whether records of files that the rules leave out are deleted."""
    keep_rules: bool = False
    """Whether the rules are kept with the root for later scans."""
    dry_run: bool = False
    is_part: bool = False
    """Whether a directory that lies in a root stays a part of it and becomes no root itself."""
    allow_mass_removal: bool = False
    new_device: bool = False
    verify_hash: bool = False
    """Whether only a file's content decides if it changed. All content is read and verified."""
    retry_errors: bool = False
    """Whether files that could not be read are tried again though they have not changed."""
    prober: ProberChoice = "auto"
    ffprobe: str | None = None
    """The ffprobe that the settings name, if they do."""
    profile: str | None = None
    """The profile that the settings came from, for the job's record."""
    rules: ScanConfig = field(default_factory=ScanConfig)

    def to_json(self) -> str:
        """The options as the job's record has them."""
        record = asdict(self)
        # The job's path says where.
        del record["rules"]["directories"]
        return orjson.dumps(record).decode()

    @classmethod
    def from_json(cls, text: str) -> ScanOptions:
        """Reads a job's record. Raises JobConfigurationError if it does not describe a scan."""
        from pydantic import TypeAdapter, ValidationError

        try:
            options: ScanOptions = TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise JobConfigurationError(
                f"The recorded options of this job are not valid for a scan: {place}:"
                f" {problem['msg']}",
                hint="Scan the directory again instead of trying this job again.",
            ) from error
        return options


@dataclass(frozen=True)
class ScanRequest:
    """One directory to scan, and how."""

    root: bytes
    """Absolute, without links in it."""
    options: ScanOptions = field(default_factory=ScanOptions)

    def to_job(self) -> JobToRun:
        """The job that records the scan."""
        return JobToRun(KINDS["scan"], to_stored(self.root), self.options.to_json())

    def rules(self) -> Rules:
        """The engine's rules. Raises RuleError if one of them is wrong."""
        return engine_rules(self.root, self.options.rules)

    def covers(self, other: bytes) -> bool:
        """Whether a scan of this root also scans the directory `other`."""
        root = self.root.rstrip(b"/")
        if other == self.root or not other.startswith(root + b"/") or not os.path.isdir(other):
            return False
        is_elsewhere = os.stat(other).st_dev != os.stat(self.root).st_dev
        if self.options.rules.one_file_system and is_elsewhere:
            return False
        return self.rules().enters(other[len(root) + 1 :])
