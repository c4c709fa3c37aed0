"""How far an image has come: its files, compared with the alternatives of a pipeline.

Most images of a collection have one of few sets of files, so each set is judged once. Sets of
expected files are whole numbers with a bit for each file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from vpo.base.errors import PipelineInvalidError, TerminationNotFoundError
from vpo.base.paths import display
from vpo.photos.pipeline.expected import Alternative, Expected, Key
from vpo.photos.pipeline.model import CONSISTENT, INCONSISTENT, PARTIAL, WARNING, Graph, Node

# Collections have few sets of files. One that has very many must not fill the memory.
_MOST_REMEMBERED = 20_000
_MOST_KEYS = 50_000


class Score(NamedTuple):
    """How an image does at one termination."""

    status: int
    """The place of the status in `STATUSES`."""
    found: int
    """How many of the required files are there."""
    required: int
    missing: frozenset[Key]
    used: frozenset[Key]
    """The files of the image that the chosen alternative explains."""

    @property
    def completion(self) -> float:
        """The percentage of the required files that is there."""
        if not self.required:
            return 100.0 if self.used else 0.0
        return round(100 * self.found / self.required, 1)

    @property
    def is_ready(self) -> bool:
        """Whether the image is complete."""
        return self.status <= WARNING


class Verdict(NamedTuple):
    """How an image does."""

    scores: dict[str, Score]
    """By the label of the termination, in the order of the pipeline."""
    unknown: tuple[Key, ...]
    """Files that no alternative of any termination has."""
    truncated: tuple[Key, ...]
    """Files whose names repeat a method more often than the pipeline was followed."""

    @property
    def overall(self) -> int:
        """The worst status."""
        return max(score.status for score in self.scores.values())

    @property
    def best(self) -> int:
        """The best status."""
        return min(score.status for score in self.scores.values())

    @property
    def ready_for(self) -> list[str]:
        """The terminations at which the image is complete."""
        return [label for label, score in self.scores.items() if score.is_ready]

    @property
    def missing(self) -> list[Key]:
        """The files that are missing at any termination."""
        found = frozenset[Key]().union(*(score.missing for score in self.scores.values()))
        return sorted(found, key=lambda key: (len(key[0]), key))

    @property
    def completion(self) -> float:
        """The percentage at the termination that is the farthest away."""
        return min(score.completion for score in self.scores.values())


class _Choice(NamedTuple):
    """An alternative, with its files as bits."""

    required: int
    known: int
    """The required and the optional ones."""
    needed: int
    """Of the required files."""


class _Choices:
    """The alternatives of a termination, and which of them have each expected file."""

    def __init__(self, choices: list[_Choice]) -> None:
        self._choices = choices
        self._everything = (1 << len(choices)) - 1
        having: dict[int, bytearray] = {}
        for number, choice in enumerate(choices):
            for place in _places(choice.known):
                bits = having.setdefault(place, bytearray(len(choices) // 8 + 1))
                bits[number >> 3] |= 1 << (number & 7)
        self._having = {place: int.from_bytes(bits, "little") for place, bits in having.items()}

    def explaining_most(self, files: Iterable[int]) -> Iterator[_Choice]:
        """The alternatives that explain most files, in their order.

        Each file is given as the expected files that it stands for. The files are counted for all
        alternatives at once: `planes` holds the digits of the counts, in base 2, with a bit for
        each alternative.
        """
        planes: list[int] = []
        for file in files:
            carry = 0
            for place in _places(file):
                carry |= self._having.get(place, 0)
            for number, plane in enumerate(planes):
                planes[number], carry = plane ^ carry, plane & carry
            if carry:
                planes.append(carry)
        best = self._everything
        for plane in reversed(planes):
            best = best & plane or best
        return (self._choices[place] for place in _places(best))


class Judge:
    """Judges sets of files of images by one pipeline."""

    def __init__(
        self,
        graph: Graph,
        expected: Expected,
        metadata_extensions: Collection[str],
        terminations: Collection[str] = (),
    ) -> None:
        """`terminations`: the labels to judge by; none: all.

        Raises TerminationNotFoundError, or PipelineInvalidError if no termination has an
        alternative.
        """
        self._graph = graph
        self._metadata = {extension.lower() for extension in metadata_extensions}
        self._runs = expected.longest_runs
        self._clamp = lru_cache(_MOST_KEYS)(lambda key: _clamp(key, expected.longest_runs))
        self._keys = sorted(expected.keys)
        self._bits = {key: 1 << at for at, key in enumerate(self._keys)}
        self._sidecars = [key for key in self._keys if key[1] in self._metadata]
        self._standing_in = {
            (methods[:length], extension)
            for methods, extension in self._sidecars
            for length in range(len(methods) + 1)
        }
        self._choices = {
            label: _Choices([self._choice(each) for each in alternatives])
            for label, alternatives in _chosen(expected, terminations).items()
        }
        self._ceilings = _ceilings(graph)
        self._known: dict[frozenset[Key], Verdict] = {}

    @property
    def labels(self) -> list[str]:
        """The labels of the terminations by which images are judged."""
        return list(self._choices)

    def _choice(self, alternative: Alternative) -> _Choice:
        required = sum(self._bits[key] for key in alternative.required)
        optional = sum(self._bits[key] for key in alternative.optional)
        return _Choice(required, required | optional, len(alternative.required))

    def judge(self, keys: frozenset[Key]) -> Verdict:
        """Judges an image by its files. The keys are in lower case."""
        verdict = self._known.get(keys)
        if verdict is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            verdict = self._known[keys] = self._judge(keys)
        return verdict

    def mismatch(self) -> Verdict:
        """The verdict on an image that no camera of the pipeline took."""
        score = Score(INCONSISTENT, 0, 0, frozenset(), frozenset())
        return Verdict(dict.fromkeys(self._choices, score), (), ())

    def _judge(self, keys: frozenset[Key]) -> Verdict:
        files, truncated = self._clamped(keys)
        unknown = tuple(
            sorted(
                real
                for key, real in files.items()
                if key not in self._bits and key not in self._standing_in
            )
        )
        clean = WARNING if unknown or truncated else CONSISTENT
        found = _Found(files, self._served(files))
        scores = {}
        for label, choices in self._choices.items():
            choice, status = found.best_of(choices, clean)
            missing = self._listed(choice.required & ~found.present)
            if status < PARTIAL:
                status = max(status, self._ceilings[label])
            scores[label] = Score(
                status, choice.needed - len(missing), choice.needed, missing, found.used_by(choice)
            )
        return Verdict(scores, unknown, truncated)

    def _clamped(self, keys: frozenset[Key]) -> tuple[dict[Key, Key], tuple[Key, ...]]:
        """The files by the keys under which they are looked up, and those that were clamped."""
        if not self._runs:
            return {key: key for key in keys}, ()
        clamped = {key: self._clamp(key) for key in keys}
        truncated = tuple(sorted(key for key, short in clamped.items() if key != short))
        files = {key: key for key in keys if key not in truncated}
        for key in truncated:
            files.setdefault(clamped[key], key)
        return files, truncated

    def _served(self, files: Mapping[Key, Key]) -> dict[Key, int]:
        """The expected files that each file stands for, as bits, by the keys of `files`."""
        served = {key: self._bits[key] for key in files if key in self._bits}
        if not any(extension in self._metadata for _, extension in files):
            return served
        for key in self._sidecars:
            methods, extension = key
            if key in files:
                continue
            for length in range(len(methods) - 1, -1, -1):
                shorter = (methods[:length], extension)
                if shorter in files:
                    served[shorter] = served.get(shorter, 0) | self._bits[key]
                    break
        return served

    def _listed(self, bits: int) -> frozenset[Key]:
        return frozenset(self._keys[at] for at in _places(bits))


class _Found:
    """The files of an image, with the expected files that each stands for."""

    def __init__(self, files: Mapping[Key, Key], served: Mapping[Key, int]) -> None:
        self._files = files
        self._served = served
        self.present = 0
        """All expected files that are there, as bits."""
        for bits in served.values():
            self.present |= bits

    def best_of(self, choices: _Choices, clean: int) -> tuple[_Choice, int]:
        """The alternative to judge by, and its status.

        Of those that explain most files, the one with the best status, then with the fewest
        missing files. The alternatives are sorted by what decides after that.
        """
        best: tuple[tuple[int, int], _Choice] | None = None
        for choice in choices.explaining_most(self._served.values()):
            required, known, count = choice
            used = known & self.present
            missing = (required & ~self.present).bit_count()
            if missing == count and (count or not used):
                status = INCONSISTENT
            else:
                status = PARTIAL if missing else clean
            rank = (status, missing)
            if best is None or rank < best[0]:
                best = rank, choice
        assert best is not None
        return best[1], best[0][0]

    def used_by(self, choice: _Choice) -> frozenset[Key]:
        """The files of the image that an alternative explains."""
        return frozenset(
            self._files[key] for key, bits in self._served.items() if bits & choice.known
        )


class Capture:
    """Which images a pipeline is about: what its capture node says about cameras and counters."""

    def __init__(self, node: Node) -> None:
        self._camera = _pattern(node, "camera_id_pattern")
        self._counter = _pattern(node, "counter_pattern")
        self._joined = _pattern(node, "filename_regex")
        self.takes_all = not (self._camera or self._counter or self._joined)
        """Whether no pattern is set."""

    def matches(self, camera: str, counter: str) -> bool:
        """Whether an image of this camera and counter comes from the capture."""
        return (
            (self._camera is None or self._camera.fullmatch(camera) is not None)
            and (self._counter is None or self._counter.fullmatch(counter) is not None)
            and (self._joined is None or self._joined.fullmatch(camera + counter) is not None)
        )


def file_name(stem: str, key: Key, image_id: str = "") -> str:
    """The name of a generated file. `stem`: camera and counter; `key`: with capital letters."""
    methods, extension = key
    return "-".join((stem, *methods, *filter(None, [image_id]))) + extension


def _pattern(node: Node, name: str) -> re.Pattern[str] | None:
    pattern = node.properties.get(name)
    return re.compile(pattern) if pattern else None


def _clamp(key: Key, longest: Mapping[str, int]) -> Key:
    methods: list[str] = []
    for method, run in groupby(key[0]):
        count = len(list(run))
        methods += [method] * min(count, longest.get(method, count))
    return tuple(methods), key[1]


def _chosen(expected: Expected, terminations: Iterable[str]) -> dict[str, list[Alternative]]:
    names = list(dict.fromkeys(terminations))
    for name in names:
        if name not in expected.alternatives:
            known = ", ".join(f"`{display(label)}`" for label in expected.alternatives)
            raise TerminationNotFoundError(
                f"The pipeline has no termination `{display(name)}`",
                hint=f"Its terminations are {known}.",
                termination=name,
            )
    found = {
        label: alternatives
        for label, alternatives in expected.alternatives.items()
        if alternatives and (not names or label in names)
    }
    if not found:
        raise PipelineInvalidError(
            "No image can reach a termination of the pipeline",
            hint="Look at its paths with `vpo pipelines paths NAME`.",
        )
    return found


def _ceilings(graph: Graph) -> dict[str, int]:
    """The best status that each label allows: the worse where two terminations have one label."""
    ceilings: dict[str, int] = {}
    for node_id in graph.terminations:
        node = graph.nodes[node_id]
        ceilings[node.label] = max(ceilings.get(node.label, 0), node.classification or CONSISTENT)
    return ceilings


def _places(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
