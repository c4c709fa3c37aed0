"""Enumeration and judging agree with a slow model that follows the rules word by word."""

from __future__ import annotations

import random

import pytest

from pipeline_model import Model, TooMuchError
from pipelines import METADATA
from vpo.photos.pipeline.expected import Key, enumerate_alternatives
from vpo.photos.pipeline.judge import Judge
from vpo.photos.pipeline.model import STATUSES, Edge, Node, Pipeline
from vpo.photos.pipeline.structure import check

EXTENSIONS = (".CR3", ".xmp", ".TIF", ".JPG")
METHODS = ("A", "B", "Edit", "")
PIPELINES_PER_SEED = 100


def random_pipeline(chance: random.Random) -> Pipeline:
    """A pipeline of a few nodes, mostly valid."""
    kinds = ["file", "file", "process", "branching", "pairing"]
    nodes = [Node("c", "capture"), Node("n0", "file", {"extension": ".CR3"})]
    for number in range(1, chance.randint(2, 8)):
        kind = chance.choice(kinds)
        properties: dict[str, object] = {}
        if kind == "file":
            properties["extension"] = chance.choice(EXTENSIONS)
            properties["optional"] = chance.random() < 0.2
        elif kind == "process":
            properties["method_ids"] = chance.sample(METHODS, chance.randint(1, 2))
        nodes.append(Node(f"n{number}", kind, properties))
    inner = nodes[1:]
    ends = [
        Node(f"t{number}", "termination", {"name": chance.choice("XYZ")})
        for number in range(chance.randint(1, 2))
    ]
    edges = [Edge("c", "n0")]
    for at, node in enumerate(inner):
        later = [each.id for each in (*inner[at + 1 :], *ends)]
        wanted = chance.choice((0, 1, 1, 2)) if node.type == "file" else chance.randint(1, 2)
        for target in chance.sample(later, min(wanted, len(later))):
            edges.append(Edge(node.id, target))
        if chance.random() < (0.6 if node.type == "branching" else 0.2):
            edges.append(Edge(node.id, chance.choice(inner[: at + 1]).id))
    # What nothing leads to hangs on the node before it.
    reached = {edge.target for edge in edges}
    for before, node in zip((nodes[0], *inner), (*inner, *ends), strict=False):
        if node.id not in reached and before.type != "termination":
            edges.append(Edge(before.id, node.id))
    for node in inner:
        if node.type == "pairing":
            sources = [edge.source for edge in edges if edge.target == node.id]
            earlier = [each.id for each in nodes[: nodes.index(node)] if each.id not in sources]
            if len(sources) == 1 and earlier:
                edges.append(Edge(chance.choice(earlier), node.id))
    return Pipeline("P", (*nodes, *ends), tuple(dict.fromkeys(edges)))


def name_of(key: Key) -> str:
    """A key as the model writes it."""
    return "".join(f"-{method}" for method in key[0]) + key[1]


def random_image(chance: random.Random, model: Model) -> list[str]:
    """Files, most of them of an alternative."""
    known = sorted({each for found in model.alternatives.values() for each in found}, key=sorted_)
    files: set[str] = set()
    if known:
        files |= {name for part in chance.choice(known) for name in part if chance.random() < 0.8}
    for _ in range(chance.randint(0, 2)):
        methods = [m.lower() for m in METHODS if m and chance.random() < 0.3]
        if chance.random() < 0.3:
            methods += ["edit"] * chance.randint(1, 8)
        extension = chance.choice(EXTENSIONS).lower()
        files.add("".join(f"-{method}" for method in methods) + extension)
    return sorted(files)


def sorted_(alternative: tuple[frozenset[str], frozenset[str]]) -> list[list[str]]:
    """Something to sort alternatives by."""
    return [sorted(part) for part in alternative]


@pytest.mark.parametrize("seed", range(12))
def test_enumeration_and_judging_agree_with_the_model(seed: int) -> None:
    chance = random.Random(seed)
    compared = 0
    while compared < PIPELINES_PER_SEED:
        pipeline = random_pipeline(chance)
        if not check(pipeline).is_valid:
            continue
        try:
            model = Model(pipeline)
        except TooMuchError:
            continue
        compared += 1
        expected = enumerate_alternatives(pipeline)
        found = {
            label: {
                (frozenset(map(name_of, each.required)), frozenset(map(name_of, each.optional)))
                for each in alternatives
            }
            for label, alternatives in expected.alternatives.items()
        }
        assert found == model.alternatives, pipeline
        assert expected.longest_runs == {
            method: model.longest_run(method)
            for method in model.truncated
            if model.longest_run(method)
        }, pipeline
        if not any(model.alternatives.values()):
            continue
        judge = Judge(pipeline.graph, expected, METADATA)
        for _ in range(10):
            files = random_image(chance, model)
            verdict = judge.judge(frozenset(map(key_of_name, files)))
            judged = {
                label: (STATUSES[score.status], frozenset(map(name_of, score.missing)))
                for label, score in verdict.scores.items()
            }
            assert judged == model.judge(files), (pipeline, files)


def key_of_name(name: str) -> Key:
    """The key of a name as the model writes it."""
    stem, _, extension = name.rpartition(".")
    return tuple(stem.split("-")[1:]), f".{extension}"
