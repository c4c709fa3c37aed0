"""What a search for duplicates answers: groups, counts, and what was done to duplicates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from vpo.base.paths import to_json
from vpo.duplicates.models import Changes, Copy, Duplicates, Group
from vpo.duplicates.request import DuplicatesRequest
from vpo.jobs.record import LISTED_ISSUES, JobRecord, JobResult


@dataclass
class DuplicatesResult(JobResult):
    """The outcome of a search, and of the action if one was asked for."""

    request: DuplicatesRequest
    duplicates: Duplicates = field(default_factory=Duplicates)
    changes: Changes | None = None
    """None: no file was to be changed, or none has been reached yet."""

    @property
    def is_all_well(self) -> bool:
        """Whether all files could be compared, and changed if that was asked for."""
        return not (self.duplicates.issues or (self.changes and self.changes.issues))

    def in_words(self) -> str:
        """The counts that matter, in one line."""
        found = self.duplicates
        text = f"{found.copies:,} files in {len(found.groups):,} groups"
        return text if self.changes is None else f"{text}, {self.changes.names:,} changed"

    def to_change(self) -> list[Copy]:
        """The copies that the action changes."""
        keep = self.request.keep
        return [copy for group in self.duplicates.groups for copy in keep.copies_to_change(group)]

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        changes = self.changes or Changes()
        done = {} if self.changes is None else changes.counts()
        issues = [("read", each) for each in self.duplicates.issues]
        issues += [("act on", each) for each in changes.issues]
        return JobRecord(
            {**self.duplicates.counts(), **done},
            issues=[
                {**each.to_dict(), "operation": operation}
                for operation, each in issues[:LISTED_ISSUES]
            ],
            issue_count=len(issues),
        )

    def to_dict(self) -> dict[str, object]:
        """The result as JSON (see the command-line contract)."""
        found = self.duplicates
        return {
            "job_id": self.job_id,
            "groups": [self.group_to_dict(group) for group in found.groups],
            "sharing_storage": [self._group_to_dict(group, ()) for group in found.shared],
            "aliases": [self._group_to_dict(group, ()) for group in found.aliases],
            "totals": {
                "groups": len(found.groups),
                "files": found.copies,
                "wasted_bytes": found.wasted_bytes,
            },
            "left_out": {
                "changed_since_scan": found.changed,
                "damaged": found.damaged,
            },
            "files_read": found.files_read,
            "bytes_read": found.bytes_read,
            "issues": [issue.to_dict() for issue in found.issues],
            "action": self._action_to_dict(),
        }

    def _action_to_dict(self) -> dict[str, object] | None:
        if self.request.action is None:
            return None
        changes = self.changes or Changes()
        return {
            "action": self.request.action,
            "is_done": self.changes is not None,
            "files_done": changes.names,
            "bytes_done": changes.size_bytes,
            "issues": [issue.to_dict() for issue in changes.issues],
        }

    def group_to_dict(self, group: Group) -> dict[str, object]:
        """A group as JSON."""
        is_acted_on = self.request.action is not None
        to_change = self.request.keep.copies_to_change(group) if is_acted_on else ()
        return self._group_to_dict(group, to_change)

    def _group_to_dict(self, group: Group, to_change: Collection[Copy]) -> dict[str, object]:
        keep, action = self.request.keep, self.request.action
        first: dict[bytes, Copy] = {}
        for copy in group.copies:
            if copy.storage is not None:
                first.setdefault(copy.storage, copy)
        return {
            "size_bytes": group.size_bytes,
            "content_hash": group.content_hash,
            "wasted_bytes": group.wasted_bytes,
            "files": [
                {
                    **to_json(copy.path),
                    "mtime_ns": copy.mtime_ns,
                    "kept": number == 0 or keep.protects(copy),
                    "action": action if copy in to_change else None,
                    "shares_storage": copy.storage is not None and first[copy.storage] is not copy,
                    "is_alias": copy.is_alias,
                    "hard_links": [to_json(name.path) for name in copy.names[1:]],
                }
                for number, copy in enumerate(group.copies)
            ],
        }
