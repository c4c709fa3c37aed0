"""What probing tells of a file: the documents of the engine, for type checkers.

Names are those of `ffprobe`, where it has one. What is not known is None, or
empty; keys are always all there.
"""

from __future__ import annotations

from typing import Literal, TypedDict

TrackType = Literal["video", "audio", "subtitle", "attachment", "other"]
"""Attachments are files within the file: fonts, and cover pictures. Other tracks
are timecodes, metadata, what is not known."""

Hdr = Literal["SDR", "HLG", "HDR10", "HDR10+", "Dolby Vision"]
"""Kinds of dynamic range: the richest that a track has."""


class Track(TypedDict):
    """One track: a stream, as `ffprobe` calls it."""

    index: int
    """`ffprobe`'s stream index."""
    type: TrackType
    codec: str | None
    """`h264`, `hevc`, `eac3`, `subrip`, …"""
    profile: str | None
    """The codec's profile, as `ffprobe` names it: `High`, `Main 10`, `DTS-HD MA`."""
    language: str
    """ISO 639-2/B, `und` if not said."""
    title: str | None
    default: bool
    """To be played if nothing else is asked for."""
    forced: bool
    """To be played in any case."""
    commentary: bool
    hearing_impaired: bool
    visual_impaired: bool
    duration_seconds: float | None
    bit_rate: int | None
    """In bits a second."""
    bit_depth: int | None
    """Bits of a sample of sound, or of a component of a pixel."""

    channels: int | None
    channel_layout: str | None
    """`mono`, `stereo`, `5.1`, `5.1(side)`, …"""
    sample_rate: int | None
    """In Hz."""

    width: int | None
    """In pixels, as coded and cropped, before rotation."""
    height: int | None
    """In pixels, as coded and cropped, before rotation."""
    frame_rate: str | None
    """Frames a second as a fraction: `24000/1001`, `25/1`. The average."""
    pixel_format: str | None
    """`yuv420p`, `yuv420p10le`, …"""
    color_primaries: str | None
    """`bt709`, `bt2020`, …"""
    color_transfer: str | None
    """`bt709`, `smpte2084`, `arib-std-b67`, …"""
    color_space: str | None
    """The matrix: `bt709`, `bt2020nc`, …"""
    hdr: Hdr | None
    """Of video."""
    dolby_vision_profile: str | None
    """`5`, `7.6`, `8.1`: the profile, with the compatibility id where it has one."""
    rotation: int | None
    """Degrees clockwise to turn the picture by to show it: 0, 90, 180, 270."""

    file_name: str | None
    """Of an attachment."""
    mime_type: str | None
    """Of an attachment."""


class Chapter(TypedDict):
    """A named part."""

    start_seconds: float
    end_seconds: float | None
    title: str | None


class Photo(TypedDict):
    """What is said of a picture."""

    width: int | None
    """Of the picture as stored, in pixels."""
    height: int | None
    """Of the picture as stored, in pixels."""
    orientation: int | None
    """1 to 8, as in EXIF."""
    bit_depth: int | None
    """Bits of a component."""
    camera_make: str | None
    camera_model: str | None
    lens_make: str | None
    lens_model: str | None
    taken_at: str | None
    """The camera's clock: `2019-05-04T12:33:01`, with a fraction if it was recorded."""
    taken_at_offset: str | None
    """`+02:00`, if it was recorded."""
    latitude: float | None
    """Degrees north."""
    longitude: float | None
    """Degrees east."""
    altitude: float | None
    """Metres above the sea."""
    exposure_seconds: float | None
    f_number: float | None
    """The number below f/."""
    iso: int | None
    """The sensitivity."""
    focal_length: float | None
    """In millimetres."""
    focal_length_35mm: float | None
    """In millimetres, as if for 35 mm film."""
    flash: bool | None
    """Whether it fired."""
    software: str | None
    """What wrote the file."""
    artist: str | None
    copyright: str | None
    description: str | None
    rating: int | None
    """0 to 5, -1 for rejected."""
    keywords: list[str]


class Media(TypedDict):
    """What a file holds."""

    container: str
    """`matroska`, `webm`, `mp4`, `mov`, `mpegts`, …, `jpeg`, `heif`, `dng`, …"""
    duration_seconds: float | None
    bit_rate: int | None
    """Of the whole file, in bits a second."""
    tracks: list[Track]
    """In the order and with the numbers that `ffprobe` gives streams. None for photos."""
    chapters: list[Chapter]
    tags: dict[str, str]
    """`title`, `artist`, `album`, … in lower case, with their first value."""
    photo: Photo | None
    """For photos, and what is said of them in sidecars."""
    warnings: list[str]
    """What is odd about the file, for people."""
    unsure: list[str]
    """What a second opinion is needed for; empty where the answer is sure."""


def empty_track(index: int, track_type: TrackType) -> Track:
    """A track of which only the number and the type are known."""
    return {
        "index": index,
        "type": track_type,
        "codec": None,
        "profile": None,
        "language": "und",
        "title": None,
        "default": False,
        "forced": False,
        "commentary": False,
        "hearing_impaired": False,
        "visual_impaired": False,
        "duration_seconds": None,
        "bit_rate": None,
        "bit_depth": None,
        "channels": None,
        "channel_layout": None,
        "sample_rate": None,
        "width": None,
        "height": None,
        "frame_rate": None,
        "pixel_format": None,
        "color_primaries": None,
        "color_transfer": None,
        "color_space": None,
        "hdr": None,
        "dolby_vision_profile": None,
        "rotation": None,
        "file_name": None,
        "mime_type": None,
    }


def empty_photo() -> Photo:
    """A picture of which nothing is known."""
    return {
        "width": None,
        "height": None,
        "orientation": None,
        "bit_depth": None,
        "camera_make": None,
        "camera_model": None,
        "lens_make": None,
        "lens_model": None,
        "taken_at": None,
        "taken_at_offset": None,
        "latitude": None,
        "longitude": None,
        "altitude": None,
        "exposure_seconds": None,
        "f_number": None,
        "iso": None,
        "focal_length": None,
        "focal_length_35mm": None,
        "flash": None,
        "software": None,
        "artist": None,
        "copyright": None,
        "description": None,
        "rating": None,
        "keywords": [],
    }
