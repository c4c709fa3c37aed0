"""Duplicates as text, JSON and CSV."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vpo.base.paths import display, from_stored, to_json
from vpo.cli.app import App
from vpo.cli.output.sizes import human_size
from vpo.duplicates.keep_rules import Keeping
from vpo.duplicates.models import Action, Copy, Group

if TYPE_CHECKING:
    from vpo.duplicates.run import Outcome

# What stands before a path that the action is for.
_VERBS: Mapping[Action, str] = {"hardlink": "link ", "reflink": "share", "trash": "trash"}

# Groups that are printed at once: a write for each line would take longer than finding them.
GROUPS_AT_ONCE = 500


def print_text(app: App, outcome: Outcome, keeping: Keeping, action: Action | None) -> None:
    """Prints the groups, and what they waste in all."""
    # What was done is said by who did it; a list of it would hide that.
    if outcome.actions is None or app.verbose:
        lines: list[str] = []
        for number, group in enumerate(outcome.findings.groups, 1):
            lines += _group_lines(app, group, keeping, action)
            if number % GROUPS_AT_ONCE == 0:
                _write(lines)
                lines = []
        _write(lines)
    if not app.quiet:
        _write(_summary(outcome))


def _write(lines: list[str]) -> None:
    if lines:
        sys.stdout.write("\n".join([*lines, ""]))


def _group_lines(app: App, group: Group, keeping: Keeping, action: Action | None) -> list[str]:
    wasted, size = human_size(group.wasted_bytes), human_size(group.size_bytes)
    lines = [app.paint(f"{wasted} wasted: {len(group.copies):,} files of {size}", "cyan")]
    doomed = keeping.doomed(group) if action is not None else []
    seen: set[bytes] = set()
    before = "   keep "
    for copy in group.copies:
        if doomed and copy in doomed:
            assert action is not None
            before = f"  {_VERBS[action]} "
        elif keeping.protects(copy):
            before = "   keep "
        line = before + display(copy.path)
        if copy.storage is not None:
            if copy.storage in seen:
                line += "  (shares its storage)"
            seen.add(copy.storage)
        lines.append(line)
        lines += (f"        = {display(name.path)}" for name in copy.names[1:])
        before = "        "
    lines.append("")
    return lines


def _summary(outcome: Outcome) -> list[str]:
    findings = outcome.findings
    copies = sum(len(group.copies) for group in findings.groups)
    if findings.groups:
        lines = [
            f"{_count(len(findings.groups), 'group')} of {copies:,} equal files:"
            f" {human_size(findings.wasted_bytes)} wasted"
        ]
    else:
        lines = ["There are no duplicates"]
    if findings.shared:
        said = "has its storage" if len(findings.shared) == 1 else "have their storage"
        lines.append(f"{_count(len(findings.shared), 'group')} more {said} in common already")
    if findings.changed:
        said = "has changed" if findings.changed == 1 else "have changed"
        lines.append(
            f"Left out: {_count(findings.changed, 'file')} that {said} or gone since the last"
            " scan; scan again"
        )
    if findings.damaged:
        said = "is" if findings.damaged == 1 else "are"
        lines.append(
            f"Left out: {_count(findings.damaged, 'file')} that {said} known to be damaged;"
            " see `vpo verify status`"
        )
    return lines


def plan_text(outcome: Outcome, keeping: Keeping, action: Action) -> str:
    """What would be done, and that it was not."""
    groups = outcome.findings.groups
    doomed = [copy for group in groups for copy in keeping.doomed(group)]
    names = sum(len(copy.names) for copy in doomed)
    if not doomed:
        return "\nThere is nothing to do"
    what = {
        "hardlink": f"make {_count(names, 'file')} hard links of those that are kept",
        "reflink": f"have {_count(names, 'file')} share the storage of those that are kept",
        "trash": f"move {_count(names, 'file')} to the trash",
    }[action]
    return f"\nNothing was done. Add `--yes` to {what}"


def done_text(outcome: Outcome, action: Action) -> str:
    """What was done, and how to undo it."""
    assert outcome.actions is not None
    done, size = outcome.actions.done, human_size(outcome.actions.bytes)
    files, job = _count(done, "file"), (outcome.job_id or "")[:8]
    if not done:
        return f"\nNothing was done (job: {job})"
    undo = f"\nTo undo it: `vpo undo {job}`"
    is_one = done == 1
    return {
        "hardlink": f"\n{files} {'is a hard link' if is_one else 'are hard links'} now,"
        f" {size} are free (job: {job}){undo}",
        "reflink": f"\n{files} {'shares' if is_one else 'share'} storage now,"
        f" {size} are free (job: {job})",
        "trash": f"\n{files} moved to the trash (job: {job})."
        f" {size} will be free when it is emptied{undo}",
    }[action]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# -- JSON ------------------------------------------------------------------------


def print_json(_app: App, outcome: Outcome, keeping: Keeping, action: Action | None) -> None:
    """Prints the one document."""
    import orjson

    findings = outcome.findings
    document = {
        "job_id": outcome.job_id,
        "groups": [_group_to_dict(group, keeping, action) for group in findings.groups],
        "sharing_storage": [_group_to_dict(shared, keeping, None) for shared in findings.shared],
        "totals": {
            "groups": len(findings.groups),
            "files": sum(len(group.copies) for group in findings.groups),
            "wasted_bytes": findings.wasted_bytes,
        },
        "left_out": {
            "changed_since_scan": findings.changed,
            "damaged": findings.damaged,
        },
        "files_read": findings.files_read,
        "bytes_read": findings.bytes_read,
        "issues": [problem.to_dict() for problem in findings.problems],
        "action": None if action is None else _action_to_dict(outcome, action),
    }
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(document) + b"\n")


def _action_to_dict(outcome: Outcome, action: Action) -> dict[str, object]:
    done = outcome.actions
    return {
        "action": action,
        "is_done": done is not None,
        "files_done": 0 if done is None else done.done,
        "bytes_done": 0 if done is None else done.bytes,
        "issues": [] if done is None else [issue.to_dict() for issue in done.issues],
    }


def _group_to_dict(group: Group, keeping: Keeping, action: Action | None) -> dict[str, object]:
    doomed = keeping.doomed(group) if action is not None else []
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
                "kept": number == 0 or keeping.protects(copy),
                "action": action if copy in doomed else None,
                "shares_storage": copy.storage is not None and first[copy.storage] is not copy,
                "hard_links": [to_json(name.path) for name in copy.names[1:]],
            }
            for number, copy in enumerate(group.copies)
        ],
    }


def print_jsonl(_app: App, outcome: Outcome, keeping: Keeping, action: Action | None) -> None:
    """Prints an object for each group."""
    import orjson

    sys.stdout.flush()
    sys.stdout.buffer.writelines(
        orjson.dumps(_group_to_dict(group, keeping, action)) + b"\n"
        for group in outcome.findings.groups
    )


def print_csv(_app: App, outcome: Outcome, keeping: Keeping, _action: Action | None) -> None:
    """Prints a row for each name, as RFC 4180 has it; a path is the bytes that it is."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("group", "role", "size_bytes", "mtime_ns", "content_hash", "path"))
    for number, group in enumerate(outcome.findings.groups, 1):
        for place, copy in enumerate(group.copies):
            role = "kept" if place == 0 or keeping.protects(copy) else "duplicate"
            for name in copy.names:
                # No path is a formula: all of them begin with a slash.
                path = from_stored(name.path).decode(errors="surrogateescape")
                facts = (group.size_bytes, copy.mtime_ns, group.content_hash, path)
                writer.writerow((number, role, *facts))
                role = "link"
    sys.stdout.flush()
    sys.stdout.buffer.write(out.getvalue().encode(errors="surrogateescape"))


OUTPUTS: Mapping[str | None, Callable[[App, Any, Keeping, Action | None], None]] = {
    None: print_text,
    "json": print_json,
    "jsonl": print_jsonl,
    "csv": print_csv,
}
