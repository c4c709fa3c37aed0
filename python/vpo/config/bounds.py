"""Bounds of settings, in the form that pydantic uses.

The package `annotated_types` has such bounds too, but importing it takes longer than most
commands take to read their settings: without a config file they need no pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

# More threads do not help with any storage.
MAX_THREADS = 1024


class AtLeast(NamedTuple):
    """The number must be at least `bound`."""

    bound: float

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the number with this bound."""
        return _with(handler(source), ge=self.bound)


class AtMost(NamedTuple):
    """The number must be at most `bound`."""

    bound: float

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the number with this bound."""
        return _with(handler(source), le=self.bound)


class NotEmpty:
    """The text must not be empty."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the text with this bound."""
        return _with(handler(source), min_length=1)


def _with(schema: CoreSchema, **bounds: float) -> CoreSchema:
    found: Any = {**schema, **bounds}
    bounded: CoreSchema = found
    return bounded
