"""The rule for the names of photos: which names obey it, and what is wrong with the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import photo_naming as naming
from vpo.photos import names
from vpo.photos.names import CATEGORIES, ParsedName, Rejected, parse

VALID = {
    "AB3D0001.dng": ParsedName("AB3D", "0001", "", (), ".dng"),
    "R5M21234.DNG": ParsedName("R5M2", "1234", "", (), ".DNG"),
    "12340001.jpg": ParsedName("1234", "0001", "", (), ".jpg"),
    "AB3D0042-2-HDR_BW.cr3": ParsedName("AB3D", "0042", "2", ("HDR_BW",), ".cr3"),
    "XYZW0001-Focus Stack.tiff": ParsedName("XYZW", "0001", "", ("Focus Stack",), ".tiff"),
    "AB3D9999.x": ParsedName("AB3D", "9999", "", (), ".x"),
    "AB3D0001-2-3-HDR.dng": ParsedName("AB3D", "0001", "2", ("3", "HDR"), ".dng"),
    "DSC00001.ARW": ParsedName("DSC0", "0001", "", (), ".ARW"),
    # Beyond the examples of the specification.
    "AB3D0001-HDR-2.dng": ParsedName("AB3D", "0001", "2", ("HDR",), ".dng"),
    "AB3D0001-02-2-02.dng": ParsedName("AB3D", "0001", "02", ("2", "02"), ".dng"),
    "AB3D0001-Edit-BW-Edit.dng": ParsedName("AB3D", "0001", "", ("Edit", "BW", "Edit"), ".dng"),
    "AB3D0001- a .dng": ParsedName("AB3D", "0001", "", (" a ",), ".dng"),
    "AB3D0001-_.dng": ParsedName("AB3D", "0001", "", ("_",), ".dng"),
    "AB3D0001-1 2.7z": ParsedName("AB3D", "0001", "", ("1 2",), ".7z"),
}

# Category, and the offending part as the reason shows it.
INVALID: dict[str | bytes, tuple[str, str]] = {
    "AB3.dng": ("too_short", "`AB3`"),
    ".dng": ("too_short", "nothing"),
    "ab3d0001.dng": ("camera_case", "`ab3d`"),
    "Ab3D0001.dng": ("camera_case", "`Ab3D`"),
    "IMG_0001.dng": ("camera_chars", "`IMG_`"),
    "AB 3D0001.dng": ("camera_chars", "`AB 3`"),
    "AB3D001.dng": ("counter_digits", "`001`"),
    "ABC0001.dng": ("counter_digits", "`001`"),
    "AB3DE0001.dng": ("counter_digits", "`E000`"),
    "AB3D-0001.dng": ("counter_digits", "`-000`"),
    "AB3D0000.dng": ("counter_zero", "`0000`"),
    "AB3D00001.dng": ("counter_zero", "`0000`"),
    "AB3D١٢٣٤.dng": ("counter_range", "`١٢٣٤`"),  # noqa: RUF001
    "AB3D0001-.dng": ("empty_property", "`-`"),
    "AB3D0001--HDR.dng": ("empty_property", "`--HDR`"),
    "AB3D0001-HDR-.dng": ("empty_property", "`-HDR-`"),
    "AB3D0001-@#$.dng": ("property_chars", "`-@#$`"),
    "AB3D0001_2.dng": ("property_chars", "`_2`"),
    "AB3D0035-HDR.BW.ext": ("property_chars", "`-HDR.BW`"),
    "AB3D10001.dng": ("property_chars", "`1`"),
    "AB3D0001-HDR.dng.xmp": ("property_chars", "`-HDR.dng`"),
    "AB3D0001": ("extension", "nothing"),
    "AB3D0001.": ("extension", "`.`"),
    "AB3D0001.d-g": ("extension", "`.d-g`"),
    # Beyond the examples of the specification.
    "": ("too_short", "nothing"),
    "AB3": ("too_short", "`AB3`"),
    "a_b 0001.dng": ("camera_case", "`a_b `"),
    "ÀB3D0001.dng": ("camera_chars", "`ÀB3D`"),
    "éB3D0001.dng": ("camera_case", "`éB3D`"),
    "AB3D.dng": ("counter_digits", "nothing"),
    "AB3D000١.dng": ("counter_range", "`000١`"),  # noqa: RUF001
    "AB3D٠٠٠٠.dng": ("counter_range", "`٠٠٠٠`"),  # noqa: RUF001
    "AB3D0001- .dng": ("property_chars", "`- `"),
    "AB3D0001-HDR-é.dng": ("property_chars", "`-é`"),
    "AB3D0001.dng\n": ("extension", r"`.dng\n`"),
    "AB3D0001-<script>.dng": ("property_chars", "`-<script>`"),
    "AB3D0001-\x1b[31m.dng": ("property_chars", r"`-\x1b[31m`"),
    # Not UTF-8.
    b"\xffB3D0001.dng": ("camera_chars", r"`\xffB3D`"),
    b"\xffb3D0001.dng": ("camera_case", r"`\xffb3D`"),
    b"AB3D00\xff1.dng": ("counter_digits", r"`00\xff1`"),
    b"AB3D0001-\xe9t\xe9.dng": ("property_chars", r"`-\xe9t\xe9`"),
    b"AB3D0001--\xe9.dng": ("empty_property", r"`--\xe9`"),
    b"AB3D0001.d\xff": ("extension", r"`.d\xff`"),
    b"\xff": ("too_short", r"`\xff`"),
}


@pytest.mark.parametrize(("name", "parsed"), VALID.items(), ids=VALID)
def test_a_name_that_obeys_the_rule_is_taken_apart(name: str, parsed: ParsedName) -> None:
    assert parse(name) == parsed
    assert parse(name.encode()) == parsed
    assert names.category_of(name) is None


@pytest.mark.parametrize(("name", "expected"), INVALID.items(), ids=map(repr, INVALID))
def test_a_rejected_name_has_a_category_and_a_reason_that_names_the_part(
    name: str | bytes, expected: tuple[str, str]
) -> None:
    category, part = expected
    found = parse(name)
    assert isinstance(found, Rejected)
    assert found.category == category == names.category_of(name)
    assert part in found.reason
    assert found.reason.isprintable()


def test_the_examples_have_every_category() -> None:
    assert {category for category, _ in INVALID.values()} == set(CATEGORIES)


def test_the_page_on_pairing_has_the_categories_in_order_with_names_that_fall_into_them() -> None:
    page = (Path(__file__).parent.parent / "docs/photos/pairing.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (`.*`) \|$", page, re.MULTILINE)
    assert tuple(category for category, _ in rows) == CATEGORIES
    for category, examples in rows:
        for name in re.findall("`([^`]+)`", examples):
            assert names.category_of(name) == category, name
    (sentence,) = re.findall(r"These names are valid: (.*?)\. `", page, re.DOTALL)
    for name in re.findall("`([^`]+)`", sentence):
        assert names.category_of(name) is None, name


# Names around the borders of the rule: pieces that are right or almost right, in order.
_CAMERAS = ("AB3D", "1234", "IMG_", "ab3d", "AB3", "AB3DE", "A-3D", "AB.D", "ÀB3D", "éB3D", "")
_COUNTERS = ("0001", "9999", "0000", "001", "00010", "00a1", "١٢٣٤", "000٠", "²²²²", "00.1", "")  # noqa: RUF001
_PROPERTIES = (
    "-2",
    "-02",
    "-HDR",
    "-a b",
    "- ",
    "-",
    "--",
    "_2",
    "-é",
    "-@",
    "-٢",
    ".x",
    "-\n",
    "-_",
)
_EXTENSIONS = (".dng", ".CR3", ".7z", ".", "", ".d-g", ".dng\n", ".é", ". ", ".dng.xmp")
_BORDERS = st.builds(
    lambda camera, counter, properties, extension: camera + counter + properties + extension,
    st.sampled_from(_CAMERAS),
    st.sampled_from(_COUNTERS),
    st.lists(st.sampled_from(_PROPERTIES), max_size=4).map("".join),
    st.sampled_from(_EXTENSIONS),
)
_MUTATED = st.builds(
    lambda name, at, put: name[: at % (len(name) + 1)] + put + name[at % (len(name) + 1) + 1 :],
    _BORDERS,
    st.integers(0, 30),
    st.sampled_from("-. _0aAé\n\0") | st.characters(codec="utf-8"),
)


@settings(max_examples=300)
@given(_BORDERS | _MUTATED | st.text(st.characters(codec="utf-8"), max_size=16))
@example("AB3D0001.dng\n")
def test_names_agree_with_the_grammar(name: str) -> None:
    found = parse(name)
    if isinstance(found, Rejected):
        assert found.category == naming.category_of(name)
        assert re.fullmatch("[A-Z`].*[^.]", found.reason), "one sentence, without a full stop"
    else:
        assert tuple(found) == naming.parts_of(name)


@given(st.binary(max_size=16) | _MUTATED.map(str.encode), st.integers(0, 16), st.binary(max_size=2))
def test_names_of_any_bytes_are_judged(name: bytes, at: int, put: bytes) -> None:
    name = name[:at] + put + name[at:]
    found = parse(name)
    try:
        assert found == parse(name.decode())
    except UnicodeDecodeError:
        assert isinstance(found, Rejected)
        assert found.category == naming.category_of(name.decode(errors="surrogateescape"))
        assert found.reason.isprintable()


@given(_BORDERS | _MUTATED)
def test_a_name_is_valid_exactly_if_its_head_and_its_tail_are(name: str) -> None:
    head, tail = name[: names.HEAD_LENGTH], name[names.HEAD_LENGTH :]
    parsed = names.parse_tail(tail)
    assert (parsed is not None) == names.is_tail(tail)
    assert (names.is_head(head) and parsed is not None) == isinstance(parse(name), ParsedName)
