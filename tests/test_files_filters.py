"""`vpo files list`: filters by what is inside files."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contents import audio, cover, fill, film, photo, subtitle, video
from support import Tree, Vpo, needs_ffmpeg
from vpo.base import resolutions
from vpo.db.media_filter import resolution_sql

CONTENTS = {
    "dune.mkv": film(
        video("hevc", 3840, 1600, hdr="Dolby Vision"),
        audio("truehd", "eng"),
        audio("ac3", "ger"),
        subtitle("fre"),
        cover(),
        duration_seconds=9300.5,
    ),
    "moon.mkv": film(video("h264", 1920, 800), audio("dts", "eng"), subtitle("ger")),
    "match.mp4": film(video("hevc", 1280, 720, hdr="HLG"), audio("aac"), container="mp4"),
    "phone.mp4": film(video("h264", 1080, 1920), audio("aac"), container="mp4"),
    "song.flac": film(audio("flac"), cover(), container="flac", duration_seconds=180),
    "unread.mkv": None,
    "a.jpg": photo(
        camera_make="Canon", camera_model="Canon EOS R5", taken_at="2019-05-04T12:33:01"
    ),
    "b.jpg": photo(camera_make="Apple", camera_model="iPhone 12", taken_at="2019-12-31T23:59:59.9"),
    "c.heic": photo("heif", camera_model="50%_off", taken_at="2020-01-01T00:00:00"),
    "d.jpg": photo(),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `library`, which is scanned and read, and `home`."""
    base = tmp_path_factory.mktemp("filters")
    tree = Tree(base / "library")
    fill(Vpo(base / "home"), tree, CONTENTS)
    return base


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(["--codec", "hevc"], "dune match", id="codec"),
        pytest.param(["--codec", "H265,x264"], "dune match moon phone", id="codecs-as-called"),
        pytest.param(["--codec", "dts", "--codec", "flac"], "moon song", id="codec-twice"),
        pytest.param(["--codec", "srt"], "dune moon", id="codec-of-subtitles"),
        pytest.param(["--codec", "mjpeg"], "", id="covers-are-no-video"),
        pytest.param(["--container", "mkv,heic"], "c dune moon", id="container-by-extension"),
        pytest.param(["--container", "MP4"], "match phone", id="container-in-capitals"),
        pytest.param(["--resolution", "2160p"], "dune", id="cropped-film"),
        pytest.param(["--resolution", "4K,720p"], "dune match", id="resolutions"),
        pytest.param(["--resolution", "1080p"], "moon phone", id="cropped-and-upright"),
        pytest.param(["--resolution", "1920x1080"], "phone", id="size-turned"),
        pytest.param(["--resolution", "1920x800,4k"], "dune moon", id="size-and-name"),
        pytest.param(["--hdr", "any"], "dune match", id="any-hdr"),
        pytest.param(["--hdr", "sdr"], "moon phone", id="sdr"),
        pytest.param(["--hdr", "HLG,hdr10"], "match", id="kinds-of-hdr"),
        pytest.param(["--hdr", "any,sdr"], "dune match moon phone", id="all-video"),
        pytest.param(["--language", "de"], "dune moon", id="language-of-either"),
        pytest.param(["--language", "deu,fr"], "dune moon", id="languages"),
        pytest.param(["--language", "und"], "match phone song", id="language-not-said"),
        pytest.param(["--audio-language", "German"], "dune", id="language-of-sound"),
        pytest.param(["--subtitle-language", "ger"], "moon", id="language-of-subtitles"),
        pytest.param(["--language", "ger", "--hdr", "any"], "dune", id="both-must-fit"),
        pytest.param(["--camera", "canon"], "a", id="make"),
        pytest.param(["--camera", "IPHONE"], "b", id="model"),
        pytest.param(["--camera", "apple iphone"], "b", id="make-and-model"),
        pytest.param(["--camera", "eos", "--camera", "iphone"], "a b", id="cameras"),
        pytest.param(["--camera", "%_"], "c", id="wildcards-of-like"),
        pytest.param(["--camera", "x"], "", id="no-such-camera"),
        pytest.param(["--taken", "2019"], "a b", id="year"),
        pytest.param(["--taken", "2019-05"], "a", id="month"),
        pytest.param(["--taken", "2019-12-31"], "b", id="day-to-its-end"),
        pytest.param(["--taken", "2019-05..2019-12"], "a b", id="months"),
        pytest.param(["--taken", "2019-05-05..2020-01-01"], "b c", id="days"),
        pytest.param(["--taken", "2019-12.."], "b c", id="from"),
        pytest.param(["--taken", "..2019-05-04"], "a", id="until"),
        pytest.param(["--taken", "2019-05,2020"], "a c", id="periods"),
        pytest.param(["--taken", "2019-05-05..2019-11"], "", id="nothing-then"),
        pytest.param(["--taken", "2019", "--camera", "eos"], "a", id="taken-with"),
        pytest.param(["--taken", "2019", "--codec", "hevc"], "", id="no-photo-has-tracks"),
        pytest.param(["--kind", "video", "--language", "und"], "match phone", id="with-a-kind"),
        pytest.param(["--codec", "hevc", "--limit", "1"], "dune", id="the-first"),
    ],
)
@pytest.mark.parametrize("under", [False, True], ids=["all", "under"])
def test_filters_select(base: Path, options: list[str], expected: str, under: bool) -> None:
    # Below a directory, the library is asked in another way.
    where = ["--under", str(base / "library")] if under else []
    shown = Vpo(base / "home").ok("files", "list", "--print0", *options, *where).stdout
    assert [path.rpartition("/")[2].partition(".")[0] for path in shown.split("\0")[:-1]] == (
        expected.split()
    )


