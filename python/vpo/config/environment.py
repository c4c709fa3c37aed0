"""Settings in variables: `VPO_<SECTION>__<KEY>`, and the names of earlier programs."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping

from vpo.base.paths import display
from vpo.config.layers import Key, Layer, Mistake, Place, nearest, settings_of
from vpo.config.models import PATH, Config

# Variables that say where settings are, and that are none themselves.
HOME = "VPO_HOME"
CONFIG_PATH = "VPO_CONFIG_PATH"
PROFILE = "VPO_PROFILE"

# As the earlier program called them.
ALIASES: Mapping[str, Key] = {
    "VPO_FFMPEG_PATH": ("tools", "ffmpeg"),
    "VPO_FFPROBE_PATH": ("tools", "ffprobe"),
    "VPO_MKVMERGE_PATH": ("tools", "mkvmerge"),
    "VPO_MKVPROPEDIT_PATH": ("tools", "mkvpropedit"),
    "VPO_JOBS_RETENTION_DAYS": ("jobs", "retention_days"),
    "VPO_JOBS_AUTO_PURGE": ("jobs", "auto_purge"),
}


def home(environment: Mapping[str, str]) -> str:
    """The directory of the library and the configuration: `VPO_HOME` or `~/.vpo`."""
    # In a crontab or a unit no shell has expanded it.
    return os.path.expanduser(environment.get(HOME) or "~/.vpo")


def variable_of(key: Key) -> str:
    """The name of the variable that gives a setting."""
    return "VPO_" + "__".join(part.upper() for part in key)


def read(environment: Mapping[str, str]) -> Layer:
    """The settings in the environment. A variable's own name wins over its alias."""
    layer = Layer("environment", Place("the environment"))
    settings = settings_of(Config)
    sections = {key[0] for key in settings if len(key) == 2}
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
    squeezed = {name.replace("_", ""): name for name in by_variable}
    for variable in environment:
        if variable in by_variable or variable in ALIASES or not variable.startswith("VPO_"):
            continue
        section, separator, key_name = variable.removeprefix("VPO_").lower().partition("__")
        if section in sections:
            keys = [key[1] for key in settings if key[0] == section]
            layer.mistakes.append(
                Mistake(
                    Place(variable),
                    f"The environment variable `{display(variable)}` names no setting",
                    nearest(key_name, keys),
                )
            )
        elif separator and difflib.get_close_matches(section, sections, n=1):
            # Other programs may use the prefix; this is one of ours, misspelt.
            layer.mistakes.append(
                Mistake(
                    Place(variable),
                    f"The environment variable `{display(variable)}` names no section",
                    nearest(section, sections, what="sections"),
                )
            )
        elif meant := squeezed.get(variable.upper().replace("_", "")):
            layer.mistakes.append(
                Mistake(
                    Place(variable),
                    f"The environment variable `{display(variable)}` names no setting",
                    f"Did you mean `{meant}`? Section and key are joined by two underscores.",
                )
            )
    return layer
