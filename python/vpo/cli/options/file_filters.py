"""Options of `files list` on what is inside files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

import click

from vpo._engine import KINDS
from vpo.base import resolutions
from vpo.catalogue import lookup
from vpo.cli.options.parameters import ParamType, SeparatedList, joined
from vpo.cli.options.paths import path_option
from vpo.db.content import ContentFilter

F = TypeVar("F", bound=Callable[..., Any])

# As the library has them, by what people write.
_HDR = {
    "sdr": "SDR",
    "hlg": "HLG",
    "hdr10": "HDR10",
    "hdr10+": "HDR10+",
    "dolby-vision": "Dolby Vision",
}
_CODECS = {
    "avc": "h264",
    "h.264": "h264",
    "x264": "h264",
    "h265": "hevc",
    "h.265": "hevc",
    "x265": "hevc",
    "ac-3": "ac3",
    "e-ac-3": "eac3",
    "srt": "subrip",
    "ssa": "ass",
    "pgs": "hdmv_pgs_subtitle",
    "vobsub": "dvd_subtitle",
}
_CONTAINERS = {
    "mkv": "matroska",
    "jpg": "jpeg",
    "heic": "heif",
    "tif": "tiff",
    "ts": "mpegts",
    "m2ts": "mpegts",
}
_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_PERIOD = re.compile(r"[0-9]{4}(-[0-9][0-9]){0,2}")


class _Resolutions(SeparatedList):
    """Names of resolutions, or `WIDTHxHEIGHT`."""

    def __init__(self) -> None:
        super().__init__((*resolutions.NAMES, *resolutions.ALIASES))

    def check(self, item: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if _SIZE.fullmatch(item):
            return item
        if item not in self.choices:
            known = ", ".join(self.choices)
            self.fail(f"`{item}` is neither WIDTHxHEIGHT nor one of: {known}", param, ctx)
        return resolutions.ALIASES.get(item, item)


class _Languages(SeparatedList):
    """Languages, by any of their codes."""

    def check(self, item: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from vpo._engine import language_code

        code = language_code(item)
        if code == "und" != item:
            self.fail(
                f"`{item}` is no language: give a code such as de, ger or deu,"
                " or und for what is not said",
                param,
                ctx,
            )
        return code


class _Periods(ParamType):
    """Years, months, days, or from one to another."""

    name = "period"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, str], ...]:
        """The first and the last of each period, cut to what matters."""
        if isinstance(value, tuple):
            return value
        periods = []
        for item in str(value).split(","):
            first, is_range, last = item.strip().partition("..")
            if not is_range:
                last = first
            if not (first or last) or not all(_is_period(each) for each in (first, last) if each):
                self.fail(
                    f"`{item}` is no period such as 2019, 2019-05, 2019-05-04, 2019-05..2019-08",
                    param,
                    ctx,
                )
            if first and last and first > f"{last}~":
                self.fail(f"`{item}` ends before it begins", param, ctx)
            periods.append((first, last))
        return tuple(periods)


under_option = path_option("--under", metavar="DIR", help="Only files in DIR and below it.")
kind_option = click.option(
    "--kind",
    "kinds",
    type=SeparatedList((*KINDS, "other")),
    multiple=True,
    metavar="KIND,...",
    help=f"Only these: {', '.join(KINDS)}, other.",
)


def places_below(directory: bytes | None) -> tuple[bytes, ...]:
    """Where the files of `--under` are: as given, for what was reached by a link, and
    what it leads to. None for the whole library."""
    if directory is None:
        return ()
    return lookup.places(directory)


def _is_period(text: str) -> bool:
    if not _PERIOD.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        return False
    return True


def _not_blank(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    if not all(value.strip() for value in values):
        raise click.BadParameter("it cannot be empty")
    return values


def _list_option(name: str, target: str, kind: ParamType, metavar: str, said: str) -> Any:
    return click.option(name, target, type=kind, multiple=True, metavar=metavar, help=said)


def content_options(command: F) -> F:
    """Adds the options; their values go to `content_filter`."""
    names = ", ".join(reversed(resolutions.NAMES))
    for option in reversed(
        (
            _list_option(
                "--container",
                "containers",
                SeparatedList(),
                "NAME,...",
                "Only these formats: matroska, mp4, flac, jpeg.",
            ),
            _list_option(
                "--codec", "codecs", SeparatedList(), "CODEC,...", "Only with a track in these."
            ),
            _list_option(
                "--resolution",
                "resolutions",
                _Resolutions(),
                "NAME,...",
                f"Only video of these: {names}, 4k, 8k, or WIDTHxHEIGHT.",
            ),
            _list_option(
                "--hdr",
                "hdr",
                SeparatedList(("any", *_HDR)),
                "KIND,...",
                f"Only video of these: {', '.join(_HDR)}, any (all but sdr).",
            ),
            _list_option(
                "--language",
                "languages",
                _Languages(),
                "LANG,...",
                "Only with sound or subtitles in these: de, ger, deu.",
            ),
            _list_option(
                "--audio-language",
                "audio_languages",
                _Languages(),
                "LANG,...",
                "Only with sound in these.",
            ),
            _list_option(
                "--subtitle-language",
                "subtitle_languages",
                _Languages(),
                "LANG,...",
                "Only with subtitles in these.",
            ),
            click.option(
                "--camera",
                "cameras",
                multiple=True,
                metavar="TEXT",
                callback=_not_blank,
                help="Only photos of a camera whose make or model has this in it.",
            ),
            _list_option(
                "--taken",
                "taken",
                _Periods(),
                "PERIOD,...",
                "Only photos taken then: 2019, 2019-05, 2019-05-04, 2019-05..2019-08.",
            ),
        )
    ):
        command = option(command)
    return command


def content_filter(options: Mapping[str, Any]) -> ContentFilter:
    """What the options ask for."""
    resolutions = joined(options["resolutions"])
    sizes = [_SIZE.fullmatch(item) for item in resolutions]
    hdr = joined(options["hdr"])
    return ContentFilter(
        containers=_renamed(options["containers"], _CONTAINERS),
        codecs=_renamed(options["codecs"], _CODECS),
        resolutions=tuple(item for item in resolutions if not _SIZE.fullmatch(item)),
        picture_sizes=tuple((int(size[1]), int(size[2])) for size in sizes if size),
        hdr=tuple(
            name for word, name in _HDR.items() if word in hdr or ("any" in hdr and word != "sdr")
        ),
        languages=joined(options["languages"]),
        audio_languages=joined(options["audio_languages"]),
        subtitle_languages=joined(options["subtitle_languages"]),
        cameras=tuple(camera.strip() for camera in options["cameras"]),
        taken=tuple(period for periods in options["taken"] for period in periods),
    )


def _renamed(given: Any, names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(item, item) for item in joined(given))
