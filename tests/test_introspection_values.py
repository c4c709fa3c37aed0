"""Files that are unusual or incomplete: what vpo reports of them, and which of them it asks ffprobe
about."""

from __future__ import annotations

import gzip
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from media import box, camera, directory, poster, song, tiff
from support import Tree, Vpo


@pytest.fixture
def vpo(vpo: Vpo) -> Vpo:
    """The command with its usual settings: it reads files."""
    vpo.introspects = True
    return vpo


@pytest.fixture
def asked(vpo: Vpo, tmp_path: Path) -> Path:
    """What an ffprobe that knows every file was asked about: a name a line."""
    answer = {
        "format": {"format_name": "ape", "duration": "3.5"},
        "streams": [{"index": 0, "codec_type": "audio", "codec_name": "ape"}],
        "chapters": [],
    }
    names = tmp_path / "asked"
    names.write_text("")
    fake = tmp_path / "ffprobe"
    last = 'for last; do :; done; echo "${last##*/}"'
    fake.write_text(f"#!/bin/sh\n({last}) >> {names}\ncat <<'E'\n{json.dumps(answer)}\nE\n")
    fake.chmod(0o755)
    vpo.environment = {"VPO_TOOLS__FFPROBE": str(fake)}
    return names


def inspected(vpo: Vpo, path: str | bytes | Path) -> dict[str, Any]:
    [document] = vpo.ok("inspect", "--json", "--prober", "native", path).json
    assert isinstance(document, dict)
    return document


# -- Files without content ------------------------------------------------------------------------


def test_files_without_content_are_errors_that_ffprobe_is_not_asked_about(
    vpo: Vpo, tree: Tree, asked: Path
) -> None:
    for number in range(20):
        tree.write(f"stub {number}.mkv", b"x")
    for size in (16, 70_000, 5_000_000):
        os.truncate(tree.write(f"zeros {size}.mkv", b""), size)
    result = vpo.scan(tree.root, status=1)
    assert (result["errors"], asked.read_text()) == (23, "")
    [shown] = vpo.ok("inspect", "--json", tree.path("zeros 5000000.mkv"), status=1).json
    assert "zeros" in shown["error"]


