"""`vpo pipelines`: pipelines are created, checked, changed, restored, imported and exported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from support import Vpo

RAW = {
    "name": "Raw",
    "description": "Raw and sidecar",
    "nodes": [
        {"id": "c", "type": "capture", "properties": {}},
        {"id": "raw", "type": "file", "properties": {"extension": ".CR3"}},
        {"id": "done", "type": "termination", "properties": {"name": "Done"}},
    ],
    "edges": [{"from": "c", "to": "raw"}, {"from": "raw", "to": "done"}],
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a pipeline file: a changed copy of `RAW`, or a text."""

    def write(content: str | None = None, *, to: str = "p.yaml", **changes: Any) -> Path:
        path = tmp_path / to
        text = json.dumps({**RAW, **changes}) if content is None else content
        path.write_text(text)
        return path

    return write


def refused(vpo: Vpo, *words: str | Path) -> dict[str, Any]:
    """The error of a command that is refused, as JSON."""
    run = vpo.run(*words, "--json")
    assert run.status == 2, run
    error: dict[str, Any] = run.json
    assert "Traceback" not in run.stderr
    return error


def ids(problems: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """The types and nodes of problems."""
    return [(each["type"], each["node_id"]) for each in problems]


def test_a_starter_is_created_shown_and_activated(vpo: Vpo) -> None:
    created = vpo.ok("pipelines", "create", "--from", "raw-to-export", "--json").json
    assert created["name"] == "raw-to-export"
    assert (created["version"], created["is_valid"], created["is_active"]) == (1, True, False)
    assert created["validation_errors"] == []
    assert created["nodes"][1] == {"id": "raw", "type": "file", "properties": {"extension": ".CR3"}}
    assert vpo.ok("pipelines", "activate", "raw-to-export", "--json").json["is_active"] is True
    (listed,) = vpo.ok("pipelines", "list", "--json").json
    assert listed == vpo.ok("pipelines", "show", str(created["id"]), "--json").json
    assert "active" in vpo.ok("pipelines", "list").stdout
    assert "done" in vpo.ok("pipelines", "show", "raw-to-export").stdout


@pytest.mark.parametrize("starter", ["archive-and-web", "raw-to-export", "raw-with-sidecar"])
def test_each_starter_is_valid_and_survives_both_forms(
    vpo: Vpo, tmp_path: Path, starter: str
) -> None:
    vpo.ok("pipelines", "create", "--from", starter)
    exported = vpo.ok("pipelines", "export", starter, "--json").json
    for form in ("document", "config"):
        path = tmp_path / f"{form}.yaml"
        vpo.ok("pipelines", "export", starter, "--format", form, "-o", path)
        (copy,) = vpo.ok("pipelines", "import", path, "--rename", form, "--json").json
        assert copy["is_valid"]
        again = vpo.ok("pipelines", "export", form, "--json").json
        assert {**again, "name": starter} == exported


def test_only_one_pipeline_is_active_and_it_cannot_be_deleted(vpo: Vpo, write: Write) -> None:
    for name in ("A", "B"):
        vpo.ok("pipelines", "create", name, "--file", write())
        vpo.ok("pipelines", "activate", name)
    states = {
        each["name"]: each["is_active"] for each in vpo.ok("pipelines", "list", "--json").json
    }
    assert states == {"A": False, "B": True}
    assert refused(vpo, "pipelines", "delete", "B")["code"] == "PIPELINE_ACTIVE"
    vpo.ok("pipelines", "deactivate", "B")
    vpo.ok("pipelines", "delete", "B")
    vpo.ok("pipelines", "delete", "A")
    assert vpo.ok("pipelines", "list", "--json").json == []
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM pipeline_history").fetchone()[0] == 0


def test_each_change_is_a_version_that_can_be_restored(vpo: Vpo, write: Write) -> None:
    vpo.ok("pipelines", "create", "--file", write())
    nodes = [*RAW["nodes"], {"id": "x", "type": "file", "properties": {"extension": ".XMP"}}]
    edges = [*RAW["edges"], {"from": "c", "to": "x"}]
    changed = write(nodes=nodes, edges=edges)
    assert vpo.ok("pipelines", "update", "Raw", "--file", changed, "--json").json["version"] == 2
    # Nothing changes, so there is no new version.
    assert vpo.ok("pipelines", "update", "Raw", "--file", changed, "--json").json["version"] == 2
    vpo.ok("pipelines", "update", "Raw", "--name", "New", "--description", "Other")
    restored = vpo.ok("pipelines", "restore", "New", "1", "--json").json
    assert (restored["version"], restored["nodes"]) == (4, RAW["nodes"])
    versions = vpo.ok("pipelines", "history", "New", "--json").json
    assert [each["version"] for each in versions] == [4, 3, 2, 1]
    assert [each["change_summary"] for each in versions] == [
        "restored version 1",
        "renamed from Raw; changed the description",
        "added x; changed the edges",
        "created",
    ]
    assert vpo.ok("pipelines", "show", "New", "--version", "2", "--json").json["nodes"] == nodes
    old = vpo.ok("pipelines", "export", "New", "--version", "2", "--json").json
    assert old["edges"] == edges
    assert refused(vpo, "pipelines", "restore", "New", "9")["code"] == "PIPELINE_NOT_FOUND"


def test_history_never_changes(vpo: Vpo, write: Write) -> None:
    vpo.ok("pipelines", "create", "--file", write())
    with vpo.sql() as connection, pytest.raises(sqlite3.IntegrityError, match="never changes"):
        connection.execute("UPDATE pipeline_history SET version = 2")


def test_an_update_with_mistakes_deactivates_the_active_pipeline(vpo: Vpo, write: Write) -> None:
    vpo.ok("pipelines", "create", "--file", write())
    vpo.ok("pipelines", "activate", "Raw")
    broken = write(edges=[])
    error = refused(vpo, "pipelines", "update", "Raw", "--file", broken, "--strict")
    assert error["code"] == "PIPELINE_INVALID"
    assert vpo.ok("pipelines", "show", "Raw", "--json").json["is_active"] is True
    updated = vpo.ok("pipelines", "update", "Raw", "--file", broken, "--json").json
    assert (updated["is_active"], updated["is_valid"]) == (False, False)
    assert ids(updated["validation_errors"]) == [
        ("orphaned_node", "raw"),
        ("orphaned_node", "done"),
    ]
    for command in ("activate", "preview", "paths"):
        assert refused(vpo, "pipelines", command, "Raw")["code"] == "PIPELINE_INVALID"


def test_import_adds_all_pipelines_of_a_file_or_none(vpo: Vpo, write: Write) -> None:
    nodes = [
        {"id": "c", "type": "Capture", "output": ["raw"]},
        {"id": "raw", "type": "File", "extension": ".CR3", "output": ["end"]},
        {"id": "end", "type": "Termination", "termination_type": "Archive", "output": None},
    ]
    several = json.dumps({"processing_pipelines": {"A": {"nodes": nodes}, "B": {"nodes": nodes}}})
    path = write(several)
    stored = vpo.ok("pipelines", "import", path, "--json").json
    assert [(each["name"], each["is_valid"]) for each in stored] == [("A", True), ("B", True)]
    assert stored[0]["nodes"][2] == {
        "id": "end",
        "type": "termination",
        "properties": {"termination_type": "Archive"},
    }
    vpo.ok("pipelines", "delete", "A")
    assert refused(vpo, "pipelines", "import", path)["code"] == "PIPELINE_EXISTS"
    assert len(vpo.ok("pipelines", "list", "--json").json) == 1
    again = vpo.ok("pipelines", "import", path, "--replace", "--json").json
    assert [each["version"] for each in again] == [1, 1]
    manual = write(json.dumps({"processing_pipelines": {"nodes": nodes}}))
    assert refused(vpo, "pipelines", "import", manual)["code"] == "BAD_PIPELINE"
    (named,) = vpo.ok("pipelines", "import", manual, "--rename", "C", "--json").json
    assert named["nodes"] == stored[0]["nodes"]


def test_the_order_of_edges_survives_the_form_with_outputs(
    vpo: Vpo, write: Write, tmp_path: Path
) -> None:
    nodes = [
        {"id": "c", "type": "capture", "properties": {"name": "Camera"}},
        {"id": "raw", "type": "file", "properties": {"extension": ".CR3", "output": "kept"}},
        {"id": "xmp", "type": "file", "properties": {"extension": ".XMP"}},
        {"id": "pair", "type": "pairing", "properties": {}},
        {"id": "end", "type": "termination", "properties": {}},
    ]
    pairs = [("xmp", "pair"), ("raw", "pair"), ("c", "raw"), ("c", "xmp"), ("pair", "end")]
    edges = [{"from": source, "to": target} for source, target in pairs]
    vpo.ok("pipelines", "create", "--file", write(nodes=nodes, edges=edges))
    path = tmp_path / "config.yaml"
    vpo.ok("pipelines", "export", "Raw", "--format", "config", "-o", path)
    (copy,) = vpo.ok("pipelines", "import", path, "--rename", "Copy", "--json").json
    assert (copy["nodes"], copy["edges"]) == (nodes, edges)


def test_preview_and_paths_list_files(vpo: Vpo) -> None:
    vpo.ok("pipelines", "create", "--from", "archive-and-web")
    preview = vpo.ok(
        "pipelines",
        "preview",
        "archive-and-web",
        "--camera-id",
        "XY12",
        "--counter",
        "0042",
        "--json",
    ).json
    assert preview["base_filename"] == "XY120042"
    assert preview["expected_files"][0] == {
        "path": "XY120042.CR3",
        "filename": "XY120042.CR3",
        "optional": False,
        "terminations": ["Archive", "Web"],
    }
    found = vpo.ok("pipelines", "paths", "archive-and-web", "--json").json
    assert found["totals"] == {
        "paths": 7,
        "non_truncated": 6,
        "truncated": 1,
        "by_termination": {"Archive": 1, "Web": 5, "TRUNCATED": 1},
    }
    assert found["paths"][0] == {
        "number": 1,
        "nodes": ["capture", "raw", "dng", "archive"],
        "depth": 2,
        "termination": "Archive",
        "expected_files": ["ABCD0001.CR3", "ABCD0001.DNG"],
        "truncated": False,
    }
    vpo.ok("collections", "settings", "set", "cameras", "XY12", '{"name": "X"}')
    found = vpo.ok("pipelines", "paths", "archive-and-web", "--json").json
    assert found["paths"][0]["expected_files"][0] == "XY120001.CR3"
    usage = refused(vpo, "pipelines", "preview", "archive-and-web", "--counter", "0000")
    assert usage["code"] == "USAGE"


def node(node_id: str, kind: str, **properties: Any) -> dict[str, Any]:
    return {"id": node_id, "type": kind, "properties": properties}


def edges(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("from", "to"), pair.split(">"), strict=True)) for pair in pairs]


