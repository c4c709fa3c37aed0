"""What exiftool says of photos, in the engine's form."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from errors import BenchError

from vpo.media.model import empty_photo

# exiftool's names, in the order of who is believed: groups of one name are asked
# for one by one, as its own choice among them differs from format to format.
_TAGS = (
    "FileType", "ImageWidth", "ImageHeight", "ExifIFD:ExifImageWidth", "Orientation",
    "BitsPerSample", "BitDepth", "Make", "Model", "LensMake", "LensModel", "Lens", "LensID",
    "DateTimeOriginal", "CreateDate", "ModifyDate", "DateTimeDigitized", "DateCreated",
    "SubSecTimeOriginal", "SubSecTimeDigitized", "OffsetTimeOriginal", "OffsetTime",
    "OffsetTimeDigitized", "Composite:GPSLatitude", "Composite:GPSLongitude",
    "Composite:GPSAltitude", "GPSLatitude", "GPSLongitude", "GPSAltitude", "ExposureTime",
    "FNumber", "ISO", "FocalLength", "FocalLengthIn35mmFormat", "Flash", "FlashFired",
    "Software", "CreatorTool", "Artist", "Creator", "By-line", "Copyright", "Rights",
    "CopyrightNotice", "ImageDescription", "Description", "Caption-Abstract", "Rating",
    "Subject", "Keywords", "Title", "RAF:All",
)  # fmt: skip

_CONTAINERS = {"jpg": "jpeg", "tif": "tiff", "heic": "heif", "hif": "heif"}
_AT_A_TIME = 300

Found = Mapping[str, Any]


def ask(paths: list[str]) -> dict[str, dict[str, Any] | None]:
    """Each file's document; None if it is no photo to exiftool."""
    answers: dict[str, dict[str, Any] | None] = {}
    for start in range(0, len(paths), _AT_A_TIME):
        some = paths[start : start + _AT_A_TIME]
        done = subprocess.run(
            ["exiftool", "-json", "-n", "-G1", "-a", "-q", "-struct", *(f"-{tag}" for tag in _TAGS),
             "-charset", "filename=utf8", "--", *some],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if not done.stdout:
            raise BenchError(f"exiftool says nothing: {done.stderr.decode(errors='replace')}")
        for found in json.loads(done.stdout):
            answers[found["SourceFile"]] = to_media(found)
    return {path: answers.get(path) for path in paths}


def to_media(found: Found) -> dict[str, Any] | None:
    """The engine's document for a photo."""
    container = str(_first(found, "File:FileType") or "").lower()
    if not container:
        return None
    return {
        "container": _CONTAINERS.get(container, container),
        "photo": _photo(found, container),
        "duration_seconds": None,
        "bit_rate": None,
        "tracks": [],
        "chapters": [],
        "tags": {},
    }


def _photo(found: Found, container: str) -> dict[str, Any]:
    photo: dict[str, Any] = {**empty_photo()}
    sidecar = container == "xmp"
    photo["width"] = _whole(_first(found, "File:ImageWidth", "PNG:ImageWidth", "RIFF:ImageWidth", "Meta:ImageWidth", "IFD0:ImageWidth", *(["XMP-tiff:ImageWidth"] if sidecar else []), "*:ImageWidth" if not sidecar else ""))  # noqa: E501
    photo["height"] = _whole(_first(found, "File:ImageHeight", "PNG:ImageHeight", "RIFF:ImageHeight", "Meta:ImageHeight", "IFD0:ImageHeight", "*:ImageHeight" if not sidecar else ""))  # noqa: E501
    photo["orientation"] = _whole(_first(found, "IFD0:Orientation", "XMP-tiff:Orientation"))
    photo["bit_depth"] = _depth(_first(found, "File:BitsPerSample", "PNG:BitDepth", "IFD0:BitsPerSample", "SubIFD:BitsPerSample"))  # noqa: E501
    photo["camera_make"] = _text(_first(found, "IFD0:Make", "XMP-tiff:Make"))
    photo["camera_model"] = _text(_first(found, "IFD0:Model", "XMP-tiff:Model"))
    photo["lens_make"] = _text(_first(found, "ExifIFD:LensMake", "XMP-exifEX:LensMake"))
    photo["lens_model"] = _text(_first(found, "ExifIFD:LensModel", "XMP-exifEX:LensModel", "XMP-aux:Lens"))  # noqa: E501
    photo["taken_at"], photo["taken_at_offset"] = _taken(found)
    photo["latitude"] = _number(_first(found, "Composite:GPSLatitude", "XMP-exif:GPSLatitude"))
    photo["longitude"] = _number(_first(found, "Composite:GPSLongitude", "XMP-exif:GPSLongitude"))
    photo["altitude"] = _number(_first(found, "Composite:GPSAltitude", "XMP-exif:GPSAltitude"))
    photo["exposure_seconds"] = _number(_first(found, "ExifIFD:ExposureTime", "XMP-exif:ExposureTime"))  # noqa: E501
    photo["f_number"] = _number(_first(found, "ExifIFD:FNumber", "XMP-exif:FNumber"))
    photo["iso"] = _whole(_first(found, "ExifIFD:ISO", "XMP-exif:ISO"))
    photo["focal_length"] = _number(_first(found, "ExifIFD:FocalLength", "XMP-exif:FocalLength"))
    photo["focal_length_35mm"] = _number(_first(found, "ExifIFD:FocalLengthIn35mmFormat", "XMP-exif:FocalLengthIn35mmFormat"))  # noqa: E501
    flash = _whole(_first(found, "ExifIFD:Flash"))
    photo["flash"] = None if flash is None else bool(flash & 1)
    photo["software"] = _text(_first(found, "IFD0:Software", "XMP-xmp:CreatorTool"))
    photo["artist"] = _text(_first(found, "IFD0:Artist", "XMP-dc:Creator", "IPTC:By-line"))
    photo["copyright"] = _text(_first(found, "IFD0:Copyright", "XMP-dc:Rights", "IPTC:CopyrightNotice"))  # noqa: E501
    photo["description"] = _text(_first(found, "IFD0:ImageDescription", "XMP-dc:Description", "IPTC:Caption-Abstract"))  # noqa: E501
    photo["rating"] = _whole(_first(found, "XMP-xmp:Rating", "IFD0:Rating"))
    words = _first(found, "XMP-dc:Subject", "IPTC:Keywords")
    photo["keywords"] = [] if words is None else [str(word) for word in (words if isinstance(words, list) else [words])]  # noqa: E501
    return photo


def _first(found: Found, *names: str) -> Any:
    """What the first of the named tags says; `*:Name` is that of any group."""
    for name in names:
        if name in found and found[name] not in ("", None):
            return found[name]
        if name.startswith("*:"):
            for key, value in found.items():
                if key.endswith(name[1:]) and not key.startswith(("IFD1:", "XMP", "Composite:")):
                    return value
    return None


def _taken(found: Found) -> tuple[str | None, str | None]:
    for date, fraction, offset in (
        ("ExifIFD:DateTimeOriginal", "ExifIFD:SubSecTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
        ("ExifIFD:CreateDate", "ExifIFD:SubSecTimeDigitized", "ExifIFD:OffsetTimeDigitized"),
        ("XMP-exif:DateTimeOriginal", "", ""),
        ("XMP-photoshop:DateCreated", "", ""),
        ("XMP-xmp:CreateDate", "", ""),
    ):
        text = str(found.get(date, ""))
        matched = re.match(
            r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", text
        )
        if not matched or matched[1] == "0000":
            continue
        year, month, day, hour, minute, second, part, zone = matched.groups()
        if part is None and fraction and str(found.get(fraction, "")).strip().isdecimal():
            part = "." + str(found[fraction]).strip()
        if zone is None and offset:
            zone = _text(found.get(offset))
        zone = "+00:00" if zone == "Z" else zone
        return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{part or ''}", zone
    return None, None


def _text(said: Any) -> str | None:
    if isinstance(said, dict):
        said = said.get("x-default") or next(iter(said.values()), None)
    if isinstance(said, list):
        said = "; ".join(str(each) for each in said)
    text = "" if said is None else str(said).strip()
    return text or None


def _number(said: Any) -> float | None:
    try:
        return float(str(said))
    except ValueError:
        return None


def _whole(said: Any) -> int | None:
    number = _number(str(said).split()[0]) if said not in (None, "") else None
    return None if number is None else int(number)


def _depth(said: Any) -> int | None:
    return _whole(said)
