"""`vpo files`: which files are listed, in which form, and what is shown of one."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from mounts import UNPRIVILEGED, need_permissions
from support import ISO_Z, OLD_NS, Outcome, Tree, Vpo

FILE_KEYS = {
    "path",
    "size_bytes",
    "modified_at",
    "mtime_ns",
    "kind",
    "extension",
    "scan_status",
    "scan_error",
    "scanned_at",
    "content_hash",
}

NAMES = (
    "100%_x/a.mkv",
    "100__x/b.mkv",
    "100ab_x/c.mkv",
    "Films/Amélie (2001)/Amélie.MKV",
    "Films/Amélie (2001)/Amélie.srt",
    "Films/poster.jpg",
    "Films extra/d.mkv",
    "Films-extra/e.mkv",
    "[a-z]/f.flac",
    "g.mp4",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `library` (scanned), `link` to it, `outside`, and `home`."""
    base = tmp_path_factory.mktemp("files")
    tree, vpo = Tree(base / "library"), Vpo(base / "home")
    for name in NAMES:
        tree.write(name, name.encode(), mtime_ns=OLD_NS)
    (base / "link").symlink_to("library")
    (base / "outside").mkdir()
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.executemany(
            "UPDATE files SET scan_status = ?, scan_error = ? WHERE name = ?",
            [("ok", None, "a.mkv"), ("error", "not a film", "b.mkv"), ("missing", None, "g.mp4")],
        )
    return base


def listed(base: Path, *options: str | Path) -> list[str]:
    """The names (relative to the library) that a command in `base` lists, in its order."""
    shown = Vpo(base / "home").ok("files", "list", "--print0", *options, cwd=base).stdout
    paths = shown.split("\0")
    assert paths.pop() == ""
    return [path.removeprefix(f"{base}/library/") for path in paths]


# -- Which files -----------------------------------------------------------------


def test_all_files_are_listed_by_directory_and_name(base: Path) -> None:
    def place(name: str) -> tuple[str, str]:
        directory, _, file = f"library/{name}".rpartition("/")
        return directory, file

    assert listed(base) == sorted(NAMES, key=place)


@pytest.mark.parametrize(
    ("under", "expected"),
    [
        pytest.param("{base}/library/Films", 3, id="absolute"),
        pytest.param("library/Films", 3, id="relative"),
        pytest.param("./library/../library//Films/", 3, id="roundabout-with-a-slash-at-the-end"),
        pytest.param("link/Films", 3, id="through-a-link"),
        pytest.param("link", len(NAMES), id="a-link-to-the-root"),
        pytest.param(".", len(NAMES), id="above-the-root"),
        pytest.param("/", len(NAMES), id="the-root-directory"),
        pytest.param("library/Films/Amélie (2001)", 2, id="not-ascii"),
        pytest.param("library/100%_x", 1, id="wildcards-of-like"),
        pytest.param("library/100__x", 1, id="more-wildcards-of-like"),
        pytest.param("library/[a-z]", 1, id="wildcards-of-glob"),
    ],
)
def test_under_lists_what_is_below_a_directory(base: Path, under: str, expected: int) -> None:
    names = listed(base, "--under", under.format(base=base))
    assert len(names) == expected
    if "Films" in under:
        assert all(name.startswith("Films/") for name in names)


@pytest.mark.parametrize(
    "under",
    [
        pytest.param("library/*", id="a-star"),
        pytest.param("library/Film", id="half-a-name"),
        pytest.param("library/films", id="another-case"),
        pytest.param("outside", id="not-scanned"),
        pytest.param("nowhere", id="not-there"),
    ],
)
@pytest.mark.parametrize("words", [["files", "list"], ["report", "library"]], ids=" ".join)
def test_a_directory_that_is_not_known_is_no_empty_one(
    base: Path, under: str, words: list[str]
) -> None:
    outcome = Vpo(base / "home").ok(*words, "--under", base / under, status=2)
    assert outcome.stdout == ""
    assert f"The catalogue has no files in `{base / under}`" in outcome.stderr
    is_there = (base / under).exists()
    assert ("the path does not exist" in outcome.stderr) is not is_there
    assert ("Scan it first" in outcome.stderr) is is_there


