"""Reading a YAML file of settings. The file is not trusted: it may hold anything."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from vpo.base.errors import ConfigError
from vpo.base.paths import display
from vpo.config.content import MAX_BYTES, content_of
from vpo.config.layers import Key, Layer, Mistake, Place, names_in, nearest
from vpo.config.models import PHOTO_KEYS, Config

# People write settings by hand. A file beyond these limits is some other file, or its
# aliases expand to very much ("a billion laughs").
MAX_NODES = 10_000
MAX_DEPTH = 20

# A number with more digits does not fit any setting.
MAX_DIGITS = 100

_TOO_MUCH = "there are more aliases or nested values here than vpo accepts"
_HINT = "Write settings as `section:` and, indented below it, `key: value` lines."


def read(path: str, model: type, *, name: str) -> Layer:
    """The settings in the file at `path`, as a layer called `name`.

    The layer's mistakes include unknown keys. The values are checked later.

    Raises ConfigError if the file cannot be read.
    """
    return parse(content_of(path, name=name), path, model, name=name)


def parse(content: bytes, path: str, model: type, *, name: str) -> Layer:
    """Does the same as `read`, for the content of a file."""
    layer = Layer(name, Place(path))
    with _noting_mistakes(layer, content), _loading(content, layer) as loader:
        node = _mapping_in(loader, layer)
        if node is not None:
            settings = loader.construct_document(node)
            if not isinstance(settings, dict):  # `!!set {scan}`
                raise _no_mapping(layer)
            others = PHOTO_KEYS if model is Config else ()
            _note_places(node, model, layer, (), others)
            layer.settings = {key: each for key, each in settings.items() if key not in others}
    return layer


def mapping_in(content: bytes, path: str, *, name: str) -> tuple[Any, list[Mistake]]:
    """The node of the mapping in a YAML file, for a caller that needs scalars as they are written.

    None if the file is empty. Aliases are nodes that occur several times; merges (`<<`) are
    done. `name` is what to call the file. If there are mistakes, the node is not complete.
    """
    layer = Layer(name, Place(path))
    node = None
    with _noting_mistakes(layer, content), _loading(content, layer) as loader:
        node = _mapping_in(loader, layer)
        if node is not None:
            _merge(loader, node, set())
    return node, layer.mistakes


@contextmanager
def _noting_mistakes(layer: Layer, content: bytes) -> Iterator[None]:
    """Notes the mistake that ends the reading of a file."""
    path = layer.place.source
    try:
        yield
    except _NotSettingsError as error:
        layer.mistakes.append(Mistake(error.place, str(error), _HINT))
    except yaml.MarkedYAMLError as error:
        at = _place(path, error.problem_mark) if error.problem_mark else layer.place
        layer.mistakes.append(Mistake(at, display(error.problem or "not valid YAML"), _HINT))
    except ReaderError as error:
        at = _place_of_character(content, path, error)
        layer.mistakes.append(Mistake(at, f"not text: {display(error.reason)}", _HINT))
    except yaml.YAMLError as error:
        message = f"not valid YAML: {display(str(error))}"
        layer.mistakes.append(Mistake(layer.place, message, _HINT))


@contextmanager
def _loading(content: bytes, layer: Layer) -> Iterator[_Loader]:
    if len(content) > MAX_BYTES:
        raise _NotSettingsError(
            layer.place,
            f"the file is too large: a {layer.name} can have at most {MAX_BYTES:,} bytes",
        )
    # This is PyYAML's own loader: endless nesting would crash the process in libyaml's.
    loader = _Loader(content, layer.place.source)
    try:
        yield loader
    finally:
        loader.dispose()


def _mapping_in(loader: _Loader, layer: Layer) -> Any:
    """The node of the mapping in a document, None if it is empty."""
    node = loader.get_single_node()
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return None
    _check_size(node, layer.place)
    _check_duplicates(node, layer, set())
    if not isinstance(node, yaml.MappingNode):
        raise _no_mapping(layer)
    return node


def _no_mapping(layer: Layer) -> _NotSettingsError:
    message = f"not a {layer.name}: it must hold `key: value` lines"
    return _NotSettingsError(layer.place, message)


def _merge(loader: _Loader, node: Any, done: set[int]) -> None:
    """Puts what mappings merge from others (`<<`) in its place."""
    if id(node) in done:
        return
    done.add(id(node))
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        for _, value in node.value:
            _merge(loader, value, done)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _merge(loader, item, done)


def node_of(text: str, path: str) -> Any:
    """The node of a text that `parse` accepts, with the place of each value; None if it is empty.

    Raises ConfigError if the text is not valid YAML.
    """
    try:
        loader = _Loader(text, path)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except (_NotSettingsError, yaml.YAMLError) as error:
        raise ConfigError(
            f"`{display(path)}` is not valid YAML: {display(str(error))}", hint=_HINT
        ) from error


class _NotSettingsError(Exception):
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class _Loader(yaml.SafeLoader):
    """Stops at the first node beyond the limits, and locates values that do not fit their tag."""

    def __init__(self, content: bytes | str, path: str) -> None:
        self._path = path
        self._count = 0
        self._depth = 0
        super().__init__(content)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Makes a node and the nodes inside it."""
        self._count += 1
        self._depth += 1
        if self._count > MAX_NODES or self._depth > MAX_DEPTH:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise _NotSettingsError(_place(self._path, event.start_mark), _TOO_MUCH)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_yaml_int(self, node: Any) -> Any:
        """Makes a whole number. Text such as `1:30` is text: YAML 1.1 takes it for base 60."""
        value = self._short(node)
        return value if ":" in value else super().construct_yaml_int(node)

    def construct_yaml_float(self, node: Any) -> Any:
        """Makes a number. Text such as `1:30.5` is text."""
        value = self._short(node)
        return value if ":" in value else super().construct_yaml_float(node)

    def _short(self, node: Any) -> str:
        """The text of a number. Making long ones takes very long, and none of them is needed."""
        value = self.construct_scalar(node)
        if len(value) > MAX_DIGITS:
            raise ValueError("too long")
        return str(value)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Makes the value of a node."""
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, str):
                os.fsencode(value)  # YAML can write half a character: "\\ud800"
            return value
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            # For example from `2020-99-99` or `!!bool maybe`.
            tag = node.tag.rpartition(":")[2]
            raise ConstructorError(
                None, None, f"not a valid YAML {tag}", node.start_mark
            ) from error


# PyYAML finds these methods by the tag of a value.
for _kind in ("int", "float"):
    _Loader.add_constructor(
        f"tag:yaml.org,2002:{_kind}", getattr(_Loader, f"construct_yaml_{_kind}")
    )


def _place(path: str, mark: Any) -> Place:
    return Place(path, mark.line + 1, mark.column + 1)


def _place_of_character(content: bytes, path: str, error: ReaderError) -> Place:
    """Where the character is that is not text.

    YAML counts characters, or bytes where it cannot decode characters.
    """
    is_text = error.encoding == "unicode"
    before = (content if is_text else content[: error.position]).decode(errors="replace")
    lines = before[: error.position].split("\n")
    return Place(path, len(lines), len(lines[-1]) + 1)


def _check_size(top: Any, place: Place) -> None:
    """Counts the nodes of the document. Each use of an alias counts all nodes again."""
    count = 0
    waiting = [(top, 1)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise _NotSettingsError(_place(place.source, node.start_mark), _TOO_MUCH)
        if isinstance(node, yaml.MappingNode):
            waiting.extend((child, depth + 1) for pair in node.value for child in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend((child, depth + 1) for child in node.value)


def _check_duplicates(node: Any, layer: Layer, done: set[int]) -> None:
    """Notes keys that are given twice. YAML would silently take the last."""
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


def _note_places(
    node: Any, model: type, layer: Layer, prefix: Key, others: Collection[str] = ()
) -> None:
    """Notes the place of each key, and the keys that are unknown. `others` are known elsewhere."""
    names = names_in(model)
    for key_node, value_node in node.value:
        name = str(key_node.value)
        key = (*prefix, name)
        place = _place(layer.place.source, key_node.start_mark)
        if name in others:
            continue
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
        # A section that is not a mapping is refused when the values are checked.
        if is_dataclass(names[name]) and isinstance(value_node, yaml.MappingNode):
            _note_places(value_node, names[name], layer, key)