C, F, END = node("c", "capture"), node("f", "file", extension=".CR3"), node("t", "termination")
LINE = ("c>f", "f>t")


@pytest.mark.parametrize(
    ("nodes", "links", "errors"),
    [
        pytest.param([F], (), [("missing_required_node", None)] * 2, id="one-node"),
        pytest.param(
            [C, node("d", "capture"), F, END],
            (*LINE, "d>f"),
            [("missing_required_node", None)],
            id="two-captures",
        ),
        pytest.param(
            [C, node("f", "file", extension=".CR3", optional=True), END],
            LINE,
            [("missing_required_node", None)],
            id="only-optional",
        ),
        pytest.param([C, F, END], (*LINE, "f>nowhere"), [("invalid_reference", "f")], id="unknown"),
        pytest.param([C, F, F, END], LINE, [("invalid_reference", "f")], id="twice"),
        pytest.param(
            [C, F, node("x", "file", extension=".XMP"), END],
            LINE,
            [("orphaned_node", "x")],
            id="orphan",
        ),
        pytest.param(
            [C, F, node("p", "process"), node("q", "process"), END],
            (*LINE, "f>p", "p>q", "q>p"),
            [("cycle_detected", "p")],
            id="endless",
        ),
        pytest.param(
            [C, F, END],
            (*LINE, "t>c"),
            [("invalid_property", "c"), ("invalid_property", "t")],
            id="around",
        ),
        pytest.param(
            [C, node("f", "file", extension="CR3"), END],
            LINE,
            [("invalid_property", "f")],
            id="dot",
        ),
        pytest.param(
            [C, F, node("p", "process", method_ids=["a-b", "12"]), END],
            (*LINE, "f>p", "p>t"),
            [("invalid_property", "p")],
            id="methods",
        ),
        pytest.param(
            [C, F, node("p", "pairing", inputs=["f", "c"], input_count=3), END],
            (*LINE, "f>p", "p>t"),
            [("invalid_property", "p")],
            id="pairing",
        ),
        pytest.param(
            [C, F, node("p", "pairing"), node("b", "branching"), END],
            (*LINE, "f>p", "b>p", "p>b", "b>t"),
            [("invalid_property", "p")],
            id="pairing-in-a-loop",
        ),
        pytest.param(
            [node("c", "capture", camera_id_pattern="[", filename_regex="(.*)"), F, END],
            LINE,
            [("invalid_property", "c")],
            id="patterns",
        ),
        pytest.param(
            [C, F, node("z", "magic"), END], (*LINE, "f>z"), [("invalid_property", "z")], id="type"
        ),
    ],
)
def test_each_mistake_is_an_error_at_its_node(
    vpo: Vpo,
    write: Write,
    nodes: list[dict[str, Any]],
    links: tuple[str, ...],
    errors: list[tuple[str, str | None]],
) -> None:
    path = write(nodes=nodes, edges=edges(*links))
    run = vpo.run("pipelines", "validate", path, "--json")
    assert run.status == 1
    assert run.json["is_valid"] is False
    assert ids(run.json["errors"]) == errors
    assert all(each["message"] and each["suggestion"] for each in run.json["errors"])
    text = vpo.run("pipelines", "validate", path)
    assert text.status == 1
    assert text.stdout.count("Error:") == len(errors)


