"""Names are the same bytes in options, in files of settings and on the disk, in any locale."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support import Tree, Vpo


@pytest.fixture(params=["ISO-8859-1", "ASCII"])
def locale(request: pytest.FixtureRequest, tmp_path: Path, vpo: Vpo) -> str:
    """A locale in another encoding than UTF-8, which the command then uses."""
    encoding: str = request.param
    if encoding == "ASCII":
        # Otherwise Python takes UTF-8 in this locale.
        vpo.environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        return encoding
    localedef = shutil.which("localedef")
    if localedef is None:
        pytest.skip("localedef is not installed")
    place = tmp_path / "locales"
    place.mkdir()
    made = subprocess.run(
        [localedef, "-i", "de_DE", "-f", encoding, place / "de_DE"],
        capture_output=True,
        check=False,
    )
    if made.returncode > 1 or not (place / "de_DE").exists():
        pytest.skip("the locale cannot be made")
    vpo.environment = {"LOCPATH": str(place), "LC_ALL": "de_DE"}
    return encoding


def names(vpo: Vpo) -> set[str]:
    return {Path(path).name for path in vpo.files()}


@pytest.mark.usefixtures("locale")
def test_globs_and_directories_mean_the_bytes_on_the_disk(vpo: Vpo, tree: Tree) -> None:
    tree.write_all({"Müller/a.mkv": b"", "ö.mkv": b"", "日本.mkv": b"", "é.mkv": b""})
    vpo.home.mkdir()
    (vpo.home / "config.yaml").write_text(
        f"scan: {{exclude: ['ö*'], directories: ['{tree.root}']}}"
    )
    vpo.scan(tree.root)
    assert names(vpo) == {"a.mkv", "日本.mkv", "é.mkv"}
    (vpo.home / "profiles").mkdir()
    (vpo.home / "profiles" / "m.yaml").write_text(f"scan: {{directories: ['{tree.root}/Müller']}}")
    assert vpo.ok("--profile", "m", "scan", "--json").json["total_discovered"] == 1
    found = vpo.ok(
        "scan", "--dry-run", "--json", "--exclude", "日*", "--exclude", "é.mkv", tree.root
    )
    assert found.json["total_discovered"] == 2
    vpo.environment["VPO_SCAN__EXCLUDE"] = "日*,é.mkv"
    assert vpo.ok("scan", "--dry-run", "--json", tree.root).json["total_discovered"] == 2
    place = os.fsencode(tree.root) + "/Müller".encode()
    assert len(vpo.ok("files", "list", "--json", "--under", place).json) == 1


def test_text_is_printed_in_the_encoding_of_the_locale(vpo: Vpo, tree: Tree, locale: str) -> None:
    if locale == "ASCII":
        pytest.skip("Click takes UTF-8 then")
    tree.write_all({"Müller.mkv": b"", "日本.mkv": b""})
    vpo.scan(tree.root)
    with vpo.start("files", "list", stdout=subprocess.PIPE) as process:
        printed, _ = process.communicate(timeout=60)
    assert b"M\xfcller.mkv" in printed
    assert rb"\u65e5\u672c.mkv" in printed
