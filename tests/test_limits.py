"""A quota, a limit of file sizes and memory that the system cannot provide, each by its name."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from filesystems import filesystem
from mounts import unmount
from support import Tree, Vpo

LIMIT_BYTES = 400_000


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))


def test_a_limit_of_file_sizes_is_reported_as_that(vpo: Vpo, tree: Tree) -> None:
    tree.write_many(20)
    vpo.scan(tree.root)
    tree.write_names([f"directory {number}" for number in range(30)], 200)
    failed = vpo.ok("scan", tree.root, "--json", status=2, preexec_fn=limit_file_size)
    assert f"may have at most {LIMIT_BYTES:,} bytes" in failed.json["message"]
    assert "ulimit" in failed.json["hint"]
    vpo.check_integrity()
    assert vpo.scan(tree.root)["errors"] == 0
    assert len(vpo.files()) == 20 + 30 * 200


@pytest.mark.skipif(sys.platform != "linux", reason="SIGBUS is explained on Linux")
def test_memory_that_the_system_cannot_provide_ends_the_process_with_a_message(
    tmp_path: Path,
) -> None:
    program = """
import mmap, sys
from vpo._engine import end_on_bus_error
end_on_bus_error(b"Error: a message\\n", 2)
with open(sys.argv[1], "wb+") as file:
    file.truncate(8192)
    memory = mmap.mmap(file.fileno(), 8192)
    file.truncate(0)
    memory[0]
"""
    command = [sys.executable, "-c", program, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (2, b"Error: a message\n")


def test_a_quota_is_reported_as_that_and_nothing_is_lost(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write_names([f"directory {number}" for number in range(60)], 200)
    with filesystem("btrfs", tmp_path) as disk:
        place = disk / "limited"
        commands: list[tuple[str | Path, ...]] = [
            ("quota", "enable", disk),
            ("subvolume", "create", place),
            ("qgroup", "limit", "2M", place),
        ]
        for words in commands:
            done = subprocess.run(["btrfs", *words], capture_output=True, check=False)
            if done.returncode:
                pytest.skip("quotas of btrfs cannot be used")
        small = ("--db", place / "library.db")
        outcome = vpo.run(*small, "scan", "--no-introspect", tree.root)
        assert outcome.status == 2, outcome
        assert any(said in outcome.stderr for said in ("The quota leaves no room", "(SIGBUS)")), (
            outcome
        )
        assert "What was recorded before is kept." in outcome.stderr
        subprocess.run(["btrfs", "qgroup", "limit", "none", place], check=True)
        vpo.ok(*small, "scan", "--no-introspect", tree.root)
        assert len(vpo.ok(*small, "files", "list", "--json").json) == 60 * 200


def test_the_doctor_warns_of_a_catalogue_on_a_file_system_of_a_program(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    (tmp_path / "disk").mkdir()
    (tmp_path / "point").mkdir()
    place = ("--db", tmp_path / "disk" / "library.db")
    vpo.ok(*place, "scan", tree.root)
    assert "LIBRARY_PLACE" not in vpo.run(*place, "doctor").stdout
    bindfs = shutil.which("bindfs")
    if bindfs is None or os.geteuid() != 0:
        pytest.skip("needs bindfs, and root to mount")
    words = (bindfs, tmp_path / "disk", tmp_path / "point")
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("bindfs cannot be mounted")
    try:
        found = vpo.run("--db", tmp_path / "point" / "library.db", "doctor", "--json").json
        (warning,) = [each for each in found["findings"] if each["code"] == "LIBRARY_PLACE"]
        assert warning["level"] == "warning"
        assert "(fuse" in warning["message"]
    finally:
        unmount(tmp_path / "point")
