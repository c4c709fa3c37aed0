"""`vpo report library`: sums that agree with the listing, in three forms."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest

from contents import audio, cover, fill, film, photo, subtitle, video
from support import Outcome, Tree, Vpo
from vpo._engine import Tally
from vpo.catalogue.report import Report, report_on
from vpo.catalogue.selection import Selection
from vpo.db import report as report_table
from vpo.db.library import open_library

CONTENTS = {
    "films/a.mkv": film(
        video("hevc", 3840, 1600, hdr="HDR10"),
        audio("eac3", "eng"),
        audio("eac3", "ger"),
        subtitle("eng"),
        subtitle("eng"),
        duration_seconds=7200.25,
        tags={"date": "2019-05-04"},
    ),
    "films/b.mkv": film(
        video(), audio("aac", "eng"), duration_seconds=3600, tags={"creation_time": "2020-01-01T00"}
    ),
    "films/c.mkv": None,
    "music/d.flac": film(
        audio("flac"), cover(), container="flac", duration_seconds=60, tags={"year": "1965"}
    ),
    "photos/e.jpg": photo(
        camera_make="NIKON CORPORATION", camera_model="NIKON D850", taken_at="2019-07-01T10:00:00"
    ),
    "photos/f.jpg": photo(camera_make="Apple", camera_model="iPhone 12"),
    "photos/gone.jpg": photo(camera_make="Apple", camera_model="iPhone 12"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `library`, of which one file is missing, and `home`."""
    base = tmp_path_factory.mktemp("report")
    tree, vpo = Tree(base / "library"), Vpo(base / "home")
    fill(vpo, tree, CONTENTS)
    tree.remove("photos/gone.jpg")
    vpo.scan(tree.root)
    return base


def report(vpo: Vpo, *options: str | Path) -> dict[str, Any]:
    """The tables by dimension, and the rest, of the JSON."""
    shown = vpo.ok("report", "library", "--json", *options).json
    return {**shown, **{table["dimension"]: table for table in shown["tables"]}}


def files_by_value(table: dict[str, Any]) -> dict[str, int]:
    return {row["value"]: row["files"] for row in table["values"]}


def test_each_dimension_is_summed_up(base: Path) -> None:
    found = report(Vpo(base / "home"))
    assert {name: files_by_value(found[name]) for name in report_table.DIMENSIONS} == {
        "kind": {"video": 3, "audio": 1, "image": 2},
        "container": {"matroska": 2, "flac": 1, "jpeg": 2},
        "video_codec": {"hevc": 1, "h264": 1},
        "resolution": {"2160p": 1, "1080p": 1},
        "hdr": {"HDR10": 1, "SDR": 1},
        "audio_codec": {"eac3": 1, "aac": 1, "flac": 1},
        "audio_language": {"eng": 2, "ger": 1, "und": 1},
        "subtitle_language": {"eng": 1},
        "year": {"2020": 1, "2019": 2, "1965": 1},
        "camera": {"NIKON D850": 1, "Apple iPhone 12": 1},
    }
    assert [table["dimension"] for table in found["tables"]] == list(report_table.DIMENSIONS)
    assert (found["files"], found["size_bytes"]) == (6, 1 + 2 + 3 + 4 + 5 + 6)
    assert found["duration_seconds"] == 10860.25
    assert (found["missing"], found["pending"], found["errors"]) == (1, 1, 0)
    assert found["container"]["none"] == {"files": 1, "size_bytes": 3, "duration_seconds": 0.0}
    (german,) = (row for row in found["audio_language"]["values"] if row["value"] == "ger")
    assert (german["size_bytes"], german["duration_seconds"]) == (1, 7200.25)


def test_a_part_of_the_library(base: Path) -> None:
    vpo = Vpo(base / "home")
    photos = report(vpo, "--under", base / "library/photos")
    assert (photos["files"], photos["missing"], photos["pending"]) == (2, 1, 0)
    assert files_by_value(photos["kind"]) == {"image": 2}
    films = report(vpo, "--kind", "video,audio")
    assert (films["files"], films["missing"], films["pending"]) == (4, 0, 1)
    assert films["camera"]["values"] == []


def test_only_the_tables_asked_for(base: Path) -> None:
    vpo = Vpo(base / "home")
    found = report(vpo, "--by", "language,year", "--by", "kind,year")
    names = [table["dimension"] for table in found["tables"]]
    assert names == ["audio_language", "subtitle_language", "year", "kind"]
    assert found["files"] == 6
    outcome = vpo.run("report", "library", "--by", "size")
    assert outcome.status == 2
    assert "audio-language" in outcome.stderr


