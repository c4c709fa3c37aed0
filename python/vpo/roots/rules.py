"""The rules that are kept with a root for its scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vpo.base.paths import StoredPath, to_json
from vpo.config.models import ScanConfig
from vpo.db import root_rules as table
from vpo.db.library import Library
from vpo.places import rules
from vpo.roots.lookup import find_root


@dataclass(frozen=True)
class RootRules:
    """The rules of a root."""

    path: StoredPath
    kept: Mapping[str, Any] | None
    """Those that are kept, by the names of the settings. None: no rules are kept."""
    last: Mapping[str, Any] | None
    """Those of the last completed scan. None: they are not known."""

    def to_dict(self) -> dict[str, object]:
        """The rules as JSON."""
        return {**to_json(self.path), "rules": self.kept, "last_rules": self.last}


def read(library: Library, path: bytes) -> RootRules:
    """The rules of a root. Raises RootNotFoundError."""
    with library.reading() as connection:
        root = find_root(connection, path)
        kept = table.kept_rules(connection).get(root.path)
        last = table.last_rules(connection, root.path)
    return RootRules(root.path, _read(kept), _read(last))


def keep(library: Library, path: bytes, given: Mapping[str, Any]) -> RootRules:
    """Keeps rules with a root: those that are kept already, changed by `given`.

    Without any, the rules of the last scan are changed. Raises RootNotFoundError, RuleError.
    """
    before = read(library, path)
    settings = rules.with_rules(ScanConfig(), before.kept or before.last or {})
    settings = rules.with_rules(settings, given)
    with library.transaction() as connection:
        root = find_root(connection, path)
        rules.engine_rules(root.place, settings)
        table.keep_rules(connection, root.path, rules.to_json(settings))
    return read(library, path)


def forget(library: Library, path: bytes) -> RootRules:
    """Keeps no rules with a root any more. Raises RootNotFoundError."""
    with library.transaction() as connection:
        table.keep_rules(connection, find_root(connection, path).path, None)
    return read(library, path)


def _read(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else rules.from_json(text)
