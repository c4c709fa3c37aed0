"""The forms in which a pipeline is written, and how each becomes another without loss.

The form of the catalogue has nodes `{id, type, properties}` and edges `{from, to}`. The form
of a configuration file has nodes `{id, type, name, output}`, where `output` lists the ids of
the next nodes and each other property is a field beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from vpo.base.errors import PipelineFormError
from vpo.base.paths import display
from vpo.photos.pipeline.model import MOST_EDGES, MOST_NODES, TYPES, Edge, Node, Pipeline

MOST_CHARACTERS = 255
"""Of a name, or of an id."""

_OWN_KEYS = frozenset({"id", "type", "output", "properties"})
_TITLES = {each: each.capitalize() for each in TYPES}

_EXAMPLE = (
    "A pipeline has a `name` and a list of `nodes`. Print one with"
    " `vpo pipelines export NAME` to see how it is written."
)


def read_document(document: object, *, name: str | None = None) -> list[Pipeline]:
    """The pipelines of a file that was parsed.

    `name` is the name of a pipeline that has none itself.

    Raises PipelineFormError.
    """
    if not isinstance(document, Mapping):
        raise _error("This is not a pipeline: it must hold `key: value` lines")
    several = document.get("processing_pipelines")
    if several is None:
        if "nodes" not in document:
            raise _error("This is not a pipeline: it has no `nodes`")
        return [_read_one(document, name)]
    if not isinstance(several, Mapping) or not several:
        raise _error("`processing_pipelines` must hold pipelines by their names")
    if isinstance(several.get("nodes"), (list, type(None))) and "nodes" in several:
        return [_read_one(several, name)]
    pipelines = []
    for key, each in several.items():
        if not isinstance(each, Mapping):
            raise _error(f"The pipeline `{_shown(key)}` must hold `nodes`")
        pipelines.append(_read_one({**each, "name": key}, name))
    return pipelines


def to_document(pipeline: Pipeline) -> dict[str, Any]:
    """The form of the catalogue, as a file: name, description, nodes, edges."""
    document: dict[str, Any] = {"name": pipeline.name}
    if pipeline.description is not None:
        document["description"] = pipeline.description
    document["nodes"] = [node.to_dict() for node in pipeline.nodes]
    document["edges"] = [edge.to_dict() for edge in pipeline.edges]
    return document


def to_config(pipeline: Pipeline) -> dict[str, Any]:
    """The form of a configuration file."""
    outputs: dict[str, list[str]] = {node.id: [] for node in pipeline.nodes}
    for source, target in pipeline.edges:
        outputs.get(source, []).append(target)
    written: dict[str, Any] = {}
    if pipeline.description is not None:
        written["description"] = pipeline.description
    written["nodes"] = []
    told: list[Edge] = []
    for node in pipeline.nodes:
        own = outputs.pop(node.id, [])
        told += [Edge(node.id, target) for target in own]
        written["nodes"].append(_config_node(node, own))
    if tuple(told) != pipeline.edges:
        # The order of edges into a pairing says which input is the first.
        written["edges"] = [edge.to_dict() for edge in pipeline.edges]
    return {"processing_pipelines": {pipeline.name: written}}


def read_nodes(nodes: object, edges: object) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    """The nodes and edges of either form. Raises PipelineFormError."""
    if not isinstance(nodes, list) or not nodes:
        raise _error("`nodes` must be a list of at least one node")
    if len(nodes) > MOST_NODES:
        raise _error(f"The pipeline has {len(nodes):,} nodes; it can have at most {MOST_NODES:,}")
    if edges is not None and not isinstance(edges, list):
        raise _error("`edges` must be a list")
    found = [_read_edge(edge, number) for number, edge in enumerate(edges or [], 1)]
    known = set(found)
    read = []
    for number, each in enumerate(nodes, 1):
        node, outputs = _read_node(each, number)
        read.append(node)
        found += [edge for edge in outputs if edge not in known]
    if len(found) > MOST_EDGES:
        raise _error(f"The pipeline has {len(found):,} edges; it can have at most {MOST_EDGES:,}")
    return tuple(read), tuple(found)


def check_name(name: object) -> str:
    """A name that a pipeline can have. Raises PipelineFormError."""
    return _identifier(name, "The name of a pipeline")


def _read_one(document: Mapping[Any, Any], name: str | None) -> Pipeline:
    own = document.get("name")
    if own is None and name is None:
        raise _error("The pipeline has no name", "Add a line `name: NAME`, or use --rename NAME.")
    description = document.get("description")
    if description is not None and not (isinstance(description, str) and _is_text(description)):
        raise _error("The `description` of a pipeline must be text")
    nodes, edges = read_nodes(document.get("nodes"), document.get("edges"))
    return Pipeline(check_name(name if own is None else own), nodes, edges, description)


def _read_node(node: object, number: int) -> tuple[Node, list[Edge]]:
    where = f"Node {number}"
    if not isinstance(node, Mapping):
        raise _error(f"{where} must hold `key: value` lines, such as `id` and `type`")
    node_id = _identifier(node.get("id"), f"The `id` of node {number}")
    where = f"The node `{display(node_id)}`"
    kind = node.get("type")
    if not isinstance(kind, str) or not kind:
        raise _error(f"{where} must have a `type`: one of {', '.join(TYPES)}")
    properties = node.get("properties")
    if properties is not None and not isinstance(properties, Mapping):
        raise _error(f"{where} has `properties` that are not `key: value` lines")
    read = dict(properties or {})
    read.update((key, value) for key, value in node.items() if key not in _OWN_KEYS)
    for key, value in read.items():
        if not isinstance(key, str) or not _is_json(value):
            raise _error(
                f"{where} has a value that vpo does not accept, `{_shown(key)}`",
                "Write text that looks like a date or a number in quotes.",
            )
    outputs = node.get("output")
    if isinstance(outputs, str):
        outputs = [outputs]
    if outputs is not None and not isinstance(outputs, list):
        raise _error(f"{where} has an `output` that is not a list of ids")
    edges = [
        Edge(node_id, _identifier(each, f"An output of node `{display(node_id)}`"))
        for each in outputs or []
    ]
    lower = kind.lower()
    return Node(node_id, lower if lower in TYPES else kind, read), edges


def _read_edge(edge: object, number: int) -> Edge:
    if not isinstance(edge, Mapping):
        raise _error(f"Edge {number} must have `from` and `to`")
    ends = []
    for key, other in (("from", "from_node"), ("to", "to_node")):
        end = edge.get(key, edge.get(other))
        ends.append(_identifier(end, f"`{key}` of edge {number}"))
    return Edge(*ends)


def _config_node(node: Node, outputs: list[str]) -> dict[str, Any]:
    written: dict[str, Any] = {"id": node.id, "type": _TITLES.get(node.type, node.type)}
    if "name" in node.properties:
        written["name"] = node.properties["name"]
    hidden = {key: value for key, value in node.properties.items() if key in _OWN_KEYS}
    written.update((k, v) for k, v in node.properties.items() if k not in _OWN_KEYS)
    if hidden:
        written["properties"] = hidden
    written["output"] = outputs
    return written


def _identifier(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise _error(f"{what} must be text", "Write text that looks like a number in quotes.")
    if not 1 <= len(value) <= MOST_CHARACTERS:
        raise _error(f"{what} must have 1 to {MOST_CHARACTERS} characters")
    if not value.isprintable():
        raise _error(f"{what} has characters that cannot be printed: `{display(value)}`")
    return value


def _is_json(value: object) -> bool:
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 1 << 63
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return _are_text(value) and all(map(_is_json, value.values()))
    return value is None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character
        return False
    return True


def _are_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) and _is_text(value) for value in values)


def _shown(key: object) -> str:
    return display(str(key)[:MOST_CHARACTERS].encode(errors="replace").decode())


def _error(message: str, hint: str = _EXAMPLE) -> PipelineFormError:
    return PipelineFormError(message, hint=hint)
