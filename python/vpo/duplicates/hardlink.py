"""Making a duplicate another name of the kept file, and a file of its own again.

A hard link has the owner, mode, times and attributes of the file that it is a name of:
what the duplicate had is recorded, and a file whose access would change is left alone.
"""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vpo.base.errors import ActionError, UndoChangedError, UndoError, UndoGoneError
from vpo.base.paths import StoredPath, display, from_stored, to_json, to_stored
from vpo.db.stored_stat import stored_mtime
from vpo.duplicates.safe_open import COMPARE_BYTES, Identity, OpenFile, changed, exchange

# What a file has here beside user.* decides who may do what; of two files it must be equal.
_ACL = "system.posix_acl_access"

# More than this is not copied into the library for each file.
MOST_ATTRIBUTE_BYTES = 64 * 1024


def temporary_name(operation_id: str) -> bytes:
    """The name that stands beside a file for the moment in which it is replaced."""
    return f".vpo-{operation_id}.tmp".encode()


def prepare(kept: OpenFile, duplicate: OpenFile) -> dict[str, object]:
    """What it takes to undo the link. Raises ActionError where there is not to be one."""
    theirs, its = kept.status, duplicate.status
    if theirs.st_dev != its.st_dev:
        raise ActionError(
            f"`{_shown(duplicate)}` is on another file system than `{_shown(kept)}`:"
            " there can be no hard link",
            reason="other_filesystem",
        )
    if (theirs.st_mode, theirs.st_uid, theirs.st_gid) != (its.st_mode, its.st_uid, its.st_gid):
        raise _other_access(kept, duplicate)
    attributes = [_attributes(each) for each in (kept, duplicate)]
    if _of_access(attributes[0]) != _of_access(attributes[1]):
        raise _other_access(kept, duplicate)
    own = {
        name: base64.b64encode(value).decode()
        for name, value in attributes[1].items()
        if name.startswith("user.") or name == _ACL
    }
    if sum(map(len, own.values())) > MOST_ATTRIBUTE_BYTES:
        raise ActionError(
            f"`{_shown(duplicate)}` has more extended attributes than can be kept for an undo",
            reason="attributes",
        )
    return {
        **to_json(to_stored(kept.path), "kept_path"),
        "before": {
            **duplicate.identity._asdict(),
            "atime_ns": _as_json(its.st_atime_ns),
            "mtime_ns": _as_json(its.st_mtime_ns),
            "mode": its.st_mode & 0o7777,
            "uid": its.st_uid,
            "gid": its.st_gid,
            "attributes": own,
        },
        "after": kept.identity._asdict(),
    }


def _as_json(time_ns: int) -> int:
    """A time as JSON can have it: to the year 2554, which no time of ext4 or XFS goes beyond."""
    return max(-(2**63), min(2**64 - 1, time_ns))


def link(kept: OpenFile, duplicate: OpenFile, operation_id: str) -> None:
    """Makes the duplicate's name one of the kept file. They were compared just before.

    Raises ActionError if that cannot be; then everything is as it was. Raises OSError where
    it is not clear how far it came: `settle` tells.
    """
    temporary = temporary_name(operation_id)
    try:
        _link_open(kept, duplicate.directory, temporary)
    except OSError as error:
        raise ActionError(
            f"`{_shown(duplicate)}` cannot become a hard link: {error.strerror}", reason="system"
        ) from error
    replace(duplicate, temporary, kept.identity)


def _link_open(kept: OpenFile, directory: int, name: bytes) -> None:
    """Gives the file that is open another name: not whatever has its path by now."""
    try:
        os.link(f"/proc/self/fd/{kept.descriptor}", name, dst_dir_fd=directory)
    except FileNotFoundError:
        # No /proc, or the file has no name any more: then this fails, too.
        os.link(
            kept.name, name, src_dir_fd=kept.directory, dst_dir_fd=directory, follow_symlinks=False
        )


