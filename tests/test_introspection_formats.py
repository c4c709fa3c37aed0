"""Formats that vpo reads without ffprobe: sound and films other than the most common ones."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import FFMPEG, Tree, Vpo, needs_ffmpeg

TAGS = ("-metadata", "title=Größe", "-metadata", "artist=An Artist", "-metadata", "track=3/12")
SOUND = ("-f", "lavfi", "-i", "sine=sample_rate=44100:duration=3,aformat=channel_layouts=stereo")
SURROUND = (
    *("-f", "lavfi", "-i"),
    "sine=sample_rate=48000:duration=3,aformat=channel_layouts=5.1(side)",
)
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30000/1001:duration=3")

# A name, and what ffmpeg needs to make the file.
MADE = {
    "wma.wma": (*SOUND, *TAGS, "-c:a", "wmav2"),
    "wmv.wmv": (
        *(*PICTURE, *SOUND, *TAGS, "-c:v", "wmv2", "-c:a", "wmav2"),
        *("-metadata:s:a:0", "language=ger", "-metadata:s:v:0", "language=eng"),
    ),
    "rate.wmv": (*PICTURE, "-c:v", "wmv1"),
    "aiff.aiff": (*SOUND, *TAGS, "-c:a", "pcm_s16be"),
    "id3.aiff": (*SURROUND, *TAGS, "-c:a", "pcm_s24be", "-write_id3v2", "1"),
    "aifc.aifc": (*SOUND, *TAGS, "-c:a", "pcm_f32be"),
    "ima4.aifc": (*SOUND, "-c:a", "adpcm_ima_qt"),
    "wavpack.wv": (*SOUND, *TAGS, "-c:a", "wavpack"),
    "surround.wv": (*SURROUND, "-c:a", "wavpack"),
    "ac3.ac3": (*SURROUND, "-c:a", "ac3"),
    "eac3.eac3": (*SOUND, "-c:a", "eac3"),
    "dts.dts": (*SURROUND, "-c:a", "dca", "-strict", "-2"),
    "caf.caf": (*SURROUND, *TAGS, "-c:a", "pcm_s24le"),
    "alac.caf": (*SOUND, *TAGS, "-c:a", "alac"),
    "au.au": (*SOUND, *TAGS, "-c:a", "pcm_s16be"),
    "tta.tta": (*SOUND, *TAGS, "-c:a", "tta"),
    "vp8.ivf": (*PICTURE, "-pix_fmt", "yuv420p", "-c:v", "libvpx"),
    "vp9.ivf": (*PICTURE, "-pix_fmt", "yuv420p", "-c:v", "libvpx-vp9"),
    "avc.h264": (*PICTURE, "-pix_fmt", "yuv420p", "-c:v", "libx264"),
    "rv20.rm": (
        *(*PICTURE, "-metadata", "title=Größe", "-metadata", "author=An Artist"),
        *("-c:v", "rv20"),
    ),
}


def inspected(vpo: Vpo, *paths: Path | str, prober: str = "native") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = vpo.run("inspect", "--json", "--prober", prober, *paths).json
    return listed


@needs_ffmpeg
def test_the_engine_and_ffprobe_agree_on_every_field(vpo: Vpo, tmp_path: Path) -> None:
    for name, arguments in MADE.items():
        command = [FFMPEG, "-v", "error", "-nostdin", *arguments, str(tmp_path / name)]
        subprocess.run(command, check=True)
    paths = [tmp_path / name for name in MADE]
    ours = inspected(vpo, *paths)
    theirs = inspected(vpo, *paths, prober="ffprobe")
    for name, one, other in zip(MADE, ours, theirs, strict=True):
        assert (one["error"], one["warnings"]) == (None, []), name
        assert facts(one) == facts(other), name
        for key, share in (("duration_seconds", 0.02), ("bit_rate", 0.03)):
            near = other[key] and pytest.approx(other[key], rel=share)
            assert one[key] == near, (name, key)


def facts(answer: dict[str, Any]) -> dict[str, Any]:
    """What must be equal. Durations and bit rates may differ a little."""
    about = ("duration_seconds", "bit_rate", "prober", "path", "warnings")
    kept = {key: value for key, value in answer.items() if key not in about}
    kept["tracks"] = [
        {key: value for key, value in track.items() if key not in about}
        for track in answer["tracks"]
    ]
    return kept


@needs_ffmpeg
def test_a_scan_of_these_formats_needs_no_ffprobe(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    names = ("wma.wma", "aiff.aiff", "wavpack.wv", "ac3.ac3", "tta.tta", "au.au", "vp8.ivf")
    without_times = ("avc.h264",)
    for name in (*names, *without_times):
        command = [FFMPEG, "-v", "error", "-nostdin", *MADE[name], os.fsdecode(tree.path(name))]
        subprocess.run(command, check=True)
    vpo.introspects = True
    vpo.environment = {"PATH": str(tmp_path)}
    result = vpo.scan(tree.root)
    assert (result["errors"], result["warnings"]) == (0, [])
    for name in names:
        record = vpo.ok("files", "show", "--json", tree.path(name)).json
        assert (record["prober"], record["warnings"]) == ("native", [])
        assert record["duration_seconds"] == pytest.approx(3, abs=0.1)
    for name in without_times:
        record = vpo.ok("files", "show", "--json", tree.path(name)).json
        assert (record["prober"], record["warnings"]) == ("native", [])


# -- Files that ffmpeg cannot write ----------------------------------------------------------------


def ape_tags(**texts: str) -> bytes:
    """APEv2 with a cover behind the texts."""
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 512, 256) + b"\x08\2\0\0\0"
    items = [(name.encode(), text.encode(), 0) for name, text in texts.items()]
    items.append((b"Cover Art (Front)", b"cover.png\0" + png, 2))
    body = b"".join(
        struct.pack("<II", len(value), flags) + name + b"\0" + value for name, value, flags in items
    )

    def block(flags: int) -> bytes:
        fields = struct.pack("<4I", 2000, len(body) + 32, len(items), flags)
        return b"APETAGEX" + fields + bytes(8)

    return block(0xA000_0000) + body + block(0x8000_0000)


def monkeys_audio(length: int = 4000) -> bytes:
    """Version 3.99, three seconds; `length` bytes of sound."""
    descriptor = b"MAC \x96\x0f\0\0" + struct.pack("<7I", 52, 24, 8, 0, length, 0, 0) + bytes(16)
    header = struct.pack("<HHIIIHHI", 2000, 0, 73728, 132300 - 73728, 2, 16, 2, 44100)
    return descriptor + header + bytes(8 + length)


def musepack() -> bytes:
    """Stream version 8, three seconds."""
    return b"MPCK" + b"SH\x0eabcd\x08\x88\x89\x4c\0\x09\x12" + b"SE\x03"


def tak() -> bytes:
    """Three seconds in stereo."""
    info = 2 | 2 << 10 | 132300 << 14 | 38100 << 52 | 8 << 70 | 1 << 75
    return b"tBaK\1\x0d\0\0" + info.to_bytes(13, "little") + bytes(4 + 1000)


def dsf() -> bytes:
    """DSD in stereo, three seconds at the least rate there is."""
    rate, channels = 2_822_400, 2
    sound = rate * 3 // 8 // 4096 * 4096 * channels
    head = b"DSD " + struct.pack("<3Q", 28, 92 + sound, 0)
    layout = (52, 1, 0, 2, channels, rate, 1, sound * 8 // channels, 4096, 0)
    return (
        head
        + b"fmt "
        + struct.pack("<QIIIIIIQII", *layout)
        + (b"data" + struct.pack("<Q", 12 + sound) + bytes(sound))
    )


def adaptive_multi_rate() -> bytes:
    """150 frames of 20 ms."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * 150


