"""The options that every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vpo.cli.app import App
from vpo.cli.options.completion import complete_profiles

F = TypeVar("F", bound=Callable[..., Any])


class GlobalOption(click.Option):
    """An option that every command takes. Help shows it below the command's own options."""


def _store(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keeps the value in the application object, where every command finds it."""
    if value == "":
        raise click.BadParameter("the value cannot be empty", ctx, parameter)
    # An option that is not given here may have been given before the command.
    source = ctx.get_parameter_source(parameter.name or "")
    if source is not click.core.ParameterSource.DEFAULT:
        setattr(ctx.ensure_object(App), parameter.name or "", value)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, cls=GlobalOption, expose_value=False, callback=_store, **attributes)


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


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Writes a command's own options, and then the global ones, in two sections of its help."""
    sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Global options": []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and isinstance(parameter, click.Option):
            is_global = isinstance(parameter, GlobalOption)
            sections["Global options" if is_global else "Options"].append(record)
    for heading, records in sections.items():
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)


def global_options(command: F) -> F:
    """Adds the global options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
