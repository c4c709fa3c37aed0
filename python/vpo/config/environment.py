"""Settings in environment variables: `VPO_<SECTION>__<KEY>`, and names of earlier programs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vpo.base.errors import HomeNotFoundError
from vpo.base.paths import display
from vpo.config.layers import Key, Layer, Mistake, Place, nearest, settings_of
from vpo.config.models import PATH, Config

# Variables that name a place or a profile. They are not settings themselves.
HOME = "VPO_HOME"
CONFIG_PATH = "VPO_CONFIG_PATH"
PROFILE = "VPO_PROFILE"

# The names of an earlier program.
ALIASES: Mapping[str, Key] = {
    "VPO_FFMPEG_PATH": ("tools", "ffmpeg"),
    "VPO_FFPROBE_PATH": ("tools", "ffprobe"),
    "VPO_MKVMERGE_PATH": ("tools", "mkvmerge"),
    "VPO_MKVPROPEDIT_PATH": ("tools", "mkvpropedit"),
    "VPO_JOBS_RETENTION_DAYS": ("jobs", "retention_days"),
    "VPO_JOBS_AUTO_PURGE": ("jobs", "auto_purge"),
}


def home(environment: Mapping[str, str]) -> str:
    """The directory of the catalogue and the configuration: `VPO_HOME` or `~/.vpo`.

    Raises HomeNotFoundError if nothing says where that is.
    """
    return expand_home(environment.get(HOME) or "~/.vpo")


def expand_home(path: str) -> str:
    """A path with the home directory in the place of `~`.

    In a crontab or a systemd unit, no shell expands `~`. Raises HomeNotFoundError if there is no
    home directory: otherwise a directory called `~` would be made.
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        user = expanded.partition("/")[0]
        whose = "of this user" if user == "~" else f"`{display(user)}`"
        raise HomeNotFoundError(
            f"The home directory {whose} is not known, so `{display(path)}` leads nowhere",
            hint="Set VPO_HOME to the directory in which vpo is to keep its catalogue, or use an"
            " absolute path. A path that begins with `~` can be written as `./~…`.",
        )
    return expanded


def variable_of(key: Key) -> str:
    """The name of the environment variable for a setting."""
    return "VPO_" + "__".join(part.upper() for part in key)


def read(environment: Mapping[str, str]) -> Layer:
    """The settings in the environment. The name of a setting wins over its old name."""
    layer = Layer("environment", Place("the environment"))
    settings = settings_of(Config)
    by_variable = {variable_of(key): key for key in settings}
    for variable, key in (*ALIASES.items(), *by_variable.items()):
        text = environment.get(variable)
        if text is None:
            continue
        setting = settings[key]
        value: object = text
        if setting.is_list:
            separator = os.pathsep if setting.is_marked(PATH) else ","
            value = [part.strip() for part in text.split(separator) if part.strip()]
        layer.put(key, value, Place(variable))
    for variable in environment:
        if variable.startswith("VPO_") and variable not in {*by_variable, *ALIASES}:
            layer.mistakes += _mistakes_in_name(variable, by_variable)
    return layer


def _mistakes_in_name(variable: str, by_variable: Mapping[str, Key]) -> list[Mistake]:
    """What is wrong with an unknown variable, if it looks like a misspelt setting.

    Variables of other programs may start with `VPO_` too.
    """
    import difflib

    keys = by_variable.values()
    sections = {key[0] for key in keys if len(key) == 2}
    section, separator, name = variable.removeprefix("VPO_").lower().partition("__")
    no_setting = "this environment variable does not name a setting"
    if section in sections:
        hint = nearest(name, [key[1] for key in keys if key[0] == section])
        return [Mistake(Place(variable), no_setting, hint)]
    if separator and difflib.get_close_matches(section, sections, n=1):
        message = "this environment variable does not name a section"
        return [Mistake(Place(variable), message, nearest(section, sections, what="sections"))]
    squeezed = {name.replace("_", ""): name for name in by_variable}
    if meant := squeezed.get(variable.upper().replace("_", "")):
        hint = f"Did you mean `{meant}`? Two underscores separate the section from the key."
        return [Mistake(Place(variable), no_setting, hint)]
    return []
