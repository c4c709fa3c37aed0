"""Layers of settings, put over each other and checked.

Defaults < config file < environment < command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, get_type_hints

from vpo.config.models import Config
from vpo.errors import ConfigError
from vpo.paths import display

# A settings file is written by hand; one beyond this size is some other file.
MAX_CONFIG_BYTES = 1_000_000

Key = tuple[str, ...]


@dataclass
class Layer:
    """Settings from one source, and where in it each stands."""

    source: str
    settings: dict[str, Any]
    places: dict[Key, str] = field(default_factory=dict)

    def place_of(self, key: Key) -> str:
        """Where a setting, or the section it should be in, was given."""
        while key and key not in self.places:
            key = key[:-1]
        return self.places.get(key, self.source)


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

    Raises ConfigError, which names file and line or variable, for the first mistake.
    """
    config = Config()
    path = config_path or os.path.join(home(environment), "config.yaml")
    if config_path is not None or os.path.exists(path):
        config = _put_over(config, _read_file(path))
    variables = _read_environment(environment)
    if variables.settings:
        config = _put_over(config, variables)
    given: dict[str, Any] = {name: value for name, value in scan.items() if value is not None}
    return replace(config, scan=replace(config.scan, **given)) if given else config


def _read_file(path: str) -> Layer:
    import yaml

    source = f"`{display(path)}`"
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The config file {source} cannot be read: {error.strerror}",
            hint="Check the path and its permissions.",
        ) from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError(f"The config file {source} is larger than a config file can be")
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
        loaded = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{source}, {_line_and_column(mark)}" if mark else source
        raise ConfigError(
            f"{place}: {error.problem or 'not valid YAML'}",
            hint="Settings are written as `section:` with indented `key: value` lines.",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source} is not valid YAML: {str(error).splitlines()[0]}") from error
    if loaded is None:
        return Layer(source, {})
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"{source}: a config file holds `key: value` lines",
            hint="For example: `scan:` and, indented below it, `hidden: true`.",
        )
    layer = Layer(source, loaded)
    _check_names(node, Config, layer, ())
    return layer


def _line_and_column(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _check_names(node: Any, model: type, layer: Layer, prefix: Key) -> None:
    """Notes where each key stands; refuses unknown ones and ones given twice."""
    hints = get_type_hints(model)
    for key_node, value_node in node.value:
        key = (*prefix, str(key_node.value))
        place = f"{layer.source}, {_line_and_column(key_node.start_mark)}"
        name = ".".join(key)
        if key[-1] not in hints:
            raise ConfigError(
                f"{place}: unknown key `{display(name)}`", hint=_names_hint(key[-1], hints)
            )
        if key in layer.places:
            raise ConfigError(f"{place}: the key `{name}` is given twice")
        layer.places[key] = place
        if value_node.id == "sequence":
            for number, item in enumerate(value_node.value):
                item_key = (*key, str(number))
                layer.places[item_key] = f"{layer.source}, {_line_and_column(item.start_mark)}"
        # A section that is no mapping is refused with the values.
        if is_dataclass(hints[key[-1]]) and value_node.id == "mapping":
            _check_names(value_node, hints[key[-1]], layer, key)


def _read_environment(environment: Mapping[str, str]) -> Layer:
    """`VPO_<SECTION>__<KEY>` and `VPO_<KEY>` as nested settings."""
    layer = Layer("the environment", {})
    sections = get_type_hints(Config)
    for variable, text in environment.items():
        section, separator, key = variable.removeprefix("VPO_").lower().partition("__")
        if not variable.startswith("VPO_") or section not in sections:
            # Other programs may use the prefix; ours has a section we know.
            continue
        model = sections[section]
        if not is_dataclass(model):
            if not separator:
                layer.settings[section] = text
                layer.places[(section,)] = f"`{variable}`"
            continue
        names = [each.name for each in fields(model)]
        if key not in names:
            raise ConfigError(
                f"The environment variable `{variable}` names no setting",
                hint=_names_hint(key, names),
            )
        hint = get_type_hints(model)[key]
        is_list = getattr(hint, "__origin__", None) is tuple
        value = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        layer.settings.setdefault(section, {})[key] = value
        layer.places[section, key] = f"`{variable}`"
    return layer


def _names_hint(key: str, names: Mapping[str, Any] | list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(key, sorted(names), n=1)
    known = "Known keys: " + ", ".join(sorted(names)) + "."
    return f"Did you mean `{near[0]}`? {known}" if near else known


def _put_over(config: Config, layer: Layer) -> Config:
    """Puts a layer's settings over `config`, key by key, and checks them."""
    from pydantic import TypeAdapter, ValidationError

    merged = asdict(config)
    for key, value in layer.settings.items():
        if isinstance(merged[key], dict) and isinstance(value, dict):
            merged[key] = merged[key] | value
        elif not isinstance(merged[key], dict) or value is not None:
            merged[key] = value
    try:
        checked = TypeAdapter(Config).validate_python(merged)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(str(part) for part in first["loc"])
        given = first["input"]
        shown = f", not `{display(str(given))}`" if isinstance(given, (str, int, float)) else ""
        raise ConfigError(
            f"{layer.place_of(place)}: `{'.'.join(place)}`: {first['msg']}{shown}",
            key=".".join(place),
        ) from error
    _check_rules(checked, layer)
    return checked


def _check_rules(config: Config, layer: Layer) -> None:
    """Refuses globs and extensions that the engine would not take."""
    from vpo._engine import Rules

    for name in ("exclude", "extensions"):
        if name not in (layer.settings.get("scan") or {}):
            continue
        for number, item in enumerate(getattr(config.scan, name)):
            try:
                if name == "exclude":
                    Rules(b"/", excludes=[item])
                else:
                    Rules(b"/", extensions=[item])
            except ValueError as error:
                place = layer.place_of(("scan", name, str(number)))
                raise ConfigError(f"{place}: `scan.{name}`: {error}") from error
