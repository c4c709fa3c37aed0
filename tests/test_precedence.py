"""The highest layer that gives a setting wins, for every key and every combination."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settings import KEYS, LAYERS, Layered, as_held, as_variables, by_layer, effective, values
from support import Tree, Vpo
from vpo.config import environment as variables
from vpo.config.layers import Key
from vpo.config.load import DEFAULT, Settings, load
from vpo.config.models import Config

DEFAULTS = effective(Settings(Config()))

# Four values of each key, no two neighbours alike.
SAMPLES: dict[Key, tuple[Any, Any, Any, Any]] = {
    ("database_path",): ("/f.db", "/p.db", "/e.db", "/c.db"),
    ("database_group_access",): (True, False, True, False),
    ("tools", "ffmpeg"): ("/f/ffmpeg", "p-ffmpeg", "/e/ffmpeg", "c-ffmpeg"),
    ("tools", "ffprobe"): ("f-ffprobe", "/p/ffprobe", "e-ffprobe", "/c/ffprobe"),
    ("tools", "mkvmerge"): ("/f/m", "/p/m", "/e/m", "/c/m"),
    ("tools", "mkvpropedit"): ("/f/e", "/p/e", "/e/e", "/c/e"),
    ("tools", "prober"): ("native", "ffprobe", "auto", "native"),
    ("behavior", "warn_on_missing_features"): (False, True, False, True),
    ("behavior", "show_upgrade_suggestions"): (True, False, True, False),
    ("logging", "level"): ("debug", "warning", "error", "info"),
    ("logging", "file"): ("/f.log", "/p.log", "/e.log", "/c.log"),
    ("logging", "format"): ("json", "text", "json", "text"),
    ("logging", "include_stderr"): (False, True, False, True),
    ("logging", "max_bytes"): (0, 1, 2, 3),
    ("logging", "backup_count"): (0, 1, 2, 3),
    ("jobs", "retention_days"): (1, 2, 3, 4),
    ("jobs", "auto_purge"): (False, True, False, True),
    ("scan", "directories"): (["/f", "/g"], ["/p"], ["/e", "/f"], ["/c"]),
    ("scan", "kinds"): (["video"], ["audio"], ["image", "video"], ["sidecar"]),
    ("scan", "extensions"): (["mkv"], ["mp4"], ["avi", "wav"], ["m4v"]),
    ("scan", "exclude"): (["a*"], ["b*"], ["c*", "d"], ["e*"]),
    ("scan", "hidden"): (True, False, True, False),
    ("scan", "follow_symlinks"): (False, True, False, True),
    ("scan", "one_file_system"): (True, False, True, False),
    ("scan", "skip_names"): (["a*"], ["b"], ["c", "d"], ["e*"]),
    ("scan", "system_names"): (True, False, True, False),
    ("scan", "ignore_inodes"): (False, True, False, True),
    ("scan", "modify_window"): (1, 0, 2, 3),
    ("scan", "hour_shifts"): (True, False, True, False),
    ("scan", "threads"): (1, 0, 2, 3),
    ("scan", "introspect"): (False, True, False, True),
}


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Layered:
    return Layered(tmp_path_factory.mktemp("home"))


def sample(key: Key, layers: set[str]) -> dict[str, Any]:
    return {
        layer: value for layer, value in zip(LAYERS, SAMPLES[key], strict=True) if layer in layers
    }


def check_highest_wins(layered: Layered, chosen: Mapping[Key, Mapping[str, Any]]) -> None:
    """Loads what is chosen for each key in each layer, and checks values and origins of all."""
    loaded = layered.load(by_layer(chosen))
    found = effective(loaded)
    for key, default in DEFAULTS.items():
        layer, place = loaded.origin(key)
        given = chosen.get(key, {})
        highest = next((name for name in reversed(LAYERS) if name in given), DEFAULT)
        assert layer == highest, key
        assert found[key] == (as_held(given[highest]) if given else default), (key, given)
        if highest in (DEFAULT, "command line"):
            assert place is None
        elif highest == "environment":
            assert place is not None
            assert (place.source, place.line) == (variables.variable_of(key), None)
        else:
            path = layered.config if highest == "config file" else layered.profile
            assert place is not None
            assert place.source == str(path)
            assert place.line is not None
            assert place.column is not None
            line = path.read_text().split("\n")[place.line - 1]
            assert line[place.column - 1 :].startswith(f"{key[-1]}:")


def test_every_setting_has_a_sample_in_each_layer() -> None:
    assert set(SAMPLES) == set(KEYS)
    for low, second, third, high in SAMPLES.values():
        assert low != second != third != high


@pytest.mark.parametrize("shift", range(16))
def test_for_every_key_the_highest_of_any_layers_wins(layered: Layered, shift: int) -> None:
    # Over all shifts, each key meets each of the 16 subsets of the four layers.
    chosen = {}
    for number, key in enumerate(KEYS):
        subset = (number + shift) % 16
        chosen[key] = sample(key, {name for bit, name in enumerate(LAYERS) if subset >> bit & 1})
    check_highest_wins(layered, chosen)


@st.composite
def choices(draw: st.DrawFn) -> dict[Key, dict[str, Any]]:
    """For some keys, a value in some layers each."""
    keys = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, max_size=8))
    layers = st.lists(st.sampled_from(LAYERS), unique=True)
    return {key: {layer: draw(values(key)) for layer in draw(layers)} for key in keys}


@given(chosen=choices())
@settings(max_examples=80, deadline=None)
def test_whatever_the_values_the_highest_layer_wins_and_the_rest_is_as_it_was(
    layered: Layered, chosen: dict[Key, dict[str, Any]]
) -> None:
    check_highest_wins(layered, chosen)


@pytest.mark.parametrize("upper", ["profile", "config file"])
def test_null_is_a_value_that_wins_over_lower_layers(layered: Layered, upper: str) -> None:
    nullable: dict[Key, None] = {
        key: None for key, default in DEFAULTS.items() if default is None and len(key) == 2
    }
    assert ("logging", "file") in nullable
    given: dict[str, dict[Key, Any]] = {upper: nullable}
    if upper == "profile":
        given["config file"] = {key: SAMPLES[key][0] for key in nullable}
    loaded = layered.load(given)
    assert {key: effective(loaded)[key] for key in nullable} == nullable
    assert {loaded.origin(key)[0] for key in nullable} == {upper}


def test_a_section_of_a_profile_leaves_the_other_keys_of_the_section(layered: Layered) -> None:
    for key in KEYS:
        section = {other: SAMPLES[other][0] for other in KEYS if other[:-1] == key[:-1]}
        loaded = layered.load({"config file": section, "profile": {key: SAMPLES[key][1]}})
        expected = {**DEFAULTS, **section, key: SAMPLES[key][1]}
        assert effective(loaded) == {key: as_held(value) for key, value in expected.items()}


# -- The names of the earlier program ----------------------------------------------------


@pytest.mark.parametrize(("alias", "key"), variables.ALIASES.items())
def test_an_old_variable_is_a_name_of_the_environment_layer(
    layered: Layered, alias: str, key: Key
) -> None:
    low, second, third, _ = SAMPLES[key]
    layered.write({"config file": {key: low}, "profile": {key: second}})
    home = {"VPO_HOME": str(layered.home)}
    text = str(third)
    loaded = load({**home, alias: text}, profile="movies")
    assert effective(loaded)[key] == third
    layer, place = loaded.origin(key)
    assert (layer, place and place.source) == ("environment", alias)

    own = as_variables({key: second})
    for environment in ({**home, alias: text, **own}, {**home, **own, alias: text}):
        loaded = load(environment)
        assert effective(loaded)[key] == second, "a variable's own name wins over its alias"


# -- Through the command ------------------------------------------------------------------


def shown(vpo: Vpo, *words: str | Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The values and layers that `vpo config show` prints, by the name of the setting."""
    document = vpo.ok(*words, "config", "show", "--json").json
    flat = {
        setting.name: document["settings"][key[0]][key[1]]
        if len(key) == 2
        else document["settings"][key[0]]
        for key, setting in KEYS.items()
    }
    return flat, {name: origin["layer"] for name, origin in document["origins"].items()}


