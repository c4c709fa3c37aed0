"""The settings of photo collections: values, import, export, sources, damaged catalogues."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import media
from support import ISO_Z, TIMEOUT_SECONDS, Outcome, Tree, Vpo
from vpo.db.library import Library, new_library_in_memory, open_library
from vpo.photos import settings_file, settings_import
from vpo.photos.model import Camera
from vpo.photos.settings import effective
from vpo.photos.settings_import import Resolution
from vpo.photos.settings_rules import SettingKey, parse_value, value_to_text
from vpo.photos.settings_store import set_value

WORDS = ("collections", "settings")
DEFAULTS: dict[str, list[str]] = {
    "photo_extensions": [".dng", ".tiff", ".tif", ".cr3"],
    "metadata_extensions": [".xmp"],
    "require_sidecar": [".cr3"],
}


def ok(vpo: Vpo, *words: str | bytes | Path, status: int = 0, **options: Any) -> Outcome:
    return vpo.ok(*WORDS, *words, status=status, **options)


def values(vpo: Vpo, *words: str) -> dict[tuple[str, str], Any]:
    """The values that are listed, by category and key."""
    return {(each["category"], each["key"]): each["value"] for each in rows(vpo, *words)}


def rows(vpo: Vpo, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(vpo, "list", "--json", *words).json
    return found


def stored(vpo: Vpo) -> list[tuple[Any, ...]]:
    """All rows of the table."""
    with vpo.sql() as catalogue:
        found = catalogue.execute("SELECT * FROM configurations ORDER BY id").fetchall()
    return [tuple(row) for row in found]


def refused(vpo: Vpo, *words: str | Path) -> str:
    """The message of an error that leaves the catalogue as it is."""
    before = stored(vpo) if vpo.database.exists() else None
    failed = vpo.ok(*WORDS, *words, "--json", status=2).json
    assert failed["code"] == "BAD_COLLECTION_SETTING", failed
    assert (stored(vpo) if vpo.database.exists() else None) == before
    return str(failed["message"])


@pytest.fixture
def kept(vpo: Vpo) -> Vpo:
    """A catalogue with a camera."""
    ok(vpo, "set", "cameras", "AB3D", '{"name": "Old"}')
    return vpo


# -- Values -----------------------------------------------------------------------


def test_without_settings_the_defaults_are_listed(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    assert values(vpo) == {("extensions", key): value for key, value in DEFAULTS.items()}
    assert {each["source"] for each in rows(vpo)} == {"default"}
    assert ok(vpo, "get", "extensions", "require_sidecar").stdout == '[".cr3"]\n'


def test_a_value_is_kept_as_a_row_with_the_columns_of_the_table(vpo: Vpo) -> None:
    words = ("cameras", "AB3D", '{"name": "Canon", "serial_number": 123}')
    shown = ok(vpo, "set", *words, "--description", "mine", "--json").json
    row = ok(vpo, "get", "cameras", "AB3D", "--json").json
    assert shown == {**row, "before": None, "changed": True}
    assert ISO_Z.fullmatch(row.pop("created_at"))
    assert ISO_Z.fullmatch(row.pop("updated_at"))
    assert row == {
        "id": 1,
        "category": "cameras",
        "key": "AB3D",
        "value": {"name": "Canon", "serial_number": "123"},
        "description": "mine",
        "source": "database",
        "problem": None,
    }
    with vpo.sql() as catalogue:
        found = catalogue.execute("SELECT value_json, source FROM configurations").fetchone()
    assert tuple(found) == ('{"name": "Canon", "serial_number": "123"}', "database")


@pytest.mark.parametrize(
    ("category", "key", "given_value", "kept_value"),
    [
        ("extensions", "photo_extensions", '[".NEF", ".nef", ".Cr3"]', [".nef", ".cr3"]),
        ("extensions", "metadata_extensions", "[]", []),
        ("cameras", "0123", '{"name": "X"}', {"name": "X", "serial_number": ""}),
        ("cameras", "AB3D", '[[{"name": "X"}, {}], 5]', {"name": "X", "serial_number": ""}),
        (
            "cameras",
            "AB3D",
            '{"name": "X", "serial_number": 123456789012345678901234567890}',
            {"name": "X", "serial_number": "123456789012345678901234567890"},
        ),
        ("processing_methods", "HDR_2 x", "[merged] é", "[merged] é"),
        ("processing_methods", "HDR", '"5"', "5"),
        ("processing_methods", "HDR", "NaN", "NaN"),
    ],
)
def test_values_are_normalised(
    vpo: Vpo, category: str, key: str, given_value: str, kept_value: object
) -> None:
    ok(vpo, "set", category, key, given_value)
    assert values(vpo)[category, key] == kept_value
    # What `get` prints, `set` takes for the same value.
    printed = ok(vpo, "get", category, key).stdout.removesuffix("\n")
    assert ok(vpo, "set", category, key, printed, "--json").json["changed"] is False


@pytest.mark.parametrize(
    ("category", "key", "value", "says"),
    [
        ("extensions", "sidecars", "[]", "no setting `sidecars`"),
        ("extensions", "photo_extensions", ".dng", "must be a list"),
        ("extensions", "photo_extensions", '{"a": 1}', "must be a list"),
        ("extensions", "photo_extensions", '[".dng", 5]', "not an extension: `5`"),
        ("extensions", "photo_extensions", '["dng"]', "not an extension: `dng`"),
        ("extensions", "photo_extensions", '[".tar.gz"]', "not an extension"),
        ("extensions", "photo_extensions", "null", "must be a list"),
        ("extensions", "photo_extensions", '[".a"' + "[" * 100_000, "must be a list"),
        ("extensions", "photo_extensions", json.dumps([f".{n}" for n in range(1001)]), "at most"),
        ("extensions", "require_sidecar", '[".nef"]', "does not have: .nef"),
        ("cameras", "ab3d", '{"name": "X"}', "not the ID of a camera"),
        ("cameras", "AB3D5", '{"name": "X"}', "not the ID of a camera"),
        ("cameras", "AB3D\n", '{"name": "X"}', "not the ID of a camera"),
        ("cameras", "AB3D", "Canon", "must be an object"),
        ("cameras", "AB3D", "[]", "must be an object"),
        ("cameras", "AB3D", '{"serial_number": "5"}', "the name is missing"),
        ("cameras", "AB3D", '{"name": ""}', "the name is empty"),
        ("cameras", "AB3D", '{"name": 5}', "must be text, not `5`"),
        ("cameras", "AB3D", '{"name": "X", "serial_number": 1.5}', "must be text, not `1.5`"),
        ("cameras", "AB3D", '{"name": "X", "serial_number": true}', "must be text, not `true`"),
        ("cameras", "AB3D", '{"name": "X", "serial_number": ["5"]}', "must be text, not a list"),
        ("cameras", "AB3D", '{"name": "X", "colour": "red"}', "unknown property: `colour`"),
        ("cameras", "AB3D", '{"name": "\\ud800"}', "not valid UTF-8"),
        ("cameras", "AB3D", json.dumps({"name": "x" * 1001}), "more than 1,000 characters"),
        ("processing_methods", "2024", "x", "not the code"),
        ("processing_methods", "  ", "x", "not the code"),
        ("processing_methods", "", "x", "not the code"),
        ("processing_methods", "é", "x", "not the code"),
        ("processing_methods", "A-B", "x", "not the code"),
        ("processing_methods", "x" * 256, "x", "not the code"),
        ("processing_methods", "HDR", "", "is empty"),
        ("processing_methods", "HDR", "2024", "must be text, not `2024`"),
        ("processing_methods", "HDR", "[]", "must be text, not a list"),
        ("processing_methods", "HDR", "null", "is missing"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_refused(
    vpo: Vpo, category: str, key: str, value: str, says: str
) -> None:
    if says == "does not have: .nef":
        ok(vpo, "set", "cameras", "AB3D", '{"name": "X"}')
    assert says in refused(vpo, "set", category, key, value)


def test_names_that_are_not_utf8_are_refused(vpo: Vpo) -> None:
    for words in (("HDR", b"\xff"), (b"\xff", "x")):
        assert vpo.error_code(*WORDS, "set", "processing_methods", *words) == (
            "BAD_COLLECTION_SETTING"
        )
    assert not vpo.database.exists()


def test_sidecars_are_required_of_photos_only(vpo: Vpo) -> None:
    ok(vpo, "set", "extensions", "photo_extensions", '[".nef"]')
    ok(vpo, "set", "extensions", "require_sidecar", '[".NEF"]')
    assert "does not have: .nef" in refused(
        vpo, "set", "extensions", "photo_extensions", '[".dng"]'
    )
    assert "does not have: .nef" in refused(vpo, "unset", "extensions", "photo_extensions")
    ok(vpo, "unset", "extensions", "require_sidecar")
    ok(vpo, "unset", "extensions", "photo_extensions")
    assert stored(vpo) == []


def test_a_setting_that_is_not_set_is_not_found(kept: Vpo) -> None:
    for command in ("get", "unset"):
        code = kept.error_code(*WORDS, command, "cameras", "ZZZZ")
        assert code == "COLLECTION_SETTING_NOT_FOUND"
    assert ok(kept, "unset", "cameras", "AB3D", "--json").json["before"]["name"] == "Old"
    assert kept.error_code(*WORDS, "unset", "cameras", "AB3D") == "COLLECTION_SETTING_NOT_FOUND"
    assert kept.error_code(*WORDS, "get", "lenses", "x") == "USAGE"


def test_a_category_is_listed_by_get_without_a_key(kept: Vpo) -> None:
    assert ok(kept, "get", "cameras", "--json").json == rows(kept, "cameras")
    assert len(rows(kept, "extensions")) == 3
    assert rows(kept, "processing_methods") == []
    table = ok(kept, "get", "cameras").stdout.splitlines()
    assert [line.split()[:3] for line in table] == [
        ["CATEGORY", "KEY", "SOURCE"],
        ["cameras", "AB3D", "database"],
    ]


def test_lists_are_printed_as_csv_without_formulas(kept: Vpo) -> None:
    words = ("set", "processing_methods", "HDR", "x", "--description", "=1+1")
    ok(kept, *words)
    found = list(csv.DictReader(io.StringIO(ok(kept, "list", "--csv").stdout)))
    assert [row["key"] for row in found] == [*DEFAULTS, "AB3D", "HDR"]
    assert json.loads(found[3]["value"]) == {"name": "Old", "serial_number": ""}
    assert found[4]["description"] == "'=1+1"


def test_names_with_control_characters_are_escaped(vpo: Vpo) -> None:
    ok(vpo, "set", "processing_methods", "HDR", "\x1b[31mred\nline")
    for words in (("list",), ("list", "--effective")):
        assert "\x1b" not in ok(vpo, *words).stdout
    assert values(vpo)["processing_methods", "HDR"] == "\x1b[31mred\nline"


# -- Import -----------------------------------------------------------------------

EXAMPLE = """
photo_extensions: [.DNG, .tiff, .tif, .cr3]
camera_mappings:
  AB3D: {name: New}
