"""What a scan reads in files, when it reads them again, and what `inspect` shows."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from media import SIDECAR, film, poster, raw_photo, song, wav
from support import FFMPEG, Tree, Vpo, needs_ffmpeg, wait_until
from vpo.db.media_summaries import summarize_all

COUNTS = ("total_discovered", "scanned", "skipped", "added", "removed", "errors")


def sound(seconds: float = 0.5, *, rate: int = 8000, channels: int = 1) -> bytes:
    """A WAV file of silence."""
    return wav(bytes(2 * channels * int(rate * seconds)), rate=rate, channels=channels)


# Nothing can be told of it, as it ends in the middle of its header.
DAMAGED = sound()[:20]


@pytest.fixture
def vpo(vpo: Vpo) -> Vpo:
    """The command with its usual settings: it reads files."""
    vpo.introspects = True
    return vpo


def shown(vpo: Vpo, path: bytes | Path) -> dict[str, Any]:
    """What the library knows of one file."""
    record: dict[str, Any] = vpo.ok("files", "show", "--json", path).json
    return record


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in COUNTS)


def tool(directory: Path, name: str, script: str) -> Path:
    """A program of the test's own, in sh."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


# -- What is read ---------------------------------------------------------------------------------


def test_a_scan_records_what_is_in_new_files(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.wav", sound(1.5, rate=44100, channels=2))
    assert counts(vpo.scan(tree.root)) == (1, 0, 0, 1, 0, 0)
    record = shown(vpo, path)
    assert (record["scan_status"], record["scan_error"]) == ("ok", None)
    assert (record["container_format"], record["duration_seconds"]) == ("wav", 1.5)
    (track,) = record["tracks"]
    assert (track["track_type"], track["codec"], track["language"]) == ("audio", "pcm_s16le", "und")
    assert (track["channels"], track["sample_rate"], track["bit_depth"]) == (2, 44100, 16)
    assert record["prober"] == "native"
    vpo.check_integrity()


def test_a_file_that_did_not_change_is_not_read_again(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.wav", sound())
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.execute("UPDATE media SET duration_seconds = 77")
    assert counts(vpo.scan(tree.root)) == (1, 0, 1, 0, 0, 0)
    assert shown(vpo, path)["duration_seconds"] == 77
    assert counts(vpo.scan(tree.root, "--full")) == (1, 1, 0, 0, 0, 0)
    assert shown(vpo, path)["duration_seconds"] == 0.5


def test_a_file_that_changed_is_read_again_and_nothing_old_is_left(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.wav", sound(0.5))
    vpo.scan(tree.root)
    tree.write("a.wav", sound(2.0), mtime_ns=1_700_000_000_000_000_000)
    assert counts(vpo.scan(tree.root)) == (1, 1, 0, 0, 0, 0)
    assert shown(vpo, path)["duration_seconds"] == 2.0
    tree.write("a.wav", DAMAGED, mtime_ns=1_710_000_000_000_000_000)
    assert counts(vpo.scan(tree.root, status=1)) == (1, 0, 0, 0, 0, 1)
    record = shown(vpo, path)
    assert record["scan_status"] == "error"
    assert (record["container_format"], record["tracks"], record["prober"]) == (None, [], None)


def test_a_name_that_lies_about_the_content_is_a_warning_on_the_file(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("film.mkv", sound())
    assert vpo.scan(tree.root)["errors"] == 0
    record = shown(vpo, path)
    assert record["container_format"] == "wav"
    assert record["warnings"] == ["the extension is `.mkv`, but the content is wav"]


def test_texts_beside_media_need_not_be_media(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    tree.write("a.nfo", b"<movie/>")
    assert counts(vpo.scan(tree.root)) == (2, 0, 0, 2, 0, 0)
    assert set(vpo.statuses().values()) == {"ok"}


def test_files_of_a_users_own_extension_need_not_be_media(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.txt", b"anything")
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    assert counts(vpo.scan(tree.root, "-e", "txt")) == (1, 0, 0, 1, 0, 0)
    assert vpo.statuses() == {"a.txt": "ok"}


def test_a_dry_run_reads_and_writes_nothing(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.wav", DAMAGED)
    assert counts(vpo.scan(tree.root, "--dry-run")) == (1, 0, 0, 1, 0, 0)
    assert not vpo.database.exists()


# -- What cannot be read --------------------------------------------------------------------------


def test_a_damaged_file_is_an_error_once_and_again_when_asked_for(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    tree.write("good.wav", sound())
    path = tree.write("bad.wav", DAMAGED)
    first = vpo.scan(tree.root, status=1)
    assert counts(first) == (2, 0, 0, 1, 0, 1)
    (issue,) = first["issues"]
    assert issue["path"] == os.fsdecode(path)
    assert issue["operation"] == "read"
    assert shown(vpo, path)["scan_error"] == issue["message"]
    assert "damaged" in issue["message"]

    assert counts(vpo.scan(tree.root)) == (2, 0, 2, 0, 0, 0)
    for option in ("--retry-errors", "--full"):
        assert vpo.scan(tree.root, option, status=1)["errors"] == 1
    assert vpo.statuses() == {"good.wav": "ok", "bad.wav": "error"}

    tree.write("bad.wav", sound(), mtime_ns=1_700_000_000_000_000_000)
    assert counts(vpo.scan(tree.root)) == (2, 1, 1, 0, 0, 0)
    assert vpo.statuses() == {"good.wav": "ok", "bad.wav": "ok"}


def test_an_error_is_shown_as_text_with_the_name(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    tree.write("empty.mkv", b"")
    outcome = vpo.ok("scan", tree.root, status=1)
    assert f"Warning: cannot read `{tree.root}/empty.mkv`: damaged: the file is empty" in (
        outcome.stderr
    )
    assert "Errors: 1" in outcome.stdout


def test_a_missing_file_that_comes_back_has_the_status_it_had(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    for name, content in (("good.wav", sound()), ("bad.wav", DAMAGED), ("other.wav", sound())):
        tree.write(f"sub/{name}", content)
    vpo.scan(tree.root, status=1)
    for name in ("good.wav", "bad.wav"):
        os.rename(tree.path(f"sub/{name}"), tree.path(f"{name}.away"))
    vpo.scan(tree.root)
    for name in ("good.wav", "bad.wav"):
        os.rename(tree.path(f"{name}.away"), tree.path(f"sub/{name}"))
    assert vpo.scan(tree.root)["errors"] == 0
    assert vpo.statuses() == {"good.wav": "ok", "bad.wav": "error", "other.wav": "ok"}


def test_a_file_that_went_unread_is_read_when_it_comes_back(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("sub/a.wav", sound())
    tree.write("sub/b.wav", sound())
    vpo.scan(tree.root, "--no-introspect")
    os.rename(path, tree.path("away"))
    vpo.scan(tree.root, "--no-introspect")
    assert vpo.statuses()["a.wav"] == "missing"
    os.rename(tree.path("away"), path)
    vpo.scan(tree.root)
    assert vpo.statuses() == {"a.wav": "ok", "b.wav": "ok"}


# -- What is left for later -----------------------------------------------------------------------


def test_what_one_scan_left_unread_the_next_one_reads(vpo: Vpo, tree: Tree) -> None:
    for number in range(30):
        tree.write(f"{number % 3}/{number}.wav", sound())
    vpo.scan(tree.root, "--no-introspect")
    assert set(vpo.statuses().values()) == {"pending"}
    # Only what this scan selects is read, though no directory has changed.
    vpo.scan(tree.root, "--exclude", "/0/")
    assert sorted(vpo.statuses().values()) == ["ok"] * 20 + ["pending"] * 10
    assert counts(vpo.scan(tree.root)) == (30, 0, 30, 0, 0, 0)
    assert set(vpo.statuses().values()) == {"ok"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_scan_stopped_while_it_reads_ends_at_once_and_the_next_goes_on(
    vpo: Vpo, tree: Tree, tmp_path: Path, number: signal.Signals
) -> None:
    for each in range(20):
        tree.write(f"{each}.wav", sound())
    started = tmp_path / "started"
    hanging = tool(tmp_path, "ffprobe", f"touch {started}\nsleep 60")
    vpo.environment = {"VPO_TOOLS__FFPROBE": str(hanging), "VPO_TOOLS__PROBER": "ffprobe"}
    process = vpo.start("scan", tree.root)
    wait_until(started.exists, process=process)
    # The walk may still go on when the first file is read; the root is recorded after it.
    wait_until(lambda: bool(vpo.ok("status", "--json").json["roots"]), process=process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 128 + number, stderr
    assert b"What was recorded until now is kept" in stderr
    vpo.check_integrity()
    assert set(vpo.statuses().values()) == {"pending"}
    # It was no success.
    assert [root["last_success_at"] for root in vpo.ok("status", "--json").json["roots"]] == [None]
    vpo.environment = {}
    assert counts(vpo.scan(tree.root)) == (20, 0, 20, 0, 0, 0)
    assert set(vpo.statuses().values()) == {"ok"}
    assert vpo.ok("status", "--json").json["roots"][0]["last_success_at"] is not None


def test_a_queued_scan_reads_as_any_other(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.wav", sound())
    vpo.ok("scan", "--enqueue", "--prober", "native", tree.root)
    vpo.ok("jobs", "run")
    assert shown(vpo, path)["tracks"][0]["codec"] == "pcm_s16le"


# -- ffprobe --------------------------------------------------------------------------------------


def test_without_ffprobe_one_warning_counts_the_files_that_vpo_is_unsure_about(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    for number in range(5):
        tree.write(f"{number}.mkv", b"this is\0not a film")
    tree.write("good.wav", sound())
    vpo.environment = {"PATH": str(tmp_path), "VPO_LOGGING__FILE": str(tmp_path / "log")}
    result = vpo.scan(tree.root, status=1)
    assert result["errors"] == 5
    said = "ffprobe was not found, so vpo could not check 5 files that it is unsure about"
    (warning,) = result["warnings"]
    assert warning.startswith(said)
    assert (tmp_path / "log").read_text().count(said) == 1
    stderr = vpo.ok("scan", "--full", tree.root, status=1).stderr
    assert stderr.count(f"Warning: {said}") == 1


def test_ffprobe_must_be_installed_if_it_is_chosen(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    tree.write("a.wav", sound())
    vpo.environment = {"PATH": str(tmp_path)}
    for command in (["scan", str(tree.root)], ["inspect", f"{tree.root}/a.wav"]):
        error = vpo.ok(*command, "--prober", "ffprobe", "--json", status=2).json
        assert error["code"] == "TOOL_MISSING"
        assert "tools.ffprobe" in vpo.run(*command, "--prober", "ffprobe").stderr


def test_ffprobe_is_asked_where_the_engine_cannot_say(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    answer = (
        '{"format": {"format_name": "nut", "duration": "3.5"}, "chapters": [],'
        ' "streams": [{"index": 0, "codec_type": "audio", "codec_name": "pcm_s16le"}]}'
    )
    asked = tmp_path / "asked"
    fake = tool(tmp_path, "ffprobe", f"echo x >> {asked}\ncat <<'E'\n{answer}\nE")
    vpo.environment = {"VPO_TOOLS__FFPROBE": str(fake)}
    path = tree.write("strange.mkv", b"nut/multimedia container\0")
    tree.write("known.wav", sound())
    assert vpo.scan(tree.root)["errors"] == 0
    record = shown(vpo, path)
    assert (record["prober"], record["duration_seconds"]) == ("ffprobe", 3.5)
    assert asked.read_text() == "x\n"


@needs_ffmpeg
def test_the_engine_and_ffprobe_agree(vpo: Vpo, tree: Tree) -> None:
    path = os.fsdecode(tree.path("film.mkv"))
    subprocess.run(
        [
            *[FFMPEG, "-v", "error", "-nostdin"],
            *["-f", "lavfi", "-i", "testsrc2=size=128x72:rate=24000/1001:duration=1"],
            *["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=1"],
            *["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "ac3", "-ac", "6"],
            *["-metadata:s:a", "language=deu", "-metadata:s:a", "title=Ton"],
            *["-metadata", "title=Film", path],
        ],
        check=True,
    )
    vpo.scan(tree.root)
    recorded = shown(vpo, Path(path))
    answers = [
        vpo.ok("inspect", "--json", "--prober", prober, path).json[0]
        for prober in ("native", "ffprobe")
    ]
    for answer in answers:
        assert answer["error"] is None
        assert answer["container_format"] == "matroska"
        assert abs(answer["duration_seconds"] - recorded["duration_seconds"]) < 0.1
        video, audio = answer["tracks"]
        assert (video["codec"], video["width"], video["height"]) == ("h264", 128, 72)
        assert (video["frame_rate"], video["pixel_format"]) == ("24000/1001", "yuv420p")
        assert (audio["codec"], audio["channel_layout"]) == ("ac3", "5.1(side)")
        assert (audio["language"], audio["title"]) == ("ger", "Ton")
        assert answer["tags"]["title"] == "Film"
    assert [answer["prober"] for answer in answers] == ["native", "ffprobe"]
    assert recorded["tracks"] == answers[0]["tracks"]


def check_summaries(vpo: Vpo) -> None:
    """The engine has summed up each file as SQL does from what is recorded."""
    columns = "file_id, year, camera, video_summary, audio_summary, subtitle_summary"
    with vpo.sql() as connection:
        query = f"SELECT {columns} FROM media ORDER BY file_id"
        recorded = connection.execute(query).fetchall()
        assert any(summary for row in recorded for summary in row[1:])
        connection.execute(
            "UPDATE media SET year = NULL, camera = NULL, video_summary = NULL,"
            " audio_summary = NULL, subtitle_summary = NULL"
        )
        summarize_all(connection)
        assert connection.execute(query).fetchall() == recorded
        connection.rollback()


def test_a_scan_records_what_inspect_shows(vpo: Vpo, tree: Tree) -> None:
    """Scans record rows, and `inspect` shows documents: whatever fields a file has."""
    mtime_ns = 1_556_928_000 * 10**9

    def write(version: str) -> None:
        tree.write("film.mkv", film(8192, seconds=60, title=version), mtime_ns=mtime_ns)
        tree.write("song.flac", song(seconds=3, tags={"title": version, "artist": 'A "B"'}))
        tree.write("photo.cr3", raw_photo(30_000, taken="2019:05:04 12:33:01"))
        tree.write("photo.xmp", SIDECAR)
        tree.write("poster.jpg", poster(300, 420))
        tree.write("silence.wav", sound(rate=44100, channels=2))
        tree.write("named.mp4", film(4096, seconds=5, title=version, size=(640, 360)))

    def check() -> None:
        for path in sorted(Path(os.fsdecode(tree.root)).iterdir()):
            record, (answer,) = shown(vpo, path), vpo.ok("inspect", "--json", path).json
            assert (record["scan_status"], answer.pop("error")) == ("ok", None)
            assert {key: record[key] for key in answer} == answer
        check_summaries(vpo)

    write("first")
    vpo.scan(tree.root)
    check()
    mtime_ns += 10**9
    write("second")
    # In the place of what was known: by the path of a catalogue that has files already.
    vpo.scan(tree.root, "--full")
    check()
    vpo.check_integrity()


# -- inspect --------------------------------------------------------------------------------------


def test_inspect_neither_needs_nor_creates_a_library(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.wav", sound())
    text = vpo.ok("inspect", path).stdout
    assert "Container:     wav" in text
    assert "0: audio, pcm_s16le, 1 channel, 8 kHz, 16 bits" in text
    assert not vpo.home.exists()


def test_inspect_goes_on_after_a_file_that_cannot_be_read(vpo: Vpo, tree: Tree) -> None:
    good, bad = tree.write("good.wav", sound()), tree.write("bad.wav", DAMAGED)
    words = ("inspect", "--prober", "native")
    outcome = vpo.ok(*words, bad, "nowhere.mkv", good, status=1)
    assert f"cannot read `{os.fsdecode(bad)}`: damaged" in outcome.stderr
    assert "No such file or directory" in outcome.stderr
    assert "pcm_s16le" in outcome.stdout
    listed = vpo.ok(*words, "--json", bad, "nowhere.mkv", good, status=1).json
    assert [each["error"] is None for each in listed] == [False, False, True]
    lines = vpo.ok(*words, "--jsonl", bad, good, status=1).stdout.splitlines()
    assert len(lines) == 2


def test_what_a_file_says_cannot_control_the_terminal(vpo: Vpo, tree: Tree) -> None:
    title = b"\x1b[31mred\x07\r\n"
    body = b"INFOINAM" + len(title).to_bytes(4, "little") + title
    chunk = b"LIST" + len(body).to_bytes(4, "little") + body
    content = sound()
    content = content[:4] + (len(content) + len(chunk) - 8).to_bytes(4, "little") + content[8:]
    path = tree.write("a.wav", content + chunk)
    vpo.scan(tree.root)
    for command in ("inspect", "files show"):
        text = vpo.ok(*command.split(), path).stdout
        assert "red" in text
        assert "\x1b" not in text
        assert "\x07" not in text


def test_a_sidecar_that_is_damaged_is_an_error_and_an_empty_one_is_not(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("a.nfo", b"")
    tree.write("b.thm", DAMAGED)
    assert counts(vpo.scan(tree.root, status=1)) == (2, 0, 0, 1, 0, 1)
    assert vpo.statuses() == {"a.nfo": "ok", "b.thm": "error"}


# -- Files that are still to be read, and go missing ----------------------------------------------


def titled(title: str) -> bytes:
    """A film of one size whatever its title is."""
    return film(8192, seconds=60, title=title).ljust(8192, b"\0")


@pytest.mark.parametrize("name", ["a.mkv", "c.mkv"], ids=["back", "elsewhere"])
def test_a_file_waiting_to_be_read_again_is_read_when_it_is_found_again(
    vpo: Vpo, tree: Tree, tmp_path: Path, name: str
) -> None:
    tree.write("b.mkv", titled("other"))
    # Young at every scan, however long that takes to start.
    mtime_ns = time.time_ns() + 60 * 10**9
    path = tree.write("a.mkv", titled("before"), mtime_ns=mtime_ns)
    vpo.scan(tree.root)
    # As within one tick of the clock: neither size nor mtime shows that it changed.
    with open(path, "r+b") as file:
        file.write(titled("after!"))
    os.utime(path, ns=(mtime_ns, mtime_ns))
    vpo.scan(tree.root, "--no-introspect")
    assert vpo.statuses()["a.mkv"] == "pending"
    os.rename(path, tmp_path / "away")
    vpo.scan(tree.root)
    os.rename(tmp_path / "away", tree.path(name))
    vpo.scan(tree.root)
    assert vpo.statuses()[name] == "ok"
    assert shown(vpo, tree.path(name))["tags"]["title"] == "after!"
