"""What a media file holds: the types of the documents that the engine makes.

Names are those that ffprobe uses, if it has one. Every key is always present; its value is
None, or empty, if it is unknown.
"""

from __future__ import annotations

from typing import Literal, TypedDict

TrackType = Literal["video", "audio", "subtitle", "attachment", "other"]
"""Attachments are files inside the file: fonts and cover pictures. Other tracks are timecodes,
metadata, and tracks that vpo does not know."""

Hdr = Literal["SDR", "HLG", "HDR10", "HDR10+", "Dolby Vision"]
"""Dynamic range: the best that a track offers."""


class Track(TypedDict):
    """One track, which ffprobe calls a stream."""

    index: int
    """ffprobe's stream index."""
    type: TrackType
    codec: str | None
    """`h264`, `hevc`, `eac3`, `subrip`, …"""
    profile: str | None
    """The codec's profile, with ffprobe's names: `High`, `Main 10`, `DTS-HD MA`."""
    language: str
    """ISO 639-2/B, or `und` if the file does not name a language."""
    title: str | None
    default: bool
    """Players play it unless the user chooses another track."""
    forced: bool
    """Players always play it."""
    commentary: bool
    hearing_impaired: bool
    visual_impaired: bool
    duration_seconds: float | None
    bit_rate: int | None
    """In bits per second."""
    bit_depth: int | None
    """Bits per audio sample, or per component of a pixel."""

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
    """Average frames per second, as a fraction: `24000/1001`, `25/1`."""
    pixel_format: str | None
    """`yuv420p`, `yuv420p10le`, …"""
    color_primaries: str | None
    """`bt709`, `bt2020`, …"""
    color_transfer: str | None
    """`bt709`, `smpte2084`, `arib-std-b67`, …"""
    color_space: str | None
    """The matrix: `bt709`, `bt2020nc`, …"""
    hdr: Hdr | None
    """For video tracks."""
    dolby_vision_profile: str | None
    """The profile, with the compatibility id if it has one: `5`, `7.6`, `8.1`."""
    rotation: int | None
    """How far players turn the picture clockwise, in degrees: 0, 90, 180, 270."""

    file_name: str | None
    """For attachments."""
    mime_type: str | None
    """For attachments."""


class Chapter(TypedDict):
    """A chapter: a part of the file, usually with a title."""

    start_seconds: float
    end_seconds: float | None
    title: str | None


class Photo(TypedDict):
    """What a picture, or the sidecar of a picture, says about it."""

    width: int | None
    """In pixels, as stored."""
    height: int | None
    """In pixels, as stored."""
    orientation: int | None
    """1 to 8, as in EXIF."""
    bit_depth: int | None
    """Bits per component of a pixel."""
    camera_make: str | None
    camera_model: str | None
    lens_make: str | None
    lens_model: str | None
    taken_at: str | None
    """By the camera's clock: `2019-05-04T12:33:01`, with a fraction if the file has one."""
    taken_at_offset: str | None
    """The UTC offset, if the file has one: `+02:00`."""
    latitude: float | None
    """Degrees north."""
    longitude: float | None
    """Degrees east."""
    altitude: float | None
    """Metres above sea level."""
    exposure_seconds: float | None
    f_number: float | None
    """The aperture: 2.8 for f/2.8."""
    iso: int | None
    """The sensitivity: 100, 6400."""
    focal_length: float | None
    """In millimetres."""
    focal_length_35mm: float | None
    """In millimetres, converted to 35 mm film."""
    flash: bool | None
    """Whether the flash fired."""
    software: str | None
    """The program that wrote the file."""
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
    """Of the whole file, in bits per second."""
    tracks: list[Track]
    """In the order and with the numbers of ffprobe's streams. Empty for photos."""
    chapters: list[Chapter]
    tags: dict[str, str]
    """`title`, `artist`, `album`, … The names are in lower case; each has its first value."""
    photo: Photo | None
    """For photos and their sidecars."""
    warnings: list[str]
    """Oddities of the file, as sentences for people."""
    unsure: list[str]
    """What a second opinion is needed for. Empty if the engine is sure."""


def empty_track(index: int, track_type: TrackType) -> Track:
    """A track with only a number and a type."""
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
    """A photo about which nothing is known."""
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