def test_the_rest_is_summed_up_file_by_file(base: Path) -> None:
    found = report(Vpo(base / "home"), "--limit", "1", "--by", "audio-language,year,container")
    # Neither file nor size twice, though one has two of the rest.
    assert found["container"]["values"][0]["value"] == "jpeg"
    assert found["container"]["other"] == {
        "values": 2,
        "files": 3,
        "size_bytes": 1 + 2 + 4,
        "duration_seconds": 10860.25,
    }
    assert files_by_value(found["year"]) == {"2020": 1}
    assert found["year"]["other"]["values"] == 2
    nothing = report(Vpo(base / "home"), "--limit", "0", "--by", "audio-language")
    assert nothing["audio_language"]["values"] == []
    rest = nothing["audio_language"]["other"]
    assert (rest["values"], rest["files"]) == (3, 3)
    everything = report(Vpo(base / "home"), "--limit", "99")
    assert all(table["other"] is None for table in everything["tables"])


# -- Forms -----------------------------------------------------------------------

HOSTILE = {
    "a.jpg": photo(camera_model="=cmd|' /C calc'!A0"),
    "b.jpg": photo(camera_model='say "cheese", please'),
    "c.jpg": photo(camera_model="clear\x1b[2J\nscreen" + "x" * 100),
    "d.jpg": photo(camera_make="+1", camera_model="写真機" * 20),
    "e.mkv": film(video("\x1b]0;odd"), audio("ac3,x", "ger")),
}


def test_csv_is_one_table_that_spreadsheets_do_not_run(vpo: Vpo, tree: Tree) -> None:
    fill(vpo, tree, HOSTILE)
    process = vpo.start("report", "library", "--csv")
    text = process.communicate()[0].decode()
    assert text.startswith("dimension,value,files,size_bytes,duration_seconds\r\ntotal,,5,15,")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    cameras = [row["value"] for row in rows if row["dimension"] == "camera"]
    assert "'=cmd|' /C calc'!A0" in cameras
    assert 'say "cheese", please' in cameras
    assert any(camera.startswith("'+1 ") for camera in cameras)
    assert not any(row["value"].startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows)
    assert "(none)" in cameras
    assert {row["value"] for row in rows if row["dimension"] == "audio_codec"} == {
        "ac3,x",
        "(none)",
    }
    assert all(int(row["files"]) > 0 for row in rows)
    found = report(vpo)
    assert "=cmd|' /C calc'!A0" in files_by_value(found["camera"])


def test_text_fits_and_is_harmless(vpo: Vpo, tree: Tree) -> None:
    fill(vpo, tree, HOSTILE)
    text = vpo.ok("report", "library").stdout
    assert "\x1b" not in text
    assert "clear\\x1b[2J\\nscreenxxxxx" in text
    for line in text.splitlines():
        assert len(line) <= 80, line
    assert "\n\nCAMERA " in text


def test_text_says_what_is_not_counted(base: Path) -> None:
    vpo = Vpo(base / "home")
    lines = [" ".join(line.split()) for line in vpo.ok("report", "library").stdout.splitlines()]
    assert lines[0] == "6 files, 21 B, 3h 01m"
    assert "Not counted: 1 missing file." in lines
    assert any(line.startswith("Not read yet: 1 file.") for line in lines)
    assert "matroska 2 3 B 3h 00m" in lines
    assert "(none) 1 3 B -" in lines
    short = vpo.ok("report", "library", "--limit", "1", "--by", "kind").stdout
    assert "(other: 2)" in short
    overlap = "A file with several codecs or languages is in several rows."
    assert overlap in lines
    assert overlap not in short


