"""That the file system that other tests rely on fails where it says."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import faulty

MIB = 1 << 20
CONTENT = bytes(range(256)) * (3 * MIB // 256)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    directory.mkdir()
    return directory


@pytest.fixture
def place(source: Path) -> Iterator[Path]:
    with faulty(source) as point:
        yield point


def read(path: Path, chunk: int = MIB) -> tuple[bytes, int | None]:
    """What can be read of a file from its begin, and the errno of why not more."""
    content = b""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        while more := os.pread(opened, chunk, len(content)):
            content += more
    except OSError as error:
        return content, error.errno
    finally:
        os.close(opened)
    return content, None


@pytest.mark.parametrize("chunk", [4096, 100_000, MIB, 8 * MIB])
@pytest.mark.parametrize("place_of_fault", [0, 1, 4096, MIB, 2 * MIB + 12345, len(CONTENT) - 1])
def test_a_file_can_be_read_up_to_the_fault(
    source: Path, place: Path, place_of_fault: int, chunk: int
) -> None:
    for word, number in (("eio", errno.EIO), ("eacces", errno.EACCES)):
        name = f"film.{word}-at-{place_of_fault}.mkv"
        (source / name).write_bytes(CONTENT)
        assert read(place / name, chunk) == (CONTENT[:place_of_fault], number)


def test_behind_a_fault_that_ends_a_file_can_be_read(source: Path, place: Path) -> None:
    name = "film.eio-at-4096-to-8192.mkv"
    (source / name).write_bytes(CONTENT)
    opened = os.open(place / name, os.O_RDONLY)
    try:
        assert os.pread(opened, 4096, 0) == CONTENT[:4096]
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            os.pread(opened, 4096, 8191)
        assert os.pread(opened, 4096, 8192) == CONTENT[8192:12288]
    finally:
        os.close(opened)


def test_all_else_is_as_it_is(source: Path, place: Path) -> None:
    (source / "directory").mkdir()
    (source / "directory" / "film.mkv").write_bytes(CONTENT)
    (source / "directory" / "film.eio-at-99999999.mkv").write_bytes(CONTENT)
    (source / "link").symlink_to("directory/film.mkv")
    assert sorted(os.listdir(place)) == ["directory", "link"]
    assert os.readlink(place / "link") == "directory/film.mkv"
    for name in os.listdir(source / "directory"):
        ours, theirs = ((at / "directory" / name).stat() for at in (source, place))
        assert (ours.st_size, ours.st_mtime_ns, ours.st_ino) == (
            theirs.st_size,
            theirs.st_mtime_ns,
            theirs.st_ino,
        )
        assert read(place / "directory" / name) == (CONTENT, None)
    # What changes is seen at once.
    (source / "directory" / "film.mkv").write_bytes(b"other")
    assert read(place / "directory" / "film.mkv") == (b"other", None)
    (source / "directory" / "film.mkv").unlink()
    assert not (place / "directory" / "film.mkv").exists()
