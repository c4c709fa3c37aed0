"""The options that every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vpo.cli.app import App
from vpo.cli.options.completion import complete_profiles

F = TypeVar("F", bound=Callable[..., Any])


def _store(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keeps the value in the application object, where every command finds it."""
    if value == "":
        raise click.BadParameter("the value cannot be empty", ctx, parameter)
    # An option that is not given here may have been given before the command.
    source = ctx.get_parameter_source(parameter.name or "")
    if source is not click.core.ParameterSource.DEFAULT:
        setattr(ctx.ensure_object(App), parameter.name or "", value)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_store, **attributes)


_OPTIONS = (
    _option("--db", metavar="PATH", help="Catalogue file (default: ~/.vpo/library.db)."),
    _option("--config", metavar="PATH", help="Config file (default: ~/.vpo/config.yaml)."),
    _option(
        "--profile",
        metavar="NAME",
        help="Use profile NAME; it overrides the config file.",
        shell_complete=complete_profiles,
    ),
    _option(
        "--log-level",
        metavar="LEVEL",
        type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
        help="Log level: debug, info, warning or error.",
    ),
    _option("--log-file", metavar="PATH", help="Log to this file."),
    _option("--log-json", is_flag=True, default=None, help="Log one JSON object per line."),
    _option("-q", "--quiet", is_flag=True, help="Print no summaries, notes or progress."),
    _option("-v", "--verbose", is_flag=True, help="Print more details."),
    _option(
        "--progress/--no-progress",
        default=True,
        help="Show progress on a terminal (the default).",
    ),
    _option(
        "--color",
        metavar="WHEN",
        type=click.Choice(["auto", "always", "never"]),
        help="Colours: auto (on a terminal), always or never.",
    ),
)


def global_options(command: F) -> F:
    """Adds the global options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
