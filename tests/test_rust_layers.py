"""There are no circles among the Rust modules: two files never use each other.

This includes a `mod.rs` and its children, and circles through items that a `mod.rs` exports.
So inside a crate, code names the file that defines an item, not one that exports it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RUST = Path(__file__).parent.parent / "rust"
CRATES = [RUST / "engine", RUST / "python"]

Module = tuple[str, ...]
"""A module's path in its crate: ("digest", "pool"). The crate's root is ()."""

NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|\bb?r(?P<hashes>#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"'
    r"|'(?:\\(?:x[0-9a-f]{2}|u\{[^}]*\}|.)|[^'\\])'",
    re.DOTALL,
)
TESTS = re.compile(r"#\[cfg\(test\)\][^;{]*(?P<end>[;{])")
BRACE = re.compile("[{}]")
CHILD = re.compile(r"(?:^|[\s}])mod\s+(?P<name>\w+)\s*;")
INLINE = re.compile(r"(?:^|[\s}])mod\s+\w+\s*\{")
USE = re.compile(r"\buse\s+(?P<tree>[^;]+);")
PATH = re.compile(r"(?<![\w:])(?:\w+\s*::\s*)+\w+")


@dataclass
class File:
    """A module that has a file, and the modules whose items its code uses."""

    code: str
    children: set[str]
    aliases: dict[str, Module] = field(default_factory=dict)
    uses: set[Module] = field(default_factory=set)


def test_no_two_rust_modules_use_each_other() -> None:
    circles = {crate.name: circles_of(read_crate(crate)) for crate in CRATES}
    assert {name: found for name, found in circles.items() if found} == {}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        pytest.param(
            {
                "lib.rs": "mod one; mod two;",
                "one.rs": "use crate::two::B; pub struct A;",
                "two.rs": "use crate::one::A; pub struct B;",
            },
            ["one → two → one"],
            id="two files",
        ),
        pytest.param(
            {
                "lib.rs": "mod parent;",
                "parent/mod.rs": "mod child; pub struct Shared; fn f() { child::run() }",
                "parent/child.rs": "use super::Shared; pub fn run() {}",
            },
            ["parent → parent::child → parent"],
            id="a parent and its child",
        ),
        pytest.param(
            {
                "lib.rs": "mod parent;",
                "parent/mod.rs": "mod a; mod b; pub use a::A; pub use b::B;",
                "parent/a.rs": "use crate::parent::B; pub struct A;",
                "parent/b.rs": "pub struct B;",
            },
            ["parent → parent::a → parent"],
            id="through an item that the parent exports",
        ),
        pytest.param(
            {
                "lib.rs": "mod a; mod b; mod c;",
                "a.rs": "use crate::{b::{self, Type}}; fn f() { b::f() }",
                "b.rs": "pub fn f() { crate::c::f() }",
                "c.rs": "use super::a; fn f() { a::f() }",
            },
            ["a → b → c → a"],
            id="three files, which import modules or use whole paths",
        ),
        pytest.param(
            {
                "lib.rs": "mod a; mod b;",
                "a.rs": "use crate::b::B; pub struct A;",
                "b.rs": '// crate::a::A\n"crate::a::A"; #[cfg(test)] mod t { use crate::a::A; }',
            },
            [],
            id="tests, comments and strings do not count",
        ),
        pytest.param(
            {
                "lib.rs": "mod parent;",
                "parent/mod.rs": "mod a; mod b; fn f() { b::f(a::A) }",
                "parent/a.rs": "pub struct A;",
                "parent/b.rs": "use super::a::A; pub fn f(_: A) {}",
            },
            [],
            id="siblings that do not use their parent",
        ),
    ],
)
def test_circles_are_reported_by_name(
    tmp_path: Path, sources: dict[str, str], expected: list[str]
) -> None:
    for name, code in sources.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    assert circles_of(read_crate(tmp_path)) == expected


def read_crate(crate: Path) -> dict[Module, File]:
    """The modules of a crate that have files, except modules for tests."""
    files: dict[Module, File] = {}

    def read(module: Module, path: Path) -> None:
        code = without_tests(NOT_CODE.sub(" ", path.read_text()))
        children = set(CHILD.findall(code))
        files[module] = File(code, children)
        inside = path.parent if path.name in ("lib.rs", "mod.rs") else path.with_suffix("")
        for child in children:
            one = inside / f"{child}.rs"
            read((*module, child), one if one.exists() else inside / child / "mod.rs")

    read((), crate / "src" / "lib.rs")
    for module, file in files.items():
        find_uses(module, file, files)
    return files


def without_tests(code: str) -> str:
    """Source code without the items that are compiled only for tests."""
    while found := TESTS.search(code):
        end = found.end()
        if found["end"] == "{":
            end = closing_brace(code, end)
        code = code[: found.start()] + code[end:]
    return code


def closing_brace(code: str, position: int) -> int:
    """The position after the brace that closes the block around `position`."""
    depth = 1
    for brace in BRACE.finditer(code, position):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end()
    raise ValueError("a brace is not closed")


def find_uses(module: Module, file: File, files: dict[Module, File]) -> None:
    """Fills in which modules a file uses."""
    inline = [
        (found.end(), closing_brace(file.code, found.end())) for found in INLINE.finditer(file.code)
    ]

    def add(path: list[str], position: int, alias: str | None = None) -> None:
        # In a module inside this file, `super` is this file.
        depth = sum(start <= position < end for start, end in inline)
        target = resolve(module, file, path, depth, files)
        if target is None:
            return
        if alias and target[1] == 0:
            file.aliases[alias] = target[0]
        elif target[1] and target[0] != module:
            file.uses.add(target[0])

    for found in USE.finditer(file.code):
        for path, alias in leaves(found["tree"]):
            add(path, found.start(), alias)
    for found in PATH.finditer(USE.sub(lambda use: " " * len(use[0]), file.code)):
        add(re.split(r"\s*::\s*", found[0]), found.start())


def resolve(
    module: Module, file: File, path: list[str], depth: int, files: dict[Module, File]
) -> tuple[Module, int] | None:
    """The module that a path leads to, and how many names are left for an item in it.

    None for a path to another crate or to an item that is not in a module with a file.
    """
    first, rest = path[0], path[1:]
    if first == "crate":
        at: Module = ()
    elif first in ("self", "super"):
        at = module
        if first == "super":
            rest = path
        while rest and rest[0] == "super":
            if depth:
                depth -= 1
            else:
                at = at[:-1]
            rest = rest[1:]
    elif first in file.children:
        at = (*module, first)
    elif first in file.aliases:
        at = file.aliases[first]
    else:
        return None
    while rest and (*at, rest[0]) in files:
        at, rest = (*at, rest[0]), rest[1:]
    return at, len(rest)


def leaves(tree: str) -> Iterator[tuple[list[str], str]]:
    """Each path that a `use` imports, and its name in the file."""
    tree = tree.strip()
    head, brace, inside = tree.partition("{")
    if not brace:
        path, _, alias = tree.partition(" as ")
        names = re.split(r"\s*::\s*", path.strip())
        if names[-1] == "self":
            names.pop()
        yield names, alias.strip() or names[-1]
        return
    depth, start = 0, 0
    inside = inside[: inside.rindex("}")]
    for position, character in enumerate([*inside, ","]):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            if inside[start:position].strip():
                yield from leaves(head + inside[start:position])
            start = position + 1


def circles_of(files: dict[Module, File]) -> list[str]:
    """The circles among a crate's modules, written as `a → b → a`."""
    found = []
    for module in sorted(files):
        trails = [[module]]
        seen: set[Module] = set()
        while trails:
            trail = trails.pop(0)
            for used in sorted(files[trail[-1]].uses):
                if used == module:
                    # A circle is found from each of its members, but is reported once.
                    if module == min(trail):
                        found.append(trail)
                elif used not in seen:
                    seen.add(used)
                    trails.append([*trail, used])
    return [" → ".join("::".join(name) or "lib" for name in [*trail, trail[0]]) for trail in found]
