"""`vpo doctor`: what is wrong with the installation, and what to do."""

from __future__ import annotations

import os

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, EXIT_NOT_DONE, ConfigError
from vpo.cli.app import App
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config.load import Settings
from vpo.config.models import Config
from vpo.doctor import diagnose as checks

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command("doctor")
@click.option("--full", is_flag=True, help="Read the whole library for damage.")
@json_option
@global_options
@click.pass_context
def doctor(ctx: click.Context, /, full: bool, as_json: bool) -> None:
    """Check the installation, the settings and the library.

    Exit status: 0 all is well, 1 there are warnings, 2 something is wrong.
    """
    app = ctx.ensure_object(App)
    settings = _settings(app)
    path = app.library_path(settings)
    findings = []
    for finding in checks.examine(
        os.environ, settings.config, library_path=path, config_path=app.config, full=full
    ):
        findings.append(finding)
        if as_json or (app.quiet and finding.level == "ok"):
            continue
        echo(f"{app.paint(f'{finding.level:7}', _COLOURS[finding.level])}  {finding.message}")
        if finding.advice:
            echo(f"         {finding.advice}")
    levels = {finding.level for finding in findings}
    if as_json:
        print_json({"findings": [finding.to_dict() for finding in findings]})
    ctx.exit(
        EXIT_NOT_DONE if "error" in levels else EXIT_DONE_WITH_ERRORS if "warning" in levels else 0
    )


def _settings(app: App) -> Settings:
    """The settings, or the defaults where they have mistakes: those are among the findings."""
    try:
        return app.settings()
    except ConfigError:
        return Settings(Config())
