"""What generated files are made of besides pictures and tones: texts, covers, fonts."""

from __future__ import annotations

import os
import struct
import subprocess

_SRT = """1
00:00:00,000 --> 00:00:00,500
Hello

2
00:00:00,500 --> 00:00:01,000
Bye
"""

_CHAPTERS = """;FFMETADATA1
title=A title
artist=An artist
album=An album
date=2019-05-04
comment=A comment
genre=Drama
track=3/12
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=Opening
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1000
title=Größe “zwei”
"""

_OGM_CHAPTERS = """CHAPTER01=00:00:00.000
CHAPTER01NAME=One
CHAPTER02=00:00:00.500
CHAPTER02NAME=Two
"""

_XML_CHAPTERS = """<?xml version="1.0"?>
<Chapters>
  <EditionEntry>
    <EditionFlagDefault>1</EditionFlagDefault>
    <EditionFlagOrdered>1</EditionFlagOrdered>
    <ChapterAtom>
      <ChapterTimeStart>00:00:00.000</ChapterTimeStart>
      <ChapterTimeEnd>00:00:00.300</ChapterTimeEnd>
      <ChapterDisplay>
        <ChapterString>First</ChapterString><ChapterLanguage>eng</ChapterLanguage>
      </ChapterDisplay>
      <ChapterDisplay>
        <ChapterString>Erstes</ChapterString><ChapterLanguage>ger</ChapterLanguage>
      </ChapterDisplay>
    </ChapterAtom>
    <ChapterAtom>
      <ChapterTimeStart>00:00:00.300</ChapterTimeStart>
      <ChapterTimeEnd>00:00:00.900</ChapterTimeEnd>
      <ChapterFlagHidden>1</ChapterFlagHidden>
    </ChapterAtom>
  </EditionEntry>
</Chapters>
"""

_TAGS = """<?xml version="1.0"?>
<Tags>
  <Tag>
    <Targets><TargetTypeValue>50</TargetTypeValue></Targets>
    <Simple><Name>TITLE</Name><String>Tagged title</String></Simple>
    <Simple><Name>DATE_RELEASED</Name><String>2001</String></Simple>
    <Simple><Name>DIRECTOR</Name><String>Somebody</String>
      <Simple><Name>SORT_WITH</Name><String>Body, Some</String></Simple></Simple>
  </Tag>
</Tags>
"""

_TEXTS = {
    "text.srt": _SRT,
    "meta.txt": _CHAPTERS,
    "chapters.txt": _OGM_CHAPTERS,
    "chapters.xml": _XML_CHAPTERS,
    "tags.xml": _TAGS,
    "notes.txt": "An attachment.\n",
}


def make(directory: str) -> None:
    """Makes what is not there yet."""
    os.makedirs(directory, exist_ok=True)
    for name, text in _TEXTS.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)
    # Enough of a font for a muxer, which goes by the name.
    with open(os.path.join(directory, "font.ttf"), "wb") as font:
        font.write(b"\0\1\0\0" + bytes(200))
    with open(os.path.join(directory, "pictures.sup"), "wb") as pictures:
        pictures.write(_pictures_of_text())
    for name, colour in (("cover.jpg", "red"), ("cover.png", "blue")):
        _make(directory, name, "-f", "lavfi", "-i", f"color={colour}:size=40x30", "-frames:v", "1")
    for name, arguments in (
        ("photo.jpg", ("-pix_fmt", "yuvj420p")),
        ("photo444.jpg", ("-pix_fmt", "yuvj444p")),
        ("photo_gray.jpg", ("-pix_fmt", "gray")),
        ("photo.tif", ("-pix_fmt", "rgb24")),
        ("photo48.tif", ("-pix_fmt", "rgb48le")),
        ("photo_gray.tif", ("-pix_fmt", "gray")),
        ("photo_lzw.tif", ("-pix_fmt", "rgb24", "-compression_algo", "lzw")),
        ("photo.png", ("-pix_fmt", "rgb24")),
        ("photo_rgba.png", ("-pix_fmt", "rgba")),
        ("photo48.png", ("-pix_fmt", "rgb48be")),
        ("photo_gray.png", ("-pix_fmt", "gray")),
        ("photo_gray16.png", ("-pix_fmt", "gray16be")),
        ("photo_pal.png", ("-pix_fmt", "pal8")),
        ("photo_mono.png", ("-pix_fmt", "monob")),
        ("photo.webp", ("-c:v", "libwebp")),
        ("photo_lossless.webp", ("-c:v", "libwebp", "-lossless", "1")),
        ("photo_alpha.webp", ("-c:v", "libwebp", "-pix_fmt", "yuva420p")),
    ):
        _make(
            directory, name, "-f", "lavfi", "-i", "testsrc=size=62x46", "-frames:v", "1", *arguments
        )


def _pictures_of_text() -> bytes:
    """Presentation graphics, as on Blu-rays: a square of 8 by 8 for half a second."""
    size, at = struct.pack(">HH", 160, 90), struct.pack(">HH", 4, 4)
    window = b"\x01\x00" + at + struct.pack(">HH", 8, 8)
    palette = bytes([0, 0, 1, 235, 128, 128, 255])
    # Each line: a run of 8 pixels of colour 1, and its end.
    lines = (b"\x00\x88\x01" + b"\x00\x00") * 8
    data = struct.pack(">HH", 8, 8) + lines
    picture = b"\x00\x00\x00\xc0" + len(data).to_bytes(3, "big") + data
    shown = size + b"\x10\x00\x00\x80\x00\x00\x01" + b"\x00\x00\x00\x00" + at
    cleared = size + b"\x10\x00\x01\x00\x00\x00\x00"
    parts = [(0, 0x16, shown), (0, 0x17, window), (0, 0x14, palette), (0, 0x15, picture)]
    parts += [(0, 0x80, b""), (45000, 0x16, cleared), (45000, 0x17, window), (45000, 0x80, b"")]
    return b"".join(
        b"PG" + struct.pack(">IIBH", time, 0, kind, len(part)) + part for time, kind, part in parts
    )


def _make(directory: str, name: str, *arguments: str) -> None:
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, path], check=True)
