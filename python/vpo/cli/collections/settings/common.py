"""What the commands share: arguments, the catalogue, warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from vpo.base.errors import as_utf8
from vpo.cli.app import App
from vpo.cli.output.streams import echo
from vpo.db.library import Library, open_library
from vpo.photos.settings_rules import CATEGORIES, EXTENSION_KEYS

F = TypeVar("F", bound=Callable[..., Any])


def category_argument(*, required: bool = True) -> Callable[[F], F]:
    """The argument CATEGORY."""
    return click.argument(
        "category",
        metavar="CATEGORY" if required else "[CATEGORY]",
        type=click.Choice(CATEGORIES),
        required=required,
    )


def complete_keys(
    ctx: click.Context, _parameter: click.Parameter, word: str
) -> list[CompletionItem]:
    """Offers the keys of `extensions`."""
    keys = EXTENSION_KEYS if ctx.params.get("category") == "extensions" else ()
    return [CompletionItem(key) for key in keys if key.startswith(word)]


def open_to_change(app: App, *, creates: bool = True) -> Library:
    """Opens the catalogue to be written. If there is none, a new one is created."""
    settings = app.settings({"database_path", "database_group_access", "logging"})
    app.start_logging(settings)
    path, for_group = app.library_path(settings), settings.config.database_group_access
    if not creates:
        return open_library(path, "write")
    app.make_home(path, for_group=for_group)
    return open_library(path, "create", for_group=for_group)


def show_warnings(app: App, warnings: Iterable[str]) -> None:
    """Prints warnings, which have no full stop yet, on stderr."""
    for warning in warnings:
        echo(f"{app.paint('Warning:', 'yellow', err=True)} {as_utf8(warning)}.", err=True)
