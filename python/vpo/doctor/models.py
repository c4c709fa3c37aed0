"""What the doctor is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vpo.config.models import Config

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class DoctorRequest:
    """What the doctor checks."""

    environment: Mapping[str, str]
    config: Config
    """The settings in effect, or the defaults if the settings have mistakes."""
    library_path: str
    config_path: str | None = None
    """The config file that the user named, if any."""
    full: bool = False
    """Whether to read the whole catalogue for damage, which takes as long as reading the file."""


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check, and what to do about it."""

    code: str
    level: Level
    message: str
    advice: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The diagnosis as JSON."""
        return {
            "code": self.code,
            "level": self.level,
            "message": self.message,
            "advice": self.advice,
        }


@dataclass(frozen=True)
class DoctorResult:
    """All diagnoses, in the order of the checks."""

    diagnoses: tuple[Diagnosis, ...]

    @property
    def level(self) -> Level:
        """The worst level of all diagnoses."""
        levels = {diagnosis.level for diagnosis in self.diagnoses}
        return "error" if "error" in levels else "warning" if "warning" in levels else "ok"

    def to_dict(self) -> dict[str, object]:
        """The result as JSON."""
        return {"findings": [diagnosis.to_dict() for diagnosis in self.diagnoses]}
