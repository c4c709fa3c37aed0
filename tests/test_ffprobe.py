"""ffprobe as the second opinion: its input, its limits, and how its answer is converted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from support import FFMPEG, FFPROBE, Tree, Vpo, needs_ffmpeg, wait_until
from vpo.media import ffprobe, ffprobe_answer
from vpo.media.ffprobe import FfprobeError
from vpo.media.model import Media, empty_track

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mkv\n#EXT-X-ENDLIST\n"

# Programs that take no longer than this are not waiting for a timeout.
SOON_SECONDS = 10.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short film with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    make(
        path,
        *["-f", "lavfi", "-i", "testsrc=size=64x36:rate=24000/1001:duration=0.5"],
        *["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=0.5"],
        *["-c:v", "mpeg4", "-c:a", "aac"],
        *["-metadata:s:a", "language=ger", "-metadata:s:a", "title=Ton"],
        *["-metadata", "title=Film", "-disposition:a", "+comment"],
    )
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG."""
    path = tmp_path_factory.mktemp("picture") / "picture.jpg"
    make(path, *["-f", "lavfi", "-i", "testsrc=size=32x24", "-frames:v", "1", "-update", "1"])
    return path


def make(path: Path, *arguments: str | Path) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", *arguments, path], check=True)


def read(path: Path | bytes) -> Media:
    """Reads as the program does, except for languages, which are the engine's."""
    return ffprobe.read(FFPROBE, os.fsencode(path), language=str)


def fake(tmp_path: Path, body: str) -> str:
    """A program in ffprobe's place."""
    path = tmp_path / "fake-ffprobe"
    path.write_text(f"#!{sys.executable}\nimport os, subprocess, sys, time\n{body}\n")
    path.chmod(0o755)
    return str(path)


def error_of(path: str, media: bytes = b"/dev/null", timeout: float = SOON_SECONDS) -> FfprobeError:
    started = time.monotonic()
    with pytest.raises(FfprobeError) as caught, ffprobe.opened(media) as file:
        ffprobe.run(path, file, timeout)
    assert time.monotonic() - started < SOON_SECONDS
    return caught.value


@needs_ffmpeg
def test_a_film_is_described_in_the_form_of_the_engine(clip: Path) -> None:
    media = read(clip)
    assert media["container"] == "matroska"
    assert media["duration_seconds"] == pytest.approx(0.5, abs=0.1)
    assert media["tags"]["title"] == "Film"
    assert media["warnings"] == media["unsure"] == []
    video, audio = media["tracks"]
    assert video.keys() == audio.keys() == empty_track(0, "video").keys()
    assert (video["type"], video["codec"], video["profile"]) == ("video", "mpeg4", "Simple Profile")
    assert (video["width"], video["height"], video["frame_rate"]) == (64, 36, "24000/1001")
    assert (video["pixel_format"], video["bit_depth"], video["hdr"]) == ("yuv420p", 8, "SDR")
    assert (audio["type"], audio["codec"], audio["profile"]) == ("audio", "aac", "LC")
    assert (audio["language"], audio["title"], audio["commentary"]) == ("ger", "Ton", True)
    assert (audio["channels"], audio["channel_layout"]) == (1, "mono")
    assert (audio["sample_rate"], audio["hdr"]) == (48000, None)


@needs_ffmpeg
def test_a_picture_is_a_photo_without_tracks(picture: Path) -> None:
    media = read(picture)
    assert (media["container"], media["tracks"]) == ("jpeg", [])
    assert media["duration_seconds"] is None
    assert media["photo"] is not None
    assert (media["photo"]["width"], media["photo"]["height"]) == (32, 24)


