"""Collections and pipelines by the names that people type."""

from __future__ import annotations

from vpo.base.errors import PipelineNotFoundError
from vpo.db.library import Library
from vpo.db.photos import naming
from vpo.photos import collections

_MOST_NAMED = 20


def collection_id(library: Library, name: str) -> int:
    """The id of the collection with this name or, if none has it, with this id.

    Raises CollectionNotFoundError.
    """
    return collections.find(library, name).id


def pipeline_id(library: Library, name: str) -> int:
    """The id of the pipeline with this name or, if none has it, with this id.

    Raises PipelineNotFoundError.
    """
    with library.reading() as connection:
        found = naming.find_pipeline(connection, name)
        if found is not None:
            return found
        known = naming.pipeline_names(connection, _MOST_NAMED)
    raise PipelineNotFoundError(
        f"There is no pipeline `{name}`",
        hint=f"The pipelines are: {', '.join(known)}."
        if known
        else "Create one with `vpo pipelines create`.",
        pipelines=known,
    )
