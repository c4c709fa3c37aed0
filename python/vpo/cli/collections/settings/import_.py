"""`vpo collections settings import`: options in, conflicts out.

`vpo.photos.settings_import` does the work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.settings.common import open_to_change
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import Library, new_library_in_memory, open_library
from vpo.photos import settings_file
from vpo.photos import settings_import as service
from vpo.photos.settings_import import Conflict, Imported, Resolution, Winner
from vpo.photos.settings_rules import CATEGORIES, SettingKey, value_to_text


@command("import")
@click.argument("file", metavar="FILE", type=PATH)
@click.option("--yaml-wins", is_flag=True, help="In conflicts, take the value of FILE.")
@click.option("--db-wins", is_flag=True, help="In conflicts, keep the value in the catalogue.")
@click.option(
    "--take",
    multiple=True,
    metavar="CATEGORY.KEY",
    help="In the conflict over this setting, take the value of FILE. Can be repeated.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="CATEGORY.KEY",
    help="In the conflict over this setting, keep the value. Can be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be imported.")
@json_option
@global_options
@click.pass_context
def import_command(
    ctx: click.Context,
    /,
    file: bytes,
    yaml_wins: bool,
    db_wins: bool,
    take: tuple[str, ...],
    keep: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import settings from a YAML file.

    Settings that FILE does not have stay as they are. There is a conflict if the catalogue has
    another value. On a terminal, vpo asks which one to use. If a conflict is not resolved,
    nothing is written.

    Exit status: 0 imported, 1 there are conflicts, and nothing was imported, 2 not done.
    """
    app = ctx.ensure_object(App)
    if not file:
        raise click.UsageError("The name of a file cannot be empty", ctx)
    if yaml_wins and db_wins:
        raise click.UsageError("--yaml-wins cannot be combined with --db-wins", ctx)
    otherwise: Winner | None = "yaml" if yaml_wins else "database" if db_wins else None
    chosen: dict[SettingKey, Winner] = {
        **dict.fromkeys(map(_setting, keep), "database"),
        **dict.fromkeys(map(_setting, take), "yaml"),
    }
    if len(chosen) < len(set(take)) + len(set(keep)):
        raise click.UsageError("--take and --keep cannot name the same setting", ctx)
    resolution = Resolution(otherwise, chosen)
    found = settings_file.read(os.fsdecode(file))
    # A mistake must not create a catalogue.
    found.check()
    with _open(app, dry_run=dry_run) as library:
        asks = otherwise is None and not (dry_run or as_json) and os.isatty(0) and os.isatty(1)
        if asks:
            plan = service.plan_import(library, found)
            open_ones = [each for each in plan.conflicts if each.setting not in chosen]
            answers = {each.setting: _ask(each) for each in open_ones}
            seen = {each.setting: each for each in open_ones}
            resolution = Resolution(None, {**chosen, **answers}, seen)
        result = service.import_settings(library, found, resolution, dry_run=dry_run)
    if as_json:
        print_json(result.to_dict())
    else:
        _show(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.unresolved else 0)


def _open(app: App, *, dry_run: bool) -> Library:
    if not dry_run:
        return open_to_change(app)
    path = app.library_path()
    return open_library(path, "read") if os.path.exists(path) else new_library_in_memory()


def _setting(word: str) -> SettingKey:
    category, _, key = word.partition(".")
    if category not in CATEGORIES or not key:
        raise click.UsageError(
            f"`{word}` is not a setting such as cameras.AB3D; the categories are:"
            f" {', '.join(CATEGORIES)}"
        )
    return SettingKey(category, key)


def _ask(conflict: Conflict) -> Winner:
    for line in _conflict(conflict):
        echo(line)
    choice = click.Choice(["catalogue", "file"])
    answer = click.prompt("Use the value of the", type=choice)
    return "yaml" if answer == "file" else "database"


def _conflict(conflict: Conflict) -> Iterator[str]:
    kept = conflict.database
    yield str(conflict.setting)
    yield f"  catalogue: {'(not valid)' if kept is None else display(value_to_text(kept))}"
    yield f"  file:      {display(value_to_text(conflict.yaml))}"


def _show(app: App, result: Imported) -> None:
    if result.ignored and not app.quiet:
        names = _listed(result.ignored)
        echo(f"{app.paint('Note:', 'yellow', err=True)} Not imported: {names}.", err=True)
        if "processing_pipelines" in result.ignored:
            echo("`vpo pipelines import` imports pipelines.", err=True)
    if result.unresolved:
        conflicts = zip(result.plan.conflicts, result.winners, strict=True)
        for conflict in (conflict for conflict, winner in conflicts if winner is None):
            for line in _conflict(conflict):
                echo(line)
        what = "1 conflict is" if result.unresolved == 1 else f"{result.unresolved:,} conflicts are"
        echo(f"Nothing was imported: {what} not resolved.", err=True)
        echo("\nUse --yaml-wins or --db-wins, or --take and --keep for single settings.", err=True)
    elif not app.quiet:
        done = "Would import" if result.dry_run else "Imported"
        echo(
            f"{done}: {len(result.imported):,}. Skipped: {result.skipped:,}."
            f" Identical: {len(result.plan.identical):,}."
        )


def _listed(names: Iterable[str], most: int = 10) -> str:
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
