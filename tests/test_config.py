"""Settings: which layer wins, and what is said of a mistake in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import Outcome, Tree, Vpo

DEFAULTS: dict[str, Any] = {
    "kinds": [],
    "extensions": [],
    "exclude": [],
    "hidden": False,
    "follow_symlinks": False,
    "one_file_system": False,
    "threads": 0,
}

# For each key: its value in the file, in the environment (as text, and as it is
# meant), and on the command line (as words, and as they are meant).
LAYERS: dict[str, tuple[Any, tuple[str, Any], tuple[list[str], Any]]] = {
    "kinds": (
        ["video"],
        ("audio, image", ["audio", "image"]),
        (["--kind", "video,sidecar"], ["video", "sidecar"]),
    ),
    "extensions": (
        ["mkv"],
        ("mp4,,avi", ["mp4", "avi"]),
        (["-e", "m4v", "-e", "wav"], ["m4v", "wav"]),
    ),
    "exclude": (["a*"], ("b*, c d", ["b*", "c d"]), (["--exclude", "e,f"], ["e,f"])),
    "hidden": (True, ("false", False), (["--hidden"], True)),
    "follow_symlinks": (True, ("0", False), (["--follow-symlinks"], True)),
    "one_file_system": (True, ("no", False), (["--one-file-system"], True)),
    "threads": (2, ("3", 3), (["--threads", "4"], 4)),
}


@pytest.fixture
def config(vpo: Vpo) -> Path:
    """The path of the config file, in a home that exists."""
    vpo.home.mkdir()
    return vpo.home / "config.yaml"


def write(config: Path, **scan: Any) -> None:
    """Writes a config file with settings of the section `scan` (JSON is YAML)."""
    lines = [f"  {key}: {json.dumps(setting)}" for key, setting in scan.items()]
    config.write_text("\n".join(["scan:", *lines]) + "\n")


def variables(**scan: str) -> dict[str, str]:
    return {f"VPO_SCAN__{key.upper()}": text for key, text in scan.items()}


def rules_used(vpo: Vpo, tree: Tree, *words: str) -> dict[str, Any]:
    """The settings that a scan used, as its job recorded them."""
    vpo.ok("-q", "scan", tree.root, *words)
    rules = json.loads(vpo.jobs()[-1]["policy_json"])["rules"]
    assert isinstance(rules, dict)
    return rules


def check_refused(vpo: Vpo, tree: Tree, *says: str) -> Outcome:
    """A scan must refuse its configuration, in one line that says where, and write nothing."""
    outcome = vpo.run("scan", tree.root)
    assert (outcome.status, outcome.stdout) == (2, ""), outcome
    assert not vpo.database.exists()
    first, *rest = outcome.stderr.removesuffix("\n").split("\n")
    assert first.startswith("Error: ")
    assert first.endswith(".")
    assert rest == [] or (rest[0] == "" and len(rest) == 2)
    assert "inside vpo" not in first
    for words in says:
        assert words in outcome.stderr
    return outcome


# -- Layers ----------------------------------------------------------------------


def test_the_tables_of_this_test_name_every_setting(vpo: Vpo, tree: Tree) -> None:
    assert rules_used(vpo, tree) == DEFAULTS
    assert set(LAYERS) == set(DEFAULTS)


def test_each_layer_is_put_over_the_one_below(vpo: Vpo, tree: Tree, config: Path) -> None:
    write(config, **{key: file for key, (file, _, _) in LAYERS.items()})
    assert rules_used(vpo, tree) == {key: file for key, (file, _, _) in LAYERS.items()}

    vpo.environment = variables(**{key: text for key, (_, (text, _), _) in LAYERS.items()})
    assert rules_used(vpo, tree) == {key: meant for key, (_, (_, meant), _) in LAYERS.items()}

    words = [word for _, _, (words, _) in LAYERS.values() for word in words]
    assert rules_used(vpo, tree, *words) == {
        key: meant for key, (_, _, (_, meant)) in LAYERS.items()
    }

    config.unlink()
    assert rules_used(vpo, tree) == {key: meant for key, (_, (_, meant), _) in LAYERS.items()}


def test_layers_are_put_over_each_other_key_by_key(vpo: Vpo, tree: Tree, config: Path) -> None:
    write(config, kinds=["video"], hidden=True, exclude=["a*"])
    vpo.environment = variables(extensions="mp3", exclude="b*")
    assert rules_used(vpo, tree, "--threads", "4") == {
        **DEFAULTS,
        "kinds": ["video"],
        "hidden": True,
        "extensions": ["mp3"],
        "exclude": ["b*"],
        "threads": 4,
    }


@pytest.mark.parametrize("key", ["hidden", "follow_symlinks", "one_file_system"])
def test_a_switch_can_be_turned_off_on_the_command_line(
    vpo: Vpo, tree: Tree, config: Path, key: str
) -> None:
    write(config, **{key: True})
    assert rules_used(vpo, tree)[key] is True
    assert rules_used(vpo, tree, f"--no-{key.replace('_', '-')}")[key] is False


def test_settings_decide_what_is_scanned(vpo: Vpo, tree: Tree, config: Path) -> None:
    for name in ("a.mkv", "b.MP3", "c.txt", ".d.mkv", "sample/e.mkv"):
        tree.write(name)
    write(config, kinds=["audio"], extensions=[".TXT"], exclude=["sample/"])
    assert vpo.scan(tree.root)["added"] == 2
    assert set(vpo.statuses()) == {"b.MP3", "c.txt"}


def test_an_empty_list_in_the_environment_overrides_one_in_the_file(
    vpo: Vpo, tree: Tree, config: Path
) -> None:
    write(config, kinds=["video"])
    vpo.environment = variables(kinds="")
    assert rules_used(vpo, tree)["kinds"] == []


# -- The file --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "# nothing yet\n", "scan:\n", "---\n", "scan: {}\ndatabase_path:\n"]
)
def test_a_file_without_settings_changes_nothing(
    vpo: Vpo, tree: Tree, config: Path, content: str
) -> None:
    config.write_text(content)
    assert rules_used(vpo, tree) == DEFAULTS


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        pytest.param("scan:\n  hiden: true\n", "line 2, column 3", "`hidden`", id="near-key"),
        pytest.param("scan:\n  xyzzy: 1\n", "line 2, column 3", "threads", id="key-like-no-other"),
        pytest.param("\nscna:\n  hidden: true\n", "line 2, column 1", "`scan`", id="section"),
        pytest.param("database-path: x\n", "line 1, column 1", "`database_path`", id="dash"),
        pytest.param("1: 2\n", "line 1, column 1", "scan", id="number-for-a-key"),
        pytest.param("? [a]\n: 2\n", "line 1, column 3", "", id="list-for-a-key"),
        pytest.param("scan:\n  hidden: [\n", "line 3, column 1", "", id="unclosed"),
        pytest.param("scan:\n\thidden: true\n", "line 2, column 1", "", id="tab"),
        pytest.param("scan: {a\n", "line 2, column 1", "", id="unclosed-map"),
        pytest.param("a: b: c\n", "line 1, column 5", "", id="colons"),
        pytest.param("scan: {}\n---\nscan: {}\n", "line 2, column 1", "", id="two-documents"),
        pytest.param("scan: !!python/name:os.system\n", "line 1, column 7", "", id="tag"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(
    vpo: Vpo, tree: Tree, config: Path, content: str, place: str, says: str
) -> None:
    config.write_text(content)
    check_refused(vpo, tree, f"`{config}`, {place}: ", says)


def test_a_mistake_has_a_code_in_json(vpo: Vpo, tree: Tree, config: Path) -> None:
    config.write_text("scan:\n  hiden: true\n")
    outcome = vpo.run("scan", "--json", tree.root)
    assert (outcome.status, outcome.stderr) == (2, "")
    assert (outcome.json["error"], outcome.json["code"]) == (True, "BAD_CONFIG")
    assert "line 2" in outcome.json["message"]


@pytest.mark.parametrize(
    ("content", "line", "key"),
    [
        pytest.param("scan:\n  threads: many\n", 2, "scan.threads", id="word-for-a-number"),
        pytest.param("scan:\n  threads: 1.5\n", 2, "scan.threads", id="fraction"),
        pytest.param("scan:\n\n  threads: -1\n", 3, "scan.threads", id="negative"),
        pytest.param("scan:\n  threads: 5000\n", 2, "scan.threads", id="too-many"),
        pytest.param(f"scan:\n  threads: {10**30}\n", 2, "scan.threads", id="far-too-many"),
        pytest.param("scan:\n  hidden: maybe\n", 2, "scan.hidden", id="word-for-a-switch"),
        pytest.param("scan:\n  hidden:\n", 2, "scan.hidden", id="nothing-for-a-switch"),
        pytest.param("scan:\n  extensions: mkv\n", 2, "scan.extensions", id="word-for-a-list"),
        pytest.param("scan:\n  extensions:\n  - [a]\n", 3, "scan.extensions", id="list-in-a-list"),
        pytest.param("scan:\n  kinds:\n  - film\n", 3, "scan.kinds", id="unknown-kind"),
        pytest.param("scan:\n  extensions: [a/b]\n", 2, "scan.extensions", id="no-extension"),
        pytest.param("scan:\n  exclude: ['[']\n", 2, "scan.exclude", id="bad-glob"),
        pytest.param("scan: [hidden]\n", 1, "scan", id="list-for-a-section"),
        pytest.param("scan: hidden\n", 1, "scan", id="word-for-a-section"),
        pytest.param("database_path: 5\n", 1, "database_path", id="number-for-a-path"),
        pytest.param("database_path: [a]\n", 1, "database_path", id="list-for-a-path"),
    ],
)
def test_a_setting_of_the_wrong_type_is_told_with_its_line(
    vpo: Vpo, tree: Tree, config: Path, content: str, line: int, key: str
) -> None:
    config.write_text(content)
    check_refused(vpo, tree, f"`{config}`, line {line}", f"`{key}")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"- hidden\n", id="list"),
        pytest.param(b"hidden\n", id="word"),
        pytest.param(b"5\n", id="number"),
        pytest.param(b"scan: \x00\n", id="nul"),
        pytest.param(b"scan: \xff\n", id="not-utf8"),
        pytest.param(b"database_path: 2020-99-99\n", id="no-date"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b"# " + b"x" * 1_000_000, id="large"),
    ],
)
def test_a_file_that_holds_no_settings_is_told(
    vpo: Vpo, tree: Tree, config: Path, content: bytes
) -> None:
    config.write_bytes(content)
    check_refused(vpo, tree, f"`{config}`")


def test_a_named_file_must_be_there(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        outcome = vpo.run("scan", tree.root, "--config", path)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert outcome.stderr.startswith(f"Error: The config file `{path}` cannot be read: ")
    assert not vpo.home.exists()


def test_a_named_file_is_read_instead_of_the_usual_one(
    vpo: Vpo, tree: Tree, config: Path, tmp_path: Path
) -> None:
    write(config, hidden=True, kinds=["video"])
    write(tmp_path / "other.yaml", threads=5)
    used = rules_used(vpo, tree, "--config", str(tmp_path / "other.yaml"))
    assert used == {**DEFAULTS, "threads": 5}


# -- The environment ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        pytest.param("VPO_SCAN__HIDEN", "1", "`hidden`", id="near-key"),
        pytest.param("VPO_SCAN__XYZZY", "1", "follow_symlinks", id="key-like-no-other"),
        pytest.param("VPO_SCAN__THREADS", "many", "threads", id="word-for-a-number"),
        pytest.param("VPO_SCAN__THREADS", "-1", "threads", id="negative"),
        pytest.param("VPO_SCAN__THREADS", "5000", "threads", id="too-many"),
        pytest.param("VPO_SCAN__HIDDEN", "maybe", "hidden", id="word-for-a-switch"),
        pytest.param("VPO_SCAN__KINDS", "video,film", "film", id="unknown-kind"),
        pytest.param("VPO_SCAN__EXCLUDE", "[", "`[`", id="bad-glob"),
        pytest.param("VPO_SCAN", "hidden", "", id="a-section"),
    ],
)
def test_a_mistake_in_a_variable_is_told_with_its_name(
    vpo: Vpo, tree: Tree, variable: str, text: str, says: str
) -> None:
    vpo.environment = {variable: text}
    check_refused(vpo, tree, f"`{variable}`", says)


def test_a_section_and_a_key_of_it_in_the_environment_are_told(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {"VPO_SCAN": "hidden", "VPO_SCAN__HIDDEN": "1"}
    check_refused(vpo, tree, "VPO_SCAN")
    vpo.environment = {"VPO_SCAN__HIDDEN": "1", "VPO_SCAN": "hidden"}
    check_refused(vpo, tree, "VPO_SCAN")


def test_variables_of_others_are_let_be(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {
        "VPO_OTHER": "1",
        "VPO_OTHER__HIDDEN": "true",
        "VPO_": "1",
        "VPO___": "1",
        "VPOSCAN__HIDDEN": "true",
        "XVPO_SCAN__HIDDEN": "true",
    }
    assert rules_used(vpo, tree) == DEFAULTS


# -- Where things are ----------------------------------------------------------------


def test_the_library_is_where_the_settings_say(
    vpo: Vpo, tree: Tree, config: Path, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    config.write_text(f"database_path: {tmp_path}/file.db\n")
    vpo.ok("scan", tree.root)
    assert (tmp_path / "file.db").exists()
    assert vpo.ok("files", "list", "--print0").stdout == f"{tree.root}/a.mkv\0"

    vpo.environment = {"VPO_DATABASE_PATH": f"{tmp_path}/variable.db"}
    vpo.ok("scan", tree.root)
    assert (tmp_path / "variable.db").exists()

    vpo.ok("scan", tree.root, "--db", tmp_path / "option.db")
    assert (tmp_path / "option.db").exists()
    assert not vpo.database.exists()


def test_a_tilde_in_database_path_is_the_home_directory(
    vpo: Vpo, tree: Tree, config: Path, tmp_path: Path
) -> None:
    config.write_text("database_path: ~/library.db\n")
    (tmp_path / "user").mkdir()
    vpo.environment = {"HOME": str(tmp_path / "user")}
    vpo.ok("scan", tree.root)
    assert (tmp_path / "user/library.db").exists()


def test_without_vpo_home_everything_is_in_the_home_directory(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    vpo.environment = {"HOME": str(tmp_path / "user"), "VPO_HOME": ""}
    (tmp_path / "user/.vpo").mkdir(parents=True)
    write(tmp_path / "user/.vpo/config.yaml", kinds=["audio"])
    assert vpo.scan(tree.root)["added"] == 0
    assert (tmp_path / "user/.vpo/library.db").exists()


def test_the_home_is_made_for_its_owner_alone(vpo: Vpo, tree: Tree) -> None:
    vpo.home = vpo.home / "below" / "another"
    vpo.ok("scan", tree.root)
    assert vpo.home.stat().st_mode & 0o777 == 0o700


# -- Who needs it ----------------------------------------------------------------------


@pytest.mark.parametrize("words", ["--version", "--help", "scan --help", "files list -h", "nope"])
def test_a_broken_file_does_not_stop_what_needs_none(vpo: Vpo, config: Path, words: str) -> None:
    config.write_text("scan: [\n")
    vpo.environment = {"VPO_SCAN__NOPE": "1"}
    outcome = vpo.run(*words.split())
    assert outcome.status == (2 if words == "nope" else 0)
    assert "config.yaml" not in outcome.stderr
    assert "VPO_SCAN" not in outcome.stderr
