"""Profiles are created, shown, edited, checked and used."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support import Tree, Vpo
from vpo.base.errors import ConfigError, ProfileNameError, ProfileNotFoundError
from vpo.config import profile_editing
from vpo.config import profiles as store
from vpo.config.check import mistakes_in
from vpo.config.load import load

BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc/passwd",
    "a.b",
    "a b",
    "a\n",
    "\na",
    "a\0b",
    "~",
    "é",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "\udcff",
    "a" * 300,
]


@pytest.fixture
def profiles(vpo: Vpo) -> Path:
    """The directory of profiles."""
    directory = vpo.home / "profiles"
    directory.mkdir(parents=True)
    return directory


def mistakes(vpo: Vpo, name: str) -> list[str]:
    return [str(each) for each in mistakes_in(store.read({"VPO_HOME": str(vpo.home)}, name))]


# -- Names -------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_not_alphanumeric_is_refused(vpo: Vpo, name: str) -> None:
    environment = {"VPO_HOME": str(vpo.home)}
    with pytest.raises(ProfileNameError, match="Profile name must be alphanumeric"):
        store.read(environment, name)
    with pytest.raises(ProfileNameError):
        profile_editing.create(
            environment, name, description=None, default_policy=None, directories=[]
        )
    if name:
        with pytest.raises(ProfileNameError):
            load(environment, profile=name)
        with pytest.raises(ProfileNameError):
            load({**environment, "VPO_PROFILE": name})
    assert not vpo.home.exists()


@given(st.text(max_size=6) | st.text("aZ5-_./", max_size=6))
def test_names_are_letters_digits_hyphens_and_underscores(name: str) -> None:
    is_good = re.fullmatch("[A-Za-z0-9_-]+", name, re.ASCII) is not None
    try:
        path = store.path_of({"VPO_HOME": "/home"}, name)
    except ProfileNameError:
        assert not is_good
    else:
        assert is_good
        assert path == f"/home/profiles/{name}.yaml"


def test_no_command_leaves_the_directory_of_profiles(vpo: Vpo, profiles: Path) -> None:
    outside = vpo.home / "secret.yaml"
    outside.write_text("description: secret\n")
    for words in (
        ("profiles", "show", "../secret"),
        ("profiles", "edit", "../secret"),
        ("profiles", "create", "../secret"),
        ("profiles", "validate", "../secret"),
        ("--profile", "../secret", "config", "show"),
    ):
        outcome = vpo.ok(*words, status=2)
        assert outcome.stdout == ""
        assert outcome.stderr.startswith(
            "Error: Profile name must be alphanumeric"
            " (hyphens and underscores may be used): `../secret`.\n"
        ), outcome
    outcome = vpo.ok("profiles", "show", "a\x1b[31m\nb", "--json", status=2)
    assert outcome.json["code"] == "BAD_PROFILE_NAME"
    assert outcome.json["message"].endswith("`a\\x1b[31m\\nb`")
    assert outside.read_text() == "description: secret\n"
    assert list(profiles.iterdir()) == []


def test_an_unknown_name_lists_the_names_there_are(vpo: Vpo, profiles: Path) -> None:
    outcome = vpo.ok("profiles", "show", "movies", status=2)
    assert "There is no profile named `movies`." in outcome.stderr
    assert "`vpo profiles create NAME`" in outcome.stderr
    for name in ("shows", "Movies-4k", "not a profile", ".draft"):
        (profiles / f"{name}.yaml").touch()
    (profiles / "README").touch()
    outcome = vpo.ok("scan", "--profile", "movies-4k", "/", "--json", status=2)
    assert outcome.json["code"] == "PROFILE_NOT_FOUND"
    assert outcome.json["details"] == {"name": "movies-4k", "profiles": ["Movies-4k", "shows"]}
    assert "Did you mean `Movies-4k`?" in outcome.json["hint"]
    assert "Movies-4k, shows" in outcome.json["hint"]
    with pytest.raises(ProfileNotFoundError):
        load({"VPO_HOME": str(vpo.home), "VPO_PROFILE": "nope"})


# -- list and show -----------------------------------------------------------------


def test_profiles_are_listed_with_what_they_are_for(vpo: Vpo, profiles: Path) -> None:
    assert vpo.ok("profiles", "list").stdout == ""
    assert vpo.ok("profiles", "list", "--json").json == []
    policy = vpo.home / "films.yaml"
    policy.touch()
    (profiles / "shows.yaml").write_text("description: Series\n")
    (profiles / "b.yaml").write_text(f"default_policy: {policy}\n")
    (profiles / "wrong.yaml").write_text("description: Oh\nscna: {}\n")
    (profiles / "unreadable.yaml").symlink_to("nowhere")
    lines = vpo.ok("profiles", "list").stdout.splitlines()
    assert [re.split("  +", line) for line in lines] == [
        ["NAME", "DESCRIPTION", "POLICY"],
        ["b", "-", "films.yaml"],
        ["shows", "Series", "-"],
        ["unreadable", "- (has mistakes)", "-"],
        ["wrong", "Oh (has mistakes)", "-"],
    ]
    listed = vpo.ok("profiles", "list", "--json").json
    assert [(each["name"], each["valid"]) for each in listed] == [
        ("b", True),
        ("shows", True),
        ("unreadable", False),
        ("wrong", False),
    ]
    assert listed[0]["default_policy"] == str(policy)
    assert listed[1] == {
        "name": "shows",
        "description": "Series",
        "default_policy": None,
        "path": f"{profiles}/shows.yaml",
        "valid": True,
    }


def test_a_profile_is_shown_with_each_section_that_it_overrides(vpo: Vpo, profiles: Path) -> None:
    policy = profiles / "policy.yaml"
    policy.touch()
    path = profiles / "movies.yaml"
    path.write_text(
        "name: movies\ndescription: My films\ndefault_policy: policy.yaml\n"
        "logging: {level: debug}\nscan:\n  threads: 4\n  directories: [/films, /more]\n"
    )
    assert vpo.ok("profiles", "show", "movies").stdout == (
        f"Profile: movies\nDescription: My films\nLocation: {path}\nDefault policy: policy.yaml\n"
        "\nlogging:\n  level: debug\n"
        "\nscan:\n  directories: [/films, /more]\n  threads: 4\n"
    )
    shown = vpo.ok("profiles", "show", "movies", "--json").json
    assert shown == {
        "name": "movies",
        "description": "My films",
        "default_policy": "policy.yaml",
        "path": str(path),
        "overrides": {
            "logging": {"level": "debug"},
            "scan": {"directories": ["/films", "/more"], "threads": 4},
        },
        "mistakes": [],
    }


def test_a_profile_with_mistakes_is_shown_with_them(vpo: Vpo, profiles: Path) -> None:
    path = profiles / "p.yaml"
    path.write_text(
        'description: 2020-01-01\nscan: {1: 2, threads: 5000, exclude: ["\\e[31m"], hidden: true}\n'
        "logging: {file: !!set {a}, level: !!binary aaaa}\n3: 4\n"
    )
    shown = vpo.ok("profiles", "show", "p", "--json").json
    assert shown["description"] is None
    assert shown["overrides"] == {"scan": {"hidden": True}}
    assert [each["line"] for each in shown["mistakes"]] == [1, 2, 2, 2, 3, 3, 4]
    text = vpo.ok("profiles", "show", "p").stdout
    assert text.count("Mistake: ") == 7
    assert "\x1b" not in text


# -- create ------------------------------------------------------------------------


def test_a_profile_is_created_with_the_given_settings(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    policy = tree.root / "policy.yaml"
    policy.touch()
    description = "Films: 'old' \u2013 #1\n\x1b[31m"
    words = ("--description", description, "--policy", "policy.yaml", "--directory", ".")
    made = vpo.ok("profiles", "create", "movies", *words, "--directory", "b/../c", cwd=tree.root)
    path = vpo.home / "profiles/movies.yaml"
    assert f"`{path}`" in made.stdout
    assert yaml.safe_load(path.read_text()) == {
        "description": description,
        "default_policy": str(policy),
        "scan": {"directories": [str(tree.root), f"{tree.root}/c"]},
    }
    assert vpo.ok("profiles", "validate").stdout == "movies is valid.\n"
    assert "\x1b" not in vpo.ok("profiles", "list").stdout

    again = vpo.ok("profiles", "create", "movies", "--json", status=2)
    assert again.json["code"] == "USAGE", "it prints nothing that could be JSON"
    again = vpo.ok("profiles", "create", "movies", status=2)
    assert "There is already a profile named `movies`." in again.stderr
    assert yaml.safe_load(path.read_text())["description"] == description


def test_a_profile_with_a_missing_policy_is_not_created(vpo: Vpo, tmp_path: Path) -> None:
    outcome = vpo.ok("profiles", "create", "p", "--policy", "nope.yaml", status=2, cwd=tmp_path)
    assert outcome.stderr.startswith(f"Error: Policy file not found: {tmp_path}/nope.yaml.\n")
    assert not vpo.home.exists()


def test_a_directory_of_a_profile_may_have_any_name(vpo: Vpo, tmp_path: Path) -> None:
    directory = os.fsencode(tmp_path) + b"/\xff\n'"
    os.mkdir(directory)
    with open(directory + b"/a.mkv", "wb"):
        pass
    vpo.ok("profiles", "create", "odd", "--directory", directory)
    assert vpo.ok("scan", "--profile", "odd", "--json").json["added"] == 1
    shown = vpo.ok("profiles", "show", "odd", "--json").json
    assert shown["overrides"]["scan"]["directories"] == [f"{tmp_path}/\ufffd\n'"]


def test_a_file_in_place_of_the_profiles_directory_is_reported(vpo: Vpo) -> None:
    vpo.home.mkdir()
    (vpo.home / "profiles").touch()
    outcome = vpo.ok("profiles", "create", "movies", status=2)
    assert outcome.stderr.startswith(
        f"Error: The directory `{vpo.home}/profiles` cannot be created"
    )
    environment = {"VPO_HOME": str(vpo.home)}
    for ask in (lambda: store.names(environment), lambda: store.read(environment, "movies")):
        with pytest.raises(ConfigError, match="cannot be listed: Not a directory"):
            ask()
    assert vpo.ok("profiles", "list", "--json", status=2).json["code"] == "BAD_CONFIG"


# -- edit --------------------------------------------------------------------------


def edit(vpo: Vpo, name: str, text: str, *, status: int = 0) -> str:
    """Edits a profile with an editor that writes `text`; returns what is said."""
    editor = vpo.home / "editor"
    editor.write_text("#!/bin/sh\ncat > \"$1\" <<'END'\n" + text + "END\n")
    editor.chmod(0o700)
    vpo.environment = {"VISUAL": str(editor)}
    outcome = vpo.ok("profiles", "edit", name, status=status)
    return outcome.stdout + outcome.stderr


def test_an_edited_profile_is_saved_if_it_has_no_mistakes(vpo: Vpo, profiles: Path) -> None:
    path = profiles / "movies.yaml"
    (profiles / "policy.yaml").touch()
    path.write_text("description: a\n")
    path.chmod(0o640)
    text = "default_policy: policy.yaml\n"
    assert f"Saved `{path}`." in edit(vpo, "movies", text)
    assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "Nothing was changed." in edit(vpo, "movies", text)
    assert sorted(os.listdir(profiles)) == ["movies.yaml", "policy.yaml"]


def test_an_edit_with_mistakes_leaves_the_profile_and_keeps_what_was_written(
    vpo: Vpo, profiles: Path
) -> None:
    path = profiles / "movies.yaml"
    path.write_text("description: a\n")
    wrong = ["descriptio: b\n", "scan: [\n"]
    for text in wrong:
        said = edit(vpo, "movies", text, status=2)
        assert re.search(r"Mistake: `.*`, line \d, column 1: ", said)
        match = re.search(r"What you wrote is in `(.+)`", said)
        assert match
        assert Path(match[1]).read_text() == text
    assert path.read_text() == "description: a\n"
    kept = [each for each in profiles.iterdir() if each != path]
    assert sorted(each.read_text() for each in kept) == wrong, "the first is not lost"
    assert store.names({"VPO_HOME": str(vpo.home)}) == ["movies"]


def test_an_edit_that_is_given_up_changes_nothing(vpo: Vpo, profiles: Path) -> None:
    (profiles / "movies.yaml").write_text("description: a\n")
    vpo.environment = {"VISUAL": "false"}
    assert "Editing failed" in vpo.ok("profiles", "edit", "movies", status=2).stderr
    assert [each.read_text() for each in profiles.iterdir()] == ["description: a\n"]


def test_an_edit_goes_through_a_link(vpo: Vpo, profiles: Path) -> None:
    real = vpo.home / "kept-elsewhere.yaml"
    real.write_text("description: a\n")
    (profiles / "movies.yaml").symlink_to(real)
    edit(vpo, "movies", "description: b\n")
    assert (profiles / "movies.yaml").is_symlink()
    assert real.read_text() == "description: b\n"
    assert os.listdir(profiles) == ["movies.yaml"]


# -- validate ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        ("name: [a]\n", "line 1, column 1", "`name`"),
        ("name: other\n", "line 1, column 1", "`other`, but its file is `p.yaml`"),
        ("\ndefault_policy: no.yaml\n", "line 2, column 1", "Policy file not found: no.yaml"),
        ("default_policy: .\n", "line 1, column 1", "Policy file not found: ."),
        ("default_policy: ''\n", "line 1, column 1", "at least 1 character"),
        ("default_policy: 5\n", "line 1, column 1", "`default_policy`"),
        ("scan:\n  hiden: 1\n", "line 2, column 3", "unknown key `scan.hiden`"),
        ("logging: {level: loud}\n", "line 1, column 11", "Invalid log level: loud"),
        ("logging: {format: xml}\n", "line 1, column 11", "Invalid log format: xml"),
        ("profile: other\n", "line 1, column 1", "unknown key `profile`"),
        ("a: [\n", "line 2, column 1", "expected"),
    ],
)
def test_a_mistake_in_a_profile_is_reported_with_its_place(
    vpo: Vpo, profiles: Path, content: str, place: str, says: str
) -> None:
    path = profiles / "p.yaml"
    path.write_text(content)
    (reported,) = mistakes(vpo, "p")
    assert reported.startswith(f"`{path}`, {place}: ")
    assert says in reported
    with pytest.raises(ConfigError) as caught:
        load({"VPO_HOME": str(vpo.home)}, profile="p")
    assert caught.value.message == reported


@pytest.mark.parametrize(
    "content", ["", "name: p\n", "name:\ndescription:\ndefault_policy:\n", "scan:\n"]
)
def test_a_profile_may_be_almost_empty(vpo: Vpo, profiles: Path, content: str) -> None:
    (profiles / "p.yaml").write_text(content)
    assert mistakes(vpo, "p") == []


def test_all_profiles_are_checked_or_those_named(vpo: Vpo, profiles: Path) -> None:
    (profiles / "good.yaml").write_text("description: a\n")
    (profiles / "bad.yaml").write_text("descriptio: a\nscna: {}\n")
    (profiles / "pipe.yaml").mkdir()
    outcome = vpo.ok("profiles", "validate", "--json", status=1)
    assert [(each["name"], each["valid"]) for each in outcome.json] == [
        ("bad", False),
        ("good", True),
        ("pipe", False),
    ]
    bad, _, unreadable = outcome.json
    assert [each["line"] for each in bad["mistakes"]] == [1, 2]
    assert [each["message"] for each in unreadable["mistakes"]] == [
        "cannot be read: Is a directory"
    ]
    text = vpo.ok("profiles", "validate", status=1).stdout
    assert text.count("Mistake: ") == 3
    assert "good is valid." in text

    assert vpo.ok("profiles", "validate", "good").stdout == "good is valid.\n"
    vpo.ok("profiles", "validate", "good", "bad", status=1)
    vpo.ok("profiles", "validate", "pipe", status=2)
    vpo.ok("profiles", "validate", "nope", status=2)


# -- use ---------------------------------------------------------------------------


def test_a_profile_names_what_is_scanned_and_where_the_library_is(
    vpo: Vpo, tree: Tree, profiles: Path
) -> None:
    tree.write("films/a.mkv")
    tree.write("films/b.mp3")
    tree.write("series/c.mkv")
    (profiles / "movies.yaml").write_text(
        "database_path: ../movies.db\n"
        f"scan: {{directories: ['{tree.root}/films'], kinds: [video]}}\n"
    )
    outcome = vpo.ok("scan", "--profile", "movies", "--json").json
    assert (outcome["directory"], outcome["added"]) == (f"{tree.root}/films", 1)
    assert (vpo.home / "movies.db").exists()
    assert not vpo.database.exists()

    # Directories on the command line are those that are meant.
    other = vpo.ok("scan", "--profile", "movies", "--json", tree.root / "series").json
    assert (other["directory"], other["added"]) == (f"{tree.root}/series", 1)
    listed = vpo.ok("--profile", "movies", "files", "list", "--json").json
    assert len(listed) == 2

    assert "`scan.directories`" in vpo.ok("scan", status=2).stderr


def test_the_default_policy_of_a_profile_is_a_path_below_its_directory(
    vpo: Vpo, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (profiles / "policies").mkdir()
    (profiles / "policies/a.yaml").touch()
    path = profiles / "movies.yaml"
    path.write_text("default_policy: policies/a.yaml\n")
    environment = {"VPO_HOME": str(vpo.home)}
    assert load(environment).default_policy is None
    assert load(environment, profile="movies").default_policy == f"{profiles}/policies/a.yaml"
    monkeypatch.setenv("HOME", str(profiles))
    path.write_text("default_policy: ~/policies/a.yaml\n")
    assert load(environment, profile="movies").default_policy == f"{profiles}/policies/a.yaml"
    shown = json.loads(vpo.ok("--profile", "movies", "profiles", "show", "movies", "--json").stdout)
    assert shown["default_policy"] == "~/policies/a.yaml"
