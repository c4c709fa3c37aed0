"""A slow and plain model of pipelines: it follows the rules word by word, and remembers nothing.

It shares no code with the program but the reading of pipelines. Files are written as names
without camera and counter (`-A-B.TIF`), in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, product

from vpo.photos.pipeline.model import Node, Pipeline

MOST = 300
"""Alternatives, beyond which the model gives up."""
MOST_STEPS = 5_000

ORDER = ["CONSISTENT", "CONSISTENT-WITH-WARNING", "PARTIAL", "INCONSISTENT"]

Way = frozenset[tuple[str, bool]]


class TooMuchError(Exception):
    """The pipeline is too large for this model."""


@dataclass
class Outcome:
    """What happens from a node on, in one alternative."""

    ends: dict[str, set[tuple[str, bool]]] = field(default_factory=dict)
    """The files (with whether each is optional) by the label of the termination."""
    arrivals: dict[tuple[str, tuple[str, ...]], set[tuple[str, bool]]] = field(default_factory=dict)
    """The same by the pairing whose second input is reached, and the methods until there."""
    loose: set[tuple[str, bool]] = field(default_factory=set)
    is_elsewhere: bool = False
    """Whether a pairing was reached that is not understood yet."""

    def has_any(self) -> bool:
        return bool(self.ends or self.arrivals or self.is_elsewhere)

    def all(self) -> Iterator[set[tuple[str, bool]]]:
        yield from self.ends.values()
        yield from self.arrivals.values()

    def add(self, file: tuple[str, bool]) -> None:
        for files in self.all():
            files.add(file)
        if not self.has_any():
            self.loose.add(file)

    def copy(self) -> Outcome:
        return Outcome(
            {key: set(files) for key, files in self.ends.items()},
            {key: set(files) for key, files in self.arrivals.items()},
            set(self.loose),
            self.is_elsewhere,
        )


def label_of(node: Node) -> str:
    properties = node.properties
    return str(properties.get("termination_type") or properties.get("name") or node.id)


def methods_of(node: Node) -> list[str]:
    return list(dict.fromkeys(node.properties.get("method_ids") or [""]))


class Model:
    """All alternatives of a pipeline, and the judgement of images."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.nodes = {node.id: node for node in pipeline.nodes}
        self.outputs: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        self.inputs: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for source, target in pipeline.edges:
            if target not in self.outputs[source]:
                self.outputs[source].append(target)
                self.inputs[target].append(source)
        (capture,) = [node_id for node_id, node in self.nodes.items() if node.type == "capture"]
        for node_id, node in self.nodes.items():
            feeds = any(self.nodes[target].type == "pairing" for target in self.outputs[node_id])
            if node.type == "file" and not self.inputs[node_id] and feeds:
                self.outputs[capture].append(node_id)
                self.inputs[node_id].append(capture)
        self.truncated: set[str] = set()
        self.steps = 0
        self.ways: dict[str, list[Way]] = {}
        for pairing in self.pairings_in_order():
            found = {
                frozenset(files)
                for outcome in self.everything(capture)
                for (reached, _), files in outcome.arrivals.items()
                if reached == pairing
            }
            self.ways[pairing] = list(found)
        labels = [label_of(n) for n in self.nodes.values() if n.type == "termination"]
        self.alternatives: dict[str, set[tuple[frozenset[str], frozenset[str]]]] = {
            label: set() for label in labels
        }
        for outcome in self.everything(capture):
            for label, files in outcome.ends.items():
                required = frozenset(name for name, optional in files if not optional)
                optional = frozenset(name for name, optional in files if optional) - required
                self.alternatives[label].add((required, optional))

    def pairings_in_order(self) -> list[str]:
        """Those from which others are reached come first."""
        pairings = [node_id for node_id, node in self.nodes.items() if node.type == "pairing"]
        return sorted(pairings, key=lambda node_id: -len(self.after(node_id) & set(pairings)))

    def after(self, start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            for each in self.outputs[waiting.pop()]:
                if each not in found:
                    found.add(each)
                    waiting.append(each)
        return found

    def everything(self, capture: str) -> Iterator[Outcome]:
        """All alternatives, for each choice of a way into each pairing."""
        count = 0
        for ways in product(*self.ways.values()):
            self.chosen = dict(zip(self.ways, ways, strict=True))
            found = self.walk(capture, (), [])
            count += len(found)
            if count > MOST:
                raise TooMuchError
            yield from found

    def walk(self, node_id: str, methods: tuple[str, ...], path: list[str]) -> list[Outcome]:
        node = self.nodes[node_id]
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooMuchError
        if node.type in ("file", "process", "branching") and path.count(node_id) == 5:
            self.note_truncation(node_id, path)
            return []
        if node.type == "termination":
            return [Outcome(ends={label_of(node): set()})]
        if node.type == "process":
            found = []
            for method in methods_of(node):
                longer = (*methods, method.lower()) if method else methods
                found += self.onward(node, longer, [*path, f"={method.lower()}", node_id])
        else:
            found = self.onward(node, methods, [*path, node_id])
        if node.type == "file":
            name = "".join(f"-{method}" for method in methods)
            name += str(node.properties["extension"]).lower()
            for outcome in found:
                outcome.add((name, bool(node.properties.get("optional"))))
        return self.limited(found)

    def onward(self, node: Node, methods: tuple[str, ...], path: list[str]) -> list[Outcome]:
        if node.type == "pairing" and node.id not in self.ways:
            return [Outcome(is_elsewhere=True)]
        parts = []
        for output in self.outputs[node.id]:
            if self.nodes[output].type == "pairing" and self.inputs[output][1] == node.id:
                parts.append([Outcome(arrivals={(output, methods): set()})])
            else:
                parts.append(self.walk(output, methods, path))
        if not parts:
            return [Outcome()]
        if node.type == "branching":
            return self.limited([outcome.copy() for part in parts for outcome in part])
        parts = [part for part in parts if part]
        if not parts:
            return []
        found = []
        for combination in product(*parts):
            found.append(self.together(combination))
            self.limited(found)
        if node.type == "pairing":
            for outcome in found:
                for file in self.chosen[node.id]:
                    outcome.add(file)
        return found

    def together(self, outcomes: Sequence[Outcome]) -> Outcome:
        merged = Outcome()
        for outcome in outcomes:
            for label, files in outcome.ends.items():
                merged.ends.setdefault(label, set()).update(files)
            for key, files in outcome.arrivals.items():
                merged.arrivals.setdefault(key, set()).update(files)
            merged.loose |= outcome.loose
            merged.is_elsewhere |= outcome.is_elsewhere
        if merged.has_any():
            for files in merged.all():
                files |= merged.loose
            merged.loose = set()
        return merged

    def limited(self, found: list[Outcome]) -> list[Outcome]:
        if len(found) > MOST:
            raise TooMuchError
        return found

    def note_truncation(self, node_id: str, path: list[str]) -> None:
        """Notes the method of the cycle that is closed now, if it has just one."""
        begin = max(at for at, each in enumerate(path) if each == node_id)
        cycle = path[begin:]
        if self.nodes[node_id].type == "process":
            cycle = [path[begin - 1], *cycle]
        on_it = {each[1:] for each in cycle if each.startswith("=")} - {""}
        if len(on_it) == 1:
            self.truncated |= on_it

    def longest_run(self, method: str) -> int:
        runs = [0]
        for alternatives in self.alternatives.values():
            for required, optional in alternatives:
                for name in required | optional:
                    parts = name.rpartition(".")[0].split("-")[1:]
                    runs += [len(list(run)) for each, run in groupby(parts) if each == method]
        return max(runs)

    # -- judging ---------------------------------------------------------------------------

    def judge(self, files: Sequence[str]) -> dict[str, tuple[str, frozenset[str]]]:
        """The status and the missing files at each termination."""
        real, is_clamped = self.clamp(set(files))
        known = {
            name
            for alternatives in self.alternatives.values()
            for required, optional in alternatives
            for name in required | optional
        }
        unknown = {
            name
            for name in real
            if name not in known
            and not any(each.endswith(".xmp") and name in self.shorter(each) for each in known)
        }
        verdicts = {}
        for label, alternatives in self.alternatives.items():
            if not alternatives:
                continue
            scored = []
            for required, optional in alternatives:
                used = {self.standing_for(name, real) for name in required | optional} - {None}
                missing = {name for name in required if self.standing_for(name, real) is None}
                if not used or (required and missing == required):
                    status = "INCONSISTENT"
                elif missing:
                    status = "PARTIAL"
                elif unknown or is_clamped:
                    status = "CONSISTENT-WITH-WARNING"
                else:
                    status = "CONSISTENT"
                keys = sorted(map(key, required | optional))
                rank = (-len(used), ORDER.index(status), len(missing), len(keys), keys)
                scored.append((rank, sorted(map(key, required)), status, frozenset(missing)))
            best = min(scored)
            verdicts[label] = best[2], best[3]
        return verdicts

    def clamp(self, files: set[str]) -> tuple[set[str], bool]:
        found = set()
        for name in files:
            stem, _, extension = name.rpartition(".")
            parts: list[str] = []
            for method, run in groupby(stem.split("-")[1:]):
                count = len(list(run))
                most = self.longest_run(method) if method in self.truncated else 0
                parts += [method] * (min(count, most) if most else count)
            found.add("".join(f"-{part}" for part in parts) + f".{extension}")
        return found, found != files

    def standing_for(self, name: str, real: set[str]) -> str | None:
        if name in real:
            return name
        if name.endswith(".xmp"):
            for shorter in self.shorter(name):
                if shorter in real:
                    return shorter
        return None

    def shorter(self, name: str) -> list[str]:
        """The names that may stand for a sidecar, the longest first."""
        stem = name.rpartition(".")[0]
        found = []
        while "-" in stem:
            stem = stem.rpartition("-")[0]
            found.append(f"{stem}.xmp")
        return found


def key(name: str) -> tuple[tuple[str, ...], str]:
    """What sorts files: methods, then the extension."""
    match = re.fullmatch(r"((?:-[^-.]+)*)(\..+)", name)
    assert match
    return tuple(match[1].split("-")[1:]), match[2]
