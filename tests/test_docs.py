"""The documentation is true: its commands run, and its tables match the program.

How the pages are written, so that they can be run:

- A `console` block is run line by line (`$ ` begins a command) in a directory that the text calls
  `/media`. Output that is shown must be what is printed, except for times, IDs, inode numbers and
  free space; a line of `...` stands for any lines. A command must end with status 0, unless the
  output that is shown has a line that begins with `Error: `.
- A line `<!-- $ COMMAND -->` is a command that runs at this place and is not shown.
- A line `<!-- rot FILE -->` changes a byte of FILE as a bad disk would: size, mtime and ctime stay
  the same.
- A `json` block right after a command is the output of that command, laid out for reading.
- A `yaml` block whose first line is `# ~/.vpo/FILE` is the content of that file from there on. It
  must be valid.
- The commands of `crontab` blocks, and of the systemd units in `ini` blocks, run as well. They
  must print nothing.
- A `sql` block is run on a catalogue and must find something.
- A `sh` block does not run: it is for what changes the machine, and has no `vpo` commands.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
import pytest

import media
from support import OLD_NS, VPO, Tree, Vpo
from vpo._engine import KINDS, SYSTEM_NAMES, Rules
from vpo.base import errors
from vpo.cli.main import cli
from vpo.cli.options.global_options import global_options
from vpo.config.environment import ALIASES, variable_of
from vpo.config.layers import settings_of
from vpo.config.models import Config, ScanConfig, ToolsConfig

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
COMMANDS = sorted((DOCS / "commands").glob("*.md"))
OTHERS = [REPOSITORY / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "benches/README.md")]
"""Pages for contributors: only their links are checked."""


MEDIA = "/media"
HOME = "/home/alex"
GIB, MIB, KIB = 2**30, 2**20, 2**10


def pastel_blues(title: str) -> Callable[[int], bytes]:
    tags = {"TITLE": title, "ARTIST": "Nina Simone", "ALBUM": "Pastel Blues", "DATE": "1965"}
    return lambda _: media.song(seconds=205, tags=tags)


def film(title: str, minutes: int) -> Callable[[int], bytes]:
    return lambda length: media.film(length, seconds=60 * minutes, title=title)


def raw_photo(taken: str) -> Callable[[int], bytes]:
    return lambda length: media.raw_photo(length, taken=taken)


# Sizes, and what makes the beginnings; the rest is sparse.
FILES: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "films/Arrival (2016)/Arrival (2016).mkv": (1400 * MIB, film("Arrival", 116)),
    "films/Arrival (2016)/Arrival (2016).en.srt": (87 * KIB, lambda _: b"1\n"),
    "films/Moon (2009)/Moon (2009).mkv": (1100 * MIB, film("Moon", 97)),
    "films/Moon (2009)/poster.jpg": (240 * KIB, lambda _: media.poster(1000, 1500)),
    "films/Moon (2009)/notes.txt": (120, lambda _: b"notes"),
    "films/Stalker (1979)/Stalker (1979).mkv": (1900 * MIB, film("Stalker", 162)),
    "music/Pastel Blues (1965)/01 Be My Husband.flac": (17 * MIB, pastel_blues("Be My Husband")),
    "music/Pastel Blues (1965)/02 Nobody Knows You.flac": (
        14 * MIB,
        pastel_blues("Nobody Knows You"),
    ),
    "music/Pastel Blues (1965)/cover.jpg": (310 * KIB, lambda _: media.poster(1400, 1400)),
    "photos/2024/IMG_0412.CR3": (24 * MIB, raw_photo("2024:05:04 12:33:01")),
    "photos/2024/IMG_0412.xmp": (len(media.SIDECAR), lambda _: media.SIDECAR),
    "photos/2024/IMG_0413.CR3": (26 * MIB, raw_photo("2024:05:04 12:33:09")),
    "photos/cards/IMG_0412.CR3": (24 * MIB, raw_photo("2024:05:04 12:33:01")),
    "incoming/Solaris (1972).mkv": (1300 * MIB, film("Solaris", 167)),
}


@dataclass
class Sandbox:
    """A directory that stands for `/media`, and a command with its own `~`."""

    tree: Tree
    vpo: Vpo

    def run(self, command: str) -> tuple[int, str]:
        """Status and output of a shell command; what it says on stderr is in it."""
        environment = {**self.vpo.env(), "HOME": str(self.vpo.home.parent), "TZ": "UTC"}
        environment["PATH"] = os.path.dirname(VPO) + os.pathsep + environment["PATH"]
        done = subprocess.run(
            ["sh", "-c", self.to_real(command)],
            cwd=self.tree.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
            text=True,
        )
        shown = done.stdout.replace(str(self.tree.root), MEDIA)
        return done.returncode, shown.replace(str(self.vpo.home.parent), HOME)

    def to_real(self, text: str) -> str:
        """Puts the real directories in place of `/media` and `/home/alex`."""
        return text.replace(MEDIA, str(self.tree.root)).replace(HOME, str(self.vpo.home.parent))

    def rot(self, name: str) -> None:
        """Changes a byte of a file so that nothing but its content differs."""
        path = self.tree.path(name)
        before = os.stat(path)
        with open(path, "r+b") as file:
            file.seek(before.st_size // 2)
            file.write(b"\x55")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        # No program can set ctime, so the catalogue is changed instead.
        with self.vpo.sql() as catalogue:
            catalogue.execute(
                "UPDATE files SET ctime_ns = ? WHERE name = ?",
                (os.stat(path).st_ctime_ns, os.path.basename(name)),
            )

    def put(self, name: str, text: str) -> None:
        """Writes a file that is named as pages name it: `~/.vpo/config.yaml`."""
        path = self.vpo.home.parent / name.removeprefix("~/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_real(text))


def make_sandbox(directory: Path, *, largest: int | None = None) -> Sandbox:
    """A sandbox with all files, none of them larger than `largest` bytes."""
    root = directory.resolve() / "media"
    root.mkdir()
    tree = Tree(root)
    for number, (name, (size, begin)) in enumerate(FILES.items()):
        size = min(size, largest or size)
        path = tree.write(name, begin(size))
        os.truncate(path, size)
        mtime_ns = OLD_NS + number * 86_400 * 10**9
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return Sandbox(tree, Vpo(directory.resolve() / ".vpo", introspects=True))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path)


# -- Reading Markdown ------------------------------------------------------------


@dataclass
class Block:
    """A fenced block of a page, or a line in a comment that is to be run."""

    language: str
    lines: list[str]
    line: int
    after: int
    """The line in which the block before it ends, if only blank lines are between; else 0."""
    is_hidden: bool = False

    @property
    def end(self) -> int:
        """The line in which it ends."""
        return self.line if self.is_hidden else self.line + len(self.lines) + 1

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def blocks(page: Path) -> Iterator[Block]:
    inside: Block | None = None
    ended = 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if inside is None and (hidden := re.fullmatch(r"<!-- (\$|rot) (.+) -->", line)):
            language = "console" if hidden[1] == "$" else "rot"
            yield Block(language, [line[5:-4]], number, ended, is_hidden=True)
            ended = number
        elif line.startswith("```"):
            if inside is None:
                inside = Block(line[3:].strip(), [], number, ended)
            else:
                yield inside
                inside, ended = None, number
        elif inside is not None:
            inside.lines.append(line)
        elif line.strip():
            ended = 0
    assert inside is None, f"{page.name}: a block is not closed"


def prose(page: Path) -> Iterator[str]:
    """The lines outside of fenced blocks."""
    fenced = False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield line


def examples(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, with the output that is shown."""
    command: str | None = None
    shown: list[str] = []
    for line in block.lines:
        if line.startswith("$ "):
            if command is not None:
                yield command, shown
            command, shown = line[2:], []
        else:
            assert command is not None, f"line {block.line}: output without a command"
            shown.append(line)
    if command is not None:
        yield command, shown


