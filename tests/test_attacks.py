"""Root's command over a tree of another user, who swaps names for links while it runs.

Each attack is repeated `VPO_TEST_ATTACKS` times (default: a few). A directory of root's is the
victim: inotify(7) reports each file in it that is opened, read, changed, created or removed, and
there must be none.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mounts import mounted
from support import OLD_NS, PROGRAMS, Outcome, Vpo, needs_ffmpeg

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root, who runs the command"
)

ROUNDS = int(os.environ.get("VPO_TEST_ATTACKS", "2"))

USER = 54_321
FILES = 24
# vpo reads files with subtitles like all others, and does not ask ffprobe about them.
NAMES = [f"film-{number:02}.srt" for number in range(FILES)]

# From linux/inotify.h: everything but IN_CLOSE_*, which follows IN_OPEN.
_WATCHED = 0xFFF & ~0x18
_EVENT = struct.Struct("iIII")
_IN_NONBLOCK = 0o4000


class Victim:
    """A directory of root's with files that nobody else can read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700)
        # Half of the names exist, so that reading, replacing and creating can all happen.
        for name in NAMES[::2]:
            file = path / name
            file.write_bytes(content(name, secret=True))
            file.chmod(0o600)
            os.utime(file, ns=(OLD_NS, OLD_NS))
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._libc.inotify_init1(_IN_NONBLOCK)
        if self._inotify < 0:
            pytest.skip("needs inotify")
        if self._libc.inotify_add_watch(self._inotify, os.fsencode(path), _WATCHED) < 0:
            pytest.skip("needs inotify")

    def close(self) -> None:
        os.close(self._inotify)

    def events(self) -> list[tuple[str, str]]:
        """What happened to the directory and its files since the last call."""
        found = []
        try:
            while data := os.read(self._inotify, 1 << 16):
                at = 0
                while at < len(data):
                    _, mask, _, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size
                    found.append((hex(mask), data[at : at + length].rstrip(b"\0").decode()))
                    at += length
        except BlockingIOError:
            return found
        return found


def content(name: str, *, secret: bool = False) -> bytes:
    """The content of a file: of the same size for the user's and for the victim's."""
    return (b"secret " if secret else b"public ") + name.encode() * 50


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    made = Victim(tmp_path / "victim")
    yield made
    made.close()


class Ground:
    """A library of the user's, fresh for each round, and root's command with a new home."""

    def __init__(self, directory: Path, victim: Victim, swapped: str) -> None:
        self.victim = victim
        self.root = directory / "library"
        environment = {"XDG_DATA_HOME": str(directory / "data")}
        self.vpo = Vpo(directory / "home", environment, introspects=True)
        self.options: dict[str, Any] = {}
        """Options of the processes that run while names are swapped."""
        self.home = directory
        # The files lie two levels deep, so that a directory above theirs can be swapped, too.
        self.films = self.root / "a" / "b"
        self.copies = self.root / "copies"
        for place in (self.films, self.copies):
            place.mkdir(parents=True)
            for name in NAMES:
                (place / name).write_bytes(content(name))
                os.utime(place / name, ns=(OLD_NS, OLD_NS))
        # What takes the place of the swapped name. For the directory above, its `b` is the link.
        self.link = self.root / ".link"
        self.swapped = swapped
        if swapped == "a":
            self.link.mkdir()
            (self.link / "b").symlink_to(victim.path)
        elif swapped == "a/b":
            self.link.symlink_to(victim.path)
        else:
            self.link.symlink_to(victim.path / Path(swapped).name)
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)

    def scan(self) -> None:
        """Makes the catalogue, while all is quiet."""
        self.vpo.ok("scan", self.root)

    def attack(self) -> AbstractContextManager[None]:
        return attacking(self.root, "exchange", self.swapped, self.link.name)

    def run(self, *words: str | Path) -> Outcome:
        """Runs a command, which may find that something has changed, but must not break."""
        outcome = self.vpo.run(*words, **self.options)
        assert outcome.status in (0, 1, 2), outcome
        assert "Something went wrong inside vpo" not in outcome.stdout + outcome.stderr, outcome
        return outcome

    def check(self) -> None:
        assert self.victim.events() == []


@contextmanager
def attacking(directory: Path, *words: str | Path) -> Iterator[None]:
    """Swaps names in a directory until the end of the block."""
    command = [sys.executable, "-I", "-S", PROGRAMS / "attacker.py", str(USER), directory, *words]
    attacker = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == b"begun\n"
        yield
        assert attacker.poll() is None
    finally:
        attacker.kill()
        attacker.communicate()


def first_scan(ground: Ground) -> None:
    with ground.attack():
        ground.run("scan", ground.root)


