"""Verdicts on files, whatever was recorded and found."""

from __future__ import annotations

import errno
from typing import NamedTuple, get_args

from hypothesis import given
from hypothesis import strategies as st

from vpo.integrity.classify import Recorded, Verdict, classify
from vpo.places.filesystem_kinds import kind_of
from vpo.places.read_errors import is_of_the_medium, is_of_the_place


class Seen(NamedTuple):
    """What the engine reports of a file."""

    digests: dict[str, str] | None
    problem: str | None = None
    errno: int | None = None
    ctime_ns: int | None = 0


ALGORITHMS = ("blake3", "xxh64")
DIGESTS = st.sampled_from(["00", "11", "22"])
TIMES = st.integers(0, 3)
DAMAGE = st.sampled_from([None, "rotted", "rewritten", "unreadable"])
RECORDED = st.one_of(
    st.none(),
    st.builds("{}:{}".format, st.sampled_from((*ALGORITHMS, "unknown")), DIGESTS),
)
READ = st.builds(
    Seen,
    digests=st.fixed_dictionaries(dict.fromkeys(ALGORITHMS, DIGESTS)),
    problem=st.none(),
    errno=st.none(),
    ctime_ns=TIMES,
)
UNREAD = st.builds(
    Seen,
    digests=st.none(),
    problem=st.sampled_from(["gone", "unreadable", "changed", "changing", "not_regular", "panic"]),
    errno=st.one_of(st.none(), st.sampled_from(sorted(errno.errorcode))),
)


@st.composite
def cases(draw: st.DrawFn, seen: st.SearchStrategy[Seen]) -> tuple[Recorded, Seen, Verdict]:
    found = draw(seen)
    known = Recorded(
        draw(RECORDED),
        draw(st.one_of(st.none(), TIMES)),
        draw(st.one_of(st.none(), TIMES)),
        draw(DAMAGE),
    )
    return known, found, classify(known, found)


def is_comparable(known: Recorded) -> bool:
    return known.digest is not None and known.digest.startswith(ALGORITHMS)


def is_same(known: Recorded, seen: Seen) -> bool:
    assert seen.digests is not None
    return known.digest in {f"{name}:{hex_}" for name, hex_ in seen.digests.items()}


@given(cases(st.one_of(READ, UNREAD)))
def test_there_is_a_verdict_on_everything(case: tuple[Recorded, Seen, Verdict]) -> None:
    assert case[2] in get_args(Verdict)


@given(cases(UNREAD))
def test_what_was_not_read_is_never_right_nor_damaged(
    case: tuple[Recorded, Seen, Verdict],
) -> None:
    _, seen, verdict = case
    assert verdict in ("modified", "unreadable", "missing", "changing")
    if seen.problem in ("changed", "changing", "gone"):
        words = {"changed": "modified", "changing": "changing", "gone": "missing"}
        assert verdict == words[seen.problem]


@given(cases(READ))
def test_content_is_damaged_exactly_if_it_differs_from_what_is_recorded(
    case: tuple[Recorded, Seen, Verdict],
) -> None:
    known, seen, verdict = case
    differs = is_comparable(known) and not is_same(known, seen)
    assert (verdict in ("rotted", "rewritten")) == differs


@given(cases(READ))
def test_damage_that_is_no_more_is_restored(
    case: tuple[Recorded, Seen, Verdict],
) -> None:
    known, seen, verdict = case
    if not is_comparable(known) or is_same(known, seen):
        assert (verdict == "restored") == (known.damage is not None)
        assert known.damage is not None or (verdict == "verified") == is_comparable(known)


@given(cases(READ))
def test_rot_is_what_no_ctime_speaks_against(
    case: tuple[Recorded, Seen, Verdict],
) -> None:
    known, seen, verdict = case
    if verdict not in ("rotted", "rewritten"):
        return
    if known.damage in ("rotted", "rewritten"):
        # What was found first stays.
        assert verdict == known.damage
    elif known.ctime_ns is not None:
        assert (verdict == "rotted") == (known.ctime_ns == seen.ctime_ns)
    else:
        assert seen.ctime_ns is not None
        at = known.verified_at_ns
        assert (verdict == "rotted") == (at is not None and seen.ctime_ns < at)


@given(cases(READ))
def test_where_there_is_no_ctime_rot_is_never_claimed(
    case: tuple[Recorded, Seen, Verdict],
) -> None:
    known, seen, verdict = case
    expected = verdict
    if verdict == "rotted" and known.damage not in ("rotted", "rewritten"):
        expected = "rewritten"
    assert classify(known, seen, has_ctime=False) == expected


def test_file_systems_have_a_ctime_if_that_is_known() -> None:
    for fstype in ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "nfs4", "fuse.mergerfs", "ntfs3"):
        assert kind_of(fstype).has_ctime, fstype
    for fstype in ("exfat", "vfat", "fuseblk", "fuse.sshfs", "fuse.rclone", "no such type"):
        assert not kind_of(fstype).has_ctime, fstype


def test_permissions_say_nothing_of_content_or_place() -> None:
    for number in (errno.EACCES, errno.EPERM, errno.EMFILE, None):
        assert not is_of_the_medium(number)
        assert not is_of_the_place(number)
    assert is_of_the_medium(errno.EIO)
    assert is_of_the_place(errno.ESTALE)