def test_warnings_leave_a_pipeline_valid(vpo: Vpo, write: Write) -> None:
    nodes = [
        C,
        F,
        node("x", "file", extension=".XMP"),
        node("pair", "pairing", inputs=["f", "x"]),
        node("b", "branching"),
        node("p", "process", method_ids=["Edit"]),
        node("t", "termination", classification="perfect"),
        node("u", "termination"),
    ]
    links = edges("c>f", "f>pair", "x>pair", "pair>b", "b>t", "f>p", "c>u")
    vpo.ok("pipelines", "import", write(nodes=nodes, edges=links))
    checked = vpo.ok("pipelines", "validate", "Raw", "--json").json
    assert checked["is_valid"] is True
    assert sorted(ids(checked["warnings"])) == [
        ("dead_end", "p"),
        ("empty_termination", "u"),
        ("few_outputs", "b"),
        ("implied_edge", "x"),
        ("unknown_classification", "t"),
        ("unknown_method", "p"),
    ]


def many(count: int) -> str:
    nodes = "\n".join(f"- {{id: n{number}, type: file}}" for number in range(count))
    return f"name: P\nnodes:\n{nodes}\n"


def test_alternatives_without_bound_make_a_pipeline_invalid(vpo: Vpo, write: Write) -> None:
    nodes = [C, F]
    links = ["c>f", "f>p0"]
    for number in range(12):
        methods = [f"M{number}x{each}" for each in range(9)]
        nodes.append(node(f"p{number}", "process", method_ids=methods))
        links.append(f"p{number}>{'g' if number == 11 else f'p{number + 1}'}")
    nodes += [node("g", "file", extension=".TIF"), END]
    path = write(nodes=nodes, edges=edges(*links, "g>t"))
    run = vpo.run("pipelines", "validate", path, "--json")
    assert run.status == 1
    assert [each["type"] for each in run.json["errors"]] == ["too_many_alternatives"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("- a\n- b\n", id="list"),
        pytest.param("name: [", id="not-yaml"),
        pytest.param("name: P\nname: Q\nnodes: []\n", id="key-twice"),
        pytest.param("name: P\nnodes: &a [{id: x, type: file}]\nmore: *a\n", id="alias"),
        pytest.param("name: P\nnodes: []\n", id="no-nodes"),
        pytest.param("nodes: [{id: x, type: file}]\n", id="no-name"),
        pytest.param("name: 12\nnodes: [{id: x, type: file}]\n", id="name-is-a-number"),
        pytest.param("name: P\nnodes: [{id: 1, type: file}]\n", id="id-is-a-number"),
        pytest.param("name: P\nnodes: [{id: x}]\n", id="no-type"),
        pytest.param("name: P\nnodes: [x]\n", id="node-is-text"),
        pytest.param("name: P\nnodes: [{id: x, type: file, day: 2020-01-01}]\n", id="date"),
        pytest.param("name: P\nnodes: [{id: x, type: file, n: .nan}]\n", id="not-a-number"),
        pytest.param("name: P\nnodes: [{id: x, type: file, output: 5}]\n", id="output"),
        pytest.param("name: P\nnodes: [{id: x, type: file}]\nedges: [x]\n", id="edge"),
        pytest.param('name: "a\\ud800"\nnodes: [{id: x, type: file}]\n', id="half-a-character"),
        pytest.param("a: " * 50 + "\n", id="nested-keys"),
        pytest.param("[" * 5000, id="nested"),
        pytest.param("!!python/object:os.system {}\n", id="object"),
        pytest.param("\x00\x01", id="binary"),
        pytest.param("processing_pipelines: {}\n", id="no-pipelines"),
        pytest.param(many(10_000), id="10000-nodes"),
    ],
)
def test_a_file_that_is_no_pipeline_is_one_clear_error(vpo: Vpo, write: Write, text: str) -> None:
    path = write(text)
    error = refused(vpo, "pipelines", "import", path)
    assert error["code"] == "BAD_PIPELINE"
    assert error["message"].startswith("p.yaml: ")
    assert "\n" not in error["message"]
    assert error["hint"]
    if "name: " in text or "nodes" not in text:
        assert refused(vpo, "pipelines", "validate", path)["code"] == "BAD_PIPELINE"


