"""Reading a YAML file of settings, which is not trusted to be one."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

import yaml

from vpo.config.layers import Key, Layer, Mistake, Place, names_in, nearest
from vpo.errors import ConfigError
from vpo.paths import display

# A settings file is written by hand; one beyond these is some other file, or
# one whose aliases stand for more than it says ("a billion laughs").
MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 20

_HINT = "Settings are written as `section:` with indented `key: value` lines."


def read(path: str, model: type, *, name: str) -> Layer:
    """The settings in the file at `path`, as a layer called `name`.

    What is wrong with its keys is among the layer's mistakes; the values are
    not checked here.

    Raises ConfigError if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The {name} `{display(path)}` cannot be read: {error.strerror}",
            hint="Check the path and its permissions.",
        ) from error
    return parse(content, path, model, name=name)


def parse(content: bytes, path: str, model: type, *, name: str) -> Layer:
    """As `read`, of a file's content."""
    place = Place(path)
    layer = Layer(name, place)
    try:
        if len(content) > MAX_BYTES:
            raise _NotSettingsError(place, f"larger than a {name} can be ({MAX_BYTES:,} bytes)")
        # Not libyaml's: nesting without end would end the process in it.
        loader = yaml.SafeLoader(content)
        try:
            node = loader.get_single_node()
            if node is None or node.tag == "tag:yaml.org,2002:null":
                return layer
            _check_size(node, place)
            _check_duplicates(node, layer, set())
            if not isinstance(node, yaml.MappingNode):
                raise _NotSettingsError(place, f"a {name} holds `key: value` lines")
            settings = loader.construct_document(node)
        finally:
            loader.dispose()
    except _NotSettingsError as error:
        layer.mistakes.append(Mistake(error.place, str(error), _HINT))
        return layer
    except yaml.MarkedYAMLError as error:
        at = _place(path, error.problem_mark) if error.problem_mark else place
        layer.mistakes.append(Mistake(at, error.problem or "not valid YAML", _HINT))
        return layer
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        layer.mistakes.append(Mistake(place, f"not valid YAML: {said}", _HINT))
        return layer
    _note_places(node, model, layer, ())
    layer.settings = settings
    return layer


class _NotSettingsError(Exception):
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


def _place(path: str, mark: Any) -> Place:
    return Place(path, mark.line + 1, mark.column + 1)


def _check_size(top: Any, place: Place) -> None:
    """Counts what the document stands for, each use of an alias anew."""
    count = 0
    waiting = [(top, 1)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise _NotSettingsError(
                _place(place.source, node.start_mark),
                "aliases and nesting here stand for more than settings can be",
            )
        if isinstance(node, yaml.MappingNode):
            waiting.extend((child, depth + 1) for pair in node.value for child in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend((child, depth + 1) for child in node.value)


def _check_duplicates(node: Any, layer: Layer, done: set[int]) -> None:
    """Notes keys that are given twice, of which YAML would take the last."""
    if id(node) in done:
        return
    done.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_duplicates(item, layer, done)
    elif isinstance(node, yaml.MappingNode):
        seen: set[object] = set()
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    place = _place(layer.place.source, key_node.start_mark)
                    message = f"the key `{display(key_node.value)}` is given twice"
                    layer.mistakes.append(Mistake(place, message))
                seen.add(key_node.value)
            _check_duplicates(value_node, layer, done)


def _note_places(node: Any, model: type, layer: Layer, prefix: Key) -> None:
    """Notes where each key stands, and those that there are not."""
    names = names_in(model)
    for key_node, value_node in node.value:
        name = str(key_node.value)
        key = (*prefix, name)
        place = _place(layer.place.source, key_node.start_mark)
        if name not in names:
            shown = display(".".join(key))
            message = f"unknown key `{shown}`"
            layer.mistakes.append(Mistake(place, message, nearest(name, names)))
            continue
        layer.places[key] = place
        if isinstance(value_node, yaml.SequenceNode):
            for number, item in enumerate(value_node.value):
                item_key = (*key, str(number))
                layer.places[item_key] = _place(layer.place.source, item.start_mark)
        # A section that is no mapping is refused with the values.
        if is_dataclass(names[name]) and isinstance(value_node, yaml.MappingNode):
            _note_places(value_node, names[name], layer, key)