def sections(page: Path, level: int) -> dict[str, list[str]]:
    """The lines below each heading of a level, up to the next one of it or above."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in prose(page):
        if heading := re.match(r"(#+) +(.*)", line):
            depth = len(heading[1])
            if depth == level:
                current = found.setdefault(heading[2].strip("`"), [])
                continue
            if depth < level:
                current = None
        if current is not None:
            current.append(line)
    return found


def table(lines: list[str]) -> list[list[str]]:
    """The cells of the tables in some lines, without heads."""
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("| "))]
        for line in lines
        if line.startswith("|")
    ]
    rules = [number for number, row in enumerate(rows) if set("".join(row)) <= set("-: ")]
    return [
        row for number, row in enumerate(rows) if number not in rules and number + 1 not in rules
    ]


def code(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


# -- Commands --------------------------------------------------------------------

_VARIES = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?Z)?", "TIME"),
    (r"\b\d+\.\d+s\b", "TIMEs"),
    (r"(Inode: +)\d+", r"\1NUMBER"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b[0-9a-f]{8}\b", "ID"),
    (r"Read [\d.]+ \w+ in \S+, [\d.]+ \w+/s", "Read SIZE in TIMEs, RATE"),
    # Sizes of the library, and room on the disk.
    (r"\([\d.]+ \w+, [\d.]+ \w+ free\)", "(SIZE, SIZE free)"),
    (r" +FREE  ROOT$", "  FREE  ROOT"),
    (r" +[\d.]+ \wiB(  /\S+)$", r"  SIZE\1"),
)


_JOB = re.compile(r"\(job: ([0-9a-f]{8})\)")


def settled(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run, the changed files of a scan sorted."""
    result: list[str] = []
    changes: list[str] = []
    for line in lines:
        for pattern, name in _VARIES:
            line = re.sub(pattern, name, line)
        if re.match(r"  [+~^>x-] /", line):
            changes.append(line)
            continue
        result += [*sorted(changes), line]
        changes = []
    return [*result, *sorted(changes)]


