"""The trash on the disk: moves a file there and back, as desktops do.

FreeDesktop.org Trash specification 1.0: the home trash for files on the same file system, else
`.Trash/UID` or `.Trash-UID` at the top of the file's own. A file is renamed, never copied, so
its space is free when the trash is emptied.
"""

from __future__ import annotations

import errno
import os
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import Any

from vpo._engine import Roots, open_beneath
from vpo.base.errors import (
    ActionError,
    UndoChangedError,
    UndoError,
    UndoGoneError,
    UndoOccupiedError,
)
from vpo.base.paths import StoredPath, display, from_stored, to_json, to_stored
from vpo.db.operations import Operation
from vpo.duplicates.aliases import is_still_there
from vpo.duplicates.safe_open import Identity, OpenFile, changed, move_to_free_place
from vpo.duplicates.trash_directory import open_trash, trash_in, trash_of

_SUFFIX = b".trashinfo"
_MOST_NAME_BYTES = 255


def prepare(duplicate: OpenFile) -> dict[str, object]:
    """Which trash the file belongs into. Creates nothing. Raises ActionError if there is none."""
    trash = trash_of(duplicate)
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
    trash = trash_in(facts)
    with ExitStack() as closing:
        try:
            opened = closing.enter_context(open_trash(trash, device=duplicate.status.st_dev))
        except OSError as error:
            raise _cannot(duplicate, error) from error
        for name in names_in_trash(duplicate.name, operation_id):
            if _move(kept, duplicate, opened, name, trash.top):
                return
        raise ActionError(
            f"The trash `{display(to_stored(trash.directory))}` has no free name for"
            f" `{_shown(duplicate)}`",
            reason="system",
        )


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
    now = datetime.now().replace(microsecond=0).isoformat()
    return b"[Trash Info]\n%s\nDeletionDate=%s\n" % (_path_line(path, top), now.encode())


def _path_line(path: bytes, top: bytes | None) -> bytes:
    shown = path if top is None else os.path.relpath(path, top)
    return b"Path=" + urllib.parse.quote_from_bytes(shown, safe="/").encode()


# -- Back ------------------------------------------------------------------------


def settle(path: StoredPath, facts: Mapping[str, Any], operation_id: str) -> bool:
    """Whether a file is in the trash, after moving it there or back was interrupted.

    If it is not, removes what the move left in the trash.

    Raises OSError if the trash cannot be looked at.
    """
    trash = trash_in(facts)
    try:
        with open_trash(trash) as opened:
            if find(opened, path, facts, operation_id) is not None:
                return True
            for name in names_in_trash(os.path.basename(from_stored(path)), operation_id):
                _remove_info_of(opened, name, _path_line(from_stored(path), trash.top))
    except (FileNotFoundError, NotADirectoryError):
        # There is no trash: the move did not get that far, or somebody has removed it.
        pass
    return False


def _remove_info_of(trash: tuple[int, int], name: bytes, path_line: bytes) -> None:
    """Removes a note about this file, if the trash has a note but not the file."""
    files, info = trash
    try:
        os.stat(name, dir_fd=files, follow_symlinks=False)
    except FileNotFoundError:
        if _has_note_about(info, name, path_line):
            os.unlink(name + _SUFFIX, dir_fd=info)