def test_a_directory_without_files_is_no_error(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    empty = tree.root / "empty"
    empty.mkdir()
    assert vpo.ok("files", "list", "--under", empty).stdout == ""
    assert vpo.ok("report", "library", "--json", "--under", empty).json["files"] == 0


def test_under_finds_files_of_a_directory_that_is_gone(vpo: Vpo, tree: Tree) -> None:
    tree.write("gone/a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    tree.remove("gone/a.mkv")
    (tree.root / "gone").rmdir()
    vpo.scan(tree.root)
    assert set(vpo.files("--under", tree.root / "gone")) == {f"{tree.root}/gone/a.mkv"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("--status ok", "a.mkv", id="status"),
        pytest.param("--status ok,Error", "a.mkv b.mkv", id="statuses"),
        pytest.param("--status missing --status error", "b.mkv g.mp4", id="status-twice"),
        pytest.param("--kind audio", "f.flac", id="kind"),
        pytest.param("--kind audio,image", "poster.jpg f.flac", id="kinds"),
        pytest.param("--kind other", "", id="kind-without-files"),
        pytest.param("-e jpg", "poster.jpg", id="extension"),
        pytest.param("-e .MP4,flac", "f.flac g.mp4", id="extensions-in-any-spelling"),
        pytest.param("--kind video --status error", "b.mkv", id="both-must-fit"),
        pytest.param("--status ok -e mp4", "", id="nothing-fits"),
        pytest.param("--under library/Films -e srt,mkv", "Amélie.MKV Amélie.srt", id="place-too"),
        pytest.param("--limit 0", "", id="none"),
    ],
)
def test_filters_select(base: Path, options: str, expected: str) -> None:
    names = [name.rpartition("/")[2] for name in listed(base, *options.split())]
    assert sorted(names) == sorted(expected.split())


def test_limit_keeps_the_first_ones(base: Path) -> None:
    everything = listed(base)
    assert listed(base, "--limit", "3") == everything[:3]
    assert listed(base, "--limit", "1000") == everything


def text_of(age: timedelta) -> str:
    return (datetime.now(timezone.utc) - age).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("30m", "new", id="minutes"),
        pytest.param("2h", "hour new", id="hours"),
        pytest.param("30h", "day hour new", id="hours-over-a-day"),
        pytest.param("2d", "day hour new", id="days"),
        pytest.param("2w", "day hour new week", id="weeks"),
        pytest.param("52w", "day gone hour new week", id="one-went-missing-a-month-ago"),
        pytest.param("2000-01-01", "day gone hour new week", id="a-date"),
        pytest.param("2000-01-01T12:30", "day gone hour new week", id="a-date-and-time"),
        pytest.param("2000-01-01T12:30:00Z", "day gone hour new week", id="a-time-in-utc"),
        pytest.param("2100-01-01", "", id="a-date-to-come"),
    ],
)
def test_changed_since_takes_ages_and_dates(vpo: Vpo, tree: Tree, when: str, expected: str) -> None:
    ages = {
        "new": timedelta(0),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(weeks=1),
        "gone": timedelta(weeks=2000),
    }
    for name in ages:
        tree.write(f"{name}.mkv")
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        for name, age in ages.items():
            connection.execute(
                "UPDATE files SET scanned_at = ? WHERE name = ?", (text_of(age), f"{name}.mkv")
            )
        connection.execute(
            "UPDATE files SET scan_status = 'missing', missing_since = ? WHERE name = 'gone.mkv'",
            (text_of(timedelta(days=30)),),
        )
    shown = vpo.ok("files", "list", "--print0", "--changed-since", when).stdout
    assert re.findall(r"(\w+)\.mkv\0", shown) == expected.split()


