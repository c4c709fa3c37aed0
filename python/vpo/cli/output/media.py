"""What is in a file, for people and as JSON: the same for `inspect` and `files show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from vpo.base.paths import display

# More chapters than these are only counted.
_SHOWN_CHAPTERS = 50

_FLAGS = ("default", "forced", "commentary", "hearing_impaired", "visual_impaired")


def media_to_dict(media: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is in a file as the contract's JSON; None where it is not known."""
    media = media or {}
    return {
        "duration_seconds": media.get("duration_seconds"),
        "bit_rate": media.get("bit_rate"),
        "prober": media.get("prober"),
        "tags": media.get("tags", {}),
        "tracks": media.get("tracks", []),
        "chapters": media.get("chapters", []),
        "photo": media.get("photo"),
        "warnings": media.get("warnings", []),
    }


def fields(values: Mapping[str, object]) -> Iterator[str]:
    """Lines of labels and values; what is None is left out."""
    for label, value in values.items():
        if value is not None:
            yield f"  {display(label) + ':':14} {display(str(value))}"


def describe(media: Mapping[str, Any]) -> Iterator[str]:
    """Lines on what is in a file: a document as of `media_to_dict`, with `container_format`."""
    duration, bit_rate = media["duration_seconds"], media["bit_rate"]
    yield from fields(
        {
            "Container": media["container_format"],
            "Duration": None if duration is None else clock(duration),
            "Bit rate": None if bit_rate is None else _bit_rate(bit_rate),
        }
    )
    for warning in media["warnings"]:
        yield from fields({"Warning": warning})
    photo = [*fields(_photo(media["photo"]))] if media["photo"] else []
    if photo:
        yield "Photo:"
    yield from photo
    if media["tracks"]:
        yield "Tracks:"
    for track in media["tracks"]:
        yield f"  {track['track_index']}: {display(', '.join(_track(track)))}"
    yield from _chapters(media["chapters"])
    if media["tags"]:
        yield "Tags:"
        yield from fields(media["tags"])


def _chapters(chapters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if chapters:
        yield "Chapters:"
    for chapter in chapters[:_SHOWN_CHAPTERS]:
        yield f"  {clock(chapter['start_seconds'])}  {display(chapter['title'] or '')}".rstrip()
    if len(chapters) > _SHOWN_CHAPTERS:
        yield f"  and {len(chapters) - _SHOWN_CHAPTERS:,} more"


def _track(track: Mapping[str, Any]) -> Iterator[str]:
    """The facts of a track, the most telling first."""
    yield track["track_type"]
    if track["codec"]:
        yield f"{track['codec']} ({track['profile']})" if track["profile"] else track["codec"]
    if track["width"]:
        turned = f" turned by {track['rotation']}°" if track["rotation"] else ""
        yield f"{track['width']}x{track['height']}{turned}"
    if track["track_type"] == "video":
        if track["frame_rate"]:
            yield f"{frames_a_second(track['frame_rate'])} fps"
        if track["hdr"] and track["hdr"] != "SDR":
            profile = track["dolby_vision_profile"]
            yield f"{track['hdr']} {profile}" if profile else track["hdr"]
        if track["bit_depth"]:
            yield f"{track['bit_depth']} bits"
    if track["track_type"] == "audio":
        if track["channel_layout"]:
            yield track["channel_layout"]
        elif track["channels"]:
            yield f"{track['channels']} channel{'s' if track['channels'] > 1 else ''}"
        if track["sample_rate"]:
            yield f"{track['sample_rate'] / 1000:g} kHz"
        if track["bit_depth"]:
            yield f"{track['bit_depth']} bits"
    if track["bit_rate"]:
        yield _bit_rate(track["bit_rate"])
    if track["track_type"] in ("audio", "subtitle") or track["language"] not in (None, "und"):
        yield track["language"] or "und"
    if track["title"]:
        yield f'"{track["title"]}"'
    if track["file_name"]:
        yield track["file_name"]
    yield from (flag.replace("_", " ") for flag in _FLAGS if track[f"is_{flag}"])


def _photo(photo: Mapping[str, Any]) -> dict[str, object]:
    size = f"{photo['width']}x{photo['height']}" if photo["width"] else None
    if size and photo["orientation"] not in (None, 1):
        size += f", orientation {photo['orientation']}"
    taken = photo["taken_at"]
    if taken:
        taken = f"{taken.replace('T', ' ')} {photo['taken_at_offset'] or ''}".strip()
    exposure = []
    if photo["exposure_seconds"]:
        exposure.append(_exposure(photo["exposure_seconds"]))
    if photo["f_number"]:
        exposure.append(f"f/{photo['f_number']:g}")
    if photo["iso"]:
        exposure.append(f"ISO {photo['iso']}")
    if photo["focal_length"]:
        full = photo["focal_length_35mm"]
        as_if = f" (as {full:g} mm)" if full else ""
        exposure.append(f"{photo['focal_length']:g} mm{as_if}")
    if photo["flash"]:
        exposure.append("flash")
    place = None
    if photo["latitude"] is not None and photo["longitude"] is not None:
        place = f"{photo['latitude']:.6f}, {photo['longitude']:.6f}"
        if photo["altitude"] is not None:
            place += f", {photo['altitude']:.0f} m"
    return {
        "Size": size,
        "Taken": taken,
        "Camera": named(photo["camera_make"], photo["camera_model"]),
        "Lens": named(photo["lens_make"], photo["lens_model"]),
        "Exposure": ", ".join(exposure) or None,
        "Place": place,
        "Rating": photo["rating"],
        "Keywords": ", ".join(photo["keywords"]) or None,
        "Description": photo["description"],
        "Artist": photo["artist"],
        "Copyright": photo["copyright"],
        "Software": photo["software"],
    }


def named(make: str | None, model: str | None) -> str | None:
    """A camera's or a lens's name; makers often repeat theirs in that of the model."""
    if make and model:
        first = make.partition(" ")[0]
        return model if model.lower().startswith(first.lower()) else f"{make} {model}"
    return model or make


def clock(seconds: float) -> str:
    """A length or a place in time: `1:32:05.4`."""
    text = str(timedelta(milliseconds=round(seconds, 1) * 1000))
    head, dot, fraction = text.partition(".")
    return head + dot + fraction.rstrip("0")


def frames_a_second(rate: str) -> str:
    """A frame rate as people write it: `23.976`."""
    try:
        return f"{float(Fraction(rate)):.3f}".rstrip("0").rstrip(".")
    except (ValueError, ZeroDivisionError):
        return rate


def _exposure(seconds: float) -> str:
    return f"1/{1 / seconds:.0f} s" if seconds < 0.4 else f"{seconds:g} s"


def _bit_rate(bits: int) -> str:
    return f"{bits / 1e6:.1f} Mb/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kb/s"
