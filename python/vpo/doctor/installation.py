"""Checks of the installation: versions, and the other programs that vpo uses."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator

from vpo import __version__
from vpo.base.paths import display
from vpo.config.models import Config
from vpo.db.checks import has_json_functions
from vpo.doctor.models import Diagnosis
from vpo.media.tools import REQUIREMENTS, Tool, find_tools


def check_versions() -> Iterator[Diagnosis]:
    """Checks that the parts of vpo fit each other, and that SQLite has what vpo needs."""
    from vpo._engine import __version__ as engine

    is_same = engine == __version__
    yield Diagnosis(
        "VERSIONS",
        "ok" if is_same else "error",
        f"vpo {__version__}, engine {engine}, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}",
        None if is_same else "vpo and its engine have different versions. Reinstall vpo.",
    )
    if not has_json_functions():
        yield Diagnosis(
            "SQLITE_FEATURES",
            "warning",
            "SQLite was built without JSON functions",
            "Your own SQL queries on the JSON columns of jobs will fail. Use another Python.",
        )


def check_tools(config: Config) -> Iterator[Diagnosis]:
    """Checks that the other programs are found, work, and are new enough."""
    for tool in find_tools(config.tools):
        yield _check_tool(tool, config)


def _check_tool(tool: Tool, config: Config) -> Diagnosis:
    requirement = REQUIREMENTS[tool.name]
    code = f"TOOL_{tool.name.upper()}"
    advice = (
        f"Install {requirement.package}, or set `tools.{tool.name}` to the path of {tool.name}."
    )
    if tool.error is not None:
        return Diagnosis(code, "error", f"{tool.name}: {display(tool.error)}", advice)
    if tool.path is None:
        if tool.name == config.tools.prober:
            message = f"{tool.name} was not found, but the setting `tools.prober` requires it"
            return Diagnosis(code, "error", message, advice)
        message = f"{tool.name} was not found; it {requirement.purpose}"
        warns = config.behavior.warn_on_missing_features
        return Diagnosis(code, "warning" if warns else "ok", message, advice)
    message = f"{tool.name} {tool.version or '(unknown version)'} at {display(tool.path)}"
    if tool.is_old and config.behavior.show_upgrade_suggestions:
        recommended = ".".join(map(str, requirement.recommended))
        return Diagnosis(code, "warning", message, f"Use version {recommended} or newer.")
    return Diagnosis(code, "ok", message)
