"""A disk is recognised by what it is, not by the name that it happens to have today."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mounts import UNPRIVILEGED, mounted_with, unmount
from support import Vpo

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a file system")

FILMS = ("a/one.mkv", "b/two.mkv", "b/c/three.mkv")
OTHERS = ("d/four.mkv", "d/five.mkv")


def made(names: tuple[str, ...], directory: Path) -> Path:
    """A directory with files of these names."""
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(name.encode())
    return directory


def program(name: str) -> str:
    """Where a program is; skips the test without."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@contextmanager
def loop(image: Path, device: str | None = None) -> Iterator[str]:
    """The loop device through which an image is a disk: the given one, or a free one."""
    try:
        if device is None:
            device = run("losetup", "--find", "--show", image)
        else:
            run("losetup", device, image)
    except subprocess.CalledProcessError:
        pytest.skip("no loop device can be had")
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


def own_device() -> str:
    """A loop device that no other test takes."""
    number = 64 + os.getpid() % 1000
    device = f"/dev/loop{number}"
    if not os.path.exists(device):
        os.mknod(device, 0o660 | stat.S_IFBLK, os.makedev(7, number))
    return device


def xfs(directory: Path, names: tuple[str, ...]) -> Path:
    """An image of XFS, in which files are put by the caller once it is mounted."""
    image = directory / f"{names[0][0]}.xfs"
    with image.open("wb") as file:
        file.truncate(320 << 20)
    run(program("mkfs.xfs"), "-q", image)
    return image


def ntfs(directory: Path, names: tuple[str, ...]) -> Path:
    image = directory / f"{names[0][0]}.ntfs"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    run(program("mkntfs"), "-q", "-F", "-f", image)
    # mkntfs draws it from the second of the clock.
    run(program("ntfslabel"), f"--new-serial={os.urandom(8).hex()}", image)
    return image


def squashfs(directory: Path, names: tuple[str, ...]) -> Path:
    image = directory / f"{names[0][0]}.squashfs"
    run(program("mksquashfs"), made(names, directory / f"{names[0][0]}-files"), image, "-quiet")
    return image


KINDS: dict[str, tuple[Callable[[Path, tuple[str, ...]], Path], str]] = {
    "xfs": (xfs, "xfs"),
    "ntfs": (ntfs, "ntfs-3g"),
    "squashfs": (squashfs, "squashfs"),
}


@contextmanager
def disk(kind: str, image: Path, point: Path, device: str | None = None) -> Iterator[str]:
    """An image, mounted at `point` as the disk `device`; yields the name of the device."""
    point.mkdir(exist_ok=True)
    with loop(image, device) as name, mounted_with("-t", KINDS[kind][1], name, point):
        yield name


def filled(kind: str, directory: Path, point: Path, names: tuple[str, ...]) -> Path:
    """An image with these files in it."""
    image = KINDS[kind][0](directory, names)
    if kind != "squashfs":
        with disk(kind, image, point):
            made(names, point)
    return image


def missing(vpo: Vpo) -> list[str]:
    """The files that count as missing."""
    return [name for name, status in vpo.statuses().items() if status == "missing"]


