"""What tests of moved files have in common: files to move, and what is known of their records."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from integrity import digest, edit
from media import wav
from support import Tree, Vpo

COUNTS = ("scanned", "skipped", "added", "moved", "removed", "errors", "pruned")


def sound(number: int) -> bytes:
    """A WAV file; each number is another content of the same length."""
    return wav(number.to_bytes(2, "little") * 400)


def long_sound(middle: int) -> bytes:
    """A WAV file of which only the middle differs, which no quick identity sees."""
    content = bytearray(bytes(300_000))
    content[: len(sound(1))] = sound(1)
    content[150_000:150_002] = middle.to_bytes(2, "little")
    return bytes(content)


def said(result: dict[str, Any]) -> dict[str, int]:
    """The counts of a scan that are not 0."""
    return {name: result[name] for name in COUNTS if result[name]}


def ids(vpo: Vpo) -> dict[str, int]:
    """Names of files (not paths) that are there, and the ids of their records."""
    with vpo.sql() as connection:
        return dict(
            connection.execute(
                "SELECT filename, id FROM library_files WHERE scan_status <> 'missing'"
            ).fetchall()
        )


def ids_by_path(vpo: Vpo, tree: Tree) -> dict[str, int]:
    """The paths, relative to the tree, of files that are there, and the ids of their records."""
    with vpo.sql() as connection:
        rows = connection.execute(
            "SELECT path, id FROM library_files WHERE scan_status <> 'missing'"
        ).fetchall()
    return {os.path.relpath(path, tree.root): file_id for path, file_id in rows}


def id_of(vpo: Vpo, path: bytes | Path) -> int | None:
    """The id of the record at a path."""
    stored: str | bytes = os.fsencode(path)
    with contextlib.suppress(UnicodeDecodeError):
        stored = os.fsencode(path).decode()
    with vpo.sql() as connection:
        row = connection.execute(
            "SELECT id FROM library_files WHERE path = ? AND scan_status <> 'missing'", (stored,)
        ).fetchone()
    return row[0] if row else None


def mark(vpo: Vpo) -> None:
    """Records of each file what it is not, so that it shows whether it is read again."""
    with vpo.sql() as connection:
        connection.execute("UPDATE media SET duration_seconds = 1000 + file_id")


def assert_was_not_read(vpo: Vpo, *paths: bytes | Path) -> None:
    """What `mark` recorded of the files is still there, and their tracks are."""
    for path in paths:
        with vpo.sql() as connection:
            file_id = id_of(vpo, path)
            facts = connection.execute(
                "SELECT m.duration_seconds, f.scan_status,"
                " (SELECT count(*) FROM tracks t WHERE t.file_id = f.id)"
                " FROM files f JOIN media m ON m.file_id = f.id WHERE f.id = ?",
                (file_id,),
            ).fetchone()
        assert tuple(facts) == (1000 + (file_id or 0), "ok", 1), path


def record_digests(vpo: Vpo, *paths: bytes | Path) -> None:
    """Records the digests of files as they are, as a verification does."""
    for path in paths:
        query = "UPDATE files SET content_hash = ?, verified_at = scanned_at WHERE id = ?"
        edit(vpo, query, digest(os.fsencode(path)), id_of(vpo, path))


def history(vpo: Vpo, path: bytes | Path) -> list[str]:
    """What `files show` says that jobs did to a file, newest first."""
    listed = vpo.ok("files", "show", "--json", path).json["jobs"]
    return [job["change"] for job in listed]
