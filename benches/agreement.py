"""Compares the engine's probing with ffprobe and exiftool: `python benches/agreement.py`.

It makes some 1,260 small files (ffmpeg, mkvmerge, exiftool) in a directory that is
kept, asks the engine and its peers of each, and prints how far they agree, field
by field. Where the engine says that it is not sure, ffprobe will be asked, so that
such files agree: they are counted apart.

It asks the engine of the installed vpo, or a program that `--probe` names: say,
`cargo run -q -p vpo-engine --example probe --`.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from typing import Any

from errors import BenchError
from probing import engine, matrix, photos, second, tables
from probing.compare import compare
from probing.subjects import words

PHOTOS = frozenset(
    words("jpg jpeg jpe tif tiff png webp heic heif hif avif dng cr2 cr3 nef arw raf orf rw2 xmp")
)


def main() -> int:
    arguments = _parse()
    try:
        paths = _paths(arguments)
        findings = _compare(paths, arguments)
    except BenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(tables.text(findings, arguments.most), end="")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(tables.as_json(findings), file, indent=1)
    for peer, least in (("ffprobe", arguments.least), ("exiftool", arguments.least_photos)):
        if tables.agreement(findings, peer) < least:
            print(f"Less than {least:g} % of fields agree with {peer}", file=sys.stderr)
            return 1
    return 0


def _paths(arguments: argparse.Namespace) -> list[str]:
    paths: list[str] = []
    if not arguments.only_also:
        made = matrix.make(
            os.path.join(arguments.work, "matrix"),
            arguments.jobs,
            _progress,
            every=arguments.every,
        )
        for failure in made.failures:
            print(f"not made: {failure}", file=sys.stderr)
        paths += made.paths
    for directory in arguments.also:
        for parent, directories, names in os.walk(directory):
            directories.sort()
            paths += [os.path.join(parent, name) for name in sorted(names) if _is_media(name)]
    return [path for path in paths if arguments.match in os.path.basename(path)]


def _is_media(name: str) -> bool:
    return not name.endswith((".md", ".txt"))


def _compare(paths: list[str], arguments: argparse.Namespace) -> tables.Findings:
    command = shlex.split(arguments.probe or "")
    ours = engine.ask(command, paths) if command else engine.ask_module(paths)
    of_photos = [path for path in paths if _extension(path) in PHOTOS]
    of_media = [path for path in paths if _extension(path) not in PHOTOS]
    theirs: dict[str, dict[str, Any] | str] = {
        **second.ask(
            arguments.ffprobe, of_media, os.path.join(arguments.work, "ffprobe"), arguments.jobs
        ),
        **(photos.ask(of_photos) if of_photos else {}),
    }
    compared: list[tables.Compared] = []
    refused: list[tables.Refused] = []
    for path in paths:
        peer = "exiftool" if _extension(path) in PHOTOS else "ffprobe"
        answer, other = ours[path], theirs[path]
        if answer.media is None or isinstance(other, str):
            their_problem = other if isinstance(other, str) else None
            refused.append(tables.Refused(path, peer, answer.problem, their_problem))
            continue
        fields = compare(answer.media, other)
        compared.append(tables.Compared(path, peer, not answer.media["unsure"], fields))
    return tables.Findings(compared, refused)


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower().lstrip(".")


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(
            f"\r{done} of {total} files\x1b[K", end="\n" if done == total else "", file=sys.stderr
        )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument(
        "--probe", metavar="COMMAND", help="ask this program, not the installed engine"
    )
    parser.add_argument("--ffprobe", default="ffprobe", help="the program (%(default)s)")
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "vpo-agreement"),
                        help="where files and answers are kept (%(default)s)")  # fmt: skip
    parser.add_argument("--also", action="append", default=[], metavar="DIR", help="more files")
    parser.add_argument("--only-also", action="store_true", help="no generated files")
    parser.add_argument("--match", default="", metavar="TEXT", help="files with that in their name")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each Nth file only")
    parser.add_argument("--least", type=float, default=0.0, metavar="PERCENT",
                        help="fail if fewer fields agree with ffprobe")  # fmt: skip
    parser.add_argument("--least-photos", type=float, default=0.0, metavar="PERCENT",
                        help="fail if fewer fields agree with exiftool")  # fmt: skip
    parser.add_argument("--most", type=int, default=8, help="differences shown of a field")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write all differences there too")
    return parser.parse_args()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """The docstring as it is."""


if __name__ == "__main__":
    sys.exit(main())
