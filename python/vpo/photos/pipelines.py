"""Pipelines in the catalogue: each change is a version, and at most one pipeline is active."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from vpo.base.errors import (
    LibraryDamagedError,
    PipelineActiveError,
    PipelineExistsError,
    PipelineFormError,
    PipelineInvalidError,
    PipelineNotFoundError,
    PipelineTooLargeError,
)
from vpo.base.paths import display
from vpo.db.library import Library
from vpo.db.photos import pipelines as table
from vpo.db.photos.pipelines import HistoryRow, NewVersion, PipelineRow
from vpo.photos import naming
from vpo.photos.pipeline import structure
from vpo.photos.pipeline.expected import enumerate_alternatives
from vpo.photos.pipeline.forms import check_name, read_nodes
from vpo.photos.pipeline.model import Node, Pipeline
from vpo.photos.pipeline.structure import Problem, Structure

_MOST_SUMMARY = 500


class StoredPipeline(NamedTuple):
    """A pipeline, as it is recorded."""

    row: PipelineRow

    @property
    def pipeline(self) -> Pipeline:
        """The graph. Raises PipelineFormError if somebody else wrote it, and wrote nonsense."""
        return _graph_of(self.row.name, self.row.description, self.row)

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Its mistakes."""
        if self.row.validation_errors is None:
            return []
        errors: list[dict[str, Any]] = _parsed(self.row.name, self.row.validation_errors)
        return errors

    @property
    def node_count(self) -> int:
        """The number of its nodes."""
        return len(_parsed(self.row.name, self.row.nodes_json))

    def to_dict(self) -> dict[str, Any]:
        """The pipeline as JSON."""
        shown = _with_graph(self.row._asdict(), self.row.name)
        shown["is_active"] = bool(shown["is_active"])
        shown["is_valid"] = bool(shown["is_valid"])
        shown["validation_errors"] = self.errors
        return shown


class Version(NamedTuple):
    """A version of a pipeline."""

    row: HistoryRow

    def to_dict(self) -> dict[str, Any]:
        """The version as JSON."""
        return _with_graph(self.row._asdict(), f"{self.row.pipeline_id}")


class Import(NamedTuple):
    """How the pipelines of a file are taken over."""

    pipelines: Sequence[Pipeline]
    source: str
    """The file's name."""
    replaces: bool = False
    """Whether pipelines of the same names are changed."""
    is_strict: bool = False
    """Whether pipelines with mistakes are refused."""


def check(pipeline: Pipeline, methods: Sequence[str] | None = None) -> Structure:
    """The mistakes of a pipeline, also those that only show when its ways are followed."""
    found = structure.check(pipeline, methods)
    if found.is_valid:
        try:
            enumerate_alternatives(pipeline)
        except PipelineTooLargeError as error:
            node = str(error.details.get("node_id"))
            hint = error.hint or ""
            found.errors.append(Problem("too_many_alternatives", error.message, node, hint))
    return found


def check_valid(pipeline: Pipeline) -> None:
    """Raises PipelineInvalidError if a pipeline has mistakes."""
    errors = check(pipeline).errors
    if errors:
        raise _invalid(pipeline.name, [error.to_dict() for error in errors])


def find(library: Library, name: str) -> StoredPipeline:
    """The pipeline with this name or, if none has it, with this id.

    Raises PipelineNotFoundError.
    """
    pipeline_id = naming.pipeline_id(library, name)
    with library.reading() as connection:
        row = table.get(connection, pipeline_id)
    assert row is not None
    return StoredPipeline(row)


def find_all(library: Library) -> list[StoredPipeline]:
    """All pipelines, by name."""
    with library.reading() as connection:
        return [StoredPipeline(row) for row in table.find_all(connection)]


def find_usable(library: Library, name: str | None) -> StoredPipeline:
    """A pipeline that images can be compared with: the named one, else the active one.

    Raises PipelineNotFoundError, PipelineInvalidError.
    """
    if name is None:
        with library.reading() as connection:
            row = table.active(connection)
        if row is None:
            raise PipelineNotFoundError(
                "No pipeline is active",
                hint="Activate one with `vpo pipelines activate NAME`, or name one.",
            )
        found = StoredPipeline(row)
    else:
        found = find(library, name)
    if not found.row.is_valid:
        raise _invalid(found.row.name, found.errors)
    return found


def create(
    library: Library, pipeline: Pipeline, *, summary: str, is_strict: bool = False
) -> StoredPipeline:
    """Adds a pipeline. One with mistakes is added as well, unless `is_strict`.

    Raises PipelineExistsError, PipelineInvalidError.
    """
    columns = _columns(pipeline, is_strict=is_strict)
    with library.transaction() as connection:
        return _insert(connection, columns, summary)


