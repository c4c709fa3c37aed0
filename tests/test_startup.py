"""Starting up is cheap: few imports, and lists of commands that agree with the commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path

import click
import pytest

import vpo as package
from support import Tree, Vpo, modules_imported, modules_listed
from vpo import _engine
from vpo.cli.commands import SECTIONS
from vpo.cli.groups import Group, LazyGroup, SectionedGroup
from vpo.cli.main import cli as root

assert isinstance(root, SectionedGroup)
cli: SectionedGroup = root

CARGO = Path(__file__).parent.parent / "Cargo.toml"

HEAVY = {"pydantic", "pydantic_core", "yaml", "rich", "sqlite3", "orjson", "vpo.scanner", "vpo.db"}


def imported(vpo: Vpo, *words: str | Path, status: int = 0) -> set[str]:
    """The modules that a run of the command imports."""
    found = modules_imported(vpo, *words, status=status)
    assert "vpo.cli.main" in found
    return found


def without_imports_of_the_interpreter(modules: set[str]) -> set[str]:
    """What is heavy and is not there in any Python of this environment (say, by a .pth file)."""
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    bare = subprocess.run(command, capture_output=True, text=True, check=True)
    return (modules & HEAVY) - modules_listed(bare.stderr)


@pytest.mark.parametrize("words", ["--help", "--version", "-h", "nope", ""])
def test_no_heavy_module_is_imported_unless_a_command_runs(vpo: Vpo, words: str) -> None:
    status = 2 if words in ("nope", "") else 0
    found = imported(vpo, *words.split(), status=status)
    assert without_imports_of_the_interpreter(found) == set()
    assert {"vpo.cli.scan.scan", "vpo.cli.files.group", "vpo.scanner.scan"} & found == set()


def test_a_scan_without_a_config_imports_neither_pydantic_nor_rich(vpo: Vpo, tree: Tree) -> None:
    # A variable is a setting, which pydantic checks.
    vpo.introspects = True
    tree.write("a.srt")
    for _ in range(2):
        found = imported(vpo, "scan", tree.root)
        heavy = without_imports_of_the_interpreter(found)
        assert heavy & {"pydantic", "pydantic_core", "yaml", "rich"} == set()


def test_options_of_the_command_line_need_no_pydantic(vpo: Vpo, tree: Tree) -> None:
    vpo.introspects = True
    words = (
        "scan",
        "--kind",
        "video",
        "--exclude",
        "a",
        "--threads",
        "2",
        "--prober",
        "native",
        "--json",
        tree.root,
    )
    heavy = without_imports_of_the_interpreter(imported(vpo, *words))
    assert heavy & {"pydantic", "pydantic_core", "yaml", "rich"} == set()


def test_a_list_of_files_imports_no_scanner(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    heavy = without_imports_of_the_interpreter(imported(vpo, "files", "list"))
    assert heavy & {"pydantic", "yaml", "rich", "vpo.scanner"} == set()


def groups() -> Iterator[tuple[str, click.Context, Group]]:
    """Each group of commands, with its name, such as `vpo jobs`, and a Click context."""
    waiting: list[tuple[str, click.Context, Group]] = [
        ("vpo", click.Context(cli, info_name="vpo"), cli)
    ]
    while waiting:
        path, context, group = waiting.pop()
        yield path, context, group
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, Group):
                inner = click.Context(command, parent=context, info_name=name)
                waiting.append((f"{path} {name}", inner, command))


def test_lists_of_commands_have_the_first_line_of_each_commands_own_help() -> None:
    found = {path for path, _, _ in groups()}
    assert {"vpo", "vpo jobs", "vpo verify", "vpo config", "vpo profiles"} <= found
    for path, context, group in groups():
        lines = group.get_help(context).splitlines()
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert isinstance(command, click.Command), f"{path} {name}"
            assert command.name == name, f"{path} {name}"
            assert command.help, f"`{path} {name}` has no help"
            text = command.get_short_help_str(limit=1000)
            shown = [line for line in lines if re.fullmatch(rf"  {name} +{re.escape(text)}", line)]
            assert len(shown) == 1, f"`{path} --help` does not show on one line: {name}  {text}"


def test_help_shows_the_commands_in_sections() -> None:
    context = click.Context(cli, info_name="vpo")
    shown = cli.get_help(context).partition("Options:\n")[0]
    headings = re.findall(r"^(\w+):$", shown, re.MULTILINE)
    assert headings == [heading for heading, commands in SECTIONS.items() if commands]
    assert {"Library", "Content", "Operation"} <= set(headings)
    assert [*cli.table] == re.findall(r"^  ([a-z]+)  ", shown, re.MULTILINE)
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize("words", ["", "s", "config "])
def test_shell_completion_of_commands_imports_no_command(vpo: Vpo, words: str) -> None:
    line = f"vpo {words}"
    vpo.environment = {
        "_VPO_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    found = imported(vpo)
    assert without_imports_of_the_interpreter(found) == set()
    tables = [group.table for _, _, group in groups() if isinstance(group, LazyGroup)]
    modules = {module for table in tables for module, _, _ in table.values()}
    assert modules & found <= {"vpo.cli.config.group"}


def test_all_versions_are_equal(vpo: Vpo) -> None:
    match = re.search(r'^version = "(.+)"$', CARGO.read_text(), re.MULTILINE)
    assert match
    versions = {
        "Cargo.toml": match[1],
        "package": package.__version__,
        "engine": _engine.__version__,
        "metadata": installed_version("vpo"),
    }
    assert len(set(versions.values())) == 1, versions
    assert vpo.ok("--version").stdout == f"vpo {match[1]} (engine {match[1]})\n"


def test_an_interrupt_during_imports_ends_vpo_silently(vpo: Vpo, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        vpo.command("status"),
        env={**vpo.env(), "PYTHONPATH": os.fspath(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_the_command_and_the_module_are_the_same() -> None:
    (script,) = (
        script
        for script in import_module("importlib.metadata").entry_points(group="console_scripts")
        if script.name == "vpo"
    )
    assert script.value == "vpo.__main__:main"
