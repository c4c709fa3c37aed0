"""What the commands share: arguments, and settings as text and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.output.table import table
from vpo.db.library import Library, open_library
from vpo.photos.settings import ListedSetting
from vpo.photos.settings_rules import CATEGORIES, EXTENSION_KEYS, value_to_text

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


def open_to_change(app: App) -> Library:
    """Opens the catalogue to be written. A new one is created if there is none."""
    settings = app.settings({"database_path", "database_group_access", "logging"})
    app.start_logging(settings)
    path, for_group = app.library_path(settings), settings.config.database_group_access
    app.make_home(path, for_group=for_group)
    return open_library(path, "create", for_group=for_group)


def settings_table(app: App, settings: Iterable[ListedSetting]) -> Iterator[str]:
    """Settings as the lines of a table."""
    rows = [
        [
            each.category,
            display(each.key),
            display("invalid" if each.problem else each.source),
            display(value_to_text(each.value)),
        ]
        for each in settings
    ]

    def paint(_head: str, text: str) -> str:
        return app.paint(text, "red") if text.strip() == "invalid" else text

    return table(["CATEGORY", "KEY", "SOURCE", "VALUE"], rows, paint=paint)


def problems_in(settings: Iterable[ListedSetting]) -> list[str]:
    """A line for each setting that vpo cannot use."""
    return [
        f"vpo ignores {display(each.category)} {display(each.key)}: {each.problem}."
        for each in settings
        if each.problem
    ]