def replace(old: OpenFile, temporary: bytes, new: Identity) -> None:
    """Puts the file at `temporary` in the place of one that is open.

    The two change places in one step, and the old file is only removed when it is seen to
    be the one that was looked at, unchanged: else they change back. What remains is a
    program that has it open, and writes between that look and the removal; such a writer
    loses what it writes with any program that replaces files. Where the file system cannot
    exchange names, a file that takes the old one's name after the last look is lost, too.

    Raises ActionError if it is not done; `temporary` is removed then. Raises OSError where
    they may have changed places: then what is at `temporary` is to be settled.
    """
    directory, name = old.directory, old.name
    try:
        there = Identity.of(os.stat(temporary, dir_fd=directory, follow_symlinks=False))
        if (there.inode, there.size_bytes, there.mtime_ns) != (
            new.inode,
            new.size_bytes,
            new.mtime_ns,
        ):
            raise changed(old.path)
        old.check_unchanged()
        old.check_in_place()
    except (OSError, ActionError) as error:
        # Whatever its inode: there are file systems on which that follows the path.
        _forget(directory, temporary)
        if isinstance(error, ActionError):
            raise
        raise ActionError(
            f"`{_shown(old)}` cannot be replaced: {error.strerror}", reason="system"
        ) from error
    if not exchange(directory, temporary, name):
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        return
    if not old.is_at(directory, temporary) or _is_changed(old):
        exchange(directory, temporary, name)
        _remove(directory, temporary, new.inode)
        raise changed(old.path)
    os.unlink(temporary, dir_fd=directory)


def _is_changed(file: OpenFile) -> bool:
    # Not by its ctime, which renaming has moved.
    return Identity.of(os.fstat(file.descriptor)) != file.identity


def _remove(directory: int, name: bytes, inode: int) -> None:
    """Removes a temporary name, if that is what it still is."""
    try:
        if os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino == inode:
            os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def settle(path: StoredPath, facts: Mapping[str, Any], operation_id: str) -> bool:
    """Whether a link that was cut off came to be; what it left beside the file is removed.

    Raises OSError where it cannot be told.
    """
    before, after = facts["before"], facts["after"]
    directory, name = os.path.split(from_stored(path))
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        temporary = temporary_name(operation_id)
        here, beside = (_status(descriptor, each) for each in (name, temporary))
        is_linked = here is not None and here.st_ino == after["inode"]
        if beside is None:
            return is_linked
        if is_linked and beside.st_ino == before["inode"]:
            # They had changed places, and the old file was still to be looked at.
            if (beside.st_size, stored_mtime(beside.st_mtime_ns)) != (
                before["size_bytes"],
                stored_mtime(before["mtime_ns"]),
            ):
                exchange(descriptor, temporary, name)
                os.unlink(temporary, dir_fd=descriptor)
                return False
            os.unlink(temporary, dir_fd=descriptor)
        elif (beside.st_ino == after["inode"] and beside.st_nlink > 1) or (
            here is not None
            and here.st_ino == before["inode"]
            # Where inodes follow the path, they say nothing of which file is beside it.
            and (beside.st_size, stored_mtime(beside.st_mtime_ns))
            == (after["size_bytes"], stored_mtime(after["mtime_ns"]))
        ):
            # The link, and they had not changed places, or had done so twice.
            os.unlink(temporary, dir_fd=descriptor)
        return is_linked
    finally:
        os.close(descriptor)