def update(
    library: Library, name: str, changed: Pipeline, *, is_strict: bool = False
) -> StoredPipeline:
    """Changes a pipeline. A change makes a new version; the active one must stay valid to be so.

    Raises PipelineNotFoundError, PipelineExistsError, PipelineInvalidError.
    """
    columns = _columns(changed, is_strict=is_strict)
    pipeline_id = naming.pipeline_id(library, name)
    with library.transaction() as connection:
        return _change(connection, pipeline_id, columns, None)


def restore(library: Library, name: str, number: int) -> StoredPipeline:
    """Makes an earlier version of a pipeline the newest one. Raises PipelineNotFoundError."""
    stored = find(library, name)
    if number == stored.row.version:
        return stored
    columns = _columns(version(library, name, number), is_strict=False)
    del columns["name"], columns["description"]
    with library.transaction() as connection:
        summary = f"restored version {number}"
        return _change(connection, stored.row.id, columns, summary, is_restored=True)


def activate(library: Library, name: str) -> StoredPipeline:
    """Makes a pipeline the active one. Raises PipelineNotFoundError, PipelineInvalidError."""
    pipeline_id = naming.pipeline_id(library, name)
    with library.transaction() as connection:
        row = _get(connection, pipeline_id)
        if not row.is_valid:
            raise _invalid(row.name, StoredPipeline(row).errors)
        table.activate(connection, pipeline_id)
        return StoredPipeline(_get(connection, pipeline_id))


def deactivate(library: Library, name: str) -> StoredPipeline:
    """Makes a pipeline inactive. Raises PipelineNotFoundError."""
    pipeline_id = naming.pipeline_id(library, name)
    with library.transaction() as connection:
        if _get(connection, pipeline_id).is_active:
            table.update(connection, pipeline_id, {"is_active": 0})
        return StoredPipeline(_get(connection, pipeline_id))


def delete(library: Library, name: str) -> StoredPipeline:
    """Deletes a pipeline with its history. Raises PipelineNotFoundError, PipelineActiveError."""
    pipeline_id = naming.pipeline_id(library, name)
    with library.transaction() as connection:
        row = _get(connection, pipeline_id)
        if row.is_active:
            raise PipelineActiveError(
                f"The pipeline `{display(row.name)}` is the active one",
                hint=f"Deactivate it first: `vpo pipelines deactivate {row.id}`.",
            )
        table.delete(connection, pipeline_id)
    return StoredPipeline(row)


def history(library: Library, name: str) -> list[Version]:
    """The versions of a pipeline, the newest first. Raises PipelineNotFoundError."""
    pipeline_id = naming.pipeline_id(library, name)
    with library.reading() as connection:
        return [Version(row) for row in table.versions(connection, pipeline_id)]


def version(library: Library, name: str, number: int | None) -> Pipeline:
    """A version of a pipeline; None: the newest. Raises PipelineNotFoundError."""
    stored = find(library, name)
    if number is None:
        return stored.pipeline
    with library.reading() as connection:
        row = table.version(connection, stored.row.id, number)
    if row is None:
        raise PipelineNotFoundError(
            f"The pipeline `{display(stored.row.name)}` has no version {number}",
            hint=f"Its newest version is {stored.row.version}.",
            version=number,
        )
    return _graph_of(stored.row.name, stored.row.description, row)


def import_all(library: Library, wanted: Import) -> list[StoredPipeline]:
    """Adds the pipelines of a file, all or none of them.

    Raises PipelineExistsError if there is one of the same name and it is not to be replaced,
    PipelineInvalidError.
    """
    names = [pipeline.name for pipeline in wanted.pipelines]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PipelineFormError(f"The file has two pipelines named `{display(twice)}`")
    columns = [_columns(each, is_strict=wanted.is_strict) for each in wanted.pipelines]
    summary = f"imported from {wanted.source}"
    with library.transaction() as connection:
        stored = []
        for each in columns:
            known = table.find(connection, each["name"]) if wanted.replaces else None
            if known is None:
                stored.append(_insert(connection, each, summary))
            else:
                stored.append(_change(connection, known.id, each, summary))
        return stored


def _columns(pipeline: Pipeline, *, is_strict: bool) -> dict[str, Any]:
    """The columns of a pipeline that people write. Raises PipelineInvalidError."""
    check_name(pipeline.name)
    errors = [error.to_dict() for error in check(pipeline).errors]
    if errors and is_strict:
        raise _invalid(pipeline.name, errors)
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "nodes_json": orjson.dumps([node.to_dict() for node in pipeline.nodes]).decode(),
        "edges_json": orjson.dumps([edge.to_dict() for edge in pipeline.edges]).decode(),
        "is_valid": int(not errors),
        "validation_errors": orjson.dumps(errors).decode() if errors else None,
    }


def _insert(
    connection: sqlite3.Connection, columns: dict[str, Any], summary: str
) -> StoredPipeline:
    _check_is_free(connection, columns["name"], None)
    pipeline_id = table.insert(connection, columns)
    return _record(connection, pipeline_id, summary)


