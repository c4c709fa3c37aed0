"""Renders results, as Markdown for people and as JSON for programs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from bounds import MB, Verdict
from cases import Result
from measure import Spread


def markdown(
    facts: Mapping[str, str],
    results: Sequence[Result],
    verdicts: Sequence[Verdict],
    *,
    smallest_rss_bytes: int,
) -> str:
    lines = ["## Machine", ""]
    lines += [f"- {key}: {value}" for key, value in facts.items()]
    lines += ["", "## Measured", ""]
    lines += _table(
        ["case", "contender", "median s", "min-max s", "ratio (min-max)", "peak MB", "library MB"],
        [row for result in results for row in _rows(result, smallest_rss_bytes)],
    )
    lines += [
        "",
        "Wall time of whole processes, one run each a round, in a new order each round. Ratios",
        "are taken within a round, to the contender marked 1; given are their median and range.",
        "",
        *_figures(results),
        "## Bounds",
        "",
    ]
    lines += _table(["what", "asked", "measured", ""], [_verdict_row(one) for one in verdicts])
    return "\n".join(lines) + "\n"


def as_json(
    facts: Mapping[str, str], results: Sequence[Result], verdicts: Sequence[Verdict]
) -> str:
    """Every single run, so that other statistics can be made of them later."""
    document = {
        "machine": dict(facts),
        "cases": [
            {
                "case": result.case,
                "files": result.files,
                "title": result.title,
                "baseline": result.baseline,
                "library_bytes": result.library_bytes,
                "figures": result.figures,
                "runs": {
                    name: [asdict(sample) for sample in samples]
                    for name, samples in result.samples.by_name.items()
                },
            }
            for result in results
        ],
        "bounds": [
            {
                "what": verdict.bound.what,
                "unit": verdict.bound.unit,
                "limit": verdict.bound.limit,
                "measured": verdict.measured,
                "verdict": verdict.word,
            }
            for verdict in verdicts
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _rows(result: Result, smallest_rss_bytes: int) -> Iterator[list[str]]:
    samples = result.samples
    for position, name in enumerate(samples.by_name):
        seconds = samples.seconds(name)
        rss = samples.max_rss_bytes(name)
        # The first contender is vpo, and only it has a library.
        library = result.library_bytes if position == 0 else None
        yield [
            result.title if position == 0 else "",
            name,
            _number(seconds.median),
            f"{_number(seconds.low)}-{_number(seconds.high)}",
            "1" if name == result.baseline else _spread(samples.ratio(name, result.baseline)),
            # Not more than the benchmark's own memory: it hides what is below.
            f"≤ {rss / MB:.0f}" if rss <= smallest_rss_bytes else f"{rss / MB:.0f}",
            "" if library is None else f"{library / MB:.1f}",
        ]


def _figures(results: Sequence[Result]) -> Iterator[str]:
    """What was counted, if anything was."""
    rows = [
        [result.title if position == 0 else "", what, _number(figure)]
        for result in results
        for position, (what, figure) in enumerate(result.figures.items())
    ]
    if rows:
        yield from ["## Counted", "", *_table(["case", "what", "figure"], rows), ""]


def _verdict_row(verdict: Verdict) -> list[str]:
    bound = verdict.bound
    measured = "" if verdict.measured is None else f"{_number(verdict.measured)} {bound.unit}"
    return [bound.what, f"≤ {bound.limit:g} {bound.unit}", measured, verdict.word]


def _spread(spread: Spread) -> str:
    return f"{_number(spread.median)} ({_number(spread.low)}-{_number(spread.high)})"


def _number(value: float) -> str:
    """Three significant digits, which is more than a busy machine can promise."""
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---"] * len(head)
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
