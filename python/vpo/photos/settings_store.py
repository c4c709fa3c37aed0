"""The settings of photo collections that the catalogue keeps."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from vpo.base.errors import CollectionSettingError, CollectionSettingNotFoundError
from vpo.base.paths import is_utf8
from vpo.base.paths import text as as_text
from vpo.db.library import Library
from vpo.db.photos import settings as table
from vpo.db.photos.settings import SettingRow, SettingToKeep
from vpo.photos.settings_rules import (
    CATEGORIES,
    EXTENSION_KEYS,
    MAX_TEXT,
    Category,
    SettingKey,
    Value,
    check_sidecars,
    default_of,
    normalise,
    setting_of,
    value_from_json,
    value_to_json,
)

BY_HAND = "database"
BY_IMPORT = "yaml_import"
BY_DEFAULT = "default"


@dataclass(frozen=True)
class ListedSetting:
    """A setting as the catalogue has it, or a default."""

    category: str
    key: str
    value: Any
    """As in JSON. If `problem` says that it is not valid, it can be anything."""
    source: str
    """`database`, `yaml_import` or `default`."""
    id: int | None = None
    description: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    problem: str | None = None
    """Why vpo cannot use the value, None if it can."""

    def to_dict(self) -> dict[str, object]:
        """The setting as JSON."""
        return {
            "id": self.id,
            "category": self.category,
            "key": self.key,
            "value": self.value,
            "description": self.description,
            "source": self.source,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "problem": self.problem,
        }


class Changed(NamedTuple):
    """What `set_value` or `unset` did."""

    setting: ListedSetting
    """The setting as it is now."""
    before: object
    """The value before: it may be the default, or None."""
    is_changed: bool

    def to_dict(self) -> dict[str, object]:
        """The change as JSON."""
        return {**self.setting.to_dict(), "before": self.before, "changed": self.is_changed}


class Kept(NamedTuple):
    """The valid settings in the catalogue, and what is wrong with the others."""

    values: Mapping[SettingKey, Value]
    problems: Mapping[tuple[str, str], str]


class Stats(NamedTuple):
    """How many settings the catalogue has."""

    categories: Mapping[str, int]
    sources: Mapping[str, int]
    invalid: int
    last_change: str | None
    last_import: str | None

    @property
    def total(self) -> int:
        """The number of settings."""
        return sum(self.categories.values())

    def to_dict(self) -> dict[str, object]:
        """The counts as JSON."""
        return {
            "total": self.total,
            "categories": self.categories,
            "sources": self.sources,
            "invalid": self.invalid,
            "last_change": self.last_change,
            "last_import": self.last_import,
        }


def list_settings(library: Library, category: Category | None = None) -> list[ListedSetting]:
    """All settings in the catalogue, or those of a category, and the defaults of the others."""
    with library.reading() as connection:
        rows = table.all_rows(connection)
    found = {(each.category, each.key): each for each in map(_listed, rows)}
    for key in EXTENSION_KEYS:
        found.setdefault(("extensions", key), _default(SettingKey("extensions", key)))
    wanted = [each for each in found.values() if category in (None, each.category)]
    return sorted(wanted, key=lambda each: place(each.category, each.key))


def place(category: str, key: str) -> tuple[int, int, str]:
    """The place of a setting in lists: extensions first, in the order of the documentation."""
    return (*CATEGORIES, category).index(category), (*EXTENSION_KEYS, key).index(key), key


def get_setting(library: Library, category: Category, key: str) -> ListedSetting:
    """One setting, or its default.

    Raises CollectionSettingError if there can be no such setting, and
    CollectionSettingNotFoundError if it is not set and has no default.
    """
    with library.reading() as connection:
        row = table.row_of(connection, category, key)
    if row is not None:
        return _listed(row)
    setting = setting_of(category, key)
    if default_of(setting) is None:
        raise _not_found(setting)
    return _default(setting)


def set_value(
    library: Library, setting: SettingKey, value: object, description: str | None = None
) -> Changed:
    """Keeps a value. A description of None leaves that of the setting as it is.

    Raises CollectionSettingError if the setting cannot have the value.
    """
    new = normalise(setting, value)
    with library.transaction() as connection:
        row = table.row_of(connection, *setting)
        before = _listed(row) if row else _default(setting)
        is_same = (new, BY_HAND, description or before.description) == (
            before.value,
            before.source,
            before.description,
        )
        is_changed = before.problem is not None or not is_same
        if is_changed:
            check_extensions(kept_in(connection).values, {setting: new})
            keep_value(connection, setting, new, BY_HAND, description)
        row = table.row_of(connection, *setting)
        assert row is not None
        after = _listed(row)
    return Changed(after, before.value, is_changed)


def checked_description(text: str) -> str:
    """The description of a setting. Raises CollectionSettingError if it is too long."""
    if len(text) > MAX_TEXT or not is_utf8(text):
        raise CollectionSettingError(
            f"The description has more than {MAX_TEXT:,} characters, or is not valid UTF-8"
        )
    return text


def unset(library: Library, category: Category, key: str) -> Changed:
    """Forgets a setting, so that its default applies, if it has one.

    Raises CollectionSettingNotFoundError if it is not set, CollectionSettingError if
    `require_sidecar` would not fit the default.
    """
    setting = SettingKey(category, key)
    with library.transaction() as connection:
        row = table.row_of(connection, category, key)
        if row is None:
            raise _not_found(setting_of(category, key))
        if key in EXTENSION_KEYS:
            check_extensions(kept_in(connection).values, {setting: None})
        table.delete(connection, category, key)
    return Changed(_default(setting), _listed(row).value, is_changed=True)


def stats(library: Library) -> Stats:
    """Counts the settings in the catalogue."""
    with library.reading() as connection:
        rows = table.all_rows(connection)
    listed = [_listed(row) for row in rows]
    categories = Counter(each.category for each in listed)
    sources = Counter(each.source for each in listed)
    imports = [each.updated_at or "" for each in listed if each.source == BY_IMPORT]
    return Stats(
        {name: categories[name] for name in dict.fromkeys((*CATEGORIES, *categories))},
        {name: sources[name] for name in dict.fromkeys((BY_HAND, BY_IMPORT, *sources))},
        sum(each.problem is not None for each in listed),
        max((each.updated_at or "" for each in listed), default=None),
        max(imports, default=None),
    )


# -- For the import and for `effective`, inside of a transaction ------------------


def kept_in(connection: sqlite3.Connection) -> Kept:
    """The settings that are kept, normalised."""
    values: dict[SettingKey, Value] = {}
    problems: dict[tuple[str, str], str] = {}
    for row in table.all_rows(connection):
        try:
            setting, value = _checked(row)
        except CollectionSettingError as error:
            problems[as_text(row.category), as_text(row.key)] = error.message
        else:
            values[setting] = value
    return Kept(values, problems)


def check_extensions(
    kept: Mapping[SettingKey, Value], changes: Mapping[SettingKey, Value | None]
) -> None:
    """Raises CollectionSettingError if a change leaves `require_sidecar` with other extensions.

    Changes to other settings pass whatever the extensions are. None: the setting is deleted.
    """
    photos = SettingKey("extensions", "photo_extensions")
    sidecars = SettingKey("extensions", "require_sidecar")
    if not changes.keys() & {photos, sidecars}:
        return
    after = {key: value for key, value in {**kept, **changes}.items() if value is not None}
    if sidecars in after:
        has, needs = after.get(photos, default_of(photos)), after[sidecars]
        assert isinstance(has, list)
        assert isinstance(needs, list)
        check_sidecars(has, needs)


def keep_value(
    connection: sqlite3.Connection,
    setting: SettingKey,
    value: Value,
    source: str,
    description: str | None = None,
) -> None:
    """Writes a normalised value."""
    row = SettingToKeep(*setting, value_to_json(value), source, description)
    table.keep(connection, row)


# -- Rows -------------------------------------------------------------------------


def _checked(row: SettingRow) -> tuple[SettingKey, Value]:
    """The setting in a row. Raises CollectionSettingError if somebody has damaged it."""
    if row.category not in CATEGORIES or type(row.key) is not str:
        raise CollectionSettingError("vpo has no such setting")
    setting = setting_of(row.category, row.key)
    try:
        value = value_from_json(row.value_json if type(row.value_json) is str else "")
    except ValueError:
        raise CollectionSettingError(f"The value of `{setting}` is not valid JSON") from None
    return setting, normalise(setting, value)


def _listed(row: SettingRow) -> ListedSetting:
    value: Any
    try:
        value, problem = _checked(row)[1], None
    except CollectionSettingError as error:
        value, problem = as_text(row.value_json), error.message
    return ListedSetting(
        as_text(row.category),
        as_text(row.key),
        value,
        as_text(row.source),
        row.id,
        None if row.description is None else as_text(row.description),
        as_text(row.created_at),
        as_text(row.updated_at),
        problem,
    )


def _default(setting: SettingKey) -> ListedSetting:
    return ListedSetting(*setting, default_of(setting), BY_DEFAULT)


def _not_found(setting: SettingKey) -> CollectionSettingNotFoundError:
    return CollectionSettingNotFoundError(
        f"`{setting}` is not set",
        hint=f"`vpo collections settings list {setting.category}` shows what is set.",
        category=setting.category,
        key=setting.key,
    )
