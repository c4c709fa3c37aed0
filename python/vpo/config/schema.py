"""The JSON Schema of settings files (https://json-schema.org/draft/2020-12)."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type, title: str) -> dict[str, Any]:
    """The schema of a file that holds the settings of `model`."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    schema = adapter.json_schema()
    _let_be_empty(schema)
    return {"$schema": DIALECT, **schema, "title": title}


def _let_be_empty(schema: dict[str, Any]) -> None:
    """A section without a line in it is one that says nothing: YAML's null."""
    for name, each in schema["properties"].items():
        if "$ref" in each:
            schema["properties"][name] = {
                **{key: value for key, value in each.items() if key != "$ref"},
                "anyOf": [{"$ref": each["$ref"]}, {"type": "null"}],
            }
