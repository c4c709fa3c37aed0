"""Which settings photo collections have, and which values each of them takes.

A value is normalised when it enters the program, whatever it comes from: the command line, a
YAML file, or the catalogue, which somebody else may have changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, NoReturn, get_args

from vpo.base.errors import CollectionSettingError
from vpo.base.paths import display, is_utf8
from vpo.photos.model import PhotoSettings

Category = Literal["extensions", "cameras", "processing_methods"]
CATEGORIES: tuple[Category, ...] = get_args(Category)

EXTENSION_KEYS = ("photo_extensions", "metadata_extensions", "require_sidecar")

Value = list[str] | dict[str, str] | str
"""A list of extensions, the `name` and `serial_number` of a camera, or a method's description."""

MAX_TEXT = 1000
MAX_EXTENSIONS = 1000
MAX_KEY = 255

# The grammar of file names allows no other extensions, cameras and properties.
_EXTENSION = re.compile(r"\.[a-z0-9]{1,50}")
_CAMERA = re.compile(r"[A-Z0-9]{4}")
_METHOD = re.compile(rf"[A-Za-z0-9_ ]{{1,{MAX_KEY}}}")

_MAX_WRAPS = 20


class SettingKey(NamedTuple):
    """What names a setting."""

    category: Category
    key: str

    def __str__(self) -> str:
        return f"{self.category} {display(self.key)}"


class Number(str):
    """A whole number of YAML or JSON, as it is written: serial numbers can begin with zeros."""

    __slots__ = ()


class NotText(NamedTuple):
    """A value that no setting can have: true, 1.5, a date."""

    text: str


def default_of(setting: SettingKey) -> Value | None:
    """The value that a setting has if nobody has set it, None if it does not exist then."""
    if setting.category == "extensions" and setting.key in EXTENSION_KEYS:
        return list(getattr(PhotoSettings(), setting.key))
    return None


def setting_of(category: Category, key: str) -> SettingKey:
    """The setting of that name. Raises CollectionSettingError if there can be none."""
    if category == "extensions":
        if key not in EXTENSION_KEYS:
            _refuse(
                f"There is no setting `{display(key)}` in `extensions`",
                f"The settings are: {', '.join(EXTENSION_KEYS)}.",
            )
    elif category == "cameras":
        if not _CAMERA.fullmatch(key):
            _refuse(
                f"`{display(key)}` is not the ID of a camera",
                "The ID is the first four characters of the camera's file names: capital letters"
                " A to Z and digits, such as AB3D.",
            )
    elif not _METHOD.fullmatch(key) or key.isspace() or key.isdigit():
        _refuse(
            f"`{display(key)}` is not the code of a processing method",
            "A code has letters A to Z, digits, spaces and underscores, and does not consist of"
            f" digits or spaces alone. It has at most {MAX_KEY} characters.",
        )
    return SettingKey(category, key)


def normalise(setting: SettingKey, value: object, unknown: list[str] | None = None) -> Value:
    """The value in the form in which it is compared, kept and used.

    Extensions are in lower case and each occurs once. A camera is the first object of a list or
    of nested lists. Names of unknown properties go into `unknown`, or are an error without it.

    Raises CollectionSettingError for a value that the setting cannot have.
    """
    if setting.category == "extensions":
        return _extensions(setting, value)
    if setting.category == "cameras":
        return _camera(setting, value, unknown)
    return _text(setting, value, "the description")


def check_sidecars(photos: Sequence[str], sidecars: Sequence[str]) -> None:
    """Raises CollectionSettingError if only other files than photos would need a sidecar."""
    beyond = [extension for extension in sidecars if extension not in photos]
    if beyond:
        _refuse(
            "`extensions require_sidecar` has extensions that `extensions photo_extensions` does"
            f" not have: {', '.join(beyond)}",
            "Add them to photo_extensions first, or remove them from require_sidecar first.",
        )


def parse_value(text: str) -> object:
    """The value that a word of the command line stands for: JSON, or else the text itself."""
    try:
        return value_from_json(text)
    except ValueError:
        return text


def value_from_json(text: str) -> object:
    """The value that JSON stands for. Raises ValueError if it is not valid JSON."""
    try:
        return json.loads(
            text, parse_int=Number, parse_float=NotText, parse_constant=_not_a_constant
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def value_to_text(value: object) -> str:
    """The value as a word that `parse_value` understands."""
    if isinstance(value, str) and parse_value(value) is value:
        return value
    return value_to_json(value)


def value_to_json(value: object) -> str:
    """The value as JSON, as the catalogue keeps it."""
    return json.dumps(value, ensure_ascii=False)


def _not_a_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON.


def _extensions(setting: SettingKey, value: object) -> list[str]:
    if not isinstance(value, list):
        _refuse(
            f"The value of `{setting}` must be a list of extensions",
            """Write it as JSON, such as '[".dng", ".cr3"]'.""",
        )
    if len(value) > MAX_EXTENSIONS:
        _refuse(f"`{setting}` can have at most {MAX_EXTENSIONS:,} extensions")
    found: dict[str, None] = {}
    for each in value:
        extension = each.lower() if type(each) is str else ""
        if not _EXTENSION.fullmatch(extension):
            _refuse(
                f"`{setting}` has an element that is not an extension: {_shown(each)}",
                "An extension is text: a dot, and then letters A to Z and digits, such as .dng.",
            )
        found[extension] = None
    return list(found)


def _camera(setting: SettingKey, value: object, unknown: list[str] | None) -> dict[str, str]:
    for _ in range(_MAX_WRAPS):
        if not (isinstance(value, list) and value):
            break
        value = value[0]
    if not isinstance(value, Mapping):
        _refuse(
            f"The value of `{setting}` must be an object with `name` and `serial_number`",
            """Write it as JSON, such as '{"name": "Canon EOS R5", "serial_number": "0123"}'.""",
        )
    others = [str(name) for name in value if name not in ("name", "serial_number")]
    if others and unknown is None:
        _refuse(
            f"`{setting}` has an unknown property: {_shown(others[0])}",
            "A camera has a `name` and a `serial_number`.",
        )
    elif unknown is not None:
        unknown += others
    serial: Any = value.get("serial_number")
    if serial is None:
        serial = ""
    elif isinstance(serial, Number):
        serial = str(serial)
    return {
        "name": _text(setting, value.get("name"), "the name"),
        "serial_number": serial and _text(setting, serial, "the serial number"),
    }


def _text(setting: SettingKey, value: object, what: str) -> str:
    if type(value) is not str:
        missing = value is None
        _refuse(
            f"In `{setting}`, {what} is missing"
            if missing
            else f"In `{setting}`, {what} must be text, not {_shown(value)}",
            None if missing else "Put a number or a word such as true into double quotes.",
        )
    if not value.strip():
        _refuse(f"In `{setting}`, {what} is empty")
    if len(value) > MAX_TEXT:
        _refuse(f"In `{setting}`, {what} has more than {MAX_TEXT:,} characters")
    if not is_utf8(value):
        _refuse(f"In `{setting}`, {what} is not valid UTF-8")
    return value


def _shown(value: object) -> str:
    if isinstance(value, NotText):
        value = value.text
    elif isinstance(value, list):
        return "a list"
    elif isinstance(value, Mapping):
        return "an object"
    elif value is None or isinstance(value, bool):
        value = json.dumps(value)
    text = str(value)
    return f"`{display(text if len(text) <= 60 else text[:60] + '…')}`"


def _refuse(message: str, hint: str | None = None) -> NoReturn:
    raise CollectionSettingError(message, hint=hint)
