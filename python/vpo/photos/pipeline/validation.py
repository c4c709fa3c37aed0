"""The analysis `pipeline_validation`: how far each image has come along a pipeline.

`docs/photos/pipelines.md` explains the rules. The lists `images`, `invalid_files` and
`unattached` of the results make their elements when asked for (`Items`).
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from vpo.base import paths
from vpo.photos import groups as grouping
from vpo.photos import pairing
from vpo.photos.groups import FileList, Form, Group, Groups, Image
from vpo.photos.items import Items
from vpo.photos.model import Findings, Listing, PhotoSettings, Statistics, Tell
from vpo.photos.names import CAMERA_LENGTH
from vpo.photos.pipeline.expected import Expected, Key, enumerate_alternatives, key_of
from vpo.photos.pipeline.judge import Capture, Judge, Verdict, file_name
from vpo.photos.pipeline.model import CONSISTENT, PARTIAL, STATUSES, WARNING, Pipeline

_STAGE = "analyzing"
# Reading the names takes most of the time.
_GROUPED_PERCENT = 80.0
_GROUPS_A_REPORT = 10_000

_MOST_FORMS = 20_000
"""How many forms of groups are remembered. Forms beyond that are judged each time."""


_MOST_KEYS = 50_000
"""Names behind camera and counter that are remembered."""


class ChosenPipeline(NamedTuple):
    """The pipeline that images are compared with."""

    pipeline: Pipeline
    id: int
    version: int
    terminations: tuple[str, ...] = ()
    """The labels of the terminations to judge by; none: all."""


def analyse(
    listing: Listing, settings: PhotoSettings, pipeline: ChosenPipeline, tell: Tell
) -> Findings:
    """Compares the images of a collection with a pipeline.

    Raises PipelineTooLargeError, TerminationNotFoundError, or PipelineInvalidError if no
    termination can be reached.
    """
    begin = time.perf_counter()
    graph = pipeline.pipeline.graph
    expected = enumerate_alternatives(pipeline.pipeline)
    judge = Judge(graph, expected, settings.metadata_extensions, pipeline.terminations)
    judging = _Judging(judge, expected, Capture(graph.nodes[graph.captures[0]]))

    def grouped(files: int) -> None:
        tell(_STAGE, _GROUPED_PERCENT * files / max(listing.files, 1), files)

    groups = grouping.group(listing, settings, grouped)
    tally = _Tally(judging)
    every = max(len(groups.ids), 1)
    for number, group in enumerate(groups.including_unattached()):
        if number % _GROUPS_A_REPORT == 0:
            done = min(number / every, 1.0)
            tell(_STAGE, _GROUPED_PERCENT + (100 - _GROUPED_PERCENT) * done, groups.files)
        tally.add(group)
    tally.finish()
    tell(_STAGE, 100.0, groups.files)
    results = _results(listing, groups, tally, pipeline)
    results["scan_duration"] = round(time.perf_counter() - begin, 3)
    return Findings(
        results=results,
        files_scanned=groups.files,
        issues_found=tally.issues,
        statistics=Statistics(
            image_group_count=results["group_count"], image_count=results["total_images"]
        ),
    )


class _JudgedImage(NamedTuple):
    """An image of a form with its verdict. Files are numbers in `Image.files`."""

    verdict: Verdict
    mismatch: bool
    file_of: dict[Key, int]
    duplicates: list[int]
    """Further copies of files."""

    @property
    def is_shown(self) -> bool:
        """Whether the list of images has it."""
        return self.verdict.overall != CONSISTENT


class _JudgedForm:
    """The verdicts on the images of a form, and how many groups have them."""

    def __init__(self, images: list[_JudgedImage]) -> None:
        self.images = images
        self.groups = 0
        self.shown = [number for number, image in enumerate(images) if image.is_shown]


class _Judging:
    """Judges the images of groups. Groups of one form have the same verdicts."""

    def __init__(self, judge: Judge, expected: Expected, capture: Capture) -> None:
        self.labels = judge.labels
        self.names = expected.names
        self._judge = judge
        self._capture = capture
        self._mismatch = judge.mismatch()
        self._key = lru_cache(_MOST_KEYS)(key_of)
        self.judged = lru_cache(_MOST_FORMS)(self._judge_form)
        self.template = lru_cache(_MOST_FORMS)(self._make_template)

    def matches(self, group_id: str) -> bool:
        """Whether the images of a group come from the capture of the pipeline."""
        if self._capture.takes_all:
            return True
        return self._capture.matches(group_id[:CAMERA_LENGTH], group_id[CAMERA_LENGTH:])

    def _judge_form(self, form: Form, matches: bool) -> list[_JudgedImage]:
        """The verdicts on the images of a form."""
        return [self._image(image, matches=matches) for image in form.images]

    def _make_template(self, form: Form, matches: bool, number: int) -> _Template:
        return _template(form.images[number], self.judged(form, matches)[number], self.names)

    def _image(self, image: Image, *, matches: bool) -> _JudgedImage:
        file_of: dict[Key, int] = {}
        duplicates = []
        for number, file in enumerate(image.files):
            if file_of.setdefault(self._key(file.methods, file.extension), number) != number:
                duplicates.append(number)
        verdict = self._judge.judge(frozenset(file_of)) if matches else self._mismatch
        return _JudgedImage(verdict, not matches, file_of, duplicates)


class _Tally:
    """What is counted, group by group."""

    def __init__(self, judging: _Judging) -> None:
        self.judging = judging
        self.statuses: Counter[int] = Counter()
        self.by_termination = {label: Counter[int]() for label in judging.labels}
        self.truncated = 0
        self.duplicates = 0
        self.mismatches = 0
        self.unattached = FileList()
        self.shown_groups: list[str] = []
        self.shown_images = array("L")
        """The images that are not consistent, with the groups above."""
        self._forms: dict[tuple[Form, bool], _JudgedForm] = {}

    @property
    def issues(self) -> int:
        """Images that lack files."""
        return sum(count for status, count in self.statuses.items() if status >= PARTIAL)

    def add(self, group: Group) -> None:
        """Judges the images of a group and counts them."""
        form = group.form
        if form.unattached:
            for file in form.unattached:
                self.unattached.append(group.directories[file.place], group.id + file.tail)
        key = (form, self.judging.matches(group.id))
        judged = self._forms.get(key)
        if judged is None:
            if len(self._forms) >= _MOST_FORMS:
                self.finish()
            judged = _JudgedForm(self.judging.judged(form, key[1]))
            self._forms[key] = judged
        judged.groups += 1
        for number in judged.shown:
            self.shown_groups.append(group.id)
            self.shown_images.append(number)

    def finish(self) -> None:
        """Adds up what was counted by form."""
        for form in self._forms.values():
            for image in form.images:
                verdict = image.verdict
                self.statuses[verdict.overall] += form.groups
                for label, score in verdict.scores.items():
                    self.by_termination[label][score.status] += form.groups
                self.truncated += form.groups if verdict.truncated else 0
                self.duplicates += form.groups * len(image.duplicates)
                self.mismatches += form.groups * image.mismatch
        self._forms.clear()


def _results(
    listing: Listing, groups: Groups, tally: _Tally, pipeline: ChosenPipeline
) -> dict[str, Any]:
    images = tally.statuses.total()
    consistency = _consistency(tally.statuses)
    return {
        "pipeline_name": pipeline.pipeline.name,
        "pipeline_id": pipeline.id,
        "pipeline_version": pipeline.version,
        "terminations": tally.judging.labels,
        "total_images": images,
        "image_count": images,
        "group_count": len(groups.ids),
        "consistency_counts": consistency,
        "overall_consistency": consistency,
        "status_counts": {status: tally.statuses[number] for number, status in enumerate(STATUSES)},
        "by_termination": {
            label: _consistency(counts) for label, counts in tally.by_termination.items()
        },
        "truncated_images": tally.truncated,
        "capture_mismatches": tally.mismatches,
        "duplicate_files": tally.duplicates,
        "invalid_files_count": len(groups.invalid),
        "invalid_files": pairing.invalid_files(listing, groups),
        "unattached": Items(
            len(tally.unattached),
            lambda index: paths.to_json(_path(listing, *tally.unattached[index])),
        ),
        "images": Items(
            len(tally.shown_images),
            lambda index: _shown(
                listing,
                tally.judging,
                groups[tally.shown_groups[index]],
                tally.shown_images[index],
            ),
        ),
    }


def _consistency(statuses: Counter[int]) -> dict[str, int]:
    """The counts of three statuses: images with warnings are consistent."""
    return {
        "CONSISTENT": statuses[CONSISTENT] + statuses[WARNING],
        "PARTIAL": statuses[PARTIAL],
        "INCONSISTENT": statuses[PARTIAL + 1],
    }


class _Template(NamedTuple):
    """An image that is not consistent, without its group. Groups of one form share it."""

    suffix: str
    """What follows the id of the group in the name of the image."""
    image_id: str
    facts: dict[str, Any]
    files: list[tuple[int, str]]
    """The place and the tail of each file."""
    lists: dict[str, list[int]]
    """Lists of files, as numbers."""
    missing: list[str]
    """The names of missing files behind the id of the group."""
    terminations: list[tuple[str, str, float, list[int]]]
    """Label, status, percentage, and which files are missing."""

    def fill(self, group: Group, directories: list[str]) -> dict[str, Any]:
        """The image as JSON. `directories`: those of the group, each with its slash."""
        stem = group.id
        actual = [f"{directories[place]}{stem}{tail}" for place, tail in self.files]
        missing = [stem + tail for tail in self.missing]
        return {
            "image": stem + self.suffix,
            "group_id": stem,
            "image_id": self.image_id,
            **self.facts,
            "actual": actual,
            "missing": missing,
            **{key: [actual[each] for each in numbers] for key, numbers in self.lists.items()},
            "by_termination": {
                label: {
                    "status": status,
                    "completion": completion,
                    "missing": [missing[each] for each in lacking],
                }
                for label, status, completion, lacking in self.terminations
            },
        }


def _template(image: Image, judged: _JudgedImage, names: Mapping[Key, Key]) -> _Template:
    verdict = judged.verdict
    missing = verdict.missing
    return _Template(
        suffix=f"-{image.id}" if image.id else "",
        image_id=image.id,
        facts={
            "overall_status": STATUSES[verdict.overall],
            "best_status": STATUSES[verdict.best],
            "completion": verdict.completion,
            "ready_for": verdict.ready_for,
            "reason": "capture_mismatch" if judged.mismatch else None,
            "is_truncated": bool(verdict.truncated),
        },
        files=[(file.place, file.tail) for file in image.files],
        lists={
            "extra": [judged.file_of[key] for key in verdict.unknown],
            "truncated": [judged.file_of[key] for key in verdict.truncated],
            "duplicates": judged.duplicates,
        },
        missing=[file_name("", names[key], image.id) for key in missing],
        terminations=[
            (
                label,
                STATUSES[score.status],
                score.completion,
                [number for number, key in enumerate(missing) if key in score.missing],
            )
            for label, score in verdict.scores.items()
        ],
    )


def _shown(listing: Listing, judging: _Judging, group: Group, number: int) -> dict[str, Any]:
    """An image that is not consistent, as JSON."""
    template = judging.template(group.form, judging.matches(group.id), number)
    directories = [paths.text(listing.directories[each]) for each in group.directories]
    return template.fill(group, [f"{each}/" if each else "" for each in directories])


def _path(listing: Listing, directory: int, name: paths.StoredPath) -> paths.StoredPath:
    return paths.join(listing.directories[directory], name)
