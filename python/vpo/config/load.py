"""Layers of settings, put over each other and checked.

Defaults < config file < environment < command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any, get_type_hints

from vpo.config.models import Config, ScanConfig
from vpo.errors import ConfigError
from vpo.paths import display

# A settings file is written by hand; one beyond this size is some other file.
MAX_CONFIG_BYTES = 1_000_000

# Environment names that are not settings of a section.
_OTHER_VARIABLES = {"VPO_HOME"}


def home(environment: Mapping[str, str]) -> str:
    """The directory of the library and the configuration: `VPO_HOME` or `~/.vpo`."""
    return environment.get("VPO_HOME") or os.path.expanduser("~/.vpo")


def load(
    environment: Mapping[str, str], *, config_path: str | None = None, **scan: object
) -> Config:
    """The effective settings.

    `config_path` names the file to read instead of the one in `home`; it must
    exist then. `scan` are settings of that section from the command line; None
    stands for one that was not given.

    Raises ConfigError, which names file or variable, for the first mistake.
    """
    layers: list[tuple[str, dict[str, Any]]] = []
    path = config_path or os.path.join(home(environment), "config.yaml")
    if config_path is not None or os.path.exists(path):
        layers.append((f"`{display(path)}`", _read_file(path)))
    if variables := _read_environment(environment):
        layers.append(("the environment", variables))
    config = Config()
    for source, layer in layers:
        config = _put_over(config, layer, source)
    given = {name: value for name, value in scan.items() if value is not None}
    if given:
        config = replace(config, scan=replace(config.scan, **given))  # type: ignore[arg-type]
    return config


def _read_file(path: str) -> dict[str, Any]:
    import yaml

    try:
        with open(path, "rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The config file `{display(path)}` cannot be read: {error.strerror}",
            hint="Check the path and its permissions.",
        ) from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError(f"The config file `{display(path)}` is larger than a config file can be")
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
        loaded = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(
            f"`{display(path)}`{place}: {error.problem or 'not valid YAML'}",
            hint="Settings are written as `section:` with indented `key: value` lines.",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"`{display(path)}` is not valid YAML: {error}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"`{display(path)}`: a config file holds `key: value` lines",
            hint="For example: `scan:` and, indented below it, `hidden: true`.",
        )
    _check_names(loaded, Config, node, f"`{display(path)}`", "")
    return loaded


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """`VPO_<SECTION>__<KEY>` and `VPO_<KEY>` as nested settings."""
    found: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith("VPO_") or variable in _OTHER_VARIABLES:
            continue
        section, _, key = variable[4:].lower().partition("__")
        hints = get_type_hints(Config)
        if section not in hints or (key and not is_dataclass(hints[section])):
            # Other programs may use the prefix; a setting of ours has a section we know.
            continue
        if not key:
            found[section] = text
            continue
        target = hints[section]
        names = {field.name for field in fields(target)}
        if key not in names:
            raise ConfigError(
                f"The environment variable `{variable}` names no setting",
                hint=_names_hint(key, names),
            )
        is_list = str(get_type_hints(target)[key]).startswith("tuple")
        found.setdefault(section, {})[key] = (
            [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        )
    return found


def _check_names(given: dict[Any, Any], model: type, node: Any, source: str, prefix: str) -> None:
    """Refuses unknown keys, with line and the nearest known name."""
    names = {field.name for field in fields(model)}
    hints = get_type_hints(model)
    for key_node, value_node in node.value:
        key = key_node.value
        if key not in names:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            raise ConfigError(
                f"{source}, line {line}, column {column}: unknown key `{prefix}{key}`",
                hint=_names_hint(key, names),
            )
        if is_dataclass(hints[key]) and isinstance(given.get(key), dict):
            section = hints[key]
            assert isinstance(section, type)
            _check_names(given[key], section, value_node, source, f"{prefix}{key}.")


def _names_hint(key: str, names: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(str(key), sorted(names), n=1)
    known = "Known keys: " + ", ".join(sorted(names)) + "."
    return f"Did you mean `{near[0]}`? {known}" if near else known


def _put_over(config: Config, layer: dict[str, Any], source: str) -> Config:
    """Puts a layer's settings over `config`, key by key, and checks them."""
    from pydantic import TypeAdapter, ValidationError

    merged = asdict(config)
    for key, value in layer.items():
        if isinstance(merged[key], dict) and isinstance(value, dict):
            merged[key] = merged[key] | value
        elif not isinstance(merged[key], dict) or value is not None:
            merged[key] = value
    try:
        checked = TypeAdapter(Config).validate_python(merged)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: `{where}`: {first['msg']}") from error
    if checked.scan.threads < 0:
        raise ConfigError(f"{source}: `scan.threads`: must not be negative")
    return checked


__all__ = ["Config", "ScanConfig", "home", "load"]
