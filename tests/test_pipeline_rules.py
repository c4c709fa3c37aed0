"""What a pipeline lets one expect, and how images are judged by it: the examples of the manual."""

from __future__ import annotations

import time

import pytest

from pipelines import (
    CHOICE,
    METADATA,
    TWO_LOOPS,
    E,
    L,
    M,
    R,
    T,
    judged,
    missing,
    pipeline,
    split,
    status,
)
from vpo.base.errors import PipelineTooLargeError, TerminationNotFoundError
from vpo.photos.pipeline.expected import enumerate_alternatives, expected_files, key_of
from vpo.photos.pipeline.judge import Judge, file_name
from vpo.photos.pipeline.model import Pipeline
from vpo.photos.pipeline.structure import check

X = "AB3D0001"
ROW_6 = f"{X}.CR3 {X}.XMP {X}-DXO.DNG"
ROW_16 = ROW_6


def edited(*counts: int) -> str:
    """The files of pipeline E, with a TIF for each number of edits."""
    tifs = " ".join(f"{X}-DXO{'-Edit' * count}.TIF" for count in counts)
    return f"{X}.CR3 {X}-DXO.DNG {tifs}"


@pytest.mark.parametrize(
    ("which", "files", "expected", "completion", "lacking"),
    [
        pytest.param(L, f"{X}.dng {X}.xmp {X}.tiff", "CONSISTENT", 100, "", id="1"),
        pytest.param(L, f"{X}.dng {X}.xmp", "PARTIAL", 66.7, f"{X}.tiff", id="2"),
        pytest.param(
            L, f"{X}.dng {X}.xmp {X}.tiff {X}.jpg", "CONSISTENT-WITH-WARNING", 100, "", id="3"
        ),
        pytest.param(L, f"{X}.tiff {X}.jpg", "PARTIAL", 33.3, f"{X}.dng {X}.xmp", id="4"),
        pytest.param(L, f"{X}.jpg", "INCONSISTENT", 0, f"{X}.dng {X}.xmp {X}.tiff", id="5"),
        pytest.param(M, ROW_6, "CONSISTENT", 100, "", id="6"),
        pytest.param(M, f"{X}.CR3 {X}.XMP", "PARTIAL", 66.7, f"{X}-DXO.DNG", id="7"),
        pytest.param(M, f"{X}.CR3 {X}-DXO.DNG", "PARTIAL", 66.7, f"{X}-DXO.XMP", id="8"),
        pytest.param(M, f"{ROW_6} {X}-backup.CR3", "CONSISTENT-WITH-WARNING", 100, "", id="9"),
        pytest.param(
            M, " ".join(f"sub/{name}" for name in ROW_6.split()), "CONSISTENT", 100, "", id="10"
        ),
        pytest.param(M, f"{X}-2.CR3 {X}-2.XMP {X}-2-DXO.DNG", "CONSISTENT", 100, "", id="11"),
        *(
            pytest.param(E, edited(count), "CONSISTENT", 100, "", id=f"12-{count}")
            for count in range(1, 6)
        ),
        pytest.param(E, edited(0), "PARTIAL", 66.7, f"{X}-DXO-Edit.TIF", id="13"),
        pytest.param(E, edited(6), "CONSISTENT-WITH-WARNING", 100, "", id="14-6"),
        pytest.param(E, edited(8), "CONSISTENT-WITH-WARNING", 100, "", id="14-8"),
        pytest.param(E, edited(1, 2), "CONSISTENT", 100, "", id="15"),
        pytest.param(T, ROW_16, "PARTIAL", 60, f"{X}-DXO-Edit.TIF {X}-DXO-Edit-Web.JPG", id="16"),
        pytest.param(
            T, f"{ROW_16} {X}-DXO-Edit.TIF {X}-DXO-Edit-Web.JPG", "CONSISTENT", 100, "", id="17"
        ),
        pytest.param(R, f"{X}.CR3 {X}.XMP", "CONSISTENT", 100, "", id="18-both"),
        pytest.param(R, f"{X}.CR3", "PARTIAL", 50, f"{X}.XMP", id="18-alone"),
        pytest.param(CHOICE, f"{X}.CR3 {X}-BW.TIF", "CONSISTENT", 100, "", id="19"),
    ],
)
def test_the_examples_have_their_status(
    which: Pipeline, files: str, expected: str, completion: float, lacking: str
) -> None:
    assert check(which).errors == []
    verdict = judged(which, files)
    assert status(verdict) == expected
    assert verdict.completion == completion
    assert missing(which, verdict, X) == set(lacking.split())


def test_extra_files_are_those_that_no_alternative_has() -> None:
    assert judged(L, f"{X}.dng {X}.xmp {X}.tiff {X}.jpg").unknown == (((), ".jpg"),)
    assert judged(M, f"{ROW_6} {X}-backup.CR3").unknown == ((("backup",), ".cr3"),)
    assert judged(E, edited(0)).unknown == ((("dxo",), ".tif"),)
    assert judged(E, edited(1, 2)).unknown == ()


