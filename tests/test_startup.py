"""What starting up costs, and what must agree for it to cost that little."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path

import click
import pytest

import vpo as package
from support import Tree, Vpo, modules_imported, modules_listed
from vpo import _engine
from vpo.cli.main import cli

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
def test_what_runs_no_command_imports_none_of_the_heavy_modules(vpo: Vpo, words: str) -> None:
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


def test_the_list_of_commands_says_what_each_command_says_of_itself() -> None:
    context = click.Context(cli)
    listed = cli.get_help(context).partition("Commands:\n")[2]
    shown = dict(re.findall(r"^  (\S+)\s+(.+)$", listed, re.MULTILINE))
    assert set(shown) == set(cli.list_commands(context))
    for name, text in shown.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert text == command.get_short_help_str(limit=1000)


def test_every_module_of_a_command_is_there() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert isinstance(command, click.Command)
        assert command.help, f"`{name}` has no help"


def test_all_versions_are_one(vpo: Vpo) -> None:
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


def test_an_interrupt_while_modules_are_imported_ends_it_without_a_word(
    vpo: Vpo, tmp_path: Path
) -> None:
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
