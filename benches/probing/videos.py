"""Subjects: codecs of pictures, in the containers that take them."""

from __future__ import annotations

from collections.abc import Iterator

from probing.subjects import Subject, ffmpeg, named, one, picture, sound, words

# Each codec: encoder arguments, containers.
_CODECS = {
    "h264-high": (
        "-c:v libx264 -preset ultrafast -profile:v high -pix_fmt yuv420p "
        "-x264-params 8x8dct=1:cabac=1",
        "mkv mp4 mov avi ts m2ts flv 3gp h264",
    ),
    "h264-main": (
        "-c:v libx264 -preset ultrafast -profile:v main -pix_fmt yuv420p -x264-params cabac=1",
        "mkv mp4 ts flv",
    ),
    "h264-base": (
        "-c:v libx264 -preset ultrafast -profile:v baseline -pix_fmt yuv420p",
        "mkv mp4 mov ts 3gp",
    ),
    "h264-bframes": (
        "-c:v libx264 -preset medium -bf 3 -pix_fmt yuv420p",
        "mkv mp4 mov ts m2ts avi flv",
    ),
    "h264-10": ("-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le", "mkv mp4 ts"),
    "h264-422": ("-c:v libx264 -preset ultrafast -pix_fmt yuv422p", "mkv mp4 h264"),
    "h264-444": ("-c:v libx264 -preset ultrafast -pix_fmt yuv444p", "mkv mp4 ts"),
    "h264-422-10": ("-c:v libx264 -preset ultrafast -pix_fmt yuv422p10le", "mkv mov"),
    "h264-interlaced": (
        "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -flags +ilme+ildct -x264-params tff=1",
        "mkv mp4 ts m2ts",
    ),
    "h264-gray": ("-c:v libx264 -preset ultrafast -pix_fmt gray", "mkv mp4"),
    "hevc": (
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p",
        "mkv mp4 mov ts m2ts",
    ),
    "hevc-hvc1": (
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p -tag:v hvc1",
        "mp4 mov",
    ),
    "hevc-10": (
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p10le",
        "mkv mp4 mov ts hevc",
    ),
    "hevc-444": (
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv444p",
        "mkv mp4",
    ),
    "hevc-422-10": (
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv422p10le",
        "mkv mp4",
    ),
    "hevc-12": (
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p12le",
        "mkv mp4",
    ),
    "vp8": ("-c:v libvpx -deadline realtime -cpu-used 8 -b:v 100k", "mkv webm ogv avi ivf"),
    "vp9": ("-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "mkv webm mp4 ivf"),
    "vp9-10": (
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le",
        "mkv webm mp4",
    ),
    "vp9-444": ("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv444p", "mkv webm mp4"),
    "vp9-422-12": ("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv422p12le", "webm"),
    "av1": ("-c:v libaom-av1 -cpu-used 8 -usage realtime -frames:v 5", "mkv webm mp4 ivf"),
    "av1-10": (
        "-c:v libaom-av1 -cpu-used 8 -usage realtime -frames:v 5 -pix_fmt yuv420p10le",
        "mkv webm mp4",
    ),
    "av1-444": (
        "-c:v libaom-av1 -cpu-used 8 -usage realtime -frames:v 5 -pix_fmt yuv444p",
        "mkv mp4",
    ),
    "mpeg1": ("-c:v mpeg1video", "mpg mkv avi m1v"),
    "mpeg2": ("-c:v mpeg2video", "mpg vob ts m2ts mkv mp4 mov avi m2v"),
    "mpeg2-422": ("-c:v mpeg2video -pix_fmt yuv422p", "mpg ts mkv mov"),
    "mpeg2-interlaced": ("-c:v mpeg2video -flags +ilme+ildct", "mpg vob ts"),
    "mpeg4": ("-c:v mpeg4", "mkv mp4 mov avi 3gp ts"),
    "xvid": ("-c:v mpeg4 -vtag XVID -bf 2", "avi mkv"),
    "msmpeg4": ("-c:v msmpeg4", "avi mkv asf"),
    "msmpeg4v2": ("-c:v msmpeg4v2", "avi mkv"),
    "wmv1": ("-c:v wmv1", "wmv"),
    "wmv2": ("-c:v wmv2", "avi mkv wmv"),
    "rv20": ("-c:v rv20", "rm"),
    "mjpeg": ("-c:v mjpeg -pix_fmt yuvj420p", "avi mov mkv mp4"),
    "mjpeg-422": ("-c:v mjpeg -pix_fmt yuvj422p", "avi mov mkv"),
    "prores-422": ("-c:v prores_ks -profile:v 2 -pix_fmt yuv422p10le", "mov mkv"),
    "prores-hq": ("-c:v prores_ks -profile:v 3 -pix_fmt yuv422p10le", "mov mkv"),
    "prores-odd": ("-c:v prores_ks -profile:v 2 -pix_fmt yuv444p10le", "mov"),
    "prores-4444": ("-c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le", "mov mkv"),
    "prores-proxy": ("-c:v prores_ks -profile:v 0 -pix_fmt yuv422p10le", "mov"),
    "ffv1": ("-c:v ffv1", "mkv avi mov"),
    "ffv1-10": ("-c:v ffv1 -level 3 -pix_fmt yuv422p10le", "mkv avi"),
    "ffv1-rgb": ("-c:v ffv1 -level 3 -pix_fmt bgr0", "mkv"),
    "theora": ("-c:v libtheora", "ogv mkv"),
    "flv1": ("-c:v flv1", "flv avi"),
    "huffyuv": ("-c:v huffyuv", "avi mkv"),
    "utvideo": ("-c:v utvideo", "avi mkv"),
    "raw-yuv": ("-c:v rawvideo -pix_fmt yuv420p -frames:v 3", "avi mkv mov"),
    "raw-rgb": ("-c:v rawvideo -pix_fmt bgr24 -frames:v 3", "avi"),
    "v210": ("-c:v v210 -frames:v 3", "mov"),
    "png": ("-c:v png -frames:v 3", "mov avi mkv"),
    "qtrle": ("-c:v qtrle -frames:v 3", "mov"),
    "cinepak": ("-c:v cinepak -frames:v 2", "mov avi"),
}
_NO_RATE_BUT = {"mpeg1", "mpeg2", "mpeg2-422", "mpeg2-interlaced"}


def subjects() -> Iterator[Subject]:
    """All of them."""
    for codec, (arguments, containers) in _CODECS.items():
        for extension in containers.split():
            # Each with a sound that the container is at home with, or none.
            size = "160x90" if codec.startswith(("mpeg", "flv", "theora")) else "64x36"
            if codec.startswith(("prores", "v210")):
                size = "128x72"
            name = named(extension, "video", codec)
            rest = (*picture(size), *words(arguments), *_muxer(extension))
            yield from one(name, ffmpeg(*rest))
    yield from _sizes()
    yield from _rates()
    yield from _h263_dv_dnxhd()
    yield from _with_sound()


def _muxer(extension: str) -> tuple[str, ...]:
    return {
        "m2ts": words("-f mpegts -mpegts_m2ts_mode 1"),
        "vob": words("-f vob"),
        "mpg": words("-f mpeg"),
        "ogv": words("-f ogg"),
        "m1v": words("-f mpeg1video"),
        "m2v": words("-f mpeg2video"),
    }.get(extension, ())


def _sizes() -> Iterator[Subject]:
    for size in ("66x38", "319x180", "320x181", "176x144", "90x160"):
        for extension, encoder in (
            ("mkv", "-c:v libx264 -preset ultrafast -pix_fmt yuv444p"),
            ("mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv444p"),
            ("webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
            ("ts", "-c:v mpeg2video"),
        ):
            yield from one(
                named(extension, "size", size), ffmpeg(*picture(size, seconds=0.4), *words(encoder))
            )
    for ratio in ("4/3", "16/9", "2.35"):
        for extension in ("mkv", "mp4", "mpg"):
            encoder = "-c:v mpeg2video" if extension == "mpg" else "-c:v libx264 -preset ultrafast"
            yield from one(
                named(extension, "aspect", ratio),
                ffmpeg(
                    *picture("160x90", seconds=0.4),
                    *words(encoder),
                    "-aspect",
                    ratio.replace("/", ":"),
                ),
            )


def _rates() -> Iterator[Subject]:
    for rate in (
        "24000/1001",
        "24",
        "25",
        "30000/1001",
        "30",
        "50",
        "60000/1001",
        "60",
        "12.5",
        "15",
    ):
        for extension, encoder in (
            ("mkv", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
            ("mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
            ("mov", "-c:v libx264 -preset medium -pix_fmt yuv420p"),
            ("ts", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
            ("avi", "-c:v mpeg4"),
            ("flv", "-c:v flv1"),
            ("webm", "-c:v libvpx -deadline realtime -cpu-used 8"),
        ):
            yield from one(
                named(extension, "rate", rate), ffmpeg(*picture(rate=rate), *words(encoder))
            )
    for rate in ("24000/1001", "25", "30000/1001", "50"):
        yield from one(
            named("mpg", "rate", rate), ffmpeg(*picture(rate=rate), *words("-c:v mpeg2video"))
        )
    # Frames that come now and then.
    for extension in ("mkv", "mp4", "webm"):
        encoder = "libvpx" if extension == "webm" else "libx264"
        yield from one(
            named(extension, "rate", "variable"),
            ffmpeg(
                *picture(seconds=2),
                "-vf", "select='not(mod(n,3))+not(mod(n,7))'",
                *words(f"-vsync vfr -c:v {encoder}"),
            ),
        )  # fmt: skip


def _h263_dv_dnxhd() -> Iterator[Subject]:
    for extension in ("3gp", "avi", "mov", "mkv"):
        yield from one(
            named(extension, "video", "h263"), ffmpeg(*picture("176x144"), *words("-c:v h263"))
        )
    for extension in ("avi", "mov", "mkv"):
        yield from one(
            named(extension, "video", "dv"),
            ffmpeg(*picture("720x576", seconds=0.2), *words("-c:v dvvideo -pix_fmt yuv420p")),
        )
    for extension in ("mov", "mkv"):
        yield from one(
            named(extension, "video", "dnxhr"),
            ffmpeg(
                *picture("256x120", seconds=0.2),
                *words("-c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p"),
            ),
        )


def _with_sound() -> Iterator[Subject]:
    for extension, video, audio in (
        ("mkv", "libx264", "aac"), ("mkv", "libx264", "ac3"), ("mkv", "libx264", "libopus"),
        ("mkv", "libx264", "flac"), ("mkv", "mpeg2video", "mp2"), ("mp4", "libx264", "aac"),
        ("mp4", "libx264", "ac3"), ("mp4", "mpeg4", "libmp3lame"), ("mov", "libx264", "pcm_s16le"),
        ("mov", "prores_ks", "pcm_s24le"), ("mov", "mjpeg", "aac"), ("avi", "mpeg4", "libmp3lame"),
        ("avi", "mpeg4", "ac3"), ("avi", "mjpeg", "pcm_s16le"), ("avi", "mpeg4", "mp2"),
        ("ts", "libx264", "aac"), ("ts", "libx264", "ac3"), ("ts", "mpeg2video", "mp2"),
        ("ts", "libx265", "eac3"), ("ts", "libx264", "libmp3lame"), ("ts", "libx264", "libopus"),
        ("m2ts", "libx264", "ac3"), ("m2ts", "mpeg2video", "mp2"), ("mpg", "mpeg1video", "mp2"),
        ("mpg", "mpeg2video", "ac3"), ("vob", "mpeg2video", "ac3"), ("vob", "mpeg2video", "mp2"),
        ("vob", "mpeg2video", "pcm_dvd"), ("flv", "libx264", "aac"), ("flv", "flv1", "libmp3lame"),
        ("flv", "flv1", "pcm_s16le"), ("flv", "flv1", "pcm_mulaw"),
        ("ogv", "libtheora", "libvorbis"), ("ogv", "libtheora", "libopus"),
        ("ogv", "libtheora", "flac"), ("webm", "libvpx", "libvorbis"),
        ("webm", "libvpx-vp9", "libopus"), ("3gp", "libx264", "aac"), ("3gp", "mpeg4", "aac"),
        ("wmv", "wmv2", "wmav2"), ("wmv", "msmpeg4", "wmav2"), ("asf", "libx264", "aac"),
        ("asf", "mpeg4", "libmp3lame"),
    ):  # fmt: skip
        speed = "-preset ultrafast" if video in ("libx264", "libx265") else ""
        if video == "libx265":
            speed += " -x265-params log-level=none"
        if video == "prores_ks":
            speed = "-pix_fmt yuv422p10le"
        if video.startswith("libvpx"):
            speed = "-deadline realtime -cpu-used 8"
        yield from one(
            named(extension, "av", video, audio),
            ffmpeg(
                *picture("160x90"), *sound(44100 if extension == "flv" else 48000),
                *words(f"-c:v {video} {speed} -c:a {audio}"), *_muxer(extension),
            ),
        )  # fmt: skip