def test_a_longer_run_than_the_loop_limit_allows_is_clamped() -> None:
    verdict = judged(E, edited(8))
    assert verdict.truncated == ((("dxo", *["edit"] * 8), ".tif"),)
    assert verdict.unknown == ()
    both = judged(E, edited(5, 8))
    assert both.truncated == verdict.truncated
    assert both.scores["Black Box"].used == verdict.scores["Black Box"].used - set(
        verdict.truncated
    ) | {(("dxo", *["edit"] * 5), ".tif")}


def test_a_loop_of_several_methods_clamps_nothing() -> None:
    loop = pipeline(
        "c: capture -> raw",
        "raw: file .CR3 -> a",
        "a: process A -> b",
        "b: process B -> choice",
        "choice: branching -> tif, a",
        "tif: file .TIF -> end",
        "end: termination",
    )
    assert enumerate_alternatives(loop).longest_runs == {}
    assert status(judged(loop, f"{X}.CR3 {X}-A-A-B.TIF")) == "PARTIAL"


def test_each_termination_is_judged_by_itself() -> None:
    verdict = judged(T, ROW_16)
    assert {label: score.status for label, score in verdict.scores.items()} == {
        "Black Box": 0,
        "Browsable": 2,
    }
    assert verdict.best == 0
    assert verdict.ready_for == ["Black Box"]
    chosen = judged(T, ROW_16, ["Black Box"])
    assert status(chosen) == "CONSISTENT"
    # A file of another termination is known.
    assert judged(T, f"{ROW_16} {X}-DXO-Edit.TIF", ["Black Box"]).unknown == ()
    with pytest.raises(TerminationNotFoundError, match="`Black`"):
        judged(T, ROW_16, ["Black"])


def test_a_preview_lists_the_files_with_their_terminations() -> None:
    files = expected_files(enumerate_alternatives(T))
    assert [(file_name(X, file.key), file.terminations) for file in files] == [
        (f"{X}.CR3", ["Black Box", "Browsable"]),
        (f"{X}-DXO.DNG", ["Black Box", "Browsable"]),
        (f"{X}-DXO.XMP", ["Black Box", "Browsable"]),
        (f"{X}-DXO-Edit.TIF", ["Browsable"]),
        (f"{X}-DXO-Edit-Web.JPG", ["Browsable"]),
    ]
    assert file_name(X, files[1].key, "2") == f"{X}-DXO-2.DNG"


def test_a_pairing_keeps_the_methods_of_each_input_apart() -> None:
    pairing = pipeline(
        "c: capture -> raw, xmp",
        "raw: file .CR3 -> a",
        "a: process A1 -> tif",
        "tif: file .TIF -> pair",
        "xmp: file .XMP -> b",
        "b: process B -> jpg",
        "jpg: file .JPG -> pair",
        "pair: pairing -> last",
        "last: file .PSD -> end",
        "end: termination",
    )
    ((alternative,),) = enumerate_alternatives(pairing).alternatives.values()
    assert {file_name(X, key) for key in alternative.required} == {
        f"{X}.cr3",
        f"{X}-a1.tif",
        f"{X}.xmp",
        f"{X}-b.jpg",
        f"{X}-a1.psd",
    }


def test_a_termination_reached_directly_and_through_a_pairing_has_one_alternative() -> None:
    both = pipeline(
        "c: capture -> raw, xmp",
        "raw: file .CR3 -> pair, done",
        "xmp: file .XMP -> pair",
        "pair: pairing -> tiff",
        "tiff: file .TIFF -> done",
        "done: termination",
    )
    ((alternative,),) = enumerate_alternatives(both).alternatives.values()
    assert len(alternative.required) == 3


def test_the_inputs_of_a_pairing_are_combined_even_below_one_branching() -> None:
    pairing = pipeline(
        "c: capture -> raw",
        "raw: file .CR3 -> choice",
        "choice: branching -> one, two",
        "one: process A, B -> tif",
        "tif: file .TIF -> pair",
        "two: process C, D, '' -> jpg",
        "jpg: file .JPG -> pair",
        "pair: pairing -> end",
        "end: termination",
    )
    (alternatives,) = enumerate_alternatives(pairing).alternatives.values()
    assert len(alternatives) == 6
    assert {len(each.required) for each in alternatives} == {3}


def test_a_loose_file_joins_the_terminations_of_its_siblings() -> None:
    nested = pipeline(
        "c: capture -> raw, note",
        "raw: file .CR3 -> choice, deep",
        "deep: process D -> loose",
        "loose: file .LOG",
        "choice: branching -> one, two",
        "one: file .TIF -> first",
        "two: file .JPG -> second",
        "note: file .TXT?",
        "first: termination",
        "second: termination",
    )
    alternatives = enumerate_alternatives(nested).alternatives
    for label, own in (("first", ".tif"), ("second", ".jpg")):
        (alternative,) = alternatives[label]
        assert alternative.required == {((), ".cr3"), (("d",), ".log"), ((), own)}
        assert alternative.optional == {((), ".txt")}