@needs_ffmpeg
@pytest.mark.parametrize(
    "name",
    [
        b"-version.mkv",
        b"-i x.mkv",
        b"concat:a|b.mkv",
        b"file:x.mkv",
        b"http:x.mkv",
        b"pipe:0.mkv",
        b"-",
        b"%03d.mkv",
        b"two\nlines.mkv",
        b"not UTF-8 \xff\xfe.mkv",
        b'it\'s "quoted" $(x) `y` \\.mkv',
        b"\x1b[31mred.mkv",
    ],
)
def test_a_name_never_acts_as_an_option_or_protocol(
    name: bytes, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    shutil.copyfile(clip, path)
    assert len(read(path)["tracks"]) == 2
    monkeypatch.chdir(tmp_path)
    assert len(read(name)["tracks"]) == 2


@needs_ffmpeg
def test_protocols_in_a_path_are_directories(clip: Path, tmp_path: Path) -> None:
    directory = tmp_path / "http:" / "example.org"
    directory.mkdir(parents=True)
    shutil.copyfile(clip, directory / "x.mkv")
    assert len(read(directory / "x.mkv")["tracks"]) == 2


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a%03d.jpg", "a%d.jpg", "%*.jpg", "a%%.jpg", "100%.jpg"])
def test_a_pattern_in_a_file_name_is_not_expanded(name: str, picture: Path, tmp_path: Path) -> None:
    small = ["-f", "lavfi", "-i", "color=size=8x8", "-frames:v", "1", "-update", "1"]
    for other in ("a000.jpg", "a001.jpg", "a0.jpg", "a%.jpg"):
        make(tmp_path / other, *small)
    shutil.copyfile(picture, tmp_path / name)
    photo = read(tmp_path / name)["photo"]
    assert photo is not None
    assert photo["width"] == 32


@needs_ffmpeg
def test_a_pattern_in_a_directory_name_is_not_expanded(picture: Path, tmp_path: Path) -> None:
    directory = tmp_path / "%03d"
    directory.mkdir()
    shutil.copyfile(picture, directory / "x.jpg")
    assert read(directory / "x.jpg")["container"] == "jpeg"


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("list.m3u8", HLS, id="hls"),
        pytest.param("list.mkv", HLS, id="hls-by-another-name"),
        pytest.param("list.ffconcat", "ffconcat version 1.0\nfile clip.mkv\n", id="concat"),
        pytest.param("list.mp4", "ffconcat version 1.0\nfile clip.mkv\n", id="concat-as-mp4"),
        pytest.param(
            "list.mpd",
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
            'mediaPresentationDuration="PT1S"><Period><AdaptationSet><Representation id="1">'
            "<BaseURL>clip.mkv</BaseURL></Representation></AdaptationSet></Period></MPD>",
            id="dash",
        ),
        pytest.param(
            "list.sdp",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
            id="sdp",
        ),
    ],
)  # fmt: skip
def test_files_that_a_file_names_are_not_opened(
    name: str, content: str, clip: Path, tmp_path: Path
) -> None:
    shutil.copyfile(clip, tmp_path / "clip.mkv")
    (tmp_path / name).write_text(content)
    assert error_of(FFPROBE, os.fsencode(tmp_path / name)).code == "failed"