def identities(vpo: Vpo) -> dict[str, int]:
    """The file systems of the directories that the catalogue has, and how many are on each."""
    with vpo.sql() as connection:
        return dict(
            connection.execute(
                "SELECT identity, count(*) FROM filesystems f"
                " JOIN directories d ON d.filesystem_id = f.id GROUP BY identity"
            ).fetchall()
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_gets_the_name_of_another_one_is_not_taken_for_it(
    vpo: Vpo, tmp_path: Path, kind: str
) -> None:
    point = tmp_path / "disk"
    first = filled(kind, tmp_path, point, FILMS)
    second = filled(kind, tmp_path, point, OTHERS)
    device = own_device()
    with disk(kind, first, point, device):
        vpo.scan(point)
        assert vpo.scan(point)["skipped"] == len(FILMS)
    with disk(kind, second, point, device):
        refused = vpo.ok("scan", "--json", point, status=2).json
        assert refused["code"] == "ROOT_OFFLINE"
    with disk(kind, first, point, device):
        assert vpo.scan(point)["skipped"] == len(FILMS)
    assert not missing(vpo)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_is_the_same_under_another_name(vpo: Vpo, tmp_path: Path, kind: str) -> None:
    point = tmp_path / "disk"
    image = filled(kind, tmp_path, point, FILMS)
    device = own_device()
    with disk(kind, image, point, device):
        vpo.scan(point)
        (identity,) = identities(vpo)
    assert ":uuid=" in identity
    with disk(kind, image, point) as second:
        assert second != device
        assert vpo.scan(point)["skipped"] == len(FILMS)
        assert list(identities(vpo)) == [identity]


def test_a_disk_that_was_known_by_its_name_is_recognised_by_its_files(
    vpo: Vpo, tmp_path: Path
) -> None:
    point = tmp_path / "disk"
    image = filled("ntfs", tmp_path, point, FILMS)
    with disk("ntfs", image, point):
        vpo.scan(point)
        (identity,) = identities(vpo)
        directories = identities(vpo)[identity]
        with vpo.sql() as connection:
            connection.execute("UPDATE filesystems SET identity = 'fuseblk:/dev/sdx1'")
        assert vpo.scan(point, "--dry-run")["skipped"] == len(FILMS)
        assert list(identities(vpo)) == ["fuseblk:/dev/sdx1"]
        (point / FILMS[0]).unlink()
        with vpo.sql() as connection:
            connection.execute("UPDATE files SET mtime_ns = mtime_ns + 1 WHERE name = 'two.mkv'")
        # One of three is as it was. That may be an old copy of the disk.
        assert vpo.ok("scan", "--json", point, status=2).json["code"] == "ROOT_OFFLINE"
        with vpo.sql() as connection:
            connection.execute("UPDATE files SET mtime_ns = mtime_ns - 1 WHERE name = 'two.mkv'")
        made(FILMS[:1], point)
        os.utime(point / FILMS[0], ns=(0, mtime_of(vpo, "one.mkv")))
        vpo.scan(point)
        assert identities(vpo) == {identity: directories}


def mtime_of(vpo: Vpo, name: str) -> int:
    """The mtime that the catalogue has of a file."""
    with vpo.sql() as connection:
        (found,) = connection.execute("SELECT mtime_ns FROM files WHERE name = ?", (name,))
    return int(found[0])


def test_where_only_the_name_of_the_disk_can_be_known_its_files_decide(
    vpo: Vpo, tmp_path: Path
) -> None:
    point = tmp_path / "disk"
    first = filled("squashfs", tmp_path, point, FILMS)
    second = filled("squashfs", tmp_path, point, OTHERS)
    device = own_device()
    mode = os.stat(device).st_mode
    os.chmod(device, 0)
    try:
        with disk("squashfs", first, point, device):
            vpo.ok("scan", point, **UNPRIVILEGED)
            if list(identities(vpo)) != [f"squashfs:{device}"]:
                pytest.skip("the disk can be read whatever its permissions")
            assert vpo.ok("scan", "--json", point, **UNPRIVILEGED).json["skipped"] == len(FILMS)
        with disk("squashfs", second, point, device):
            refused = vpo.ok("scan", "--json", point, status=2, **UNPRIVILEGED).json
            assert refused["code"] == "ROOT_OFFLINE"
        with disk("squashfs", first, point, device):
            assert vpo.ok("scan", "--json", point, **UNPRIVILEGED).json["skipped"] == len(FILMS)
    finally:
        os.chmod(device, mode)


def test_a_pool_that_gains_a_disk_is_the_same_pool_and_one_that_loses_a_disk_is_not(
    vpo: Vpo, tmp_path: Path
) -> None:
    branches = [made((f"{number}/film.mkv",), tmp_path / f"branch{number}") for number in range(4)]
    point = tmp_path / "pool"
    point.mkdir()

    @contextmanager
    def pool(*disks: Path) -> Iterator[None]:
        command = [program("mergerfs"), ":".join(map(str, disks)), str(point)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("mergerfs cannot be mounted")
        try:
            yield
        finally:
            unmount(point)

    with pool(*branches[:3]):
        assert vpo.scan(point)["added"] == 3
    with pool(*branches):
        result = vpo.scan(point)
        assert (result["skipped"], result["added"], result["removed"]) == (3, 1, 0)
        assert vpo.ok("verify", point).status == 0
    with pool(*branches[:2]):
        assert vpo.ok("scan", "--json", point, status=2).json["code"] == "ROOT_OFFLINE"
    assert not missing(vpo)
