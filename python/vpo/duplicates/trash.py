"""The trash on the disk: moves a file there and back, as desktops do.

FreeDesktop.org Trash specification 1.0: the home trash for files on the same file system, else
`.Trash/UID` or `.Trash-UID` at the top of the file's own. A file is renamed, never copied, so
its space is free when the trash is emptied.
"""

from __future__ import annotations

import os
import stat
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from vpo.base.errors import (
    ActionError,
    UndoChangedError,
    UndoError,
    UndoGoneError,
    UndoOccupiedError,
)
from vpo.base.paths import StoredPath, display, from_json, from_stored, to_json, to_stored
from vpo.duplicates.aliases import is_still_there
from vpo.duplicates.safe_open import Identity, OpenFile, changed, move_to_free_place

_SUFFIX = b".trashinfo"
_MOST_NAME_BYTES = 255


class _Trash(NamedTuple):
    directory: bytes
    top: bytes | None
    """The directory that the paths in it are relative to. None: they are absolute."""


def prepare(duplicate: OpenFile) -> dict[str, object]:
    """Which trash the file belongs into. Creates nothing. Raises ActionError if there is none."""
    trash = _trash_of(duplicate)
    return {
        **to_json(to_stored(trash.directory), "trash"),
        "is_home": trash.top is None,
        "before": duplicate.identity._asdict(),
    }


def move(kept: OpenFile, duplicate: OpenFile, facts: Mapping[str, Any], operation_id: str) -> None:
    """Moves the file to the trash. They were compared just before.

    Raises ActionError if it is not done: the file is where it was. Raises OSError if it may
    have been done: `settle` finds out.
    """
    trash = from_stored(from_json(facts, "trash"))
    top = None if facts["is_home"] else _top_of(trash)
    try:
        files, info = _open(trash)
    except OSError as error:
        raise _cannot(duplicate, error) from error
    try:
        for name in names_in_trash(duplicate.name, operation_id):
            if _move(kept, duplicate, (files, info), name, top):
                return
        raise ActionError(
            f"The trash `{display(to_stored(trash))}` has no free name for `{_shown(duplicate)}`",
            reason="system",
        )
    finally:
        os.close(files)
        os.close(info)


def names_in_trash(name: bytes, operation_id: str) -> tuple[bytes, bytes]:
    """The names a file may get in the trash: its own, or a similar one if that is taken."""
    most = _MOST_NAME_BYTES - len(_SUFFIX)
    stem, extension = os.path.splitext(name)
    addition = b"." + operation_id.replace("-", "").encode() + extension[-32:]
    return name[:most], stem[: most - len(addition)] + addition


def _move(
    kept: OpenFile,
    duplicate: OpenFile,
    trash: tuple[int, int],
    name: bytes,
    top: bytes | None,
) -> bool:
    """Moves the file into the trash under a name. False: the name is taken."""
    files, info = trash
    # The note comes first, because it reserves the name.
    try:
        _write_note(info, name + _SUFFIX, _info(duplicate.path, top))
    except FileExistsError:
        return False
    except OSError as error:
        raise _cannot(duplicate, error) from error
    is_moved = False
    try:
        try:
            duplicate.check_unchanged()
            duplicate.check_in_place()
            kept.check_in_place()
            # The note reserves the name.
            move_to_free_place(
                (duplicate.directory, duplicate.name), (files, name), is_reserved=True
            )
        except FileExistsError:
            return False
        except OSError as error:
            raise _cannot(duplicate, error) from error
        is_moved = True
        # Another file may have taken the name after the last check. And the two paths may
        # lead to one file: then the kept one is gone as well.
        now = os.fstat(duplicate.descriptor)
        is_the_file = duplicate.is_at(files, name) and Identity.of(now) == duplicate.identity
        if is_the_file and is_still_there(kept):
            return True
        move_to_free_place((files, name), (duplicate.directory, duplicate.name))
        is_moved = False
        raise changed(kept.path if is_the_file else duplicate.path)
    finally:
        if not is_moved:
            os.unlink(name + _SUFFIX, dir_fd=info)


