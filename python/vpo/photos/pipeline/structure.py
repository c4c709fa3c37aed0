"""Checks of the structure of a pipeline: mistakes, with which it cannot be used, and warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from vpo.base.paths import display
from vpo.photos.pipeline.model import (
    BRANCHING,
    CAPTURE,
    FILE,
    PAIRING,
    PROCESS,
    STATUSES,
    TERMINATION,
    TYPES,
    Graph,
    Node,
    Pipeline,
)

MANY_NODES = 100

MOST_PATTERN = 200
"""Characters in a pattern for cameras or counters."""

_EXTENSION = re.compile(r"\.[A-Za-z0-9]+")
_METHOD = re.compile(r"[A-Za-z0-9 _]+")
_TEXTS = ("name", "termination_type", "condition", "value", "condition_description")


class Problem(NamedTuple):
    """A mistake or a warning."""

    type: str
    message: str
    node_id: str | None
    suggestion: str

    def to_dict(self) -> dict[str, str | None]:
        """As JSON, and as the catalogue holds it."""
        return self._asdict()


class Structure(NamedTuple):
    """What was found in a pipeline."""

    errors: list[Problem]
    warnings: list[Problem]

    @property
    def is_valid(self) -> bool:
        """Whether the pipeline can be used."""
        return not self.errors


def check(pipeline: Pipeline, processing_methods: Collection[str] | None = None) -> Structure:
    """Checks a pipeline. `processing_methods`: those in the settings; None: do not compare."""
    graph = pipeline.graph
    errors = [
        *_required(graph),
        *_references(pipeline, graph),
        *_orphans(graph),
        *_cycles(graph),
        *_invalid(graph),
    ]
    warnings = [*_warnings(pipeline, graph), *_methods(graph, processing_methods)]
    return Structure(_one_each(errors), warnings)


def _one_each(problems: list[Problem]) -> list[Problem]:
    """One problem of each type for each node, with all messages."""
    found: dict[tuple[str, str | None], Problem] = {}
    for problem in problems:
        key = (problem.type, problem.node_id)
        if problem.node_id is None or key not in found:
            found[key if problem.node_id else (problem.message, None)] = problem
        else:
            before = found[key]
            found[key] = before._replace(message=f"{before.message}; {problem.message}")
    return list(found.values())


def _required(graph: Graph) -> Iterator[Problem]:
    def missing(message: str, suggestion: str) -> Problem:
        return Problem("missing_required_node", message, None, suggestion)

    if not graph.captures:
        yield missing(
            "the pipeline has no capture node", "Add a node of type `capture`, where images begin."
        )
    elif len(graph.captures) > 1:
        yield missing(f"the pipeline has {len(graph.captures)} capture nodes", "Keep one of them.")
    if not graph.terminations:
        yield missing(
            "the pipeline has no termination node",
            "Add a node of type `termination`, where an image is complete.",
        )
    if all(graph.nodes[node_id].is_optional for node_id in graph.of_type(FILE)):
        yield missing(
            "the pipeline requires no file", "Add a node of type `file` that is not optional."
        )


def _references(pipeline: Pipeline, graph: Graph) -> Iterator[Problem]:
    for node_id, count in Counter(node.id for node in pipeline.nodes).items():
        if count > 1:
            yield Problem(
                "invalid_reference",
                f"{count} nodes have this id",
                node_id,
                "Give each node its own id.",
            )
    for source, target in dict.fromkeys(pipeline.edges):
        unknown = [node_id for node_id in (source, target) if node_id not in graph.nodes]
        if unknown:
            known = [node_id for node_id in (source, target) if node_id in graph.nodes]
            direction = "from" if source in unknown else "to"
            yield Problem(
                "invalid_reference",
                f"an edge leads {direction} `{display(unknown[0])}`, which is no node"
                + (f", and to `{display(target)}`, which is none either" if unknown[1:] else ""),
                known[0] if known else None,
                _similar(unknown[0], graph.nodes),
            )


def _similar(name: str, known: Collection[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"Did you mean `{display(close[0])}`?"
    return "Remove the edge, or add the node."


def _orphans(graph: Graph) -> Iterator[Problem]:
    if not graph.captures:
        return
    reached = graph.reached_from(graph.captures)
    for node_id in graph.nodes:
        if node_id not in reached:
            yield Problem(
                "orphaned_node",
                "no edges lead from the capture to this node",
                node_id,
                "Add an edge to it, or remove the node.",
            )


def _cycles(graph: Graph) -> Iterator[Problem]:
    ending = graph.leading_to(graph.terminations)
    for loop in graph.loops:
        if not ending.intersection(loop):
            yield Problem(
                "cycle_detected",
                f"no termination can be reached from the loop {_listed(loop)}",
                loop[0],
                "Add a branching node to the loop, with an output that leads to a termination.",
            )


def _listed(ids: list[str], most: int = 5) -> str:
    shown = ", ".join(f"`{display(node_id)}`" for node_id in ids[:most])
    return shown if len(ids) <= most else f"{shown} and {len(ids) - most} more"


def _invalid(graph: Graph) -> Iterator[Problem]:
    looping = {node_id for loop in graph.loops for node_id in loop}
    for node_id, node in graph.nodes.items():
        for message, suggestion in _mistakes(graph, node, is_looping=node_id in looping):
            yield Problem("invalid_property", message, node_id, suggestion)


def _mistakes(graph: Graph, node: Node, *, is_looping: bool) -> Iterator[tuple[str, str]]:
    for key in _TEXTS:
        if not isinstance(node.properties.get(key, ""), str):
            yield f"`{key}` must be text", "Write it in quotes."
    if node.type == CAPTURE:
        yield from _capture_mistakes(graph, node)
    elif node.type == FILE:
        yield from _file_mistakes(node)
    elif node.type == PROCESS:
        yield from _process_mistakes(node)
    elif node.type == PAIRING:
        yield from _pairing_mistakes(graph, node, is_looping=is_looping)
    elif node.type == TERMINATION:
        if graph.outputs[node.id]:
            yield "a termination has no outputs", "Remove the edges from it."
        if not isinstance(node.properties.get("classification", ""), str):
            yield "`classification` must be text", f"Use one of {', '.join(STATUSES)}."
    elif node.type != BRANCHING:
        yield f"`{display(node.type)}` is no type of node", f"Use one of {', '.join(TYPES)}."


def _capture_mistakes(graph: Graph, node: Node) -> Iterator[tuple[str, str]]:
    if graph.inputs[node.id]:
        yield "an edge leads into the capture", "Let the edge lead to the node after the capture."
    for key in ("camera_id_pattern", "counter_pattern", "filename_regex"):
        pattern = node.properties.get(key)
        if pattern is None:
            continue
        problem = _pattern_problem(pattern, groups=2 if key == "filename_regex" else None)
        if problem:
            yield f"`{key}` {problem}", "Correct the regular expression, or leave it out."
    if str(node.properties.get("camera_id_group", "1")) not in ("1", "2"):
        yield "`camera_id_group` must be 1 or 2", "Write 1 if the camera is in the first group."
    if not isinstance(node.properties.get("sample_filename", ""), str):
        yield "`sample_filename` must be text", "Write it in quotes."


def _pattern_problem(pattern: Any, *, groups: int | None) -> str | None:
    if not isinstance(pattern, str):
        return "must be text"
    if len(pattern) > MOST_PATTERN:
        return f"has more than {MOST_PATTERN} characters"
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {display(str(error))}"
    if groups is not None and compiled.groups != groups:
        return f"must have exactly {groups} groups, and has {compiled.groups}"
    return None


def _file_mistakes(node: Node) -> Iterator[tuple[str, str]]:
    extension = node.properties.get("extension")
    if not isinstance(extension, str) or not _EXTENSION.fullmatch(extension):
        yield (
            "`extension` must be a dot and letters or digits",
            "Write it like `.dng`.",
        )
    if not isinstance(node.properties.get("optional", False), bool):
        yield "`optional` must be true or false", "Write `true` or `false` without quotes."


def _process_mistakes(node: Node) -> Iterator[tuple[str, str]]:
    for method in node.methods:
        if not isinstance(method, str):
            yield (
                f"the method {display(str(method)[:50])} must be text",
                "Write it in quotes.",
            )
        elif method and (not _METHOD.fullmatch(method) or not method.strip() or method.isdigit()):
            yield (
                f"no file name can have the method `{display(method)}`",
                "A method has letters, digits, spaces and underscores, and not only digits.",
            )


def _pairing_mistakes(graph: Graph, node: Node, *, is_looping: bool) -> Iterator[tuple[str, str]]:
    incoming = graph.inputs[node.id]
    if len(incoming) != 2:
        yield (
            f"a pairing joins exactly 2 nodes, and edges lead to it from {len(incoming)}",
            "Join more files with one pairing after the other.",
        )
    if is_looping:
        yield "a pairing cannot be in a loop", "Let the loop begin after the pairing."
    inputs = node.properties.get("inputs")
    if inputs is not None and (
        not isinstance(inputs, list)
        or not all(isinstance(each, str) for each in inputs)
        or sorted(inputs) != sorted(incoming)
    ):
        yield (
            f"`inputs` must name the nodes from which edges lead here: {_listed(incoming)}",
            "Correct `inputs`, or leave it out.",
        )
    count = node.properties.get("input_count")
    if count is not None and (isinstance(count, bool) or count != len(incoming)):
        yield (
            f"`input_count` is {display(str(count)[:50])}, and {len(incoming)} edges lead here",
            "Correct `input_count`, or leave it out.",
        )


def _warnings(pipeline: Pipeline, graph: Graph) -> Iterator[Problem]:
    if len(pipeline.nodes) > MANY_NODES:
        yield Problem(
            "many_nodes",
            f"the pipeline has {len(pipeline.nodes)} nodes",
            None,
            f"Pipelines of at most {MANY_NODES} nodes are easier to understand.",
        )
    for node_id in graph.implied:
        if graph.captures:
            yield Problem(
                "implied_edge",
                "no edge leads to this file, so it counts as an output of the capture",
                node_id,
                f"Add an edge from `{display(graph.captures[0])}` to it.",
            )
    with_files = graph.reached_from(graph.of_type(FILE))
    for node_id, node in graph.nodes.items():
        outputs = graph.outputs[node_id]
        if node.type == BRANCHING and len(outputs) < 2:
            yield Problem(
                "few_outputs",
                f"a branching has a choice, and this one has {len(outputs)} outputs",
                node_id,
                "Add outputs, or remove the node.",
            )
        elif not outputs and node.type in (CAPTURE, PROCESS, PAIRING):
            yield Problem(
                "dead_end",
                "nothing follows this node",
                node_id,
                "Add an output, or remove the node.",
            )
        if node.type != TERMINATION:
            continue
        if node_id not in with_files:
            yield Problem(
                "empty_termination",
                "no file comes before this termination",
                node_id,
                "Add a file on the way to it.",
            )
        if node.classification is None:
            yield Problem(
                "unknown_classification",
                "the classification is no status, so it counts as CONSISTENT",
                node_id,
                f"Use one of {', '.join(STATUSES)}.",
            )


def _methods(graph: Graph, known: Collection[str] | None) -> Iterator[Problem]:
    if known is None:
        return
    lower = {method.lower() for method in known}
    for node_id in graph.of_type(PROCESS):
        for method in graph.nodes[node_id].methods:
            if isinstance(method, str) and method and method.lower() not in lower:
                yield Problem(
                    "unknown_method",
                    f"the settings do not know the method `{display(method)}`",
                    node_id,
                    f"Describe it: `vpo collections settings set processing_methods"
                    f" '{display(method)}' 'DESCRIPTION'`.",
                )
