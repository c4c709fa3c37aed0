"""`vpo doctor`: problems of the installation, the settings and the catalogue."""

from __future__ import annotations

import os

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, EXIT_NOT_DONE, ConfigError
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config.load import Settings
from vpo.config.models import Config
from vpo.doctor.models import Diagnosis, DoctorRequest
from vpo.doctor.run import run

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
_EXIT_STATUSES = {"ok": 0, "warning": EXIT_DONE_WITH_ERRORS, "error": EXIT_NOT_DONE}


@command("doctor")
@click.option(
    "--full", is_flag=True, help="Read the whole catalogue to find damage; this takes longer."
)
@json_option
@global_options
@click.pass_context
def doctor(ctx: click.Context, /, full: bool, as_json: bool) -> None:
    """Check the installation, the settings and the catalogue.

    For each problem, vpo shows what to do. Exit status: 0 no problems, 1 some
    warnings, 2 some errors.
    """
    app = ctx.ensure_object(App)
    settings = _settings(app)
    request = DoctorRequest(
        os.environ,
        settings.config,
        app.library_path(settings),
        config_path=app.config,
        full=full,
    )

    def show(diagnosis: Diagnosis) -> None:
        if not (app.quiet and diagnosis.level == "ok"):
            level = app.paint(f"{diagnosis.level:7}", _COLOURS[diagnosis.level])
            echo(f"{level}  {diagnosis.message}")
            if diagnosis.advice:
                echo(f"         {diagnosis.advice}")

    result = run(request, None if as_json else show)
    if as_json:
        print_json(result.to_dict())
    ctx.exit(_EXIT_STATUSES[result.level])


def _settings(app: App) -> Settings:
    """The settings, or the defaults if they have mistakes: the doctor reports those itself."""
    try:
        return app.settings()
    except ConfigError:
        return Settings(Config())