def test_changed_since_takes_a_time_for_local(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.execute("UPDATE files SET scanned_at = '2026-01-01T02:00:00Z'")
    at_four = ("files", "list", "--print0", "--changed-since", "2026-01-01T04:00")
    assert vpo.ok(*at_four).stdout == ""
    # Three hours east of Greenwich: 04:00 there is 01:00 UTC.
    vpo.environment = {"TZ": "EAST-3"}
    assert vpo.ok(*at_four).stdout.endswith("a.mkv\0")


# -- In which form ---------------------------------------------------------------


def test_json_is_an_array_of_what_is_known(base: Path) -> None:
    outcome = Vpo(base / "home").ok("files", "list", "--json")
    assert outcome.stderr == ""
    by_name = {each["path"].removeprefix(f"{base}/library/"): each for each in outcome.json}
    assert set(by_name) == set(NAMES)
    for name, each in by_name.items():
        assert set(each) >= FILE_KEYS
        assert each["size_bytes"] == len(name.encode())
        assert each["mtime_ns"] == OLD_NS
        assert each["modified_at"] == "2020-09-13T12:26:40.123456Z"
        assert ISO_Z.fullmatch(each["scanned_at"])
        assert each["content_hash"] is None
    film = by_name["Films/Amélie (2001)/Amélie.MKV"]
    assert (film["kind"], film["extension"], film["scan_status"]) == ("video", "mkv", "pending")
    failed = by_name["100__x/b.mkv"]
    assert (failed["scan_status"], failed["scan_error"]) == ("error", "not a film")


def test_jsonl_is_an_object_a_line(base: Path) -> None:
    vpo = Vpo(base / "home")
    lines = vpo.ok("files", "list", "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == vpo.ok("files", "list", "--json").json


def test_no_files_are_an_empty_list(base: Path) -> None:
    vpo = Vpo(base / "home")
    assert vpo.ok("files", "list", "--json", "--limit", "0").json == []
    assert vpo.ok("files", "list", "--jsonl", "--limit", "0") == Outcome(0, "", "")
    assert vpo.ok("files", "list", "--limit", "0").stdout in ("", "No files.\n")


def test_the_table_has_a_line_a_file(base: Path) -> None:
    head, *rows = Vpo(base / "home").ok("files", "list").stdout.splitlines()
    assert re.fullmatch(r"STATUS +SIZE +MODIFIED \(UTC\) +PATH", head)
    assert len(rows) == len(NAMES)
    column = head.index("PATH")
    assert {row[column:] for row in rows} == {f"{base}/library/{name}" for name in NAMES}
    (row,) = (row for row in rows if row.endswith("b.mkv"))
    assert row.split()[:3] == ["error", "12", "B"]


def test_names_that_are_not_utf8_are_kept_in_every_form(vpo: Vpo, tree: Tree) -> None:
    path = tree.write(b"di\xff/a\xfe.mkv")
    tree.write("di/b.mkv")
    vpo.scan(tree.root)
    (file,) = vpo.ok("files", "list", "--json", "--under", tree.path(b"di\xff")).json
    assert file["path"] == f"{tree.root}/di\ufffd/a\ufffd.mkv"
    assert base64.b64decode(file["path_b64"]) == path
    process = vpo.start("files", "list", "--print0")
    assert path + b"\0" in process.communicate()[0]
    assert "/di\\xff/a\\xfe.mkv\n" in vpo.ok("files", "list").stdout
    shown = vpo.ok("files", "show", "--json", path).json
    assert base64.b64decode(shown["path_b64"]) == path
    for plain in vpo.ok("files", "list", "--json", "--under", tree.root / "di").json:
        assert "path_b64" not in plain


def test_control_characters_are_escaped_for_people_only(vpo: Vpo, tree: Tree) -> None:
    tree.write("a\n\x1b[2Jb.mkv")
    vpo.scan(tree.root)
    assert "/a\\n\\x1b[2Jb.mkv\n" in vpo.ok("files", "list").stdout
    assert "\x1b" not in vpo.ok("files", "show", tree.root / "a\n\x1b[2Jb.mkv").stdout
    assert list(vpo.files()) == [f"{tree.root}/a\n\x1b[2Jb.mkv"]
    assert vpo.ok("files", "list", "--print0").stdout == f"{tree.root}/a\n\x1b[2Jb.mkv\0"


# -- Libraries that are not there, or not writable -----------------------------------


def test_a_missing_library_is_an_error(vpo: Vpo, tree: Tree) -> None:
    for words in (("list",), ("list", "--jsonl"), ("show", "a.mkv")):
        outcome = vpo.run("files", *words)
        assert outcome.status == 2
        assert outcome.stdout == ""
        assert outcome.stderr.startswith(f"Error: There is no catalogue at `{vpo.database}`.\n\n")
    shown = vpo.ok("files", "list", "--json", "--db", tree.root / "none.db", status=2).json
    assert (shown["error"], shown["code"]) == (True, "LIBRARY_NOT_FOUND")
    assert shown["details"]["path"] == str(tree.root / "none.db")
    assert not vpo.home.exists()
    assert list(tree.root.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "NOT_A_LIBRARY"), (b"not a database at all" * 300, "NOT_A_LIBRARY")],
    ids=["empty", "text"],
)
def test_what_is_no_library_is_told_and_left_alone(
    vpo: Vpo, tmp_path: Path, content: bytes, code: str
) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(content)
    assert vpo.ok("files", "list", "--json", "--db", file, status=2).json["code"] == code
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("locked", ["directory", "file", "both"])
def test_a_library_that_cannot_be_written_can_be_read(
    vpo: Vpo, tree: Tree, tmp_path: Path, locked: str
) -> None:
    need_permissions(tmp_path)
    tree.write("a.mkv")
    vpo.scan(tree.root)
    if locked != "directory":
        vpo.database.chmod(0o444)
    if locked != "file":
        vpo.home.chmod(0o555)
    outcome = vpo.ok("files", "list", "--print0", **UNPRIVILEGED)
    assert outcome == Outcome(0, f"{tree.root}/a.mkv\0", "")
    shown = vpo.ok("files", "show", tree.root / "a.mkv", **UNPRIVILEGED)
    assert shown.stdout.startswith(f"{tree.root}/a.mkv\n")
    vpo.home.chmod(0o755)
    assert list(vpo.home.iterdir()) == [vpo.database]


