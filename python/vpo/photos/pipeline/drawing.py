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

# Of a picture, in pixels.
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN, _STAGGER = 150, 44, 50, 22, 20, 5


def text_of(node: Node) -> str:
    """What a drawing says of a node."""
    if node.type == FILE:
        text = f"{node.title} {node.extension}{'?' if node.is_optional else ''}"
    elif node.type == PROCESS:
        methods = [str(method) for method in node.methods]
        text = "|".join(method or "-" for method in methods) if any(methods) else node.title
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
    edges = _edges(graph, columns, places)
    height = 2 * _MARGIN + max(low for _, low in edges.values()) if edges else 3 * _MARGIN
    height = max(height, 2 * _MARGIN + max(map(len, columns)) * (_HEIGHT + _GAP_Y))
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
    parts += [path for path, _ in edges.values()]
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
        walk = [(start, reversed(graph.outputs[start]))]
        while walk:
            node_id, rest = walk[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                walk.pop()
                done[node_id] = None
            else:
                seen.add(following)
                walk.append((following, reversed(graph.outputs[following])))
    return list(reversed(done))


def _edges(
    graph: Graph, columns: list[list[str]], places: dict[str, tuple[int, int]]
) -> dict[tuple[str, str], tuple[str, int]]:
    """The paths of all edges, and how far down each reaches."""
    column = {node_id: number for number, ids in enumerate(columns) for node_id in ids}
    found: dict[tuple[str, str], tuple[str, int]] = {}
    detours = 0
    for source, targets in graph.outputs.items():
        for target in targets:
            start, end = places[source], places[target]
            first, last = sorted((column[source], column[target]))
            if column[target] == column[source] + 1:
                found[source, target] = _path(start, end, None), max(start[1], end[1]) + _HEIGHT
                continue
            # It passes below the nodes in between.
            rows = max(map(len, columns[first : last + 1]))
            low = _MARGIN + rows * (_HEIGHT + _GAP_Y) + _STAGGER * (detours % _GAP_Y)
            detours += 1
            found[source, target] = _path(start, end, low), low
    return found


def _path(source: tuple[int, int], target: tuple[int, int], low: int | None) -> str:
    """An edge. `low`: how far down it makes a detour."""
    x, y = source[0] + _WIDTH, source[1] + _HEIGHT // 2
    end_x, end_y = target[0], target[1] + _HEIGHT // 2
    half = _GAP_X // 2
    if low is None:
        curve = f"C{x + half} {y} {end_x - half} {end_y} {end_x} {end_y}"
    else:
        curve = (
            f"C{x + half} {y} {x + half} {low} {x} {low}"
            if end_x <= x
            else f"C{x + half} {y} {x} {low} {x + _GAP_X} {low}"
        )
        after = end_x if end_x <= x else end_x - _GAP_X
        turn = end_x - half if end_x <= x else end_x
        curve += f"L{after} {low}C{turn} {low} {end_x - half} {end_y} {end_x} {end_y}"
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
