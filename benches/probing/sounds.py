"""Subjects: codecs of sound, in the containers that take them."""

from __future__ import annotations

from collections.abc import Iterator

from probing.subjects import Subject, ffmpeg, named, one, sound, words

# Encoder arguments, containers, layouts, sample rates.
_CODECS = {
    "aac": ("-c:a aac", "m4a mp4 mov mka mkv ts aac", "mono stereo 5.1 7.1", (44100, 48000)),
    "aac-low": ("-c:a aac", "m4a mka aac", "stereo", (8000, 22050, 32000, 96000)),
    "ac3": ("-c:a ac3", "mka mp4 ts m2ts ac3 mov", "mono stereo 5.1(side)", (48000,)),
    "ac3-more": ("-c:a ac3", "mka ts", "3.0 quad(side) 4.1 2.1", (44100,)),
    "eac3": ("-c:a eac3", "mka mp4 ts eac3", "stereo 5.1(side)", (48000,)),
    "dca": ("-c:a dca -strict -2", "mka ts mp4 dts", "stereo 5.1(side)", (48000,)),
    "truehd": ("-c:a truehd -strict -2", "mka m2ts", "stereo 5.1(side)", (48000,)),
    "mlp": ("-c:a mlp -strict -2", "mka", "stereo", (48000,)),
    "mp2": ("-c:a mp2", "mka ts mpg mp2", "mono stereo", (44100, 48000)),
    "mp3": ("-c:a libmp3lame -b:a 128k", "mp3 mka mp4 avi mov", "mono stereo", (44100, 22050)),
    "mp3-vbr": ("-c:a libmp3lame -q:a 4", "mp3 mka mp4", "stereo", (44100, 48000, 16000)),
    "opus": ("-c:a libopus", "opus mka webm mp4 ogg ts", "mono stereo 5.1", (48000,)),
    "vorbis": ("-c:a libvorbis", "ogg mka webm", "mono stereo 5.1", (44100, 48000)),
    "flac": ("-c:a flac -strict -2", "flac mka mp4 ogg", "mono stereo 5.1", (44100, 96000)),
    "flac-24": ("-c:a flac -sample_fmt s32 -strict -2", "flac mka mp4 oga", "stereo 7.1", (48000,)),
    "alac": ("-c:a alac", "m4a mka mov caf", "mono stereo 5.1", (44100,)),
    "alac-24": ("-c:a alac -sample_fmt s32p", "m4a mka", "stereo", (96000,)),
    "wavpack": ("-c:a wavpack", "mka wv", "mono stereo 5.1", (44100,)),
    "tta": ("-c:a tta", "mka tta", "stereo", (44100,)),
    "speex": ("-c:a libspeex", "ogg flv", "mono", (16000,)),
    "wmav1": ("-c:a wmav1", "wma", "mono stereo", (22050, 44100)),
    "wmav2": ("-c:a wmav2", "avi mka wma", "stereo", (44100,)),
    "pcm_s16le": ("-c:a pcm_s16le", "wav mka mov avi w64", "mono stereo 5.1 7.1", (44100, 48000)),
    "pcm_s16le-more": ("-c:a pcm_s16le", "caf aifc", "mono stereo 5.1", (44100, 48000)),
    "pcm_s24le": ("-c:a pcm_s24le", "wav mka mov caf", "stereo 5.1(side)", (96000,)),
    "pcm_s32le": ("-c:a pcm_s32le", "wav mka mov", "stereo", (48000,)),
    "pcm_f32le": ("-c:a pcm_f32le", "wav mka mov caf", "stereo", (48000,)),
    "pcm_f64le": ("-c:a pcm_f64le", "wav mka", "stereo", (48000,)),
    "pcm_u8": ("-c:a pcm_u8", "wav mka avi", "mono", (8000,)),
    "pcm_s16be": ("-c:a pcm_s16be", "mka mov aiff au caf", "stereo 5.1", (48000,)),
    "pcm_s24be": ("-c:a pcm_s24be", "mov aiff au", "stereo", (48000,)),
    "pcm_f32be": ("-c:a pcm_f32be", "aifc au", "stereo", (48000,)),
    "pcm_s8": ("-c:a pcm_s8", "aiff au", "mono", (11025,)),
    "pcm_alaw": ("-c:a pcm_alaw", "wav mov mka avi aifc au caf", "mono", (8000,)),
    "pcm_mulaw": ("-c:a pcm_mulaw", "wav mov mka aifc au caf", "mono stereo", (8000,)),
    "pcm_bluray": ("-c:a pcm_bluray", "m2ts", "stereo 5.1", (48000,)),
    "s302m": ("-c:a s302m -strict -2", "ts", "stereo", (48000,)),
    "adpcm_ms": ("-c:a adpcm_ms", "wav avi mka", "stereo", (44100,)),
    "adpcm_ima_qt": ("-c:a adpcm_ima_qt", "aifc caf mov", "mono stereo", (44100,)),
    "adpcm_ima_wav": ("-c:a adpcm_ima_wav", "wav avi mka", "stereo", (44100,)),
    "gsm_ms": ("-c:a libgsm_ms", "wav", "mono", (8000,)),
    "adpcm_swf": ("-c:a adpcm_swf", "flv", "mono", (22050,)),
    "nellymoser": ("-c:a nellymoser", "flv", "mono", (22050,)),
}  # fmt: skip

