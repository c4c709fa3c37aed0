"""The rules that select files below a root, and those that are kept with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from vpo._engine import Rules
from vpo.base.errors import RuleError
from vpo.base.paths import StoredPath, display, from_stored, is_utf8, is_within, join
from vpo.config.models import ScanConfig
from vpo.db import root_rules as table

# What selects files and what compares them. The other settings of a scan say how it is done.
RULES = (
    "kinds",
    "extensions",
    "exclude",
    "hidden",
    "follow_symlinks",
    "one_file_system",
    "skip_names",
    "system_names",
    "ignore_inodes",
    "modify_window",
    "hour_shifts",
)

Selects = Callable[[StoredPath, StoredPath, int], bool]
"""Whether rules select a file, by its directory, its name, and whether it is a link."""


def engine_rules(root: bytes, settings: ScanConfig) -> Rules:
    """The engine's rules for a root. Raises RuleError if one of them is wrong."""
    for text in (*settings.exclude, *settings.extensions, *settings.skip_names):
        # Words of the command line may have bytes that are not UTF-8.
        if not is_utf8(text):
            raise RuleError(f"`{display(text)}` is not valid UTF-8")
    try:
        return Rules(root, settings)
    except ValueError as error:
        raise RuleError(str(error)) from error


def selector(rules: Rules, root: bytes, *, follow_symlinks: bool) -> Selects:
    """Tells which files below a root its rules select."""
    start = len(root.rstrip(b"/")) + 1

    @lru_cache(maxsize=1024)
    def enters(directory: StoredPath) -> bool:
        return rules.enters(from_stored(directory)[start:])

    def selects(directory: StoredPath, name: StoredPath, is_symlink: int) -> bool:
        return (
            (follow_symlinks or not is_symlink)
            and enters(directory)
            and rules.selects(from_stored(join(directory, name))[start:])
        )

    return selects


# -- Rules that are kept -------------------------------------------------------------------


def to_json(settings: ScanConfig) -> str:
    """The rules in these settings, as the catalogue keeps them."""
    record = asdict(settings)
    return orjson.dumps({name: record[name] for name in RULES}).decode()


def from_json(text: str) -> dict[str, Any]:
    """Rules from the catalogue. Rules of a newer vpo are left out; broken ones are none."""
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(record, dict):
        return {}
    found: dict[str, Any] = {}
    for field in fields(ScanConfig):
        if field.name not in RULES or field.name not in record:
            continue
        value, default = record[field.name], getattr(ScanConfig(), field.name)
        if isinstance(default, tuple):
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                found[field.name] = tuple(value)
        elif type(value) is type(default):
            found[field.name] = value
    return found


def with_rules(settings: ScanConfig, found: Mapping[str, Any]) -> ScanConfig:
    """The settings with these rules."""
    return replace(settings, **found)


class KeptRules(NamedTuple):
    """Rules that are kept with a root."""

    root: bytes
    rules: Mapping[str, Any]

    def over(self, settings: ScanConfig, given: Collection[str]) -> ScanConfig:
        """The settings with the kept rules, but for those that were `given` for this scan."""
        kept = {name: value for name, value in self.rules.items() if name not in given}
        return with_rules(settings, kept)


def kept_for(connection: sqlite3.Connection, path: bytes) -> KeptRules | None:
    """The rules that are kept with a root, or with the nearest root above a directory.

    Globs with a slash are relative to the root. Those of a root above are made relative to the
    directory, or left out if they are about other places.
    """
    kept = {from_stored(root): text for root, text in table.kept_rules(connection).items()}
    root = max((root for root in kept if is_within(path, root)), key=len, default=None)
    if root is None:
        return None
    return KeptRules(root, _rules_in(kept[root], root, path))


def last_for(connection: sqlite3.Connection, path: bytes) -> KeptRules | None:
    """The rules of the last scan of a root, or of the nearest root above a directory."""
    last = {from_stored(root): text for root, text in table.all_last_rules(connection).items()}
    root = max((root for root in last if is_within(path, root)), key=len, default=None)
    return None if root is None else KeptRules(root, _rules_in(last[root], root, path))


def _rules_in(text: str, root: bytes, path: bytes) -> dict[str, Any]:
    """The rules of a root, for a directory in it."""
    rules = from_json(text)
    if root != path and "exclude" in rules:
        inside = os.fsdecode(path[len(root.rstrip(b"/")) + 1 :])
        rules["exclude"] = tuple(_relative(rules["exclude"], inside))
    return rules


def _relative(globs: Collection[str], inside: str) -> Iterator[str]:
    """Globs that are relative to a directory above, made relative to the directory `inside`."""
    for glob in globs:
        sign, text = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
        if "/" not in text.rstrip("/") or text.startswith("**/"):
            # It has the same meaning everywhere.
            yield glob
        elif text.lstrip("/").startswith(f"{inside}/"):
            yield f"{sign}/{text.lstrip('/')[len(inside) + 1 :]}"