def _has_note_about(info: int, name: bytes, path_line: bytes) -> bool:
    """Whether the note of a name in the trash says where its file was, in this line."""
    try:
        descriptor = open_beneath(info, name + _SUFFIX, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    with open(descriptor, "rb") as note:
        return path_line in note.read(64 * 1024).splitlines()


def find(
    trash: tuple[int, int], path: StoredPath, facts: Mapping[str, Any], operation_id: str
) -> bytes | None:
    """Finds the file in the trash, and returns its name there. None: it is not in the trash.

    Its inode shows that it is the file. On FUSE, files get new inodes with each mount. There, the
    note in the trash, the size and the mtime show it.
    """
    files, info = trash
    path_line = _path_line(from_stored(path), trash_in(facts).top)
    before = facts["before"]
    for name in names_in_trash(os.path.basename(from_stored(path)), operation_id):
        try:
            status = os.stat(name, dir_fd=files, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if status.st_ino == before["inode"]:
            return name
        seen = Identity.of(status)
        if (seen.size_bytes, seen.mtime_ns) == (before["size_bytes"], before["mtime_ns"]) and (
            _has_note_about(info, name, path_line)
        ):
            return name
    return None


def put_back(
    operation: Operation,
    facts: Mapping[str, Any],
    roots: Roots,
    has_content: Callable[[OpenFile], bool],
) -> os.stat_result:
    """Moves the file of an operation back to where it was, and returns its status.

    `has_content` reads an open file, and returns whether its content is that of the file. It is
    asked if the inode is another one.

    Raises UndoError if it is not done, OSError if it may have been done: `settle` finds out.
    """
    path = operation.file_path
    shown = display(path)
    trash = trash_in(facts)
    gone = UndoGoneError(
        f"`{shown}` is not in the trash any more",
        hint=f"It was in `{display(to_stored(trash.directory))}`.",
        path=shown,
    )
    with ExitStack() as closing:
        try:
            opened = closing.enter_context(open_trash(trash))
            name = find(opened, path, facts, operation.id)
            if name is None:
                raise gone
            files, info = opened
            place = os.path.join(trash.directory, b"files", name)
            file = closing.enter_context(OpenFile(place, os.dup(files)))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise gone from error
        except OSError as error:
            raise _not_back(path, error) from error
        except ActionError as error:
            raise UndoGoneError(error.message, path=shown) from error
        _check_is_the_file(file, facts["before"], shown, has_content)
        directory, target = os.path.split(from_stored(path))
        try:
            descriptor = roots.open_directory(directory)
        except OSError as error:
            raise _no_directory(path, error) from error
        closing.callback(os.close, descriptor)
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
        with suppress(FileNotFoundError):
            os.unlink(name + _SUFFIX, dir_fd=info)
        return os.fstat(file.descriptor)


def _check_is_the_file(
    file: OpenFile,
    before: Mapping[str, Any],
    shown: str,
    has_content: Callable[[OpenFile], bool],
) -> None:
    """Raises UndoChangedError unless a file in the trash is the one that was moved there."""
    now = file.identity
    if (now.size_bytes, now.mtime_ns) != (before["size_bytes"], before["mtime_ns"]):
        raise UndoChangedError(
            f"`{shown}` has been changed since it was moved to the trash", path=shown
        )
    if now.inode == before["inode"]:
        return
    if not has_content(file):
        raise UndoChangedError(
            f"The file in the trash is not `{shown}`: its content is another", path=shown
        )
    try:
        file.check_unchanged()
        file.check_in_place()
    except ActionError as error:
        raise UndoChangedError(error.message, path=shown) from error


def _no_directory(path: StoredPath, error: OSError) -> UndoError:
    shown = display(path)
    if error.errno in (errno.ELOOP, errno.EXDEV):
        return UndoGoneError(
            f"The directory of `{shown}` is now a symbolic link, or below one",
            hint="Replace the link by a directory, and undo again.",
            path=shown,
        )
    return UndoGoneError(
        f"The directory of `{shown}` cannot be opened: {error.strerror}", path=shown
    )


def _not_back(path: StoredPath, error: OSError) -> UndoError:
    shown = display(path)
    return UndoError(f"`{shown}` cannot be moved back: {error.strerror}", path=shown)


def _cannot(duplicate: OpenFile, error: OSError) -> ActionError:
    return ActionError(
        f"`{_shown(duplicate)}` cannot be moved to the trash: {error.strerror}", reason="system"
    )


def _shown(file: OpenFile) -> str:
    return display(to_stored(file.path))
