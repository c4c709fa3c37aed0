"""Options that select files: by place, kind and media."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

import click

from vpo._engine import KINDS
from vpo.base import resolutions
from vpo.catalogue import lookup
from vpo.catalogue.selection import MediaFilter
from vpo.cli.options.parameters import ParamType, SeparatedList, joined
from vpo.cli.options.paths import path_option

F = TypeVar("F", bound=Callable[..., Any])

# The names in the catalogue, by the names that people type.
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
    """Languages. Each can be given by any of its codes."""

    def check(self, item: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from vpo._engine import language_code

        code = language_code(item)
        if code == "und" != item:
            self.fail(
                f"`{item}` is not a valid language: give a code such as de, ger or deu,"
                " or und for an unknown language",
                param,
                ctx,
            )
        return code


class _Periods(ParamType):
    """Years, months, days, or periods from one to another."""

    name = "period"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, str], ...]:
        """The first and the last moment of each period, cut short as they were given."""
        if isinstance(value, tuple):
            return value
        periods = []
        for item in str(value).split(","):
            first, is_range, last = item.strip().partition("..")
            if not is_range:
                last = first
            if not (first or last) or not all(_is_period(each) for each in (first, last) if each):
                self.fail(
                    f"`{item}` is not a valid period: give 2019, 2019-05, 2019-05-04"
                    " or 2019-05..2019-08",
                    param,
                    ctx,
                )
            if first and last and first > f"{last}~":
                self.fail(f"`{item}` ends before it begins", param, ctx)
            periods.append((first, last))
        return tuple(periods)


under_option = path_option("--under", metavar="DIR", help="Only files in DIR or below it.")
kind_option = click.option(
    "--kind",
    "kinds",
    type=SeparatedList((*KINDS, "other")),
    multiple=True,
    metavar="KIND,...",
    help=f"Only files of these kinds: {', '.join(KINDS)}, other.",
)


def places_below(directory: bytes | None) -> tuple[bytes, ...]:
    """The paths that the catalogue may have for the directory of `--under`; none without it.

    These are the path as given, for files that a scan found through a link, and without links.
    """
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


def _list_option(name: str, target: str, kind: ParamType, metavar: str, text: str) -> Any:
    return click.option(name, target, type=kind, multiple=True, metavar=metavar, help=text)


def media_options(command: F) -> F:
    """Adds the options for the media of files. `media_filter` reads their values."""
    names = ", ".join(reversed(resolutions.NAMES))
    for option in reversed(
        (
            _list_option(
                "--container",
                "containers",
                SeparatedList(),
                "NAME,...",
                "Only files in these formats, such as matroska, mp4, flac or jpeg.",
            ),
            _list_option(
                "--codec",
                "codecs",
                SeparatedList(),
                "CODEC,...",
                "Only files with a track in one of these codecs, such as hevc, aac or srt.",
            ),
            _list_option(
                "--resolution",
                "resolutions",
                _Resolutions(),
                "NAME,...",
                f"Only videos with one of these resolutions: {names}, 4k, 8k, or WIDTHxHEIGHT.",
            ),
            _list_option(
                "--hdr",
                "hdr",
                SeparatedList(("any", *_HDR)),
                "KIND,...",
                f"Only videos with this dynamic range: {', '.join(_HDR)}, or any (all but sdr).",
            ),
            _list_option(
                "--language",
                "languages",
                _Languages(),
                "LANG,...",
                "Only files with audio or subtitles in these languages, such as de, ger or deu.",
            ),
            _list_option(
                "--audio-language",
                "audio_languages",
                _Languages(),
                "LANG,...",
                "Only files with audio in these languages.",
            ),
            _list_option(
                "--subtitle-language",
                "subtitle_languages",
                _Languages(),
                "LANG,...",
                "Only files with subtitles in these languages.",
            ),
            click.option(
                "--camera",
                "cameras",
                multiple=True,
                metavar="TEXT",
                callback=_not_blank,
                help="Only photos from a camera whose make or model contains TEXT.",
            ),
            _list_option(
                "--taken",
                "taken",
                _Periods(),
                "PERIOD,...",
                "Only photos taken in these periods: 2019, 2019-05, 2019-05-04, 2019-05..2019-08.",
            ),
        )
    ):
        command = option(command)
    return command


def media_filter(options: Mapping[str, Any]) -> MediaFilter:
    """The filter that the values of `media_options` stand for."""
    resolutions = joined(options["resolutions"])
    sizes = [_SIZE.fullmatch(item) for item in resolutions]
    hdr = joined(options["hdr"])
    return MediaFilter(
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
