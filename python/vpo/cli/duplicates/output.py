"""Duplicates as text, JSON and CSV."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from vpo.base.paths import display, from_stored
from vpo.cli.app import App
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import for_terminal, json_encoder
from vpo.duplicates.models import Group
from vpo.duplicates.result import DuplicatesResult
from vpo.jobs.operations import OPERATIONS, DuplicatesAction

# So many groups are printed at a time. A write for each line would take longer than finding them.
GROUPS_AT_A_TIME = 500

# What stands before a path.
_NOTHING = " " * 8
_KEEP = "   keep "


def print_text(app: App, result: DuplicatesResult) -> None:
    """Prints the groups, and how much space they waste altogether."""
    # After an action only the counts matter. The list is longer, and would hide them.
    if result.changes is None or app.verbose:
        lines: list[str] = []
        for number, group in enumerate(result.duplicates.groups, 1):
            lines += _group_lines(app, result, group)
            if number % GROUPS_AT_A_TIME == 0:
                _write(lines)
                lines = []
        _write(lines)
    if not app.quiet:
        _write(_summary(result))


def _write(lines: list[str]) -> None:
    if lines:
        sys.stdout.write("\n".join([*lines, ""]))


def _group_lines(app: App, result: DuplicatesResult, group: Group) -> list[str]:
    wasted, size = human_size(group.wasted_bytes), human_size(group.size_bytes)
    lines = [app.paint(f"{wasted} wasted: {len(group.copies):,} files of {size}", "cyan")]
    action, keep = _action(result), result.request.keep
    to_change = keep.copies_to_change(group) if action is not None else []
    seen: set[bytes] = set()
    before = _KEEP
    for copy in group.copies:
        if action is not None and copy in to_change:
            before = f"  {action.verb:5} "
        elif keep.protects(copy):
            before = _KEEP
        line = before + display(copy.path)
        if copy.is_alias:
            line += "  (may be the same file as one above)"
        elif copy.storage is not None:
            if copy.storage in seen:
                line += "  (shares storage with a file above)"
            seen.add(copy.storage)
        lines.append(line)
        lines += (f"{_NOTHING}= {display(name.path)}" for name in copy.names[1:])
        before = _NOTHING
    lines.append("")
    return lines


def _action(result: DuplicatesResult) -> DuplicatesAction | None:
    name = result.request.action
    return None if name is None else OPERATIONS[name].duplicates


def _summary(result: DuplicatesResult) -> list[str]:
    found = result.duplicates
    if found.groups:
        lines = [
            f"{found.copies:,} files in {_count(len(found.groups), 'group')}:"
            f" {human_size(found.wasted_bytes)} wasted"
        ]
    else:
        lines = ["There are no duplicates"]
    if found.shared:
        count = _count(len(found.shared), "more group")
        lines.append(f"{count}: the files already share storage (reflinks)")
    if found.aliases:
        count = _count(len(found.aliases), "more group")
        lines.append(f"{count}: the paths may lead to one file, so nothing is wasted")
    if found.changed:
        verb = "has" if found.changed == 1 else "have"
        lines.append(
            f"Left out: {_count(found.changed, 'file')} that {verb} changed or disappeared since"
            " the last scan. Scan again"
        )
    if found.damaged:
        verb = "is" if found.damaged == 1 else "are"
        lines.append(
            f"Left out: {_count(found.damaged, 'file')} that {verb} known to be damaged. See"
            " `vpo verify status`"
        )
    return lines


def plan_text(result: DuplicatesResult) -> str:
    """What the action would do, and that nothing was done."""
    action = _action(result)
    assert action is not None
    names = sum(len(copy.names) for copy in result.to_change())
    if not names:
        return "\nThere is nothing to do"
    plan = action.plan.format(files=_count(names, "file"))
    return f"\nNothing was changed. Add `--yes` to {plan}"


def done_text(result: DuplicatesResult) -> str:
    """What was done, and how to undo it."""
    action, changes = _action(result), result.changes
    assert action is not None
    assert changes is not None
    job = (result.job_id or "")[:8]
    if not changes.names:
        return f"\nNothing was changed (job: {job})"
    done = action.done.format(
        files=_count(changes.names, "file"), size=human_size(changes.size_bytes)
    )
    kind = OPERATIONS[result.request.action or ""]
    undo = f"\nTo undo this: `vpo undo {job}`" if kind.can_be_undone else ""
    return f"\n{done} (job: {job}){undo}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# -- For programs ----------------------------------------------------------------


def print_json(_app: App, result: DuplicatesResult) -> None:
    """Prints one document."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_encoder()(result.to_dict()) + b"\n")


def print_jsonl(_app: App, result: DuplicatesResult) -> None:
    """Prints an object for each group."""
    encode = json_encoder()
    sys.stdout.flush()
    sys.stdout.buffer.writelines(
        encode(result.group_to_dict(group)) + b"\n" for group in result.duplicates.groups
    )


def print_csv(_app: App, result: DuplicatesResult) -> None:
    """Prints a row for each name, as in RFC 4180. A path has the bytes that it has on the disk."""
    import csv
    import io

    keep = result.request.keep
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("group", "role", "size_bytes", "mtime_ns", "content_hash", "path"))
    for number, group in enumerate(result.duplicates.groups, 1):
        for place, copy in enumerate(group.copies):
            role = "kept" if place == 0 or keep.protects(copy) else "duplicate"
            for name in copy.names:
                # No path can be taken for a formula: all of them begin with a slash.
                path = from_stored(name.path).decode(errors="surrogateescape")
                facts = (group.size_bytes, copy.mtime_ns, group.content_hash, path)
                writer.writerow((number, role, *facts))
                role = "link"
    sys.stdout.flush()
    data = out.getvalue().encode(errors="surrogateescape")
    if sys.stdout.isatty():
        data = for_terminal(data.decode(errors="backslashreplace")).encode()
    sys.stdout.buffer.write(data)


OUTPUTS: Mapping[str | None, Callable[[App, DuplicatesResult], None]] = {
    None: print_text,
    "json": print_json,
    "jsonl": print_jsonl,
    "csv": print_csv,
}