@needs_ffmpeg
def test_a_file_that_is_not_media_is_refused_with_the_words_of_ffprobe(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31mred.mkv"
    path.write_bytes(b"no media, \x1b[31m" * 100)
    error = error_of(FFPROBE, os.fsencode(path))
    assert (error.code, error.message) == ("failed", "Invalid data found when processing input")
    assert error_of(FFPROBE, b"/does/not/exist.mkv").message == "No such file or directory"


@needs_ffmpeg
def test_settings_of_ffmpeg_in_the_environment_have_no_effect(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FFREPORT", f"file={tmp_path}/report.txt:level=32")
    monkeypatch.setenv("AV_LOG_FORCE_COLOR", "1")
    read(clip)
    assert not list(tmp_path.iterdir())


def test_a_program_that_is_not_found_is_missing(tmp_path: Path) -> None:
    assert error_of(str(tmp_path / "ffprobe")).code == "missing"
    (tmp_path / "ffprobe").write_text("not to be executed")
    error = error_of(str(tmp_path / "ffprobe"))
    assert (error.code, "Permission denied" in error.message) == ("missing", True)


def test_an_ffprobe_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = fake(
        tmp_path,
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')\n"
        "time.sleep(600)",
    )
    error = error_of(program, timeout=2)
    assert (error.code, error.message) == ("timeout", "it took longer than 2 seconds")
    for pid in pids.read_text().split():
        wait_until(partial(is_gone, int(pid)), SOON_SECONDS)


def test_an_ffprobe_that_closes_its_output_and_stays_is_killed(tmp_path: Path) -> None:
    program = fake(tmp_path, "os.close(1); os.close(2); time.sleep(600)")
    assert error_of(program, timeout=1).code == "timeout"


@pytest.mark.parametrize("stream", [1, 2])
def test_the_output_of_an_ffprobe_that_never_stops_is_limited(stream: int, tmp_path: Path) -> None:
    program = fake(tmp_path, f"while True: os.write({stream}, b'x' * 65536)")
    expected = "too_much_output" if stream == 1 else "timeout"
    assert error_of(program, timeout=2).code == expected


def test_the_last_line_of_stderr_is_the_reason(tmp_path: Path) -> None:
    complaints = b"x" * 300_000 + b"\nfirst\n[mov @ 0x1] \x1b[31mbad \xff thing\r\n\n"
    (tmp_path / "complaints").write_bytes(complaints)
    path = str(tmp_path / "complaints")
    program = fake(tmp_path, f"os.write(2, open({path!r}, 'rb').read()); sys.exit(1)")
    error = error_of(program)
    assert (error.code, error.message) == ("failed", r"\x1b[31mbad \xff thing")
    assert error_of(fake(tmp_path, "sys.exit(3)")).message == "it failed with exit status 3"
    assert error_of(fake(tmp_path, "os.kill(os.getpid(), 9)")).message == "signal 9 ended it"


@pytest.mark.parametrize("answer", ["", "{", "[]", "no", '{"streams": 1e999}'])
def test_an_answer_that_is_not_a_json_object_is_a_failure(answer: str, tmp_path: Path) -> None:
    program = fake(tmp_path, f"print({answer!r})")
    with pytest.raises(FfprobeError) as caught:
        ffprobe.read(program, b"/dev/null", language=str)
    assert caught.value.code == "failed"


def test_ffprobe_inherits_neither_our_input_nor_our_files(tmp_path: Path) -> None:
    with open(tmp_path / "ours", "w", encoding="utf-8") as ours:
        os.set_inheritable(ours.fileno(), True)
        program = fake(
            tmp_path,
            f"try: os.fstat({ours.fileno()}); print('inherited')\n"
            "except OSError: print(repr(sys.stdin.read()), os.environ['LC_ALL'])",
        )
        with ffprobe.opened(b"/dev/null") as file:
            assert ffprobe.run(program, file, SOON_SECONDS) == b"'' C\n"


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A zombie is gone, whoever has yet to hear of it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def told(**stream: object) -> Media:
    """The document made of an answer with one stream."""
    answer = {"format": {"format_name": "matroska,webm"}, "streams": [{"index": 0, **stream}]}
    return ffprobe_answer.to_media(answer, b"/x.mkv", b"", lambda code: code or "und")


@pytest.mark.parametrize(
    ("counterclockwise", "clockwise"),
    [(-90, 90), (90, 270), (180, 180), (-180, 180), (0, 0), (-270, 270), (45, None), ("x", None)],
)
def test_rotation_is_clockwise(counterclockwise: object, clockwise: int | None) -> None:
    side = [{"side_data_type": "Display Matrix", "rotation": counterclockwise}]
    assert told(codec_type="video", side_data_list=side)["tracks"][0]["rotation"] == clockwise


@pytest.mark.parametrize(
    ("stream", "hdr", "profile"),
    [
        ({}, "SDR", None),
        ({"color_transfer": "bt709"}, "SDR", None),
        ({"color_transfer": "arib-std-b67"}, "HLG", None),
        ({"color_transfer": "smpte2084"}, "HDR10", None),
        ({"dv": (8, 1), "color_transfer": "smpte2084"}, "Dolby Vision", "8.1"),
        ({"dv": (5, 0)}, "Dolby Vision", "5"),
        ({"dv": (7, 6)}, "Dolby Vision", "7.6"),
    ],
)
def test_kinds_of_dynamic_range(stream: dict[str, object], hdr: str, profile: str | None) -> None:
    dolby = stream.pop("dv", None)
    if isinstance(dolby, tuple):
        stream = {
            **stream,
            "side_data_list": [
                {
                    "side_data_type": "DOVI configuration record",
                    "dv_profile": dolby[0],
                    "dv_bl_signal_compatibility_id": dolby[1],
                }
            ],
        }
    track = told(codec_type="video", **stream)["tracks"][0]
    assert (track["hdr"], track["dolby_vision_profile"]) == (hdr, profile)


def test_a_frame_shows_hdr10_plus() -> None:
    media = told(codec_type="video", codec_name="hevc", color_transfer="smpte2084")
    assert ffprobe_answer.may_have_dynamic_metadata(media)
    kind = "HDR Dynamic Metadata SMPTE2094-40 (HDR10+)"
    frame = {"stream_index": 0, "side_data_list": [{"side_data_type": kind}]}
    ffprobe_answer.add_frames(media, {"frames": [frame]})
    assert media["tracks"][0]["hdr"] == "HDR10+"
    assert not ffprobe_answer.may_have_dynamic_metadata(told(codec_type="video", codec_name="hevc"))


@pytest.mark.parametrize(
    ("average", "lowest", "rate"),
    [
        ("24000/1001", "24/1", "24000/1001"),
        ("0/0", "25/1", "25/1"),
        ("0/0", "90000/1", None),
        ("0/0", "1000/1", None),
        ("0/0", "0/0", None),
        ("1000/1", "1000/1", "1000/1"),
        ("x", "", None),
    ],
)
def test_frame_rates_are_averages_or_none(average: str, lowest: str, rate: str | None) -> None:
    media = told(
        codec_type="video", avg_frame_rate=average, r_frame_rate=lowest, time_base="1/1000"
    )
    assert media["tracks"][0]["frame_rate"] == rate


@pytest.mark.parametrize(
    ("pixel_format", "depth"),
    [
        ("yuv420p", 8), ("yuvj420p", 8), ("yuv420p10le", 10), ("yuv422p12be", 12), ("gray", 8),
        ("gray10le", 10), ("gray16le", 16), ("rgb24", 8), ("bgra", 8), ("0rgb", 8), ("rgb48le", 16),
        ("rgba64be", 16), ("gbrp", 8), ("gbrp10le", 10), ("yuva444p12le", 12), ("nv12", 8),
        ("p010le", 10), ("pal8", 8), ("monob", 1), ("rgb555le", 5), ("ya8", 8), ("ya16be", 16),
        ("y210le", 10), ("unheard_of", None),
    ],
)  # fmt: skip
def test_depths_of_pixel_formats(pixel_format: str, depth: int | None) -> None:
    assert told(codec_type="video", pix_fmt=pixel_format)["tracks"][0]["bit_depth"] == depth


def test_a_cover_is_an_attachment() -> None:
    media = told(
        codec_type="video",
        codec_name="mjpeg",
        width=4,
        disposition={"attached_pic": 1, "default": 0},
        tags={"filename": "cover.jpg", "mimetype": "image/jpeg"},
        avg_frame_rate="25/1",
    )
    track = media["tracks"][0]
    assert (track["type"], track["codec"], track["width"]) == ("attachment", "mjpeg", 4)
    assert (track["file_name"], track["mime_type"]) == ("cover.jpg", "image/jpeg")
    assert (track["hdr"], track["frame_rate"]) == (None, None)


def test_statistics_of_mkvmerge_replace_what_ffprobe_does_not_report() -> None:
    tags = {"BPS-eng": "1000", "DURATION-eng": "01:00:01.500000000", "NUMBER_OF_FRAMES-eng": "5"}
    track = told(codec_type="audio", tags=tags)["tracks"][0]
    assert (track["bit_rate"], track["duration_seconds"]) == (1000, 3601.5)
    track = told(codec_type="audio", tags=tags, bit_rate="2000", duration="3.5")["tracks"][0]
    assert (track["bit_rate"], track["duration_seconds"]) == (2000, 3.5)


def test_tags_are_in_lower_case_with_their_first_value() -> None:
    tags = {"TITLE": " A ", "title": "B", "location": "x", "location-eng": "x", "empty": " "}
    answer = {"format": {"format_name": "mp3", "tags": tags}}
    media = ffprobe_answer.to_media(answer, b"/x.mp3", b"", str)
    assert media["tags"] == {"title": "A", "location": "x"}


@pytest.mark.parametrize(
    ("name", "tags", "container"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", {"major_brand": "isom"}, "mp4"),
        ("mov,mp4,m4a,3gp,3g2,mj2", {"major_brand": "qt  "}, "mov"),
        ("mov,mp4,m4a,3gp,3g2,mj2", {}, "mov"),
        ("mov,mp4,m4a,3gp,3g2,mj2", {"major_brand": "3gp4"}, "3gp"),
        ("mov,mp4,m4a,3gp,3g2,mj2", {"major_brand": "avif"}, "avif"),
        ("mpegvideo", {}, "mpeg"),
        ("tiff_pipe", {}, "tiff"),
        ("w64", {}, "wav"),
        ("mxf", {}, "mxf"),
    ],
)
def test_containers_by_their_names(name: str, tags: dict[str, str], container: str) -> None:
    answer = {"format": {"format_name": name, "tags": tags}, "streams": []}
    media = ffprobe_answer.to_media(answer, b"/x", b"", str)
    assert media["container"] == container
    assert "major_brand" not in media["tags"]


def test_the_header_distinguishes_webm_from_matroska() -> None:
    for path, container in ((b"a.mkv", "webm"), (b"b.webm", "matroska")):
        head = b"\x1a\x45\xdf\xa3\x9f\x42\x82" + bytes([0x80 | len(container)])
        answer = {"format": {"format_name": "matroska,webm"}}
        media = ffprobe_answer.to_media(answer, path, head + container.encode(), str)
        assert media["container"] == container


@pytest.mark.parametrize("text", ["N/A", "", "nan", "-1", "1e400", "inf", "-inf", None, [], {}])
def test_invalid_numbers_are_unknown(text: object) -> None:
    media = told(codec_type="audio", duration=text, bit_rate=text, channels=text)
    track = media["tracks"][0]
    assert track["duration_seconds"] is track["bit_rate"] is track["channels"] is None


def test_a_program_in_the_working_directory_is_not_run(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    program = tree.root / "ffprobe"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    tree.write("film.mkv", b"no film")
    for path in (":/usr/bin:/bin", "/usr/bin::/bin", ".:/usr/bin:/bin"):
        vpo.environment["PATH"] = path
        vpo.introspects = True
        vpo.run("scan", "--full", tree.root, cwd=tree.root)
        vpo.run("doctor", cwd=tree.root)
    assert not ran.exists()
