"""The single paths through a pipeline, for people who look at what they have drawn.

A path takes one output at each node. Images are not judged by paths, but by alternatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vpo.base.errors import PipelineTooLargeError
from vpo.photos.pipeline.expected import MOST_ALTERNATIVES, Key
from vpo.photos.pipeline.model import (
    COUNTED,
    FILE,
    LOOP_LIMIT,
    PAIRING,
    PROCESS,
    TERMINATION,
    Graph,
)

TRUNCATED = "TRUNCATED"
"""The termination of paths that the loop limit ends."""


class Path(NamedTuple):
    """A path from the capture to a termination, or to where the loop limit ends it."""

    nodes: tuple[str, ...]
    termination: str
    """The label, or `TRUNCATED`."""
    files: tuple[Key, ...]
    """With capital letters, each once."""

    @property
    def depth(self) -> int:
        """The number of nodes between the capture and the end."""
        return max(len(self.nodes) - 2, 0)

    @property
    def is_truncated(self) -> bool:
        """Whether the loop limit ends the path."""
        return self.termination == TRUNCATED


class _Walk(NamedTuple):
    nodes: tuple[str, ...]
    methods: tuple[str, ...]
    files: tuple[Key, ...]
    since: int
    """The number of nodes before the last pairing, which are not counted in loops any more."""


def paths(graph: Graph) -> list[Path]:
    """All paths of a valid pipeline, the short ones first. Paths without a termination are left
    out.

    Raises PipelineTooLargeError if there are more than 50,000.
    """
    ways: dict[str, list[_Walk]] = {}
    order = graph.components
    for pairing in sorted(graph.of_type(PAIRING), key=lambda node_id: -order[node_id]):
        second = graph.pair_of(pairing)[1]
        ways[pairing] = [
            walk for walk in _walks(graph, ways) if walk.nodes[-2:] == (second, pairing)
        ]
    found = []
    for walk in _walks(graph, ways):
        last = graph.nodes[walk.nodes[-1]]
        if last.type == TERMINATION:
            found.append(Path(walk.nodes, last.label, walk.files))
        elif last.type != PAIRING:
            found.append(Path(walk.nodes, TRUNCATED, walk.files))
    return sorted(found, key=lambda path: path.depth)


def _walks(graph: Graph, ways: dict[str, list[_Walk]]) -> Iterator[_Walk]:
    """The walks to terminations, to the second inputs of pairings, and to where the loop limit
    ends them. Pairings that `ways` does not have are ends.
    """
    capture = graph.captures[0]
    waiting = [_Walk((capture,), (), (), 0)]
    steps = 0
    while waiting:
        walk = waiting.pop()
        steps += 1
        if steps > 20 * MOST_ALTERNATIVES or len(waiting) > MOST_ALTERNATIVES:
            raise PipelineTooLargeError(
                f"The pipeline has more than {MOST_ALTERNATIVES:,} paths",
                hint="Use fewer methods in one process, or fewer branchings in a row.",
            )
        before = walk.nodes[-1]
        for output in reversed(graph.outputs[before]):
            node = graph.nodes[output]
            nodes = (*walk.nodes, output)
            if node.type == TERMINATION:
                yield walk._replace(nodes=nodes)
            elif node.type in COUNTED and walk.nodes[walk.since :].count(output) == LOOP_LIMIT:
                yield walk
            elif node.type == FILE:
                files = _joined(walk.files, ((walk.methods, node.extension),))
                waiting.append(walk._replace(nodes=nodes, files=files))
            elif node.type == PROCESS:
                for method in dict.fromkeys(map(str, node.methods)):
                    methods = (*walk.methods, method) if method else walk.methods
                    waiting.append(walk._replace(nodes=nodes, methods=methods))
            elif node.type != PAIRING:
                waiting.append(walk._replace(nodes=nodes))
            elif graph.pair_of(output)[1] == before or output not in ways:
                yield walk._replace(nodes=nodes)
            else:
                waiting += [_paired(walk, way, output) for way in ways[output]]


def _paired(walk: _Walk, way: _Walk, pairing: str) -> _Walk:
    others = [node for node in way.nodes[:-1] if node not in walk.nodes]
    nodes = (*walk.nodes, *others, pairing)
    return _Walk(nodes, walk.methods, _joined(walk.files, way.files), len(nodes))


def _joined(files: tuple[Key, ...], more: tuple[Key, ...]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys((*files, *more)))
