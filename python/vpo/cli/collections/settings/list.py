"""`vpo collections settings list`: the settings in the catalogue, or those that are used."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.settings.common import category_argument, show_warnings
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.csv_text import csv_text
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import table
from vpo.db.library import open_library
from vpo.photos import settings_store as service
from vpo.photos.settings import Effective, Source, effective
from vpo.photos.settings_rules import Category, value_to_json, value_to_text
from vpo.photos.settings_store import ListedSetting, place


@command("list")
@category_argument(required=False)
@click.option(
    "--effective",
    "is_effective",
    is_flag=True,
    help="List what the analyses use: from --config FILE, the catalogue, a file, the defaults.",
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@global_options
@click.pass_context
def list_command(
    ctx: click.Context,
    /,
    category: Category | None,
    is_effective: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the settings of photo collections.

    The settings come from the catalogue. What is not set there has the source `default`.
    """
    if as_json and as_csv:
        raise click.UsageError("--json cannot be combined with --csv", ctx)
    app = ctx.ensure_object(App)
    form = "json" if as_json else "csv" if as_csv else "text"
    with open_library(app.library_path(), "read") as library:
        if is_effective:
            used = effective(library, app.config)
        else:
            found = service.list_settings(library, category)
    if is_effective:
        show_effective(app, used, category, form)
    else:
        show_settings(app, found, form)
        if form == "text" and not found and not app.quiet:
            echo(f"No {category} are set.", err=True)


def show_settings(app: App, found: Iterable[ListedSetting], form: str) -> None:
    """Prints settings of the catalogue as `text`, `json` or `csv`."""
    found = list(found)
    if form == "json":
        print_json([each.to_dict() for each in found])
    elif form == "csv":
        columns = list(ListedSetting("", "", "", "").to_dict())
        rows = [{**each.to_dict(), "value": value_to_json(each.value)}.values() for each in found]
        _print_csv(columns, map(list, rows))
    else:
        rows_of_text = [
            [
                display(each.category),
                display(each.key),
                "invalid" if each.problem else display(each.source),
                display(value_to_text(each.value)),
            ]
            for each in found
        ]
        _print_table(app, ["CATEGORY", "KEY", "SOURCE", "VALUE"], rows_of_text)
    if form != "json":
        problems = [
            f"vpo ignores `{display(each.category)} {display(each.key)}`: {each.problem}"
            for each in found
            if each.problem
        ]
        show_warnings(app, problems)


def show_effective(app: App, used: Effective, category: Category | None, form: str) -> None:
    """Prints the settings that analyses use as `text`, `json` or `csv`."""
    chosen = [
        (setting, used.values[setting], source)
        for setting, source in sorted(used.sources.items(), key=lambda item: place(*item[0]))
        if category in (None, setting.category)
    ]
    if form == "json":
        shown = [
            {**setting._asdict(), "value": value, **source.to_dict()}
            for setting, value, source in chosen
        ]
        print_json({"settings": shown, "warnings": used.warnings})
        return
    if form == "csv":
        rows = [
            [*setting, value_to_json(value), *source.to_dict().values()]
            for setting, value, source in chosen
        ]
        _print_csv(["category", "key", "value", "source", "path"], rows)
    else:
        rows_of_text = [
            [setting.category, setting.key, display(value_to_text(value)), source_in_words(source)]
            for setting, value, source in chosen
        ]
        _print_table(app, ["CATEGORY", "KEY", "VALUE", "SOURCE"], rows_of_text)
    show_warnings(app, used.warnings)


def source_in_words(source: Source) -> str:
    """A source for people."""
    return source.kind if source.path is None else f"{source.kind} {display(source.path)}"


def _print_table(app: App, heads: list[str], rows: list[list[str]]) -> None:
    def paint(_head: str, text: str) -> str:
        return app.paint(text, "red") if text.strip() == "invalid" else text

    if rows:
        for line in table(heads, rows, paint=paint):
            echo(line)


def _print_csv(columns: list[str], rows: Iterable[Sequence[object]]) -> None:
    text = for_terminal(csv_text(columns, rows))
    sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
