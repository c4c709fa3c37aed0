"""Results of analyses for tests: put into the catalogue by vpo's own functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from support import Vpo
from vpo.db.library import Library, open_library
from vpo.db.photos import results
from vpo.db.photos.results import NewResult


@dataclass
class Results:
    """The results in the catalogue of a command."""

    vpo: Vpo

    @contextmanager
    def library(self) -> Iterator[Library]:
        self.vpo.home.mkdir(exist_ok=True)
        with open_library(str(self.vpo.database), "create") as library:
            yield library

    def collection(self, name: str) -> int:
        """Adds a collection."""
        with self.library() as library, library.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO collections (name, type, location) VALUES (?, 'LOCAL', ?)",
                (name, f"/photos/{name}"[:1024]),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def pipeline(self, name: str) -> int:
        """Adds a pipeline."""
        with self.library() as library, library.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO pipelines (name, nodes_json, edges_json) VALUES (?, '[{}]', '[]')",
                (name,),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def add(
        self,
        tool: str = "photostats",
        found: Mapping[str, Any] | None = None,
        *,
        at: str = "2026-01-01T10:00:00.000Z",
        **fields: Any,
    ) -> int:
        """Adds a result that was completed and recorded at a time."""
        facts: dict[str, Any] = {
            "collection_id": 1,
            "tool": tool,
            "status": "COMPLETED",
            "started_at": at,
            "completed_at": at,
            "duration_seconds": 1.5,
            "results": found or {},
            **fields,
        }
        report = facts.pop("report", None)
        with self.library() as library, library.transaction() as connection:
            result_id = results.insert(connection, NewResult(**facts))
            connection.execute(
                "UPDATE analysis_results SET created_at = completed_at WHERE id = ?", (result_id,)
            )
            if report is not None:
                results.set_report(connection, result_id, report)
        return result_id
