"""Which files share their storage, on file systems where they can."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesystems import REFLINKING, filesystem, reflink
from support import PROGRAMS
from vpo._engine import storage_of

MIB = 1 << 20


@pytest.fixture(params=REFLINKING)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with filesystem(request.param, tmp_path) as point:
        yield point


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def storage(path: Path) -> bytes | None:
    return storage_of(os.fsencode(path))


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def test_a_reflink_is_stored_where_its_original_is(place: Path) -> None:
    original, copy = place / "a.mkv", place / "b.mkv"
    original.write_bytes(noise(3 * MIB + 1))
    reflink(original, copy)
    assert storage(original) is not None
    assert storage(original) == storage(copy)
    assert storage(original) == storage_of(str(original))


def test_a_copy_is_stored_elsewhere(place: Path) -> None:
    original, copy, other = place / "a.mkv", place / "b.mkv", place / "c.mkv"
    for path in (original, copy):
        path.write_bytes(noise(MIB))
    assert storage(original) is None
    reflink(copy, other)
    assert storage(original) is None
    reflink(original, place / "d.mkv")
    assert storage(original) not in (None, storage(copy))


@pytest.mark.parametrize("offset", [0, MIB, 2 * MIB - 4096])
def test_a_reflink_that_was_written_to_has_storage_of_its_own(place: Path, offset: int) -> None:
    original, copy = place / "a.mkv", place / "b.mkv"
    original.write_bytes(noise(2 * MIB))
    reflink(original, copy)
    shared = storage(original)
    # The same content: it is the place that counts.
    overwrite(copy, offset, noise(2 * MIB)[offset : offset + 4096])
    assert original.read_bytes() == copy.read_bytes()
    assert storage(copy) is None
    assert shared is not None


def test_three_that_differ_in_one_extent_are_told_apart(place: Path) -> None:
    paths = [place / name for name in ("a", "b", "c", "d")]
    paths[0].write_bytes(noise(2 * MIB))
    reflink(paths[0], paths[1])
    overwrite(paths[1], MIB, noise(4096, seed=1))
    reflink(paths[0], paths[2])
    reflink(paths[1], paths[3])
    found = [storage(path) for path in paths]
    assert None not in found
    assert found[0] == found[2] != found[1] == found[3]


def test_files_of_many_extents_are_compared_to_the_end(place: Path) -> None:
    original, copy, third = place / "a.mkv", place / "b.mkv", place / "c.mkv"
    with original.open("wb") as file:
        for number in range(600):
            file.seek(number * 16384)
            file.write(noise(4096, number))
    reflink(original, copy)
    assert storage(original) == storage(copy) is not None
    overwrite(copy, 599 * 16384, noise(4096))
    reflink(copy, third)
    assert storage(third) == storage(copy) != storage(original)


def test_what_was_reserved_does_not_count(place: Path) -> None:
    original, copy = place / "a.mkv", place / "b.mkv"
    original.touch()
    command: list[str | Path] = ["fallocate", "--keep-size", "--length", str(8 * MIB), original]
    subprocess.run(command, check=True)
    with original.open("r+b") as file:
        file.write(noise(MIB))
    reflink(original, copy)
    assert storage(original) == storage(copy) is not None


def test_another_size_is_another_storage(place: Path) -> None:
    original, copy = place / "a.mkv", place / "b.mkv"
    original.write_bytes(noise(MIB))
    reflink(original, copy)
    os.truncate(copy, MIB + 1)
    assert storage(original) is not None
    assert storage(original) != storage(copy)


def test_files_without_content_on_the_disk_have_no_storage(place: Path) -> None:
    empty, sparse = place / "empty", place / "sparse"
    empty.touch()
    sparse.touch()
    os.truncate(sparse, MIB)
    for path in (empty, sparse):
        reflink(path, place / f"{path.name} copy")
        assert storage(path) is None


def test_a_small_file_of_btrfs_is_not_on_the_disk_alone(tmp_path: Path) -> None:
    with filesystem("btrfs", tmp_path) as place:
        (place / "a").write_bytes(b"small")
        reflink(place / "a", place / "b")
        assert storage(place / "a") is None


def test_compressed_files_share_their_storage_too(tmp_path: Path) -> None:
    with filesystem("btrfs", tmp_path, options="compress-force=zstd") as place:
        original, copy, other = place / "a", place / "b", place / "c"
        for path in (original, other):
            path.write_bytes(b"film " * MIB)
        reflink(original, copy)
        reflink(other, place / "d")
        assert storage(original) == storage(copy) is not None
        assert storage(other) not in (None, storage(original))


def test_a_subvolume_shares_with_its_snapshot(tmp_path: Path) -> None:
    if shutil.which("btrfs") is None:
        pytest.skip("btrfs is not installed")
    with filesystem("btrfs", tmp_path) as place:
        subvolume, snapshot = place / "films", place / "films.old"
        run = ["btrfs", "-q", "subvolume"]
        subprocess.run([*run, "create", subvolume], check=True)
        (subvolume / "a").write_bytes(noise(MIB))
        subprocess.run([*run, "snapshot", subvolume, snapshot], check=True)
        assert storage(subvolume / "a") == storage(snapshot / "a") is not None


def test_file_systems_that_cannot_share_tell_of_nothing_shared(tmp_path: Path) -> None:
    with filesystem("ext4", tmp_path) as place:
        (place / "a").write_bytes(noise(MIB))
        assert storage(place / "a") is None


@pytest.mark.parametrize("path", ["/proc/self/stat", "/dev/null", "/"])
def test_what_is_no_file_on_a_disk_has_no_storage(path: str) -> None:
    assert storage_of(path) is None


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert storage(tmp_path / "pipe") is None


def test_what_cannot_be_opened_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        storage(tmp_path / "missing")
    assert missing.value.filename == os.fsencode(tmp_path / "missing")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic link"):
        storage(tmp_path / "link")
    with pytest.raises(TypeError):
        storage_of(3)  # type: ignore[arg-type]


def test_idle_priority_is_taken_by_what_is_started_then() -> None:
    if shutil.which("ionice") is None:
        pytest.skip("ionice is not installed")
    # A process of its own: there is no way back for this one.
    command = [sys.executable, str(PROGRAMS / "idle_priority.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "idle"]
