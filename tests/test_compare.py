"""The comparison of files with their records, and the forms of paths and times."""

from __future__ import annotations

import base64
import os
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpo._engine import RACY_WINDOW_NS
from vpo.base import paths, times
from vpo.db.files import KnownFile
from vpo.scanner.compare import (
    COARSE_NS,
    Columns,
    Context,
    Seen,
    Verdict,
    compare,
    judge,
    was_racy,
)

SCANNED_AT = "2026-01-31T12:00:00Z"
SCANNED_NS = times.text_to_ns(SCANNED_AT)
OLD_NS = SCANNED_NS - 86_400 * 10**9 + 123_456_789

KNOWN = KnownFile(
    id=1,
    name="a.mkv",
    size_bytes=1000,
    mtime_ns=OLD_NS,
    inode=7,
    is_symlink=0,
    scan_status="ok",
    scanned_at=SCANNED_AT,
    scan_error=None,
    container_format="matroska",
)
SEEN = Seen("a.mkv", size_bytes=1000, mtime_ns=OLD_NS, inode=7, is_symlink=False)

HERE = Context()
FULL = Context(full=True)
MOVED = Context(same_filesystem=False)

# Version 6 had microseconds, rounded from a float, and no inodes.
COARSE = KNOWN._replace(inode=None, mtime_ns=OLD_NS // 1000 * 1000)
RACY = KNOWN._replace(mtime_ns=SCANNED_NS - RACY_WINDOW_NS)
MISSING = KNOWN._replace(scan_status="missing")


# -- One file --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "seen", "context", "verdict"),
    [
        pytest.param(KNOWN, SEEN, HERE, Verdict.UNCHANGED, id="the-same"),
        pytest.param(
            KNOWN, SEEN._replace(size_bytes=1001), HERE, Verdict.CHANGED, id="another-size"
        ),
        pytest.param(
            KNOWN, SEEN._replace(mtime_ns=OLD_NS + 1), HERE, Verdict.CHANGED, id="1-ns-newer"
        ),
        pytest.param(
            KNOWN, SEEN._replace(mtime_ns=OLD_NS - 10**18), HERE, Verdict.CHANGED, id="much-older"
        ),
        pytest.param(
            KNOWN, SEEN._replace(is_symlink=True), HERE, Verdict.CHANGED, id="now-by-a-link"
        ),
        pytest.param(
            KNOWN._replace(is_symlink=1), SEEN, HERE, Verdict.CHANGED, id="by-a-link-no-more"
        ),
        # Inodes.
        pytest.param(KNOWN, SEEN._replace(inode=8), HERE, Verdict.CHANGED, id="replaced"),
        pytest.param(
            KNOWN, SEEN._replace(inode=8), MOVED, Verdict.REFRESHED, id="copied-with-its-disk"
        ),
        pytest.param(
            KNOWN, SEEN._replace(inode=None), HERE, Verdict.REFRESHED, id="inodes-no-longer-kept"
        ),
        pytest.param(
            KNOWN._replace(inode=None), SEEN, HERE, Verdict.REFRESHED, id="inodes-now-kept"
        ),
        pytest.param(
            KNOWN._replace(inode=None),
            SEEN._replace(inode=None),
            HERE,
            Verdict.UNCHANGED,
            id="inodes-never-kept",
        ),
        # Version 6.
        pytest.param(COARSE, SEEN, HERE, Verdict.REFRESHED, id="v6-rounded-down"),
        pytest.param(
            COARSE._replace(mtime_ns=COARSE.mtime_ns + 1000),
            SEEN,
            HERE,
            Verdict.REFRESHED,
            id="v6-rounded-up",
        ),
        pytest.param(
            COARSE,
            SEEN._replace(mtime_ns=COARSE.mtime_ns + COARSE_NS),
            HERE,
            Verdict.CHANGED,
            id="v6-changed-2-us-later",
        ),
        pytest.param(
            COARSE,
            SEEN._replace(mtime_ns=COARSE.mtime_ns - COARSE_NS),
            HERE,
            Verdict.CHANGED,
            id="v6-changed-2-us-earlier",
        ),
        pytest.param(
            COARSE._replace(inode=7), SEEN, HERE, Verdict.CHANGED, id="coarse-but-not-of-v6"
        ),
        pytest.param(
            KNOWN._replace(inode=None, mtime_ns=OLD_NS + 1),
            SEEN,
            HERE,
            Verdict.CHANGED,
            id="without-inode-but-not-of-v6",
        ),
        pytest.param(
            COARSE, SEEN._replace(size_bytes=1001), HERE, Verdict.CHANGED, id="v6-another-size"
        ),
        # To be read again.
        pytest.param(KNOWN, SEEN, FULL, Verdict.REREAD, id="full"),
        pytest.param(COARSE, SEEN, FULL, Verdict.REREAD, id="full-v6"),
        pytest.param(KNOWN, SEEN._replace(inode=8), FULL, Verdict.CHANGED, id="full-replaced"),
        pytest.param(
            RACY, SEEN._replace(mtime_ns=RACY.mtime_ns), HERE, Verdict.REREAD, id="racy-the-same"
        ),
        pytest.param(
            RACY,
            SEEN._replace(mtime_ns=RACY.mtime_ns, size_bytes=1),
            HERE,
            Verdict.CHANGED,
            id="racy-another-size",
        ),
        # Missing before.
        pytest.param(MISSING, SEEN, HERE, Verdict.RETURNED, id="returned"),
        pytest.param(
            MISSING, SEEN._replace(inode=8), HERE, Verdict.RETURNED, id="returned-restored-copy"
        ),
        pytest.param(
            MISSING, SEEN._replace(size_bytes=1), HERE, Verdict.CHANGED, id="returned-changed"
        ),
        pytest.param(
            MISSING,
            SEEN._replace(mtime_ns=OLD_NS + 1),
            HERE,
            Verdict.CHANGED,
            id="returned-touched",
        ),
        pytest.param(
            COARSE._replace(scan_status="missing"), SEEN, HERE, Verdict.RETURNED, id="returned-v6"
        ),
    ],
)
def test_judge(known: KnownFile, seen: Seen, context: Context, verdict: Verdict) -> None:
    assert judge(known, seen, context) is verdict