# Beginnings of files that are no media, and words in the error.
FOREIGN = {
    "page.mkv": (
        b"<!DOCTYPE html>\n<html><head><title>404</title>" + b"<p>no</p>" * 600,
        "web page",
    ),
    "page.mp3": (b"<!-- cached -->\n<HTML>\n<BODY>Not found</BODY></HTML>", "web page"),
    "object.mp4": (b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>', "XML"),
    "answer.mkv": (b'{"error": "not found", "status": 404}', "JSON"),
    "line.dts": (b"Access denied by the server.\n", "a line of text"),
    "zip.mkv": (b"PK\x03\x04\x14\0\0\0" + b"\x9c" * 5000, "ZIP archive"),
    "rar.mkv": (b"Rar!\x1a\x07\x01\0" + b"\x9c" * 5000, "RAR archive"),
    "7z.mkv": (b"7z\xbc\xaf\x27\x1c\0\4" + b"\x9c" * 5000, "7z archive"),
    "tar.mkv": (b"film.mkv".ljust(257, b"\0") + b"ustar\x0000" + b"\x9c" * 5000, "tar archive"),
    "gzip.flac": (gzip.compress(b"something"), "gzip"),
    "paper.avi": (b"%PDF-1.7\n%\xe2\xe3\n" + b"\x9c" * 5000, "PDF"),
    "film.mkv": (b"d8:announce20:http://localhost/abc4:infod6:lengthi1eee", "torrent"),
    "codec.avi": (b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0PE\0\0" + bytes(400), "Windows"),
    "elf.wmv": (b"\x7fELF\2\1\1" + bytes(400), "a program"),
    "pointer.mkv": (b"version https://git-lfs.github.com/spec/v1\nsize 1\n", "git lfs pull"),
    "._film.mkv": (b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000), "AppleDouble"),
}

# What ffprobe may read, or what only begins like something else.
LEFT_TO_FFPROBE = {
    "playlist.mkv": b"#EXTM3U\n#EXTINF:10,\na.ts\n",
    "manifest.mp4": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "smil.mp4": b"<smil><body><video src='a.mp4'/></body></smil>",
    "subtitles.mkv": b"{1}{1}25.000\n{10}{20}A line\n",
    "captions.mp4": b'{"captions":[{"duration":1000,"content":"a","startTime":0}]}',
    "lyrics.mp3": b"[00:12.00]A line of text\n",
    "lines.mkv": b"Two lines\nof text, which may be subtitles\n",
    "short.mkv": b"MZ, which are the initials of somebody\x01",
    "junk.mp3": b"PK, and whatever else comes before frames\0" + b"\x9c" * 5000,
}


def test_content_that_is_certainly_no_media_is_an_error_that_says_what_it_is(
    vpo: Vpo, tree: Tree, asked: Path
) -> None:
    for name, (content, _) in FOREIGN.items():
        tree.write(name, content)
    result = vpo.scan(tree.root, "--hidden", "--system-names", status=1)
    assert (result["errors"], asked.read_text()) == (len(FOREIGN), "")
    for name, (_, words) in FOREIGN.items():
        [shown] = vpo.ok("inspect", "--json", tree.path(name), status=1).json
        assert words in shown["error"], name


def test_text_that_ffprobe_may_read_is_left_to_it(vpo: Vpo, tree: Tree, asked: Path) -> None:
    for name, content in LEFT_TO_FFPROBE.items():
        tree.write(name, content)
    assert vpo.scan(tree.root)["errors"] == 0
    assert len(asked.read_text().splitlines()) == len(LEFT_TO_FFPROBE)


def test_sound_behind_the_beginning_of_a_page_is_found(vpo: Vpo, tree: Tree) -> None:
    frame = b"\xff\xfb\x90\x64" + b"\x55" * 413
    path = tree.write("a.mp3", b"<html>\n<b>Warning</b>: a script failed\n" + frame * 20)
    assert inspected(vpo, path)["container_format"] == "mp3"


def test_a_page_beside_media_is_no_error(vpo: Vpo, tree: Tree) -> None:
    tree.write("film.nfo", FOREIGN["page.mkv"][0])
    assert vpo.scan(tree.root)["errors"] == 0


def test_zeros_before_content_do_not_hide_it_from_ffprobe(
    vpo: Vpo, tree: Tree, asked: Path
) -> None:
    tree.write("late.mkv", bytes(100_000) + b"something" * 100)
    assert vpo.scan(tree.root)["errors"] == 0
    # ffprobe gets an open file, by a name with the same extension.
    assert asked.read_text() == "file.mkv\n"


# -- Files whose beginning misleads ---------------------------------------------------------------


@pytest.mark.parametrize("signature", [b"OFR \x0f\0", b"TTA2\x01\0", b"ajkg\2\0"])
def test_other_sound_after_an_id3_tag_is_left_to_ffprobe(
    vpo: Vpo, tree: Tree, asked: Path, signature: bytes
) -> None:
    path = tree.write("a.ape", b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + signature + bytes(5000))
    vpo.scan(tree.root)
    assert asked.read_text() == "file.ape\n"
    assert vpo.ok("files", "show", "--json", path).json["tracks"][0]["codec"] == "ape"


def test_a_segment_is_no_error_although_its_headers_are_elsewhere(
    vpo: Vpo, tree: Tree, asked: Path
) -> None:
    index = struct.pack(">IIIIIHHIII", 0, 1, 1000, 0, 0, 0, 1, 100, 4000, 0)
    segment = box(b"styp", b"msdh\0\0\0\0msdh") + box(b"sidx", index)
    path = tree.write("1.m4s", segment + box(b"moof", bytes(8)) + box(b"mdat", bytes(100)))
    document = inspected(vpo, path)
    assert (document["container_format"], document["duration_seconds"]) == ("mp4", 4.0)
    (warning,) = document["warnings"]
    assert "segment" in warning
    tree.write("2.mp4", segment)
    assert vpo.scan(tree.root)["errors"] == 0
    assert asked.read_text() == ""


def test_compressed_headers_cannot_take_much_memory_or_time(
    vpo: Vpo, tree: Tree, asked: Path
) -> None:
    data = zlib.compress(bytes(200_000_000), 9)
    header = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", 100) + data)
    tree.write("bomb.mov", box(b"moov", box(b"cmov", header)))
    assert vpo.scan(tree.root, status=1)["errors"] == 1
    assert asked.read_text() == ""


# -- Files that are cut off -----------------------------------------------------------------------


def test_a_picture_that_is_cut_off_has_a_warning(vpo: Vpo, tree: Tree) -> None:
    picture = poster(320, 200) + b"\x12\x34\xff\0\x56" * 100_000
    whole = inspected(vpo, tree.write("whole.jpg", picture + b"\xff\xd9"))
    cut = inspected(vpo, tree.write("cut.jpg", picture))
    assert (whole["warnings"], cut["warnings"]) == (
        [],
        ["the file is cut off within the picture"],
    )


def test_a_song_that_is_cut_off_has_a_warning(vpo: Vpo, tree: Tree) -> None:
    seconds = 4096 * 8 / 44100
    header = song(seconds=seconds, tags={"TITLE": "One"})

    def frame(number: int) -> bytes:
        head = bytes([0xFF, 0xF8, 0xC9, 0x18, number])
        return head + bytes([_crc8(head)]) + b"\x55" * 500

    frames = [frame(number) for number in range(8)]
    whole = inspected(vpo, tree.write("whole.flac", header + b"".join(frames)))
    cut = inspected(vpo, tree.write("cut.flac", header + b"".join(frames[:5])))
    assert (whole["warnings"], cut["warnings"]) == ([], ["the file is cut off"])
    assert cut["duration_seconds"] == whole["duration_seconds"]


def _crc8(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = (total << 1 ^ (7 if total & 0x80 else 0)) & 0xFF
    return total


# -- Values that stand for nothing, or have an unusual form ---------------------------------------


def test_values_of_all_ones_are_unknown(vpo: Vpo, tree: Tree) -> None:
    ones = b"\xff" * 4
    path = tree.write(
        "a.tif",
        camera(
            "Acme",
            "One",
            (0x100, 4, struct.pack("<I", 320)),
            (0x101, 4, struct.pack("<I", 200)),
            (0x8827, 3, ones[:2]),
            (0x8832, 4, ones),
            (0x829D, 5, ones + struct.pack("<I", 1)),
            (0x920A, 5, struct.pack("<II", 50, 1)),
            (0xA405, 3, ones[:2]),
            (0x9209, 3, ones[:2]),
        ),
    )
    photo = inspected(vpo, path)["photo"]
    unknown = ("iso", "f_number", "focal_length_35mm", "flash")
    assert [photo[name] for name in unknown] == [None] * 4
    assert photo["focal_length"] == 50


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("10,00000,30,00000,36,00000", 10.51),
        ("10 deg 30' 36.00\" N", 10.51),
        ("10/1 30/1 3600/100", 10.51),
        ("10.51", 10.51),
    ],
)
def test_a_place_may_be_text(vpo: Vpo, tree: Tree, text: str, degrees: float) -> None:
    place = [(1, 2, b"N\0"), (2, 2, text.encode() + b"\0"), (3, 2, b"W\0"), (4, 2, b"1\0")]
    first = [
        (0x100, 4, struct.pack("<I", 320)),
        (0x101, 4, struct.pack("<I", 200)),
        (0x8825, 4, struct.pack("<I", 1000)),
    ]
    path = tree.write("a.tif", tiff(first).ljust(1000, b"\0") + directory(place, 1000))
    photo = inspected(vpo, path)["photo"]
    assert (photo["latitude"], photo["longitude"]) == (pytest.approx(degrees), -1)
