"""Subjects: colours, kinds of dynamic range, and rotation."""

from __future__ import annotations

import os
from collections.abc import Iterator

from probing.subjects import Subject, ffmpeg, named, one, picture, words

HDR10_PLUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hdr10plus.py")

_X264 = words("-c:v libx264 -preset ultrafast -pix_fmt yuv420p")

_COLOURS = {
    "bt709": ("bt709", "bt709", "bt709"),
    "bt601": ("smpte170m", "smpte170m", "smpte170m"),
    "pal": ("bt470bg", "gamma28", "bt470bg"),
    "bt2020": ("bt2020", "bt2020-10", "bt2020nc"),
    "pq": ("bt2020", "smpte2084", "bt2020nc"),
    "hlg": ("bt2020", "arib-std-b67", "bt2020nc"),
    "p3": ("smpte432", "iec61966-2-1", "bt709"),
}
_MASTERING = (
    "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
    "L(10000000,50):max-cll=1000,400"
)


def subjects() -> Iterator[Subject]:
    """All of them."""
    yield from _colours()
    yield from _dynamic()
    yield from _rotations()


def _colours() -> Iterator[Subject]:
    for label, (primaries, transfer, matrix) in _COLOURS.items():
        said = words(f"-color_primaries {primaries} -color_trc {transfer} -colorspace {matrix}")
        for extension in ("mkv", "mp4", "mov", "ts"):
            yield from one(
                named(extension, "colour", label, "h264"),
                ffmpeg(*picture(seconds=0.4), *_X264, *said),
            )
            # x265 has another name for it.
            curve = transfer.replace("gamma28", "bt470bg")
            params = f"log-level=none:colorprim={primaries}:transfer={curve}:colormatrix={matrix}"
            if label == "pq":
                params += ":" + _MASTERING
            yield from one(
                named(extension, "colour", label, "hevc"),
                ffmpeg(
                    *picture(seconds=0.2),
                    *words("-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le"),
                    "-x265-params", params, *said,
                ),
            )  # fmt: skip
        for extension in ("mkv", "webm", "mp4"):
            yield from one(
                named(extension, "colour", label, "vp9"),
                ffmpeg(
                    *picture(seconds=0.4),
                    *words("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le"),
                    *said,
                ),
            )
            yield from one(
                named(extension, "colour", label, "av1"),
                ffmpeg(
                    *picture(seconds=0.2),
                    *words("-c:v libaom-av1 -cpu-used 8 -usage realtime -pix_fmt yuv420p10le"),
                    *said,
                ),
            )
        yield from one(
            named("mpg", "colour", label, "mpeg2"),
            ffmpeg(*picture("160x90", seconds=0.4), *words("-c:v mpeg2video"), *said),
        )
        yield from one(
            named("mov", "colour", label, "prores"),
            ffmpeg(
                *picture("128x72", seconds=0.2),
                *words("-c:v prores_ks -pix_fmt yuv422p10le"),
                *said,
            ),
        )
    for extension in ("mkv", "mp4"):
        yield from one(
            named(extension, "range", "full"),
            ffmpeg(
                *picture(seconds=0.4),
                *words("-c:v libx264 -preset ultrafast -pix_fmt yuvj420p -color_range pc"),
            ),
        )


def _dynamic() -> Iterator[Subject]:
    """HDR10+."""
    raw = ffmpeg(
        *picture(seconds=0.4), *words("-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le"),
        "-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
        + _MASTERING, "-f", "hevc", out="{out}.src",
    )  # fmt: skip
    dynamic = ("{python}", HDR10_PLUS, "{out}.src", "{out}.src.hevc")
    matroska = ("mkvmerge", "-q", "-o", "{out}.src", "{out}.src.hevc")
    yield from one("hdr10plus.mkv", raw, dynamic, matroska, ("cp", "{out}.src", "{out}"))
    for extension in ("mp4", "ts"):
        muxed = ffmpeg("-i", "{out}.src", "-c", "copy")
        yield from one(named(extension, "hdr10plus"), raw, dynamic, matroska, muxed)


def _rotations() -> Iterator[Subject]:
    for degrees in (90, 180, 270):
        for extension in ("mp4", "mov", "3gp"):
            yield from one(
                named(extension, "rotation", str(degrees)),
                ffmpeg(*picture(seconds=0.4), *_X264, out="{out}.src.mp4"),
                ffmpeg("-i", "{out}.src.mp4", "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}"),
            )
    for angle in (90, -90, 180):
        yield from one(
            named("mkv", "rotation", str(angle).replace("-", "minus")),
            ffmpeg(*picture(seconds=0.4), *_X264, *words("-f matroska"), out="{out}.src"),
            (
                "mkvmerge",
                "-q",
                "-o",
                "{out}",
                "--projection-type",
                "0:0",
                "--projection-pose-roll",
                f"0:{angle}",
                "{out}.src",
            ),
        )