def test_the_command_shows_each_layer_over_those_below(vpo: Vpo) -> None:
    names = {key: setting.name for key, setting in KEYS.items()}
    layered = Layered(vpo.home)
    vpo.introspects = True
    for count, layer in enumerate(LAYERS[:3], 1):
        chosen = {key: sample(key, set(LAYERS[:count])) for key in KEYS}
        layered.write(by_layer(chosen))
        vpo.environment = layered.environment
        found, layers = shown(vpo, *(["--profile", "movies"] if count > 1 else []))
        assert found == {names[key]: SAMPLES[key][count - 1] for key in KEYS}
        assert layers == dict.fromkeys(names.values(), layer)

    options = {
        ("database_path",): ["--db", "/c.db"],
        ("logging", "level"): ["--log-level", "info"],
        ("logging", "file"): ["--log-file", "/c.log"],
    }
    words = [word for option in options.values() for word in option]
    found, layers = shown(vpo, "--profile", "movies", *words)
    for key, name in names.items():
        assert found[name] == SAMPLES[key][3 if key in options else 2]
        assert layers[name] == LAYERS[3 if key in options else 2]


def test_log_json_wins_over_the_layers_below(vpo: Vpo) -> None:
    layered = Layered(vpo.home)
    key = ("logging", "format")
    layered.write({layer: {key: "text"} for layer in LAYERS[:3]})
    vpo.environment = layered.environment
    found, layers = shown(vpo, "--profile", "movies", "--log-json")
    assert (found["logging.format"], layers["logging.format"]) == ("json", "command line")