def is_shown(expected: list[str], printed: list[str]) -> bool:
    """Whether `expected`, in which `...` stands for any lines, is what was printed."""
    if not expected:
        return not printed
    if expected[0] == "...":
        return any(is_shown(expected[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and expected[0] == printed[0] and is_shown(expected[1:], printed[1:])


def settings_file(block: Block) -> str | None:
    """The file that a block is the content of, if it says so."""
    named = re.fullmatch(r"# (~/\.vpo/\S+\.yaml)", block.lines[0]) if block.lines else None
    return named[1] if named and block.language == "yaml" else None


def shape(document: Any) -> Any:
    """The keys of a JSON document."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return [shape(document[0])]
    return None


def name_of(page: Path) -> str:
    """The name of a page, from the top of the repository."""
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_examples_print_what_is_shown(page: Path, sandbox: Sandbox) -> None:
    printed, ended = "", 0
    ids: dict[str, str] = {}
    for block in blocks(page):
        if block.language == "json" and block.after and block.after == ended:
            assert shape(json.loads(printed)) == shape(json.loads(block.text)), block.line
        if name := settings_file(block):
            sandbox.put(name, block.text)
            what = (
                f"profiles validate {Path(name).stem}"
                if "/profiles/" in name
                else "config validate"
            )
            status, printed = sandbox.run(f"vpo {what}")
            assert status == 0, (page.name, block.line, printed)
        if block.language == "rot":
            sandbox.rot(block.text.removeprefix("rot "))
        if block.language != "console":
            continue
        for command, shown in examples(block):
            for job in ids:
                command = command.replace(job, ids[job])
            status, printed = sandbox.run(command)
            fails = any(line.startswith("Error: ") for line in shown)
            assert status == 0 or fails, (page.name, command, printed)
            while shown and not shown[-1]:
                shown.pop()
            if shown:
                expected, lines = settled(shown), settled(printed.splitlines())
                assert is_shown(expected, lines), f"{page.name}: $ {command}\n{printed}"
                written, real = _JOB.findall("\n".join(shown)), _JOB.findall(printed)
                ids.update(zip(written, real, strict="..." not in shown))
        ended = block.end


def command_tree() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name; `vpo` first."""

    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        # Of `vpo verify`, what it does without the name of one of its commands.
        yield name, getattr(command, "default", command)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for below in command.list_commands(context):
                child = command.get_command(context, below)
                assert child is not None
                yield from walk(f"{name} {below}", child)

    return walk("vpo", cli)


def options_of(command: click.Command) -> set[str]:
    return {
        word
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for word in (*parameter.opts, *parameter.secondary_opts)
    }


def global_words() -> set[str]:
    @global_options
    def nothing() -> None: ...

    command = click.command(nothing)
    return options_of(command) | {"-h", "--help"}


def test_commands_has_a_section_per_command_and_a_row_per_option() -> None:
    described: dict[str, list[str]] = {}
    for page in COMMANDS:
        assert not described.keys() & sections(page, 2).keys()
        described |= sections(page, 2)
    everywhere = {word for row in table(described["Global options"]) for word in code(row[0])}
    words = {part for each in everywhere for part in each.split()}
    assert global_words() | {"--version"} <= words
    for name, command in command_tree():
        own = options_of(command) - global_words() - {"--version"}
        if isinstance(command, click.Group):
            assert not own, name
            continue
        assert name in described, f"docs/commands has no section on `{name}`"
        rows = table(described[name])
        listed = {
            part
            for row in rows
            for each in code(row[0])
            for part in each.split()
            if re.match("--?[a-z]", part)
        }
        assert listed - {"--version"} == own, name


def test_no_page_names_an_option_that_does_not_exist() -> None:
    real = {word for _, command in command_tree() for word in options_of(command)}
    real |= {"--help", "-h"}
    for page in PAGES:
        for line in prose(page):
            for snippet in code(line):
                words = snippet.split()
                if words and (words[0] == "vpo" or words[0].startswith("--")):
                    named = {word.split("=")[0] for word in words if word.startswith("--")}
                    assert named <= real, (page.name, line)


def test_configuration_lists_each_setting_with_its_default() -> None:
    page = sections(DOCS / "configuration.md", 2)
    rows = {tuple(code(row[0])[0].split(".")): row for row in table(page["Settings"])}
    assert list(rows) == list(settings_of(Config))
    special: dict[tuple[str, ...], str] = {
        ("database_path",): "`library.db` in `VPO_HOME`",
        **{
            ("tools", tool.name): "looked for on `PATH`"
            for tool in fields(ToolsConfig)
            if tool.default is None
        },
    }
    for key, row in rows.items():
        default: Any = Config()
        for part in key:
            default = getattr(default, part)
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        assert code(row[1]) == [variable_of(key)]
        assert row[2] == special.get(key, "none" if default in ((), None) else f"`{shown}`"), key


def test_configuration_lists_old_names_of_variables() -> None:
    rows = table(sections(DOCS / "configuration.md", 2)["Variables"])
    listed = {code(row[0])[0]: code(row[1])[0] for row in rows if row[1].startswith("`")}
    assert listed == {old: ".".join(key) for old, key in ALIASES.items()}


def test_the_overview_of_commands_links_to_each() -> None:
    overview = DOCS / "commands/index.md"
    listed = {
        name: (overview.parent / page).resolve()
        for name, page in re.findall(r"\[`([^`]+)`\]\(([^)#]+)#", overview.read_text())
    }
    named = {name for name, command in command_tree() if not isinstance(command, click.Group)}
    assert set(listed) == named
    for name, page in listed.items():
        assert name in sections(page, 2), name


def test_blocks_that_are_not_run_have_no_commands_of_vpo() -> None:
    for page in PAGES:
        for block in blocks(page):
            if block.language == "sh":
                assert not [line for line in block.lines if re.search(r"\bvpo [a-z-]", line)], (
                    page.name,
                    block.line,
                )


def test_errors_lists_each_code_with_its_exit_status() -> None:
    def kinds(error: type[errors.VpoError]) -> Iterator[type[errors.VpoError]]:
        for each in error.__subclasses__():
            yield each
            yield from kinds(each)

    rows = table(sections(DOCS / "commands/output.md", 2)["Errors"])
    listed = {code(row[0])[0]: int(row[1]) for row in rows}
    defined = {each.code: each.exit_status for each in kinds(errors.VpoError)}
    assert {code: listed.get(code) for code in defined} == defined
    assert set(listed) - set(defined) == {
        "CANCELLED",
        "ERROR",
        "INTERNAL",
        "STOPPED",
        "SYSTEM_ERROR",
    }


# -- Unattended ------------------------------------------------------------------

UNATTENDED = DOCS / "unattended.md"


@pytest.fixture
def unattended(sandbox: Sandbox) -> Sandbox:
    """A sandbox with the settings that the page gives."""
    for block in blocks(UNATTENDED):
        if name := settings_file(block):
            sandbox.put(name, block.text)
    return sandbox


def cron_commands(block: Block) -> list[str]:
    """The commands of a crontab, without their times."""
    commands = []
    for line in block.lines:
        if re.match(r"[*\d]", line):
            *moment, command = line.split(maxsplit=5)
            assert all(re.fullmatch(r"[\d*/,-]+", each) for each in moment), line
            assert "%" not in command, "cron makes a line break of it"
            commands.append(command)
    return commands


WITH_CRONTABS = [
    page for page in PAGES if any(block.language == "crontab" for block in blocks(page))
]


@pytest.mark.parametrize("page", WITH_CRONTABS, ids=name_of)
def test_lines_of_crontabs_run_and_print_nothing(page: Path, tmp_path: Path) -> None:
    # Small files, because some of the lines verify all of them.
    sandbox = make_sandbox(tmp_path, largest=MIB)
    for block in blocks(page):
        if name := settings_file(block):
            sandbox.put(name, block.text)
        if block.language == "crontab":
            for command in cron_commands(block):
                command = command.replace("/var/lib/node_exporter", MEDIA)
                assert sandbox.run(command) == (0, ""), (page.name, command)
    if page == UNATTENDED:
        assert "vpo_root_up" in (sandbox.tree.root / "vpo.prom").read_text()
        assert "Scan completed" in (sandbox.vpo.home / "log/vpo.log").read_text()


def units() -> dict[str, str]:
    """The systemd units of the page, by name."""
    names: list[str] = re.findall(r"systemd/user/([\w.-]+)`", UNATTENDED.read_text())
    texts = [block.text + "\n" for block in blocks(UNATTENDED) if block.language == "ini"]
    return dict(zip(names, texts, strict=True))


def test_the_unit_runs_a_scan(unattended: Sandbox) -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", units()["vpo-scan.service"], re.MULTILINE)
    assert unattended.run(command.replace("%h/.local/bin/vpo", VPO)) == (0, "")
    assert "Scan completed" in (unattended.vpo.home / "log/vpo.log").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name, text in units().items():
        (tmp_path / name).write_text(text.replace("%h/.local/bin/vpo", VPO))
    paths = [str(tmp_path / name) for name in units()]
    words = ["systemd-analyze", "verify", "--man=no", *paths]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "vpo-" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_unattended_lists_the_metrics_that_there_are(scanned: Sandbox) -> None:
    listed = {code(row[0])[0] for row in table(sections(UNATTENDED, 2)["What to alert on"])}
    status, printed = scanned.run("vpo status --format prometheus")
    assert status == 0, printed
    assert listed == set(re.findall(r"^# TYPE (\w+) ", printed, re.MULTILINE))
    used = set(re.findall(r"\bvpo_\w+", UNATTENDED.read_text()))
    assert used == listed


# -- Rules -----------------------------------------------------------------------


def test_scanning_lists_the_extensions_that_the_engine_knows() -> None:
    rows = table(sections(DOCS / "scanning.md", 3)["Kinds and extensions"])
    assert {code(row[0])[0]: tuple(code(row[1])) for row in rows} == KINDS


def test_scanning_lists_names_that_the_engine_skips() -> None:
    rows = table(sections(DOCS / "scanning.md", 3)["Names that are always skipped"])
    assert {row[0]: tuple(code(row[1])) for row in rows} == SYSTEM_NAMES
    rules = Rules(b"/", ScanConfig(hidden=True))
    names = [name.replace("*", "x") for names in SYSTEM_NAMES.values() for name in names]
    assert [name for name in names if rules.enters(name.encode())] == []


# -- The library -----------------------------------------------------------------


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A library in which something of each sort has happened; nobody changes it."""
    sandbox = make_sandbox(tmp_path_factory.mktemp("scanned"))
    if sys.platform == "linux":
        sandbox.tree.write(b"music/caf\xe9.flac", media.song(seconds=60, tags={}))
    vpo, root = sandbox.vpo, sandbox.tree.root
    vpo.scan(root)
    with vpo.sql() as library:
        # As if a share had been mounted there.
        library.execute("INSERT INTO filesystems (id, identity) VALUES (99, 'nfs4:nas:/cards')")
        library.execute("UPDATE directories SET filesystem_id = 99 WHERE path LIKE '%cards'")
    sandbox.tree.remove("photos/cards/IMG_0412.CR3")
    os.rmdir(sandbox.tree.path("photos/cards"))
    sandbox.tree.remove("films/Moon (2009)/poster.jpg")
    solaris = media.film(4096, seconds=10_000, title="Solaris")
    sandbox.tree.write("films/Solaris (1972)/Solaris (1972).mkv", solaris.ljust(4096, b"\0"))
    vpo.scan(root, status=1)
    (root / "music").rename(root.parent / "music")
    (root / "music").mkdir()
    vpo.scan(root / "music", status=2)
    return sandbox


def test_queries_find_something(scanned: Sandbox) -> None:
    queries = [block for block in blocks(DOCS / "schema.md") if block.language == "sql"]
    assert len(queries) >= 10
    with scanned.vpo.sql() as library:
        library.execute("PRAGMA query_only = ON")
        for query in queries:
            rows = library.execute(scanned.to_real(query.text)).fetchall()
            assert rows, f"schema.md, line {query.line}: nothing found"


def test_schema_lists_the_tables_and_columns_that_there_are(scanned: Sandbox) -> None:
    described = {
        name: [(code(row[0])[0], row[1]) for row in table(lines)]
        for name, lines in sections(DOCS / "schema.md", 3).items()
        if table(lines) and re.fullmatch("[a-z_]+", name)
    }
    with scanned.vpo.sql() as library:
        there = library.execute(
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"
            " AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        assert {name for name, _ in there} == set(described)
        for name, sort in there:
            columns = library.execute(f"PRAGMA table_info({name})").fetchall()
            if sort == "view":
                assert [each["name"] for each in columns] == [each[0] for each in described[name]]
                continue
            real = []
            for each in columns:
                held = each["type"] or "TEXT or BLOB"
                # A path may be a BLOB, too, whatever the column is declared to be.
                if (name, each["name"]) in (("jobs", "file_path"), ("operations", "file_path")):
                    held = "TEXT or BLOB"
                nullable = not (each["notnull"] or each["pk"])
                real.append((each["name"], f"{held} or NULL" if nullable else held))
            assert described[name] == real, name


def test_schema_lists_the_keys_of_a_jobs_json(scanned: Sandbox) -> None:
    described = sections(DOCS / "schema.md", 3)
    with scanned.vpo.sql() as library:
        jobs = library.execute("SELECT * FROM jobs ORDER BY rowid").fetchall()
    partly, failed = jobs[-2], jobs[-1]
    for column in ("policy_json", "summary_json", "files_affected_json", "errors_json"):
        listed = {code(row[0])[0] for row in table(described[f"jobs.{column}"])}
        real = set(key_paths(json.loads(partly[column])))
        if column == "errors_json":
            real |= set(key_paths(json.loads(failed[column])))
            real = {key for key in real if not key.startswith("failure.details.")}
        assert listed == real, column


def key_paths(document: Any, prefix: str = "") -> Iterator[str]:
    """`a`, `a.b` and, for objects in a list, `a[].b`."""
    if isinstance(document, list):
        for each in document:
            if isinstance(each, dict):
                yield from key_paths(each, f"{prefix}[]")
    elif isinstance(document, dict):
        for key, value in document.items():
            path = f"{prefix}.{key}" if prefix else key
            yield path
            yield from key_paths(value, path)


# -- Links -----------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and MkDocs give to a page's headings."""
    found = set()
    for line in prose(page):
        if heading := re.match(r"#+ +(.*)", line):
            plain = re.sub(r"[^\w\s-]", "", heading[1]).strip().lower()
            found.add(re.sub(r"\s+", "-", plain))
    return found


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for line in prose(page):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if target.startswith(("https://", "http://")):
                continue
            path, _, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            assert linked.exists(), (page.name, target)
            assert not anchor or anchor in anchors(linked), (page.name, target)


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    site = str(tmp_path / "site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", site]
    done = subprocess.run(
        words, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    # It works without a network: no page loads a script, style or picture from elsewhere.
    for page in Path(site).rglob("*.html"):
        assert not re.search(r"""(src=|<link[^>]*href=)["']?https?:""", page.read_text()), page


def navigated(entries: list[Any]) -> Iterator[str]:
    """The pages of a navigation with its sections."""
    for entry in entries:
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(target, list):
                yield from navigated(target)
            else:
                yield target


def test_every_page_is_in_the_navigation_once() -> None:
    yaml = pytest.importorskip("yaml")
    site = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())
    listed = list(navigated(site["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_site_fetches_nothing() -> None:
    """No fonts, scripts or pictures of others: the site works without a network."""
    yaml = pytest.importorskip("yaml")
    site = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())
    assert site["theme"]["font"] is False
    assert site["plugins"] == ["search"]
    for page in PAGES:
        assert not re.search(r"!\[[^]]*\]\(http|<img|<script", page.read_text()), page.name
