"""`vpo config`: what it shows, what it finds wrong, and the schema it prints."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from settings import KEYS, Layered, as_yaml, values
from support import Tree, Vpo, modules_imported
from vpo.base.errors import ConfigError
from vpo.config import yaml_edit
from vpo.config.layers import Key
from vpo.config.load import find_mistakes, load
from vpo.config.models import Config, Profile
from vpo.config.schema import schema_of


@pytest.fixture
def config(vpo: Vpo) -> Path:
    """The path of the config file, in a home that exists."""
    vpo.home.mkdir()
    return vpo.home / "config.yaml"


# -- show --------------------------------------------------------------------------


def test_what_is_shown_is_a_config_file_that_gives_the_same_settings(
    vpo: Vpo, config: Path, tmp_path: Path
) -> None:
    config.write_text(
        'scan: {extensions: ["a\\nb", "\\e[31m", "\\u202e"], exclude: ["yes", "# x", "a: b"]}\n'
        "logging: {file: 'null', level: error}\njobs: {auto_purge: false}\n"
    )
    shown = vpo.ok("config", "show").stdout
    document = vpo.ok("config", "show", "--json").json
    assert yaml.safe_load(shown) == document["settings"]
    assert document["settings"]["scan"]["extensions"] == ["a\nb", "\x1b[31m", "\u202e"]
    assert all(line.isprintable() for line in shown.split("\n"))

    again = tmp_path / "again.yaml"
    again.write_text(vpo.ok("config", "show", "--origin").stdout)
    other = vpo.ok("config", "show", "--json", "--config", again).json
    assert other["settings"] == document["settings"]


@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=4))
def test_any_value_is_shown_on_one_line_from_which_it_can_be_read(value: Any) -> None:
    line = yaml_edit.as_yaml(value)
    assert line.isprintable()
    assert yaml.safe_load(line) == value


def test_the_origin_of_each_setting_is_shown_beside_it(vpo: Vpo, config: Path) -> None:
    vpo.introspects = True
    config.write_text("scan:\n  hidden: true\n")
    (vpo.home / "profiles").mkdir()
    profile = vpo.home / "profiles/movies.yaml"
    profile.write_text("description: x\nscan:\n  threads: 2\n")
    vpo.environment = {"VPO_JOBS_RETENTION_DAYS": "7"}
    words = ("--profile", "movies", "--log-level", "debug", "config", "show")
    lines = vpo.ok(*words, "--origin").stdout.splitlines()
    origins = dict(line.strip().split("  # ") for line in lines if "#" in line)
    origins = {line.rstrip(): origin for line, origin in origins.items()}
    assert len(origins) == len(KEYS)
    assert origins.pop("hidden: true") == f"config file: `{config}`, line 2, column 3"
    assert origins.pop("threads: 2") == f"profile: `{profile}`, line 3, column 3"
    assert origins.pop("retention_days: 7") == "environment: `VPO_JOBS_RETENTION_DAYS`"
    assert origins.pop("level: debug") == "command line"
    assert set(origins.values()) == {"default"}

    reported = vpo.ok(*words, "--json").json
    assert reported["profile"] == "movies"
    assert reported["origins"]["scan.hidden"] == {
        "layer": "config file",
        "source": str(config),
        "line": 2,
    }
    assert reported["origins"]["logging.level"] == {"layer": "command line"}
    assert reported["origins"]["logging.file"] == {"layer": "default"}


def test_a_path_that_is_not_utf8_is_shown_as_the_contract_has_it(vpo: Vpo, tmp_path: Path) -> None:
    directory = tmp_path / "\udcff"
    directory.mkdir()
    vpo.environment = {"VPO_SCAN__DIRECTORIES": f"/a:{directory}", "VPO_DATABASE_PATH": "/\udcff"}
    shown = vpo.ok("config", "show", "--json").json["settings"]
    assert (shown["database_path"], shown["database_path_b64"]) == ("/\ufffd", "L/8=")
    assert shown["scan"]["directories"] == ["/a", f"{tmp_path}/\ufffd"]
    assert shown["scan"]["directories_b64"][0] is None
    vpo.home = directory
    (directory / "config.yaml").write_text("x: 1\n")
    outcome = vpo.ok("config", "validate", "--json", status=1)
    assert outcome.json["mistakes"][0]["source"] == f"{tmp_path}/\ufffd/config.yaml"
    assert vpo.ok("config", "show", "--json", status=2).json["code"] == "BAD_CONFIG"


def test_the_path_is_printed_even_if_there_is_no_file(vpo: Vpo) -> None:
    for _ in range(2):
        assert vpo.ok("config", "path").stdout == f"{vpo.home}/config.yaml\n"
        vpo.home.mkdir(exist_ok=True)
        (vpo.home / "config.yaml").write_text("scan: [\n")


# -- validate ----------------------------------------------------------------------

WRONG = """\
logging:
  level: loud
  fromat: json