@pytest.mark.parametrize("status", ["pending", "ok", "error"])
def test_what_reading_a_file_said_does_not_tell_whether_it_changed(status: str) -> None:
    known = KNOWN._replace(scan_status=status, scan_error="unreadable", container_format=None)
    assert judge(known, SEEN, HERE) is Verdict.UNCHANGED


@pytest.mark.parametrize(
    ("age_ns", "racy"),
    [
        pytest.param(RACY_WINDOW_NS + 1, False, id="older-than-the-coarsest-tick"),
        pytest.param(RACY_WINDOW_NS, True, id="as-old-as-the-coarsest-tick"),
        pytest.param(0, True, id="written-as-the-scan-began"),
        pytest.param(-5, True, id="written-during-the-scan"),
        pytest.param(-(10**18), True, id="from-the-future"),
    ],
)
def test_a_file_recorded_while_young_is_racy(age_ns: int, racy: bool) -> None:
    assert was_racy(KNOWN._replace(mtime_ns=SCANNED_NS - age_ns)) is racy


def test_a_file_recorded_at_no_known_time_is_racy_if_it_could_be() -> None:
    assert was_racy(KNOWN._replace(scanned_at="long ago"))


# -- A directory -------------------------------------------------------------------

names = st.sampled_from(["a.mkv", "b.mkv", "é.mkv", b"\xff.mkv", "c.srt", "d.txt"])
mtimes = st.sampled_from([OLD_NS, OLD_NS // 1000 * 1000, OLD_NS + 1, SCANNED_NS])
inodes = st.sampled_from([None, 7, 8])
sizes = st.integers(0, 2)

known_files = st.builds(
    KnownFile,
    id=st.just(0),
    name=names,
    size_bytes=sizes,
    mtime_ns=mtimes,
    inode=inodes,
    is_symlink=st.integers(0, 1),
    scan_status=st.sampled_from(["pending", "ok", "error", "missing"]),
    scanned_at=st.just(SCANNED_AT),
    scan_error=st.none(),
    container_format=st.none(),
)
seen_files = st.builds(Seen, names, sizes, mtimes, inodes, st.booleans())
contexts = st.builds(Context, st.booleans(), st.booleans())


@given(
    known=st.lists(known_files, unique_by=lambda file: file.name),
    seen=st.lists(seen_files, unique_by=lambda file: file.name),
    others=st.lists(seen_files, max_size=3),
    context=contexts,
    complete=st.booleans(),
    unreadable=st.sets(names),
    looked_for=st.sets(names),
)
def test_every_file_and_record_ends_in_exactly_one_place(
    known: list[KnownFile],
    seen: list[Seen],
    others: list[Seen],
    context: Context,
    complete: bool,
    unreadable: set[str | bytes],
    looked_for: set[str | bytes],
) -> None:
    known = [file._replace(id=100 + number) for number, file in enumerate(known)]
    # A batch holds other directories' files too, before and after these.
    table: list[list[object]] = [
        list(column) for column in zip(*others, *seen, *others, strict=True)
    ] or [[]] * 5
    rows = range(len(others), len(others) + len(seen))
    difference = compare(
        known,
        Columns(*table),  # type: ignore[arg-type]
        rows,
        context._replace(unreadable=unreadable),
        complete=complete,
        was_looked_for=lambda file: file.name in looked_for,
    )
    by_id = {file.id: file for file in known}
    now = {file.name: file for file in seen}

    # The rows.
    with_names = difference.changed + difference.reread + difference.returned
    observations = [observation for observation, _ in with_names] + difference.refreshed
    assert set(difference.added) <= set(rows)
    assert len(difference.added) + difference.unchanged + len(observations) == len(rows)
    new = {seen[row - len(others)].name for row in difference.added}
    assert new == now.keys() - {file.name for file in known}

    # The records: what is written of a file is what was seen of that file.
    ids = [observation.id for observation in observations]
    missing = [file_id for file_id, _ in difference.missing]
    assert len({*ids, *missing}) == len(ids) + len(missing)
    for observation in observations:
        assert observation[:4] == now[by_id[observation.id].name][1:]
    for observation, name in with_names:
        assert by_id[observation.id].name == name

    # Each is where its verdict puts it.
    placed = {
        Verdict.CHANGED: {each.id for each, _ in difference.changed},
        Verdict.REREAD: {each.id for each, _ in difference.reread},
        Verdict.RETURNED: {each.id for each, _ in difference.returned},
        Verdict.REFRESHED: {each.id for each in difference.refreshed},
    }
    for file in known:
        if file.name in now:
            verdict = judge(file, now[file.name], context)
            assert {each for each, placed_ids in placed.items() if file.id in placed_ids} == (
                {verdict} - {Verdict.UNCHANGED}
            )

    # Missing is only what could have been seen, and was not.
    assert set(difference.missing) == {
        (file.id, file.name)
        for file in known
        if complete
        and file.name not in now
        and file.name not in unreadable
        and file.name in looked_for
        and file.scan_status != "missing"
    }


@given(known=known_files, seen=seen_files, context=contexts)
def test_only_an_exact_record_may_stay_as_it_is(
    known: KnownFile, seen: Seen, context: Context
) -> None:
    verdict = judge(known, seen, context)
    exact = known[2:6] == (seen.size_bytes, seen.mtime_ns, seen.inode, seen.is_symlink)
    if verdict is Verdict.UNCHANGED:
        assert exact
        assert not context.full
        assert not was_racy(known)
    if exact:
        assert verdict is not Verdict.CHANGED
    assert (verdict is Verdict.RETURNED) <= (known.scan_status == "missing")


@given(known=known_files, seen=seen_files, context=contexts)
def test_what_was_recorded_is_found_unchanged(
    known: KnownFile, seen: Seen, context: Context
) -> None:
    later = times.to_seconds_text(datetime(2026, 3, 1, tzinfo=timezone.utc))
    recorded = known._replace(
        size_bytes=seen.size_bytes,
        mtime_ns=seen.mtime_ns,
        inode=seen.inode,
        is_symlink=int(seen.is_symlink),
        scan_status="ok",
        scanned_at=later,
    )
    verdict = judge(recorded, seen, context)
    assert verdict is (Verdict.REREAD if context.full else Verdict.UNCHANGED)


# -- Paths ---------------------------------------------------------------------------


def is_possible(path: bytes) -> bool:
    """Whether the catalogue accepts a path. Others lead out of their directory."""
    return b"\0" not in path and {b".", b".."}.isdisjoint(path.split(b"/"))


path_bytes = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
).filter(is_possible)


@given(path_bytes)
def test_a_stored_path_is_read_back_byte_for_byte(path: bytes) -> None:
    stored = paths.to_stored(path)
    assert paths.from_stored(stored) == path
    try:
        path.decode()
    except UnicodeDecodeError:
        assert isinstance(stored, bytes)
    else:
        assert isinstance(stored, str)


@given(path_bytes)
def test_a_path_is_shown_on_one_line_and_harmless_to_a_terminal(path: bytes) -> None:
    shown = paths.display(paths.to_stored(path))
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"/media/caf\xc3\xa9 \xe2\x98\x95.mkv", "/media/café ☕.mkv"),
        (b"/media/caf\xe9.mkv", "/media/caf\\xe9.mkv"),
        (b"two\nlines\t\x1b[31m\x7f", "two\\nlines\\t\\x1b[31m\\x7f"),
        # Would turn the text around it: `photo_gpj.exe` looks like `photo_exe.jpg`.
        ("right\u202eleft".encode(), "right\\u202eleft"),
        (b"\xff\n", "\\xff\\n"),
    ],
)
def test_a_path_is_shown_with_escapes(path: bytes, shown: str) -> None:
    assert paths.display(paths.to_stored(path)) == shown


