"""Checked settings are kept: they cost nothing, and nobody else can change them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import Tree, Vpo, modules_imported
from vpo.config import cache
from vpo.config.load import load


@pytest.fixture
def config(vpo: Vpo) -> Path:
    """A config file that sets the number of threads."""
    vpo.home.mkdir()
    (vpo.home / "config.yaml").write_text("scan:\n  threads: 3\n")
    return vpo.home / "config.yaml"


def threads(config: Path) -> int:
    """The number of threads that is in effect."""
    return load({"VPO_HOME": str(config.parent)}).config.scan.threads


def entry(config: Path) -> Path:
    """The only entry of the cache."""
    (found,) = (config.parent / f"cache-{os.geteuid()}").iterdir()
    return found


def lie(config: Path) -> Path:
    """Makes the entry in the cache differ from the file."""
    threads(config)
    path = entry(config)
    content = path.read_text()
    assert content.count('"threads"], 3]') == 1
    path.write_text(content.replace('"threads"], 3]', '"threads"], 99]'))
    return path


@pytest.mark.usefixtures("config")
def test_a_config_file_and_a_profile_are_checked_once(vpo: Vpo, tree: Tree) -> None:
    (vpo.home / "profiles").mkdir()
    (vpo.home / "profiles" / "films.yaml").write_text("scan: {kinds: [video], exclude: [b*]}\n")
    words = ("--profile", "films", "scan", tree.root)
    vpo.introspects = True
    assert {"yaml", "pydantic"} <= modules_imported(vpo, *words)
    assert {"yaml", "pydantic"} & modules_imported(vpo, *words) == set()
    before = vpo.ok("--profile", "films", "config", "show", "--origin").stdout
    assert before.count("config.yaml`, line 2, column 3") == 1
    assert before.count("films.yaml`, line 1, column 8") == 1
    for path in (vpo.home / f"cache-{os.geteuid()}").iterdir():
        path.unlink()
    assert vpo.ok("--profile", "films", "config", "show", "--origin").stdout == before


def test_the_file_counts_as_soon_as_it_changes(config: Path) -> None:
    assert [threads(config), threads(config)] == [3, 3]
    before = config.stat()
    config.write_text("scan:\n  threads: 4\n")
    os.utime(config, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [threads(config), threads(config)] == [4, 4]
    assert entry(config).stat().st_mode & 0o777 == 0o600
    assert entry(config).parent.stat().st_mode & 0o777 == 0o700


def test_what_depends_on_the_environment_is_not_kept(
    vpo: Vpo, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("database_path: ~/a.db\ntools: {ffmpeg: ./ffmpeg}\n")
    for home in ("/one", "/two"):
        monkeypatch.setenv("HOME", home)
        read = load({"VPO_HOME": str(vpo.home)}).config
        assert read.database_path == f"{home}/a.db"
        assert read.tools.ffmpeg == f"{vpo.home}/ffmpeg"


def test_mistakes_are_reported_each_time(vpo: Vpo, config: Path) -> None:
    config.write_text("scan:\n  threads: many\n")
    said = [vpo.ok("config", "show", status=2).stderr for _ in range(3)]
    assert "line 2, column 3: `scan.threads` must be a whole number" in said[0]
    assert said[1:] == said[:1] * 2
    vpo.ok("files", "list", status=2)


@pytest.mark.usefixtures("config")
def test_a_policy_that_is_gone_is_noticed(vpo: Vpo) -> None:
    profiles = vpo.home / "profiles"
    profiles.mkdir()
    (profiles / "films.yaml").write_text("default_policy: policy.yaml\n")
    (profiles / "policy.yaml").touch()
    for _ in range(2):
        vpo.ok("--profile", "films", "config", "show")
    (profiles / "policy.yaml").unlink()
    vpo.ok("--profile", "films", "config", "show", status=2)


def test_validate_reads_the_file_itself(vpo: Vpo, config: Path) -> None:
    config.write_text("scan:\n  threads: 3\n")
    lie(config)
    assert threads(config) == 99
    assert vpo.ok("config", "validate", "--json").json["valid"]


def _write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _for_all(path: Path) -> None:
    path.parent.chmod(0o755)


def _writable(path: Path) -> None:
    path.chmod(0o620)


def _of_another_user(path: Path) -> None:
    os.chown(path, 12345, 12345)


def _directory_of_another_user(path: Path) -> None:
    os.chown(path.parent, 12345, 12345)


def _several_names(path: Path) -> None:
    os.link(path, path.parent.parent / "name")


def _link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def _linked_directory(path: Path) -> None:
    path.parent.rename(path.parent.parent / "elsewhere")
    path.parent.symlink_to(path.parent.parent / "elsewhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _torn(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _other_version(path: Path) -> None:
    _write(path, path.read_text().replace('[["', '[["9', 1))


def _nested(path: Path) -> None:
    _write(path, "[" * 100_000)


def _other_facts(facts: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        _write(path, json.dumps([*json.loads(path.read_text())[:3], facts]))

    change.__name__ = json.dumps(facts)[:30]
    return change


@pytest.mark.parametrize(
    "change",
    [
        _for_all,
        _writable,
        _of_another_user,
        _directory_of_another_user,
        _several_names,
        _link,
        _linked_directory,
        _pipe,
        _torn,
        _other_version,
        _nested,
        _other_facts([]),
        _other_facts({}),
        _other_facts({"name": "a", "profile": None, "values": [[["x"], 1]], "places": []}),
        _other_facts({"name": "a", "profile": None, "values": [[["scan", "exclude"], 1]]}),
        _other_facts({"name": "a", "profile": None, "values": 5, "places": []}),
        _other_facts(None),
        lambda path: _write(path, b"\xff\0"),
        lambda path: _write(path, b""),
    ],
    ids=lambda change: change.__name__,
)
def test_a_cache_that_cannot_be_trusted_or_read_is_ignored(
    config: Path, change: Callable[[Path], None]
) -> None:
    path = lie(config)
    assert threads(config) == 99, "the entry counts as long as all is as it should be"
    if "another" in change.__name__ and os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    change(path)
    assert [threads(config), threads(config)] == [3, 3]


def test_settings_are_read_where_nothing_can_be_kept(config: Path, tmp_path: Path) -> None:
    (config.parent / f"cache-{os.geteuid()}").write_text("not a directory")
    assert threads(config) == 3
    other = tmp_path / "none"
    found = load({"VPO_HOME": str(other)}, config=str(config))
    assert found.config.scan.threads == 3
    assert not other.exists()


def test_the_cache_does_not_grow_without_end(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 5)
    for number in range(12):
        path = tmp_path / f"{number}.yaml"
        path.write_text("scan: {threads: 2}\n")
        assert load({"VPO_HOME": str(config.parent)}, config=str(path)).config.scan.threads == 2
    assert len(list((config.parent / f"cache-{os.geteuid()}").iterdir())) <= 5
