"""Which files a pipeline lets one expect: for each termination, all alternatives.

An alternative is a set of files that an image has when it reached the termination in one of
the possible ways. They are found once for a pipeline, from its graph alone. Each node has
outcomes: what can happen from there on. The outcomes of a node are made of those of its
outputs, so each node is looked at once, and in a loop once for each number of rounds.

To keep the number of outcomes small, each termination is looked at by itself. An outcome then
has the files of that one termination only. The second input of a pairing is looked at in the
same way, before what follows the pairing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, islice
from typing import NamedTuple, TypeAlias

from vpo.base.errors import PipelineTooLargeError
from vpo.base.paths import display
from vpo.photos.pipeline.model import (
    BRANCHING,
    COUNTED,
    FILE,
    LOOP_LIMIT,
    PAIRING,
    PROCESS,
    TERMINATION,
    Graph,
    Pipeline,
    components,
)

MOST_ALTERNATIVES = 50_000

# Bounds for the time and the memory of graphs that have few alternatives but many ways to them.
_MOST_STEPS = 300_000
_MOST_WORK = 3_000_000
_SAMPLE = 64
"""Of so many outcomes, one is looked at to estimate their size."""

Key: TypeAlias = tuple[tuple[str, ...], str]
"""A file of an image: its methods in their order, and its extension. In lower case."""


class Alternative(NamedTuple):
    """The files that an image has when it reached a termination in one way."""

    required: frozenset[Key]
    optional: frozenset[Key]

    @property
    def order(self) -> tuple[int, list[Key]]:
        """Sorts alternatives: those of few files come first."""
        keys = self.required | self.optional
        return len(keys), sorted(keys)


class Expected(NamedTuple):
    """What a pipeline lets one expect."""

    alternatives: dict[str, list[Alternative]]
    """Sorted, by the label of the termination."""
    names: dict[Key, Key]
    """Each file as the pipeline writes it, with capital letters."""
    longest_runs: dict[str, int]
    """For each method of which a loop was cut: how often it follows itself in a name at most."""

    @property
    def keys(self) -> frozenset[Key]:
        """All files of all alternatives."""
        return frozenset(self.names)


def enumerate_alternatives(pipeline: Pipeline) -> Expected:
    """All alternatives of a pipeline that is valid.

    Raises PipelineTooLargeError if there are more than 50,000 at any node, or the graph has too
    many ways.
    """
    graph = pipeline.graph
    capture = graph.captures[0]
    table = _Table()
    ways = _ways_into_pairings(graph, capture, table)
    alternatives: dict[str, list[Alternative]] = {}
    names = _Names(table)
    for label in dict.fromkeys(graph.nodes[node_id].label for node_id in graph.terminations):
        found: dict[Alternative, None] = {}
        for hits, *_ in _Outcomes(graph, label, ways, table).of(capture):
            for _, numbers in hits:
                found[names.alternative(numbers)] = None
        alternatives[label] = sorted(found, key=lambda each: each.order)
    return Expected(alternatives, names.found, _longest_runs(graph, names.found))


class ExpectedFile(NamedTuple):
    """A file that a pipeline produces for an image."""

    key: Key
    """With capital letters."""
    is_optional: bool
    """Whether no alternative requires it."""
    terminations: list[str]
    """The labels of the terminations that have it in an alternative."""


def expected_files(expected: Expected) -> list[ExpectedFile]:
    """All files of all alternatives, those with few methods first."""
    found: dict[Key, tuple[set[str], list[bool]]] = {}
    for label, alternatives in expected.alternatives.items():
        for each in alternatives:
            for keys, is_optional in ((each.required, False), (each.optional, True)):
                for key in keys:
                    labels, kinds = found.setdefault(key, (set(), []))
                    labels.add(label)
                    kinds.append(is_optional)
    return [
        ExpectedFile(
            expected.names[key],
            all(kinds),
            [label for label in expected.alternatives if label in labels],
        )
        for key, (labels, kinds) in sorted(
            found.items(), key=lambda item: (len(item[0][0]), item[0])
        )
    ]


def key_of(methods: Iterable[str], extension: str) -> Key:
    """The key by which files are compared."""
    return tuple(method.lower() for method in methods), extension.lower()


class _File(NamedTuple):
    """A file among outcomes."""

    is_absolute: bool
    """Whether `methods` are all methods. Otherwise those of the nodes before are not there yet."""
    methods: tuple[str, ...]
    extension: str
    is_optional: bool


class _Table:
    """Numbers for files: sets of numbers are much faster than sets of files."""

    def __init__(self) -> None:
        self.files: list[_File] = []
        self._numbers: dict[_File, int] = {}
        self._after: dict[str, dict[int, int]] = {}

    def number(self, file: _File) -> int:
        """The number of a file."""
        number = self._numbers.setdefault(file, len(self.files))
        if number == len(self.files):
            self.files.append(file)
        return number

    def after(self, method: str, numbers: frozenset[int]) -> frozenset[int]:
        """The same files behind a process."""
        known = self._after.setdefault(method, {})
        return frozenset(
            [known[each] if each in known else self._add(known, method, each) for each in numbers]
        )

    def _add(self, known: dict[int, int], method: str, number: int) -> int:
        file = self.files[number]
        if not file.is_absolute:
            number = self.number(file._replace(methods=(method, *file.methods)))
        known[self._numbers[file]] = number
        return number


_Files: TypeAlias = frozenset[int]
_Hit: TypeAlias = tuple["tuple[str, ...] | None", _Files]

# What can happen from a node on. A named tuple would take a third longer to make.
# - the files of the termination that is looked at; or of each arrival at the second input of
#   the pairing that is looked at, with the methods since the node;
# - loose files: they wait for a termination that a sibling reaches. There are none where
#   a termination is reached;
# - whether any termination is reached;
# - for pairings: which way into the second input was taken.
_Outcome: TypeAlias = tuple[frozenset[_Hit], _Files, bool, frozenset[tuple[str, int]]]

_NONE: _Files = frozenset()
_NO_HITS: frozenset[_Hit] = frozenset()
_NO_TAGS: frozenset[tuple[str, int]] = frozenset()
_NOTHING: _Outcome = (_NO_HITS, _NONE, False, _NO_TAGS)
_ELSEWHERE: _Outcome = (_NO_HITS, _NONE, True, _NO_TAGS)
"""Some other termination is reached."""

_REACHED: _Outcome = (frozenset({(None, _NONE)}), _NONE, True, _NO_TAGS)

_State: TypeAlias = tuple[str, tuple[int, ...]]
"""A node, and how often each node of its loop was entered."""


class _Outcomes:
    """The outcomes of nodes with a view to one termination or pairing."""

    def __init__(
        self, graph: Graph, target: str, ways: dict[str, list[_Files]], table: _Table
    ) -> None:
        """`target`: the label of a termination, or the id of a pairing that has no ways yet."""
        self._table = table
        self._graph = graph
        self._target = target
        self._is_pairing = target in graph.nodes and graph.nodes[target].type == PAIRING
        self._is_pairing = self._is_pairing and target not in ways
        self._ways = ways
        self._tagged = {pairing for pairing in ways if self._needs_tags(pairing)}
        self._loop_of = {node_id: loop for loop in graph.loops for node_id in loop}
        self._done: dict[_State, list[_Outcome]] = {}
        self._work = 0
        self._steps = 0

    def _needs_tags(self, pairing: str) -> bool:
        """Whether two arrivals at the first input could disagree about the second one."""
        graph = self._graph
        after = graph.reached_from([pairing])
        ends = [node_id for node_id in after if graph.nodes[node_id].type == TERMINATION]
        matters = (
            self._target in after
            or not ends
            or any(graph.nodes[node_id].label == self._target for node_id in ends)
        )
        return matters and _has_parallel_arrivals(graph, pairing)

    def of(self, start: str) -> list[_Outcome]:
        """The outcomes of the node where images begin."""
        first = self._enter(start, None, ())
        assert first is not None
        waiting = [first]
        while waiting:
            state = waiting[-1]
            if state in self._done:
                waiting.pop()
                continue
            following = self._following(state)
            missing = [each for each in following if each is not None and each not in self._done]
            if missing:
                waiting += missing
                continue
            self._done[state] = self._combine(state, following)
            for each in following:
                # Nothing else leads there, and lists can be long.
                if each is not None and not each[1] and len(self._graph.inputs[each[0]]) == 1:
                    del self._done[each]
            waiting.pop()
        return self._done[first]

    def _following(self, state: _State) -> list[_State | None]:
        """The states after a state. None: the loop limit cuts the way."""
        node, counts = state
        self._steps += 1 + len(self._graph.outputs[node])
        if self._steps > _MOST_STEPS:
            raise _too_large(node, "has too many ways through its loops")
        return [
            self._enter(output, node, counts)
            for output in self._graph.outputs[node]
            if not self._is_second_input(node, output)
        ]

    def _enter(self, node: str, before: str | None, counts: tuple[int, ...]) -> _State | None:
        loop = self._loop_of.get(node)
        if loop is None:
            return node, ()
        if before is None or self._loop_of.get(before) is not loop:
            counts = (0,) * len(loop)
        if self._graph.nodes[node].type not in COUNTED:
            return node, counts
        at = loop.index(node)
        if counts[at] == LOOP_LIMIT:
            return None
        return node, (*counts[:at], counts[at] + 1, *counts[at + 1 :])

    def _is_second_input(self, node: str, output: str) -> bool:
        graph = self._graph
        return graph.nodes[output].type == PAIRING and graph.pair_of(output)[1] == node

    def _combine(self, state: _State, following: Sequence[_State | None]) -> list[_Outcome]:
        """The outcomes of a state, made of those of the states after it."""
        graph, node_id = self._graph, state[0]
        node = graph.nodes[node_id]
        if node.type == TERMINATION:
            is_target = not self._is_pairing and node.label == self._target
            return [_REACHED if is_target else _ELSEWHERE]
        if node.type == PAIRING and node_id not in self._ways:
            return [_ELSEWHERE]  # No way leads from here to the pairing that is looked at.
        parts = [self._done[each] for each in following if each is not None]
        for output in graph.outputs[node_id]:
            if self._is_second_input(node_id, output):
                is_target = self._is_pairing and output == self._target
                hit: _Outcome = (frozenset({((), _NONE)}), _NONE, True, _NO_TAGS)
                parts.append([hit if is_target else _ELSEWHERE])
        parts = [part for part in parts if part]
        if not parts:
            if graph.outputs[node_id] and following:
                return []  # The loop limit cuts all ways.
            after = [_NOTHING]
        elif node.type == BRANCHING:
            after = self._checked(node_id, dict.fromkeys(each for part in parts for each in part))
        else:
            after = parts[0]
            for part in parts[1:]:
                after = self._product(node_id, after, part)
            after = self._checked(node_id, dict.fromkeys(map(_settled, after)))
        if node.type == FILE:
            file = _File(False, (), node.extension, node.is_optional)
            added = frozenset({self._table.number(file)})
            after = [_with(each, added) for each in after]
        elif node.type == PROCESS:
            methods = dict.fromkeys(str(method) for method in node.methods)
            before, after = after, []
            for method in methods:
                after += [self._after(each, method) for each in before]
                after = self._checked(node_id, dict.fromkeys(after))
        elif node.type == PAIRING:
            after = [
                _with(each, way, {(node_id, number)} if node_id in self._tagged else ())
                for number, way in enumerate(self._ways[node_id])
                for each in self._within(node_id, after, len(self._ways[node_id]))
            ]
        return self._checked(node_id, dict.fromkeys(after))

    def _after(self, outcome: _Outcome, method: str) -> _Outcome:
        """The outcome behind a process: names have its method in front."""
        if not method:
            return outcome
        hits, loose, is_ended, tags = outcome
        after = self._table.after
        return (
            frozenset(
                [
                    (key if key is None else (method, *key), after(method, files))
                    for key, files in hits
                ]
            ),
            after(method, loose) if loose else loose,
            is_ended,
            tags,
        )

    def _within(self, node: str, outcomes: list[_Outcome], times: int) -> list[_Outcome]:
        if len(outcomes) * times > _MOST_WORK:
            raise _too_large(node)
        return outcomes

    def _product(self, node: str, left: list[_Outcome], right: list[_Outcome]) -> list[_Outcome]:
        """All happens: every outcome of one output with every outcome of another."""
        found: dict[_Outcome, None] = {}
        by_tags = _by_tags(right).items()
        for tags, own in _by_tags(left).items():
            for other_tags, others in by_tags:
                if tags and other_tags and not _agree(tags, other_tags):
                    continue
                for hits, loose, is_ended, _ in own:
                    for other_hits, other_loose, other_ended, _ in others:
                        both = _merged(hits, other_hits) if hits and other_hits else None
                        merged = (
                            both or hits or other_hits,
                            loose | other_loose,
                            is_ended or other_ended,
                            tags | other_tags,
                        )
                        found[merged] = None
                        self._work += 1
                        if len(found) > MOST_ALTERNATIVES or self._work > _MOST_WORK:
                            raise _too_large(node)
        return list(found)

    def _checked(self, node: str, outcomes: dict[_Outcome, None]) -> list[_Outcome]:
        sample = islice(outcomes, 0, None, _SAMPLE)
        sizes = [len(loose) + sum(len(files) for _, files in hits) for hits, loose, *_ in sample]
        self._work += len(outcomes) * max(sizes, default=0)
        if len(outcomes) > MOST_ALTERNATIVES or self._work > _MOST_WORK:
            raise _too_large(node)
        return list(outcomes)


def _settled(outcome: _Outcome) -> _Outcome:
    """Loose files join the termination that a sibling reaches."""
    hits, loose, is_ended, tags = outcome
    if not (is_ended and loose):
        return outcome
    return frozenset((key, files | loose) for key, files in hits), _NONE, True, tags


def _with(outcome: _Outcome, added: _Files, tag: Collection[tuple[str, int]] = ()) -> _Outcome:
    """The outcome with files that are needed for all that follows."""
    hits, loose, is_ended, tags = outcome
    return (
        frozenset((key, files | added) for key, files in hits),
        loose if is_ended else loose | added,
        is_ended,
        tags.union(tag),
    )


def _merged(left: frozenset[_Hit], right: frozenset[_Hit]) -> frozenset[_Hit]:
    """A termination that both reach has the files of both."""
    found = dict(left)
    for key, files in right:
        found[key] = found[key] | files if key in found else files
    return frozenset(found.items())


def _by_tags(outcomes: list[_Outcome]) -> dict[frozenset[tuple[str, int]], list[_Outcome]]:
    found: dict[frozenset[tuple[str, int]], list[_Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome[3], []).append(outcome)
    return found


def _agree(left: frozenset[tuple[str, int]], right: frozenset[tuple[str, int]]) -> bool:
    """Whether no pairing has another second input in one outcome than in the other."""
    chosen = dict(left)
    return all(chosen.get(pairing, way) == way for pairing, way in right)


def _ways_into_pairings(graph: Graph, capture: str, table: _Table) -> dict[str, list[_Files]]:
    """The files of each way into the second input of each pairing."""
    ways: dict[str, list[_Files]] = {}
    order = graph.components
    for pairing in sorted(graph.of_type(PAIRING), key=lambda node_id: -order[node_id]):
        found: dict[_Files, None] = {}
        for hits, *_ in _Outcomes(graph, pairing, ways, table).of(capture):
            for _, numbers in hits:
                files = [table.files[number]._replace(is_absolute=True) for number in numbers]
                found[frozenset(map(table.number, files))] = None
        ways[pairing] = list(found)
    return ways


def _has_parallel_arrivals(graph: Graph, pairing: str) -> bool:
    """Whether the first input of a pairing can be reached twice in one outcome."""
    first = graph.pair_of(pairing)[0]
    leading = graph.leading_to([first])
    for node_id, node in graph.nodes.items():
        arriving = leading.intersection(graph.outputs[node_id])
        if node.type != BRANCHING and len(arriving) + (node_id == first) > 1:
            return True
    return False


class _Names:
    """Makes alternatives of outcomes, and notes how the pipeline writes each file."""

    def __init__(self, table: _Table) -> None:
        self.found: dict[Key, Key] = {}
        self._table = table
        self._keys: dict[int, tuple[Key, bool]] = {}

    def alternative(self, numbers: _Files) -> Alternative:
        """The files of an outcome. A file that is also required is not optional."""
        files = [self._keys.get(number) or self._add(number) for number in numbers]
        required = frozenset([key for key, is_optional in files if not is_optional])
        optional = frozenset([key for key, is_optional in files if is_optional])
        return Alternative(required, optional - required if optional else optional)

    def _add(self, number: int) -> tuple[Key, bool]:
        file = self._table.files[number]
        name = (file.methods, file.extension)
        key = key_of(*name)
        self.found[key] = min(self.found.get(key, name), name)
        self._keys[number] = key, file.is_optional
        return self._keys[number]


def _longest_runs(graph: Graph, keys: Iterable[Key]) -> dict[str, int]:
    """How often each method follows itself in names, of methods whose loops were cut."""
    longest = dict.fromkeys(_looping_methods(graph), 0)
    if longest:
        for methods, _ in keys:
            for method, run in groupby(methods):
                if method in longest:
                    longest[method] = max(longest[method], len(list(run)))
    return {method: most for method, most in longest.items() if most}


def _looping_methods(graph: Graph) -> set[str]:
    """The methods, in lower case, that a loop can repeat without another one in between.

    Every loop is gone through until the limit cuts it.
    """
    found: set[str] = set()
    for loop in graph.loops:
        offered = {
            node_id: {str(method).lower() for method in graph.nodes[node_id].methods}
            for node_id in loop
            if graph.nodes[node_id].type == PROCESS
        }
        for method in set().union(*offered.values()) - {""}:
            nodes = {
                node_id: None
                for node_id in loop
                if node_id not in offered or offered[node_id] & {method, ""}
            }
            outputs = {
                node_id: [each for each in graph.outputs[node_id] if each in nodes]
                for node_id in nodes
            }
            number = components(nodes, outputs)
            if any(
                method in offered.get(node_id, ()) and number[node_id] == number[other]
                for node_id in nodes
                for other in outputs[node_id]
            ):
                found.add(method)
    return found


def _too_large(node: str, what: str | None = None) -> PipelineTooLargeError:
    what = what or f"allows more than {MOST_ALTERNATIVES:,} alternatives"
    return PipelineTooLargeError(
        f"The pipeline {what}, from the node `{display(node)}` on",
        hint="Use fewer methods in one process, fewer branchings in a row, or fewer parallel"
        " outputs that lead to branchings.",
        node_id=node,
    )
