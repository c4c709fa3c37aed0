"""What exiftool says of photos, in the engine's form."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from errors import BenchError
from vpo.media.model import Photo, empty_photo

Found = Mapping[str, Any]
"""exiftool's tags by `group:name`."""

_CONTAINERS = {
    "extended webp": "webp",
    "heic": "heif",
    "hif": "heif",
    "jpg": "jpeg",
    "tif": "tiff",
}

_AT_A_TIME = 300

# Who is believed where several say it: EXIF, then XMP, then IPTC, and what the
# format itself or the camera's notes have. `*` is any group, the first that has it.
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "width": ("File:ImageWidth", "PNG:ImageWidth", "RIFF:ImageWidth", "Meta:ImageWidth",
              "IFD0:ImageWidth", "*:ImageWidth"),
    "height": ("File:ImageHeight", "PNG:ImageHeight", "RIFF:ImageHeight", "Meta:ImageHeight",
               "IFD0:ImageHeight", "*:ImageHeight"),
    "orientation": ("IFD0:Orientation", "XMP-tiff:Orientation"),
    "bit_depth": ("File:BitsPerSample", "PNG:BitDepth", "SubIFD:BitsPerSample",
                  "IFD0:BitsPerSample", "QuickTime:ImagePixelDepth",
                  "QuickTime:BitDepthLuma"),
    "camera_make": ("IFD0:Make", "XMP-tiff:Make"),
    "camera_model": ("IFD0:Model", "XMP-tiff:Model"),
    "lens_make": ("ExifIFD:LensMake", "XMP-exifEX:LensMake", "XMP-microsoft:LensManufacturer"),
    "lens_model": ("ExifIFD:LensModel", "*:LensModel", "XMP-exifEX:LensModel", "XMP-aux:Lens"),
    "latitude": ("Composite:GPSLatitude", "XMP-exif:GPSLatitude"),
    "longitude": ("Composite:GPSLongitude", "XMP-exif:GPSLongitude"),
    "altitude": ("Composite:GPSAltitude", "XMP-exif:GPSAltitude"),
    "exposure_seconds": ("ExifIFD:ExposureTime", "ExifIFD:ShutterSpeedValue",
                         "XMP-exif:ExposureTime", "XMP-exif:ShutterSpeedValue"),
    "f_number": ("ExifIFD:FNumber", "ExifIFD:ApertureValue", "XMP-exif:FNumber",
                 "XMP-exif:ApertureValue"),
    "iso": ("ExifIFD:ISO", "XMP-exifEX:PhotographicSensitivity", "XMP-exif:ISO", "Composite:ISO"),
    "focal_length": ("ExifIFD:FocalLength", "XMP-exif:FocalLength"),
    "focal_length_35mm": ("ExifIFD:FocalLengthIn35mmFormat", "XMP-exif:FocalLengthIn35mmFormat"),
    "software": ("IFD0:Software", "XMP-tiff:Software", "XMP-xmp:CreatorTool", "PNG:Software"),
    "artist": ("IFD0:Artist", "XMP-dc:Creator", "XMP-tiff:Artist", "IPTC:By-line", "PNG:Artist",
               "PNG:Author"),
    "copyright": ("IFD0:Copyright", "XMP-dc:Rights", "XMP-tiff:Copyright",
                  "IPTC:CopyrightNotice", "PNG:Copyright"),
    "description": ("IFD0:ImageDescription", "XMP-dc:Description", "IPTC:Caption-Abstract",
                    "PNG:Description"),
    "rating": ("XMP-xmp:Rating", "IFD0:Rating"),
    "keywords": ("XMP-dc:Subject", "IPTC:Keywords"),
}  # fmt: skip