processing_methods:
  HDR: text
"""


@pytest.fixture
def example(kept: Vpo, tmp_path: Path) -> Path:
    """The file of the example; the catalogue has one equal setting and one other."""
    ok(kept, "set", "extensions", "photo_extensions", json.dumps(DEFAULTS["photo_extensions"]))
    file = tmp_path / "photos.yaml"
    file.write_text(EXAMPLE)
    return file


def test_the_file_wins_where_both_differ(kept: Vpo, example: Path) -> None:
    before = {row["key"]: row for row in rows(kept)}
    result = ok(kept, "import", "--yaml-wins", "--json", example).json
    counts = ("new", "imported", "skipped", "identical", "unresolved")
    assert [result[name] for name in counts] == [1, 2, 0, 1, 0]
    after = {row["key"]: row for row in rows(kept)}
    assert after["photo_extensions"] == before["photo_extensions"]
    assert after["photo_extensions"]["source"] == "database"
    assert after["AB3D"]["value"] == {"name": "New", "serial_number": ""}
    assert after["HDR"]["value"] == "text"
    assert after["AB3D"]["source"] == after["HDR"]["source"] == "yaml_import"
    assert after["AB3D"]["updated_at"] > before["AB3D"]["updated_at"]


def test_a_conflict_that_is_not_resolved_writes_nothing(kept: Vpo, example: Path) -> None:
    before = stored(kept)
    result = ok(kept, "import", "--json", example, status=1).json
    assert result["conflicts"] == [
        {
            "category": "cameras",
            "key": "AB3D",
            "database": {"name": "Old", "serial_number": ""},
            "yaml": {"name": "New", "serial_number": ""},
            "resolution": None,
        }
    ]
    assert (result["imported"], result["unresolved"]) == (0, 1)
    printed = ok(kept, "import", example, status=1)
    assert "cameras AB3D" in printed.stdout
    assert "Nothing was imported: 1 conflict is not resolved." in printed.stderr
    assert stored(kept) == before


@pytest.mark.parametrize("words", [("--db-wins",), ("--keep", "cameras.AB3D")])
def test_the_catalogue_wins_where_both_differ(
    kept: Vpo, example: Path, words: tuple[str, ...]
) -> None:
    result = ok(kept, "import", *words, "--json", example).json
    assert (result["imported"], result["skipped"], result["identical"]) == (1, 1, 1)
    assert values(kept)["cameras", "AB3D"]["name"] == "Old"
    assert values(kept)["processing_methods", "HDR"] == "text"


def test_one_setting_can_be_resolved_in_another_way_than_the_rest(kept: Vpo, example: Path) -> None:
    ok(kept, "set", "processing_methods", "HDR", "other")
    ok(kept, "import", "--db-wins", "--take", "cameras.AB3D", example)
    assert values(kept)["cameras", "AB3D"]["name"] == "New"
    assert values(kept)["processing_methods", "HDR"] == "other"
    for words in (
        ("--yaml-wins", "--db-wins"),
        ("--take", "cameras"),
        ("--keep", "lenses.x"),
        ("--take", "cameras.AB3D", "--keep", "cameras.AB3D"),
    ):
        assert kept.error_code(*WORDS, "import", *words, example) == "USAGE"


def test_a_dry_run_writes_nothing(vpo: Vpo, tmp_path: Path) -> None:
    file = tmp_path / "photos.yaml"
    file.write_text(EXAMPLE)
    assert ok(vpo, "import", "--dry-run", "--json", file).json["imported"] == 3
    assert not vpo.database.exists()
    ok(vpo, "set", "cameras", "AB3D", '{"name": "Old"}')
    before = stored(vpo)
    ok(vpo, "import", "--dry-run", file, status=1)
    ok(vpo, "import", "--dry-run", "--yaml-wins", file)
    assert stored(vpo) == before


@pytest.mark.parametrize(("answer", "name"), [("file", "New"), ("catalogue", "Old")])
def test_a_conflict_is_asked_about_on_a_terminal(
    kept: Vpo, example: Path, answer: str, name: str
) -> None:
    controller, terminal = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    with kept.start(*WORDS, "import", example, **streams) as process:
        os.close(terminal)
        os.write(controller, f"{answer}\n".encode())
        shown = b""
        while True:
            try:
                chunk = os.read(controller, 65536)
            except OSError:  # EIO: the command has ended
                break
            if not chunk:
                break
            shown += chunk
        os.close(controller)
        assert process.wait(TIMEOUT_SECONDS) == 0, shown
    assert b"Use the value of the" in shown
    assert values(kept)["cameras", "AB3D"]["name"] == name


def test_a_choice_counts_only_for_the_values_that_were_seen() -> None:
    camera = SettingKey("cameras", "AB3D")
    file = settings_file.FileSettings("x.yaml", {camera: {"name": "New", "serial_number": ""}})
    with new_library_in_memory() as library:
        set_value(library, camera, {"name": "Old"})
        (seen,) = settings_import.plan_import(library, file).conflicts
        set_value(library, camera, {"name": "Changed meanwhile"})
        resolution = Resolution(None, {camera: "yaml"}, {camera: seen})
        result = settings_import.import_settings(library, file, resolution)
        assert (result.unresolved, result.imported) == (1, [])


def test_null_sections_are_empty_and_other_keys_are_ignored(vpo: Vpo, tmp_path: Path) -> None:
    file = tmp_path / "photos.yaml"
    file.write_text(
        "photo_extensions:\nrequire_sidecar: ~\ncamera_mappings:\nprocessing_methods:\n"
        "processing_pipelines: {a: 1}\nother: [1]\n"
    )
    result = ok(vpo, "import", "--json", file).json
    assert (result["imported"], result["identical"]) == (0, 0)
    assert result["ignored"] == ["processing_pipelines", "other"]
    assert "other" in ok(vpo, "import", file).stderr
    for empty in ("", "---\n", "# only a comment\n", "{}"):
        file.write_text(empty)
        assert ok(vpo, "import", "--json", file).json["imported"] == 0


def test_cameras_may_be_lists_and_whole_numbers_stay_as_they_are_written(
    vpo: Vpo, tmp_path: Path
) -> None:
    file = tmp_path / "photos.yaml"
    file.write_text(
        "base: &canon {name: Canon, serial_number: 0012}\n"
        "camera_mappings:\n"
        "  0123: [{name: In a list, serial_number: 0x1F}]\n"
        "  AB3D: [[{name: Nested, serial_number: 12:30, colour: red}], {name: Not this}]\n"
        "  NULL: {<<: *canon, name: Merged}\n"
        "processing_methods: {no: text, ON: 'yes'}\n"
    )
    result = ok(vpo, "import", "--json", file).json
    assert result["ignored"] == ["base", "camera_mappings.AB3D.colour"]
    found = values(vpo)
    assert found["cameras", "0123"] == {"name": "In a list", "serial_number": "0x1F"}
    assert found["cameras", "AB3D"] == {"name": "Nested", "serial_number": "12:30"}
    assert found["cameras", "NULL"] == {"name": "Merged", "serial_number": "0012"}
    assert found["processing_methods", "no"] == "text"
    assert found["processing_methods", "ON"] == "yes"
    again = ok(vpo, "import", "--json", file).json
    assert (again["imported"], again["identical"], again["conflicts"]) == (0, 5, [])


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (BOMB, "more aliases"),
        ("camera_mappings: &a {AB3D: *a}", "more aliases"),
        ("[" * 100_000, "more aliases"),
        ("# " + "x" * 1_000_000, "the file is too large"),
        ("- .dng\n", "must hold `key: value` lines"),
        ("photo_extensions: [.dng\n", "line 2"),
        ("\0\1\2", "not text"),
        ("photo_extensions: !!python/name:os.system x\n", "must be a list"),
        ("photo_extensions: .dng\n", "line 1, column 19: The value of `extensions photo"),
        ("photo_extensions: [[.dng]]\n", "not an extension: a list"),
        ("camera_mappings: [AB3D]\n", "`camera_mappings` must be a mapping"),
        ("camera_mappings: {AB3D: }\n", "must be an object"),
        ("camera_mappings: {AB3D: {name: }}\n", "the name is missing"),
        ("camera_mappings: {AB3D: {name: 5}}\n", "must be text, not `5`"),
        ("camera_mappings: {[a]: {name: x}}\n", "not the ID of a camera"),
        ("camera_mappings:\n  ab3d: {name: x}\n", "line 2, column 3: `ab3d` is not the ID"),
        ("processing_methods: {HDR: yes}\n", "must be text, not `yes`"),
        ("processing_methods: {HDR: 2020-01-01}\n", "must be text"),
        ("processing_methods: !!set {HDR}\n", "must be a mapping"),
        ("processing_methods: {HDR: a, HDR: b}\n", "given twice"),
        ("require_sidecar: [.nef]\n", "does not have: .nef"),
        ("processing_methods: {2: a, HDR: ''}\n", "(one of 2 mistakes)"),
    ],
)
def test_a_file_with_a_mistake_is_refused_as_a_whole(
    kept: Vpo, tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / "photos.yaml"
    file.write_text(content)
    assert says in refused(kept, "import", "--yaml-wins", file)


def test_what_is_not_a_file_is_refused(vpo: Vpo, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe"):
        assert vpo.error_code(*WORDS, "import", path) == "BAD_CONFIG"
    assert not vpo.database.exists()


# -- Export -----------------------------------------------------------------------


def test_an_export_has_the_keys_in_order_without_empty_ones(kept: Vpo, tmp_path: Path) -> None:
    ok(kept, "set", "processing_methods", "HDR", "text")
    ok(kept, "set", "extensions", "metadata_extensions", "[]")
    ok(kept, "set", "extensions", "photo_extensions", '[".cr3", ".nef"]')
    exported = ok(kept, "export").stdout
    document = yaml.safe_load(exported)
    assert list(document) == ["photo_extensions", "camera_mappings", "processing_methods"]
    assert ok(kept, "export", "--json").json == document
    assert document["camera_mappings"] == {"AB3D": {"name": "Old", "serial_number": ""}}
    file = tmp_path / "out.yaml"
    assert ok(kept, "export", "-o", file, "--json").json["settings"] == 4
    assert file.read_text() == exported
    assert kept.error_code(*WORDS, "export", "-o", file) == "OUTPUT_EXISTS"
    before = stored(kept)
    result = ok(kept, "import", "--json", file).json
    assert (result["imported"], result["identical"], result["conflicts"]) == (0, 3, [])
    assert stored(kept) == before


EXTENSIONS = st.lists(st.from_regex(r"\.[A-Za-z0-9]{1,8}", fullmatch=True), max_size=6)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)
CAMERAS = st.dictionaries(
    st.from_regex(r"[A-Z0-9]{4}", fullmatch=True),
    st.fixed_dictionaries({"name": TEXTS}, optional={"serial_number": TEXTS}),
    max_size=5,
)
METHODS = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_ ]{1,12}", fullmatch=True).filter(
        lambda code: not (code.isspace() or code.isdigit())
    ),
    TEXTS,
    max_size=5,
)


@given(EXTENSIONS, EXTENSIONS, CAMERAS, METHODS)
@settings(max_examples=60, deadline=None)
def test_an_import_of_an_export_changes_nothing(
    photos: list[str], sidecars: list[str], cameras: dict[str, Any], methods: dict[str, str]
) -> None:
    given_values: dict[SettingKey, object] = {
        SettingKey("extensions", "photo_extensions"): photos,
        SettingKey("extensions", "metadata_extensions"): sidecars,
        SettingKey("extensions", "require_sidecar"): photos[:2],
        **{SettingKey("cameras", key): camera for key, camera in cameras.items()},
        **{SettingKey("processing_methods", key): text for key, text in methods.items()},
    }
    library = empty_catalogue()
    for setting, value in given_values.items():
        set_value(library, setting, value)
    exported = settings_import.export_settings(library)
    file = parsed(exported.text)
    plan = settings_import.plan_import(library, file)
    assert (plan.new, plan.conflicts, file.ignored) == ([], [], [])
    empty = sum(not value for value in given_values.values())
    assert len(plan.identical) == len(given_values) - empty
    settings_import.import_settings(empty_catalogue(), file, Resolution())
    assert settings_import.export_settings(library).text == exported.text


@given(st.one_of(TEXTS, EXTENSIONS))
@settings(max_examples=60, deadline=None)
def test_a_value_as_text_stands_for_the_same_value(value: object) -> None:
    assert parse_value(value_to_text(value)) == value


@cache
def catalogue_in_memory() -> Library:
    return new_library_in_memory()


def empty_catalogue() -> Library:
    """A catalogue without settings; it is always the same one."""
    library = catalogue_in_memory()
    with library.transaction() as connection:
        connection.execute("DELETE FROM configurations")
    return library


def parsed(text: str) -> settings_file.FileSettings:
    found = settings_file.parse(text.encode(), "export.yaml")
    assert found.mistakes == []
    return found


# -- What analyses use -------------------------------------------------------------


def test_each_setting_comes_from_the_first_source_that_has_it(
    vpo: Vpo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = tmp_path / "named.yaml"
    named.write_text("camera_mappings: {AAAA: {name: named}}\nscan: {hidden: true}\n")
    found = tmp_path / "config" / "config.yaml"
    found.parent.mkdir()
    found.write_text(
        "camera_mappings: {AAAA: {name: file}, BBBB: {name: file}, CCCC: {name: file}}\n"
        "photo_extensions: [.nef]\n"
    )
    (tmp_path / "config.yaml").write_text("camera_mappings: {DDDD: {name: not read}}\n")
    ok(vpo, "set", "extensions", "metadata_extensions", "[]")
    for camera in ("AAAA", "BBBB"):
        ok(vpo, "set", "cameras", camera, '{"name": "database"}')
    words = ("--config", named, *WORDS, "list", "--effective", "--json")
    shown = vpo.ok(*words, cwd=tmp_path).json
    assert shown["warnings"] == []
    listed = {each["key"]: (each["value"], each["source"]) for each in shown["settings"]}
    assert listed == {
        "photo_extensions": ([".nef"], "yaml"),
        "metadata_extensions": ([], "database"),
        # The default, without what is no photo here.
        "require_sidecar": ([], "default"),
        "AAAA": ({"name": "named", "serial_number": ""}, "config"),
        "BBBB": ({"name": "database", "serial_number": ""}, "database"),
        "CCCC": ({"name": "file", "serial_number": ""}, "yaml"),
    }
    with open_library(str(vpo.database), "read") as library:
        used = effective(library, str(named), {"VPO_HOME": str(vpo.home)}).settings
    assert used.photo_extensions == (".nef",)
    assert used.metadata_extensions == used.require_sidecar == ()
    assert used.cameras["AAAA"] == Camera("named", "")


def test_files_of_other_programs_are_passed_over(kept: Vpo, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    os.mkfifo(tmp_path / "config" / "config.yaml")
    (tmp_path / "config.yaml").write_text("site: {name: blog}\n")
    (kept.home / "config.yaml").write_text(
        "scan: {hidden: true}\nprocessing_methods: {HDR: text, BW: 5}\nrequire_sidecar: [.x]\n"
    )
    shown = ok(kept, "list", "--effective", "--json", cwd=tmp_path).json
    listed = {each["key"]: each["value"] for each in shown["settings"]}
    assert listed["HDR"] == "text"
    assert "BW" not in listed
    assert listed["require_sidecar"] == []
    assert len(shown["warnings"]) == 2
    assert "must be text, not `5`" in shown["warnings"][0]
    assert "require_sidecar" in shown["warnings"][1]
    kept.ok("config", "validate", cwd=tmp_path)

    (tmp_path / "config.yaml").write_text("{{ not yaml\n")
    assert "vpo ignores this file" in ok(kept, "list", "--effective", cwd=tmp_path).stderr


def test_a_mistake_in_the_file_that_is_named_is_an_error(kept: Vpo, tmp_path: Path) -> None:
    named = tmp_path / "named.yaml"
    named.write_text("photo_extensions: 5\n")
    assert "must be a list" in refused(kept, "list", "--effective", "--config", named)
    words = ("list", "--effective", "--config", tmp_path / "none")
    assert kept.error_code(*WORDS, *words) == "BAD_CONFIG"


# -- A catalogue that somebody else has changed ------------------------------------


@pytest.mark.parametrize(
    "value",
    ["{", '{"name": 5}', '"text"', "[" * 100_000, b"\xff\xfe", '{"name": "\\ud800"}', "NaN", 5],
    ids=repr,
)
def test_a_damaged_value_is_reported_and_ignored(kept: Vpo, tmp_path: Path, value: object) -> None:
    ok(kept, "set", "processing_methods", "HDR", "text")
    with kept.sql() as catalogue:
        catalogue.execute("UPDATE configurations SET value_json = ? WHERE key = 'AB3D'", (value,))
    row = next(each for each in rows(kept) if each["key"] == "AB3D")
    assert row["problem"]
    assert "Warning: vpo ignores `cameras AB3D`" in ok(kept, "list").stderr
    assert "Warning: vpo ignores this" in ok(kept, "get", "cameras", "AB3D").stderr
    assert ok(kept, "stats", "--json").json["invalid"] == 1
    used = ok(kept, "list", "--effective", "--json").json
    assert "AB3D" not in {each["key"] for each in used["settings"]}
    assert len(used["warnings"]) == 1
    exported = ok(kept, "export", status=1)
    assert yaml.safe_load(exported.stdout) == {"processing_methods": {"HDR": "text"}}
    assert "left out" in exported.stderr
    file = tmp_path / "photos.yaml"
    file.write_text("camera_mappings: {AB3D: {name: New}}\n")
    conflict = ok(kept, "import", "--json", file, status=1).json["conflicts"][0]
    assert conflict["database"] is None
    ok(kept, "set", "cameras", "AB3D", '{"name": "Mended"}')
    assert ok(kept, "stats", "--json").json["invalid"] == 0


def test_rows_that_no_setting_can_have_are_listed_and_can_be_unset(kept: Vpo) -> None:
    with kept.sql() as catalogue:
        catalogue.executemany(
            "INSERT INTO configurations (category, key, value_json, source) VALUES (?, ?, ?, ?)",
            [
                ("extensions", "nope", "[]", "database"),
                ("cameras", "\x1b[31m", '{"name": "x"}', "\x1b[31m"),
                ("cameras", b"\xff\xfe", '{"name": "x"}', "database"),
            ],
        )
    assert sum(each["problem"] is not None for each in rows(kept)) == 3
    for words in (("list",), ("stats",), ("list", "--effective")):
        printed = ok(kept, *words)
        assert "\x1b" not in printed.stdout + printed.stderr
    ok(kept, "unset", "extensions", "nope")
    ok(kept, "unset", "cameras", "\x1b[31m")


def test_counts_are_those_of_the_rows(kept: Vpo, example: Path) -> None:
    ok(kept, "import", "--yaml-wins", example)
    found = ok(kept, "stats", "--json").json
    assert (found["total"], found["invalid"]) == (3, 0)
    assert found["categories"] == {"extensions": 1, "cameras": 1, "processing_methods": 1}
    assert found["sources"] == {"database": 1, "yaml_import": 2}
    assert ISO_Z.fullmatch(found["last_import"])
    assert found["last_change"] >= found["last_import"]


# -- Suggestions -------------------------------------------------------------------


def test_cameras_are_suggested_from_photos_with_their_names(vpo: Vpo, tree: Tree) -> None:
    vpo.introspects = True
    photo = media.raw_photo(20_000, taken="2024:05:04 12:33:01")
    for name in ("AB3D0001.CR3", "AB3D0002-HDR.CR3", "XYZW0001.CR3", "IMG_0001.CR3", "AB3D01.CR3"):
        tree.write(name, photo)
    vpo.scan(tree.root)
    with vpo.sql() as catalogue:
        catalogue.execute(
            "UPDATE photos SET camera_make = 'NIKON CORPORATION', camera_model = 'NIKON Z 8'"
            " WHERE file_id = (SELECT id FROM files WHERE name = 'XYZW0001.CR3')"
        )
    found = ok(vpo, "suggest", "--json").json
    assert [(each["camera_id"], each["name"], each["files"]) for each in found] == [
        ("AB3D", "Canon EOS R5", 2),
        ("XYZW", "NIKON Z 8", 1),
    ]
    ok(vpo, "set", "cameras", "AB3D", '{"name": "Mine", "serial_number": "5"}')
    assert [each["camera_id"] for each in ok(vpo, "suggest", "--json").json] == ["XYZW"]
    assert len(ok(vpo, "suggest", "--all", "--json").json) == 2
    saved = ok(vpo, "suggest", "--save", "--json").json
    assert [each["camera_id"] for each in saved] == ["XYZW"]
    assert values(vpo)["cameras", "AB3D"]["name"] == "Mine"
    assert values(vpo)["cameras", "XYZW"] == {"name": "NIKON Z 8", "serial_number": ""}
    assert "No photos suggest" in ok(vpo, "suggest").stderr


# -- Together ----------------------------------------------------------------------


def test_settings_that_are_set_at_the_same_time_are_all_kept(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    running: list[subprocess.Popen[bytes]] = [
        vpo.start(*WORDS, "set", "processing_methods", f"M{n}", "text") for n in range(4)
    ]
    assert [process.wait(TIMEOUT_SECONDS) for process in running] == [0] * 4
    for process in running:
        process.communicate()
    assert len(rows(vpo, "processing_methods")) == 4
