"""`vpo results compare`: what became better and worse between two results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.options.results import MOST_ID
from vpo.cli.output.csv_text import csv_text
from vpo.cli.output.failure import print_json
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import table
from vpo.cli.results.words import result_in_words
from vpo.db.library import open_library
from vpo.photos.comparing import Change, Comparison, Figure, Problem, compare

# More lines than these would fill the screen.
_SHOWN = 20


@command("compare")
@click.argument("first", metavar="BEFORE", type=click.IntRange(1, MOST_ID))
@click.argument("second", metavar="AFTER", type=click.IntRange(1, MOST_ID))
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print what changed as CSV.")
@global_options
@click.pass_context
def compare_command(ctx: click.Context, /, first: int, second: int, form: str | None) -> None:
    """Show what became better and worse between two results.

    BEFORE and AFTER are the IDs of two results of the same tool and collection. An image or file
    that is in no list of problems any more became better: it is repaired, or it is gone.

    With --verbose, lists are not cut.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        comparison = compare(library, first, second)
    if form == "json":
        print_json(comparison.to_dict())
        return
    if form == "csv":
        echo(for_terminal(_csv(comparison)).rstrip("\n"))
        return
    for line in _text(app, comparison):
        echo(line)


def _csv(comparison: Comparison) -> str:
    return csv_text(
        ("change", "name", "before", "after", "missing_before", "missing_after"),
        (
            (
                word,
                change.name,
                change.before and change.before.kind,
                change.after and change.after.kind,
                " | ".join(change.before.missing if change.before else ()),
                " | ".join(change.after.missing if change.after else ()),
            )
            for word, changes in (("worse", comparison.worse), ("better", comparison.better))
            for change in changes
        ),
    )


def _text(app: App, comparison: Comparison) -> Iterator[str]:
    for word, result in (("Before", comparison.before), ("After", comparison.after)):
        completed = times.to_local_text(result.completed_at)
        yield f"{word}: result {result_in_words(result)}, {completed}"
    yield ""
    yield from table(
        ("FIGURE", "BEFORE", "AFTER", "CHANGE"),
        [_figure(figure) for figure in comparison.figures],
        right=("BEFORE", "AFTER", "CHANGE"),
    )
    yield ""
    most = None if app.verbose else _SHOWN
    yield from _changes(app.paint("Worse", "red"), comparison.worse, most)
    yield from _changes(app.paint("Better", "green"), comparison.better, most)
    yield f"Unchanged problems: {comparison.unchanged:,}"


def _figure(figure: Figure) -> tuple[str, str, str, str]:
    def shown(number: int | None, sign: str = "") -> str:
        if number is None:
            return "-"
        if figure.name == "total_size":
            return f"{'-' if number < 0 else sign if number else ''}{human_size(abs(number))}"
        return f"{number:{sign if number else ''},}"

    change = None
    if figure.before is not None and figure.after is not None:
        change = figure.after - figure.before
    name = figure.name.lower().replace("_", " ")
    return name, shown(figure.before), shown(figure.after), shown(change, "+")


def _changes(title: str, changes: Sequence[Change], most: int | None) -> Iterator[str]:
    yield f"{title}: {len(changes):,}"
    for change in changes[:most]:
        yield f"  {display(change.name)}: {_problem(change.before)} -> {_problem(change.after)}"
    if most is not None and len(changes) > most:
        yield f"  and {len(changes) - most:,} more (`-v` shows all)"


def _problem(problem: Problem | None) -> str:
    if problem is None:
        return "no problem"
    missing = f" (missing: {', '.join(map(display, problem.missing))})" if problem.missing else ""
    return f"{display(problem.kind)}{missing}"
