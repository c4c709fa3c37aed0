"""Introspection when everything goes wrong: the file, the tool, the moment."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from injection import injected, just_before, make_young
from mounts import UNPRIVILEGED, mounted, need_permissions, resize
from support import OLD_NS, Tree, Vpo, wait_until, wait_while_young
from test_introspection import DAMAGED, counts, shown, sound, tool
from vpo._engine import Walk
from vpo.media import ffprobe
from vpo.media.introspection import IntrospectionRequest, Introspector, introspect_all

LATER_NS = OLD_NS + 10**15


@pytest.fixture
def vpo(vpo: Vpo) -> Vpo:
    """The command with its usual settings, but without ffprobe unless a test names one."""
    vpo.introspects = True
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    return vpo


def use_ffprobe(vpo: Vpo, directory: Path, script: str, prober: str = "ffprobe") -> None:
    """Uses `script` (in sh) as ffprobe."""
    path = tool(directory, "ffprobe", script)
    vpo.environment = {"VPO_TOOLS__FFPROBE": str(path), "VPO_TOOLS__PROBER": prober}


def answering(vpo: Vpo, directory: Path, answer: Any, prober: str = "ffprobe") -> None:
    """Uses an ffprobe with the same answer for every file: a text, or an object for JSON."""
    said = directory / "answer"
    said.write_text(answer if isinstance(answer, str) else json.dumps(answer))
    use_ffprobe(vpo, directory, f"cat {said}", prober)


# -- Counts ---------------------------------------------------------------------------------------


def test_a_file_left_unread_that_changed_counts_once(vpo: Vpo, tree: Tree) -> None:
    for number in range(700):
        tree.write(f"{number}.wav", b"")
    vpo.scan(tree.root, "--no-introspect")
    for number in range(700):
        tree.write(f"{number}.wav", DAMAGED, mtime_ns=LATER_NS)
    assert counts(vpo.scan(tree.root, status=1)) == (700, 0, 0, 0, 0, 700)


def test_a_file_that_is_tried_again_and_has_changed_counts_once(vpo: Vpo, tree: Tree) -> None:
    for number in range(700):
        tree.write(f"{number}.wav", b"")
    vpo.scan(tree.root, status=1)
    for number in range(700):
        tree.write(f"{number}.wav", DAMAGED, mtime_ns=LATER_NS)
    result = vpo.scan(tree.root, "--retry-errors", status=1)
    assert counts(result) == (700, 0, 0, 0, 0, 700)


def test_young_files_that_are_tried_again_count_once(vpo: Vpo, tree: Tree) -> None:
    for number in range(700):
        tree.write(f"{number}.wav", DAMAGED, mtime_ns=None)
    vpo.scan(tree.root, status=1)
    result = vpo.scan(tree.root, "--retry-errors", status=1)
    assert counts(result) == (700, 0, 0, 0, 0, 700)


def test_what_a_scan_cannot_see_it_does_not_read(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    need_permissions(tmp_path)
    for number in range(5):
        tree.write(f"sub/{number}.wav", sound())
    tree.write("a.wav", sound())
    vpo.scan(tree.root, "--no-introspect")
    os.chmod(tree.path("sub"), 0)
    try:
        result = vpo.scan(tree.root, status=1, **UNPRIVILEGED)
    finally:
        os.chmod(tree.path("sub"), 0o755)
    assert counts(result) == (2, 0, 1, 0, 0, 1)
    # They keep the state they had.
    assert vpo.statuses() == {"a.wav": "ok", **{f"{n}.wav": "pending" for n in range(5)}}
    assert counts(vpo.scan(tree.root)) == (6, 0, 6, 0, 0, 0)
    assert set(vpo.statuses().values()) == {"ok"}


def test_a_file_that_could_not_be_opened_is_read_as_soon_as_it_can_be(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    need_permissions(tmp_path)
    tree.write("a.wav", sound())
    tree.write("damaged.wav", DAMAGED)
    film = tree.write("b.wav", sound())
    os.chmod(film, 0)
    try:
        for _ in range(2):
            result = vpo.scan(tree.root, status=1, **UNPRIVILEGED)
            assert [issue["message"] for issue in result["issues"]].count("Permission denied") == 1
            assert vpo.statuses()["b.wav"] == "pending"
    finally:
        os.chmod(film, 0o644)
    assert vpo.files()[os.fsdecode(film)]["scan_error"] == "Permission denied"
    vpo.scan(tree.root)
    # What is wrong with the content stays until the content is another.
    assert vpo.statuses() == {"a.wav": "ok", "b.wav": "ok", "damaged.wav": "error"}
    assert vpo.files()[os.fsdecode(film)]["scan_error"] is None


def test_what_was_known_of_a_file_stays_while_it_cannot_be_opened(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    need_permissions(tmp_path)
    path = tree.write("a.wav", sound())
    vpo.scan(tree.root)
    before = vpo.ok("files", "show", "--json", path).json["tracks"]
    assert before
    os.chmod(path, 0)
    try:
        vpo.scan(tree.root, "--full", status=1, **UNPRIVILEGED)
    finally:
        os.chmod(path, 0o644)
    assert vpo.ok("files", "show", "--json", path).json["tracks"] == before


def test_a_link_that_is_not_followed_is_not_read(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "bad.wav"
    outside.write_bytes(DAMAGED)
    os.utime(outside, ns=(OLD_NS, OLD_NS))
    tree.write("a.wav", sound())
    os.symlink(outside, tree.path("link.wav"))
    assert vpo.scan(tree.root, "--no-introspect", "--follow-symlinks")["added"] == 2
    for _ in range(2):
        assert counts(vpo.scan(tree.root)) == (1, 0, 1, 0, 0, 0)
    assert vpo.statuses() == {"a.wav": "ok", "link.wav": "pending"}


@pytest.mark.parametrize("prober", ["native", "auto"])
def test_a_pipe_in_the_place_of_an_unread_file(
    vpo: Vpo, tree: Tree, tmp_path: Path, prober: str
) -> None:
    use_ffprobe(vpo, tmp_path, "sleep 20", prober)
    tree.write("a.wav", sound())
    tree.write("b.wav", sound())
    vpo.scan(tree.root, "--no-introspect")
    tree.remove("a.wav")
    os.mkfifo(tree.path("a.wav"))
    begin = time.monotonic()
    assert counts(vpo.scan(tree.root)) == (1, 0, 1, 0, 1, 0)
    assert time.monotonic() - begin < 10
    assert vpo.statuses() == {"a.wav": "missing", "b.wav": "ok"}


def test_a_full_scan_reads_what_came_back_too(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.wav", sound())
    tree.write("b.wav", sound())
    vpo.scan(tree.root)
    os.rename(path, tree.path("away"))
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.execute("UPDATE media SET duration_seconds = 77")
    os.rename(tree.path("away"), path)
    assert vpo.scan(tree.root, "--full")["total_discovered"] == 2
    assert shown(vpo, path)["duration_seconds"] == 0.5


def test_errors_come_back_with_their_files_and_are_tried_again_if_asked(
    vpo: Vpo, tree: Tree
) -> None:
    path = tree.write("bad.wav", DAMAGED)
    tree.write("b.wav", sound())
    vpo.scan(tree.root, status=1)
    os.rename(path, tree.path("away"))
    vpo.scan(tree.root)
    os.rename(tree.path("away"), path)
    assert counts(vpo.scan(tree.root, "--retry-errors", status=1)) == (2, 0, 1, 0, 0, 1)


def test_the_guard_counts_files_that_cannot_be_read_as_present(vpo: Vpo, tree: Tree) -> None:
    for number in range(300):
        tree.write(f"a/{number}.wav", sound())
    for number in range(110):
        tree.write(f"b/{number}.wav", sound())
    vpo.scan(tree.root)
    for number in range(300):
        tree.write(f"a/{number}.wav", DAMAGED, mtime_ns=LATER_NS)
    for number in range(110):
        tree.remove(f"b/{number}.wav")
    assert counts(vpo.scan(tree.root, status=1)) == (300, 0, 0, 0, 110, 300)


# -- What a stop must not lose --------------------------------------------------------------------


def test_a_young_file_is_read_again_even_after_a_stop(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    path = tree.write("a.wav", sound(0.5))
    # In the last moment, so that it is young however long the command takes to start.
    injected(vpo, just_before(Walk).comes(partial(make_young, path))).scan(tree.root)
    before = os.stat(path)
    # As within one tick of the clock: nothing shows that it changed.
    with open(path, "r+b") as file:
        file.write(sound(0.25, rate=16000)[:44])
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    wait_while_young(path)
    started = tmp_path / "started"
    use_ffprobe(vpo, tmp_path, f"touch {started}\nsleep 60")
    process = vpo.start("scan", tree.root)

    def is_settled() -> bool:
        """Whether the next scan will not look into the directory if nothing changes."""
        with vpo.sql() as connection:
            (fingerprint,) = connection.execute(
                "SELECT fingerprint FROM directories WHERE path = ?", (str(tree.root),)
            ).fetchone()
        return fingerprint is not None

    wait_until(lambda: started.exists() and is_settled(), process=process)
    process.kill()
    process.communicate()
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    assert counts(vpo.scan(tree.root)) == (1, 0, 1, 0, 0, 0)
    assert shown(vpo, path)["tracks"][0]["sample_rate"] == 16000


# -- ffprobe --------------------------------------------------------------------------------------

STREAM = {"index": 0, "codec_type": "audio", "codec_name": "pcm_s16le"}
TURNS: tuple[Any, ...] = ("x", None, 1e308, -(10**30), True, [], 1e-320)

ABSURD = {
    "a list": [],
    "a number": "7",
    "nothing": "",
    "no JSON": "{",
    "not a number": '{"format": {"format_name": "nut", "duration": NaN}, "streams": []}',
    "null": {"format": None, "streams": None, "chapters": None},
    "texts": {"format": "x", "streams": "y", "chapters": "z"},
    "numbers": {"format": 1, "streams": 2, "chapters": 3},
    "streams of nulls": {"format": {}, "streams": [None], "chapters": [None]},
    "nested lists": {"format": {"tags": [1]}, "streams": [[], {}], "chapters": [[]]},
    "an index of text": {"streams": [{**STREAM, "index": "x"}]},
    "an index of null": {"streams": [{**STREAM, "index": None}]},
    "an index below 0": {"streams": [{**STREAM, "index": -5}]},
    "an index beyond 64 bits": {"streams": [{**STREAM, "index": 2**70}]},
    "an index of half": {"streams": [{**STREAM, "index": 0.5}]},
    "an index without end": '{"streams": [{"index": 1e999}]}',
    "one index twice": {"streams": [STREAM, STREAM]},
    "a type that is a list": {"streams": [{**STREAM, "codec_type": []}]},
    "a codec that is an object": {"streams": [{**STREAM, "codec_name": {"a": 1}}]},
    "numbers beyond 64 bits": {
        "format": {"duration": "9" * 400, "bit_rate": "9" * 30},
        "streams": [
            {**STREAM, "channels": 2**64, "sample_rate": "9" * 5000, "bit_rate": "9" * 20},
            {**STREAM, "index": 1, "codec_type": "video", "width": 10**30, "height": -(10**30)},
        ],
    },
    "rates that are none": {
        "streams": [
            {"index": 0, "codec_type": "video", "avg_frame_rate": "9" * 5000 + "/1"},
            {"index": 1, "codec_type": "video", "avg_frame_rate": "9" * 400 + "/1"},
            {"index": 2, "codec_type": "video", "r_frame_rate": "1/" + "9" * 400},
            {"index": 3, "codec_type": "video", "r_frame_rate": {}, "time_base": 7},
        ]
    },
    "side data that is none": {
        "streams": [
            {"index": 0, "codec_type": "video", "side_data_list": None, "disposition": None},
            {"index": 1, "codec_type": "video", "side_data_list": [None]},
        ]
    },
    "turns that are none": {
        "streams": [
            {
                "index": number,
                "codec_type": "video",
                "side_data_list": [{"side_data_type": "Display Matrix", "rotation": turn}],
            }
            for number, turn in enumerate(TURNS)
        ]
    },
    "a turn without end": '{"streams": [{"index": 0, "codec_type": "video", "side_data_list":'
    ' [{"side_data_type": "Display Matrix", "rotation": 1e999}]}]}',
    "times that are none": {
        "format": {"duration": "nan", "tags": {"a": None, "": "b", "\u0000": "\u0000"}},
        "streams": [
            {**STREAM, "duration": "-1", "tags": {"DURATION": "9" * 400 + ":00:00"}},
            {**STREAM, "index": 1, "tags": {"DURATION": "9" * 5000 + ":00:00", "BPS": "9" * 30}},
            {**STREAM, "index": 2, "tags": {"language": ["x"], "title": {"a": "b"}}},
        ],
        "chapters": [{"start_time": "inf", "end_time": []}, {"start_time": "-5", "tags": 5}],
    },
    "half a character": '{"format": {"format_name": "nut", "tags": {"title": "\\ud800"}}}',
    "depth": '{"format": ' + "[" * 2000 + "]" * 2000 + "}",
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_answer_causes_an_error_at_most(
    vpo: Vpo, tree: Tree, tmp_path: Path, name: str
) -> None:
    answering(vpo, tmp_path, ABSURD[name])
    path = tree.write("a.wav", sound())
    tree.write("b.wav", sound())
    outcome = vpo.run("scan", "--json", tree.root)
    assert outcome.status in (0, 1), outcome
    result = outcome.json
    assert result["added"] + result["errors"] == 2
    assert result["errors"] in (0, 2)
    assert set(vpo.statuses().values()) == {"error" if result["errors"] else "ok"}
    vpo.check_integrity()
    for form in ("--json", "--verbose"):
        assert vpo.run("inspect", form, path).status == outcome.status
    vpo.ok("files", "show", path)
    vpo.ok("report", "library")
    # With the engine's word to fall back on, all is well.
    vpo.environment["VPO_TOOLS__PROBER"] = "auto"
    assert vpo.scan(tree.root, "--full")["errors"] == 0


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("exit 1", id="fails"),
        pytest.param("kill -9 $$", id="killed"),
        pytest.param("echo bad >&2; exit 3", id="says-why"),
        pytest.param("printf '\\033[31m\\377\\n' >&2; exit 1", id="says-it-in-colour"),
        pytest.param("yes", id="floods"),
        pytest.param("printf '\\377\\376'", id="not-utf-8"),
    ],
)
def test_an_ffprobe_that_goes_wrong_is_an_error_of_the_file(
    vpo: Vpo, tree: Tree, tmp_path: Path, script: str
) -> None:
    use_ffprobe(vpo, tmp_path, script)
    path = tree.write("a.wav", sound())
    assert counts(vpo.scan(tree.root, status=1)) == (1, 0, 0, 0, 0, 1)
    error = shown(vpo, path)["scan_error"]
    assert error.startswith("ffprobe: ")
    assert error.isprintable()


def test_a_scan_stops_although_ffprobe_closed_its_output_and_stays(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    use_ffprobe(vpo, tmp_path, "exec >&- 2>&-\nexec sleep 60")
    tree.write("a.wav", sound())
    waiting = tmp_path / "waiting"
    told = just_before(ffprobe._wait).comes(partial(Path.touch, waiting))
    process = injected(vpo, told).start("scan", tree.root)
    wait_until(waiting.exists, process=process)
    process.terminate()
    begin = time.monotonic()
    process.communicate(timeout=40)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("prober", ["auto", "ffprobe"])
def test_only_regular_files_are_shown_to_ffprobe(
    vpo: Vpo, tree: Tree, tmp_path: Path, prober: str
) -> None:
    asked = tmp_path / "asked"
    use_ffprobe(vpo, tmp_path, f"touch {asked}\nsleep 20", prober)
    os.mkfifo(tree.path("pipe.mkv"))
    os.mkdir(tree.path("directory.mkv"))
    for path in (tree.path("pipe.mkv"), tree.path("directory.mkv"), "/dev/zero", "/dev/null"):
        error = vpo.ok("inspect", path, status=1).stderr
        assert "it is not a regular file" in error
    assert not asked.exists()


def test_no_old_track_is_left_among_new_tracks(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    path = tree.write("a.wav", sound())

    def streams(*indexes: int) -> dict[str, Any]:
        return {"streams": [{**STREAM, "index": index} for index in indexes]}

    answering(vpo, tmp_path, streams(0, 1, 2, 3))
    vpo.scan(tree.root)
    answering(vpo, tmp_path, streams(0, 3, 5))
    vpo.scan(tree.root, "--full")
    assert [track["track_index"] for track in shown(vpo, path)["tracks"]] == [0, 3, 5]


# -- What is shown --------------------------------------------------------------------------------


def test_names_of_tags_cannot_control_the_terminal(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    answering(
        vpo, tmp_path, {"format": {"format_name": "nut", "tags": {"\x1b[31mred\r\n": "\x1b[0m"}}}
    )
    path = tree.write("a.wav", sound())
    vpo.scan(tree.root)
    for command in ("inspect", "files show"):
        text = vpo.ok(*command.split(), path).stdout
        assert "red" in text
        assert "\x1b" not in text
        assert "\r" not in text


def test_a_broken_link_is_gone_rather_than_an_error(tree: Tree) -> None:
    link = tree.path("link.wav")
    os.symlink("nowhere.wav", link)
    with Introspector("native") as introspector:
        (probed,) = introspect_all(introspector, [IntrospectionRequest(1, link, "audio")]).values()
    assert (probed.is_gone, probed.error) == (True, None)


# -- Others ---------------------------------------------------------------------------------------


def test_a_scan_that_reads_lets_others_write(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    for number in range(900):
        tree.write(f"{number}.wav", sound(0.01))
    reads = tmp_path / "reads"
    use_ffprobe(vpo, tmp_path, f"echo >> {reads}\nexec sleep 0.02")
    process = vpo.start("scan", tree.root)
    try:
        # Until it has read some, and is far from having read all.
        wait_until(lambda: reads.exists() and reads.stat().st_size >= 50, process=process)
        for _ in range(3):
            # Longer than a transaction, not as long as what comes of waiting for luck.
            with closing(sqlite3.connect(vpo.database, timeout=5)) as other:
                other.execute("BEGIN IMMEDIATE")
                other.execute("ROLLBACK")
        assert process.poll() is None, "too few files for the test to mean anything"
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert set(vpo.statuses().values()) <= {"error", "pending"}


def test_a_full_disk_while_reading_ends_the_scan_and_the_next_goes_on(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    for number in range(300):
        tree.write(f"{number}.wav", sound(0.01))
    with mounted(tmp_path / "disk", size="2m") as disk:
        vpo.environment["VPO_HOME"] = str(disk)
        vpo.scan(tree.root, "--no-introspect")
        title = "x" * 60_000
        answering(
            vpo, tmp_path, {"format": {"format_name": "nut", "tags": {"title": title}}}, "ffprobe"
        )
        vpo.environment["VPO_HOME"] = str(disk)
        error = vpo.ok("scan", "--json", tree.root, status=2).json
        assert error["code"] == "DISK_FULL"
        resize(disk, "200m")
        assert counts(vpo.scan(tree.root)) == (300, 0, 300, 0, 0, 0)
        listed = vpo.ok("files", "list", "--json", "--status", "ok").json
        assert len(listed) == 300


def test_a_queued_scan_that_is_cancelled_while_it_reads_stops(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    for number in range(20):
        tree.write(f"{number}.wav", sound(0.01))
    started = tmp_path / "started"
    use_ffprobe(vpo, tmp_path, f"touch {started}\nexec sleep 60")
    job = vpo.ok("scan", "--enqueue", "--json", tree.root).json["job_id"]
    worker = vpo.start("jobs", "run")
    wait_until(started.exists, process=worker)
    vpo.ok("jobs", "cancel", job)
    _, stderr = worker.communicate(timeout=30)
    assert vpo.jobs()[-1]["status"] == "cancelled", stderr
    assert set(vpo.statuses().values()) == {"pending"}


# -- Names ----------------------------------------------------------------------------------------


def test_names_that_are_not_utf_8_are_read_and_shown(vpo: Vpo, tree: Tree) -> None:
    paths = [
        tree.write(name, sound())
        for name in (b"\xff\xfe.wav", b"sub\x80/a\nb.wav", b"-v.wav", b"%03d.wav", b"' \" ; *.wav")
    ]
    paths.append(tree.write(b"\xfd.m\xffkv", b""))
    assert counts(vpo.scan(tree.root)) == (5, 0, 0, 5, 0, 0)
    for path in paths[:5]:
        assert shown(vpo, path)["container_format"] == "wav"
        (inspected,) = vpo.ok("inspect", "--json", path).json
        assert inspected["container_format"] == "wav"
        assert vpo.ok("inspect", path).stdout.splitlines()[0].isprintable()
    assert "\\xfd" in vpo.ok("inspect", paths[5], status=1).stderr


def test_a_camera_of_control_characters(vpo: Vpo, tree: Tree) -> None:
    make = b"\x1c\x00\x00\x00"
    entries = (
        (0x0100, 3, 1, b"\x10\0\0\0"),
        (0x0101, 3, 1, b"\x10\0\0\0"),
        (0x010F, 2, 2, make),
        (0x0110, 2, 4, b"%_'\0"),
    )
    ifd = len(entries).to_bytes(2, "little")
    for tag, kind, number, value in entries:
        ifd += tag.to_bytes(2, "little") + kind.to_bytes(2, "little")
        ifd += number.to_bytes(4, "little") + value
    path = tree.write("a.tif", b"II*\0\x08\0\0\0" + ifd + bytes(4))
    assert counts(vpo.scan(tree.root)) == (1, 0, 0, 1, 0, 0)
    assert shown(vpo, path)["photo"]["camera_model"] == "%_'"
    for command in (("inspect", path), ("files", "show", path), ("report", "library")):
        vpo.ok(*command)
    for camera, found in (("%_'", 1), ("%%", 0), ("_", 1), ("'", 1), ("__", 0), ("\\", 0)):
        assert len(vpo.files("--camera", camera)) == found, camera
