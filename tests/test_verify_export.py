"""`vpo verify export`: manifests that the programs of each format take."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from injection import Deed, injected, just_before, write_over
from integrity import HOSTILE_NAMES
from mounts import UNPRIVILEGED, mounted, need_permissions, unmount
from support import OLD_NS, Tree, Vpo, contents, has_open, wait_until
from vpo.manifest.bag_export import _BagWriter

# As PyPI has it, and Debian.
BAGIT = shutil.which("bagit.py") or shutil.which("bagit") or ""

CONTENTS = {"a.mkv": b"one", "a/b.mkv": b"two", "a.b/c.jpg": b"three", "a-b/c.mkv": b""}

NAMES = (
    *HOSTILE_NAMES,
    b"#hash.mkv",
    b"; semi.mkv",
    b"%% per cent.mkv",
    b"\\MD5 (x) = y.mkv",
)


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program}")


@pytest.fixture
def films(tree: Tree, vpo: Vpo) -> Tree:
    """A scanned tree of `CONTENTS`."""
    tree.write_all(CONTENTS)
    vpo.scan(tree.root)
    return tree


def digests(vpo: Vpo) -> dict[str, str]:
    with vpo.sql() as library:
        rows = library.execute(
            "SELECT filename, content_hash FROM library_files WHERE verified_at IS NOT NULL"
        )
        return dict(map(tuple, rows))


@pytest.mark.parametrize(
    ("form", "command", "left_out"),
    [
        pytest.param(
            "b3sum", "b3sum --check --quiet", {b"caf\xe9.mkv"}, marks=needs("b3sum"), id="b3sum"
        ),
        pytest.param("sha256sum", "sha256sum --check --strict --quiet", set(), id="sha256sum"),
        pytest.param("sha512sum", "sha512sum --check --strict --quiet", set(), id="sha512sum"),
        pytest.param("sha1sum", "sha1sum --check --strict --quiet", set(), id="sha1sum"),
        pytest.param("md5sum", "md5sum --check --strict --quiet", set(), id="md5sum"),
        pytest.param(
            "hashdeep",
            "hashdeep -r -l -a -k",
            {b"new\nline.mkv", b"cr\rx.mkv"},
            marks=needs("hashdeep"),
            id="hashdeep",
        ),
        pytest.param(
            "sfv",
            "rhash --check",
            {
                b"new\nline.mkv",
                b"cr\rx.mkv",
                b"back\\slash.mkv",
                b"\\n.mkv",
                b" lead.mkv",
                b"*star.mkv",
                b"#hash.mkv",
                b"; semi.mkv",
                b"\\MD5 (x) = y.mkv",
            },
            marks=needs("rhash"),
            id="sfv",
        ),
    ],
)
def test_other_programs_accept_what_is_written(
    vpo: Vpo, tree: Tree, tmp_path: Path, form: str, command: str, left_out: set[bytes]
) -> None:
    for name in NAMES:
        tree.write(name, b"content of " + name)
    vpo.scan(tree.root)
    manifest = tmp_path / f"list.{form}"
    done = vpo.ok(
        "verify", "export", tree.root, "--format", form, "-o", manifest, status=bool(left_out)
    )
    assert done.stderr.count("is left out") == len(left_out)
    assert f": {len(NAMES) - len(left_out)} files," in done.stdout
    for name in left_out:
        tree.remove(name)
    words = [*command.split(), str(manifest), *(["."] if form == "hashdeep" else [])]
    checked = subprocess.run(words, cwd=tree.root, capture_output=True, check=False)
    assert checked.returncode == 0, checked
    # And they notice.
    tree.write(b"a.mkv", b"something else")
    assert subprocess.run(words, cwd=tree.root, capture_output=True, check=False).returncode
    # And so do we, and nothing else is wrong.
    result = vpo.ok("verify", "import", "--json", manifest, "--root", tree.root, status=1).json
    assert (result["format"], result["differing"]) == (form, 1)
    assert result["entries"] == result["matched"] + 1 == len(NAMES) - len(left_out)


def test_names_are_in_the_order_of_their_bytes(vpo: Vpo, films: Tree) -> None:
    done = vpo.ok("verify", "export", films.root, "--format", "md5sum")
    lines = [f"{hashlib.md5(CONTENTS[name]).hexdigest()}  {name}" for name in sorted(CONTENTS)]
    assert done.stdout.splitlines() == lines
    assert done.stderr == ""


def test_the_current_directory_is_the_default(vpo: Vpo, films: Tree) -> None:
    done = vpo.ok("verify", "export", "--format", "md5sum", cwd=films.path("a"))
    assert done.stdout == f"{hashlib.md5(b'two').hexdigest()}  b.mkv\n"


def test_kinds_select(vpo: Vpo, films: Tree) -> None:
    done = vpo.ok("verify", "export", films.root, "--format", "md5sum", "--kind", "image")
    assert done.stdout.split()[1:] == ["a.b/c.jpg"]


def test_a_link_to_the_directory_gives_the_same_manifest(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(films.root)
    direct = vpo.ok("verify", "export", films.root).stdout
    assert vpo.ok("verify", "export", tmp_path / "link").stdout == direct
    assert len(direct.splitlines()) == len(CONTENTS)


# -- What is recorded ------------------------------------------------------------


def test_digests_are_recorded_and_files_not_read_again(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    first = vpo.ok("verify", "export", films.root, "-o", tmp_path / "1", "--json").json
    assert (first["files"], first["from_records"], first["recorded"]) == (4, 0, 4)
    recorded = digests(vpo)
    listed = dict(line.split("  ")[::-1] for line in (tmp_path / "1").read_text().splitlines())
    assert recorded == {
        os.path.basename(name): f"blake3:{digest}" for name, digest in listed.items()
    }
    second = vpo.ok("verify", "export", films.root, "-o", tmp_path / "2", "--json").json
    assert (second["files"], second["from_records"], second["recorded"]) == (4, 4, 0)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_the_digest_of_an_earlier_state_is_not_used(vpo: Vpo, films: Tree) -> None:
    vpo.ok("verify", "export", films.root)
    before = digests(vpo)
    films.write("a.mkv", b"new content")
    films.write("a/b.mkv", b"wto", mtime_ns=OLD_NS + 1)
    old = dict(line.split("  ")[::-1] for line in films_listed(vpo, films))
    assert f"blake3:{old['a.mkv']}" != before["a.mkv"]
    assert f"blake3:{old['a/b.mkv']}" != before["b.mkv"]
    # A scan has not seen it yet, and is to.
    assert digests(vpo) == before


def films_listed(vpo: Vpo, films: Tree) -> list[str]:
    return vpo.ok("verify", "export", films.root).stdout.splitlines()


def test_damage_is_not_certified(vpo: Vpo, films: Tree) -> None:
    vpo.ok("verify", "export", films.root)
    films.write("a.mkv", b"eno")
    done = vpo.ok("verify", "export", films.root, "--format", "md5sum", status=1)
    assert "a.mkv" not in done.stdout
    assert (
        "its content does not match the digest in the catalogue, although size and mtime are"
        " unchanged" in done.stderr
    )
    with vpo.sql() as library:
        library.execute(
            "INSERT INTO damage (file_id, damage, found_at, job, size_bytes, mtime_ns)"
            " SELECT id, 'rotted', '2026-01-01T00:00:00Z', 1, 3, mtime_ns FROM files"
            " WHERE name = 'b.mkv'"
        )
    done = vpo.ok("verify", "export", films.root, status=1)
    assert "a/b.mkv` is left out: it is recorded as damaged" in done.stderr
    assert "a/b.mkv" not in done.stdout


def test_unreadable_files_are_left_out(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    films.remove("a.mkv")
    films.remove("a/b.mkv")
    os.mkfifo(films.path("a/b.mkv"))
    result = vpo.ok(
        "verify", "export", films.root, "-o", tmp_path / "list", "--json", status=1
    ).json
    assert (result["files"], result["left_out"]) == (2, 2)
    said = {os.path.basename(each["path"]): each["message"] for each in result["issues"]}
    assert said["a.mkv"] == "is gone; the next scan records that"
    assert said["b.mkv"].startswith("cannot be read: ")


def test_missing_files_are_not_listed(vpo: Vpo, films: Tree) -> None:
    films.remove("a.mkv")
    vpo.scan(films.root)
    assert len(films_listed(vpo, films)) == len(CONTENTS) - 1


# -- Where it is written ---------------------------------------------------------


def test_a_file_is_only_replaced_with_force(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    there = tmp_path / "list"
    there.write_text("precious")
    done = vpo.ok("verify", "export", films.root, "-o", there, "--json", status=2)
    assert done.json["code"] == "OUTPUT_EXISTS"
    assert there.read_text() == "precious"
    vpo.ok("verify", "export", films.root, "-o", there, "--force")
    assert len(there.read_text().splitlines()) == len(CONTENTS)
    assert os.listdir(tmp_path).count("list") == 1
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_only_regular_files_are_replaced(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path / "fifo", tmp_path, tmp_path / "none/list"):
        done = vpo.ok("verify", "export", films.root, "-o", place, "--force", status=2)
        assert "Error: " in done.stderr
    assert (tmp_path / "fifo").is_fifo()


def test_the_umask_decides_the_permissions(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        vpo.ok("verify", "export", films.root, "-o", tmp_path / "list")
    finally:
        os.umask(before)
    assert (tmp_path / "list").stat().st_mode & 0o777 == 0o640


def test_a_stopped_export_leaves_nothing(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    with open(films.path("big.mkv"), "wb") as file:
        file.truncate(200 << 30)
    vpo.scan(films.root)
    before = sorted(os.listdir(tmp_path))
    process = vpo.start("verify", "export", films.root, "-o", tmp_path / "list")
    wait_until(lambda: has_open(process, films.path("big.mkv")), process=process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, b"Stopped. No manifest was written.\n")
    assert sorted(os.listdir(tmp_path)) == before


def test_a_full_disk_is_reported(vpo: Vpo, films: Tree) -> None:
    with open("/dev/full", "wb") as full:
        process = vpo.start("verify", "export", films.root, stdout=full)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert b"No space left on device" in stderr


def test_a_disk_that_is_full_is_left_as_it_was(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    films.write("big.mkv", b"x" * (2 << 20))
    films.write_many(3000)
    vpo.scan(films.root)
    with mounted(tmp_path / "small", "256k") as place:
        for name, form in (("list", "sha512sum"), ("bag", "bagit")):
            words = ["verify", "export", str(films.root), "--format", form, "-o"]
            done = vpo.ok(*words, str(place / name), status=2)
            assert "cannot be written: No space left on device" in done.stderr
            assert os.listdir(place) == []


@pytest.mark.parametrize("mount", ["disk", "disk/below"])
@pytest.mark.parametrize("form", ["b3sum", "hashdeep", "bagit"])
def test_an_offline_disk_does_not_replace_a_manifest(
    vpo: Vpo, tmp_path: Path, mount: str, form: str
) -> None:
    root = tmp_path / "disk"
    with mounted(tmp_path / mount) as point:
        Tree(point).write("a.mkv")
        Tree(root).write("below/b.mkv")
        vpo.scan(root)
        words = ["verify", "export", str(tmp_path / mount), "--json", "--format", form, "-o"]
        vpo.ok(*words, tmp_path / "list")
        before = contents(tmp_path / "list")
        unmount(point)
    place = tmp_path / "list"
    if form == "bagit":
        place = tmp_path / "other"
    else:
        words.insert(2, "--force")
    done = vpo.ok(*words, place, status=2)
    assert done.json["code"] == "ROOT_OFFLINE"
    assert str(tmp_path / mount) in done.json["message"]
    assert contents(tmp_path / "list") == before
    assert not (tmp_path / "other").exists()
    shutil.rmtree(tmp_path / mount)
    assert vpo.ok(*words, place, status=2).json["code"] == "ROOT_OFFLINE"
    # And nothing comes of it elsewhere either.
    if form != "bagit":
        done = vpo.ok("verify", "export", tmp_path / mount, "--format", form, status=2)
        assert done.stdout == ""


def test_files_on_an_offline_disk_are_left_out(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    with mounted(films.root / "usb") as point:
        Tree(point).write("d.mkv")
        vpo.scan(films.root)
        vpo.ok("verify", "export", films.root)
        unmount(point)
        done = vpo.ok("verify", "export", films.root, "-o", tmp_path / "list", status=1)
    assert f"usb/d.mkv` is left out: the file system of `{point}` is not mounted" in done.stderr
    assert len((tmp_path / "list").read_text().splitlines()) == len(CONTENTS)


@pytest.mark.parametrize("form", ["b3sum", "sha256sum", "bagit"])
def test_no_empty_manifest_is_written(vpo: Vpo, films: Tree, tmp_path: Path, form: str) -> None:
    need_permissions(tmp_path)
    place = tmp_path / "list"
    if form != "bagit":
        place.write_text("precious")
    words = ["verify", "export", str(films.root / "a"), "--format", form, "-o", str(place)]
    if form != "bagit":
        words.append("--force")
    os.chmod(films.path("a"), 0)
    try:
        done = vpo.ok(*words, "--json", status=2, **UNPRIVILEGED)
        text = vpo.ok(*words, status=2, **UNPRIVILEGED).stderr
    finally:
        os.chmod(films.path("a"), 0o755)
    assert done.json["code"] == "NOTHING_TO_LIST"
    assert done.json["details"]["left_out"] == 1
    (issue,) = done.json["details"]["issues"]
    assert issue["path"].endswith("/a/b.mkv")
    assert issue["message"] in text
    assert "None of the catalogue's files below" in text
    assert place.read_text() == "precious" if form != "bagit" else not place.exists()


def test_a_directory_that_does_not_exist_is_an_error(vpo: Vpo, films: Tree) -> None:
    words = ["verify", "export", "--json", "-o", str(films.root.with_name("list"))]
    for name, code in (("none", "DIRECTORY_NOT_FOUND"), ("a", "NOTHING_TO_LIST")):
        shutil.rmtree(films.root / name, ignore_errors=True)
        assert vpo.ok(*words, films.path(name), status=2).json["code"] == code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json"], "require `-o FILE`"),
        (["--force"], "require `-o FILE`"),
        (["--format", "bagit"], "A bag requires `-o NEWDIR`"),
        (["--format", "bagit", "-o", "-"], "A bag requires `-o NEWDIR`"),
        (["--format", "tar"], "'tar' is not one of"),
        (["--kind", "audio"], "The catalogue has no files of kind audio below"),
    ],
)
def test_invalid_arguments(vpo: Vpo, films: Tree, words: list[str], said: str) -> None:
    done = vpo.ok("verify", "export", films.root, *words, status=2)
    assert said in done.stderr + done.stdout


# -- Bags ------------------------------------------------------------------------


def test_a_bag_is_made_of_copies(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    done = vpo.ok("verify", "export", films.root, "--format", "bagit", "-o", bag)
    assert "Made the bag" in done.stdout
    for name, content in CONTENTS.items():
        copy, original = bag / "data" / name, films.root / name
        assert copy.read_bytes() == original.read_bytes() == content
        assert copy.stat().st_ino != original.stat().st_ino
        assert copy.stat().st_mtime_ns == original.stat().st_mtime_ns
    assert (bag / "bagit.txt").read_text() == (
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    )
    assert (
        f"Payload-Oxum: {sum(map(len, CONTENTS.values()))}.4\n"
        in (bag / "bag-info.txt").read_text()
    )
    lines = [
        f"{hashlib.sha512(CONTENTS[name]).hexdigest()}  data/{name}\n" for name in sorted(CONTENTS)
    ]
    assert (bag / "manifest-sha512.txt").read_text() == "".join(lines)
    assert len(digests(vpo)) == len(CONTENTS)
    result = vpo.ok("verify", "import", "--json", bag).json
    assert (result["matched"], result["unknown"], result["tag_files"]) == (7, 4, 3)
    assert sorted(os.listdir(tmp_path)) == ["bag", "home", "library"]


def test_bagit_py_accepts_the_bag(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    if not BAGIT:
        pytest.skip("there is no bagit.py")
    for name in NAMES:
        # It reads `%25`, which the standard has for `%`, as it is.
        if b"%" not in name:
            tree.write(name, b"content of " + name)
    vpo.scan(tree.root)
    bag = tmp_path / "bag"
    done = vpo.ok("verify", "export", tree.root, "--format", "bagit", "-o", bag, status=1)
    assert "caf\\xe9.mkv` is left out: a bag cannot hold names that are not UTF-8" in done.stderr
    words = [BAGIT, "--validate", str(bag)]
    checked = subprocess.run(words, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_a_file_that_differs_from_its_record_is_not_in_the_bag(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.ok("verify", "export", films.root)
    films.write("a.mkv", b"eno")
    bag = tmp_path / "bag"
    done = vpo.ok("verify", "export", films.root, "--format", "bagit", "-o", bag, status=1)
    assert "is left out: its copy differs from the original" in done.stderr
    assert not (bag / "data/a.mkv").exists()
    assert vpo.ok("verify", "import", bag, "--json").json["matched"] == 6


@pytest.mark.parametrize(
    ("known_by_link", "what", "said"),
    [
        (False, "/dev/zero", "cannot be read: a symbolic link has taken its place"),
        (False, "b, c.mkv", "cannot be read: a symbolic link has taken its place"),
        (True, "/dev/zero", "cannot be read: it is not a regular file"),
        (False, "pipe", "cannot be read: it is not a regular file"),
        (False, "written", "is left out: it changed during the export"),
        (True, "twin", "is left out: it changed during the export"),
    ],
)
def test_what_replaces_a_file_during_the_export_is_not_copied(
    vpo: Vpo, tree: Tree, tmp_path: Path, known_by_link: bool, what: str, said: str
) -> None:
    tree.write("b, c.mkv", b"two")
    original = Tree(tmp_path).write("elsewhere" if known_by_link else "library/a.mkv", b"one")
    if known_by_link:
        os.symlink(original, tree.path("a.mkv"))
        # Of the same size and mtime.
        mtime_ns = os.stat(original).st_mtime_ns
        Tree(tree.root).write("twin", b"ten", mtime_ns=mtime_ns)
    vpo.scan(tree.root, "--follow-symlinks")
    bag = tmp_path / "bag"
    words = ["verify", "export", str(tree.root), "--format", "bagit", "-o", str(bag)]
    path = tree.path("a.mkv")
    happens: list[Deed] = [partial(os.unlink, path)]
    if what == "written":
        happens = [partial(write_over, path, b"one and more")]
    elif what == "pipe":
        happens.append(partial(os.mkfifo, path))
    else:
        happens.append(partial(os.symlink, what, path))
    done = subprocess.run(
        # The first file to be copied, of which the digest has been taken.
        injected(vpo, just_before(_BagWriter._copy).comes(*happens)).command(*words),
        env=vpo.env(),
        capture_output=True,
        timeout=60,
        check=False,
        # So that what has no end ends.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 26, 1 << 26)),
    )
    assert f"a.mkv` {said}" in done.stderr.decode()
    assert done.returncode == 1
    assert os.listdir(bag / "data") == ["b, c.mkv"]
    assert vpo.ok("verify", "import", bag, "--json").json["findings"] == []


@pytest.mark.parametrize("form", ["b3sum", "sha256sum"])
def test_a_link_that_leads_to_another_file_than_when_scanned_is_not_exported(
    vpo: Vpo, tree: Tree, tmp_path: Path, form: str
) -> None:
    far = Tree(tmp_path / "far")
    for name in ("mine/a.mkv", "secret/a.mkv"):
        far.write(name, name[:4].encode(), mtime_ns=OLD_NS)
    tree.write("plain.mkv", b"plain")
    os.symlink(far.path("mine/a.mkv"), tree.path("a.mkv"))
    os.symlink(far.path("mine"), tree.path("d"))
    vpo.scan(tree.root, "--follow-symlinks")
    words = ("verify", "export", tree.root, "--format", form)
    assert len(vpo.ok(*words).stdout.splitlines()) == 3
    for name, target in (("a.mkv", "secret/a.mkv"), ("d", "secret")):
        os.unlink(tree.path(name))
        os.symlink(far.path(target), tree.path(name))
    done = vpo.ok(*words, status=1)
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["plain.mkv"]
    assert done.stderr.count("leads to another file than when it was scanned") == 2
    bag = tmp_path / "bag"
    vpo.ok("verify", "export", tree.root, "--format", "bagit", "-o", bag, status=1)
    assert os.listdir(bag / "data") == ["plain.mkv"]


def test_where_a_bag_cannot_be(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    words = ["verify", "export", str(films.root), "--format", "bagit", "-o"]
    (tmp_path / "there").mkdir()
    assert "exists already" in vpo.ok(*words, tmp_path / "there", status=2).stderr
    assert "would be inside the directory" in vpo.ok(*words, films.root / "bag", status=2).stderr
    assert "cannot be written" in vpo.ok(*words, tmp_path / "none/bag", status=2).stderr
    assert "requires `-o NEWDIR`" in vpo.ok(*words, tmp_path / "b", "--force", status=2).stderr
    assert sorted(os.listdir(films.root)) == sorted({name.split("/")[0] for name in CONTENTS})
    assert os.listdir(tmp_path / "there") == []


def test_a_bag_cannot_be_exported(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    vpo.ok("verify", "export", films.root, "--format", "bagit", "-o", tmp_path / "bag")
    done = vpo.ok("verify", "export", tmp_path / "bag", "--json", "-o", tmp_path / "x", status=2)
    assert done.json["code"] == "IS_A_BAG"
    assert "vpo verify import" in done.json["hint"]


# -- What names mean -----------------------------------------------------------------


@pytest.fixture
def around(vpo: Vpo, tmp_path: Path) -> Path:
    """The directory `near/link/..`, which is `far`: both hold photos, and both are known."""
    for name in ("near/photos/a.jpg", "far/photos/x.jpg", "far/photos/y.jpg"):
        Tree(tmp_path).write(name, name.encode())
    (tmp_path / "far/sub").mkdir()
    (tmp_path / "near/link").symlink_to("../far/sub")
    vpo.ok("scan", tmp_path / "near", tmp_path / "far")
    return tmp_path / "near/link/.."


def test_dot_dot_after_a_link_is_the_parent_of_its_target(
    vpo: Vpo, around: Path, tmp_path: Path
) -> None:
    photos = around / "photos"
    far = [str(tmp_path / f"far/photos/{name}.jpg") for name in "xy"]
    assert sorted(vpo.files("--under", photos)) == far
    assert vpo.ok("files", "show", "--json", photos / "x.jpg").json["path"] == far[0]
    vpo.ok("files", "show", photos / "a.jpg", status=2)
    said = vpo.ok("verify", "--json", photos).json
    assert (said["directories"], said["new"]) == ([{"path": str(tmp_path / "far/photos")}], 2)
    assert vpo.ok("verify", "status", "--json", photos).json["files"] == 2
    assert vpo.ok("verify", "--json", photos / "y.jpg").json["verified"] == 1


def test_manifests_resolve_dot_dot_as_the_system_does(
    vpo: Vpo, around: Path, tmp_path: Path
) -> None:
    words: list[str | Path] = ["verify", "export", "--json", around / "photos", "-o"]
    written = vpo.ok(*words, around / "photos.b3").json
    assert (written["output"], written["files"]) == (str(tmp_path / "far/photos.b3"), 2)
    assert (tmp_path / "far/photos.b3").exists()
    vpo.ok(*words, around / "bag", "--format", "bagit")
    assert (tmp_path / "far/bag/data/x.jpg").exists()
    assert vpo.ok("verify", "import", "--json", around / "bag").json["findings"] == []
    words = ["verify", "import", "--json", "--root", around / "photos", around / "photos.b3"]
    assert vpo.ok(*words).json["recorded"] == 2
    assert sorted(path.name for path in (tmp_path / "near").iterdir()) == ["link", "photos"]
