"""What tests of `vpo verify` have in common."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from injection import injected, instead
from support import Vpo, has_open, wait_until
from vpo._engine import Digested, Digester

# Names that formats of manifests escape or cut, or that programs stumble over.
HOSTILE_NAMES = (
    b"a.mkv",
    b"sub/b, c.mkv",
    b"new\nline.mkv",
    b"back\\slash.mkv",
    b"\\n.mkv",
    b"cr\rx.mkv",
    b" lead.mkv",
    b"*star.mkv",
    "ü.mkv".encode(),
    b"(p) = q.mkv",
    b"caf\xe9.mkv",
)


def rewrite(path: bytes, content: bytes) -> None:
    """Changes a file, and puts its mtime back."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def digest(path: bytes, algorithm: str = "blake3") -> str:
    """A digest as the library has it."""
    digester = Digester()
    digester.submit([(1, path, None, None, False)], [algorithm])
    answers: list[Digested] = []
    while not answers:
        answers = digester.take(1.0)
    assert answers[0].digests is not None
    return f"{algorithm}:{answers[0].digests[algorithm]}"


def counts(result: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    names = ("verified", "new", "modified", "damaged", "unreadable", "missing", "restored")
    return {name: result[name] for name in (*names, "changing") if result[name]}


def verify(vpo: Vpo, *args: str | bytes | Path, status: int = 0, **options: Any) -> dict[str, Any]:
    result: dict[str, Any] = vpo.ok("verify", "--json", *args, status=status, **options).json
    return result


def records(vpo: Vpo) -> dict[str, dict[str, Any]]:
    """The records of files by name."""
    with vpo.sql() as connection:
        return {row["name"]: dict(row) for row in connection.execute("SELECT * FROM files")}


def damage(vpo: Vpo) -> dict[str, dict[str, Any]]:
    """The table of damage by the name of the file."""
    with vpo.sql() as connection:
        rows = connection.execute("SELECT f.name, m.* FROM damage m JOIN files f ON f.id = file_id")
        return {row["name"]: dict(row) for row in rows}


def edit(vpo: Vpo, sql: str, *parameters: object) -> None:
    with vpo.sql() as connection:
        connection.execute(sql, parameters)


def cancel_while_reading(vpo: Vpo, path: bytes, job_type: str, *args: str | bytes | Path) -> str:
    """Cancels a command's job while it reads the file at `path`; returns its error output.

    It reads as from a disk on which a file takes minutes.
    """
    slow = injected(vpo, instead(Digester, partial(Digester, max_rate=5000)))
    with slow.start(*args) as work:
        try:
            wait_until(lambda: has_open(work, path), process=work)
            (job,) = (job for job in vpo.jobs() if job["status"] == "running")
            assert job["job_type"] == job_type
            vpo.ok("jobs", "cancel", job["id"])
            _, stderr = work.communicate(timeout=10)
        finally:
            work.kill()
    assert vpo.jobs()[-1]["status"] == "cancelled"
    return stderr.decode()