_MUXERS = {
    "aiff": "-f aiff -write_id3v2 1",
    "m2ts": "-f mpegts -mpegts_m2ts_mode 1",
    "mka": "-f matroska",
    "oga": "-f ogg",
    "mp2": "-f mp2",
    "mpg": "-f mpeg",
}

_TAGS = (
    "-metadata", "title=Größe", "-metadata", "artist=An Artist", "-metadata", "album=Album",
    "-metadata", "track=3/12", "-metadata", "date=2019", "-metadata", "genre=Rock",
    "-metadata", "comment=No comment", "-metadata", "album_artist=Various",
    "-metadata", "composer=C", "-metadata", "disc=1/2", "-metadata", "copyright=(c) me",
)  # fmt: skip


def subjects() -> Iterator[Subject]:
    """All of them."""
    for codec, (arguments, containers, layouts, rates) in _CODECS.items():
        for extension in containers.split():
            for layout in layouts.split():
                for rate in rates:
                    # One rate with all layouts, one layout with all rates.
                    if rate != rates[0] and layout != layouts.split()[-1]:
                        continue
                    muxer = words(_MUXERS.get(extension, ""))
                    yield from one(
                        named(extension, "sound", codec, layout, str(rate)),
                        ffmpeg(*sound(rate, layout=layout), *words(arguments), *muxer),
                    )
    yield from _tagged()
    yield from _variants()


def _tagged() -> Iterator[Subject]:
    for extension, encoder in (
        ("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libvorbis"), ("opus", "libopus"),
        ("m4a", "aac"), ("m4a", "alac"), ("wav", "pcm_s16le"), ("mka", "aac"), ("mov", "aac"),
        ("avi", "libmp3lame"), ("webm", "libopus"), ("flv", "aac"), ("aac", "aac"), ("ts", "aac"),
        ("wma", "wmav2"), ("aiff", "pcm_s16be"), ("wv", "wavpack"), ("tta", "tta"),
        ("caf", "alac"), ("au", "pcm_s16be"),
    ):  # fmt: skip
        yield from one(
            named(extension, "tags", encoder),
            ffmpeg(*sound(44100 if encoder != "libopus" else 48000), "-c:a", encoder, *_TAGS),
        )
    for extension in ("mp3", "m4a", "flac", "mka", "aiff"):
        for cover in ("jpg", "png"):
            pictures = "-map 0 -map 1 -c:v copy -disposition:v attached_pic"
            if extension == "mka":
                kind = "jpeg" if cover == "jpg" else cover
                pictures = (
                    f"-map 0 -attach {{shared}}/cover.{cover} -metadata:s:t mimetype=image/{kind} "
                    f"-metadata:s:t filename=cover.{cover}"
                )
            inputs = () if extension == "mka" else ("-i", f"{{shared}}/cover.{cover}")
            muxer = ("-f", "ipod") if extension == "m4a" else words(_MUXERS.get(extension, ""))
            encoders = {"m4a": "aac", "mp3": "libmp3lame", "aiff": "pcm_s16be"}
            encoder = encoders.get(extension, "flac")
            yield from one(
                named(extension, "cover", cover),
                ffmpeg(*sound(44100), *inputs, *words(pictures), "-c:a", encoder, *_TAGS, *muxer),
            )


def _variants() -> Iterator[Subject]:
    for version in ("2.3", "2.4"):
        yield from one(
            named("mp3", "id3", version),
            ffmpeg(
                *sound(44100),
                *words(f"-c:a libmp3lame -id3v2_version {version[2]} -write_id3v1 1"),
                *_TAGS,
            ),
        )
    for arguments, label in (
        ("-write_xing 0", "no-xing"),
        ("-write_xing 0 -id3v2_version 0 -write_id3v1 1", "id3v1"),
        ("-write_xing 0 -b:a 320k", "cbr320"),
        ("-abr 1 -b:a 160k", "abr"),
    ):
        yield from one(
            named("mp3", "mp3", label),
            ffmpeg(*sound(44100, 3), *words(f"-c:a libmp3lame {arguments}"), *_TAGS),
        )
    yield from one("long.mp3", ffmpeg(*sound(44100, 30), *words("-c:a libmp3lame -q:a 9")))
    yield from one("long.flac", ffmpeg(*sound(44100, 30), *words("-c:a flac")))
    yield from one("long.ogg", ffmpeg(*sound(44100, 30), *words("-c:a libvorbis -q:a 0")))
    yield from one("long.aac", ffmpeg(*sound(44100, 20), *words("-c:a aac -b:a 32k")))
    yield from one("long.wma", ffmpeg(*sound(44100, 30), *words("-c:a wmav2"), *_TAGS))
    yield from one("long.eac3", ffmpeg(*sound(44100, 30), *words("-c:a eac3")))
    yield from one(
        "info.aiff", ffmpeg(*sound(44100), *words("-c:a pcm_s16be -write_id3v2 0"), *_TAGS)
    )
    yield from one("rf64.wav", ffmpeg(*sound(), *words("-c:a pcm_s16le -rf64 always")))
    yield from one(
        "bext.wav",
        ffmpeg(
            *sound(),
            *words("-c:a pcm_s16le -write_bext 1"),
            "-metadata",
            "description=D",
            "-metadata",
            "originator=O",
        ),
    )
