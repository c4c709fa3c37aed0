"""The JSON Schema of settings files (https://json-schema.org/draft/2020-12)."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from pydantic import TypeAdapter

from vpo.config.models import PHOTO_KEYS, Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type, title: str) -> dict[str, Any]:
    """The schema of a file that holds the settings of `model`."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    schema = adapter.json_schema()
    _let_be_empty(schema)
    if model is Config:
        for name in PHOTO_KEYS:
            schema["properties"][name] = {"description": "A setting of photo collections."}
    for base in filter(is_dataclass, model.__bases__):
        # pydantic reads the docstrings of the class itself, but not those of its bases.
        for name, each in schema_of(base, title)["properties"].items():
            if name in schema["properties"]:
                schema["properties"][name].setdefault("description", each["description"])
    return {"$schema": DIALECT, **schema, "title": title}


def _let_be_empty(schema: dict[str, Any]) -> None:
    """Allows null for sections: YAML reads a section without any line in it as null."""
    for name, each in schema["properties"].items():
        if "$ref" in each:
            section = schema["$defs"][each["$ref"].rpartition("/")[2]]
            schema["properties"][name] = {
                # Editors show this description, but not the one behind the reference.
                "description": section["description"],
                **{key: value for key, value in each.items() if key != "$ref"},
                "anyOf": [{"$ref": each["$ref"]}, {"type": "null"}],
            }
