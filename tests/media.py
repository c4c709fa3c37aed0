"""Small media files, made of bytes: what they say is right, what they would play is nothing.

Each gives the beginning of a file; zeros after it, up to `length`, belong to the file.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Mapping, Sequence

# -- Matroska (RFC 9559) ------------------------------------------------------------------------


def element(number: int, content: bytes) -> bytes:
    """An EBML element: its id, its size in eight bytes, its content."""
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return name + (1 << 56 | len(content)).to_bytes(8, "big") + content


def unsigned(number: int, value: int) -> bytes:
    return element(number, value.to_bytes(8, "big"))


def track(number: int, kind: int, codec: str, language: str, *more: bytes) -> bytes:
    """A TrackEntry: kind 1 is video, 2 audio, 17 subtitle."""
    return element(
        0xAE,
        b"".join(
            (
                unsigned(0xD7, number),
                unsigned(0x73C5, number),
                unsigned(0x83, kind),
                element(0x86, codec.encode()),
                element(0x22B59C, language.encode()),
                *more,
            )
        ),
    )


def film(length: int, *, seconds: float, title: str, size: tuple[int, int] = (1920, 800)) -> bytes:
    """A film in VP8 with Opus sound and subtitles in two languages."""
    width, height = size
    picture = element(0xE0, unsigned(0xB0, width) + unsigned(0xBA, height))
    sound = element(0xE1, element(0xB5, struct.pack(">d", 48000)) + unsigned(0x9F, 6))
    info = element(
        0x1549A966,
        unsigned(0x2AD7B1, 1_000_000)
        + element(0x4489, struct.pack(">d", seconds * 1000))
        + element(0x7BA9, title.encode())
        + element(0x4D80, b"test")
        + element(0x5741, b"test"),
    )
    tracks = element(
        0x1654AE6B,
        track(1, 1, "V_VP8", "und", picture, unsigned(0x23E383, 41_708_333))
        + track(2, 2, "A_OPUS", "eng", sound)
        + track(3, 17, "S_TEXT/UTF8", "ger", unsigned(0x88, 0))
        + track(4, 17, "S_TEXT/UTF8", "fre", unsigned(0x88, 0), unsigned(0x55AA, 1)),
    )
    head = element(0x1A45DFA3, element(0x4282, b"matroska"))
    begin = len(head) + 12
    rest = length - begin - len(info) - len(tracks) - 9
    void = b"\xec" + (1 << 56 | rest).to_bytes(8, "big")
    segment = b"\x18\x53\x80\x67" + (1 << 56 | length - begin).to_bytes(8, "big")
    return head + segment + info + tracks + void


# -- WAV ----------------------------------------------------------------------------------------


def wav(samples: bytes, *, rate: int = 8000, channels: int = 1) -> bytes:
    """Sound of 16 bits a sample."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(samples)
    return out.getvalue()


# -- FLAC (RFC 9639) ----------------------------------------------------------------------------


def song(*, seconds: float, tags: Mapping[str, str], rate: int = 44100) -> bytes:
    """Stereo of 16 bits."""
    facts = rate << 44 | 1 << 41 | 15 << 36 | int(rate * seconds)
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + facts.to_bytes(8, "big") + bytes(16)
    comments = [f"{name}={text}".encode() for name, text in tags.items()]
    listed = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    comment = struct.pack("<I", 0) + struct.pack("<I", len(comments)) + listed
    return b"".join(
        (
            b"fLaC",
            bytes([0]) + len(info).to_bytes(3, "big") + info,
            bytes([0x84]) + len(comment).to_bytes(3, "big") + comment,
        )
    )


# -- Pictures (EXIF 2.32, ISO/IEC 14496-12) -----------------------------------------------------


def tiff(entries: Sequence[tuple[int, int, bytes]]) -> bytes:
    """A TIFF structure with one directory (see `directory`)."""
    return b"II*\0\x08\0\0\0" + directory(entries, 8)


def directory(entries: Sequence[tuple[int, int, bytes]], start: int) -> bytes:
    """A directory at `start`: tag, type (2 text, 3 short, 4 long, 5 rational), value.

    The values of shorts and longs are little-endian.
    """
    sizes = {2: 1, 3: 2, 4: 4, 5: 8}
    directory, values = b"", b""
    place = start + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries):
        count = len(value) // sizes[kind]
        if len(value) <= 4:
            held = value.ljust(4, b"\0")
        else:
            held = struct.pack("<I", place + len(values))
            values += value + b"\0" * (len(value) % 2)
        directory += struct.pack("<HHI", tag, kind, count) + held
    return struct.pack("<H", len(entries)) + directory + bytes(4) + values


def camera(make: str, model: str, *more: tuple[int, int, bytes]) -> bytes:
    """What a camera says of itself."""
    return tiff([(0x10F, 2, make.encode() + b"\0"), (0x110, 2, model.encode() + b"\0"), *more])


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def raw_photo(length: int, *, taken: str) -> bytes:
    """Canon's CR3, as far as its metadata."""
    first = camera("Canon", "Canon EOS R5", (0x100, 3, b"\x00\x20"), (0x101, 3, b"\x55\x15"))
    second = tiff(
        [
            (0x829A, 5, struct.pack("<II", 1, 250)),
            (0x829D, 5, struct.pack("<II", 28, 10)),
            (0x8827, 3, struct.pack("<H", 400)),
            (0x9003, 2, taken.encode() + b"\0"),
            (0x9011, 2, b"+02:00\0"),
            (0xA434, 2, b"RF24-105mm F4 L IS USM\0"),
        ]
    )
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    parts = box(b"CMT1", first) + box(b"CMT2", second)
    head = box(b"ftyp", b"crx \0\0\0\x01crx isom") + box(b"moov", box(b"uuid", canon + parts))
    return head + struct.pack(">I", length - len(head)) + b"mdat"


def poster(width: int, height: int) -> bytes:
    """A JPEG up to where its picture begins."""
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes.fromhex("011100021100031100")
    scan = bytes.fromhex("03010002000300003f00")
    return b"\xff\xd8" + _segment(0xC0, frame) + _segment(0xDA, scan)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


SIDECAR = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>
 </rdf:RDF>
</x:xmpmeta>
"""
