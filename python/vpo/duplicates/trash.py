"""The trash on the disk: moves a file there and back, as desktops do.

FreeDesktop.org Trash specification 1.0: the home trash for files on the same file system, else
`.Trash/UID` or `.Trash-UID` at the top of the file's own. A file is renamed, never copied, so
its space is free when the trash is emptied.
"""

from __future__ import annotations

import errno
import os
import stat
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple

from vpo._engine import Roots, open_beneath, open_trusted
from vpo.base.errors import (
    ActionError,
    UndoChangedError,
    UndoError,
    UndoGoneError,
    UndoOccupiedError,
)
from vpo.base.paths import StoredPath, display, from_json, from_stored, to_json, to_stored
from vpo.db.operations import Operation
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
    trash = _trash_in(facts)
    with ExitStack() as closing:
        try:
            opened = closing.enter_context(_opened(trash, device=duplicate.status.st_dev))
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


def _trash_in(facts: Mapping[str, Any]) -> _Trash:
    """The trash that an operation has recorded."""
    trash = from_stored(from_json(facts, "trash"))
    return _Trash(trash, None if facts["is_home"] else _top_of(trash))


@contextmanager
def _opened(trash: _Trash, *, device: int | None = None) -> Iterator[tuple[int, int]]:
    """Opens `files` and `info` of a trash.

    With `device`, the one of the file that is to be moved there, what does not exist yet is
    created. Other users may have put links or directories of theirs in the way, which are refused.

    Raises OSError.
    """
    creates = device is not None
    above, name = os.path.split(trash.directory)
    if creates and trash.top is None:
        os.makedirs(above, mode=0o700, exist_ok=True)
    with ExitStack() as closing:

        def keep(descriptor: int) -> int:
            closing.callback(os.close, descriptor)
            return descriptor

        def enter(directory: int, name: bytes) -> int:
            if creates:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=directory)
            return keep(open_beneath(directory, name, os.O_RDONLY | os.O_DIRECTORY))

        directory = keep(open_trusted(trash.top or above, os.O_RDONLY | os.O_DIRECTORY))
        if trash.top is not None:
            if device not in (None, os.fstat(directory).st_dev):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), trash.top)
            if above != trash.top:
                shared = open_beneath(directory, os.path.basename(above), os.O_DIRECTORY)
                directory = keep(shared)
                if not os.fstat(directory).st_mode & stat.S_ISVTX:
                    raise PermissionError(errno.EPERM, "the trash is not sticky", above)
        directory = enter(directory, name)
        status = os.fstat(directory)
        is_open_to_others = trash.top is not None and status.st_mode & 0o022
        if status.st_uid != os.getuid() or is_open_to_others:
            message = "the trash belongs to another user, or others can write to it"
            raise PermissionError(errno.EPERM, message, trash.directory)
        yield enter(directory, b"files"), enter(directory, b"info")


# -- Back ------------------------------------------------------------------------


def settle(path: StoredPath, facts: Mapping[str, Any], operation_id: str) -> bool:
    """Whether a file is in the trash, after moving it there or back was interrupted.

    If it is not, removes what the move left in the trash.

    Raises OSError if the trash cannot be looked at.
    """
    trash = _trash_in(facts)
    try:
        with _opened(trash) as opened:
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
    path_line = _path_line(from_stored(path), _trash_in(facts).top)
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
    trash = _trash_in(facts)
    gone = UndoGoneError(
        f"`{shown}` is not in the trash any more",
        hint=f"It was in `{display(to_stored(trash.directory))}`.",
        path=shown,
    )
    with ExitStack() as closing:
        try:
            opened = closing.enter_context(_opened(trash))
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
