"""Subjects: photos, with what cameras and programs write into them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from probing.subjects import Command, Subject, named, one, words

_PICTURES = words(
    "photo.jpg photo444.jpg photo_gray.jpg photo.tif photo48.tif photo_gray.tif photo_lzw.tif "
    "photo.png photo_rgba.png photo48.png photo_gray.png photo_gray16.png photo_pal.png "
    "photo_mono.png photo.webp photo_lossless.webp photo_alpha.webp"
)

WEBP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "webp.py")

_CAMERA = (
    "-Make=Canon", "-Model=Canon EOS 5D Mark IV", "-LensModel=EF24-70mm f/2.8L II USM",
    "-LensMake=Canon", "-DateTimeOriginal=2019:05:04 12:33:01", "-CreateDate=2019:05:04 12:33:01",
    "-ExposureTime=1/250", "-FNumber=5.6", "-ISO=400", "-FocalLength=35",
    "-FocalLengthIn35mmFormat=53", "-Software=Firmware 1.2.1", "-Artist=Jörg Müller",
    "-Copyright=(c) Jörg",
)  # fmt: skip

_CASES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "camera": _CAMERA,
    "padded": ("-Make=NIKON CORPORATION   ", "-Model= E990 "),
    "offset": ("-DateTimeOriginal=2019:05:04 12:33:01", "-OffsetTimeOriginal=+02:00"),
    "offset-west": ("-DateTimeOriginal=2019:05:04 12:33:01", "-OffsetTimeOriginal=-05:30"),
    "offset-other": ("-DateTimeOriginal=2019:05:04 12:33:01", "-OffsetTime=+09:00"),
    "subsec": ("-DateTimeOriginal=2019:05:04 12:33:01", "-SubSecTimeOriginal=123"),
    "digitized": ("-CreateDate=2001:01:02 03:04:05",),
    "modified": ("-ModifyDate=2001:01:02 03:04:05",),
    "no-date": ("-DateTimeOriginal=0000:00:00 00:00:00",),
    "gps": ("-GPSLatitude=48.8584", "-GPSLatitudeRef=N", "-GPSLongitude=2.2945",
            "-GPSLongitudeRef=E", "-GPSAltitude=35.5", "-GPSAltitudeRef=0"),
    "gps-south-west": ("-GPSLatitude=33.8568", "-GPSLatitudeRef=S", "-GPSLongitude=70.6693",
                       "-GPSLongitudeRef=W", "-GPSAltitude=12", "-GPSAltitudeRef=1"),
    "flash": ("-EXIF:Flash#=1",),
    "no-flash": ("-EXIF:Flash#=16",),
    "xmp-flash": ("-XMP:FlashFired=True",),
    "flash-auto": ("-EXIF:Flash#=25",),
    "rating": ("-XMP:Rating=4",),
    "rejected": ("-XMP:Rating=-1",),
    "keywords": ("-XMP:Subject=one", "-XMP:Subject=zwei ö", "-XMP:Subject=three"),
    "iptc": ("-IPTC:Keywords=one", "-IPTC:Keywords=two", "-IPTC:Caption-Abstract=A caption",
             "-IPTC:By-line=Writer", "-IPTC:CopyrightNotice=IPTC copyright"),
    "iptc-utf8": ("-IPTC:CodedCharacterSet=UTF8", "-IPTC:Keywords=größe",
                  "-IPTC:Caption-Abstract=Größe"),
    "xmp": ("-XMP:Make=Sony", "-XMP:Model=ILCE-7M3", "-XMP-exif:ExposureTime=1/60",
            "-XMP-exif:FNumber=1.8",
            "-XMP-exif:ISO=800", "-XMP-exif:DateTimeOriginal=2020:02:03 04:05:06+01:00",
            "-XMP:Description=XMP says", "-XMP:Creator=XMP artist", "-XMP:Rights=XMP rights",
            "-XMP-exif:GPSLatitude=10.5", "-XMP-exif:GPSLongitude=-20.25",
            "-XMP:CreatorTool=Lightroom 9",
            "-XMP-aux:Lens=FE 55mm F1.8 ZA", "-XMP-exif:FocalLength=55"),
    "xmp-rating-keywords": ("-XMP:Rating=3", "-XMP:Subject=a", "-XMP:Description=D",
                            "-XMP:Orientation#=6"),
    "both": (*_CAMERA, "-XMP:Make=Other", "-XMP:Rating=5", "-XMP:Subject=k",
             "-XMP:Description=Both",
             "-EXIF:ImageDescription=From EXIF"),
    "description": ("-EXIF:ImageDescription=A description",),
    "comment": ("-EXIF:UserComment=A user's comment",),
    "long-exposure": ("-ExposureTime=30", "-FNumber=22", "-ISO=25600", "-FocalLength=8.8"),
    "odd-fractions": ("-ExposureTime=0.3333", "-FNumber=1.4", "-FocalLength=4.25"),
    "high-iso": ("-ISO=65535", "-RecommendedExposureIndex=102400", "-SensitivityType#=2"),
    "lens-info": ("-LensInfo=24 70 2.8 2.8", "-LensModel=24-70"),
    "unicode": ("-Artist=日本語", "-Copyright=©", "-XMP:Description=日本語"),
    "big-endian": ("-ExifByteOrder=MM", *_CAMERA),
    "little-endian": ("-ExifByteOrder=II", *_CAMERA),
}  # fmt: skip


def subjects() -> Iterator[Subject]:
    """All of them."""
    for picture in _PICTURES:
        stem, extension = picture.split(".")
        whole = stem == "photo" or picture == "photo444.jpg"
        for case, tags in _CASES.items():
            if not whole and case not in ("plain", "camera", "both"):
                continue
            if extension in ("png", "webp") and case.startswith("iptc"):
                continue
            yield from one(named(extension, stem, case), *_tagged(picture, tags))
        if whole:
            for orientation in range(1, 9):
                tags = (f"-Orientation#={orientation}",)
                yield from one(
                    named(extension, stem, "orientation", str(orientation)), *_tagged(picture, tags)
                )
    yield from one(
        "sidecar.xmp",
        (
            "exiftool",
            "-q",
            "-o",
            "{out}",
            *_CASES["xmp"],
            "-XMP:Rating=2",
            "-XMP:Subject=side",
            "-XMP:Subject=car",
        ),
    )
    yield from one("sidecar-plain.xmp", ("exiftool", "-q", "-o", "{out}", "-XMP:Rating=1"))
    yield from one(
        "photo-av1.avif",
        (
            "ffmpeg",
            "-v",
            "error",
            "-y",
            *words(
                "-f lavfi -i testsrc=size=64x48 -frames:v 1 "
                "-c:v libaom-av1 -cpu-used 8 -still-picture 1"
            ),
            "{out}",
        ),
    )


def _tagged(picture: str, tags: tuple[str, ...]) -> tuple[Command, ...]:
    source = "{shared}/" + picture
    if not tags:
        return (("cp", source, "{out}"),)
    if picture.endswith(".webp"):
        # exiftool learnt to write it late: the metadata come by way of a JPEG.
        by_way = ("exiftool", "-q", "-m", "-o", "{out}.src.jpg", *tags, "{shared}/photo.jpg")
        return (by_way, ("{python}", WEBP, source, "{out}.src.jpg", "{out}"))
    # -m: warnings of odd values are what some cases are for.
    return (("exiftool", "-q", "-m", "-o", "{out}", *tags, source),)
