"""Photos to be read: small pictures with EXIF as cameras write it, each with its own facts."""

import os
import random
import struct
import subprocess
from collections.abc import Sequence

from errors import BenchError

PHOTOS_A_DIRECTORY = 100

CAMERAS = (
    ("Canon", "Canon EOS R5", "RF24-70mm F2.8 L IS USM"),
    ("NIKON CORPORATION", "NIKON D850", "24.0-70.0 mm f/2.8"),
    ("SONY", "ILCE-7M3", "FE 24-105mm F4 G OSS"),
    ("FUJIFILM", "X-T4", "XF16-55mmF2.8 R LM WR"),
    ("Apple", "iPhone 12", "iPhone 12 back dual wide camera 4.2mm f/1.6"),
    ("Google", "Pixel 6", "Pixel 6 back camera 6.81mm f/1.85"),
)

# Types of EXIF's values: TIFF 6.0, section 2.
_BYTES, _ASCII, _SHORT, _LONG, _RATIONAL = 1, 2, 3, 4, 5
_SIZES = {_BYTES: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8}

_Entry = tuple[int, int, bytes]
"""A tag, a type and the value's bytes."""


def make(directory: str) -> bytes:
    """The picture that all photos show, without its first two bytes: EXIF goes before them."""
    path = os.path.join(directory, "picture.jpg")
    if not os.path.exists(path):
        os.makedirs(directory, exist_ok=True)
        noise = "nullsrc=size=96x64,geq=random(1)*255:128:128"
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", noise]
        try:
            subprocess.run([*command, "-frames:v", "1", path], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BenchError("ffmpeg makes the picture of the photos; install ffmpeg") from error
    with open(path, "rb") as file:
        return file.read()[2:]


def write(picture: bytes, root: str, files: int, seed: int) -> int:
    """Fill `root` with photos; return how many directories that were."""
    directories = 0
    for number in range(files):
        directory = os.path.join(root, f"{number // PHOTOS_A_DIRECTORY:04}")
        if number % PHOTOS_A_DIRECTORY == 0:
            os.mkdir(directory)
            directories += 1
        path = os.path.join(directory, f"IMG_{number:06}.jpg")
        exif = b"Exif\0\0" + _exif(random.Random(f"{seed}/photo/{number}"))
        with open(path, "xb") as file:
            file.write(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + picture)
        # Years ago: what is younger than the last scan is looked at again.
        os.utime(path, (1_556_928_000 + number, 1_556_928_000 + number))
    return directories + 1


def _exif(rng: random.Random) -> bytes:
    """EXIF 2.32, little endian: directories of the picture, the exposure and the place."""
    make, model, lens = rng.choice(CAMERAS)
    taken = (
        f"{rng.randrange(2005, 2022)}:{rng.randrange(1, 13):02}:{rng.randrange(1, 29):02}"
        f" {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    )
    photo = [
        (0x829A, _RATIONAL, struct.pack("<2L", 1, rng.choice((30, 60, 125, 250, 1000)))),
        (0x829D, _RATIONAL, struct.pack("<2L", rng.choice((18, 28, 40, 80)), 10)),
        (0x8827, _SHORT, struct.pack("<H", rng.choice((100, 200, 400, 1600)))),
        (0x9003, _ASCII, _text(taken)),
        (0x9011, _ASCII, _text("+02:00")),
        (0x9209, _SHORT, struct.pack("<H", rng.randrange(2))),
        (0x920A, _RATIONAL, struct.pack("<2L", rng.randrange(24, 105), 1)),
        (0xA434, _ASCII, _text(lens)),
    ]
    place = [
        (1, _ASCII, _text("N")),
        (2, _RATIONAL, struct.pack("<6L", rng.randrange(60), 1, rng.randrange(60), 1, 0, 1)),
        (3, _ASCII, _text("E")),
        (4, _RATIONAL, struct.pack("<6L", rng.randrange(90), 1, rng.randrange(60), 1, 0, 1)),
        (5, _BYTES, b"\0"),
        (6, _RATIONAL, struct.pack("<2L", rng.randrange(3000), 1)),
    ]
    first = [
        (0x010F, _ASCII, _text(make)),
        (0x0110, _ASCII, _text(model)),
        (0x0112, _SHORT, struct.pack("<H", rng.choice((1, 1, 6, 8)))),
        (0x0132, _ASCII, _text(taken)),
    ]
    pointers = [(0x8769, _LONG, bytes(4)), (0x8825, _LONG, bytes(4))]
    photo_at = 8 + len(_directory([*first, *pointers], 8))
    place_at = photo_at + len(_directory(photo, photo_at))
    pointers = [
        (tag, _LONG, struct.pack("<L", at))
        for (tag, _, _), at in zip(pointers, (photo_at, place_at), strict=True)
    ]
    return (
        b"II*\0\x08\0\0\0"
        + _directory([*first, *pointers], 8)
        + _directory(photo, photo_at)
        + _directory(place, place_at)
    )


def _directory(entries: Sequence[_Entry], at: int) -> bytes:
    """A directory that begins at an offset: entries, and the values that do not fit into them."""
    table, values = struct.pack("<H", len(entries)), b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        count = len(value) // _SIZES[kind]
        if len(value) > 4:
            field = struct.pack("<L", values_at + len(values))
            values += value + bytes(len(value) % 2)
        else:
            field = value.ljust(4, b"\0")
        table += struct.pack("<HHL", tag, kind, count) + field
    return table + bytes(4) + values


def _text(text: str) -> bytes:
    return text.encode() + b"\0"