# A date, with its fraction and its offset if these are apart.
_DATES = (
    ("ExifIFD:DateTimeOriginal", "ExifIFD:SubSecTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
    ("ExifIFD:CreateDate", "ExifIFD:SubSecTimeDigitized", "ExifIFD:OffsetTimeDigitized"),
    ("XMP-exif:DateTimeOriginal", None, None),
    ("XMP-photoshop:DateCreated", None, None),
    ("XMP-xmp:CreateDate", None, None),
)

_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?\s*$")

# Highest value of EXIF's ISO field: the sensitivity is elsewhere.
_ISO_IS_ELSEWHERE = 65535

_TEXTS = ("camera_make", "camera_model", "lens_make", "lens_model", "software", "artist",
          "copyright", "description")  # fmt: skip
_WHOLES = ("width", "height", "orientation", "bit_depth", "iso", "rating")
_NUMBERS = ("latitude", "longitude", "altitude", "exposure_seconds", "f_number", "focal_length",
            "focal_length_35mm")  # fmt: skip


def ask(paths: list[str]) -> dict[str, dict[str, Any] | str]:
    """Each file's document, or why there is none."""
    answers: dict[str, dict[str, Any] | str] = dict.fromkeys(paths, "exiftool skips it")
    for start in range(0, len(paths), _AT_A_TIME):
        done = subprocess.run(
            ["exiftool", "-json", "-n", "-G1", "-q", "-a", "-charset", "filename=utf8",
             *paths[start : start + _AT_A_TIME]],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if not done.stdout:
            raise BenchError(f"exiftool says nothing: {done.stderr.decode(errors='replace')}")
        for found in json.loads(done.stdout):
            answers[found["SourceFile"]] = to_media(found)
    return answers


def to_media(found: Found) -> dict[str, Any] | str:
    """The engine's document for a photo, or why there is none."""
    kind = str(found.get("File:FileType", "")).lower()
    warning = str(found.get("ExifTool:Error") or found.get("ExifTool:Warning") or "")
    if not kind or "format error" in warning:
        return warning or "no type"
    return {
        "container": _CONTAINERS.get(kind, kind),
        "photo": _photo(found, kind),
        "duration_seconds": None,
        "bit_rate": None,
        "tracks": [],
        "chapters": [],
        "tags": {},
    }


def _photo(found: Found, kind: str) -> Photo:
    photo: dict[str, Any] = {**empty_photo()}
    for field in _TEXTS:
        photo[field] = _text(_first(found, field))
    for field in _NUMBERS:
        photo[field] = _number(_first(found, field))
    for field in _WHOLES:
        number = _number(_first(found, field))
        photo[field] = None if number is None else int(number)
    if kind == "xmp":
        photo["width"] = photo["height"] = None
    if "webp" in kind:
        # It has no other, and exiftool does not say it.
        photo["bit_depth"] = 8
    if photo["iso"] == _ISO_IS_ELSEWHERE:
        photo["iso"] = found.get("ExifIFD:RecommendedExposureIndex", _ISO_IS_ELSEWHERE)
    flash, fired = found.get("ExifIFD:Flash"), found.get("XMP-exif:FlashFired")
    photo["flash"] = bool(int(flash) & 1) if flash is not None else fired
    photo["taken_at"], photo["taken_at_offset"] = _taken(found)
    words = _first(found, "keywords")
    photo["keywords"] = [str(word) for word in _list(words)]
    filled: Photo = photo  # type: ignore[assignment]
    return filled


def _first(found: Found, field: str) -> Any:
    for name in _SOURCES[field]:
        if found.get(name) not in ("", None):
            return found[name]
        if name.startswith("*:"):
            for key, said in found.items():
                # Not of thumbnails, nor of what was a picture once.
                others = ("IFD1:", "XMP", "Composite:", "ExifIFD:", "Photoshop", "System:")
                if key.endswith(name[1:]) and not key.startswith(others):
                    return said
    return None


def _taken(found: Found) -> tuple[str | None, str | None]:
    for date, fraction, offset in _DATES:
        matched = _DATE.match(str(found.get(date, "")))
        if not matched or matched[1] == "0000":
            continue
        year, month, day, hour, minute, second, part, zone = matched.groups()
        apart = str(found.get(fraction, "")).strip() if fraction else ""
        if part is None and apart.isdecimal():
            part = "." + apart
        if zone is None and offset:
            zone = _text(found.get(offset))
        zone = "+00:00" if zone == "Z" else zone
        return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{part or ''}", zone
    return None, None


def _list(said: Any) -> list[Any]:
    if said is None:
        return []
    return said if isinstance(said, list) else [said]


def _text(said: Any) -> str | None:
    text = "; ".join(str(each) for each in _list(said)).strip()
    return text or None


def _number(said: Any) -> float | None:
    words = str(_list(said)[0]).split() if _list(said) else []
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None