# The options of a scan, as words and as they are meant.
OPTIONS: dict[str, tuple[list[str], Any]] = {
    "kinds": (["--kind", "sidecar"], ["sidecar"]),
    "extensions": (["-e", "m4v"], ["m4v"]),
    "exclude": (["--exclude", "e*"], ["e*"]),
    "hidden": (["--no-hidden"], False),
    "follow_symlinks": (["--follow-symlinks"], True),
    "one_file_system": (["--no-one-file-system"], False),
    "skip_names": (["--skip-name", "e*"], ["e*"]),
    "system_names": (["--no-system-names"], False),
    "ignore_inodes": (["--ignore-inodes"], True),
    "modify_window": (["--modify-window", "3s"], 3),
    "hour_shifts": (["--no-hour-shifts"], False),
    "threads": (["--threads", "3"], 3),
    "introspect": (["--introspect"], True),
}


def test_a_scan_uses_each_layer_over_those_below(vpo: Vpo, tree: Tree) -> None:
    layered = Layered(vpo.home)
    vpo.introspects = True
    keys: list[Key] = [("scan", name) for name in OPTIONS]
    assert {("scan", "directories"), *keys} == {key for key in KEYS if key[0] == "scan"}

    def used(*words: str) -> dict[str, Any]:
        vpo.ok("-q", "scan", *words, tree.root)
        rules: dict[str, Any] = json.loads(vpo.jobs()[-1]["policy_json"])["rules"]
        return rules

    for count in (1, 2, 3):
        layered.write(by_layer({key: sample(key, set(LAYERS[:count])) for key in keys}))
        vpo.environment = layered.environment
        profile = ["--profile", "movies"] if count > 1 else []
        assert used(*profile) == {key[1]: SAMPLES[key][count - 1] for key in keys}
    words = [word for words, _ in OPTIONS.values() for word in words]
    assert used("--profile", "movies", *words) == {
        name: meant for name, (_, meant) in OPTIONS.items()
    }
    for name, (words, meant) in OPTIONS.items():
        if name in ("hidden", "threads"):
            environment = {key[1]: SAMPLES[key][2] for key in keys}
            assert used("--profile", "movies", *words) == {**environment, name: meant}


# -- Which file, which profile --------------------------------------------------------------


def test_an_option_names_the_config_file_before_the_variable_and_the_home(
    vpo: Vpo, tmp_path: Path
) -> None:
    vpo.home.mkdir()
    assert load({"VPO_HOME": str(vpo.home), "VPO_CONFIG_PATH": ""}).config == Config()
    (vpo.home / "config.yaml").write_text("scan: {threads: 1}\n")
    (tmp_path / "variable.yaml").write_text("scan: {threads: 2}\n")
    (tmp_path / "option.yaml").write_text("scan: {threads: 3}\n")
    environment = {"VPO_HOME": str(vpo.home)}
    assert load({**environment, "VPO_CONFIG_PATH": ""}).config.scan.threads == 1
    environment["VPO_CONFIG_PATH"] = str(tmp_path / "variable.yaml")
    assert load(environment).config.scan.threads == 2
    option = str(tmp_path / "option.yaml")
    assert load(environment, config=option).config.scan.threads == 3

    vpo.environment = {"VPO_CONFIG_PATH": environment["VPO_CONFIG_PATH"]}
    assert shown(vpo)[0]["scan.threads"] == 2
    assert shown(vpo, "--config", option)[0]["scan.threads"] == 3
    assert vpo.ok("config", "path").stdout == f"{tmp_path}/variable.yaml\n"
    assert vpo.ok("config", "path", "--config", option).stdout == f"{option}\n"


def test_an_option_names_the_profile_before_the_variable(vpo: Vpo) -> None:
    (vpo.home / "profiles").mkdir(parents=True)
    (vpo.home / "profiles/a.yaml").write_text("scan: {threads: 1}\n")
    (vpo.home / "profiles/b.yaml").write_text("scan: {threads: 2}\n")
    environment = {"VPO_HOME": str(vpo.home), "VPO_PROFILE": ""}
    assert (load(environment).profile, load(environment).config.scan.threads) == (None, 0)
    environment["VPO_PROFILE"] = "a"
    assert (load(environment).profile, load(environment).config.scan.threads) == ("a", 1)
    loaded = load(environment, profile="b")
    assert (loaded.profile, loaded.config.scan.threads) == ("b", 2)

    vpo.environment = {"VPO_PROFILE": "a"}
    assert shown(vpo)[0]["scan.threads"] == 1
    assert shown(vpo, "--profile", "b")[0]["scan.threads"] == 2


def test_a_variable_wins_over_the_profile_that_a_variable_names(layered: Layered) -> None:
    layered.write({"profile": {("scan", "threads"): 1}})
    environment = {"VPO_HOME": str(layered.home), "VPO_PROFILE": "movies"}
    assert load(environment).config.scan.threads == 1
    assert load({**environment, "VPO_SCAN__THREADS": "2"}).config.scan.threads == 2
