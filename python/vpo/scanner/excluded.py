"""Known files that the rules of a scan leave out. Their records stay, unless they are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vpo.base.paths import StoredPath, display, from_stored, is_within, join, to_stored
from vpo.db import counts, file_facts
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import files as file_table
from vpo.db import root_rules as rules_table
from vpo.db.file_changes import FileChange
from vpo.places import rules
from vpo.scanner.state import ScanState


class Excluded(NamedTuple):
    """A known file that the rules leave out."""

    id: int
    directory: StoredPath
    name: StoredPath
    scan_status: str


def have_rules_changed(state: ScanState) -> bool:
    """Whether the rules differ from those of the last scan, and there are records they may
    leave out. Ask before the scan records anything."""
    if not file_table.knows_files(state.connection, state.root):
        return False
    last = rules_table.last_rules(state.connection, to_stored(state.root))
    return last != rules.to_json(state.options.rules)


def knows_selected_files(state: ScanState) -> bool:
    """Whether the catalogue has files below the root that its rules select."""
    follow = state.options.rules.follow_symlinks
    selects = rules.selector(state.rules, state.root, follow_symlinks=follow)
    return any(
        file.scan_status != "missing" and selects(file.directory, file.name, file.is_symlink)
        for file in file_table.files_below(state.connection, state.root)
    )


def find(state: ScanState, *, device: int) -> Iterator[Excluded]:
    """The known files below the root that its rules leave out.

    Files that belong to another root, too, are not among them: its rules may select them.
    `device` is the `st_dev` of the root.
    """
    if root_above(state) is not None:
        return
    settings, connection = state.options.rules, state.connection
    follow = settings.follow_symlinks
    selects = rules.selector(state.rules, state.root, follow_symlinks=follow)
    others = _roots_inside(state)
    filesystem = state.filesystem(to_stored(state.root), device)
    for file in file_table.files_below(connection, state.root):
        path = from_stored(file.directory)
        is_of_other = any(is_within(path, other) for other in others)
        is_elsewhere = settings.one_file_system and None not in (filesystem, file.filesystem_id)
        if is_of_other:
            continue
        if (
            (is_elsewhere and file.filesystem_id != filesystem)
            or (file.via_symlink and not follow)
            or not selects(file.directory, file.name, file.is_symlink)
        ):
            yield Excluded(file.id, file.directory, file.name, file.scan_status)


def note(state: ScanState, *, device: int) -> None:
    """Counts the files that the rules leave out, but for missing ones."""
    found = (file for file in find(state, device=device) if file.scan_status != "missing")
    state.result.excluded = sum(1 for _ in found)


def forget(state: ScanState, *, device: int) -> None:
    """Deletes the records of files that the rules leave out. In a transaction.

    In a dry run, only says which.
    """
    above = root_above(state)
    if above is not None:
        state.result.warnings.append(
            f"`{display(to_stored(state.root))}` lies in the root `{display(above)}`, to which its"
            " records belong, too. Nothing was forgotten: exclude the files there."
        )
        return
    found = list(find(state, device=device))
    for file in found:
        state.affect("pruned", file.directory, file.name)
    if state.options.dry_run:
        return
    change_table.add_changes(
        state.connection,
        state.job.number,
        (FileChange(file.id, "pruned", path=join(file.directory, file.name)) for file in found),
    )
    file_facts.delete(state.connection, (file.id for file in found))
    directory_table.delete_empty(state.connection, {file.directory for file in found})


def root_above(state: ScanState) -> StoredPath | None:
    """A root that contains the scanned directory, if there is one."""
    for root in counts.list_roots(state.connection):
        place = from_stored(root.path)
        if place != state.root and is_within(state.root, place):
            return root.path
    return None


def _roots_inside(state: ScanState) -> list[bytes]:
    places = (from_stored(root.path) for root in counts.list_roots(state.connection))
    return [place for place in places if place != state.root and is_within(place, state.root)]
