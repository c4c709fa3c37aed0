"""photostats: the counts, which images and sidecars belong together, and the metadata in XMP."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpo._engine import Roots, read_sidecars
from vpo.base.paths import StoredPath, from_stored, to_stored
from vpo.photos.model import FilesOfDirectory, Findings, PhotoSettings, Statistics
from vpo.photos.photostats import analyse
from vpo.photos.xmp import XmpResult, reader

Files = Mapping[str, int] | Mapping[bytes, int]
"""Sizes in bytes by path."""


class Listed:
    """A listing of these files."""

    def __init__(self, files: Files) -> None:
        sizes = {it if isinstance(it, bytes) else it.encode(): n for it, n in files.items()}
        paths = sorted(path.rpartition(b"/")[::2] for path in sizes)
        parts = groupby(paths, key=lambda path: path[0])
        self._names = {directory: [name for _, name in group] for directory, group in parts}
        self._sizes = sizes
        self.directories: Sequence[StoredPath] = [to_stored(path) for path in self._names]
        self.files = len(sizes)

    def __iter__(self) -> Iterator[FilesOfDirectory]:
        for number, (directory, names) in enumerate(self._names.items()):
            paths = [directory + b"/" + name if directory else name for name in names]
            sizes = [self._sizes[path] for path in paths]
            yield FilesOfDirectory(number, [to_stored(name) for name in names], sizes)


def findings(files: Files | Iterable[str], **settings: Any) -> Findings:
    sizes = files if isinstance(files, Mapping) else dict.fromkeys(files, 1)
    return analyse(Listed(sizes), PhotoSettings(**settings), lambda *_: None)


def results(files: Files | Iterable[str], **settings: Any) -> dict[str, Any]:
    """The results without the time that they took."""
    found = findings(files, **settings).results
    assert found.pop("scan_time") >= 0
    return found


# The worked examples of the specification.


def test_files_are_counted_paired_and_summed() -> None:
    sizes = {"IMG_001.dng": 100, "IMG_001.xmp": 10, "IMG_002.cr3": 200, "IMG_002.xmp": 10}
    sizes |= {"sub/IMG_101.CR3": 50, "sub/IMG_201.xmp": 7, "readme.txt": 5, "a.jpg": 9}
    found = findings(sizes)
    assert results(sizes) == {
        "total_files": 6,
        "total_size": 377,
        "file_counts": {".cr3": 2, ".dng": 1, ".xmp": 3},
        "paired_count": 2,
        "orphaned_images": ["sub/IMG_101.CR3"],
        "orphaned_xmp": ["sub/IMG_201.xmp"],
        "storage_by_type": {".dng": 110, ".cr3": 260, "orphaned_sidecars": 7},
        "unreadable": 0,
    }
    assert list(found.results["storage_by_type"]) == [".dng", ".cr3", "orphaned_sidecars"]
    assert (found.files_scanned, found.issues_found) == (6, 2)
    assert found.statistics == Statistics(storage_used=377, file_count=6)


def test_files_in_different_directories_do_not_belong_together() -> None:
    found = findings(["card1/IMG_0001.CR3", "card2/IMG_0001.xmp"])
    assert found.results["orphaned_images"] == ["card1/IMG_0001.CR3"]
    assert found.results["orphaned_xmp"] == ["card2/IMG_0001.xmp"]
    assert (found.results["paired_count"], found.issues_found) == (0, 2)


def test_a_sidecar_may_be_named_after_the_whole_name_of_its_image() -> None:
    found = findings(["a/P1.cr3", "a/P1.dng", "b/p1.xmp", "a/P2.cr3", "a/P2.cr3.xmp"])
    assert found.results["orphaned_images"] == ["a/P1.cr3"]
    assert found.results["orphaned_xmp"] == ["b/p1.xmp"]
    assert (found.results["paired_count"], found.issues_found) == (1, 2)


def test_only_images_that_must_have_a_sidecar_are_orphaned() -> None:
    found = results(["P3.dng", "P4.cr3", "P4.dng"])
    assert found["orphaned_images"] == ["P4.cr3"]
    assert found["orphaned_xmp"] == []


# The rule of sidecars.


@pytest.mark.parametrize(
    ("images", "sidecars", "orphans"),
    [
        pytest.param(["A.CR3"], ["a.xmp"], [], id="another-case"),
        pytest.param(["A.CR3"], ["a.cr3.XMP"], [], id="the-whole-name-in-another-case"),
        pytest.param(["A.CR3"], ["A.xmp", "a.xmp"], ["a.xmp"], id="the-exact-name-wins"),
        pytest.param(["A.CR3", "a.CR3"], ["A.xmp"], ["a.CR3"], id="an-image-of-another-case"),
        pytest.param(["A.CR3", "a.CR3"], ["A.xmp", "a.xmp"], [], id="both-cases-of-both"),
        pytest.param(["A.CR3", "A.DNG"], ["A.DNG.xmp"], ["A.CR3"], id="of-the-other-image"),
        pytest.param(["A.CR3", "A.CR3.DNG"], ["A.CR3.xmp"], [], id="of-two-images"),
        pytest.param(["A.CR3"], ["A.CR3.xmp", "A.xmp"], [], id="two-sidecars"),
        pytest.param(["A.B.CR3"], ["A.xmp"], ["A.B.CR3", "A.xmp"], id="only-the-last-extension"),
        pytest.param(["A.CR3"], ["A.JPG.xmp"], ["A.CR3", "A.JPG.xmp"], id="of-what-is-no-photo"),
        pytest.param([".A.CR3"], [".A.xmp"], [], id="hidden"),
        pytest.param([], [".xmp", "A", "xmp", "..cr3", "A.", "CR3"], [], id="no-extension"),
    ],
)
def test_images_and_sidecars_that_belong_together(
    images: list[str], sidecars: list[str], orphans: list[str]
) -> None:
    found = results([*images, *sidecars])
    assert sorted(found["orphaned_images"] + found["orphaned_xmp"]) == sorted(orphans)


def test_the_bytes_of_a_sidecar_belong_to_the_image_that_needs_it() -> None:
    sizes = {"A.tif": 1, "A.dng": 20, "A.cr3": 300, "A.xmp": 4000, "B.dng": 50000, "B.xmp": 600000}
    assert results(sizes)["storage_by_type"] == {
        ".dng": 650020,
        ".tif": 1,
        ".cr3": 4300,
        "orphaned_sidecars": 0,
    }
    # If no image needs it, the order of the settings decides.
    assert results({"A.tif": 1, "A.dng": 20, "A.xmp": 300})["storage_by_type"][".dng"] == 320


def test_all_metadata_extensions_are_sidecars() -> None:
    found = results(["A.CR3", "A.aae", "B.pp3"], metadata_extensions=(".xmp", ".AAE", ".pp3"))
    assert found["file_counts"] == {".aae": 1, ".cr3": 1, ".pp3": 1}
    assert (found["orphaned_images"], found["orphaned_xmp"]) == ([], ["B.pp3"])


def test_extensions_are_compared_without_regard_to_case() -> None:
    found = results(["A.cr3", "B.CR3", "C.Cr3"], photo_extensions=(".CR3",))
    assert found["file_counts"] == {".cr3": 3}
    assert found["orphaned_images"] == ["A.cr3", "B.CR3", "C.Cr3"]


def test_names_that_are_not_utf_8_are_compared_by_their_bytes() -> None:
    found = results({b"\xe9.CR3": 1, b"\xe9.xmp": 1, b"\xe8.CR3": 1, b"x\xff/a.xmp": 1})
    assert found["paired_count"] == 1
    assert found["orphaned_images"] == ["\ufffd.CR3"]
    assert found["orphaned_xmp"] == ["x\ufffd/a.xmp"]


def test_an_empty_collection_has_nothing() -> None:
    assert results({}) == {
        "total_size": 0,
        "total_files": 0,
        "file_counts": {},
        "orphaned_images": [],
        "orphaned_xmp": [],
        "paired_count": 0,
        "storage_by_type": {"orphaned_sidecars": 0},
        "unreadable": 0,
    }


def test_progress_is_told_and_ends_with_all_files() -> None:
    listing = Listed({f"{place}/{number}.CR3": 1 for place in range(50) for number in range(2000)})
    told: list[tuple[str, float, int]] = []
    analyse(listing, PhotoSettings(), lambda *it: told.append(it))
    assert 3 < len(told) < 30
    assert told[-1] == ("analyzing", 100.0, 100_000)
    assert told == sorted(told, key=lambda it: it[1:])


# A model that is slow and obvious: it asks of every image and every sidecar whether they belong
# together.


def split(path: str) -> tuple[str, str, str]:
    """The directory, the stem, and the extension as it stands in the name."""
    directory, _, name = path.rpartition("/")
    base, dot, extension = name.rpartition(".")
    return (directory, base, dot + extension) if base.strip(".") else (directory, name, "")


def model(sizes: Mapping[str, int], settings: PhotoSettings) -> dict[str, Any]:
    extension = {path: split(path)[2].lower() for path in sizes}
    images = [path for path in sizes if extension[path] in settings.photo_extensions]
    sidecars = [path for path in sizes if extension[path] in settings.metadata_extensions]

    def belong(image: str, sidecar: str, *, fold: bool) -> bool:
        if fold:
            image, sidecar = image.rpartition("/")[2], sidecar.rpartition("/")[2]
            image, sidecar = image.casefold(), sidecar.casefold()
        return split(sidecar)[:2] == split(image)[:2] or sidecar == image + split(sidecar)[2]

    exact = {(i, s) for i in images for s in sidecars if belong(i, s, fold=False)}
    of_images, of_sidecars = {i for i, _ in exact}, {s for _, s in exact}
    pairs = exact | {
        (i, s)
        for i in images
        for s in sidecars
        if i not in of_images and s not in of_sidecars
        if split(i)[0] == split(s)[0] and belong(i, s, fold=True)
    }
    storage = Counter({extension[i]: 0 for i in images})
    for image in images:
        storage[extension[image]] += sizes[image]
    for sidecar in sidecars:
        owners = [extension[i] for i, s in pairs if s == sidecar]
        needing = [it for it in owners if it in settings.require_sidecar]
        first = min(needing or owners or ["orphaned_sidecars"], key=order_in(settings))
        storage[first] += sizes[sidecar]
    paired = {i for i, _ in pairs}
    return {
        "total_size": sum(sizes[path] for path in images + sidecars),
        "total_files": len(images + sidecars),
        "file_counts": dict(Counter(extension[path] for path in images + sidecars)),
        "orphaned_images": sorted(
            i for i in images if extension[i] in settings.require_sidecar and i not in paired
        ),
        "orphaned_xmp": sorted(set(sidecars) - {s for _, s in pairs}),
        "paired_count": len({split(i)[:2] for i in paired}),
        "storage_by_type": {"orphaned_sidecars": 0, **storage},
        "unreadable": 0,
    }


def order_in(settings: PhotoSettings) -> Any:
    return lambda it: settings.photo_extensions.index(it) if it in settings.photo_extensions else -1


STEMS = st.sampled_from(["A", "a", "B", "ß", "SS", "A.b", ".A", "A.CR3", "a.cr3", "A.dng", "", "."])
EXTENSIONS = st.sampled_from([".CR3", ".cr3", ".dng", ".DNG", ".tif", ".xmp", ".XMP", ".aae", ""])
NAMES = st.builds(str.__add__, STEMS, EXTENSIONS).filter(lambda it: it not in ("", ".", ".."))
PATHS = st.builds(str.__add__, st.sampled_from(["", "d/", "D/"]), NAMES)
CHOICES = st.sampled_from(
    [
        PhotoSettings(),
        PhotoSettings(metadata_extensions=(".xmp", ".aae"), require_sidecar=(".dng", ".cr3")),
        PhotoSettings(photo_extensions=(".tif", ".cr3"), require_sidecar=()),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(PATHS, st.integers(0, 10**13), max_size=14), CHOICES)
def test_the_results_are_those_of_a_slow_model(
    sizes: dict[str, int], settings: PhotoSettings
) -> None:
    found = analyse(Listed(sizes), settings, lambda *_: None).results
    del found["scan_time"]
    found["orphaned_images"].sort()
    found["orphaned_xmp"].sort()
    assert found == model(sizes, settings)
    storage = found["storage_by_type"]
    assert sum(storage.values()) == found["total_size"]
    assert found["file_counts"] == dict(sorted(found["file_counts"].items()))


# Metadata.


def test_metadata_are_there_only_if_they_are_asked_for() -> None:
    names = [b"A.CR3", b"A.xmp", b"b/B.xmp", b"C.XMP", b"\xff.xmp", b"D.pp3"]
    listing = Listed(dict.fromkeys(names, 1))
    told: list[float] = []

    def reads(paths: Sequence[StoredPath]) -> Iterator[XmpResult]:
        assert sorted(map(from_stored, paths)) == [b"A.xmp", b"C.XMP", b"b/B.xmp", b"\xff.xmp"]
        for path in paths:
            if path == "C.XMP":
                yield XmpResult(path, None, "damaged")
            elif path == "A.xmp":
                yield XmpResult(path, None, "unreadable")
            else:
                yield XmpResult(path, {"xmp:Rating": "5", "dc:subject": ["sea", "sun"]})

    choices = PhotoSettings(metadata_extensions=(".xmp", ".pp3"))
    found = analyse(
        listing, choices, lambda _, done, __: told.append(done), reads=reads, unreadable=2
    ).results
    assert found["xmp_metadata"] == [
        {
            "file": "\ufffd.xmp",
            "file_b64": "/y54bXA=",
            "xmp:Rating": "5",
            "dc:subject": ["sea", "sun"],
        },
        {"file": "b/B.xmp", "xmp:Rating": "5", "dc:subject": ["sea", "sun"]},
    ]
    assert (found["xmp_unreadable"], found["unreadable"]) == (1, 3)
    assert told[-1] == 100.0
    assert told == sorted(told)
    without = analyse(listing, choices, lambda *_: None).results
    assert "xmp_metadata" not in without
    assert "xmp_unreadable" not in without


SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
}


def packet(elements: str = "", attributes: str = "") -> str:
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{elements}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


# The example of the specification.
EXAMPLE = packet(
    "<dc:format>image/dng</dc:format>"
    "<dc:creator><rdf:Seq><rdf:li>Test Photographer</rdf:li></rdf:Seq></dc:creator>"
    "<xmp:Rating>5</xmp:Rating><tiff:Model>EOS R5</tiff:Model>"
)
EXAMPLE_TAGS = {
    "dc:creator": ["Test Photographer"],
    "dc:format": "image/dng",
    "tiff:Model": "EOS R5",
    "xmp:Rating": "5",
}


def analysed(root: Path) -> dict[str, Any]:
    """The results of a directory on disk, with metadata."""
    files = {
        os.path.relpath(os.path.join(above, name), bytes(root)): 1
        for above, _, names in os.walk(bytes(root))
        for name in names
    }
    reads = reader(Roots([bytes(root)]), to_stored(bytes(root)))
    return analyse(Listed(files), PhotoSettings(), lambda *_: None, reads=reads).results


def test_elements_and_lists_of_a_sidecar_are_read(tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "A.xmp").write_text(EXAMPLE)
    found = analysed(tmp_path)
    assert found["xmp_metadata"] == [{"file": "2024/A.xmp", **EXAMPLE_TAGS}]
    assert (found["xmp_unreadable"], found["unreadable"]) == (0, 0)


def test_attributes_languages_and_structures_of_a_sidecar_are_read(tmp_path: Path) -> None:
    elements = (
        '<dc:title><rdf:Alt><rdf:li xml:lang="de">Meer</rdf:li>'
        '<rdf:li xml:lang="x-default">Sea &amp; sun</rdf:li></rdf:Alt></dc:title>'
        '<exif:Flash rdf:parseType="Resource"><exif:Fired>True</exif:Fired></exif:Flash>'
        '<dc:source xml:lang="en">film</dc:source>'
        "<crs:Look><rdf:Description dc:format='other'/></crs:Look>"
    )
    attributes = 'xmp:Rating="3" photoshop:City="Malm\u00f6" crs:Exposure2012="+0.5"'
    (tmp_path / "A.xmp").write_bytes(packet(elements, attributes).encode("utf-16"))
    (tmp_path / "B.XMP").write_text(packet())
    found = analysed(tmp_path)
    assert found["xmp_metadata"] == [
        {
            "file": "A.xmp",
            "dc:source": "film",
            "dc:source@lang": "en",
            "dc:title": "Sea & sun",
            "exif:Fired": "True",
            "exif:Flash@parseType": "Resource",
            "photoshop:City": "Malm\u00f6",
            "xmp:Rating": "3",
        },
        {"file": "B.XMP"},
    ]


def test_a_bad_sidecar_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    whole = tmp_path / "whole.xmp"
    whole.write_text(EXAMPLE)
    bomb = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' for number in range(1, 30))
    (tmp_path / "bomb.xmp").write_text(
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{bomb}]>{packet("<dc:format>&e29;</dc:format>")}'
    )
    (tmp_path / "file.xmp").write_text(
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        + packet("<dc:format>&e;</dc:format>")
    )
    (tmp_path / "cut.xmp").write_text(EXAMPLE[:-40])
    (tmp_path / "deep.xmp").write_text(packet("<dc:a>" * 50_000))
    (tmp_path / "empty.xmp").write_bytes(b"")
    (tmp_path / "other.xmp").write_bytes(bytes(range(256)))
    (tmp_path / "html.xmp").write_text("<html><body>404</body></html>")
    with (tmp_path / "long.xmp").open("wb") as file:
        file.write(EXAMPLE.encode())
        file.truncate(100 * 2**20)
    os.mkfifo(tmp_path / "pipe.xmp")
    (tmp_path / "link.xmp").symlink_to(whole)
    (tmp_path / "gone.xmp").symlink_to("nowhere")
    found = analysed(tmp_path)
    assert [it["file"] for it in found["xmp_metadata"]] == ["whole.xmp"]
    # The links are refused; everything else is not XMP.
    assert (found["xmp_unreadable"], found["unreadable"]) == (9, 2)
    assert found["total_files"] == 12


def test_a_long_sidecar_with_masks_is_read(tmp_path: Path) -> None:
    dabs = "<rdf:li>d 0.561 0.448 r 0.0125 M 0.61 0.62</rdf:li>" * 100_000
    masks = f"<crs:Dabs><rdf:Seq>{dabs}</rdf:Seq></crs:Dabs>"
    (tmp_path / "A.xmp").write_text(packet(masks + "<dc:format>image/dng</dc:format>"))
    assert analysed(tmp_path)["xmp_metadata"] == [{"file": "A.xmp", "dc:format": "image/dng"}]


def test_many_sidecars_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for number in range(1500):
        path = tmp_path / f"{number % 7}" / f"{number:04}.xmp"
        path.parent.mkdir(exist_ok=True)
        path.write_text(packet("", f'xmp:Rating="{number}"'))
    found = analysed(tmp_path)["xmp_metadata"]
    assert len(found) == 1500
    assert [it["file"] for it in found] == sorted(it["file"] for it in found)
    assert all(int(it["xmp:Rating"]) == int(it["file"][2:6]) for it in found)


def test_sidecars_are_opened_beneath_the_root_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "A.xmp").write_text(EXAMPLE)
    root = tmp_path / "root"
    root.mkdir()
    (root / "inner").symlink_to(secret)
    roots = Roots([bytes(root)])
    (row,) = read_sidecars(roots, [bytes(root / "inner" / "A.xmp")])
    assert row[:2] == (None, "unreadable")
    (row,) = read_sidecars(roots, [str(secret / "A.xmp")])
    assert row == (EXAMPLE_TAGS, None, None)
    assert read_sidecars(roots, []) == []