@given(path_bytes)
def test_a_path_in_json_can_be_told_in_full(path: bytes) -> None:
    shown = paths.to_json(paths.to_stored(path))
    encoded = shown.get("path_b64")
    assert (base64.b64decode(encoded) if encoded else shown["path"].encode()) == path


names = path_bytes.map(lambda path: path.replace(b"/", b"")).filter(
    lambda name: name and is_possible(name)
)


@given(st.lists(names, max_size=4), names)
def test_joined_paths_are_those_of_the_system(parts: list[bytes], name: bytes) -> None:
    directory = b"/" + b"/".join(parts)
    joined = paths.join(paths.to_stored(directory), paths.to_stored(name))
    assert paths.from_stored(joined) == os.path.join(directory, name)
    assert paths.is_within(paths.from_stored(joined).rstrip(b"/") or b"/", directory)
    # Of parts that are text, as of those that are not, the whole is stored like any path.
    assert joined == paths.to_stored(os.path.join(directory, name))


@pytest.mark.parametrize(
    ("path", "directory", "within"),
    [
        (b"/media", b"/media", True),
        (b"/media/a", b"/media", True),
        (b"/media2", b"/media", False),
        (b"/media", b"/media/a", False),
        (b"/media", b"/", True),
        (b"/", b"/", True),
    ],
)
def test_within(path: bytes, directory: bytes, within: bool) -> None:
    assert paths.is_within(path, directory) is within