def test_names_are_unique_and_bounded(vpo: Vpo, write: Write) -> None:
    vpo.ok("pipelines", "create", "--file", write())
    assert refused(vpo, "pipelines", "create", "--file", write())["code"] == "PIPELINE_EXISTS"
    long = refused(vpo, "pipelines", "create", "x" * 256, "--file", write())
    assert long["code"] == "BAD_PIPELINE"
    assert refused(vpo, "pipelines", "show", "Other")["code"] == "PIPELINE_NOT_FOUND"
    assert refused(vpo, "pipelines", "create", "--from", "x")["code"] == "PIPELINE_NOT_FOUND"
    assert refused(vpo, "pipelines", "create")["code"] == "USAGE"


def test_json_files_are_read_as_well(vpo: Vpo, write: Write) -> None:
    path = write(json.dumps(RAW), to="p.json")
    (stored,) = vpo.ok("pipelines", "import", path, "--json").json
    assert stored["nodes"] == RAW["nodes"]


def test_a_pipeline_that_somebody_else_damaged_is_a_clear_error(vpo: Vpo, write: Write) -> None:
    path = write()
    vpo.ok("pipelines", "create", "--file", path)
    for damage, code in (("[{]", "LIBRARY_DAMAGED"), ('[{"id": 5}]', "BAD_PIPELINE")):
        with vpo.sql() as connection:
            connection.execute("UPDATE pipelines SET nodes_json = ?", (damage,))
        for command in ("export", "preview", "validate"):
            assert refused(vpo, "pipelines", command, "Raw")["code"] == code
        vpo.run("pipelines", "list", "--json")
        (stored,) = vpo.ok("pipelines", "import", path, "--replace", "--json").json
        assert stored["nodes"] == RAW["nodes"]


