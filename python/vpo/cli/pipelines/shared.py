"""What the commands of `vpo pipelines` share: arguments, options, and how a pipeline looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.options.completion import complete_pipelines
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import Library, open_library
from vpo.photos.pipelines import StoredPipeline

F = TypeVar("F", bound=Callable[..., Any])

strict_option = click.option("--strict", is_flag=True, help="Refuse a pipeline with mistakes.")


def name_argument(command: F) -> F:
    """Adds the argument NAME: a pipeline, by its name or id."""
    return click.argument("name", shell_complete=complete_pipelines)(command)


def file_option(**attributes: Any) -> Callable[[F], F]:
    """Adds `--file`."""
    return click.option("--file", "path", metavar="FILE", type=click.Path(), **attributes)


def version_option(command: F) -> F:
    """Adds `--version`."""
    return click.option(
        "--version", "number", type=click.IntRange(1), metavar="N", help="An earlier version."
    )(command)


def opened(app: App, *, creates: bool) -> Library:
    """The catalogue, to be written; `creates`: it is created if it does not exist."""
    settings = app.settings()
    app.start_logging(settings)
    path, for_group = app.library_path(settings), settings.config.database_group_access
    if not creates:
        return open_library(path, "write")
    app.make_home(path, for_group=for_group)
    return open_library(path, "create", for_group=for_group)


def changed(
    app: App,
    work: Callable[[Library], StoredPipeline],
    *,
    as_json: bool,
    creates: bool = False,
) -> None:
    """Opens the catalogue, changes a pipeline and shows it."""
    with opened(app, creates=creates) as library:
        stored = work(library)
    if as_json:
        print_json(stored.to_dict())
    elif not app.quiet:
        for line in details(stored):
            echo(line)


def details(stored: StoredPipeline) -> Iterator[str]:
    """A pipeline in lines for people."""
    row = stored.row
    yield f"Pipeline: {display(row.name)} ({row.id})"
    if row.description:
        yield f"Description: {display(row.description)}"
    yield f"Version: {row.version} ({times.to_local_text(row.updated_at)})"
    yield f"State: {state(stored)}"
    yield from problem_lines(stored.errors)


def state(stored: StoredPipeline) -> str:
    """Whether a pipeline is used, and can be."""
    if not stored.row.is_valid:
        return "not valid"
    return "active" if stored.row.is_active else "valid"


def problem_lines(problems: Sequence[Mapping[str, Any]], noun: str = "Error") -> Iterator[str]:
    """Mistakes or warnings in lines for people."""
    for each in problems:
        node = f" {display(each['node_id'])}:" if each["node_id"] else ""
        yield f"{noun}:{node} {display(each['message'])}. {display(each['suggestion'])}"
