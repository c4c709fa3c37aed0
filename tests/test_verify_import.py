"""`vpo verify import`: files held against manifests, and what is recorded of it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import signal
import subprocess
import unicodedata
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from faults import faulty
from injection import injected, just_after
from integrity import HOSTILE_NAMES
from mounts import UNPRIVILEGED, need_permissions
from support import OLD_NS, Tree, Vpo, wait_until
from vpo.manifest.checking import ManifestChecker

HASHDEEP, RHASH, B3SUM = (shutil.which(name) or "" for name in ("hashdeep", "rhash", "b3sum"))

CONTENTS = {"a.mkv": b"one", "sub/b, c.mkv": b"two", "sub/d.mkv": b""}


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def sums(algorithm: str, contents: dict[str, bytes]) -> bytes:
    """A manifest as `sha256sum` and its kin write it."""
    return "".join(
        f"{hashlib.new(algorithm, content).hexdigest()}  {name}\n"
        for name, content in contents.items()
    ).encode()


@pytest.fixture
def films(tree: Tree, vpo: Vpo) -> Tree:
    """A scanned tree of `CONTENTS`."""
    tree.write_all(CONTENTS)
    vpo.scan(tree.root)
    return tree


def recorded(vpo: Vpo) -> dict[str, tuple[str | None, bool]]:
    """By name: the recorded digest, and whether it was verified."""
    with vpo.sql() as library:
        rows = library.execute("SELECT name, content_hash, verified_at, ctime_ns FROM files")
        return {
            row["name"]: (row["content_hash"], bool(row["verified_at"] and row["ctime_ns"]))
            for row in rows
        }


def put(tree: Tree, content: bytes, name: str = "SUMS") -> bytes:
    return tree.write(name, content)


def problems(outcome: Any) -> dict[str, str]:
    """By the last part of the path: what is wrong."""
    return {os.path.basename(each["path"]): each["problem"] for each in outcome["findings"]}


@pytest.mark.parametrize("prefix", ["library/", "elsewhere/"])
def test_if_no_file_exists_the_right_directory_is_suggested(
    vpo: Vpo, films: Tree, prefix: str
) -> None:
    listed = {f"{prefix}{name}": content for name, content in CONTENTS.items()}
    manifest = put(films, sums("sha256", listed))
    done = vpo.ok("verify", "import", manifest, status=1)
    fits = f"`--root {films.root.parent}` fits"
    assert f"No file of the manifest exists below `{films.root}`; " in done.stderr
    assert (fits if prefix == "library/" else "name that with `--root DIR`") in done.stderr
    if prefix == "library/":
        vpo.ok("verify", "import", "--root", films.root.parent, manifest)


def test_matching_files_are_recorded_as_verified(vpo: Vpo, films: Tree) -> None:
    manifest = put(films, sums("sha256", CONTENTS))
    done = vpo.ok("verify", "import", manifest)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[:5] == [
        f"Checked 3 files of {os.fsdecode(manifest)} (sha256sum)",
        "  Matching: 3",
        "    recorded as verified: 3",
        "  Differing: 0",
        "  Missing: 0",
    ]
    assert re.fullmatch(r"Import complete in \d+\.\ds, 6 B read \(job: [0-9a-f]{8}\)", lines[-1])
    found = recorded(vpo)
    assert all(is_verified for _, is_verified in found.values())
    # Of nothing, by BLAKE3's own test vectors.
    empty = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert found["d.mkv"] == (empty, True)


def test_the_job_is_recorded(vpo: Vpo, films: Tree) -> None:
    manifest = put(films, sums("md5", {**CONTENTS, "a.mkv": b"other", "gone.mkv": b""}))
    result = vpo.ok("verify", "import", "--json", manifest, status=1).json
    job = vpo.jobs()[-1]
    assert (job["id"], job["job_type"], job["status"]) == (result["job_id"], "import", "failed")
    assert job["file_path"] == os.fsdecode(manifest)
    assert job["error_message"] == "Files do not match the manifest: 1 differing, 1 missing"
    shown = vpo.ok("jobs", "show", job["id"], "--json").json
    assert shown["summary"] == {name: result[name] for name in shown["summary"]}
    assert shown["summary"]["recorded"] == 2
    assert shown["errors"]["count"] == 2
    assert shown["errors"]["issues"] == result["findings"]
    assert shown["files_affected"]["counts"] == {"recorded": 2}
    assert "a.mkv`: differs: its md5 is" in vpo.ok("jobs", "show", job["id"]).stdout


def test_each_difference_is_a_line_and_the_rest_is_recorded(vpo: Vpo, films: Tree) -> None:
    lines = [
        f"{md5(b'other')}  a.mkv",
        f"{md5(b'two')}  sub/b, c.mkv",
        f"{md5(b'')}  sub/d.mkv",
        f"{md5(b'')}  gone.mkv",
        f"{md5(b'')}  /etc/hostname",
        f"{md5(b'')}  ../library/a.mkv",
        "hello",
        f"{md5(b'')[:-1]}  short.mkv",
        f"{md5(b'x')}  sub/d.mkv",
    ]
    manifest = put(films, "\n".join(lines).encode())
    done = vpo.ok("verify", "import", manifest, status=1)
    root = films.root
    assert sorted(done.stderr.splitlines()) == sorted(
        [
            f"Error: `{root}/a.mkv` differs: its md5 is {md5(b'one')}, not {md5(b'other')}",
            f"Error: `{root}/gone.mkv` is missing",
            f"Error: `{root}/SUMS`, line 5: `/etc/hostname` is an absolute path",
            f"Error: `{root}/SUMS`, line 6: `../library/a.mkv` contains `..`",
            f"Error: `{root}/SUMS`, line 7: not a digest followed by a file name",
            f"Error: `{root}/SUMS`, line 8: the digest has 31 digits, but md5 digests have 32",
            f"Error: `{root}/SUMS`, line 9: `sub/d.mkv` has a different digest on line 3",
        ]
    )
    assert "  Refused: 5" in done.stdout
    assert {name for name, each in recorded(vpo).items() if each[1]} == {"b, c.mkv", "d.mkv"}


def test_files_that_the_catalogue_does_not_know_are_counted(vpo: Vpo, films: Tree) -> None:
    films.write("new.mkv", b"new")
    films.write("a.mkv", b"two and a half")
    contents = {**CONTENTS, "new.mkv": b"new", "a.mkv": b"two and a half"}
    done = vpo.ok("verify", "import", put(films, sums("sha1", contents)))
    assert "    not in the catalogue: 1 (scan them first)" in done.stdout
    assert "    changed since the last scan: 1 (scan them first)" in done.stdout
    assert "    recorded as verified: 2" in done.stdout
    assert recorded(vpo)["a.mkv"] == (None, False)


def test_root_is_what_names_are_relative_to(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    manifest = tmp_path / "list.md5"
    manifest.write_bytes(sums("md5", CONTENTS))
    assert vpo.ok("verify", "import", "--json", manifest, status=1).json["missing"] == 3
    result = vpo.ok("verify", "import", "--json", manifest, "--root", films.root).json
    assert (result["matched"], result["recorded"]) == (3, 3)
    assert result["directory"] == str(films.root)


def test_a_root_by_a_link_is_the_same(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(films.root)
    put(films, sums("md5", CONTENTS))
    assert vpo.ok("verify", "import", "--json", tmp_path / "link/SUMS").json["recorded"] == 3


def test_unlisted_files_only_matter_with_complete(vpo: Vpo, films: Tree) -> None:
    manifest = put(films, sums("md5", {"a.mkv": b"one"}))
    assert vpo.ok("verify", "import", "--json", manifest).json["entries"] == 1
    result = vpo.ok("verify", "import", "--json", "--complete", manifest, status=1).json
    assert problems(result) == {"b, c.mkv": "extra", "d.mkv": "extra"}
    assert result["findings"][0]["message"] == "is not in the manifest"


# -- What the library has recorded -----------------------------------------------


def test_other_content_of_the_same_size_and_mtime_is_damage(vpo: Vpo, films: Tree) -> None:
    vpo.ok("verify", "import", put(films, sums("md5", CONTENTS)))
    before = recorded(vpo)["a.mkv"]
    films.write("a.mkv", b"eno")
    manifest = put(films, sums("md5", {"a.mkv": b"eno"}))
    result = vpo.ok("verify", "import", "--json", manifest, status=1).json
    assert problems(result) == {"a.mkv": "damaged"}
    assert result["findings"][0]["message"].endswith("; check it with `vpo verify`")
    assert (result["matched"], result["recorded"]) == (0, 0)
    assert recorded(vpo)["a.mkv"] == before


def test_recorded_damage_is_not_overwritten(vpo: Vpo, films: Tree) -> None:
    with vpo.sql() as library:
        (number,) = library.execute("SELECT id FROM files WHERE name = 'a.mkv'").fetchone()
        library.execute(
            "INSERT INTO damage (file_id, damage, found_at, job, size_bytes, mtime_ns)"
            " VALUES (?, 'rotted', '2026-01-01T00:00:00Z', 1, 3, ?)",
            (number, OLD_NS),
        )
    result = vpo.ok("verify", "import", "--json", put(films, sums("md5", CONTENTS)), status=1).json
    assert problems(result) == {"a.mkv": "damaged"}
    assert "is recorded as damaged" in result["findings"][0]["message"]
    assert recorded(vpo)["a.mkv"] == (None, False)
    assert result["recorded"] == 2


def test_a_difference_says_what_the_catalogue_has(vpo: Vpo, films: Tree) -> None:
    vpo.ok("verify", "import", put(films, sums("md5", CONTENTS)))
    manifest = put(films, sums("md5", {"a.mkv": b"older"}))
    done = vpo.ok("verify", "import", manifest, status=1)
    assert done.stderr.rstrip().endswith("; the file matches the digest in the catalogue")


def test_a_digest_of_version_6_is_replaced_if_it_is_right(vpo: Vpo, films: Tree) -> None:
    with vpo.sql() as library:
        library.execute("UPDATE files SET content_hash = 'xxh64:0:0:3' WHERE name = 'a.mkv'")
    result = vpo.ok("verify", "import", "--json", put(films, sums("md5", CONTENTS)), status=1).json
    assert problems(result) == {"a.mkv": "damaged"}
    assert recorded(vpo)["a.mkv"] == ("xxh64:0:0:3", False)


# -- Formats ---------------------------------------------------------------------


def test_files_decide_between_blake3_and_sha256(vpo: Vpo, films: Tree) -> None:
    vpo.ok("verify", "import", put(films, sums("md5", CONTENTS)))
    digests = {name: each[0] or "" for name, each in recorded(vpo).items()}
    lines = [
        f"{digests[os.path.basename(name)].removeprefix('blake3:')}  {name}\n" for name in CONTENTS
    ]
    manifest = put(films, "".join(lines).encode(), "list")
    assert vpo.ok("verify", "import", "--json", manifest).json["format"] == "b3sum"
    manifest = put(films, sums("sha256", CONTENTS), "list")
    assert vpo.ok("verify", "import", "--json", manifest).json["format"] == "sha256sum"
    manifest = put(films, sums("sha256", dict.fromkeys(CONTENTS, b"others")), "list")
    done = vpo.ok("verify", "import", manifest, status=2)
    assert "has the format sha256sum or b3sum" in done.stderr
    assert "none of the files that vpo tried matches" in done.stderr
    result = vpo.ok("verify", "import", "--json", "--format", "sha256sum", manifest, status=1).json
    assert result["differing"] == 3


def test_one_reading_serves_several_digests(vpo: Vpo, films: Tree) -> None:
    lines = ["%%%% HASHDEEP-1.0", "%%%% size,md5,sha1,filename"]
    for name, content in CONTENTS.items():
        sha1 = hashlib.sha1(content).hexdigest()
        lines.append(f"{len(content)},{md5(content)},{sha1},./{name}")
    lines += [f"9,{md5(b'one')},{hashlib.sha1(b'one').hexdigest()},a.mkv"]
    manifest = put(films, "\n".join(lines).encode())
    result = vpo.ok("verify", "import", "--json", manifest, status=1).json
    assert (result["format"], result["recorded"], result["bytes"]) == ("hashdeep", 3, 6)
    assert problems(result) == {"SUMS": "refused"}


def test_another_size_is_found_without_reading(vpo: Vpo, films: Tree) -> None:
    text = f"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n9,{md5(b'one')},a.mkv\n"
    result = vpo.ok("verify", "import", "--json", put(films, text.encode()), status=1).json
    assert result["findings"][0]["message"] == "differs: its size is 3 bytes, not 9"
    assert result["bytes"] == 0


def test_an_sfv_file_of_another_machine(vpo: Vpo, films: Tree) -> None:
    lines = [f"{name} {zlib.crc32(content):08X}" for name, content in CONTENTS.items()]
    text = "; made by a program\r\n" + "".join(line + "\r\n" for line in lines)
    manifest = put(films, text.replace("/", "\\").encode())
    done = vpo.ok("verify", "import", "--json", manifest).json
    assert (done["format"], done["recorded"]) == ("sfv", 3)
    assert done["warnings"] == ["Backslashes in the manifest are read as directory separators"]
    result = vpo.ok("verify", "import", "--backslashes", "name", manifest, status=1)
    assert "`--backslashes separator` reads its backslashes as separators" in result.stderr


def test_backslashes_are_not_guessed_where_names_have_slashes(vpo: Vpo, films: Tree) -> None:
    contents = {"a.mkv": b"one", "sub/b, c.mkv": b"two", "sub\\d.mkv": b""}
    manifest = put(films, sums("md5", contents))
    result = vpo.ok("verify", "import", "--json", manifest, status=1).json
    assert problems(result) == {"sub\\d.mkv": "missing"}
    result = vpo.ok("verify", "import", "--json", "--backslashes", "separator", manifest).json
    assert result["recorded"] == 3


def test_a_backslash_can_be_part_of_a_name(vpo: Vpo, films: Tree) -> None:
    films.write("sub\\d.mkv", b"literally")
    manifest = put(films, sums("md5", {"sub\\d.mkv": b"literally"}))
    assert vpo.ok("verify", "import", "--json", manifest).json["matched"] == 1


def test_paths_of_windows_are_refused(vpo: Vpo, films: Tree) -> None:
    lines = [f"{md5(b'')}  {name}\n" for name in ("C:\\a.mkv", "D:/a.mkv", "\\\\nas\\a.mkv")]
    result = vpo.ok(
        "verify", "import", "--json", put(films, "".join(lines).encode()), status=1
    ).json
    assert result["refused"] == 3
    assert result["findings"][0]["message"] == "line 1: `C:\\a.mkv` is an absolute Windows path"


def test_names_with_other_unicode_normalization_are_found(vpo: Vpo, films: Tree) -> None:
    name = unicodedata.normalize("NFD", "Amélie.mkv")
    films.write(name, b"x")
    vpo.scan(films.root)
    composed = unicodedata.normalize("NFC", name)
    manifest = put(films, sums("md5", {composed: b"x"}))
    assert vpo.ok("verify", "import", "--json", manifest).json["recorded"] == 1


def test_names_that_are_not_utf8(vpo: Vpo, films: Tree) -> None:
    films.write(b"caf\xe9.mkv", b"x")
    vpo.scan(films.root)
    line = md5(b"y").encode() + b"  caf\xe9.mkv\n"
    result = vpo.ok("verify", "import", "--json", put(films, line), status=1).json
    assert result["findings"][0]["path"].endswith("/caf\ufffd.mkv")
    assert result["findings"][0]["path_b64"]
    # Made where names are in another encoding than here.
    films.write("café.mkv", b"y")
    manifest = put(films, line)
    done = vpo.ok("verify", "import", "--json", "--encoding", "latin-1", manifest)
    assert done.json["matched"] == 1


@pytest.mark.parametrize(
    ("content", "words", "status", "said"),
    [
        pytest.param(b"hello", [], 2, "has no format that vpo knows", id="words"),
        pytest.param(b"", [], 2, "SUMS` is empty, so it is not a manifest", id="empty"),
        pytest.param(b"x" * 5_000_000, [], 2, "line 1 is longer than 32,768 bytes", id="long"),
        pytest.param(b"# none\n\n", [], 2, "does not name any file", id="comments"),
        pytest.param(b"hello", ["--format", "md5sum"], 1, "line 1: not a digest", id="forced"),
        pytest.param(b"x", ["--format", "bagit"], 2, "is not a BagIt bag", id="no-bag"),
        pytest.param(
            b"x", ["--encoding", "klingon"], 2, "`klingon` is not a known encoding", id="encoding"
        ),
        pytest.param(b"x", ["--root", "/nowhere"], 2, "no directory `/nowhere`", id="root"),
        pytest.param(b"x", ["--format", "xls"], 2, "'xls' is not one of", id="format"),
    ],
)
def test_files_that_are_not_manifests(
    vpo: Vpo, films: Tree, content: bytes, words: list[str], status: int, said: str
) -> None:
    done = vpo.ok("verify", "import", *words, put(films, content), status=status)
    assert said in done.stderr
    assert len(vpo.jobs()) == 1 + (status == 1)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{md5(b'')}  ../\x1b[31m{'x' * 9000}\n", id="name"),
        pytest.param(f"{md5(b'')}  \x1b[31m.mkv\n", id="missing"),
        pytest.param(f"{md5(b'')}  a\n\\{md5(b'')}  a\\\x1b[31m\n", id="escape"),
        pytest.param("%%%% HASHDEEP-1.0\n%%%% size,\x1b[31m,filename\n", id="column"),
        pytest.param("%%%% HASHDEEP-\x1b[31m\n", id="version"),
        pytest.param("\x1b[31m" * 100, id="line"),
    ],
)
def test_messages_are_harmless_to_a_terminal(vpo: Vpo, films: Tree, content: str) -> None:
    done = vpo.run("verify", "import", put(films, content.encode()))
    assert done.status in (1, 2)
    assert "\x1b" not in done.stderr + done.stdout
    assert max(map(len, done.stderr.splitlines())) < 600


def test_a_manifest_that_does_not_exist(vpo: Vpo, films: Tree) -> None:
    for name, said in (("none", "No such file"), ("sub", "is a directory, but not a BagIt bag")):
        done = vpo.ok("verify", "import", films.path(name), status=2)
        assert said in done.stderr
    error = vpo.ok("verify", "import", "--json", films.path("none"), status=2).json
    assert error["code"] == "BAD_MANIFEST"


def test_without_a_library_nothing_is_made(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"one")
    done = vpo.ok("verify", "import", put(tree, sums("md5", {"a.mkv": b"one"})), status=2)
    assert "There is no catalogue" in done.stderr
    assert not vpo.database.exists()


def test_files_that_are_not_regular_are_not_waited_for(vpo: Vpo, films: Tree) -> None:
    os.mkfifo(films.path("fifo.mkv"))
    films.write("dir.mkv/x", b"")
    lines = [f"{md5(b'')}  {name}\n" for name in ("fifo.mkv", "dir.mkv", "a.mkv/x")]
    result = vpo.ok(
        "verify", "import", "--json", put(films, "".join(lines).encode()), status=1
    ).json
    assert problems(result) == {
        "fifo.mkv": "unreadable",
        "dir.mkv": "unreadable",
        "x": "missing",
    }


def test_an_unreadable_file_is_an_error(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    need_permissions(tmp_path)
    os.chmod(films.path("a.mkv"), 0)
    manifest = put(films, sums("md5", CONTENTS))
    result = vpo.ok("verify", "import", "--json", manifest, status=1, **UNPRIVILEGED).json
    assert problems(result) == {"a.mkv": "unreadable"}
    assert result["findings"][0]["message"] == "cannot be read: Permission denied"


def test_a_signal_stops_it_and_what_was_done_is_kept(vpo: Vpo, films: Tree) -> None:
    big = films.path("big.mkv")
    with open(big, "wb") as file:
        file.truncate(200 << 30)
    manifest = put(films, sums("md5", {**CONTENTS, "big.mkv": b""}))
    process = vpo.start("verify", "import", manifest)
    wait_until(lambda: recorded(vpo)["a.mkv"][1], process=process)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (
        143,
        b"Stopped. What was recorded until now is kept.\n",
    )
    assert vpo.jobs()[-1]["status"] == "cancelled"
    assert recorded(vpo)["a.mkv"][1]


def test_a_bad_sector_is_reported_with_its_place(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    for name in ("good.mkv", "bad.eio-at-4096.mkv"):
        tree.write(name, b"x" * 10_000)
    with faulty(tree.root) as point:
        vpo.scan(point)
        contents = dict.fromkeys(("good.mkv", "bad.eio-at-4096.mkv"), b"x" * 10_000)
        manifest = tmp_path / "list.md5"
        manifest.write_bytes(sums("md5", contents))
        words = ["verify", "import", str(manifest), "--root", str(point), "--json"]
        result = vpo.ok(*words, status=1).json
        assert (result["matched"], result["unreadable"]) == (1, 1)
        (finding,) = result["findings"]
        assert finding["message"].startswith("cannot be read at byte ")
        assert finding["message"].endswith(": Input/output error")
        assert finding["errno"] == errno.EIO
        done = vpo.ok("verify", "export", point, status=1)
        assert [line.split("  ")[1] for line in done.stdout.splitlines()] == ["good.mkv"]
        assert "bad.eio-at-4096.mkv` cannot be read at byte " in done.stderr
        assert done.stderr.endswith(": Input/output error\n")


def test_an_import_that_failed_can_be_tried_again(vpo: Vpo, films: Tree) -> None:
    films.remove("a.mkv")
    manifest = put(films, sums("md5", CONTENTS), "list.txt")
    words = ["verify", "import", str(os.fsdecode(manifest)), "--format", "md5sum", "--complete"]
    vpo.ok(*words, status=1)
    job = vpo.jobs()[-1]
    films.write("a.mkv", b"one")
    vpo.ok("jobs", "retry", job["id"])
    vpo.ok("jobs", "run")
    again = vpo.jobs()[-1]
    assert (again["id"], again["status"]) == (job["id"], "completed")
    assert again["policy_json"] == job["policy_json"]
    assert all(is_verified for _, is_verified in recorded(vpo).values())


def test_what_a_scan_recorded_meanwhile_is_not_overwritten(vpo: Vpo, films: Tree) -> None:
    manifest = put(films, sums("md5", CONTENTS))
    # When all files are read, and nothing is recorded.
    scanned_meanwhile = just_after(ManifestChecker._verify).comes(
        partial(films.write, "a.mkv", b"another"),
        partial(vpo.ok, "scan", films.root),
        turn=len(CONTENTS),
    )
    done = injected(vpo, scanned_meanwhile).ok("verify", "import", "--json", manifest).json
    assert (done["recorded"], done["outdated"]) == (2, 1)
    assert recorded(vpo)["a.mkv"] == (None, False)
    assert recorded(vpo)["b, c.mkv"][1]


# -- Beside the programs that write them -----------------------------------------

NAMES = (*HOSTILE_NAMES, b"trail ", b"#hash; semi.mkv")


@pytest.mark.parametrize(
    "command",
    [
        "sha256sum",
        "sha256sum --binary",
        "sha256sum --tag",
        "sha512sum",
        "sha1sum",
        "md5sum",
        "md5sum --tag",
        pytest.param("b3sum", marks=pytest.mark.skipif(not B3SUM, reason="no b3sum")),
        pytest.param("rhash --bsd --sha1", marks=pytest.mark.skipif(not RHASH, reason="no rhash")),
        pytest.param("rhash --sfv", marks=pytest.mark.skipif(not RHASH, reason="no rhash")),
        pytest.param("hashdeep -l", marks=pytest.mark.skipif(not HASHDEEP, reason="no hashdeep")),
    ],
)
def test_manifests_of_other_programs_are_read(vpo: Vpo, tree: Tree, command: str) -> None:
    words = command.split()
    wanted = list(NAMES)
    if words[0] == "b3sum":
        # It writes these so that nobody can tell what they were.
        wanted.remove(b"caf\xe9.mkv")
    if words[0] in ("rhash", "hashdeep"):
        odd = (b"\n", b"\\", b"\r", b"*", b" lead")
        wanted = [name for name in wanted if not any(each in name for each in odd)]
    for name in wanted:
        tree.write(name, b"content of " + name)
    vpo.scan(tree.root, "-e", "mkv")
    listed = subprocess.run(
        [*words, "--", *wanted] if words[0] not in ("rhash", "hashdeep") else [*words, *wanted],
        cwd=tree.root,
        capture_output=True,
        check=True,
    )
    manifest = put(tree, listed.stdout, "listed")
    result = vpo.ok("verify", "import", "--json", manifest).json
    assert (result["entries"], result["matched"]) == (len(wanted), len(wanted)), result
    assert result["unknown"] == (b"trail " in wanted)