def scan(ground: Ground) -> None:
    ground.scan()
    with ground.attack():
        for _ in range(ROUNDS):
            ground.run("scan", "--full", "--verify-hash", ground.root)


def verify(ground: Ground) -> None:
    ground.scan()
    with ground.attack():
        for _ in range(ROUNDS):
            ground.run("verify", ground.root)


def export(ground: Ground) -> None:
    ground.scan()
    secrets = {hashlib.sha256(content(name, secret=True)).hexdigest() for name in NAMES}
    with ground.attack():
        for _ in range(ROUNDS):
            outcome = ground.run("verify", "export", "--format", "sha256sum", ground.root)
            assert secrets.isdisjoint(outcome.stdout.split())


def bag(ground: Ground) -> None:
    ground.scan()
    place = ground.home / "bag"
    with ground.attack():
        for _ in range(ROUNDS):
            ground.run("verify", "export", "--format", "bagit", "-o", place, ground.root)
            for file in place.rglob("*.srt"):
                assert file.read_bytes() == content(file.name)
            shutil.rmtree(place, ignore_errors=True)


def guesses(directory: str) -> str:
    """A manifest as the user would write it to find out whether a guess at a secret is right."""
    digests = {name: hashlib.sha256(content(name, secret=True)).hexdigest() for name in NAMES}
    return "".join(f"{digest}  {directory}/{name}\n" for name, digest in digests.items())


def import_manifest(ground: Ground) -> None:
    ground.scan()
    manifest = ground.home / "SHA256SUMS"
    manifest.write_text(guesses("a/b"))
    with ground.attack():
        for _ in range(ROUNDS):
            outcome = ground.run("verify", "import", "--root", ground.root, "--complete", manifest)
            assert "Matching: 0" in outcome.stdout


def import_bag(ground: Ground) -> None:
    (ground.root / "bagit.txt").write_text(
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    )
    (ground.root / "data").mkdir()
    (ground.root / "a").rename(ground.root / "data" / "a")
    os.chown(ground.root / "data", USER, USER)
    ground.swapped = f"data/{ground.swapped}"
    (ground.root / "manifest-sha256.txt").write_text(guesses("data/a/b"))
    ground.scan()
    with ground.attack():
        for _ in range(ROUNDS):
            assert "Matching: 0" in ground.run("verify", "import", ground.root).stdout


def duplicates(ground: Ground) -> None:
    ground.vpo.ok("scan", "--no-introspect", ground.root)
    with ground.attack():
        ground.run("duplicates")


def action(kind: str) -> Callable[[Ground], None]:
    def act(ground: Ground) -> None:
        ground.scan()
        ground.vpo.ok("duplicates")
        with ground.attack():
            outcome = ground.run(
                "duplicates", "--action", kind, "--keep", ground.copies, "--yes", "--json"
            )
            if kind != "reflink" and outcome.json.get("job_id"):
                ground.run("undo", outcome.json["job_id"])
        # Whatever was done and undone, each content is still there.
        found = {file.read_bytes() for file in ground.copies.iterdir()}
        assert found == {content(name) for name in NAMES}

    act.__name__ = kind
    return act


def undo(kind: str) -> Callable[[Ground], None]:
    def act(ground: Ground) -> None:
        ground.scan()
        done = ground.vpo.ok(
            "duplicates", "--action", kind, "--keep", ground.copies, "--yes", "--json"
        ).json
        with ground.attack():
            ground.run("undo", done["job_id"])

    act.__name__ = f"undo of {kind}"
    return act


# They leave the library as it is, and are repeated on the same one.
READING: list[Callable[[Ground], None]] = [scan, verify, export, bag, import_manifest, import_bag]
OTHERS: list[Callable[[Ground], None]] = [
    first_scan,
    duplicates,
    *map(action, ("hardlink", "reflink", "trash")),
    *map(undo, ("hardlink", "trash")),
]


@pytest.mark.parametrize("swapped", ["a", "a/b", "a/b/film-00.srt"])
@pytest.mark.parametrize("command", READING + OTHERS, ids=lambda command: command.__name__)
def test_a_name_that_is_swapped_for_a_link_leads_no_command_to_foreign_files(
    command: Callable[[Ground], None], swapped: str, tmp_path: Path, victim: Victim
) -> None:
    for number in range(1 if command in READING else ROUNDS):
        directory = tmp_path / str(number)
        directory.mkdir()
        ground = Ground(directory, victim, swapped)
        command(ground)
        ground.check()


@needs_ffmpeg
@pytest.mark.parametrize("swapped", ["a/b", "a/b/film-00.mkv"])
def test_ffprobe_reads_no_foreign_file(swapped: str, tmp_path: Path, victim: Victim) -> None:
    for name in NAMES[::2]:
        (victim.path / name).rename((victim.path / name).with_suffix(".mkv"))
    victim.events()
    for number in range(ROUNDS):
        directory = tmp_path / str(number)
        directory.mkdir()
        ground = Ground(directory, victim, swapped)
        for name in NAMES[:4]:
            (ground.films / name).rename((ground.films / name).with_suffix(".mkv"))
        first_scan(ground)
        ground.check()


