"""The formats of manifests: what lines mean, and what is refused."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpo.base.errors import ManifestError
from vpo.content.algorithms import ALGORITHMS
from vpo.manifest import bagit_text
from vpo.manifest.bagit_text import BagManifestParser
from vpo.manifest.checksums import ChecksumParser
from vpo.manifest.detection import possible_formats
from vpo.manifest.entries import Entry, LineError, Parser, UnwritableNameError
from vpo.manifest.formats import BAG_ALGORITHM, BAGIT, FORMAT_NAMES, FORMATS
from vpo.manifest.hashdeep import HashdeepParser
from vpo.manifest.lines import ManifestLines
from vpo.manifest.name_index import NameIndex
from vpo.manifest.names import safe_name
from vpo.manifest.reader import ListedFile, ManifestReader
from vpo.manifest.sfv import SfvParser

MD5 = b"60b725f10c9c85c70d97880dfe8191b3"
OTHER_MD5 = b"0123456789abcdef0123456789abcdef"
SHA256 = b"87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
DIGESTS = {each.name: ("0123456789abcdef" * 8)[: each.digits] for each in ALGORITHMS}


# -- Lines -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name"),
    [
        pytest.param(MD5 + b"  a.mkv", b"a.mkv", id="text"),
        pytest.param(MD5 + b" *a.mkv", b"a.mkv", id="binary"),
        pytest.param(MD5.upper() + b"  a.mkv", b"a.mkv", id="capitals"),
        pytest.param(b"  " + MD5 + b"  a.mkv", b"a.mkv", id="indented"),
        pytest.param(MD5 + b" a.mkv", b"a.mkv", id="bsd-reversed"),
        pytest.param(MD5 + b"   a.mkv", b" a.mkv", id="space-first"),
        pytest.param(MD5 + b"  *a.mkv", b"*a.mkv", id="star-first"),
        pytest.param(MD5 + b"  a.mkv ", b"a.mkv ", id="space-last"),
        pytest.param(MD5 + b"  caf\xe9", b"caf\xe9", id="not-utf8"),
        pytest.param(MD5 + b"  a\\nb", b"a\\nb", id="backslash-without-mark"),
        pytest.param(b"\\" + MD5 + b"  a\\nb\\\\c\\rd", b"a\nb\\c\rd", id="escapes"),
        pytest.param(b"MD5 (a.mkv) = " + MD5, b"a.mkv", id="tag"),
        pytest.param(b"MD5 (a) = (b.mkv) = " + MD5, b"a) = (b.mkv", id="tag-and-parentheses"),
        pytest.param(b"\\MD5 (a\\nb) = " + MD5, b"a\nb", id="tag-and-escapes"),
        pytest.param(b"MD5(a.mkv)= " + MD5, b"a.mkv", id="openssl"),
    ],
)
def test_lines_of_checksums(line: bytes, name: bytes) -> None:
    assert ChecksumParser("md5").parse(line) == Entry(name, {"md5": MD5.decode()})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(b"hello", "not a digest followed by a file name", id="words"),
        pytest.param(MD5, "not a digest followed by a file name", id="no-name"),
        pytest.param(MD5 + b"  ", "must come before the name", id="empty-name"),
        pytest.param(SHA256 + b"  a", "64 digits, but md5 digests have 32", id="length"),
        pytest.param(MD5[:-1] + b"  a", "31 digits", id="cut-off"),
        pytest.param(MD5[:-1] + b"g  a", "not a digest followed by a file name", id="no-hex"),
        pytest.param(b"\\" + MD5 + b"  a\\tb", "`\\t` is not a valid escape", id="escape"),
        pytest.param(b"\\" + MD5 + b"  a\\", "not a valid escape", id="escape-at-end"),
        pytest.param(b"WHIRLPOOL (a) = " + MD5, "does not know the algorithm WHIRLPOOL", id="tag"),
        pytest.param(b"SHA256 (a) = " + MD5, "sha256 digests have 64", id="tag-and-length"),
    ],
)
def test_lines_that_are_not_checksums_are_refused(line: bytes, said: str) -> None:
    with pytest.raises(LineError) as raised:
        ChecksumParser("md5").parse(line)
    assert said in str(raised.value)


def test_the_first_line_decides_whether_names_follow_two_spaces() -> None:
    reversed_lines = ChecksumParser("md5")
    assert reversed_lines.parse(MD5 + b" a") == Entry(b"a", {"md5": MD5.decode()})
    assert reversed_lines.parse(MD5 + b"  b") == Entry(b" b", {"md5": MD5.decode()})
    usual = ChecksumParser("md5")
    usual.parse(MD5 + b"  a")
    with pytest.raises(LineError, match="two spaces"):
        usual.parse(MD5 + b" b")


@pytest.mark.parametrize("line", [b"", b"# a comment"])
def test_comments_are_not_entries(line: bytes) -> None:
    assert ChecksumParser("md5").parse(line) is None
    assert SfvParser().parse(line) is None


@pytest.mark.parametrize(
    ("columns", "line", "entry"),
    [
        pytest.param(
            b"size,md5,sha256,filename",
            b"2," + MD5 + b"," + SHA256 + b",./a, b.mkv",
            Entry(b"./a, b.mkv", {"md5": MD5.decode(), "sha256": SHA256.decode()}, 2),
            id="as-hashdeep-does",
        ),
        pytest.param(
            b"filename,md5,size",
            b"a, b.mkv," + MD5 + b",2",
            Entry(b"a, b.mkv", {"md5": MD5.decode()}, 2),
            id="name-first",
        ),
        pytest.param(
            b"md5,filename,sha256",
            MD5 + b",a,,b," + SHA256,
            Entry(b"a,,b", {"md5": MD5.decode(), "sha256": SHA256.decode()}),
            id="name-in-the-middle",
        ),
        pytest.param(
            b"size,tiger,md5,filename",
            b"2,abc," + MD5 + b",a",
            Entry(b"a", {"md5": MD5.decode()}, 2),
            id="a-digest-of-another-kind",
        ),
    ],
)
def test_lines_of_hashdeep(columns: bytes, line: bytes, entry: Entry) -> None:
    parser = HashdeepParser()
    assert parser.parse(b"%%%% HASHDEEP-1.0") is None
    assert parser.parse(b"%%%% " + columns) is None
    assert parser.parse(b"## Invoked from: /x") is None
    assert parser.parse(line) == entry


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param([b"2," + MD5 + b",a"], "no header such as", id="no-header"),
        pytest.param([b"%%%% size,filename"], "none of the columns", id="no-digest"),
        pytest.param([b"%%%% size,md5"], "must name `filename`", id="no-name"),
        pytest.param(
            [b"%%%% md5,colour,filename"], "does not know the column `colour`", id="column"
        ),
        pytest.param([b"%%%% md5,filename", MD5], "does not have the 2 columns", id="few"),
        pytest.param(
            [b"%%%% md5,filename", MD5 + b","], "does not have the 2 columns", id="empty-name"
        ),
        pytest.param([b"%%%% size,md5,filename", b"x," + MD5 + b",a"], "not a number", id="size"),
        pytest.param([b"%%%% md5,filename", b"xyz,a"], "md5 does not hold a digest", id="digest"),
        pytest.param([b"%%%% md5,filename", b"abc,a"], "3 digits", id="length"),
        pytest.param(
            [b"%%%% md5,filename", b"%%%% sha1,filename"], "other columns", id="second-header"
        ),
    ],
)
def test_lines_that_are_not_of_hashdeep_are_refused(lines: list[bytes], said: str) -> None:
    parser = HashdeepParser()
    for line in lines[:-1]:
        parser.parse(line)
    with pytest.raises(LineError) as raised:
        parser.parse(lines[-1])
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"a.mkv 0123ABCD", b"a.mkv"),
        (b"a b.mkv\t0123abcd  ", b"a b.mkv"),
        (b"#1 hit.mp3 0123abcd", b"#1 hit.mp3"),
    ],
)
def test_lines_of_sfv(line: bytes, name: bytes) -> None:
    assert SfvParser().parse(line) == Entry(name, {"crc32": "0123abcd"})


@pytest.mark.parametrize("line", [b"a.mkv", b"a.mkv 0123ABC", b"0123ABCD", b"a.mkv 0123ABCG"])
def test_lines_that_are_not_of_an_sfv_file_are_refused(line: bytes) -> None:
    with pytest.raises(LineError, match="not a file name followed by a CRC32"):
        SfvParser().parse(line)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        pytest.param(MD5 + b"  data/a.mkv", b"data/a.mkv", id="plain"),
        pytest.param(MD5 + b"\tdata/a.mkv", b"data/a.mkv", id="tab"),
        pytest.param(MD5 + b" *data/a.mkv", b"data/a.mkv", id="star"),
        pytest.param(MD5 + b" data/100%25%0a%0D.mkv", b"data/100%\n\r.mkv", id="encoded"),
        pytest.param(MD5 + b" data/100%.%20", b"data/100%.%20", id="nothing-else-is-decoded"),
        pytest.param(MD5 + b" data/%250A", b"data/%0A", id="decoded-once"),
    ],
)
def test_lines_of_bags(line: bytes, name: bytes) -> None:
    assert BagManifestParser("md5").parse(line) == Entry(name, {"md5": MD5.decode()})


def test_tags_of_bags_are_unfolded() -> None:
    lines = ["Payload-Oxum: 12.3", "Note: one", "  two", "", "no tag", "Note:three"]
    assert list(bagit_text.tags(lines)) == [
        ("payload-oxum", "12.3"),
        ("note", "one two"),
        ("note", "three"),
    ]


# -- Writing ---------------------------------------------------------------------

file_names = st.one_of(
    st.text(
        alphabet=st.characters(exclude_characters="\0/", exclude_categories=["Cs"]),
        min_size=1,
        max_size=20,
    ).map(str.encode),
    st.binary(min_size=1, max_size=20).filter(lambda name: not {0, 47} & set(name)),
    st.text(alphabet="ab \\*;#%\n\r\t,()=", min_size=1, max_size=8).map(str.encode),
).filter(lambda name: name not in (b".", b"..") and not name.startswith(b"\\\\"))


@given(
    name=file_names, directory=st.sampled_from([b"", b"sub/"]), form=st.sampled_from(FORMAT_NAMES)
)
def test_what_is_written_is_read_back_unchanged(name: bytes, directory: bytes, form: str) -> None:
    path = directory + name
    algorithms = (BAG_ALGORITHM,) if form == BAGIT else FORMATS[form].algorithms
    wanted = {algorithm: DIGESTS[algorithm] for algorithm in algorithms}
    try:
        if form == BAGIT:
            line = bagit_text.manifest_line(b"data/" + path, DIGESTS[BAG_ALGORITHM])
        else:
            line = FORMATS[form].line(path, 12, DIGESTS)
    except UnwritableNameError:
        assert not path.isalnum()
        return
    assert line.endswith(b"\n")
    if form == BAGIT:
        parser: Parser = BagManifestParser(BAG_ALGORITHM)
    else:
        parser = FORMATS[form].new_parser()
        for each in FORMATS[form].header.splitlines():
            parser.parse(each)
        # So that a name that begins with a space is not read as a line with a single space.
        assert parser.parse(FORMATS[form].line(b"first", 1, DIGESTS)[:-1]) is not None
    entry = parser.parse(line[:-1])
    assert entry is not None
    read = safe_name(entry.name)
    assert (read, entry.digests) == (b"data/" + path if form == BAGIT else path, wanted)


# -- Names -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param(b"/etc/passwd", "an absolute path", id="absolute"),
        pytest.param(b"//a", "an absolute path", id="two-slashes"),
        pytest.param(b"../a", "`..`", id="up"),
        pytest.param(b"a/../../b", "`..`", id="up-in-the-middle"),
        pytest.param(b"a/..", "`..`", id="up-at-the-end"),
        pytest.param(b"a\0b", "NUL byte", id="nul"),
        pytest.param(b"C:\\Films\\a.mkv", "absolute Windows path", id="drive"),
        pytest.param(b"d:/Films/a.mkv", "absolute Windows path", id="drive-and-slash"),
        pytest.param(b"\\\\nas\\films\\a.mkv", "absolute Windows path", id="share"),
        pytest.param(b"a/", "not the name of a file", id="directory"),
        pytest.param(b".", "not the name of a file", id="current-directory"),
        pytest.param(b"-", "standard input", id="stdin"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: bytes, said: str) -> None:
    with pytest.raises(LineError) as raised:
        safe_name(name)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", [b"..\\a", b"a\\..\\b", b"\\a"])
def test_backslashes_as_separators_cannot_lead_elsewhere(name: bytes) -> None:
    assert safe_name(name) == name
    with pytest.raises(LineError):
        safe_name(name, backslashes_separate=True)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        (b"./a//b/./c", b"a/b/c"),
        (b"..a/b..", b"..a/b.."),
        (b"C:a", b"C:a"),
        (b"...", b"..."),
        (b"a\\b", b"a\\b"),
    ],
)
def test_other_names_are_accepted(name: bytes, cleaned: bytes) -> None:
    assert safe_name(name) == cleaned


@given(st.binary(max_size=30), st.booleans())
def test_no_name_leads_out(name: bytes, backslashes_separate: bool) -> None:
    try:
        path = safe_name(name, backslashes_separate=backslashes_separate)
    except LineError:
        return
    there = os.path.normpath(os.path.join(b"/root", path))
    assert there.startswith(b"/root/")
    assert b"\0" not in path


# -- Which format ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "forms"),
    [
        pytest.param([MD5 + b"  a"], ("md5sum",), id="md5"),
        pytest.param([b"a" * 40 + b"  a"], ("sha1sum",), id="sha1"),
        pytest.param([b"a" * 128 + b"  a"], ("sha512sum",), id="sha512"),
        pytest.param([SHA256 + b"  a"], ("sha256sum", "b3sum"), id="sha256-or-blake3"),
        pytest.param([b"BLAKE3 (a) = " + SHA256], ("b3sum",), id="tag"),
        pytest.param([b"", b"# x", b"\\" + MD5 + b"  a"], ("md5sum",), id="after-comments"),
        pytest.param([b"; x", b"a.mkv 0123abcd"], ("sfv",), id="sfv"),
        pytest.param([b"deadbeef  a.mkv 0123abcd"], ("sfv",), id="sfv-of-hexadecimal-names"),
        pytest.param([MD5 + b"  a 0123abcd"], ("md5sum",), id="md5-of-a-name-like-sfv"),
        pytest.param([b"%%%% HASHDEEP-1.0"], ("hashdeep",), id="hashdeep"),
    ],
)
def test_the_format_is_detected_from_the_content(
    lines: list[bytes], forms: tuple[str, ...]
) -> None:
    assert possible_formats(lines, b"/x/manifest") == forms


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        (b"SHA256SUMS", ("sha256sum",)),
        (b"photos.b3", ("b3sum",)),
        (b"BLAKE3SUMS.txt", ("b3sum",)),
        (b"checksums", ("sha256sum", "b3sum")),
    ],
)
def test_the_name_decides_if_digests_look_the_same(name: bytes, forms: tuple[str, ...]) -> None:
    assert possible_formats([SHA256 + b"  a"], b"/sha256/" + name) == forms


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param([], "is empty, so it is not a manifest", id="empty"),
        pytest.param([b"# x", b""], "does not name any file", id="comments"),
        pytest.param([b"hello world"], "line 1 (`hello world`) fits none", id="words"),
        pytest.param([b"%%%% HASHDEEP-2.0"], "HASHDEEP-2.0", id="version"),
        pytest.param(
            [b"SHA3-256 (a) = " + SHA256], "does not know the algorithm SHA3-256", id="tag"
        ),
        pytest.param([b"a" * 96 + b"  a"], "fits none", id="sha384"),
    ],
)
def test_an_unknown_format_is_an_error(lines: list[bytes], said: str) -> None:
    with pytest.raises(ManifestError) as raised:
        possible_formats(lines, b"/x/manifest")
    assert said in raised.value.message


# -- Files -----------------------------------------------------------------------


class Opened(Protocol):
    """Writes and reads a manifest of md5sum."""

    def __call__(self, content: bytes, encoding: str | None = None) -> ManifestReader: ...


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with ExitStack() as closing:

        def write_and_read(content: bytes, encoding: str | None = None) -> ManifestReader:
            path = tmp_path / "manifest"
            path.write_bytes(content)
            lines = ManifestLines(os.fsencode(path), encoding)
            closing.callback(lines.close)
            file = ManifestReader(lines, partial(ChecksumParser, "md5"))
            file.read()
            return file

        yield write_and_read


def items(file: ManifestReader) -> Iterator[tuple[int, bytes | str]]:
    for item in file.entries():
        yield item.line, item.name if isinstance(item, ListedFile) else item.message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{0}  ü.mkv\n{0}  b.mkv\n".encode, id="utf-8"),
        pytest.param("{0}  ü.mkv\n{0}  b.mkv".encode, id="no-last-line-feed"),
        pytest.param("{0}  ü.mkv\r\n{0}  b.mkv\r\n".encode, id="crlf"),
        pytest.param("{0}  ü.mkv\r{0}  b.mkv\r".encode, id="cr"),
        pytest.param(partial("{0}  ü.mkv\n{0}  b.mkv\n".encode, "utf-8-sig"), id="mark"),
        pytest.param(partial("{0}  ü.mkv\r\n{0}  b.mkv\r\n".encode, "utf-16"), id="utf-16"),
    ],
)
def test_ends_of_lines_and_encodings(opened: Opened, text: partial[bytes]) -> None:
    encoding = (text.args or ("utf-8",))[0] if isinstance(text, partial) else "utf-8"
    content = text().decode(encoding).format(MD5.decode()).encode(encoding)
    file = opened(content)
    assert list(items(file)) == [(1, "ü.mkv".encode()), (2, b"b.mkv")]
    # As often as one likes.
    assert list(items(file)) == [(1, "ü.mkv".encode()), (2, b"b.mkv")]
    assert file.find(b"b.mkv") == Entry(b"b.mkv", {"md5": MD5.decode()})
    assert file.find(b"c.mkv") is None


def test_an_encoding_that_is_named(opened: Opened) -> None:
    file = opened(MD5 + b"  caf\xe9.mkv\n", "cp1252")
    assert list(items(file)) == [(1, "café.mkv".encode())]


def test_names_keep_a_carriage_return_where_lines_end_otherwise(opened: Opened) -> None:
    file = opened(MD5 + b"  a\n" + MD5 + b"  b\r\n")
    assert list(items(file)) == [(1, b"a"), (2, b"b\r")]


def test_refused_lines_have_their_number(opened: Opened) -> None:
    lines = [MD5 + b"  a", b"x", MD5 + b"  ../b", MD5 + b"  " + b"c" * 40_000, MD5 + b"  d"]
    file = opened(b"\n".join(lines))
    found = dict(items(file))
    assert found[1] == b"a"
    assert "not a digest" in str(found[2])
    assert "`..`" in str(found[3])
    assert "longer than" in str(found[4])
    assert found[5] == b"d"
    assert file.count == 2


def test_the_same_name_twice(opened: Opened) -> None:
    lines = [
        MD5 + b"  a",
        MD5 + b"  b",
        MD5.upper() + b"  ./a",
        OTHER_MD5 + b"  b",
        b"SHA256 (a) = " + SHA256,
        b"MD5 (a) = " + MD5,
    ]
    file = opened(b"\n".join(lines))
    found = list(items(file))
    assert [(line, said) for line, said in found if line != 4] == [(1, b"a"), (2, b"b"), (5, b"a")]
    assert dict(found)[4] == "`b` has a different digest on line 2"
    assert file.count == 3


def test_a_change_of_the_manifest_while_it_is_read_is_noticed(opened: Opened) -> None:
    file = opened(MD5 + b"  a\n" + MD5 + b"  b\n")
    with open(file.path, "wb") as again:
        again.write(b"x" * 100)
    with pytest.raises(ManifestError, match="was changed"):
        file.find(b"b")


def test_manifests_that_cannot_be_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, said in (("none", "No such file"), ("fifo", "not a regular file")):
        with pytest.raises(ManifestError, match=said):
            ManifestLines(os.fsencode(tmp_path / name))
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xe9")
    with pytest.raises(ManifestError, match="cannot be decoded"):
        ManifestLines(os.fsencode(tmp_path / "latin"))


@given(st.lists(st.binary(max_size=3), max_size=60))
def test_the_index_finds_each_offset(listed: list[bytes]) -> None:
    index = NameIndex()
    for offset, name in enumerate(listed):
        index.add(name, offset)
    index.seal()
    where = {name: [at for at, other in enumerate(listed) if other == name] for name in listed}
    assert {name: list(index.find(name)) for name in listed} == where
    assert list(index.find(b"none of them")) == []
    assert sorted(index.repeated()) == sorted(each for each in where.values() if len(each) > 1)


@given(st.binary(max_size=300), st.sampled_from(list(FORMATS)))
def test_no_line_makes_a_parser_crash(content: bytes, form: str) -> None:
    parser = FORMATS[form].new_parser()
    for line in content.split(b"\n"):
        with suppress(LineError):
            parser.parse(line)


pieces = st.sampled_from(
    [MD5, OTHER_MD5, SHA256, b"  ", b" *", b"a", b"../", b"/", b"\n", b"\r\n", b"\r", b"\\", b"\0"]
)


@given(st.lists(st.one_of(pieces, st.binary(max_size=4)), max_size=60).map(b"".join))
def test_each_line_of_a_file_is_an_entry_or_refused_or_nothing(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            lines = ManifestLines(os.fsencode(file.name))
        except ManifestError:
            # What begins with the mark of UTF-16 is to be that.
            assert content.startswith((b"\xff\xfe", b"\xfe\xff"))
            return
        try:
            manifest = ManifestReader(lines, partial(ChecksumParser, "md5"))
            manifest.read()
            found = list(manifest.entries())
        finally:
            lines.close()
    assert sum(isinstance(item, ListedFile) for item in found) == manifest.count
    numbers = [item.line for item in found]
    assert numbers == sorted(set(numbers))
