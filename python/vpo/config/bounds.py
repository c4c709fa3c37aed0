"""Bounds of settings, as pydantic takes them.

`annotated_types` has the same, and takes longer to import than most commands take to
read their settings, which without a file needs no pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

# More threads than these are no help with any storage.
MAX_THREADS = 1024


class AtLeast(NamedTuple):
    """A number that is not smaller."""

    bound: float

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the number, with this bound."""
        return _with(handler(source), ge=self.bound)


class AtMost(NamedTuple):
    """A number that is not larger."""

    bound: float

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the number, with this bound."""
        return _with(handler(source), le=self.bound)


class NotEmpty:
    """A text that is not empty."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the text, with this bound."""
        return _with(handler(source), min_length=1)


def _with(schema: CoreSchema, **bounds: float) -> CoreSchema:
    found: Any = {**schema, **bounds}
    bounded: CoreSchema = found
    return bounded