# -- Without openat2 ---------------------------------------------------------------------

# From linux/bpf_common.h, linux/seccomp.h and asm-generic/unistd.h.
_LOAD_NUMBER = (0x20, 0, 0, 0)
_RETURN, _IF_EQUAL = 0x06, 0x15
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_OPENAT2 = 437
_ENOSYS = 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _forbid_openat2() -> None:
    """Makes openat2 fail as if the kernel did not have it."""
    instructions = [
        _LOAD_NUMBER,
        (_IF_EQUAL, 0, 1, _OPENAT2),
        (_RETURN, 0, 0, _FAIL | _ENOSYS),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *each) for each in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(instructions), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


@pytest.mark.parametrize("command", [verify, undo("trash")], ids=["verify", "undo of trash"])
def test_the_same_holds_where_the_kernel_has_no_openat2(
    command: Callable[[Ground], None], tmp_path: Path, victim: Victim
) -> None:
    for number in range(1 if command in READING else ROUNDS):
        directory = tmp_path / str(number)
        directory.mkdir()
        ground = Ground(directory, victim, "a")
        ground.options = {"preexec_fn": _forbid_openat2}
        command(ground)
        ground.check()


# -- Places to write to ------------------------------------------------------------------


@pytest.mark.parametrize("form", ["sha256", "bagit"])
@pytest.mark.parametrize("way", ["exchange", "replace"])
def test_a_manifest_is_not_written_through_a_link_of_another_user(
    form: str, way: str, tmp_path: Path, victim: Victim
) -> None:
    for number in range(ROUNDS):
        directory = tmp_path / str(number)
        directory.mkdir()
        ground = Ground(directory, victim, "a/b")
        ground.scan()
        ground.vpo.ok("verify", ground.root)
        outputs = directory / "outputs"
        place = outputs / "place"
        place.mkdir(parents=True)
        (outputs / "link").symlink_to(victim.path)
        for path in (outputs, place, outputs / "link"):
            os.chown(path, USER, USER, follow_symlinks=False)
        attack = (
            attacking(outputs, "exchange", "place", "link")
            if way == "exchange"
            else attacking(place, "replace", victim.path)
        )
        with attack:
            for name in range(4):
                output = place / f"{form}-{name}"
                ground.run("verify", "export", "--format", form, "-o", output, ground.root)
        ground.check()


def test_a_trash_is_not_entered_through_a_link_of_another_user(
    tmp_path: Path, victim: Victim
) -> None:
    (victim.path / "files").mkdir()
    (victim.path / "info").mkdir()
    victim.events()
    for number in range(ROUNDS):
        directory = tmp_path / str(number)
        directory.mkdir()
        with mounted(directory / "library") as top:
            ground = Ground(directory, victim, "a/b")
            ground.swapped, ground.link = ".Trash-0", top / ".link"
            ground.scan()
            # The user's directory takes the place of the trash at first, and then the link.
            (top / ".Trash-0").mkdir()
            os.chown(top / ".Trash-0", USER, USER)
            with ground.attack():
                words = ("duplicates", "--action", "trash", "--yes", "--json")
                outcome = ground.run(*words)
                ground.run("undo", outcome.json["job_id"])
        ground.check()
    assert not any((victim.path / "files").iterdir())


# -- Permissions -------------------------------------------------------------------------


def test_copies_in_a_bag_keep_the_permissions_of_the_originals(tmp_path: Path, vpo: Vpo) -> None:
    root = tmp_path / "library"
    modes = {"private": 0o700, "private/a.mkv": 0o644, "b.mkv": 0o600, "c.mkv": 0o444, "d": 0o755}
    (root / "private").mkdir(parents=True)
    (root / "d").mkdir()
    for name in ("private/a.mkv", "b.mkv", "c.mkv", "d/e.mkv"):
        (root / name).write_bytes(name.encode())
    for name, mode in modes.items():
        (root / name).chmod(mode)
    vpo.scan(root)
    for mask, number in ((0o022, 1), (0o077, 2)):
        bag = tmp_path / f"bag-{number}"
        root.chmod(0o755)
        vpo.ok("verify", "export", "--format", "bagit", "-o", bag, root, umask=mask)
        found = {name: (bag / "data" / name).stat().st_mode & 0o777 for name in modes}
        assert found == {name: mode & ~mask for name, mode in modes.items()}
        assert bag.stat().st_mode & 0o777 == 0o755 & ~mask
