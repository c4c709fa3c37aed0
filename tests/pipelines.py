"""Pipelines for tests, written briefly, and images whose files are judged by them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from vpo.photos.pipeline.expected import Key, enumerate_alternatives, key_of
from vpo.photos.pipeline.forms import read_document
from vpo.photos.pipeline.judge import Judge, Verdict, file_name
from vpo.photos.pipeline.model import STATUSES, Pipeline

METADATA = (".xmp",)

_NAME = re.compile(r"([A-Z0-9]{4}[0-9]{4})((?:-[A-Za-z0-9_ ]+)*)(\.[A-Za-z0-9]+)")


def pipeline(*nodes: str | dict[str, Any], name: str = "P", edges: Any = None) -> Pipeline:
    """A pipeline of nodes such as `raw: file .CR3 -> next, other`.

    After the type comes an extension (with `?` if optional), or methods with commas, or the
    label of a termination. `''` is the empty method.
    """
    document = {"name": name, "nodes": [_node(each) for each in nodes]}
    if edges is not None:
        document["edges"] = edges
    (read,) = read_document(document)
    return read


def _node(text: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    head, _, outputs = text.partition("->")
    node_id, _, rest = head.partition(":")
    kind, _, argument = rest.strip().partition(" ")
    node: dict[str, Any] = {"id": node_id.strip(), "type": kind}
    argument = argument.strip()
    if kind == "file":
        node["extension"] = argument.rstrip("?")
        if argument.endswith("?"):
            node["optional"] = True
    elif kind == "process":
        node["method_ids"] = [each.strip().strip("'") for each in argument.split(",")]
    elif kind == "termination" and argument:
        node["name"] = argument
    node["output"] = [each.strip() for each in outputs.split(",") if each.strip()]
    return node


def split(name: str) -> tuple[str, str, Key]:
    """Camera and counter, the ID of the separate image, and the methods and extension."""
    match = _NAME.fullmatch(name.rpartition("/")[2])
    assert match, name
    properties = match[2].split("-")[1:]
    image = next((each for each in properties if each.isdigit()), "")
    if image:
        properties.remove(image)
    return match[1], image, (tuple(properties), match[3])


def judged(
    pipeline: Pipeline, files: str | Sequence[str], terminations: Sequence[str] = ()
) -> Verdict:
    """The verdict on the image that has these files."""
    names = files.split() if isinstance(files, str) else files
    keys = frozenset(key_of(*split(name)[2]) for name in names)
    expected = enumerate_alternatives(pipeline)
    return Judge(pipeline.graph, expected, METADATA, terminations).judge(keys)


def status(verdict: Verdict) -> str:
    """The overall status."""
    return STATUSES[verdict.overall]


def missing(pipeline: Pipeline, verdict: Verdict, stem: str, image: str = "") -> set[str]:
    """The names of the missing files."""
    names = enumerate_alternatives(pipeline).names
    return {file_name(stem, names[key], image) for key in verdict.missing}


# The pipelines of the examples.

L = pipeline(
    "capture: capture -> raw",
    "raw: file .dng -> pair",
    "xmp: file .xmp -> pair",
    {"id": "pair", "type": "pairing", "inputs": ["raw", "xmp"], "output": ["export"]},
    "export: file .tiff -> done",
    "done: termination",
    name="L",
)
M = pipeline(
    "c: capture -> raw",
    "raw: file .CR3 -> select",
    "select: process '' -> dxo",
    "dxo: process DXO -> dng, xmp",
    "dng: file .DNG -> done",
    "xmp: file .XMP",
    "done: termination Black Box",
    name="M",
)
E = pipeline(
    "c: capture -> raw",
    "raw: file .CR3 -> dxo",
    "dxo: process DXO -> dng",
    "dng: file .DNG -> edit",
    "edit: process Edit -> choice",
    "choice: branching -> export, edit",
    "export: process '' -> tif",
    "tif: file .TIF -> done",
    "done: termination Black Box",
    name="E",
)
T = pipeline(
    "c: capture -> raw",
    "raw: file .CR3 -> dxo",
    "dxo: process DXO -> dng, xmp",
    "dng: file .DNG -> edit, black",
    "edit: process Edit -> tif",
    "tif: file .TIF -> web",
    "web: process Web -> small, large",
    "small: file .JPG -> browse",
    "large: file .JPG -> browse",
    "xmp: file .XMP",
    "black: termination Black Box",
    "browse: termination Browsable",
    name="T",
)
R = pipeline(
    "c: capture -> raw, xmp",
    "raw: file .CR3 -> done",
    "xmp: file .XMP -> done",
    "done: termination Archive",
    name="R",
)
CHOICE = pipeline(
    "c: capture -> raw",
    "raw: file .CR3 -> method",
    "method: process HDR, BW, '' -> tif",
    "tif: file .TIF -> end",
    "end: termination",
)
TWO_LOOPS = pipeline(
    "capture: capture -> raw, low",
    "raw: file .CR3 -> select",
    "select: process '' -> selected, xmp",
    "selected: file .CR3 -> pair",
    "xmp: file .XMP -> pair",
    "pair: pairing -> denoise",
    "denoise: branching -> develop, tone",
    "develop: process XD2, XD3 -> dng",
    "dng: file .DNG -> tone",
    "tone: process '' -> finish",
    "finish: branching -> tif, edit, sharpen",
    "tif: file .TIF -> black, low, high",
    "edit: process Edit -> finish",
    "sharpen: process Topaz -> finish",
    "low: file .JPG -> images",
    "high: file .JPG -> images",
    "images: pairing -> browse",
    "black: termination Black Box",
    "browse: termination Browsable",
    name="Two loops",
)
"""Two loops through one branching, and a pairing of what comes from them."""