scan:
  threads: [1]
  kinds: [film, video, song]
  hidden: true
  hidden: false
behaviour: {}
"""


def test_all_mistakes_are_listed_in_the_order_of_the_lines(vpo: Vpo, config: Path) -> None:
    config.write_text(WRONG)
    vpo.environment = {"VPO_SCAN__THREADS": "-1", "VPO_LOGING__LEVEL": "info"}
    outcome = vpo.ok("config", "validate", "--json", status=1)
    assert outcome.stderr == ""
    assert outcome.json["valid"] is False
    mistakes = outcome.json["mistakes"]
    places = [(each["source"], each["line"], each["column"]) for each in mistakes]
    lines = [(2, 3), (3, 3), (5, 3), (6, 11), (6, 24), (8, 3), (9, 1)]
    assert [place for place in places if place[1]] == [(str(config), *line) for line in lines]
    assert {place[0] for place in places[len(lines) :]} == {
        "VPO_SCAN__THREADS",
        "VPO_LOGING__LEVEL",
    }
    text = vpo.ok("config", "validate", status=1).stdout.splitlines()
    reported = [line for line in text if line.startswith("Mistake: ")]
    assert len(reported) == len(mistakes) == 9
    assert reported[0] == f"Mistake: `{config}`, line 2, column 3: Invalid log level: loud."
    for line, mistake in zip(reported, mistakes, strict=True):
        assert mistake["message"] in line

    # Other commands show one mistake, and how many there are.
    stopped = vpo.ok("config", "show", status=2)
    assert stopped.stderr.startswith(f"Error: `{config}`, line ")
    assert "Mistakes: 9. `vpo config validate` lists them all." in stopped.stderr


def test_mistakes_of_the_profile_in_use_are_listed_too(vpo: Vpo, config: Path) -> None:
    config.write_text("scan: {hiden: true}\n")
    (vpo.home / "profiles").mkdir()
    (vpo.home / "profiles/movies.yaml").write_text("scan: {threds: 1}\n")
    assert len(find_mistakes({"VPO_HOME": str(vpo.home)})) == 1
    outcome = vpo.ok("config", "validate", "--profile", "movies", status=1)
    assert "`scan.hiden`" in outcome.stdout
    assert "`scan.threds`" in outcome.stdout


def test_a_config_without_mistakes_is_valid(vpo: Vpo, config: Path) -> None:
    assert "the defaults apply" in vpo.ok("config", "validate").stdout
    config.write_text("scan: {hidden: true}\n")
    assert vpo.ok("config", "validate").stdout == f"`{config}` is valid.\n"
    assert vpo.ok("-q", "config", "validate").stdout == ""
    assert vpo.ok("config", "validate", "--json").json == {"valid": True, "mistakes": []}


def test_a_file_that_cannot_be_read_is_an_error_rather_than_a_mistake(
    vpo: Vpo, config: Path
) -> None:
    config.mkdir()
    outcome = vpo.ok("config", "validate", "--json", status=2)
    assert (outcome.json["code"], outcome.json["details"]["reason"]) == (
        "BAD_CONFIG",
        "Is a directory",
    )
    config.rmdir()
    outcome = vpo.ok("config", "validate", "--profile", "nope", "--json", status=2)
    assert outcome.json["code"] == "PROFILE_NOT_FOUND"


# -- schema ------------------------------------------------------------------------


def check_schema_is_good(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@lru_cache
def validator(model: type) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(model, ""))


def accepts(model: type, document: object) -> bool:
    return validator(model).is_valid(document)


def test_the_schemas_are_printed_and_are_schemas(vpo: Vpo) -> None:
    for command, model in (("config", Config), ("profiles", Profile)):
        printed = vpo.ok(command, "schema").json
        check_schema_is_good(printed)
        assert printed == schema_of(model, printed["title"])
        for each in (printed, *printed["$defs"].values()):
            assert all(one.get("description") for one in each["properties"].values())


def test_the_schema_accepts_the_settings_as_they_are_shown(vpo: Vpo) -> None:
    assert accepts(Config, yaml.safe_load(vpo.ok("config", "show").stdout))


@pytest.mark.parametrize(
    ("content", "is_good"),
    [
        ("{}", True),
        ("scan:\n", True),
        ("database_path:\n", True),
        ("tools: {ffmpeg: ~}", True),
        ("logging: {level: debug, file: a.log, max_bytes: 0}", True),
        ("scan: {kinds: [video], threads: 1024}", True),
        ("scam: {}", False),
        ("scan: {hiden: true}", False),
        ("scan: [hidden]", False),
        ("scan: {hidden: maybe}", False),
        ("scan: {threads: -1}", False),
        ("scan: {threads: 1025}", False),
        ("scan: {threads: true}", False),
        ("scan: {threads: 1.5}", False),
        ("scan: {threads: }", False),
        ("scan: {kinds: video}", False),
        ("scan: {kinds: [film]}", False),
        ("scan: {directories: ['']}", False),
        ("logging: {level: loud}", False),
        ("logging: {format: xml}", False),
        ("logging: {file: ''}", False),
        ("jobs: {retention_days: 0}", False),
        ("jobs: {retention_days: 36501}", False),
        ("name: movies", False),
        ("5", False),
    ],
)
def test_the_schema_agrees_with_the_command_on_a_file(
    tmp_path: Path, content: str, is_good: bool
) -> None:
    (tmp_path / "config.yaml").write_text(content)
    assert accepts(Config, yaml.safe_load(content)) is is_good
    assert (find_mistakes({"VPO_HOME": str(tmp_path)}) == []) is is_good


@st.composite
def documents(draw: st.DrawFn) -> dict[Key, Any]:
    """Settings, some with values of another setting or with invalid values."""
    keys = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, max_size=4))
    odd = st.sampled_from([None, True, -1, 0, 2, 10**9, 1.5, "", "x", "yes", "5", [], [""], ["x"]])
    # Which extensions and globs there are is the engine's to say, not the schema's.
    of_the_engine = {("scan", "extensions"), ("scan", "exclude")}
    return {
        key: draw(
            values(key)
            if key in of_the_engine
            else st.one_of(values(key), odd, values(draw(st.sampled_from(sorted(KEYS)))))
        )
        for key in keys
    }


@given(document=documents())
@settings(max_examples=150, deadline=None)
def test_a_file_that_the_schema_accepts_is_one_that_the_command_takes(
    tmp_path_factory: pytest.TempPathFactory, document: dict[Key, Any]
) -> None:
    layered = Layered(tmp_path_factory.getbasetemp() / "schema")
    layered.config.write_text(as_yaml(document))
    mistakes = find_mistakes({"VPO_HOME": str(layered.home)})
    if accepts(Config, yaml.safe_load(layered.config.read_text()) or {}):
        assert mistakes == []


def test_a_profile_is_accepted_by_the_schema_of_profiles_alone() -> None:
    profile = {"name": "a", "description": "b", "default_policy": "c.yaml", "scan": {"threads": 1}}
    assert accepts(Profile, profile)
    assert not accepts(Config, profile)
    assert not accepts(Profile, {**profile, "descriptio": "b"})


# -- Who needs it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "--version",
        "--help",
        "scan --help",
        "files list -h",
        "config path",
        "config schema",
        "profiles list",
        "profiles create movies",
        "nope",
    ],
)
def test_a_broken_config_file_does_not_stop_commands_that_need_none(
    vpo: Vpo, config: Path, words: str
) -> None:
    config.write_text("scan: [\n")
    vpo.environment = {"VPO_SCAN__NOPE": "1"}
    outcome = vpo.run(*words.split())
    assert outcome.status == (2 if words == "nope" else 0), outcome
    assert "config.yaml" not in outcome.stderr
    assert "VPO_SCAN" not in outcome.stderr


def test_mistakes_in_other_sections_do_not_stop_a_command(vpo: Vpo, config: Path) -> None:
    config.write_text("database_path: a.db\nlogging: {level: loud}\nscan: []\n")
    environment = {"VPO_HOME": str(vpo.home), "VPO_SCAN__THREADS": "many"}
    read = load(environment, sections=("database_path",))
    assert read.config.database_path == f"{vpo.home}/a.db"
    with pytest.raises(ConfigError, match="loud"):
        load(environment, sections=("database_path", "logging"))


def test_no_command_waits_for_pydantic_once_the_settings_are_checked(
    vpo: Vpo, tree: Tree, config: Path
) -> None:
    vpo.scan(tree.root)
    (vpo.home / "profiles").mkdir()
    (vpo.home / "profiles/movies.yaml").write_text("scan: {directories: [/films]}\n")
    config.write_text("database_path: library.db\nscan: {threads: 2}\nlogging: {level: debug}\n")
    vpo.ok("--profile", "movies", "config", "show")
    for words in (["--profile", "movies", "files", "list"], ["config", "show"]):
        assert "pydantic" not in modules_imported(vpo, *words)
