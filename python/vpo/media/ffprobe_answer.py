"""Turns ffprobe's JSON into the form of the engine's documents (`vpo.media.model`)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from vpo.media.model import Chapter, Hdr, Media, Track, TrackType, empty_photo, empty_track

_TYPES: Mapping[str, TrackType] = {
    "video": "video",
    "audio": "audio",
    "subtitle": "subtitle",
    "attachment": "attachment",
}

# Containers and pictures for which ffprobe has another name, or one name for several.
_CONTAINERS = {
    "mpegvideo": "mpeg",
    "m4v": "mpeg",
    "live_flv": "flv",
    "w64": "wav",
}
_PICTURES = {
    "mjpeg": "jpeg",
    "jpegls": "jpeg",
    "ppm": "pnm",
}
_HEIF_BRANDS = ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")
_AVIF_BRANDS = ("avif", "avis")

# Tags of MP4 and similar containers that do not describe the content.
_ISO_MEDIA = "mov,mp4,m4a,3gp,3g2,mj2"
_NOT_TAGS = ("major_brand", "minor_version", "compatible_brands")

# For covers, where ffprobe only knows the codec.
_MIME_TYPES: Mapping[str | None, str] = {
    "mjpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
}

# The value with which MPEG-1 and MPEG-2 files leave the bit rate open.
_NO_BIT_RATE = 0x3FFFF * 400

_DEPTHS = (
    (re.compile(r"^(?:yuv|yuva|gray|gbr|gbra|ya)\w*?p?(9|10|12|14|16|32)[bl]e$"), None),
    (re.compile(r"^(?:rgb48|bgr48|rgba64|bgra64|gbrp16|ya16)"), 16),
    (re.compile(r"^(?:p|nv|y2|x2rgb|x2bgr)\w*?(10|12|16)[bl]e$"), None),
    (re.compile(r"^(?:rgb|bgr)(?:565|555|444)"), 5),
    (re.compile(r"^mono[wb]$"), 1),
    (re.compile(r"^(?:yuv|yuvj|yuva|gray$|gbrp$|gbrap$|nv\d\d$|ya8$|pal8$|uyvy|yuyv|yvyu)"), 8),
    (re.compile(r"^0?(?:rgb|bgr|argb|abgr)(?:a|0|24)?$"), 8),
)

_THOUSAND_YEARS = 3.2e10
_MOST_INTEGER = 2**63 - 1


def to_media(
    answer: Mapping[str, Any], path: bytes, head: bytes, language: Callable[[str], str]
) -> Media:
    """The document, as far as ffprobe's streams, chapters and format tell.

    Raises various errors (ValueError, TypeError, LookupError, …) if the answer does not
    have the form of ffprobe's answers. `head` is the beginning of the file.
    """
    about = answer.get("format", {})
    streams = answer.get("streams", [])
    name = str(about.get("format_name", ""))
    tags = _lower(about.get("tags"))
    media: Media = {
        "container": _container(name, tags, streams, lambda: _doc_type(head, path)),
        "duration_seconds": _time(about.get("duration")),
        "bit_rate": _natural(about.get("bit_rate")),
        "tracks": [],
        "chapters": [_chapter(chapter) for chapter in answer.get("chapters", [])],
        "tags": tags,
        "photo": None,
        "warnings": [],
        "unsure": [],
    }
    if name == _ISO_MEDIA:
        media["tags"] = {key: text for key, text in tags.items() if key not in _NOT_TAGS}
    if _is_picture(name, media["container"]):
        _make_photo(media, streams)
        return media
    media["tracks"] = [_track(stream, language) for stream in streams]
    indexes = {track["index"] for track in media["tracks"]}
    if len(indexes) < len(streams) or not all(0 <= index <= _MOST_INTEGER for index in indexes):
        raise ValueError("two streams have the same number, or a number is invalid")
    if media["container"] == "ogg" and streams:
        # In Ogg, comments belong to a stream. Those of the first stream describe the file.
        of_stream = _lower(streams[0].get("tags"))
        media["tags"] = {**of_stream, **media["tags"]}
    return media


def may_have_dynamic_metadata(media: Media) -> bool:
    """Whether a frame may show that the video is HDR10+ and not just HDR10."""
    return any(
        track["hdr"] == "HDR10" and track["codec"] in ("hevc", "av1", "vp9")
        for track in media["tracks"]
    )


def add_frames(media: Media, answer: Mapping[str, Any]) -> None:
    """Adds what the first frames of each video track show."""
    for frame in answer.get("frames", []):
        kinds = [str(data.get("side_data_type", "")) for data in frame.get("side_data_list", [])]
        if not any("2094-40" in kind for kind in kinds):
            continue
        for track in media["tracks"]:
            if track["index"] == frame.get("stream_index") and track["hdr"] == "HDR10":
                track["hdr"] = "HDR10+"


def _container(
    name: str,
    tags: Mapping[str, str],
    streams: list[Mapping[str, Any]],
    doc_type: Callable[[], str],
) -> str:
    if name == "matroska,webm":
        return doc_type()
    if name == _ISO_MEDIA:
        brand = tags.get("major_brand", "qt").strip().lower()
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEIF_BRANDS:
            return "heif"
        if brand.startswith("3g"):
            return "3gp"
        return "mov" if brand == "qt" else "mp4"
    if name == "image2":
        codec = str(streams[0].get("codec_name", "")) if streams else ""
        return _PICTURES.get(codec, codec or name)
    if name.endswith("_pipe"):
        return name.removesuffix("_pipe")
    return _CONTAINERS.get(name, name)


def _doc_type(head: bytes, path: bytes) -> str:
    """The document type in the EBML header, which ffprobe does not report."""
    found = re.search(rb"\x42\x82.(webm|matroska)", head, re.DOTALL)
    if found:
        return found[1].decode()
    return "webm" if os.path.splitext(path)[1].lower() == b".webm" else "matroska"


def _is_picture(name: str, container: str) -> bool:
    return name == "image2" or name.endswith("_pipe") or container in ("avif", "heif")


def _make_photo(media: Media, streams: list[Mapping[str, Any]]) -> None:
    photo = media["photo"] = empty_photo()
    media["duration_seconds"] = media["bit_rate"] = None
    for stream in streams[:1]:
        photo["width"] = _natural(stream.get("width"))
        photo["height"] = _natural(stream.get("height"))
        photo["bit_depth"] = _depth_of_pixels(stream)


def _track(stream: Mapping[str, Any], language: Callable[[str], str]) -> Track:
    disposition = stream.get("disposition", {})
    tags = _lower(stream.get("tags"))
    track_type = _TYPES.get(stream.get("codec_type", ""), "other")
    if disposition.get("attached_pic") == 1:
        track_type = "attachment"
    track = empty_track(int(stream.get("index", 0)), track_type)
    track["codec"] = _name(stream.get("codec_name"))
    track["language"] = language(tags.get("language", ""))
    track["title"] = tags.get("title") or None
    track["default"] = disposition.get("default") == 1
    track["forced"] = disposition.get("forced") == 1
    track["commentary"] = disposition.get("comment") == 1
    track["hearing_impaired"] = disposition.get("hearing_impaired") == 1
    track["visual_impaired"] = disposition.get("visual_impaired") == 1
    if track_type == "attachment":
        track["width"] = _natural(stream.get("width"))
        track["height"] = _natural(stream.get("height"))
        track["file_name"] = tags.get("filename") or None
        mime_type = _MIME_TYPES.get(track["codec"]) if track["width"] else None
        track["mime_type"] = tags.get("mimetype") or mime_type
        return track
    track["duration_seconds"] = _time(stream.get("duration")) or _clock(tags.get("duration", ""))
    # mkvmerge writes statistics into tags, which ffprobe passes on as tags only.
    track["bit_rate"] = _natural(stream.get("bit_rate")) or _natural(tags.get("bps"))
    if track_type == "video":
        _add_video(track, stream)
    elif track_type == "audio":
        track["profile"] = _profile(stream)
        track["channels"] = _natural(stream.get("channels"))
        track["channel_layout"] = _name(stream.get("channel_layout"))
        track["sample_rate"] = _natural(stream.get("sample_rate"))
        track["bit_depth"] = _natural(stream.get("bits_per_raw_sample")) or _natural(
            stream.get("bits_per_sample")
        )
    return track


def _add_video(track: Track, stream: Mapping[str, Any]) -> None:
    track["profile"] = _profile(stream)
    if track["bit_rate"] == _NO_BIT_RATE:
        track["bit_rate"] = None
    track["width"] = _natural(stream.get("width"))
    track["height"] = _natural(stream.get("height"))
    track["frame_rate"] = _frame_rate(stream)
    track["pixel_format"] = _name(stream.get("pix_fmt"))
    track["bit_depth"] = _depth_of_pixels(stream)
    track["color_primaries"] = _name(stream.get("color_primaries"))
    track["color_transfer"] = _name(stream.get("color_transfer"))
    track["color_space"] = _name(stream.get("color_space"))
    by_transfer: Mapping[str | None, Hdr] = {"smpte2084": "HDR10", "arib-std-b67": "HLG"}
    track["hdr"] = by_transfer.get(track["color_transfer"], "SDR")
    for data in stream.get("side_data_list", []):
        kind = data.get("side_data_type")
        if kind == "DOVI configuration record":
            track["hdr"] = "Dolby Vision"
            track["dolby_vision_profile"] = _dolby_vision_profile(data)
        elif kind == "Display Matrix":
            track["rotation"] = _rotation(data.get("rotation"))


def _dolby_vision_profile(data: Mapping[str, Any]) -> str:
    compatibility = data.get("dv_bl_signal_compatibility_id") or 0
    profile = str(data.get("dv_profile"))
    return f"{profile}.{compatibility}" if compatibility else profile


def _rotation(degrees: object) -> int | None:
    """Degrees clockwise; ffprobe counts the other way."""
    if not isinstance(degrees, (int, float)):
        return None
    quarters = -degrees / 90
    if abs(quarters - round(quarters)) > 0.05:
        return None
    return round(quarters) % 4 * 90


def _frame_rate(stream: Mapping[str, Any]) -> str | None:
    # If there is only one frame, ffprobe reports the rate of the clock instead.
    above, _, below = str(stream.get("time_base", "")).partition("/")
    clock = f"{below}/{above}" if below in ("1000", "90000") else "90000/1"
    average, lowest = str(stream.get("avg_frame_rate")), str(stream.get("r_frame_rate"))
    for rate in (average, "" if lowest in (clock, "90000/1") else lowest):
        found = re.fullmatch(r"([0-9]{1,10})/([0-9]{1,10})", rate)
        if found and int(found[1]) and int(found[2]):
            return rate
    return None


def _depth_of_pixels(stream: Mapping[str, Any]) -> int | None:
    return _natural(stream.get("bits_per_raw_sample")) or _depth(str(stream.get("pix_fmt", "")))


def _depth(pixel_format: str) -> int | None:
    for pattern, depth in _DEPTHS:
        found = pattern.search(pixel_format)
        if found:
            return depth or int(found[1])
    return None


def _chapter(chapter: Mapping[str, Any]) -> Chapter:
    return {
        "start_seconds": _time(chapter.get("start_time")) or 0.0,
        "end_seconds": _time(chapter.get("end_time")),
        "title": _lower(chapter.get("tags")).get("title") or None,
    }


def _lower(tags: object) -> dict[str, str]:
    """Tags with their names in lower case. If two names become equal, the first wins."""
    lower: dict[str, str] = {}
    if not isinstance(tags, dict):
        return lower
    for key, text in tags.items():
        tidy = str(text).partition("\0")[0].strip()
        if tidy:
            lower.setdefault(str(key).lower(), tidy)
    # `bps-eng` repeats `bps` with a language. Sometimes there is only `bps-eng`.
    for key in [key for key in lower if re.search(r"[^-]-[a-z]{3}$", key)]:
        base = key[:-4]
        if base in lower and lower[base] == lower[key]:
            del lower[key]
        elif base in ("bps", "duration"):
            lower.setdefault(base, lower.pop(key))
    return lower


def _profile(stream: Mapping[str, Any]) -> str | None:
    # ffprobe prints a number for a profile without a name, and a negative one for none.
    profile = _name(stream.get("profile"))
    return None if profile is None or profile.startswith("-") else profile


def _name(text: object) -> str | None:
    return str(text) if text and text not in ("unknown", "none", "reserved") else None


def _natural(text: object) -> int | None:
    """A whole number above 0, given as a number or as text; else None."""
    try:
        number = int(str(text))
    except ValueError:
        return None
    return number if 0 < number <= _MOST_INTEGER else None


def _time(text: object) -> float | None:
    try:
        seconds = float(str(text))
    except ValueError:
        return None
    return seconds if 0 <= seconds < _THOUSAND_YEARS else None


def _clock(text: str) -> float | None:
    """A time such as `00:00:01.001000000`, in seconds."""
    found = re.fullmatch(r"(\d{1,9}):(\d\d):(\d\d(?:\.\d+)?)", text)
    if not found:
        return None
    return _time(int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]))
