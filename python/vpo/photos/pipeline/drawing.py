"""Drawings of a pipeline, from left to right: as lines for a terminal, and as SVG."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from vpo.base.paths import display
from vpo.photos.pipeline.model import (
    BRANCHING,
    CAPTURE,
    FILE,
    PAIRING,
    PROCESS,
    TERMINATION,
    Graph,
    Node,
)

# What is around the text of a node in a terminal.
_FRAMES = {
    CAPTURE: ("(", ")"),
    FILE: ("[", "]"),
    PROCESS: ("<", ">"),
    PAIRING: ("{", "}"),
    BRANCHING: ("<?", "?>"),
    TERMINATION: ("((", "))"),
}
_MOST_DEPTH = 200
_MOST_TEXT = 24

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 150, 44, 50, 22, 20


def text_of(node: Node) -> str:
    """What a drawing says of a node."""
    if node.type == FILE:
        text = f"{node.title} {node.extension}{'?' if node.is_optional else ''}"
    elif node.type == PROCESS:
        text = "|".join(str(method) or "-" for method in node.methods)
    elif node.type == TERMINATION:
        text = node.label
    else:
        text = node.title
    text = display(text)
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"


def lines(graph: Graph) -> list[str]:
    """The pipeline as a tree for a terminal.

    A node that several edges lead to is drawn once, and named with an arrow elsewhere.
    """
    drawn: set[str] = set()
    found: list[str] = []
    starts = graph.captures or list(graph.nodes)[:1]
    for start in [*starts, *graph.nodes]:
        if start not in drawn:
            found += _tree(graph, start, drawn, 0)
    return found


def _tree(graph: Graph, node_id: str, drawn: set[str], depth: int) -> list[str]:
    node = graph.nodes[node_id]
    left, right = _FRAMES.get(node.type, ("", ""))
    head = f"{left}{text_of(node)}{right}"
    if node_id in drawn:
        return [f"→ {head}"]
    drawn.add(node_id)
    outputs = graph.outputs[node_id]
    if outputs and depth == _MOST_DEPTH:
        return [f"{head} …"]
    blocks = [_tree(graph, output, drawn, depth + 1) for output in outputs]
    if not blocks:
        return [head]
    found = []
    indent = " " * (len(head) + 1)
    for number, block in enumerate(blocks):
        is_last = number == len(blocks) - 1
        if len(blocks) == 1:
            joint = "──"
        elif number == 0:
            joint = "┬─"
        else:
            joint = "└─" if is_last else "├─"
        before = f"{head} " if number == 0 else indent
        found.append(f"{before}{joint} {block[0]}")
        bar = " " if is_last else "│"
        found += [f"{indent}{bar}  {line}" for line in block[1:]]
    return found


def svg(graph: Graph, title: str, failing: Collection[str] = ()) -> str:
    """The pipeline as a picture. `failing`: the ids of nodes to mark.

    Each type has a shape of its own. Colours follow the light or dark mode of the viewer.
    """
    columns = _columns(graph)
    places = {
        node_id: (
            _MARGIN + column * (_WIDTH + _GAP_X),
            _MARGIN + row * (_HEIGHT + _GAP_Y),
        )
        for column, ids in enumerate(columns)
        for row, node_id in enumerate(ids)
    }
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + max(map(len, columns)) * (_HEIGHT + _GAP_Y) - _GAP_Y + _HEIGHT // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-label="{escape(display(title))}">',
        f"<title>{escape(display(title))}</title>",
        "<style>svg{background:#fff;color:#1b1f24;font:12px sans-serif}"
        "path,rect,polygon{fill:none;stroke:currentColor;stroke-width:1.3}"
        "text{fill:currentColor;text-anchor:middle;dominant-baseline:central}"
        ".edge{stroke-opacity:.55}.failing{stroke:#c62828;stroke-width:3;stroke-dasharray:6 3}"
        "@media(prefers-color-scheme:dark){svg{background:#15181c;color:#e6e8eb}"
        ".failing{stroke:#ff8a80}}</style>",
        '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8"/></marker></defs>',
    ]
    for source, targets in graph.outputs.items():
        parts += [_edge(places[source], places[target]) for target in targets]
    for node_id, node in graph.nodes.items():
        parts.append(_shape(node, places[node_id], is_failing=node_id in failing))
    return "\n".join([*parts, "</svg>\n"])


def _columns(graph: Graph) -> list[list[str]]:
    """The nodes from left to right: each one after those that lead to it, but for loops."""
    column: dict[str, int] = dict.fromkeys(graph.nodes, 0)
    for node_id in _in_order(graph):
        for output in graph.outputs[node_id]:
            if graph.components[output] != graph.components[node_id]:
                column[output] = max(column[output], column[node_id] + 1)
            elif column[output] <= column[node_id] and output not in _before(graph, node_id):
                column[output] = column[node_id] + 1
    found: list[list[str]] = [[] for _ in range(max(column.values()) + 1)]
    for node_id in _in_order(graph):
        found[column[node_id]].append(node_id)
    return [ids for ids in found if ids]


def _before(graph: Graph, node_id: str) -> set[str]:
    """The nodes of a loop that are entered no later than this one."""
    order = _in_order(graph)
    return set(order[: order.index(node_id) + 1])


def _in_order(graph: Graph) -> list[str]:
    """The nodes in an order in which only the edges that close loops lead back."""
    done: dict[str, None] = {}
    seen: set[str] = set()
    for start in [*graph.captures, *graph.nodes]:
        if start in seen:
            continue
        seen.add(start)
        walk = [(start, iter(graph.outputs[start]))]
        while walk:
            node_id, rest = walk[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                walk.pop()
                done[node_id] = None
            else:
                seen.add(following)
                walk.append((following, iter(graph.outputs[following])))
    return list(reversed(done))


def _edge(source: tuple[int, int], target: tuple[int, int]) -> str:
    x, y = source[0] + _WIDTH, source[1] + _HEIGHT // 2
    end_x, end_y = target[0], target[1] + _HEIGHT // 2
    bend = _GAP_X
    if end_x <= x:  # It leads back, and passes below the nodes.
        low = max(y, end_y) + _HEIGHT
        curve = f"C{x + bend} {low} {end_x - bend} {low} {end_x} {end_y}"
    else:
        curve = f"C{x + bend // 2} {y} {end_x - bend // 2} {end_y} {end_x} {end_y}"
    return f'<path class="edge" d="M{x} {y}{curve}" marker-end="url(#end)"/>'


def _shape(node: Node, place: tuple[int, int], *, is_failing: bool) -> str:
    x, y = place
    mark = ' class="failing"' if is_failing else ""
    box = f'x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}"'
    if node.type == CAPTURE:
        shape = f'<rect {box} rx="{_HEIGHT // 2}"{mark}/>'
    elif node.type == PROCESS:
        shape = _polygon(
            x, y, ((0.08, 0), (0.92, 0), (1, 0.5), (0.92, 1), (0.08, 1), (0, 0.5)), mark
        )
    elif node.type == BRANCHING:
        shape = _polygon(x, y, ((0.5, -0.15), (1, 0.5), (0.5, 1.15), (0, 0.5)), mark)
    elif node.type == PAIRING:
        shape = _polygon(x, y, ((0, 0), (0.88, 0.12), (1, 0.5), (0.88, 0.88), (0, 1)), mark)
    elif node.type == TERMINATION:
        inner = f'x="{x + 4}" y="{y + 4}" width="{_WIDTH - 8}" height="{_HEIGHT - 8}"'
        shape = f'<rect {box} rx="10"{mark}/><rect {inner} rx="7"{mark}/>'
    else:
        shape = f"<rect {box}{mark}/>"
    text = escape(text_of(node))
    middle = f'x="{x + _WIDTH // 2}" y="{y + _HEIGHT // 2}"'
    hint = escape(f"{display(node.type)}: {display(node.id)}")
    return f"<g><title>{hint}</title>{shape}<text {middle}>{text}</text></g>"


def _polygon(x: int, y: int, corners: Sequence[tuple[float, float]], mark: str) -> str:
    points = " ".join(f"{x + _WIDTH * a:g},{y + _HEIGHT * b:g}" for a, b in corners)
    return f'<polygon points="{points}"{mark}/>'