def test_files_come_by_path_whatever_is_asked_for(base: Path) -> None:
    paths = list(Vpo(base / "home").files("--language", "und,ger,eng", "--codec", "aac,dts,ac3"))
    assert len(paths) == 4
    assert paths == sorted(paths)


def test_json_has_durations(base: Path) -> None:
    vpo = Vpo(base / "home")
    durations = {
        path.rpartition("/")[2]: file["duration_seconds"] for path, file in vpo.files().items()
    }
    assert durations["dune.mkv"] == 9300.5
    assert durations["song.flac"] == 180
    assert durations["a.jpg"] is durations["unread.mkv"] is None
    shown = vpo.ok("files", "show", "--json", base / "library/dune.mkv").json
    assert shown["duration_seconds"] == 9300.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--language", "klingonish"], "`klingonish` is not a valid language"),
        (["--audio-language", "de,xx"], "`xx` is not a valid language"),
        (["--resolution", "hd"], "2160p"),
        (["--resolution", "1920x0"], "WIDTHxHEIGHT"),
        (["--hdr", "yes"], "dolby-vision"),
        (["--taken", "last year"], "2019-05..2019-08"),
        (["--taken", "2019-13"], "is not a valid period"),
        (["--taken", "2019-02-30"], "is not a valid period"),
        (["--taken", ".."], "is not a valid period"),
        (["--taken", "2019..2020..2021"], "is not a valid period"),
        (["--taken", "2020..2019-12"], "ends before it begins"),
        (["--camera", " "], "empty"),
        (["--codec", ","], "at least one"),
    ],
)
def test_what_makes_no_sense_is_told(base: Path, options: list[str], said: str) -> None:
    outcome = Vpo(base / "home").run("files", "list", "--json", *options)
    assert outcome.status == 2
    assert outcome.json["code"] == "USAGE"
    assert said in outcome.json["message"]


# -- Resolutions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ("1920x1080", "1080p"),
        ("1920x800", "1080p"),
        ("1440x1080", "1080p"),
        ("1920x1088", "1080p"),
        ("1916x796", "1080p"),
        ("1920x1200", "1080p"),
        ("2048x858", "1080p"),
        ("1280x720", "720p"),
        ("1280x534", "720p"),
        ("960x720", "720p"),
        ("1280x800", "720p"),
        ("720x576", "576p"),
        ("1024x576", "576p"),
        ("720x480", "480p"),
        ("720x304", "480p"),
        ("640x480", "480p"),
        ("854x480", "480p"),
        ("640x360", "360p"),
        ("320x240", "240p"),
        ("176x144", "144p"),
        ("2560x1440", "1440p"),
        ("2560x1600", "1440p"),
        ("3840x2160", "2160p"),
        ("4096x2160", "2160p"),
        ("3840x1600", "2160p"),
        ("2880x2160", "2160p"),
        ("5312x2988", "2160p"),
        ("7680x4320", "4320p"),
        ("1080x1920", "1080p"),
    ],
)
def test_resolutions_have_the_names_that_people_use(size: str, name: str) -> None:
    width, _, height = size.partition("x")
    assert resolutions.class_of(int(width), int(height)) == name


SIDES = st.integers(0, 9000) | st.sampled_from(
    [side + more for each in resolutions.CLASSES for side in each[1:] for more in (-1, 0, 1)]
)


@given(SIDES, SIDES, st.integers(0, 100), st.integers(0, 100))
def test_classes_are_ordered_and_sql_agrees(
    width: int, height: int, wider: int, taller: int
) -> None:
    name = resolutions.class_of(width, height)
    assert (name is None) == (width == 0 or height == 0)
    assert resolutions.class_of(height, width) == name
    if name:
        larger = resolutions.class_of(width + wider, height + taller)
        assert larger is not None
        assert resolutions.NAMES.index(larger) <= resolutions.NAMES.index(name)
    with sqlite3.connect(":memory:") as connection:
        (told,) = connection.execute(
            f"SELECT {resolution_sql('t')} FROM (SELECT ? AS width, ? AS height) t", (width, height)
        ).fetchone()
    connection.close()
    assert told == name


def test_the_documentation_has_the_names() -> None:
    page = (Path(__file__).parent.parent / "docs/commands/files.md").read_text()
    rows = re.findall(r"^\| `(\d+p)`.*? \| (\d+)x(\d+) \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == list(resolutions.NAMES[:-1])
    for (_, width, height), each in zip(rows, resolutions.CLASSES[:-1], strict=True):
        assert each.least_long - 1 < int(width) * 0.9 <= each.least_long
        assert each.least_short - 1 < int(height) * 0.9 <= each.least_short


def test_what_has_no_size_has_no_class() -> None:
    assert resolutions.class_of(None, 1080) is None
    assert resolutions.class_of(1920, None) is None


# -- Real media ------------------------------------------------------------------


@needs_ffmpeg
def test_a_real_file_is_found_by_what_is_in_it(vpo: Vpo, tree: Tree) -> None:
    words = "ffmpeg -v error -f lavfi -i testsrc=s=640x360:d=1 -f lavfi -i sine=d=1 -c:v mpeg4"
    words += " -c:a flac -metadata:s:a:0 language=deu"
    subprocess.run([*words.split(), str(tree.root / "a.mkv")], check=True, timeout=60)
    tree.write("b.mkv", b"not a film")
    vpo.introspects = True
    vpo.run("scan", tree.root)
    for option in ("--codec=mpeg4", "--resolution=360p", "--audio-language=ger", "--container=mkv"):
        assert list(vpo.files(option)) == [f"{tree.root}/a.mkv"], option
    (duration,) = (file["duration_seconds"] for file in vpo.files("--codec", "flac").values())
    assert 0.9 < duration < 1.2