def test_listing_leaves_the_library_as_it_is(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    before = vpo.database.read_bytes()
    vpo.files()
    vpo.ok("files", "show", tree.root / "a.mkv")
    assert vpo.database.read_bytes() == before
    assert list(vpo.home.iterdir()) == [vpo.database]


# -- One file --------------------------------------------------------------------


def test_show_takes_any_path_to_a_file(base: Path) -> None:
    vpo = Vpo(base / "home")
    expected = str(base / "library/Films/poster.jpg")
    for path in (expected, "library/Films/poster.jpg", "link//Films/./poster.jpg"):
        assert vpo.ok("files", "show", "--json", path, cwd=base).json["path"] == expected
    assert vpo.ok("files", "show", "poster.jpg", cwd=base / "library/Films").stdout.startswith(
        f"{expected}\n"
    )


def test_show_of_a_recorded_link_is_of_the_link(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.mkv").write_bytes(b"film")
    (tree.root / "link.mkv").symlink_to(tmp_path / "elsewhere.mkv")
    vpo.scan(tree.root, "--follow-symlinks")
    shown = vpo.ok("files", "show", "--json", tree.root / "link.mkv").json
    assert (shown["path"], shown["is_symlink"]) == (f"{tree.root}/link.mkv", True)


@pytest.mark.parametrize("path", ["nope.mkv", "library", "library/Films/", "."])
def test_show_of_what_is_not_known_is_an_error(base: Path, path: str) -> None:
    vpo = Vpo(base / "home")
    outcome = vpo.run("files", "show", path, cwd=base)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(f"Error: The catalogue has no file `{path}`")
    assert vpo.run("files", "show", "--json", path, cwd=base).json["code"] == "FILE_NOT_FOUND"


def test_show_has_tracks_and_jobs(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"x" * 1536, mtime_ns=OLD_NS)
    tree.write("b.mkv")
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        (file_id,) = connection.execute("SELECT id FROM files WHERE name = 'a.mkv'").fetchone()
        connection.execute(
            "UPDATE files SET container_format = 'matroska', content_hash = 'xxh64:1',"
            " scan_status = 'ok' WHERE id = ?",
            (file_id,),
        )
        connection.executemany(
            "INSERT INTO tracks (file_id, track_index, track_type, codec, language, title,"
            " is_default, is_forced, channels, channel_layout, width, height, frame_rate)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (file_id, 1, "audio", "aac", "fra", "VF\x07", 1, 0, 6, "5.1", None, None, None),
                (file_id, 0, "video", "hevc", None, None, 1, 0, None, None, 1920, 1080, "24/1"),
                (file_id, 2, "subtitle", "subrip", "eng", None, 0, 1, *[None] * 5),
            ],
        )
        connection.execute(
            "INSERT INTO jobs (id, file_id, file_path, job_type, status, policy_json, created_at,"
            " started_at) VALUES ('0b6c2d1e-0000-4000-8000-000000000000', ?, 'a.mkv', 'transcode',"
            " 'failed', '{}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z')",
            (file_id,),
        )
    shown = vpo.ok("files", "show", "--json", tree.root / "a.mkv").json
    assert set(shown) >= FILE_KEYS | {"container_format", "tracks", "jobs"}
    assert (shown["container_format"], shown["content_hash"]) == ("matroska", "xxh64:1")
    assert shown["inode"] == (tree.root / "a.mkv").stat().st_ino
    assert [track["track_type"] for track in shown["tracks"]] == ["video", "audio", "subtitle"]
    assert (shown["tracks"][0]["width"], shown["tracks"][1]["language"]) == (1920, "fra")
    jobs = {job["id"][:8]: job for job in shown["jobs"]}
    assert (jobs["0b6c2d1e"]["job_type"], jobs["0b6c2d1e"]["status"]) == ("transcode", "failed")

    vpo.environment = {"TZ": "UTC"}
    text = vpo.ok("files", "show", tree.root / "a.mkv").stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for expected in (
        "Status: ok",
        "Kind: video (mkv)",
        "Size: 1.5 KiB (1,536 bytes)",
        "Modified: 2020-09-13T12:26:40.123456Z",
        "Container: matroska",
        "0: video, hevc, 1920x1080, 24 fps, default",
        '1: audio, aac, 5.1, fra, "VF\\x07", default',
        "2: subtitle, subrip, eng, forced",
        "0b6c2d1e 2026-01-01 00:00 transcode failed",
    ):
        assert expected in lines, text

    other = vpo.ok("files", "show", "--json", tree.root / "b.mkv").json
    assert other["tracks"] == []
    assert "0b6c2d1e" not in json.dumps(other["jobs"])


def test_only_one_form_can_be_asked_for(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    for words in (("--json", "--print0"), ("--jsonl", "--print0"), ("--json", "--jsonl")):
        said = vpo.ok("files", "list", *words, status=2)
        assert "Only one of --json, --jsonl and --print0" in said.stdout + said.stderr
