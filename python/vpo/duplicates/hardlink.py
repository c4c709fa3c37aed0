"""Hard links on the disk: makes a duplicate another name of the kept file, and undoes that.

A hard link has the owner, mode, times and attributes of the file that it is a name of. So those
of the duplicate are recorded for an undo, and a file whose access would change is left alone.
"""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vpo._engine import Roots
from vpo.base.errors import ActionError, UndoChangedError, UndoError, UndoGoneError
from vpo.base.paths import StoredPath, display, from_stored, to_json, to_stored
from vpo.db.operations import Operation
from vpo.db.stored_stat import stored_mtime
from vpo.duplicates.safe_open import COMPARE_BYTES, Identity, OpenFile, changed, exchange

# This attribute, and all but user.*, decide who may do what. They must be equal for both files.
_ACL = "system.posix_acl_access"

# No more than this is copied into the catalogue for each file.
MOST_ATTRIBUTE_BYTES = 64 * 1024


def temporary_name(operation_id: str) -> bytes:
    """The name beside a file that is used for the moment in which the file is replaced."""
    return f".vpo-{operation_id}.tmp".encode()


def prepare(kept: OpenFile, duplicate: OpenFile) -> dict[str, object]:
    """What it takes to undo the link. Raises ActionError if it cannot be made."""
    theirs, its = kept.status, duplicate.status
    if theirs.st_dev != its.st_dev:
        raise ActionError(
            f"`{_shown(duplicate)}` is on another file system than `{_shown(kept)}`,"
            " so they cannot be hard-linked",
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
            f"`{_shown(duplicate)}` has extended attributes that are too large to record for an"
            " undo",
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
    """A time in the range of JSON's integers: to 2554, later than any time of ext4 or XFS."""
    return max(-(2**63), min(2**64 - 1, time_ns))


def link(kept: OpenFile, duplicate: OpenFile, operation_id: str) -> None:
    """Makes the duplicate's name a name of the kept file. They were compared just before.

    Raises ActionError if it is not done: everything is as it was. Raises OSError if it may have
    been done: `settle` finds out.
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
    """Gives the open file another name, even if its path now belongs to another file."""
    try:
        os.link(f"/proc/self/fd/{kept.descriptor}", name, dst_dir_fd=directory)
    except FileNotFoundError:
        # There is no /proc, or the file has no name any more. Then this fails as well.
        os.link(
            kept.name, name, src_dir_fd=kept.directory, dst_dir_fd=directory, follow_symlinks=False
        )


def replace(old: OpenFile, temporary: bytes, new: Identity) -> None:
    """Puts the file at `temporary` in the place of an open file.

    The two exchange their names in one step. Then the old file is checked again: it is removed
    if it is unchanged, else the names are exchanged back. One gap remains: a program that has
    the file open, and writes to it between the check and the removal, loses what it writes, as
    with every program that replaces files. If the file system cannot exchange names, a file
    that takes the old one's name after the last check is lost as well.

    Raises ActionError if it is not done, and has removed `temporary`. Raises OSError if the
    names may have been exchanged: `settle` or `settle_undo` finds out.
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
        # Its inode is not checked: on some file systems the inode follows the path.
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
    # The ctime is not compared, because renaming has changed it.
    return Identity.of(os.fstat(file.descriptor)) != file.identity


def _remove(directory: int, name: bytes, inode: int) -> None:
    """Removes a temporary name, if it still belongs to the file with this inode."""
    try:
        if os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino == inode:
            os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def settle(path: StoredPath, facts: Mapping[str, Any], operation_id: str, roots: Roots) -> bool:
    """Whether an interrupted link was made. Removes what it left beside the file.

    Raises OSError if the directory cannot be looked at.
    """
    before, after = facts["before"], facts["after"]
    directory, name = os.path.split(from_stored(path))
    descriptor = roots.open_directory(directory)
    try:
        temporary = temporary_name(operation_id)
        here, beside = (_status(descriptor, each) for each in (name, temporary))
        is_linked = here is not None and here.st_ino == after["inode"]
        if beside is None:
            return is_linked
        if is_linked and beside.st_ino == before["inode"]:
            # The names were exchanged, and the old file was not checked yet.
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
            # If inodes follow the path, they do not show which file is beside it.
            and (beside.st_size, stored_mtime(beside.st_mtime_ns))
            == (after["size_bytes"], stored_mtime(after["mtime_ns"]))
        ):
            # It is the link: the names were not exchanged, or were exchanged back.
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
    """The ctime of the file that it was a name of. Likewise below."""
    ctime_ns_after: int


def separate(
    operation: Operation, facts: Mapping[str, Any], roots: Roots, check: Callable[[], None]
) -> Separated:
    """Makes the file of an operation a separate file again, with the metadata that it had.

    Raises UndoError if it is not done, OSError if it may have been done: `settle_undo` finds
    out. `check` is called after each piece that is copied, and may raise StoppedError.
    """
    before, after = facts["before"], facts["after"]
    path = operation.file_path
    shown = display(path)
    try:
        linked = OpenFile.beneath(roots, from_stored(path))
    except ActionError as error:
        raise UndoGoneError(f"`{shown}` does not exist any more", path=shown) from error
    with linked:
        identity = linked.identity
        if (identity.inode, identity.size_bytes, identity.mtime_ns) != (
            after["inode"],
            after["size_bytes"],
            after["mtime_ns"],
        ):
            raise UndoChangedError(
                f"`{shown}` has been changed or replaced since it became a hard link", path=shown
            )
        temporary = temporary_name(operation.id)
        try:
            new = _copy(linked, temporary, before, check)
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
    linked: OpenFile, temporary: bytes, before: Mapping[str, Any], check: Callable[[], None]
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
            check()
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
    """Removes a link or copy that was not put in place. No other program uses its name."""
    try:
        os.unlink(temporary, dir_fd=directory)
    except FileNotFoundError:
        return


def settle_undo(
    path: StoredPath, facts: Mapping[str, Any], operation_id: str, roots: Roots
) -> bool:
    """Whether an interrupted undo was done. Removes an unfinished copy.

    Raises OSError if the directory cannot be looked at.
    """
    directory, name = os.path.split(from_stored(path))
    descriptor = roots.open_directory(directory)
    try:
        here = _status(descriptor, name)
        temporary = temporary_name(operation_id)
        beside = _status(descriptor, temporary)
        is_linked = here is not None and here.st_ino == facts["after"]["inode"]
        # Beside it is the unfinished copy or, if the names were exchanged, the link.
        if beside is not None and here is not None:
            os.unlink(temporary, dir_fd=descriptor)
        return not is_linked
    finally:
        os.close(descriptor)


# -- Attributes ------------------------------------------------------------------


def _attributes(file: OpenFile) -> dict[str, bytes]:
    """The extended attributes. Empty if the system or the file system has none."""
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
        f"The owner, group, mode or access list of `{_shown(duplicate)}` differs from that of"
        f" `{_shown(kept)}`. A hard link would give it those of the kept file",
        hint="Give both files the same owner, group, mode and access list with chown, chmod or"
        " setfacl.",
        reason="access",
    )


def _shown(file: OpenFile) -> str:
    return display(to_stored(file.path))
