"""Settings in a config file and in variables, and how mistakes in them are reported.

test_precedence.py tests which layer wins, test_config_hostile.py files that are not settings,
and test_config_commands.py the command `vpo config`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from settings import effective
from support import Outcome, Tree, Vpo
from vpo.base.errors import ConfigError
from vpo.config.load import find_mistakes, load
from vpo.config.models import Config


@pytest.fixture
def config(vpo: Vpo) -> Path:
    """The path of the config file, in a home that exists."""
    vpo.home.mkdir()
    return vpo.home / "config.yaml"


def loaded(vpo: Vpo, **variables: str) -> Config:
    """The effective settings, with these variables."""
    return load({"VPO_HOME": str(vpo.home), **variables}).config


def refused(vpo: Vpo, **variables: str) -> ConfigError:
    """The error that stands for wrong settings."""
    with pytest.raises(ConfigError) as caught:
        loaded(vpo, **variables)
    assert "\n" not in caught.value.message
    return caught.value


def check_refused(vpo: Vpo, tree: Tree, *says: str) -> Outcome:
    """A scan must refuse its configuration, in one line that says where, and write nothing."""
    outcome = vpo.run("scan", tree.root)
    assert (outcome.status, outcome.stdout) == (2, ""), outcome
    assert not vpo.database.exists()
    first, *rest = outcome.stderr.removesuffix("\n").split("\n")
    assert first.startswith("Error: ")
    assert first.endswith(".")
    assert rest == [] or (rest[0] == "" and len(rest) == 2)
    for words in says:
        assert words in outcome.stderr
    return outcome


# -- What a setting does -----------------------------------------------------------


def test_settings_decide_what_is_scanned(vpo: Vpo, tree: Tree, config: Path) -> None:
    for name in ("a.mkv", "b.MP3", "c.txt", ".d.mkv", "sample/e.mkv"):
        tree.write(name)
    config.write_text("scan: {kinds: [audio], extensions: [.TXT], exclude: [sample/]}\n")
    assert vpo.scan(tree.root)["added"] == 2
    assert set(vpo.statuses()) == {"b.MP3", "c.txt"}


@pytest.mark.parametrize("key", ["hidden", "follow_symlinks", "one_file_system", "system_names"])
def test_a_switch_can_be_turned_off_on_the_command_line(
    vpo: Vpo, tree: Tree, config: Path, key: str
) -> None:
    config.write_text(f"scan: {{{key}: true}}\n")

    def used(*words: str) -> object:
        vpo.ok("-q", "scan", tree.root, *words)
        return json.loads(vpo.jobs()[-1]["policy_json"])["rules"][key]

    assert used() is True
    assert used(f"--no-{key.replace('_', '-')}") is False


# -- The file --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "# nothing yet\n", "scan:\n", "---\n", "scan: {}\ndatabase_path:\n", "~"]
)
def test_a_file_without_settings_changes_nothing(vpo: Vpo, config: Path, content: str) -> None:
    config.write_text(content)
    assert loaded(vpo) == Config()


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
        pytest.param("loging: {}\n", "line 1, column 1", "`logging`", id="section-of-the-seeds"),
        pytest.param("jobs: {a: 1, auto_prge: 1}", "line 1, column 14", "`auto_purge`", id="flow"),
        pytest.param("default_policy: x\n", "line 1, column 1", "", id="key-of-profiles"),
    ],
)
def test_a_mistake_in_the_config_file_is_reported_with_its_place(
    vpo: Vpo, config: Path, content: str, place: str, says: str
) -> None:
    config.write_text(content)
    reported = [f"{each}. {each.hint}" for each in find_mistakes({"VPO_HOME": str(vpo.home)})]
    assert any(each.startswith(f"`{config}`, {place}: ") and says in each for each in reported), (
        reported
    )
    assert refused(vpo).message.startswith(f"`{config}`, line ")


def test_a_mistake_ends_a_command_before_it_writes_anything(
    vpo: Vpo, tree: Tree, config: Path
) -> None:
    config.write_text("scan:\n  hiden: true\n")
    check_refused(vpo, tree, f"Error: `{config}`, line 2, column 3: unknown key `scan.hiden`.")
    outcome = vpo.run("scan", "--json", tree.root)
    assert (outcome.status, outcome.stderr) == (2, "")
    assert (outcome.json["error"], outcome.json["code"]) == (True, "BAD_CONFIG")
    (mistake,) = outcome.json["details"]["mistakes"]
    assert mistake == {
        "source": str(config),
        "line": 2,
        "column": 3,
        "message": "unknown key `scan.hiden`",
        "hint": mistake["hint"],
    }
    assert mistake["hint"].startswith("Did you mean `hidden`? ")


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
        pytest.param("scan:\n  threads: true\n", 2, "scan.threads", id="switch-for-a-number"),
        pytest.param("logging: {max_bytes: -1}\n", 1, "logging.max_bytes", id="negative-size"),
        pytest.param(f"logging: {{max_bytes: {2**64}}}", 1, "logging.max_bytes", id="64-bits"),
        pytest.param("jobs: {retention_days: 0}\n", 1, "jobs.retention_days", id="no-days"),
        pytest.param("tools: {ffmpeg: ''}\n", 1, "tools.ffmpeg", id="empty-command"),
        pytest.param("logging: {file: ''}\n", 1, "logging.file", id="empty-path"),
        pytest.param("scan: {directories: /a}\n", 1, "scan.directories", id="path-for-a-list"),
        pytest.param("scan:\n  directories:\n  - ''\n", 3, "scan.directories", id="empty-item"),
        pytest.param('database_path: "a\\0b"\n', 1, "database_path", id="no-path"),
        pytest.param(
            'scan:\n  directories: [a,\n "\\0"]', 3, "scan.directories", id="no-directory"
        ),
    ],
)
def test_a_setting_of_the_wrong_type_is_reported_with_its_line(
    vpo: Vpo, config: Path, content: str, line: int, key: str
) -> None:
    config.write_text(content)
    message = refused(vpo).message
    assert message.startswith(f"`{config}`, line {line}, column ")
    assert f"`{key}" in message


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("level", "Loud", "Invalid log level: Loud"),
        ("level", "5", "Invalid log level: 5"),
        ("level", "''", "Invalid log level: "),
        ("format", "xml", "Invalid log format: xml"),
        ("format", "true", "Invalid log format: True"),
    ],
)
def test_a_wrong_level_or_format_is_reported_in_the_words_of_the_contract(
    vpo: Vpo, config: Path, key: str, value: str, says: str
) -> None:
    config.write_text(f"logging:\n  {key}: {value}\n")
    error = refused(vpo)
    assert error.message == f"`{config}`, line 2, column 3: {says}"
    assert "json" in str(error.hint) or "warning" in str(error.hint)


def test_levels_and_formats_are_taken_in_any_case(vpo: Vpo, config: Path) -> None:
    config.write_text("logging: {level: WARNING, format: Json}\n")
    assert (loaded(vpo).logging.level, loaded(vpo).logging.format) == ("warning", "json")
    assert loaded(vpo, VPO_LOGGING__LEVEL="Debug").logging.level == "debug"


def test_a_named_file_must_be_there(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        outcome = vpo.run("scan", tree.root, "--config", path)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert outcome.stderr.startswith(f"Error: The config file `{path}` cannot be read: ")
        with pytest.raises(ConfigError, match="cannot be read"):
            loaded(vpo, VPO_CONFIG_PATH=str(path))
    assert not vpo.home.exists()


def test_a_named_file_is_read_instead_of_the_usual_one(
    vpo: Vpo, config: Path, tmp_path: Path
) -> None:
    config.write_text("scan: {hidden: true, kinds: [video]}\n")
    other = tmp_path / "other.yaml"
    other.write_text("scan: {threads: 5}\n")
    read = load({"VPO_HOME": str(vpo.home)}, config=str(other))
    assert effective(read) == {**effective(load({})), ("scan", "threads"): 5}


# -- The environment ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("KINDS", "audio, image", ("audio", "image")),
        ("KINDS", "", ()),
        ("EXTENSIONS", "mp4,,avi", ("mp4", "avi")),
        ("EXCLUDE", "b*, c d", ("b*", "c d")),
        ("DIRECTORIES", "/a, b:/c", ("/a, b", "/c")),
        ("HIDDEN", "yes", True),
        ("HIDDEN", "0", False),
        ("HIDDEN", "FALSE", False),
        ("THREADS", "3", 3),
    ],
)
def test_a_variable_gives_a_setting_as_text(
    vpo: Vpo, config: Path, variable: str, text: str, expected: object
) -> None:
    config.write_text("scan: {kinds: [video]}\n")
    scan = asdict(loaded(vpo, **{f"VPO_SCAN__{variable}": text}).scan)
    assert scan[variable.lower()] == expected


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
        pytest.param("VPO_LOGING__LEVEL", "info", "`logging`", id="section-misspelt"),
        pytest.param("VPO_SCAN_HIDDEN", "1", "`VPO_SCAN__HIDDEN`", id="one-underscore"),
        pytest.param("VPO_DATABASE__PATH", "x", "`VPO_DATABASE_PATH`", id="two-underscores"),
        pytest.param("VPO_scan__hidden", "1", "`hidden`", id="lower-case"),
        pytest.param("VPO_LOGGING__LEVEL", "Loud", "Invalid log level: Loud", id="level"),
        pytest.param("VPO_JOBS_RETENTION_DAYS", "many", "retention_days", id="alias"),
        pytest.param("VPO_TOOLS__FFMPEG", "", "at least 1 character", id="empty-command"),
    ],
)
def test_a_mistake_in_a_variable_is_reported_with_its_name(
    vpo: Vpo, variable: str, text: str, says: str
) -> None:
    error = refused(vpo, **{variable: text})
    assert f"`{variable}`" in error.message
    assert says in f"{error.message}. {error.hint}"


def test_a_variable_with_a_mistake_ends_a_command(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {"VPO_LOGING__LEVEL": "debug"}
    check_refused(
        vpo,
        tree,
        "`VPO_LOGING__LEVEL`: this environment variable does not name a section",
        "Did you mean `logging`?",
    )


def test_a_section_in_the_environment_is_reported_beside_its_keys(vpo: Vpo) -> None:
    assert "VPO_SCAN" in refused(vpo, VPO_SCAN="hidden", VPO_SCAN__HIDDEN="1").message
    assert "VPO_SCAN" in refused(vpo, VPO_SCAN__HIDDEN="1", VPO_SCAN="hidden").message


def test_variables_of_other_programs_are_ignored(vpo: Vpo) -> None:
    others = ("VPO_OTHER", "VPO_OTHER__HIDDEN", "VPO_", "VPO___", "VPOSCAN__HIDDEN")
    assert loaded(vpo, **dict.fromkeys((*others, "XVPO_SCAN__HIDDEN"), "1")) == Config()


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


def test_relative_paths_of_a_file_are_below_its_directory(
    vpo: Vpo, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "database_path: a/b.db\ntools: {ffmpeg: ./ffmpeg, ffprobe: ffprobe, mkvmerge: bin/m}\n"
        "logging: {file: ../vpo.log}\nscan: {directories: [films, /abs, ~/music]}\n"
    )
    monkeypatch.setenv("HOME", "/of/user")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    other = tmp_path / "other/config.yaml"
    other.parent.mkdir()
    for path, named in ((config, None), (other, str(other)), (other, "../other/config.yaml")):
        path.write_text(text)
        read = load({"VPO_HOME": str(vpo.home)}, config=named).config
        base = path.parent
        assert read.database_path == f"{base}/a/b.db"
        assert read.tools.ffmpeg == f"{base}/ffmpeg"
        assert read.tools.mkvmerge == f"{base}/bin/m"
        assert read.tools.ffprobe == "ffprobe", "a bare name is looked for on PATH"
        assert read.logging.file == f"{base.parent}/vpo.log"
        assert read.scan.directories == (f"{base}/films", "/abs", "/of/user/music")
        path.unlink()


def test_relative_paths_of_variables_are_below_the_current_directory(
    vpo: Vpo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/of/user")
    monkeypatch.chdir(tmp_path)
    read = loaded(
        vpo, VPO_DATABASE_PATH="a.db", VPO_FFPROBE_PATH="./ffprobe", VPO_SCAN__DIRECTORIES="b:~/c"
    )
    assert read.database_path == f"{tmp_path}/a.db"
    assert read.tools.ffprobe == f"{tmp_path}/ffprobe"
    assert read.scan.directories == (f"{tmp_path}/b", "/of/user/c")


def test_a_tilde_is_expanded_where_no_shell_did(
    vpo: Vpo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    vpo.environment = {"HOME": str(tmp_path), "VPO_HOME": "~/of-vpo"}
    assert vpo.ok("config", "path").stdout == f"{tmp_path}/of-vpo/config.yaml\n"
    (tmp_path / "named.yaml").write_text("scan: {threads: 7}\n")
    assert loaded(vpo, VPO_CONFIG_PATH="~/named.yaml").scan.threads == 7


def test_a_path_in_a_variable_may_be_any_bytes(vpo: Vpo) -> None:
    read = loaded(vpo, VPO_SCAN__DIRECTORIES="/\udcff", VPO_LOGGING__FILE="/\udcfe")
    assert (read.scan.directories, read.logging.file) == (("/\udcff",), "/\udcfe")


def test_without_vpo_home_everything_is_in_the_home_directory(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    vpo.environment = {"HOME": str(tmp_path / "user"), "VPO_HOME": ""}
    (tmp_path / "user/.vpo").mkdir(parents=True)
    (tmp_path / "user/.vpo/config.yaml").write_text("scan: {kinds: [audio]}\n")
    assert vpo.scan(tree.root)["added"] == 0
    assert (tmp_path / "user/.vpo/library.db").exists()


def test_the_home_is_created_for_its_owner_only(vpo: Vpo, tree: Tree) -> None:
    vpo.home = vpo.home / "below" / "another"
    vpo.ok("scan", tree.root)
    assert vpo.home.stat().st_mode & 0o777 == 0o700


def test_without_a_home_directory_no_directory_called_tilde_is_made(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    vpo.environment["VPO_HOME"] = "~nobody-has-this-name/vpo"
    assert vpo.error_code("scan", tree.root, cwd=tmp_path) == "NO_HOME"
    assert "Set VPO_HOME to the directory" in vpo.ok("status", status=2, cwd=tmp_path).stderr
    assert not list(tmp_path.glob("~*"))
