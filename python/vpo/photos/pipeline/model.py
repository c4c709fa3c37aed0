"""The graph of a pipeline: its nodes, and the edges between them.

A pipeline may have mistakes: `structure` finds them. What this module tells of a node is what
the node means if it has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

CAPTURE, FILE, PROCESS = "capture", "file", "process"
PAIRING, BRANCHING, TERMINATION = "pairing", "branching", "termination"

TYPES = (CAPTURE, FILE, PROCESS, PAIRING, BRANCHING, TERMINATION)

COUNTED = frozenset({FILE, PROCESS, BRANCHING})
"""The types of nodes that may be entered `LOOP_LIMIT` times on one path."""

LOOP_LIMIT = 5

MOST_NODES = 1000
MOST_EDGES = 10_000

Status: TypeAlias = Literal["CONSISTENT", "CONSISTENT-WITH-WARNING", "PARTIAL", "INCONSISTENT"]

STATUSES: tuple[Status, ...] = ("CONSISTENT", "CONSISTENT-WITH-WARNING", "PARTIAL", "INCONSISTENT")
"""From the best to the worst."""

CONSISTENT, WARNING, PARTIAL, INCONSISTENT = range(4)
"""The places of the statuses in `STATUSES`."""


class Edge(NamedTuple):
    """A way from one node to another."""

    source: str
    target: str

    def to_dict(self) -> dict[str, str]:
        """As the catalogue holds it."""
        return {"from": self.source, "to": self.target}


@dataclass(frozen=True)
class Node:
    """A node, as it was written."""

    id: str
    type: str
    """One of `TYPES`, if the node has no mistake."""
    properties: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As the catalogue holds it."""
        return {"id": self.id, "type": self.type, "properties": dict(self.properties)}

    @property
    def title(self) -> str:
        """What to call it in a drawing."""
        return self._text("name") or self.id

    @property
    def label(self) -> str:
        """What to call a termination in results."""
        return self._text("termination_type") or self._text("name") or self.id

    @property
    def extension(self) -> str:
        """The extension of a file, with its dot."""
        return self._text("extension")

    @property
    def is_optional(self) -> bool:
        """Whether a file may be missing."""
        return self.properties.get("optional") is True

    @property
    def methods(self) -> list[Any]:
        """The methods of a process, one of which is used. An empty one adds nothing to names."""
        methods = self.properties.get("method_ids")
        if methods is None:
            suffix = self.properties.get("suffix")
            methods = suffix[1:] if isinstance(suffix, str) and suffix[:1] == "-" else suffix
        if methods is None or methods == []:
            return [""]
        return list(methods) if isinstance(methods, (list, tuple)) else [methods]

    @property
    def classification(self) -> int | None:
        """The best status that a termination allows. None: it is none of the known words."""
        word = self.properties.get("classification", "CONSISTENT")
        if not isinstance(word, str):
            return None
        word = word.strip().upper().replace("_", "-").replace(" ", "-")
        word = "CONSISTENT-WITH-WARNING" if word == "WARNING" else word
        return STATUSES.index(word) if word in STATUSES else None

    def _text(self, name: str) -> str:
        value = self.properties.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Pipeline:
    """A named graph."""

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    description: str | None = None

    @cached_property
    def graph(self) -> Graph:
        """The graph, with the edges that are implied."""
        return Graph(self.nodes, self.edges)


class Graph:
    """The nodes by id, and their edges. Edges to unknown nodes and repeated ones are left out."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.nodes: dict[str, Node] = {}
        for node in nodes:
            self.nodes.setdefault(node.id, node)
        self.outputs: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        self.inputs: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for source, target in dict.fromkeys(edges):
            if source in self.nodes and target in self.nodes:
                self._add(source, target)
        self.captures = self.of_type(CAPTURE)
        self.terminations = self.of_type(TERMINATION)
        self.implied = self._implied_inputs()
        """The files that have no edge to them and feed a pairing. They hang on the capture."""
        if self.captures:
            for node_id in self.implied:
                self._add(self.captures[0], node_id)

    def of_type(self, kind: str) -> list[str]:
        """The ids of the nodes of a type, in their order."""
        return [node_id for node_id, node in self.nodes.items() if node.type == kind]

    def _add(self, source: str, target: str) -> None:
        self.outputs[source].append(target)
        self.inputs[target].append(source)

    def _implied_inputs(self) -> list[str]:
        return [
            node_id
            for node_id in self.of_type(FILE)
            if not self.inputs[node_id]
            and any(self.nodes[output].type == PAIRING for output in self.outputs[node_id])
        ]

    def pair_of(self, pairing: str) -> list[str]:
        """The inputs of a pairing in their order: as its property `inputs` says, or its edges."""
        inputs = self.nodes[pairing].properties.get("inputs")
        if isinstance(inputs, (list, tuple)) and sorted(map(str, inputs)) == sorted(
            self.inputs[pairing]
        ):
            return [str(each) for each in inputs]
        return self.inputs[pairing]

    def reached_from(self, starts: Sequence[str]) -> set[str]:
        """The nodes to which edges lead from one of the starts, and these."""
        return _reached(starts, self.outputs)

    def leading_to(self, ends: Sequence[str]) -> set[str]:
        """The nodes from which edges lead to one of the ends, and these."""
        return _reached(ends, self.inputs)

    @cached_property
    def components(self) -> dict[str, int]:
        """The number of the strongly connected component of each node.

        An edge never leads from a component to one with a higher number.
        """
        return components(self.nodes, self.outputs)

    @cached_property
    def loops(self) -> list[list[str]]:
        """The nodes of each component that has a cycle, in their order."""
        members: dict[int, list[str]] = {}
        for node_id in self.nodes:
            members.setdefault(self.components[node_id], []).append(node_id)
        return [ids for ids in members.values() if len(ids) > 1 or ids[0] in self.outputs[ids[0]]]


def _reached(starts: Sequence[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    found = set(starts)
    waiting = list(starts)
    while waiting:
        for each in edges[waiting.pop()]:
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def components(nodes: Mapping[str, Any], outputs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The strongly connected component of each node (Tarjan 1972), without recursion.

    Components are numbered in the order in which they are complete: those that are reached
    from a component have lower numbers.
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    found: dict[str, int] = {}
    stack: list[str] = []
    number = 0
    for start in nodes:
        if start in order:
            continue
        walk = [(start, iter(outputs[start]))]
        order[start] = lowest[start] = len(order)
        stack.append(start)
        while walk:
            node, rest = walk[-1]
            for other in rest:
                if other not in nodes:
                    continue
                if other not in order:
                    order[other] = lowest[other] = len(order)
                    stack.append(other)
                    walk.append((other, iter(outputs[other])))
                    break
                if other not in found:
                    lowest[node] = min(lowest[node], order[other])
            else:
                walk.pop()
                if walk:
                    above = walk[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == order[node]:
                    while True:
                        member = stack.pop()
                        found[member] = number
                        if member == node:
                            break
                    number += 1
    return found