def test_a_pipeline_is_drawn_in_the_terminal_and_as_a_picture(vpo: Vpo, tmp_path: Path) -> None:
    vpo.ok("pipelines", "create", "--from", "archive-and-web")
    text = vpo.ok("pipelines", "show", "archive-and-web", "--graph").stdout
    assert text.splitlines()[-4:] == [
        "(capture) ┬─ [raw .CR3] ── [dng .DNG] ┬─ ((Archive))",
        "          │                           └─ <Edit> ── <?again?> ┬─ [tif .TIF] ── <Web> ──"
        " [jpg .JPG] ── ((Web))",
        "          │                                                  └─ → <Edit>",
        "          └─ [sidecar .XMP]",
    ]
    assert "└─ → <Edit>" in text
    path = tmp_path / "picture.svg"
    vpo.ok("pipelines", "show", "archive-and-web", "--svg", path)
    picture = ElementTree.parse(path).getroot()
    names = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert len(names) == 11
    assert "raw .CR3" in names
    assert refused(vpo, "pipelines", "show", "archive-and-web", "--svg", path)["code"] == (
        "OUTPUT_EXISTS"
    )


def test_hostile_names_are_escaped_in_a_picture(vpo: Vpo, write: Write, tmp_path: Path) -> None:
    nodes = [C, F, node("t", "termination", name='"><script>&')]
    vpo.ok("pipelines", "create", "--file", write(nodes=nodes, edges=edges(*LINE)))
    path = tmp_path / "picture.svg"
    vpo.ok("pipelines", "show", "Raw", "--svg", path)
    assert not list(ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}script"))
    assert "<script" not in path.read_text()
