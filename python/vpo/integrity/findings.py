"""Findings of a check: files that are not as they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vpo.base import times
from vpo.base.paths import StoredPath, display, to_json
from vpo.integrity.classify import Verdict
from vpo.places.read_errors import is_of_the_medium

_NO_CTIME = {
    "unknown": "earlier ctime unknown",
    "none": "its file system has no ctime of its own",
}


@dataclass(frozen=True)
class Finding:
    """A file that is not as it should be, and how."""

    path: StoredPath
    verdict: Verdict
    digest_recorded: str | None = None
    recorded_at: str | None = None
    digest_found: str | None = None
    ctime: Literal["known", "unknown", "none"] = "known"
    """Whether the ctime can show that a program wrote the file: the earlier one is known, it is
    not, or the file system has none."""
    modified_since: tuple[str, str] | None = None
    """If the file was modified since it was damaged: what was found, and when."""
    message: str | None = None
    """What the system reported."""
    errno: int | None = None
    offset: int | None = None

    @property
    def is_damage(self) -> bool:
        """Whether the content is not what it was, or the medium cannot return it."""
        if self.verdict == "unreadable":
            return is_of_the_medium(self.errno)
        return self.verdict in ("rotted", "rewritten")

    def __str__(self) -> str:
        said = "is damaged" if self.is_damage else f"is {self.verdict}"
        if self.verdict == "unreadable":
            said = "cannot be read"
            if self.offset is not None:
                said += f" at byte {self.offset:,}"
        why = self.why()
        return f"`{display(self.path)}` {said}" + (f": {why}" if why else "")

    def why(self) -> str | None:
        """The evidence, in words."""
        if self.verdict in ("rotted", "rewritten"):
            then = f" on {times.to_local_text(self.recorded_at)}" if self.recorded_at else ""
            if self.modified_since is not None:
                damage, found_at = self.modified_since
                found = f"was found {damage} on {times.to_local_text(found_at)}"
                return f"its content is not what it was{then}; it {found} and was modified later"
            evidence = "no program wrote to the file: size, mtime and ctime are the same"
            if self.verdict == "rewritten":
                evidence = (
                    "a program wrote to the file and set the mtime back: the ctime has changed"
                )
                if self.ctime != "known":
                    evidence = (
                        f"vpo cannot tell whether a program wrote it: {_NO_CTIME[self.ctime]}"
                    )
            return f"its content is not what it was{then}, and {evidence}"
        if self.verdict == "changing":
            return "a program wrote it while vpo read it"
        return self.message

    def to_dict(self) -> dict[str, object]:
        """The finding as JSON."""
        return {
            **to_json(self.path),
            "finding": "damaged" if self.verdict in ("rotted", "rewritten") else self.verdict,
            "damage": self.verdict if self.is_damage else None,
            "digest_recorded": self.digest_recorded,
            "recorded_at": times.with_z(self.recorded_at),
            "digest_found": self.digest_found,
            "errno": self.errno,
            "offset": self.offset,
            # `vpo jobs show` has this key for every kind of job.
            "operation": "read" if self.verdict == "unreadable" else "verify",
            "message": self.why() or "it is not there",
        }
