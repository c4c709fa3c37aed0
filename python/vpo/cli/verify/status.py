"""`vpo verify status`: how much was verified how long ago, and what is damaged."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.output.damage import damage_counts, damage_in_words
from vpo.cli.output.failure import print_json
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.db.library import open_library
from vpo.integrity.coverage import AGES, NAMES, Coverage, VerifyStatus, read_status

SHOWN_DAMAGE = 10

_HEADS = {
    **{name: f"<{days}D" for name, days in AGES.items()},
    "older": "OLDER",
    "never": "NEVER",
    "damaged": "DAMAGED",
}


@command("status")
@click.argument("directory", metavar="[DIR]", required=False, type=DIRECTORY)
@json_option
@global_options
@click.pass_context
def status(ctx: click.Context, /, directory: bytes | None, as_json: bool) -> None:
    """Show how long ago files were verified, and which files are damaged.

    Exit status: 0 nothing is damaged, 1 something is.
    """
    app = ctx.ensure_object(App)
    most = None if as_json or app.verbose else SHOWN_DAMAGE
    with open_library(app.library_path(), "read") as library:
        found = read_status(library, directory, most_damage=most)
    if as_json:
        print_json(found.to_dict())
    else:
        for line in _text(app, found):
            echo(line)
    ctx.exit(EXIT_DONE_WITH_ERRORS if found.damaged_files else 0)


def _text(app: App, found: VerifyStatus) -> Iterator[str]:
    total = found.whole.total
    heads = ("VERIFIED", "FILES", "SIZE", "SHARE")
    labels = {
        "day": "within a day",
        "week": "within a week",
        "month": "within 30 days",
        "quarter": "within 90 days",
        "year": "within a year",
        "older": "longer ago",
        "never": "never",
        "damaged": "damaged",
    }
    shown = [name for name in NAMES if name != "damaged" or found.damaged_files]
    rows = [
        (
            labels[name],
            f"{amount.files:,}",
            human_size(amount.size_bytes),
            _share(amount.size_bytes, total.size_bytes),
        )
        for name, amount in found.whole.amounts.items()
        if name in shown
    ]
    rows.append(("in all", f"{total.files:,}", human_size(total.size_bytes), ""))
    yield from table(heads, rows, right=heads[1:])
    if found.roots:
        yield ""
        yield from _roots(found.roots, shown)
    yield ""
    if not found.damaged_files:
        yield "No damage is known."
        return
    yield app.paint(f"Damaged: {damage_counts(found.damage)}", "red")
    for each in found.damaged:
        yield f"  {display(each.path)}: {damage_in_words(each.damage)}"
    if more := found.damaged_files - len(found.damaged):
        yield f"  and {more:,} more: `vpo verify status -v`"


def _roots(roots: list[Coverage], shown: list[str]) -> Iterator[str]:
    rows = [
        (
            *(_share(root.amounts[name].size_bytes, root.total.size_bytes) for name in shown),
            display(root.path or ""),
        )
        for root in roots
    ]
    heads = (*(_HEADS[name] for name in shown), "ROOT")
    yield from table(heads, rows, right=heads[:-1], keep_tail=True)


def _share(part: int, whole: int) -> str:
    if not part or not whole:
        return "-"
    percent = 100 * part / whole
    if percent < 1:
        return "<1 %"
    # Only all of it is 100 %.
    return f"{percent if part == whole else min(round(percent), 99):.0f} %"
