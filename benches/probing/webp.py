"""Puts a JPEG's EXIF and XMP into a WebP file: `webp.py IN.webp IN.jpg OUT.webp`."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def main() -> None:
    """Reads two files, writes the third."""
    webp, jpeg, out = sys.argv[1:]
    with open(webp, "rb") as file:
        chunks = list(_chunks(file.read()))
    with open(jpeg, "rb") as file:
        segments = list(_segments(file.read()))
    exif = [data.removeprefix(_EXIF) for data in segments if data.startswith(_EXIF)]
    xmp = [data.removeprefix(_XMP) for data in segments if data.startswith(_XMP)]
    pictures = [chunk for chunk in chunks if chunk[0] != b"VP8X"]
    alpha = any(name in (b"ALPH", b"VP8L") for name, _ in pictures)
    flags = 0x10 * alpha | 0x08 * bool(exif) | 0x04 * bool(xmp)
    width, height = _size(chunks)
    header = (
        struct.pack("<I", flags)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    chunks = [(b"VP8X", header), *pictures]
    chunks += [(b"EXIF", data) for data in exif] + [(b"XMP ", data) for data in xmp]
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    with open(out, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(body)) + body)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _segments(data: bytes) -> Iterator[bytes]:
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:
        (size,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] == 0xE1:
            yield data[at + 4 : at + 2 + size]
        at += 2 + size


def _size(chunks: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    for name, data in chunks:
        if name == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 6)
            return width & 0x3FFF, height & 0x3FFF
        if name == b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 1)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("no picture")


if __name__ == "__main__":
    main()