def _write_note(directory: int, name: bytes, content: bytes) -> None:
    """Creates a file in an open directory. It never exists without its whole content.

    Raises FileExistsError if the name is taken, OSError if it cannot be created.
    """
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        # It has no name until its content is written.
        note = os.open(b".", flags | os.O_TMPFILE, 0o600, dir_fd=directory)
    except (OSError, AttributeError):
        # The system or the file system does not support that.
        note = -1
    if note >= 0:
        try:
            os.write(note, content)
            os.link(f"/proc/self/fd/{note}", name, dst_dir_fd=directory)
            return
        except FileExistsError:
            raise
        except OSError:
            # There is no /proc, or there are no links: try again, with a name from the start.
            pass
        finally:
            os.close(note)
    note = os.open(name, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    try:
        os.write(note, content)
    except OSError:
        os.unlink(name, dir_fd=directory)
        raise
    finally:
        os.close(note)


def _info(path: bytes, top: bytes | None) -> bytes:
    shown = path if top is None else os.path.relpath(path, top)
    quoted = urllib.parse.quote_from_bytes(shown, safe="/")
    now = datetime.now().replace(microsecond=0).isoformat()
    return f"[Trash Info]\nPath={quoted}\nDeletionDate={now}\n".encode()


# -- Where -----------------------------------------------------------------------


def _trash_of(file: OpenFile) -> _Trash:
    device = file.status.st_dev
    home = _home_trash()
    if os.stat(_nearest(home)).st_dev == device:
        return _Trash(home, None)
    top = _top(file)
    shared = os.path.join(top, b".Trash")
    uid = str(os.getuid()).encode()
    try:
        status = os.lstat(shared)
    except OSError:
        status = None
    if status is not None and stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return _Trash(os.path.join(shared, uid), top)
    return _Trash(os.path.join(top, b".Trash-" + uid), top)


def _home_trash() -> bytes:
    data = os.environb.get(b"XDG_DATA_HOME", b"")
    # The specification of the base directories ignores relative ones.
    if not data.startswith(b"/"):
        data = os.path.join(os.path.expanduser(b"~"), b".local", b"share")
    return os.path.join(data, b"Trash")


def _nearest(path: bytes) -> bytes:
    """The path, or the nearest directory above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _top(file: OpenFile) -> bytes:
    """The directory at the top of a file's file system."""
    top = os.path.realpath(os.path.dirname(file.path))
    while top != b"/":
        above = os.path.dirname(top)
        if os.lstat(above).st_dev != file.status.st_dev:
            break
        top = above
    return top


def _top_of(trash: bytes) -> bytes:
    """The directory that the paths in a trash are relative to, if it is not the home trash."""
    above, name = os.path.split(trash)
    return above if name.startswith(b".Trash-") else os.path.dirname(above)


def _open(trash: bytes) -> tuple[int, int]:
    """Opens `files` and `info` of a trash. Creates what does not exist yet. Raises OSError."""
    os.makedirs(os.path.dirname(trash), mode=0o700, exist_ok=True)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    _make_directory(trash, None)
    directory = os.open(trash, flags)
    try:
        if os.fstat(directory).st_uid != os.getuid():
            raise PermissionError(1, "the trash belongs to another user", trash)
        opened: list[int] = []
        try:
            for name in (b"files", b"info"):
                _make_directory(name, directory)
                opened.append(os.open(name, flags, dir_fd=directory))
        except OSError:
            for each in opened:
                os.close(each)
            raise
        return opened[0], opened[1]
    finally:
        os.close(directory)


def _make_directory(path: bytes, directory: int | None) -> None:
    try:
        os.mkdir(path, 0o700, dir_fd=directory)
    except FileExistsError:
        return


# -- Back ------------------------------------------------------------------------


def settle(path: StoredPath, facts: Mapping[str, Any], operation_id: str) -> bool:
    """Whether a file is in the trash, after moving it there or back was interrupted.

    If it is not, removes what the move left in the trash.

    Raises OSError if the trash cannot be looked at.
    """
    trash = from_stored(from_json(facts, "trash"))
    if find(path, facts, operation_id) is not None:
        return True
    top = None if facts["is_home"] else _top_of(trash)
    for name in names_in_trash(os.path.basename(from_stored(path)), operation_id):
        _remove_info_of(trash, name, path, top)
    return False


def _remove_info_of(trash: bytes, name: bytes, path: StoredPath, top: bytes | None) -> None:
    """Removes a note about this file, if the trash has a note but not the file."""
    if not os.path.lexists(os.path.join(trash, b"files", name)) and (
        _has_note_about(trash, name, path, top)
    ):
        os.unlink(_info_path(trash, name))


def _has_note_about(trash: bytes, name: bytes, path: StoredPath, top: bytes | None) -> bool:
    """Whether the note of a name in the trash says that its file was at this path."""
    try:
        with open(_info_path(trash, name), "rb") as note:
            about = _info(from_stored(path), top).splitlines()[1]
            return about in note.read(64 * 1024).splitlines()
    except OSError:
        return False


def _info_path(trash: bytes, name: bytes) -> bytes:
    return os.path.join(trash, b"info", name + _SUFFIX)


def find(path: StoredPath, facts: Mapping[str, Any], operation_id: str) -> bytes | None:
    """Finds the file in the trash, and returns its name there. None: it is not in the trash.

    Its inode shows that it is the file. On FUSE, files get new inodes with each mount. There, the
    note in the trash, the size and the mtime show it.
    """
    trash = from_stored(from_json(facts, "trash"))
    top = None if facts["is_home"] else _top_of(trash)
    before = facts["before"]
    for name in names_in_trash(os.path.basename(from_stored(path)), operation_id):
        try:
            status = os.lstat(os.path.join(trash, b"files", name))
        except FileNotFoundError:
            continue
        if status.st_ino == before["inode"]:
            return name
        seen = Identity.of(status)
        if (seen.size_bytes, seen.mtime_ns) == (before["size_bytes"], before["mtime_ns"]) and (
            _has_note_about(trash, name, path, top)
        ):
            return name
    return None


def put_back(
    path: StoredPath,
    facts: Mapping[str, Any],
    operation_id: str,
    has_content: Callable[[bytes], bool],
) -> os.stat_result:
    """Moves the file back to where it was, and returns its status.

    `has_content` reads the file at a path, and returns whether its content is that of the file.
    It is asked if the inode is another one.

    Raises UndoError if it is not done, OSError if it may have been done: `settle` finds out.
    """
    shown = display(path)
    trash = from_stored(from_json(facts, "trash"))
    try:
        name = find(path, facts, operation_id)
    except OSError as error:
        raise _not_back(path, error) from error
    if name is None:
        raise UndoGoneError(
            f"`{shown}` is not in the trash any more",
            hint=f"It was in `{display(to_stored(trash))}`.",
            path=shown,
        )
    try:
        file = OpenFile(os.path.join(trash, b"files", name))
    except ActionError as error:
        raise UndoGoneError(error.message, path=shown) from error
    with file:
        before = facts["before"]
        now = file.identity
        if (now.size_bytes, now.mtime_ns) != (before["size_bytes"], before["mtime_ns"]):
            raise UndoChangedError(
                f"`{shown}` has been changed since it was moved to the trash", path=shown
            )
        if now.inode != before["inode"]:
            if not has_content(file.path):
                raise UndoChangedError(
                    f"The file in the trash is not `{shown}`: its content is another", path=shown
                )
            try:
                file.check_unchanged()
                file.check_in_place()
            except ActionError as error:
                raise UndoChangedError(error.message, path=shown) from error
        directory, target = os.path.split(from_stored(path))
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UndoGoneError(
                f"The directory of `{shown}` cannot be opened: {error.strerror}", path=shown
            ) from error
        try:
            move_to_free_place((file.directory, file.name), (descriptor, target))
        except FileExistsError as error:
            raise UndoOccupiedError(
                f"There is now another file at `{shown}`",
                hint="Move that file away, and undo again.",
                path=shown,
            ) from error
        except OSError as error:
            raise _not_back(path, error) from error
        finally:
            os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(_info_path(trash, name))
        return os.fstat(file.descriptor)


def _not_back(path: StoredPath, error: OSError) -> UndoError:
    shown = display(path)
    return UndoError(f"`{shown}` cannot be moved back: {error.strerror}", path=shown)


def _cannot(duplicate: OpenFile, error: OSError) -> ActionError:
    return ActionError(
        f"`{_shown(duplicate)}` cannot be moved to the trash: {error.strerror}", reason="system"
    )


def _shown(file: OpenFile) -> str:
    return display(to_stored(file.path))