def test_optional_files_are_never_missing_and_never_extra() -> None:
    optional = pipeline(
        "c: capture -> raw, extra",
        "raw: file .CR3 -> end",
        "extra: file .JPG? -> end",
        "end: termination",
    )
    assert status(judged(optional, f"{X}.CR3")) == "CONSISTENT"
    assert status(judged(optional, f"{X}.CR3 {X}.JPG")) == "CONSISTENT"
    assert status(judged(optional, f"{X}.JPG")) == "INCONSISTENT"


def test_where_nothing_is_required_an_optional_file_is_enough() -> None:
    optional = pipeline(
        "c: capture -> choice",
        "choice: branching -> raw, extra",
        "raw: file .CR3 -> one",
        "extra: file .JPG? -> two",
        "one: termination",
        "two: termination",
    )
    assert judged(optional, f"{X}.JPG").scores["two"].status == 0
    assert judged(optional, f"{X}.JPG").scores["two"].completion == 100
    assert judged(optional, f"{X}.CR3").scores["two"].status == 3


def test_a_classification_is_the_best_status_of_a_complete_image() -> None:
    classified = pipeline(
        "c: capture -> raw",
        "raw: file .CR3 -> tif",
        "tif: file .TIF -> end, again",
        {"id": "end", "type": "termination", "name": "E", "classification": "WARNING"},
        {"id": "again", "type": "termination", "name": "E", "classification": "PARTIAL"},
    )
    assert status(judged(classified, f"{X}.CR3 {X}.TIF")) == "PARTIAL"
    assert judged(classified, f"{X}.CR3 {X}.TIF").missing == []
    assert status(judged(classified, f"{X}.DNG")) == "INCONSISTENT"


def test_one_sidecar_stands_for_several_and_the_longest_name_is_taken_first() -> None:
    two = pipeline(
        "c: capture -> raw",
        "raw: file .CR3 -> a",
        "a: process A -> one, b",
        "one: file .XMP -> end",
        "b: process B -> two",
        "two: file .XMP -> end",
        "end: termination",
    )
    score = judged(two, f"{X}.CR3 {X}.XMP").scores["end"]
    assert (score.status, score.found, len(score.used)) == (0, 3, 2)
    score = judged(two, f"{X}.CR3 {X}.XMP {X}-A.XMP").scores["end"]
    assert score.status == 0
    assert score.used == {((), ".cr3"), (("a",), ".xmp")}
    # A sidecar that could stand for another one is known.
    assert judged(two, f"{X}.CR3 {X}.XMP {X}-A.XMP").unknown == ()


def test_the_project_with_two_loops_is_enumerated_and_judged_fast() -> None:
    expected = enumerate_alternatives(TWO_LOOPS)
    assert {label: len(each) for label, each in expected.alternatives.items()} == {
        "Black Box": 93,
        "Browsable": 4371,
    }
    assert expected.longest_runs == {"edit": 4, "topaz": 4}
    judge = Judge(TWO_LOOPS.graph, expected, METADATA)
    names = [f"{X}.CR3", f"{X}.XMP", f"{X}-XD2.DNG", f"{X}-XD2-Edit-Topaz.TIF"]
    keys = frozenset(key_of(*split(name)[2]) for name in names)
    started = time.process_time()
    assert judge.judge(keys).scores["Black Box"].status == 0
    for _ in range(100_000):
        judge.judge(keys)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "parallel",
    [
        pytest.param(False, id="in-a-row"),
        pytest.param(True, id="side-by-side"),
    ],
)
def test_too_many_alternatives_are_a_clear_error(parallel: bool) -> None:
    digits = ", ".join(f"M{number}" for number in range(10))
    steps = [f"p{step}" for step in range(20)]
    nodes = ["c: capture -> " + (", ".join(steps) if parallel else steps[0])]
    for step, following in zip(steps, [*steps[1:], "end"], strict=True):
        nodes.append(f"{step}: process {digits} -> f{step}")
        nodes.append(f"f{step}: file .{step} -> {'end' if parallel else following}")
    large = pipeline(*nodes, "end: termination")
    started = time.process_time()
    with pytest.raises(PipelineTooLargeError, match="more than 50,000 alternatives"):
        enumerate_alternatives(large)
    assert time.process_time() - started < 10


def test_a_net_of_loops_is_a_clear_error() -> None:
    names = [f"n{number}" for number in range(30)]
    nodes = ["c: capture -> raw", f"raw: file .CR3 -> {names[0]}"]
    nodes += [f"{name}: branching -> {', '.join(names)}, end" for name in names]
    with pytest.raises(PipelineTooLargeError):
        enumerate_alternatives(pipeline(*nodes, "end: termination"))


def test_a_long_pipeline_needs_no_deep_stack() -> None:
    nodes = ["c: capture -> n0"]
    nodes += [f"n{number}: file .A{number} -> n{number + 1}" for number in range(900)]
    (alternatives,) = enumerate_alternatives(
        pipeline(*nodes, "n900: termination")
    ).alternatives.values()
    assert len(alternatives[0].required) == 900
