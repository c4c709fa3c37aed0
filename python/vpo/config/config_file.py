"""The config file as a file that is to be changed."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vpo.base.errors import ConfigError
from vpo.base.paths import display
from vpo.config import document
from vpo.config.draft import SettingsFile
from vpo.config.load import config_path
from vpo.config.models import Config

_HEAD = b"# Settings of vpo. `vpo config schema` lists all of them.\n"


def settings_file(environment: Mapping[str, str], named: str | None) -> SettingsFile:
    """The config file that is in use, or the one that `named` names. It need not exist.

    Its directory is created. Raises ConfigError if it cannot be.
    """
    path = os.path.abspath(config_path(environment, named))
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The directory `{display(directory)}` cannot be created: {error.strerror}",
            hint="Check what exists at that path, and the permissions of the directory above.",
        ) from error
    return SettingsFile(
        "config file",
        path,
        lambda copy: document.read(copy, Config, name="config file"),
        _HEAD,
    )
