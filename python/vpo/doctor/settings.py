"""Checks of the settings: the config file, the environment and all profiles."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from vpo.base.errors import VpoError
from vpo.base.paths import display
from vpo.config import load, profiles
from vpo.config.check import mistakes_in
from vpo.doctor.models import Diagnosis


def check_config(environment: Mapping[str, str], config_path: str | None) -> Iterator[Diagnosis]:
    """Checks the config file and the environment variables."""
    try:
        mistakes = load.find_mistakes(environment, config=config_path)
    except VpoError as error:
        yield Diagnosis("CONFIG", "error", error.message, error.hint)
        return
    for mistake in mistakes:
        yield Diagnosis("CONFIG", "error", str(mistake), mistake.hint)
    if not mistakes:
        path = load.config_path(environment, config_path)
        shown = f"config file `{display(path)}`"
        if os.path.exists(path):
            yield Diagnosis("CONFIG", "ok", f"The {shown} is valid")
        else:
            yield Diagnosis("CONFIG", "ok", f"There is no {shown}: the defaults apply")


def check_profiles(environment: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Checks all profiles."""
    try:
        names = profiles.names(environment)
    except VpoError as error:
        yield Diagnosis("PROFILES", "error", error.message, error.hint)
        return
    for name in names:
        try:
            mistakes = mistakes_in(profiles.read(environment, name))
        except VpoError as error:
            yield Diagnosis("PROFILE", "error", error.message, error.hint)
            continue
        for mistake in mistakes:
            yield Diagnosis("PROFILE", "error", str(mistake), mistake.hint)
        if not mistakes:
            yield Diagnosis("PROFILE", "ok", f"The profile {name} is valid")