@pytest.mark.parametrize(
    ("name", "content", "container", "codec", "channels", "rate"),
    [
        ("a.ape", monkeys_audio(), "ape", "ape", 2, 44100),
        ("a.mpc", musepack(), "mpc8", "musepack8", 2, 44100),
        ("a.tak", tak(), "tak", "tak", 2, 44100),
        ("a.dsf", dsf(), "dsf", "dsd_lsbf_planar", 2, 352800),
        ("a.amr", adaptive_multi_rate(), "amr", "amr_nb", 1, 8000),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_sound_of_other_programs_is_described(
    vpo: Vpo, tree: Tree, name: str, content: bytes, container: str, codec: str,
    channels: int, rate: int,
) -> None:  # fmt: skip
    (answer,) = inspected(vpo, os.fsdecode(tree.write(name, content)))
    assert (answer["error"], answer["warnings"]) == (None, [])
    assert answer["container_format"] == container
    assert answer["duration_seconds"] == pytest.approx(3, abs=0.01)
    (track,) = answer["tracks"]
    assert (track["codec"], track["channels"], track["sample_rate"]) == (codec, channels, rate)


@pytest.mark.parametrize("name", ["a.ape", "a.mpc", "a.tak"])
def test_ape_tags_have_texts_and_a_cover(vpo: Vpo, tree: Tree, name: str) -> None:
    sound = {"a.ape": monkeys_audio(), "a.mpc": musepack(), "a.tak": tak()}[name]
    tags = ape_tags(Title="Größe", Artist="One\0Two", Year="2019")
    (answer,) = inspected(vpo, os.fsdecode(tree.write(name, sound + tags)))
    assert answer["tags"] == {"title": "Größe", "artist": "One", "date": "2019"}
    _, cover = answer["tracks"]
    assert (cover["track_type"], cover["codec"]) == ("attachment", "png")
    assert (cover["width"], cover["height"]) == (512, 256)


def test_a_file_that_is_cut_off_is_reported(vpo: Vpo, tree: Tree) -> None:
    content = monkeys_audio()
    path = tree.write("a.ape", content[:-100])
    vpo.introspects = True
    vpo.environment = {"VPO_TOOLS__PROBER": "native"}
    assert vpo.scan(tree.root)["errors"] == 0
    record = vpo.ok("files", "show", "--json", path).json
    assert record["warnings"] == ["the file is cut off"]
    assert record["duration_seconds"] == 3.0


def test_a_file_that_ends_in_its_header_is_an_error(vpo: Vpo, tree: Tree) -> None:
    for name, content in (("a.ape", monkeys_audio()), ("a.dsf", dsf())):
        (answer,) = inspected(vpo, os.fsdecode(tree.write(name, content[:20])))
        assert "damaged" in answer["error"], name
