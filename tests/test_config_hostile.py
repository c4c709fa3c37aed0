"""Files that are not settings: too large, too deep, binary, or not even files."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mounts import UNPRIVILEGED, need_permissions
from support import Vpo
from vpo.base.errors import ConfigError
from vpo.config import document
from vpo.config.check import mistakes_in
from vpo.config.load import load
from vpo.config.models import Config


@pytest.fixture
def config(vpo: Vpo) -> Path:
    """The path of the config file, in a home that exists."""
    vpo.home.mkdir()
    return vpo.home / "config.yaml"


def mistakes(content: bytes) -> list[str]:
    """The mistakes in a file with this content."""
    layer = document.parse(content, "/config.yaml", Config, name="config file")
    found = mistakes_in(layer)
    assert all(str(each).isprintable() for each in found)
    return [str(each) for each in found]


BILLION_LAUGHS = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)
)
# Each mapping merges the one before ten times over.
MERGES = b"a0: &a0 {x: 1}\n" + b"".join(
    b"a%d: &a%d {<<: [%s]}\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)
)
TOO_MUCH = "more aliases or nested values here than vpo accepts"


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        pytest.param(BILLION_LAUGHS, "", TOO_MUCH, id="alias-bomb"),
        pytest.param(MERGES, "", TOO_MUCH, id="merge-bomb"),
        pytest.param(b"scan: &a [*a]\n", "line 1, column 7", TOO_MUCH, id="list-of-itself"),
        pytest.param(b"scan: &a {b: *a}\n", "line 1, column 7", TOO_MUCH, id="map-of-itself"),
        pytest.param(b"scan: &a\n  <<: *a\n", "line 1, column 7", TOO_MUCH, id="merge-of-itself"),
        pytest.param(b"scan: &a {? *a : 1}\n", "line 1, ", TOO_MUCH, id="key-of-itself"),
        pytest.param(b"[" * 900_000, "line 1, column 21", TOO_MUCH, id="brackets"),
        pytest.param(b"{" * 900_000, "line 1, column 21", TOO_MUCH, id="braces"),
        pytest.param(b"- " * 400_000, "line 1, column 41", TOO_MUCH, id="dashes"),
        pytest.param(b"? " * 400_000, "line 1, column 41", TOO_MUCH, id="questions"),
        pytest.param(b"a:\n" + b"- a\n" * 240_000, "line 9999, ", TOO_MUCH, id="many-items"),
        pytest.param(b"# " + b"x" * 1_000_000, "", "too large: a config file", id="large"),
        pytest.param(b"scan:\n  hidden: \x00\n", "line 2, column 11", "not text", id="nul"),
        pytest.param(b"\xc3\xa9: 1\n\xc3\xa9\xff", "line 2, column 2", "not text", id="not-utf8"),
        pytest.param(b"\xff\xfea", "line 1, column 3", "not text", id="half-of-utf16"),
        pytest.param(b"scan: \x1b[31m\n", "line 1, column 7", "not text", id="escape"),
        pytest.param(
            b'tools: {ffmpeg: "\\ud800"}', "line 1, column 17", "YAML str", id="surrogate"
        ),
        pytest.param(b"jobs: {a: 2020-99-99}", "line 1, column 11", "YAML timestamp", id="no-date"),
        pytest.param(b"jobs: {a: !!bool maybe}", "line 1, column 11", "YAML bool", id="no-bool"),
        pytest.param(b'jobs: {a: !!int ""}', "line 1, column 11", "YAML int", id="no-int"),
        pytest.param(b'jobs: {a: !!float ""}', "line 1, column 11", "YAML float", id="no-float"),
        pytest.param(
            b"scan: {threads: 1:30}", "line 1, column 8", "number, not `1:30`", id="base-60"
        ),
        pytest.param(
            b"scan:\n  threads: 1" + b":30" * 300_000, "line 2, column 12", "YAML int", id="long-60"
        ),
        pytest.param(
            b"scan:\n  threads: 1" + b":3" * 300 + b".5",
            "line 2, column 12",
            "float",
            id="float-60",
        ),
        pytest.param(
            b"scan:\n  threads: 0x" + b"f" * 9000, "line 2, column 12", "YAML int", id="long-hex"
        ),
        pytest.param(b"jobs: {a: !!timestamp x}", "line 1, column 11", "timestamp", id="no-time"),
        pytest.param(b"scan: !!python/name:os.system\n", "line 1, column 7", "tag", id="name"),
        pytest.param(
            b"scan: !!python/object/apply:os.system [id]\n", "line 1, column 7", "tag", id="call"
        ),
        pytest.param(b"scan: !mine {}\n", "line 1, column 7", "tag", id="tag-of-ones-own"),
        pytest.param(b"scan: *nope\n", "line 1, column 7", "nope", id="no-such-alias"),
        pytest.param(b"<<: 5\n", "line 1, column 5", "merging", id="merge-of-a-number"),
        pytest.param(b"scan: =\n", "line 1, column 7", "tag", id="equals"),
        pytest.param(b"!!set {scan}\n", "", "must hold `key: value` lines", id="set"),
        pytest.param(b"!!omap [scan: {}]\n", "", "must hold `key: value` lines", id="omap"),
        pytest.param(b"- hidden\n", "", "must hold `key: value` lines", id="list"),
        pytest.param(b"hidden\n", "", "must hold `key: value` lines", id="word"),
        pytest.param(b"5\n", "", "must hold `key: value` lines", id="number"),
        pytest.param(b"scan: !!set {hidden}\n", "line 1, column 1", "holds `key", id="set-inside"),
        pytest.param(
            b"scan: !!pairs [hidden: 1]\n", "line 1, column 1", "holds", id="pairs-inside"
        ),
        pytest.param(b"scan: {hidden: 1}\nscan: {}\n", "line 2, column 1", "twice", id="twice"),
        pytest.param(b"scan: {hidden: 1, hidden: 1}", "line 1, column 19", "twice", id="key-twice"),
        pytest.param(b"scan: {'hidden': 1, hidden: 1}", "line 1, column 21", "twice", id="quoted"),
    ],
)
def test_content_that_is_not_settings_is_reported_with_its_place(
    content: bytes, place: str, says: str
) -> None:
    first = mistakes(content)[0]
    start = "`/config.yaml`" + (f", {place}" if place else "")
    assert first.startswith(start), first
    assert says in first


def test_a_duplicate_key_is_reported_at_any_depth() -> None:
    content = b"scan: {hidden: 1}\njobs:\n  auto_purge: 1\n  other: [{a: 1, a: 2}]\n"
    reported = mistakes(content)
    assert any("`a` is given twice" in each and "line 4, column 18" in each for each in reported)


@pytest.mark.parametrize(
    "content",
    [
        b"scan: &a {hidden: true}\n",
        b"\xef\xbb\xbfscan: {hidden: true}\n",
        "scan: {hidden: true}\n".encode("utf-16"),
        b"scan: {hidden: true}\r\n",
        b"%YAML 1.1\n---\nscan: {hidden: true}\n...\n",
        b"scan: {<<: {hidden: true, threads: 2}, threads: 3}\n",
        b"<<: {scan: {hidden: true}}\n",
        b"scan: {hidden: &yes true, one_file_system: *yes}\n",
        b'"scan": {"hidden": true}',
    ],
)
def test_all_features_of_yaml_may_be_used(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    scan = load({"VPO_HOME": str(config.parent)}).config.scan
    assert scan.hidden
    assert scan.threads == (3 if b"threads" in content else 0)


# What goes wrong in YAML most, put together at random.
WORDS = st.one_of(
    st.sampled_from(["scan", "hidden", "threads", "logging", "a", "1", "true", "~", "2020-13-01"]),
    st.sampled_from([":", ": ", "- ", "\n", "\n  ", "{", "}", "[", "]", ", ", "? ", "|", "---\n"]),
    st.sampled_from(
        ["&a ", "*a ", "<<: ", "!!int ", "!!set ", "!x ", "'", '"', "\\", "#", "%", "="]
    ),
    st.sampled_from(["\t", "\0", "\x1b", "\u2028", "\x85", "\ufeff", "é", "\U0001f3ac"]),
)


@given(
    st.lists(WORDS, max_size=25).map("".join).map(str.encode)
    | st.binary(max_size=60)
    | st.text(max_size=30).map(lambda text: yaml.safe_dump({"scan": {text: [text]}}).encode())
)
@settings(max_examples=400, deadline=None)
def test_any_content_is_settings_or_has_mistakes(content: bytes) -> None:
    layer = document.parse(content, "/config.yaml", Config, name="config file")
    found = mistakes_in(layer)
    assert isinstance(layer.settings, dict)
    assert all(str(each).isprintable() for each in found)
    assert {each.place.source for each in found} <= {"/config.yaml"}
    if not found:
        assert set(layer.settings) <= set(Config.__dataclass_fields__)


# -- In the place of a file ----------------------------------------------------------


def check_unreadable(vpo: Vpo, why: str, **options: object) -> None:
    """Every way to read the settings must end at once, with the reason."""
    for words in (("config", "show"), ("files", "list"), ("scan", "/")):
        outcome = vpo.ok(*words, status=2, **options)
        path = vpo.home / "config.yaml"
        assert outcome.stdout == ""
        assert outcome.stderr.startswith(f"Error: The config file `{path}` cannot be read: {why}")
    assert not vpo.database.exists()


def test_a_directory_in_place_of_the_config_file_is_reported(vpo: Vpo, config: Path) -> None:
    config.mkdir()
    check_unreadable(vpo, "Is a directory.")


def test_a_pipe_without_a_writer_is_reported_at_once(vpo: Vpo, config: Path) -> None:
    os.mkfifo(config)
    check_unreadable(vpo, "it is a pipe, and no program writes to it.")


def test_broken_links_are_reported(vpo: Vpo, config: Path) -> None:
    config.symlink_to("config.yaml")
    check_unreadable(vpo, "Too many levels of symbolic links.")
    config.unlink()
    config.symlink_to("nowhere")
    check_unreadable(vpo, "No such file or directory.")


def test_a_config_file_without_permission_is_reported(
    vpo: Vpo, config: Path, tmp_path: Path
) -> None:
    need_permissions(tmp_path)
    config.write_text("scan: {}\n")
    config.chmod(0)
    check_unreadable(vpo, "Permission denied.", **UNPRIVILEGED)


def test_a_socket_and_an_endless_device_are_reported(vpo: Vpo, config: Path) -> None:
    environment = {"VPO_HOME": str(vpo.home)}
    here = os.getcwd()
    with closing(socket.socket(socket.AF_UNIX)) as server:
        os.chdir(config.parent)  # A socket's path is to be short.
        try:
            server.bind(config.name)
        finally:
            os.chdir(here)
        with pytest.raises(ConfigError, match="cannot be read"):
            load(environment)
    with pytest.raises(ConfigError, match="too large: a config file"):
        load(environment, config="/dev/zero")


def test_the_output_of_a_command_can_be_the_config_file(vpo: Vpo) -> None:
    script = 'exec "$0" "$@" --config <(echo "scan: {threads: 7}")'
    command = vpo.command("config", "show")
    done = subprocess.run(
        ["bash", "-c", script, *command], env=vpo.env(), capture_output=True, text=True, check=True
    )
    assert "  threads: 7\n" in done.stdout
    assert load({"VPO_HOME": str(vpo.home)}, config="/dev/null").config == Config()


def test_a_slow_writer_is_waited_for(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "wb", buffering=0) as pipe:
        pipe.write(b"scan: {hidden: true,")

        def write_the_rest() -> None:
            pipe.write(b" threads: 7}")
            pipe.close()

        timer = threading.Timer(0.2, write_the_rest)
        timer.start()
        read = load({"VPO_HOME": str(tmp_path)}, config=f"/dev/fd/{reading}")
        timer.join()
    assert read.config.scan.threads == 7


def test_profiles_beside_one_that_is_a_pipe_are_listed(vpo: Vpo) -> None:
    profiles = vpo.home / "profiles"
    profiles.mkdir(parents=True)
    os.mkfifo(profiles / "pipe.yaml")
    (profiles / "good.yaml").write_text("description: a\n")
    listed = vpo.ok("profiles", "list", "--json").json
    assert [(each["name"], each["valid"]) for each in listed] == [("good", True), ("pipe", False)]
    vpo.ok("--profile", "pipe", "config", "show", status=2)


def test_terminal_codes_in_names_and_values_are_not_printed(vpo: Vpo, config: Path) -> None:
    config.write_text(
        'scan: {"\\e[31m": 1, exclude: ["\\e[31m["], kinds: ["\\e[31m"]}\n'
        'logging: {level: "\\e[31m"}\n"\\e[31m": 5\n'
    )
    vpo.environment = {"VPO_SCAN__\x1b[31m": "1", "VPO_SCAN__THREADS": "\x1b[31m"}
    for words in (("config", "validate"), ("scan", "/"), ("config", "validate", "--json")):
        outcome = vpo.run(*words)
        assert outcome.status in (1, 2)
        assert "\x1b" not in outcome.stdout + outcome.stderr


def test_a_home_that_is_a_file_is_reported(vpo: Vpo) -> None:
    vpo.home.write_text("")
    outcome = vpo.ok("scan", "/", status=2)
    assert outcome.stderr.startswith("Error: ")
    assert "inside vpo" not in outcome.stderr
    assert vpo.home.read_text() == ""