def test_an_empty_library(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    assert vpo.ok("report", "library") == Outcome(0, "0 files, 0 B\n", "")
    assert report(vpo)["files"] == 0
    assert vpo.ok("report", "library", "--csv").stdout.splitlines()[1] == "total,,0,0,0.0"


def test_a_missing_library_is_an_error(vpo: Vpo) -> None:
    assert vpo.run("report", "library", "--json").json["code"] == "LIBRARY_NOT_FOUND"


# -- Against the listing ---------------------------------------------------------

LANGUAGES = ("eng", "ger", "fre", "und")
OPTIONS = {
    "kind": "--kind",
    "container": "--container",
    "video_codec": "--codec",
    "resolution": "--resolution",
    "hdr": "--hdr",
    "audio_codec": "--codec",
    "audio_language": "--audio-language",
    "subtitle_language": "--subtitle-language",
    "camera": "--camera",
    "year": "--taken",
}


def some_contents(seed: int, count: int) -> dict[str, dict[str, Any] | None]:
    """Files of all sorts, the same for a seed."""
    choose = random.Random(seed).choice
    contents: dict[str, dict[str, Any] | None] = {}
    for number in range(count):
        place = f"d{number % 7}/{number:04}"
        sort = choose(("video", "audio", "image", "unread"))
        if sort == "video":
            tracks = [
                video(choose(("h264", "hevc", "av1")), width, height, hdr=hdr)
                for _ in range(choose((1, 1, 1, 2, 0)))
                for width, height in [choose(((1920, 1080), (720, 576), (3840, 1600)))]
                for hdr in [choose(("SDR", "HLG", "Dolby Vision"))]
            ]
            tracks += [
                audio(choose(("aac", "ac3")), choose(LANGUAGES)) for _ in range(choose((0, 1, 3)))
            ]
            tracks += [subtitle(choose(LANGUAGES)) for _ in range(choose((0, 2, 4)))]
            contents[f"{place}.mkv"] = film(*tracks, duration_seconds=choose((60.5, 100, None)))
        elif sort == "audio":
            contents[f"{place}.flac"] = film(audio("flac"), cover(), container="flac")
        elif sort == "image":
            contents[f"{place}.jpg"] = photo(
                camera_model=choose(("EOS", "X100", None)),
                taken_at=choose(("2019-01-01T00:00:00", "2020-12-31T23:59:59", None)),
            )
        else:
            contents[f"{place}.mp4"] = None
    return contents


def test_sums_are_those_of_the_listing(vpo: Vpo, tree: Tree) -> None:
    fill(vpo, tree, some_contents(1, 200))
    for number in range(0, 200, 9):
        for extension in ("mkv", "flac", "jpg", "mp4"):
            (tree.root / f"d{number % 7}/{number:04}.{extension}").unlink(missing_ok=True)
    vpo.scan(tree.root)
    found = report(vpo)
    present = ("--status", "pending,ok,error")

    def totals(files: dict[str, Any]) -> tuple[int, int, float]:
        durations = (file["duration_seconds"] or 0 for file in files.values())
        sizes = (file["size_bytes"] for file in files.values())
        return len(files), sum(sizes), sum(durations)

    everything = vpo.files(*present)
    assert totals(everything) == (
        found["files"],
        found["size_bytes"],
        found["duration_seconds"],
    )
    assert found["missing"] == len(vpo.files("--status", "missing")) > 0
    checked = 0
    for dimension, option in OPTIONS.items():
        covered: set[str] = set()
        for row in found[dimension]["values"]:
            value = row["value"].lower().replace(" ", "-")
            files = vpo.files(option, value, *present)
            assert totals(files) == (row["files"], row["size_bytes"], row["duration_seconds"])
            covered |= set(files)
            checked += 1
        rest = {path: file for path, file in everything.items() if path not in covered}
        none = found[dimension]["none"]
        assert totals(rest) == (none["files"], none["size_bytes"], none["duration_seconds"])
    assert checked >= 30


# -- In parts --------------------------------------------------------------------


def test_parts_make_no_difference(vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(vpo, tree, some_contents(2, 300))
    filters = [
        Selection(),
        Selection(kinds=("video",)),
        Selection(places=(bytes(tree.root),)),
        Selection(places=(tree.path("d3"),)),
    ]

    def reports() -> list[Report]:
        with open_library(str(vpo.database), "read") as library:
            return [report_on(library, wanted, limit=2) for wanted in filters]

    expected = [each.to_dict() for each in reports()]
    assert expected[0]["files"] == expected[2]["files"] == 300
    for files_at_a_time, few in ((1, 20), (7, 0), (50, 5), (1000, 0)):
        monkeypatch.setattr(report_table, "_FILES_AT_A_TIME", files_at_a_time)
        monkeypatch.setattr(report_table, "_FEW_DIRECTORIES", few)
        assert [each.to_dict() for each in reports()] == expected


def test_what_is_committed_meanwhile_is_not_seen(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(vpo, tree, some_contents(3, 50))
    monkeypatch.setattr(report_table, "_FILES_AT_A_TIME", 5)
    commits = 0

    class SlowTally:
        def __init__(self, columns: int) -> None:
            self.tally = Tally(columns)
            self.sums = self.tally.sums

        def add(self, rows: list[tuple[object, ...]]) -> None:
            nonlocal commits
            commits += 1
            with vpo.sql() as other:
                other.execute("UPDATE files SET size_bytes = 1")
            self.tally.add(rows)

    monkeypatch.setattr(report_table, "Tally", SlowTally)
    with open_library(str(vpo.database), "read") as library:
        totals = report_on(library, Selection()).totals
    assert totals.size_bytes == sum(range(1, 51))
    assert commits == 10


# Version 15 creates them.
PHOTO_TABLES = (
    "analysis_items",
    "analysis_results",
    "pipeline_history",
    "pipelines",
    "collections",
    "connectors",
    "configurations",
)


def test_a_catalogue_of_version_13_is_summed_up_as_if_it_were_new(vpo: Vpo, tree: Tree) -> None:
    fill(vpo, tree, {**some_contents(4, 60), **CONTENTS})
    expected = report(vpo)
    with vpo.sql() as connection:
        for column in ("year", "camera", "video_summary", "audio_summary", "subtitle_summary"):
            connection.execute(f"ALTER TABLE media DROP COLUMN {column}")
        for table in PHOTO_TABLES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE _meta SET value = '13' WHERE key = 'schema_version'")
    assert report(vpo) == expected
    vpo.scan(tree.root)
    assert report(vpo) == expected
