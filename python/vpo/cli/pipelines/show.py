"""`vpo pipelines show`: one pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vpo.base.atomic_file import NewFile
from vpo.base.paths import display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.cli.pipelines.shared import details, name_argument, version_option
from vpo.db.library import open_library
from vpo.photos import pipelines as service
from vpo.photos.pipeline import drawing
from vpo.photos.pipeline.model import FILE, PROCESS, TERMINATION, Node, Pipeline


@command("show")
@name_argument
@version_option
@click.option("--graph", is_flag=True, help="Draw the pipeline instead of listing its nodes.")
@path_option("--svg", metavar="FILE", help="Draw the pipeline as a picture into FILE.")
@json_option
@global_options
@click.pass_context
def show(
    ctx: click.Context,
    /,
    name: str,
    number: int | None,
    graph: bool,
    svg: bytes | None,
    as_json: bool,
) -> None:
    """Show the pipeline NAME, and where its nodes lead.

    A drawing shows a node that several edges lead to once, and names it after an arrow elsewhere.
    FILE must not exist.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        stored = service.find(library, name)
        pipeline = service.version(library, name, number)
    if svg is not None:
        with NewFile(svg, replaces=False) as file:
            file.file.write(drawing.svg(pipeline.graph, pipeline.name).encode())
            file.finish()
    if as_json:
        shown = stored.to_dict()
        if number is not None:
            shown["version"] = number
            shown["nodes"] = [node.to_dict() for node in pipeline.nodes]
            shown["edges"] = [edge.to_dict() for edge in pipeline.edges]
        print_json(shown)
        return
    for line in details(stored):
        echo(line)
    if number is not None:
        echo(f"Shown: version {number}")
    echo("")
    for line in drawing.lines(pipeline.graph) if graph else _nodes(pipeline):
        echo(line)
    if svg is not None and not app.quiet:
        echo(f"\nWrote {display(to_stored(svg))}.", err=True)


def _nodes(pipeline: Pipeline) -> Iterator[str]:
    outputs: dict[str, list[str]] = {}
    for source, target in pipeline.edges:
        outputs.setdefault(source, []).append(target)
    rows = [
        [
            display(node.id),
            display(node.type),
            display(_meaning(node)),
            display(", ".join(outputs.get(node.id, [])) or "-"),
        ]
        for node in pipeline.nodes
    ]
    yield from table(["NODE", "TYPE", "WHAT", "OUTPUTS"], rows)


def _meaning(node: Node) -> str:
    if node.type == FILE:
        return f"{node.extension} (optional)" if node.is_optional else node.extension or "-"
    if node.type == PROCESS:
        return " or ".join(str(method) or "no method" for method in node.methods)
    return node.label if node.type == TERMINATION else "-"
