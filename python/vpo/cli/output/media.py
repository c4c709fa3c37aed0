"""The media of a file as text, for `inspect` and `files show`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction

from vpo.base.paths import display
from vpo.catalogue.media import Chapter, FileMedia, Photo, Track

# If there are more chapters, only their number is shown.
_SHOWN_CHAPTERS = 50


def fields(values: Mapping[str, object]) -> Iterator[str]:
    """Lines of labels and values, without the values that are None."""
    for label, value in values.items():
        if value is not None:
            yield f"  {display(label) + ':':14} {display(str(value))}"


def describe(media: FileMedia, container_format: str | None) -> Iterator[str]:
    """Lines that describe the media of a file."""
    duration, bit_rate = media.duration_seconds, media.bit_rate
    yield from fields(
        {
            "Container": container_format,
            "Duration": None if duration is None else clock(duration),
            "Bit rate": None if bit_rate is None else _bit_rate(bit_rate),
        }
    )
    for warning in media.warnings:
        yield from fields({"Warning": warning})
    yield from _section("Photo:", fields(_photo(media.photo)) if media.photo else ())
    yield from _section("Tracks:", map(_track, media.tracks))
    yield from _section("Chapters:", _chapters(media.chapters))
    yield from _section("Tags:", fields(media.tags))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines under a title; nothing if there are none."""
    for number, line in enumerate(lines):
        if number == 0:
            yield title
        yield line


def _chapters(chapters: Sequence[Chapter]) -> Iterator[str]:
    for chapter in chapters[:_SHOWN_CHAPTERS]:
        yield f"  {clock(chapter.start_seconds)}  {display(chapter.title or '')}".rstrip()
    if len(chapters) > _SHOWN_CHAPTERS:
        yield f"  and {len(chapters) - _SHOWN_CHAPTERS:,} more"


# -- Tracks ------------------------------------------------------------------------


def _track(track: Track) -> str:
    facts = [
        track.track_type,
        _codec(track),
        _picture_size(track),
        *(_video_facts(track) if track.track_type == "video" else ()),
        *(_audio_facts(track) if track.track_type == "audio" else ()),
        _bit_rate(track.bit_rate) if track.bit_rate else None,
        _language(track),
        f'"{track.title}"' if track.title else None,
        track.file_name,
        *_flags(track),
    ]
    return f"  {track.track_index}: {display(', '.join(fact for fact in facts if fact))}"


def _codec(track: Track) -> str | None:
    if track.codec and track.profile:
        return f"{track.codec} ({track.profile})"
    return track.codec


def _picture_size(track: Track) -> str | None:
    if not track.width:
        return None
    rotated = f" rotated by {track.rotation}°" if track.rotation else ""
    return f"{track.width}x{track.height}{rotated}"


def _video_facts(track: Track) -> Iterator[str | None]:
    if track.frame_rate:
        yield f"{frames_per_second(track.frame_rate)} fps"
    if track.hdr != "SDR":
        profile = track.dolby_vision_profile
        yield f"{track.hdr} {profile}" if track.hdr and profile else track.hdr
    yield _bit_depth(track)


def _audio_facts(track: Track) -> Iterator[str | None]:
    if track.channel_layout:
        yield track.channel_layout
    elif track.channels:
        yield f"{track.channels} channel{'s' if track.channels > 1 else ''}"
    if track.sample_rate:
        yield f"{track.sample_rate / 1000:g} kHz"
    yield _bit_depth(track)


def _bit_depth(track: Track) -> str | None:
    return f"{track.bit_depth} bits" if track.bit_depth else None


def _language(track: Track) -> str | None:
    """The language. For audio and subtitles, also that it is not known."""
    language = track.language or "und"
    return language if language != "und" or track.track_type in ("audio", "subtitle") else None


def _flags(track: Track) -> Iterator[str]:
    for is_set, name in (
        (track.is_default, "default"),
        (track.is_forced, "forced"),
        (track.is_commentary, "commentary"),
        (track.is_hearing_impaired, "hearing impaired"),
        (track.is_visual_impaired, "visual impaired"),
    ):
        if is_set:
            yield name


# -- Photos ------------------------------------------------------------------------


def _photo(photo: Photo) -> dict[str, object]:
    return {
        "Size": _photo_size(photo),
        "Taken": _taken(photo),
        "Camera": named(photo.camera_make, photo.camera_model),
        "Lens": named(photo.lens_make, photo.lens_model),
        "Exposure": ", ".join(_exposure_facts(photo)) or None,
        "Place": _place(photo),
        "Rating": photo.rating,
        "Keywords": ", ".join(photo.keywords) or None,
        "Description": photo.description,
        "Artist": photo.artist,
        "Copyright": photo.copyright,
        "Software": photo.software,
    }


def _photo_size(photo: Photo) -> str | None:
    if not photo.width:
        return None
    turned = "" if photo.orientation in (None, 1) else f", orientation {photo.orientation}"
    return f"{photo.width}x{photo.height}{turned}"


def _taken(photo: Photo) -> str | None:
    if not photo.taken_at:
        return photo.taken_at
    return f"{photo.taken_at.replace('T', ' ')} {photo.taken_at_offset or ''}".strip()


def _exposure_facts(photo: Photo) -> Iterator[str]:
    if photo.exposure_seconds:
        yield _exposure(photo.exposure_seconds)
    if photo.f_number:
        yield f"f/{photo.f_number:g}"
    if photo.iso:
        yield f"ISO {photo.iso}"
    if photo.focal_length:
        full = photo.focal_length_35mm
        as_if = f" ({full:g} mm equivalent)" if full else ""
        yield f"{photo.focal_length:g} mm{as_if}"
    if photo.flash:
        yield "flash"


def _place(photo: Photo) -> str | None:
    if photo.latitude is None or photo.longitude is None:
        return None
    altitude = "" if photo.altitude is None else f", {photo.altitude:.0f} m"
    return f"{photo.latitude:.6f}, {photo.longitude:.6f}{altitude}"


def named(make: str | None, model: str | None) -> str | None:
    """The name of a camera or a lens. Many makers repeat their name in the model's name."""
    if make and model:
        first = make.partition(" ")[0]
        return model if model.lower().startswith(first.lower()) else f"{make} {model}"
    return model or make


# -- Numbers -----------------------------------------------------------------------


def clock(seconds: float) -> str:
    """A duration or a position in time: `1:32:05.4`."""
    text = str(timedelta(milliseconds=round(seconds, 1) * 1000))
    head, dot, fraction = text.partition(".")
    return head + dot + fraction.rstrip("0")


def frames_per_second(rate: str) -> str:
    """A frame rate as people write it: `23.976`."""
    try:
        return f"{float(Fraction(rate)):.3f}".rstrip("0").rstrip(".")
    except (ValueError, ZeroDivisionError):
        return rate


def _exposure(seconds: float) -> str:
    return f"1/{1 / seconds:.0f} s" if seconds < 0.4 else f"{seconds:g} s"


def _bit_rate(bits: int) -> str:
    return f"{bits / 1e6:.1f} Mb/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kb/s"
