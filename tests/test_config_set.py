"""`vpo config set` and `vpo config edit`: one value changes, and all else stays as it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import Vpo
from vpo.base.errors import ConfigError
from vpo.config import document
from vpo.config.config_file import settings_file
from vpo.config.layers import settings_of
from vpo.config.models import Config
from vpo.config.setting import change, find_setting, value_of


@pytest.fixture
def config(vpo: Vpo) -> Path:
    """The path of the config file, in a home that exists."""
    vpo.home.mkdir()
    return vpo.home / "config.yaml"


FILE = """\
# My settings
database_path: /a.db   # on the SSD

scan:
    # Not these:
    exclude:
    - "*.nfo"     # texts
    # all extras
    - Extras/
    - b
    hidden:   no  # dots
    threads: 4

# What to keep
jobs: {retention_days: 90, auto_purge: yes}   # flow
tools:
"""


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        pytest.param("database_path /b.db", "/a.db", "/b.db", id="top"),
        pytest.param("scan.hidden yes", "hidden:   no ", "hidden:   true ", id="gap"),
        pytest.param("scan.threads 8", "threads: 4", "threads: 8", id="number"),
        pytest.param(
            "scan.one_file_system true",
            "    threads: 4\n",
            "    threads: 4\n    one_file_system: true\n",
            id="new-in-section",
        ),
        pytest.param("jobs.retention_days 30", "days: 90", "days: 30", id="in-flow"),
        pytest.param(
            "tools.ffprobe ffprobe", "tools:\n", "tools:\n  ffprobe: ffprobe\n", id="empty-section"
        ),
        pytest.param(
            "logging.level debug",
            "tools:\n",
            "tools:\nlogging:\n  level: debug\n",
            id="new-section",
        ),
        pytest.param(
            "scan.exclude *.nfo Extras/ c b", "    - b\n", "    - c\n    - b\n", id="item-added"
        ),
        pytest.param("scan.exclude *.nfo b", "    - Extras/\n", "", id="item-removed"),
        pytest.param(
            "scan.exclude *.txt Extras/ b", '- "*.nfo"     # texts', "- '*.txt'", id="item-changed"
        ),
        pytest.param(
            "scan.kinds video audio",
            "    threads: 4\n",
            "    threads: 4\n    kinds: [video, audio]\n",
            id="new-list",
        ),
    ],
)
@pytest.mark.parametrize("end_of_line", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_only_the_value_changes(
    vpo: Vpo, config: Path, words: str, old: str, new: str, end_of_line: str
) -> None:
    config.write_bytes(FILE.replace("\n", end_of_line).encode())
    config.chmod(0o640)
    vpo.ok("config", "set", *words.split())
    assert FILE.count(old) == 1
    assert config.read_bytes() == FILE.replace(old, new).replace("\n", end_of_line).encode()
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert os.listdir(vpo.home) == ["config.yaml"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            None,
            "# Settings of vpo. `vpo config schema` lists all of them.\nscan:\n  hidden: true\n",
        ),
        ("", "scan:\n  hidden: true\n"),
        ("# only this", "# only this\nscan:\n  hidden: true\n"),
        ("{}", "{scan: {hidden: true}}"),
        ("{scan: {}}", "{scan: {hidden: true}}"),
        ("scan: {}", "scan: {hidden: true}"),
        ("scan: ~  # none\n", "scan:   # none\n  hidden: true\n"),
        ("scan:", "scan:\n  hidden: true"),
        ("scan: {threads: 1, }", "scan: {threads: 1, hidden: true }"),
        ("a: &x false\nscan:\n  hidden: *x\n", "a: &x false\nscan:\n  hidden: true\n"),
        (
            "jobs:\n  auto_purge: no\n  # x\n",
            "jobs:\n  auto_purge: no\n  # x\nscan:\n  hidden: true\n",
        ),
        ("---\njobs: {}\n...\n", "---\njobs: {}\nscan:\n  hidden: true\n...\n"),
        (
            "database_path: |-\n  /a\njobs: {}\n",
            "database_path: |-\n  /a\njobs: {}\nscan:\n  hidden: true\n",
        ),
        ("# é\nscan: {hidden: false}", "# é\nscan: {hidden: true}"),
    ],
)
def test_any_layout_is_understood(vpo: Vpo, config: Path, before: str | None, after: str) -> None:
    if before is not None:
        config.write_text(before)
    outcome = vpo.ok("config", "set", "scan.hidden", "yes", "--json")
    assert config.read_text() == after
    assert outcome.json["value"] is True
    assert after.splitlines()[outcome.json["line"] - 1].count("hidden: true") == 1


def test_what_is_written_is_the_value_that_is_read(vpo: Vpo, config: Path) -> None:
    config.write_text(FILE)
    names = ["a, b", "[c]", "# d", "yes", "5", "é: f", "'", "{g}", "- h", "*i"]
    vpo.ok("config", "set", "scan.exclude", "--", *names)
    vpo.ok("config", "set", "jobs.auto_purge", "off")
    shown = vpo.ok("config", "show", "--json").json["settings"]
    assert shown["scan"]["exclude"] == names
    assert shown["jobs"]["auto_purge"] is False
    vpo.ok("config", "set", "tools.ffmpeg", "./bin/a: b", cwd=vpo.home)
    shown = vpo.ok("config", "show", "--json").json["settings"]
    assert shown["tools"]["ffmpeg"] == f"{vpo.home}/bin/a: b"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["scan.hiden", "yes"], "Did you mean `scan.hidden`?"),
        (["scan", "yes"], "Name one of its keys: directories, kinds"),
        (["scan.threads", "many"], "`scan.threads` must be a whole number, not `many`"),
        (["scan.threads", "5000"], "`scan.threads` must be at most 1024"),
        (["scan.threads", "1", "2"], "`scan.threads` has one value, not 2"),
        (["scan.exclude", "a["], "`scan.exclude`"),
        (["logging.level", "loud"], "Invalid log level: loud"),
        (["scan.kinds", "film"], "must be 'video'"),
    ],
)
def test_a_wrong_value_is_refused_and_the_file_stays(
    vpo: Vpo, config: Path, words: list[str], says: str
) -> None:
    config.write_text(FILE)
    assert says in vpo.ok("config", "set", *words, status=2).stderr
    assert config.read_text() == FILE
    assert os.listdir(vpo.home) == ["config.yaml"]


def test_one_mistake_can_be_mended_while_there_are_others(vpo: Vpo, config: Path) -> None:
    config.write_text("scan:\n  threads: many\n  hiden: yes\n")
    vpo.ok("config", "set", "scan.threads", "2")
    assert config.read_text() == "scan:\n  threads: 2\n  hiden: yes\n"


def test_a_profile_can_be_changed(vpo: Vpo) -> None:
    vpo.ok("profiles", "create", "films", "--description", "Films")
    path = vpo.home / "profiles" / "films.yaml"
    before = path.read_text()
    vpo.ok("--profile", "films", "config", "set", "scan.hidden", "yes")
    vpo.ok("config", "set", "description", "All films", "--profile", "films")
    assert (
        path.read_text()
        == before.replace("Films", "All films", 1).replace("All films.", "Films.")
        + "scan:\n  hidden: true\n"
    )
    assert not (vpo.home / "config.yaml").exists()
    assert vpo.error_code("--profile", "none", "config", "set", "scan.hidden", "yes") == (
        "PROFILE_NOT_FOUND"
    )


def test_a_link_to_the_file_stays_a_link(vpo: Vpo, config: Path, tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("scan: {hidden: false}\n")
    config.symlink_to(tmp_path / "real.yaml")
    vpo.ok("config", "set", "scan.hidden", "yes")
    assert config.is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "scan: {hidden: true}\n"


def test_the_same_value_changes_nothing(vpo: Vpo, config: Path) -> None:
    config.write_text(FILE)
    before = config.stat().st_mtime_ns
    said = vpo.ok("config", "set", "scan.threads", "4").stdout
    assert said == f"scan.threads was already 4 (`{config}`, line 12).\n"
    assert config.stat().st_mtime_ns == before


# -- edit --------------------------------------------------------------------------------------


def edit(vpo: Vpo, text: str, *, status: int = 0) -> str:
    """Edits the config file with an editor that writes `text`; returns what is printed."""
    editor = vpo.home.parent / "editor"
    editor.write_text("#!/bin/sh\ncat > \"$1\" <<'END'\n" + text + "END\n")
    editor.chmod(0o700)
    vpo.environment = {"VISUAL": str(editor)}
    outcome = vpo.ok("config", "edit", status=status)
    return outcome.stdout + outcome.stderr


def test_the_config_file_is_edited_and_checked(vpo: Vpo) -> None:
    config = vpo.home / "config.yaml"
    assert f"Saved `{config}`." in edit(vpo, "scan: {hidden: true}\n")
    assert config.read_text() == "scan: {hidden: true}\n"
    assert "Nothing was changed." in edit(vpo, "scan: {hidden: true}\n")
    said = edit(vpo, "scan: {hiden: true}\n", status=2)
    assert "line 1, column 8: unknown key `scan.hiden`" in said
    assert "The config file was not saved because it has mistakes" in said
    assert config.read_text() == "scan: {hidden: true}\n"


# -- Anything ------------------------------------------------------------------------------------

VALUES = {
    "scan.hidden": ["yes", "no"],
    "scan.exclude": ["", "a", "b#", "*.c", "- d"],
    "scan.threads": ["0", "7"],
    "jobs.retention_days": ["1", "9"],
    "database_path": ["/a", "/b: c"],
    "logging.level": ["debug", "error"],
}
LINES = st.lists(
    st.sampled_from(
        [
            "scan:\n",
            "scan: {hidden: no}\n",
            "  hidden: no # x\n",
            "  exclude:\n",
            "  exclude: [a, 'b#']  # y\n",
            "    - a\n",
            "  - 'b'\n",
            "    # z\n",
            "# top\n",
            "\n",
            "jobs:\n",
            "  retention_days: &days 9\n",
            "database_path: >-\n",
            "  /a\n",
            "logging: {level: info,\n",
            "  max_bytes: 9}\n",
            "---\n",
            "...\n",
            "tools: null\n",
        ]
    ),
    max_size=12,
)


@settings(deadline=None)
@given(LINES, st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4), st.data())
def test_whatever_the_file_is_like_the_value_is_set_and_all_else_stays(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    names: list[str],
    data: st.DataObject,
) -> None:
    place = tmp_path_factory.getbasetemp() / "any"
    place.mkdir(exist_ok=True)
    path = place / "config.yaml"
    path.write_text("".join(lines))
    file = settings_file({"VPO_HOME": str(place)}, None)
    for name in names:
        setting = find_setting(Config, name)
        few = st.sampled_from(VALUES[name])
        words = data.draw(st.lists(few, max_size=4) if setting.is_list else st.tuples(few))
        before = document.parse(path.read_bytes(), "/c", Config, name="config file")
        text = path.read_text()
        try:
            change(file, Config, setting, value_of(setting, list(words)))
        except ConfigError:
            assert path.read_text() == text
            continue
        after = document.parse(path.read_bytes(), "/c", Config, name="config file")
        assert after.get(setting.key) == (True, value_of(setting, list(words)))
        for key in settings_of(Config).keys() - {setting.key}:
            assert after.get(key) == before.get(key)
        comments = [line.partition("#")[2] for line in text.splitlines() if "# " in line]
        if not setting.is_list:
            assert [each for each in comments if each not in path.read_text()] == []
    assert [each.name for each in place.iterdir()] == ["config.yaml"]