# -- Times ---------------------------------------------------------------------------

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)


@given(moments)
def test_a_moment_written_is_read_back(moment: datetime) -> None:
    text = times.to_text(moment)
    assert text.endswith("Z")
    assert timedelta(0) <= moment - times.from_text(text) < timedelta(milliseconds=1)
    seconds = times.to_seconds_text(moment)
    assert timedelta(0) <= moment - times.from_text(seconds) < timedelta(seconds=1)


@given(moments, moments)
def test_texts_sort_as_their_moments_do(one: datetime, other: datetime) -> None:
    # The database compares them as text.
    if times.to_text(one) < times.to_text(other):
        assert one < other
    if times.to_seconds_text(one) < times.to_seconds_text(other):
        assert one < other


@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 999_999_999))
def test_an_mtime_is_read_back_to_the_microsecond(seconds: int, nanoseconds: int) -> None:
    mtime_ns = seconds * 10**9 + nanoseconds
    assert times.text_to_ns(times.ns_to_text(mtime_ns)) == mtime_ns // 1000 * 1000


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_mtime_that_the_catalogue_holds_can_be_shown(mtime_ns: int) -> None:
    assert times.ns_to_text(mtime_ns).endswith("Z")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00.500Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, timezone.utc)),
        ("2026-01-31T12:00:00.250+02:00", datetime(2026, 1, 31, 10, 0, 0, 250_000, timezone.utc)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("2026-01-31 12:00:00", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
    ],
)
def test_times_are_read(text: str, moment: datetime) -> None:
    assert times.from_text(text) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "12h", "2026-13-01", "Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times.from_text(text)


NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("30s", timedelta(seconds=30)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        (" 1w ", timedelta(weeks=1)),
        ("0s", timedelta(0)),
    ],
)
def test_when_can_be_so_long_ago(text: str, ago: timedelta) -> None:
    assert times.parse_when(text, at=NOON) == NOON - ago


def test_when_can_be_a_date_or_time() -> None:
    assert times.parse_when("2026-01-31T12:00:00Z") == NOON
    assert times.parse_when("2026-01-31T14:00:00+02:00") == NOON
    local = datetime(2026, 1, 31).astimezone()
    assert times.parse_when("2026-01-31") == local
    assert times.parse_when("2026-01-31").tzinfo == timezone.utc


@pytest.mark.parametrize(
    "text", ["", "d", "1", "1y", "-1d", "1.5h", "1d 2h", "tomorrow", "2026-02-30", "9999999d"]
)
def test_what_says_no_when_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times.parse_when(text)


@given(
    st.builds("{}{}".format, st.integers(0, 999_999), st.sampled_from("smhdw"))
    | st.dates().map(str)
    | st.datetimes().map(str)
)
def test_any_when_is_a_moment_that_can_be_compared_or_is_refused(text: str) -> None:
    try:
        moment = times.parse_when(text, at=NOON)
    except ValueError:
        return
    assert (times.to_text(moment) <= times.to_text(NOON)) == (moment <= NOON)