def _change(
    connection: sqlite3.Connection,
    pipeline_id: int,
    columns: dict[str, Any],
    summary: str | None,
    *,
    is_restored: bool = False,
) -> StoredPipeline:
    """Changes a pipeline and records the version, unless everything is as it was."""
    before = _get(connection, pipeline_id)
    changed = {
        name: value for name, value in columns.items() if not _is_same(getattr(before, name), value)
    }
    if "name" in changed:
        _check_is_free(connection, changed["name"], pipeline_id)
    if before.is_active and not columns["is_valid"]:
        changed["is_active"] = 0
    if not (is_restored or changed.keys() & {"name", "description", "nodes_json", "edges_json"}):
        if changed:  # The rules for pipelines are others than when it was checked.
            table.update(connection, pipeline_id, changed)
        return StoredPipeline(_get(connection, pipeline_id))
    table.update(connection, pipeline_id, {**changed, "version": before.version + 1})
    return _record(connection, pipeline_id, summary or _summary(before, changed))


def _is_same(before: Any, after: Any) -> bool:
    if before != after and str(before)[:1] == str(after)[:1] == "[":
        with suppress(orjson.JSONDecodeError):
            return bool(orjson.loads(before) == orjson.loads(after))
    return bool(before == after)


def _summary(before: PipelineRow, changed: dict[str, Any]) -> str:
    """What a change did, in a few words."""
    said = []
    if "name" in changed:
        said.append(f"renamed from {before.name}")
    if "description" in changed:
        said.append("changed the description")
    if "nodes_json" in changed:
        old = _nodes_of(before.nodes_json)
        new = _nodes_of(changed["nodes_json"])
        for verb, ids in (
            ("added", [each for each in new if each not in old]),
            ("removed", [each for each in old if each not in new]),
            ("changed", [each for each in new if each in old and old[each] != new[each]]),
        ):
            if ids:
                said.append(f"{verb} {', '.join(ids)}")
    if "edges_json" in changed:
        said.append("changed the edges")
    return "; ".join(said) or "changed the order of the nodes"


def _nodes_of(text: str) -> dict[str, Node]:
    """Nodes by their ids; none if they cannot be read."""
    with suppress(orjson.JSONDecodeError, PipelineFormError):
        return {node.id: node for node in read_nodes(orjson.loads(text), [])[0]}
    return {}


def _record(connection: sqlite3.Connection, pipeline_id: int, summary: str) -> StoredPipeline:
    row = _get(connection, pipeline_id)
    if len(summary) > _MOST_SUMMARY:
        summary = summary[: _MOST_SUMMARY - 1] + "…"
    table.add_version(
        connection, NewVersion(row.id, row.version, row.nodes_json, row.edges_json, summary)
    )
    return StoredPipeline(row)


def _check_is_free(connection: sqlite3.Connection, name: str, own_id: int | None) -> None:
    known = table.find(connection, name)
    if known is not None and known.id != own_id:
        raise PipelineExistsError(
            f"There is already a pipeline named `{display(name)}`",
            hint="Give another name, or import with --replace to change it.",
            name=name,
        )


def _get(connection: sqlite3.Connection, pipeline_id: int) -> PipelineRow:
    row = table.get(connection, pipeline_id)
    if row is None:
        raise PipelineNotFoundError(f"There is no pipeline {pipeline_id} any more")
    return row


def _graph_of(name: str, description: str | None, row: PipelineRow | HistoryRow) -> Pipeline:
    nodes, edges = _parsed(name, row.nodes_json), _parsed(name, row.edges_json)
    return Pipeline(name, *read_nodes(nodes, edges), description)


def _with_graph(shown: dict[str, Any], name: str) -> dict[str, Any]:
    """A row as JSON, with its nodes and edges."""
    shown["nodes"] = _parsed(name, shown.pop("nodes_json"))
    shown["edges"] = _parsed(name, shown.pop("edges_json"))
    return shown


def _parsed(name: str, text: str) -> Any:
    """A list from the catalogue, which somebody else may have changed."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise LibraryDamagedError(
            f"The pipeline `{display(name)}` is damaged in the catalogue: {error}",
            hint="Import the pipeline again with --replace, or use a backup of the catalogue.",
        ) from error


def _invalid(name: str, errors: list[dict[str, Any]]) -> PipelineInvalidError:
    first = errors[0] if errors else {"message": "it was never checked"}
    node = f" (node `{display(first['node_id'])}`)" if first.get("node_id") else ""
    more = f", and {len(errors) - 1} more mistakes" if len(errors) > 1 else ""
    return PipelineInvalidError(
        f"The pipeline `{display(name)}` is not valid: {display(first['message'])}{node}{more}",
        hint="`vpo pipelines validate NAME` lists the mistakes and what to do.",
        errors=errors,
    )


def renamed(pipeline: Pipeline, name: str) -> Pipeline:
    """The pipeline with another name. Raises PipelineFormError."""
    return replace(pipeline, name=check_name(name))