def _status(directory: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


# -- Undoing ---------------------------------------------------------------------


class Separated(NamedTuple):
    """A file that was a hard link."""

    status: os.stat_result
    ctime_ns_before: int
    """Of the file that it was a name of."""
    ctime_ns_after: int


def separate(
    path: StoredPath, facts: Mapping[str, Any], operation_id: str, go_on: Callable[[], None]
) -> Separated:
    """Makes the file at `path` one of its own again, with the metadata it had.

    Raises UndoError if it is not done, OSError where it is not clear: `settle_undo` tells.
    """
    before, after = facts["before"], facts["after"]
    shown = display(path)
    try:
        linked = OpenFile(from_stored(path))
    except ActionError as error:
        raise UndoGoneError(f"`{shown}` is not there any more", path=shown) from error
    with linked:
        identity = linked.identity
        if (identity.inode, identity.size_bytes, identity.mtime_ns) != (
            after["inode"],
            after["size_bytes"],
            after["mtime_ns"],
        ):
            raise UndoChangedError(
                f"`{shown}` was changed or replaced since it became a hard link", path=shown
            )
        temporary = temporary_name(operation_id)
        try:
            new = _copy(linked, temporary, before, go_on)
        except OSError as error:
            _forget(linked.directory, temporary)
            raise UndoError(f"`{shown}` cannot be copied: {error.strerror}", path=shown) from error
        except BaseException:
            _forget(linked.directory, temporary)
            raise
        try:
            replace(linked, temporary, Identity.of(new))
        except ActionError as error:
            raise UndoChangedError(error.message, hint=error.hint, path=shown) from error
        return Separated(
            os.stat(linked.name, dir_fd=linked.directory, follow_symlinks=False),
            linked.status.st_ctime_ns,
            os.fstat(linked.descriptor).st_ctime_ns,
        )


def _copy(
    linked: OpenFile, temporary: bytes, before: Mapping[str, Any], go_on: Callable[[], None]
) -> os.stat_result:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    _forget(linked.directory, temporary)
    copy = os.open(temporary, flags, 0o600, dir_fd=linked.directory)
    try:
        offset = 0
        while piece := os.pread(linked.descriptor, COMPARE_BYTES, offset):
            view = memoryview(piece)
            while view:
                view = view[os.write(copy, view) :]
            offset += len(piece)
            go_on()
        status = os.fstat(copy)
        if (status.st_uid, status.st_gid) != (before["uid"], before["gid"]):
            os.fchown(copy, before["uid"], before["gid"])
        os.fchmod(copy, before["mode"])
        for name, value in before["attributes"].items():
            os.setxattr(copy, name, base64.b64decode(value))
        os.utime(copy, ns=(before["atime_ns"], before["mtime_ns"]))
        os.fsync(copy)
        return os.fstat(copy)
    finally:
        os.close(copy)


def _forget(directory: int, temporary: bytes) -> None:
    """Removes a link or a copy that has not changed places. Its name is ours alone."""
    try:
        os.unlink(temporary, dir_fd=directory)
    except FileNotFoundError:
        return


def settle_undo(path: StoredPath, facts: Mapping[str, Any], operation_id: str) -> bool:
    """Whether an undo that was cut off came to be; an unfinished copy is removed.

    Raises OSError where it cannot be told.
    """
    directory, name = os.path.split(from_stored(path))
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        here = _status(descriptor, name)
        temporary = temporary_name(operation_id)
        beside = _status(descriptor, temporary)
        is_linked = here is not None and here.st_ino == facts["after"]["inode"]
        # What is beside it is the unfinished copy or, after they changed places, the link.
        if beside is not None and here is not None:
            os.unlink(temporary, dir_fd=descriptor)
        return not is_linked
    finally:
        os.close(descriptor)


# -- Attributes ------------------------------------------------------------------


def _attributes(file: OpenFile) -> dict[str, bytes]:
    """Extended attributes; none where the system or the file system has none."""
    if not hasattr(os, "listxattr"):
        return {}
    try:
        names = os.listxattr(file.descriptor)
        return {name: os.getxattr(file.descriptor, name) for name in names}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return {}
        raise ActionError(
            f"The extended attributes of `{_shown(file)}` cannot be read: {error.strerror}",
            reason="system",
        ) from error


def _of_access(attributes: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: value for name, value in attributes.items() if not name.startswith("user.")}


def _other_access(kept: OpenFile, duplicate: OpenFile) -> ActionError:
    return ActionError(
        f"`{_shown(duplicate)}` has another owner, group, mode or access list than"
        f" `{_shown(kept)}`, and would lose its own",
        hint="Give them the same with chown, chmod or setfacl.",
        reason="access",
    )


def _shown(file: OpenFile) -> str:
    return display(to_stored(file.path))
