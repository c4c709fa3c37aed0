"""What was found, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from probing.compare import Field


@dataclass(frozen=True)
class Compared:
    """A file of which both sides said something."""

    path: str
    peer: str
    sure: bool
    """Whether the engine's answer would stand: else ffprobe is asked."""
    fields: Sequence[Field]


@dataclass(frozen=True)
class Refused:
    """A file of which only one side, or neither, said something."""

    path: str
    peer: str
    ours: str | None
    """The engine's problem; None if it has an answer."""
    theirs: str | None
    """The peer's; None if it has an answer."""


@dataclass(frozen=True)
class Findings:
    """All of a run."""

    compared: Sequence[Compared]
    refused: Sequence[Refused]


def share(part: int, whole: int) -> str:
    """A percentage."""
    return f"{100 * part / whole:.2f} %" if whole else "none"


def agreement(findings: Findings, peer: str) -> float:
    """The percentage of fields that agree, of files that are sure; 100 if there are none."""
    sure = [one for one in findings.compared if one.peer == peer and one.sure]
    fields = [field for one in sure for field in one.fields]
    return 100 * sum(field.agrees for field in fields) / len(fields) if fields else 100.0


def text(findings: Findings, most: int) -> str:
    """Tables, and the first differences of each field."""
    parts = []
    for peer in ("ffprobe", "exiftool"):
        parts += _of_peer(findings, peer, most)
    return "\n".join(parts) + "\n"


def _of_peer(findings: Findings, peer: str, most: int) -> list[str]:
    compared = [one for one in findings.compared if one.peer == peer]
    refused = [one for one in findings.refused if one.peer == peer]
    files = len(compared) + len(refused)
    if not files:
        return []
    sure = [one for one in compared if one.sure]
    given = [one for one in refused if one.ours and not one.theirs]
    fields = [(one, field) for one in sure for field in one.fields]
    agreeing = sum(field.agrees for _, field in fields)
    whole = sum(all(field.agrees for field in one.fields) for one in sure)
    unsure = len(compared) - len(sure)
    alone = [one for one in refused if one.theirs and not one.ours]
    neither = len(refused) - len(given) - len(alone)
    lines = [
        f"## {peer}: {files} files",
        "",
        f"Fields that agree: {share(agreeing, len(fields))} ({agreeing} of {len(fields)}), "
        f"in {len(sure)} files.",
        f"Files that agree in all: {share(whole, len(sure))}.",
        f"Unsure, so left to ffprobe: {unsure} ({share(unsure, files)}).",
        f"No answer where {peer} has one: {len(given)} ({share(len(given), files)}).",
        f"Answers where {peer} has none: {len(alone)}; neither has one: {neither}.",
        "",
    ]
    lines += _table(field for _, field in fields)
    lines += _differences(fields, most)
    if given:
        lines += ["", "### No answer", ""]
        lines += [f"- {_name(one.path)}: {one.ours}" for one in given[: most * 10]]
    return [*lines, ""]


def _table(fields: Iterable[Field]) -> list[str]:
    totals: Counter[str] = Counter()
    agreeing: Counter[str] = Counter()
    for field in fields:
        totals[field.name] += 1
        agreeing[field.name] += field.agrees
    lines = ["| field | said | agree | |", "| --- | ---: | ---: | ---: |"]
    for name in sorted(totals, key=lambda name: (agreeing[name] / totals[name], name)):
        said, same = totals[name], agreeing[name]
        lines.append(f"| {name} | {said} | {same} | {share(same, said)} |")
    return lines


def _differences(fields: Sequence[tuple[Compared, Field]], most: int) -> list[str]:
    by_name: dict[str, list[str]] = {}
    for one, field in fields:
        if not field.agrees:
            where = f" {field.where}" if field.where else ""
            by_name.setdefault(field.name, []).append(
                f"- {_name(one.path)}{where}: ours {field.ours!r}, theirs {field.theirs!r}"
            )
    lines = []
    for name, found in sorted(by_name.items(), key=lambda item: -len(item[1])):
        lines += ["", f"### {name}: {len(found)}", "", *found[:most]]
        if len(found) > most:
            lines.append(f"- and {len(found) - most} more")
    return lines


def as_json(findings: Findings) -> dict[str, Any]:
    """All of it."""
    return {
        "compared": [
            {
                "path": one.path,
                "peer": one.peer,
                "sure": one.sure,
                "fields": len(one.fields),
                "differences": [
                    {
                        "field": field.name,
                        "where": field.where,
                        "ours": field.ours,
                        "theirs": field.theirs,
                    }
                    for field in one.fields
                    if not field.agrees
                ],
            }
            for one in findings.compared
        ],
        "refused": [vars(one) for one in findings.refused],
    }


def _name(path: str) -> str:
    return path.rpartition("/")[2]
