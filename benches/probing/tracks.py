"""Subjects: several tracks, what is said of them, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterator

from probing.subjects import Subject, ffmpeg, named, one, picture, plain_ffmpeg, sound, words

_X264 = words("-c:v libx264 -preset ultrafast -pix_fmt yuv420p")
_SRT = ("-i", "{shared}/text.srt")
_META = ("-i", "{shared}/meta.txt")

_LANGUAGES = words(
    "eng deu ger fra fre jpn zho chi spa por rus nld und mul qaa en de pt-BR zh-Hant"
)
_FLAGS = words(
    "default forced comment hearing_impaired visual_impaired original dub default+forced 0"
)


def subjects() -> Iterator[Subject]:
    """All of them."""
    yield from _languages()
    yield from _dispositions()
    yield from _subtitles()
    yield from _chapters()
    yield from _attachments()
    yield from _many()
    yield from _by_mkvmerge()
    yield from _layouts_of_mp4()


def _languages() -> Iterator[Subject]:
    for language in _LANGUAGES:
        for extension in ("mkv", "mp4", "ts", "mov"):
            if len(language) != 3 and extension != "mkv":
                continue
            yield from one(
                named(extension, "language", language),
                ffmpeg(
                    *picture(seconds=0.4), *sound(seconds=0.4), *_X264, "-c:a", "aac",
                    "-metadata:s:a:0", f"language={language}",
                ),
            )  # fmt: skip


def _dispositions() -> Iterator[Subject]:
    for flag in _FLAGS:
        for extension in ("mkv", "mp4", "ts", "webm"):
            video = words("-c:v libvpx -deadline realtime") if extension == "webm" else _X264
            audio = "libopus" if extension == "webm" else "aac"
            yield from one(
                named(extension, "flag", flag.replace("+", "-")),
                ffmpeg(
                    *picture(seconds=0.4), *sound(seconds=0.4), *sound(seconds=0.4),
                    *words("-map 0 -map 1 -map 2"), *video, "-c:a", audio,
                    "-disposition:a:1", flag, "-metadata:s:a:1", "title=Second track",
                    "-metadata:s:v", "title=Pictures",
                ),
            )  # fmt: skip


def _subtitles() -> Iterator[Subject]:
    for extension, codec in (
        ("mkv", "srt"), ("mkv", "ass"), ("mkv", "webvtt"), ("mp4", "mov_text"),
        ("mov", "mov_text"), ("webm", "webvtt"),
    ):  # fmt: skip
        video = words("-c:v libvpx -deadline realtime") if extension == "webm" else _X264
        yield from one(
            named(extension, "subtitle", codec),
            ffmpeg(
                *picture(), *_SRT, *_SRT, *words("-map 0 -map 1 -map 2"), *video, "-c:s", codec,
                *words("-metadata:s:s:0 language=eng -metadata:s:s:1 language=ger"),
                *words("-disposition:s:1 forced -metadata:s:s:1 title=Forced"),
            ),
        )  # fmt: skip
    for extension, codec in (
        ("mkv", "copy"), ("mkv", "dvdsub"), ("mkv", "dvbsub"), ("ts", "copy"), ("ts", "dvbsub"),
        ("m2ts", "copy"), ("vob", "dvdsub"),
    ):  # fmt: skip
        muxer = {"m2ts": "-f mpegts -mpegts_m2ts_mode 1", "vob": "-f vob"}.get(extension, "")
        video = words("-c:v mpeg2video") if extension == "vob" else _X264
        yield from one(
            named(extension, "subtitle", "pictures", codec),
            ffmpeg(
                *picture("160x90"), "-i", "{shared}/pictures.sup", *words("-map 0 -map 1"), *video,
                "-c:s", codec, *words("-metadata:s:s:0 language=ger"), *words(muxer),
            ),
        )  # fmt: skip
    yield from one("only-text.mks", ffmpeg(*_SRT, *words("-c:s srt -f matroska")))


def _chapters() -> Iterator[Subject]:
    for extension in ("mkv", "mp4", "mov", "webm", "m4a", "mp3", "mka", "ogg", "opus", "flac"):
        if extension in ("mkv", "mp4", "mov"):
            media, codecs = picture(), _X264
        elif extension == "webm":
            media, codecs = picture(), words("-c:v libvpx -deadline realtime")
        else:
            media = sound(48000)
            codecs = {
                "mp3": words("-c:a libmp3lame"), "ogg": words("-c:a libvorbis"),
                "flac": words("-c:a flac"),
                "opus": words("-c:a libopus"), "mka": words("-c:a aac -f matroska"),
            }.get(extension, words("-c:a aac"))  # fmt: skip
        yield from one(
            named(extension, "chapters"),
            plain_ffmpeg(*media, *_META, *words("-map 0 -map_metadata 1 -map_chapters 1"), *codecs),
        )


def _attachments() -> Iterator[Subject]:
    for label, attached in (
        ("font", "-attach {shared}/font.ttf -metadata:s:t mimetype=application/x-truetype-font"),
        ("font2", "-attach {shared}/font.ttf -metadata:s:t mimetype=font/ttf"),
        ("cover", "-attach {shared}/cover.jpg -metadata:s:t mimetype=image/jpeg "
                  "-metadata:s:t filename=cover.jpg"),
        ("png", "-attach {shared}/cover.png -metadata:s:t mimetype=image/png "
                "-metadata:s:t filename=cover.png"),
        ("text", "-attach {shared}/notes.txt -metadata:s:t mimetype=text/plain"),
    ):  # fmt: skip
        yield from one(
            named("mkv", "attachment", label),
            ffmpeg(*picture(seconds=0.4), *words(attached), *_X264),
        )
    for cover in ("jpg", "png"):
        yield from one(
            named("mp4", "cover", cover),
            ffmpeg(
                *picture(seconds=0.4), "-i", f"{{shared}}/cover.{cover}", *words("-map 0 -map 1"),
                *words("-c:v:0 libx264 -preset ultrafast -pix_fmt:v:0 yuv420p -c:v:1 copy"),
                *words("-disposition:v:1 attached_pic"),
            ),
        )  # fmt: skip


def _many() -> Iterator[Subject]:
    for extension, codecs in (
        ("mkv", ("aac", "ac3", "eac3", "flac", "libopus", "libmp3lame", "dca")),
        ("mp4", ("aac", "ac3", "eac3", "libmp3lame", "alac")),
        ("ts", ("aac", "ac3", "mp2", "eac3", "dca")),
        ("m2ts", ("ac3", "dca", "pcm_bluray")),
        ("vob", ("ac3", "mp2", "dca", "ac3")),
        ("mov", ("aac", "pcm_s16le", "pcm_s24be")),
        ("avi", ("libmp3lame", "ac3", "pcm_s16le")),
    ):
        video = words("-c:v mpeg2video") if extension == "vob" else _X264
        inputs = [word for _ in codecs for word in sound(seconds=0.5, layout="5.1(side)")]
        maps = [word for number in range(len(codecs) + 1) for word in ("-map", str(number))]
        each = [word for number, codec in enumerate(codecs) for word in (f"-c:a:{number}", codec)]
        two = [
            word
            for number, codec in enumerate(codecs)
            if codec in ("libopus", "libmp3lame", "mp2", "pcm_bluray", "pcm_s16le")
            for word in (f"-ac:a:{number}", "2")
        ]
        said = [
            word
            for number in range(len(codecs))
            for word in (f"-metadata:s:a:{number}", f"language={_LANGUAGES[number]}")
        ]
        muxer = {"m2ts": words("-f mpegts -mpegts_m2ts_mode 1"), "vob": words("-f vob")}.get(
            extension, ()
        )
        yield from one(
            named(extension, "many", "sounds"),
            ffmpeg(
                *picture("160x90", seconds=0.5),
                *inputs,
                *maps,
                *video,
                *each,
                *two,
                "-strict",
                "-2",
                *said,
                *muxer,
            ),
        )
    for extension in ("mkv", "mp4", "mov", "ts", "avi"):
        yield from one(
            named(extension, "many", "pictures"),
            ffmpeg(
                *picture(seconds=0.4), *picture("96x54", "30", 0.4), *words("-map 0 -map 1"),
                *words("-c:v:0 libx264 -preset ultrafast -c:v:1 mpeg4 -pix_fmt yuv420p"),
            ),
        )  # fmt: skip


def _by_mkvmerge() -> Iterator[Subject]:
    source = plain_ffmpeg(
        *picture(seconds=1.2, rate="24000/1001"), *sound(seconds=1.2), *_SRT,
        *words("-map 0 -map 1 -map 2"),
        *_X264, "-c:a", "ac3", "-c:s", "srt", "-f", "matroska", out="{out}.src",
    )  # fmt: skip
    for label, options in (
        ("plain", ""),
        ("tracks", "--language 0:jpn --language 1:ger --language 2:en-US --track-name 1:Deutsch "
                   "--default-track-flag 1:1 --forced-display-flag 2:1"),
        ("flags", "--hearing-impaired-flag 1:1 --commentary-flag 2:1 --original-flag 0:1"),
        ("visual", "--visual-impaired-flag 1:1 --default-track-flag 0:0 --default-track-flag 1:0"),
        ("ietf", "--language 0:zh-Hant --language 1:pt-BR --language 2:sr-Latn"),
        ("chapters", "--chapters {shared}/chapters.txt --title Film"),
        ("ordered", "--chapters {shared}/chapters.xml"),
        ("tags", "--global-tags {shared}/tags.xml"),
        ("attached", "--attachment-mime-type font/ttf --attach-file {shared}/font.ttf "
                     "--attachment-mime-type image/jpeg "
                     "--attachment-name cover.jpg --attach-file {shared}/cover.jpg"),
        ("no-tags", "--disable-track-statistics-tags --no-date"),
        ("no-cues", "--no-cues"),
        ("cluster", "--cluster-length 100ms"),
        ("crop", "--cropping 0:4,4,4,4 --display-dimensions 0:128x72"),
        ("aspect", "--aspect-ratio 0:4/3"),
        ("colour", "--colour-matrix-coefficients 0:9 --colour-transfer-characteristics 0:16 "
                   "--colour-primaries 0:9 --max-content-light 0:1000 --max-frame-light 0:400"),
        ("stereo", "--stereo-mode 0:1"),
        ("duration", "--default-duration 0:24000/1001p"),
        ("compressed", "--compression 2:zlib"),
        ("delayed", "--sync 1:500"),
    ):  # fmt: skip
        command = (
            "mkvmerge",
            "-q",
            "--deterministic",
            label,
            "-o",
            "{out}",
            *words(options),
            "{out}.src",
        )
        yield from one(named("mkv", "mkvmerge", label), source, command)
    yield from one(
        "mkvmerge-webm.webm",
        plain_ffmpeg(
            *picture(),
            *sound(),
            *words("-c:v libvpx -deadline realtime -c:a libopus -f matroska"),
            out="{out}.src",
        ),
        ("mkvmerge", "-q", "--webm", "-o", "{out}", "{out}.src"),
    )
    for codec, label in (
        ("libx265 -x265-params log-level=none", "hevc"),
        ("mpeg2video", "mpeg2"),
        ("libaom-av1 -cpu-used 8 -usage realtime", "av1"),
    ):
        yield from one(
            named("mkv", "mkvmerge", label),
            plain_ffmpeg(
                *picture(seconds=0.5), *words(f"-c:v {codec} -f matroska"), out="{out}.src"
            ),
            ("mkvmerge", "-q", "-o", "{out}", "{out}.src"),
        )


def _layouts_of_mp4() -> Iterator[Subject]:
    for extension in ("mp4", "mov"):
        for label, flags in (
            ("first", "-movflags +faststart"),
            ("last", ""),
            ("fragmented", "-movflags +frag_keyframe+empty_moov"),
            ("fragments", "-movflags +frag_keyframe+empty_moov+default_base_moof -g 10"),
            ("frag-sidx", "-movflags +dash+delay_moov -g 10"),
            ("cmaf", "-movflags +cmaf+delay_moov -g 10"),
            ("frag-nonempty", "-movflags +frag_keyframe -g 10"),
            ("no-edits", "-use_editlist 0"),
            ("timescale", "-video_track_timescale 12345"),
            ("timecode", "-timecode 01:00:00:00"),
            ("tags", "-movflags +use_metadata_tags -metadata foo=bar -metadata title=T"),
            ("brand", "-brand isom"),
            ("hint", "-movflags +rtphint"),
        ):
            yield from one(
                named(extension, "layout", label),
                plain_ffmpeg(
                    *picture(), *sound(), *_X264, "-bf", "2", "-c:a", "aac", *words(flags)
                ),
            )
    yield from one("layout.m4v", ffmpeg(*picture(), *_X264, *words("-f ipod")))
    yield from one("layout.3g2", ffmpeg(*picture(), *_X264))
    yield from one("layout.f4v", ffmpeg(*picture(), *_X264, *words("-f f4v")))
    yield from one(
        "live.mkv", ffmpeg(*picture(), *sound(), *_X264, *words("-c:a aac -f matroska -live 1"))
    )
    yield from one(
        "live.webm", ffmpeg(*picture(), *words("-c:v libvpx -deadline realtime -f webm -live 1"))
    )
    for extension in ("mkv", "mp4", "mov", "ts", "flv", "avi"):
        yield from one(
            named(extension, "long"),
            plain_ffmpeg(
                *picture(rate="10", seconds=60),
                *sound(16000 if extension != "flv" else 22050, 60, "mono"),
                *_X264,
                *words("-c:a aac -b:a 16k -shortest"),
            ),
        )
        yield from one(
            named(extension, "offset"),
            ffmpeg(
                *picture(seconds=0.8),
                *words("-itsoffset 0.4"),
                *sound(seconds=0.8),
                *_X264,
                *words("-c:a aac" if extension != "avi" else "-c:a libmp3lame"),
            ),
        )
