"""The shape of the program: layers, circles, and what belongs to one package alone.

CONTRIBUTING.md says what this holds. Imports count wherever they stand: also inside of
functions and under `TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support import Tree, Vpo

SOURCES = Path(__file__).parent.parent / "python"

# Each package may import those on lines above its own, and itself.
LAYERS = (
    ("__init__", "_engine"),
    ("base",),
    ("content",),
    ("config",),
    ("logging",),
    ("db",),
    ("places",),
    ("jobs",),
    ("catalogue",),
    ("media",),
    ("integrity",),
    ("doctor", "duplicates", "manifest", "roots", "scanner"),
    ("photos",),
    ("cli",),
    ("__main__",),
)
RANK = {package: rank for rank, packages in enumerate(LAYERS) for package in packages}

MOST_PARAMETERS = 6

# From `__main__.main` to the INSERT of a file, both counted.
MOST_CALLS = 12

# Statements begin like this. In prose such words are not capitals, or have no such neighbour.
_SQL = re.compile(
    r"\b(SELECT\s+[\w*(].*?\bFROM\b|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s"
    r"|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX|TRIGGER|VIEW)\s|PRAGMA\s+\w)|^(BEGIN|COMMIT|ROLLBACK)\b",
    re.DOTALL,
)


@cache
def modules() -> dict[str, ast.Module]:
    """All modules of the program by name."""
    found = {}
    for path in sorted(SOURCES.glob("vpo/**/*.py")):
        name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text(), str(path))
    return found


def package_of(module: str) -> str:
    """The package of a module, by which its layer is known."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(module: str) -> Iterator[tuple[str, int]]:
    """The program's modules that a module imports, and the lines."""
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.partition(".")[0] == "vpo":
                    yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "vpo":
            assert node.module is not None
            for name in node.names:
                full = f"{node.module}.{name.name}"
                is_module = full in modules() or full == "vpo._engine"
                yield (full if is_module else node.module), node.lineno


def docstrings_of(tree: ast.AST) -> set[int]:
    """The ids of string nodes that stand alone as statements."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_imports_point_down() -> None:
    wrong = [
        f"{module}:{line} imports {imported}"
        for module in modules()
        for imported, line in imports_of(module)
        if package_of(module) != package_of(imported)
        and RANK[package_of(imported)] >= RANK[package_of(module)]
    ]
    assert wrong == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = {name: {imported for imported, _ in imports_of(name)} for name in modules()}
    circles = [sorted(circle) for circle in circles_in(graph)]
    assert circles == []


def circles_in(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(component)

    for node in graph:
        if node not in order:
            visit(node)
    return found


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert [sorted(circle) for circle in circles_in(graph)] == [["b", "c"]]


def test_sql_is_in_the_database_package_alone() -> None:
    found = []
    for module, tree in modules().items():
        if package_of(module) == "db":
            continue
        docstrings = docstrings_of(tree)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in docstrings
                and _SQL.search(node.value)
            ):
                found.append(f"{module}:{node.lineno}: {node.value[:60]}")
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("execute", "executemany", "executescript")
            ):
                found.append(f"{module}:{node.lineno}: calls {node.func.attr}")
    assert found == []


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 FROM t", "BEGIN IMMEDIATE", "COMMIT", "UPDATE files SET a = 1", "PRAGMA foo"],
)
def test_sql_is_recognised(statement: str) -> None:
    assert _SQL.search(statement)


def test_click_is_in_the_command_line_alone() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module, tree in modules().items()
        if package_of(module) != "cli"
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(n.name.startswith("click") for n in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("click"))
    ]
    assert found == []


def test_commands_get_typed_rows_and_open_the_catalogue_but_read_no_table() -> None:
    found = []
    for module, tree in modules().items():
        if package_of(module) != "cli":
            continue
        found += [
            f"{module}:{line} imports {imported}"
            for imported, line in imports_of(module)
            if imported.startswith("vpo.db") and imported != "vpo.db.library"
        ]
        found += [
            f"{module}:{node.lineno} imports sqlite3"
            for node in ast.walk(tree)
            if isinstance(node, ast.Import) and any(n.name == "sqlite3" for n in node.names)
        ]
    assert found == []


def test_no_function_has_a_train_of_parameters() -> None:
    found = []
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or is_command(node):
                continue
            arguments = node.args
            names = [
                each.arg
                for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
                if each.arg not in ("self", "cls")
            ]
            if len(names) > MOST_PARAMETERS:
                found.append(f"{module}:{node.lineno} {node.name}({', '.join(names)})")
    assert found == []


def is_command(function: ast.FunctionDef) -> bool:
    """Whether Click calls a function, with a parameter for each option."""
    return any(
        isinstance(decorator, ast.Call)
        and ast.unparse(decorator.func) in ("click.command", "click.group", "command")
        for decorator in function.decorator_list
    )


def test_few_calls_lead_from_the_command_to_the_insert_of_a_file(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    calls, *names = vpo.by("insert_depth.py").ok("scan", "--quiet", tree.root).stderr.split()
    assert names[0] == "__main__.py:main"
    assert int(calls) <= MOST_CALLS, names
