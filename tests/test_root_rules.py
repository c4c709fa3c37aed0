"""Rules that stay with a root, records that its rules leave out, and pruning by age."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from support import Tree, Vpo
from vpo.cli.options.rules import rule_options
from vpo.places.rules import RULES


@pytest.fixture
def media(vpo: Vpo, tree: Tree) -> Tree:
    """A root that was scanned once, without rules."""
    tree.write_all({name: name.encode() for name in ("a.mkv", "b.mp3", "Extras/c.mkv", "d/e.nfo")})
    vpo.scan(tree.root)
    return tree


def names(vpo: Vpo, tree: Tree) -> set[str]:
    """The relative paths of the files in the catalogue."""
    return {os.path.relpath(path, tree.root) for path in vpo.files()}


def test_each_rule_that_is_kept_has_an_option() -> None:
    command = click.command()(rule_options(lambda **_: None))
    assert sorted(str(option.name) for option in command.params) == sorted(RULES)


# -- Files that rules leave out ----------------------------------------------------------


def test_a_scan_counts_the_files_that_its_rules_newly_leave_out(vpo: Vpo, media: Tree) -> None:
    assert vpo.scan(media.root)["excluded"] == 0
    words = ("--exclude", "Extras/", "--exclude", "*.nfo")
    assert vpo.scan(media.root, *words, "--dry-run")["excluded"] == 2
    shown = vpo.ok("scan", *words, media.root).stdout
    assert "  Excluded by the rules (records kept): 2\n" in shown
    assert len(names(vpo, media)) == 4
    # It is said once, as long as the rules stay.
    assert vpo.scan(media.root, *words)["excluded"] == 0
    assert "Excluded" not in vpo.ok("scan", *words, media.root).stdout
    assert vpo.scan(media.root, "--kind", "video")["excluded"] == 2


def test_records_of_files_that_rules_leave_out_are_forgotten_on_request(
    vpo: Vpo, media: Tree
) -> None:
    words = ("--exclude", "Extras/", "--exclude", "*.nfo", "--forget-excluded")
    assert vpo.scan(media.root, *words, "--dry-run")["pruned"] == 2
    assert len(names(vpo, media)) == 4
    result = vpo.scan(media.root, *words)
    assert (result["pruned"], result["excluded"], result["skipped"]) == (2, 0, 2)
    assert names(vpo, media) == {"a.mkv", "b.mp3"}
    history = vpo.ok("jobs", "list", "--json", "--file", media.root / "Extras" / "c.mkv").json
    assert history[0]["change"] == "pruned"
    assert vpo.scan(media.root, *words)["pruned"] == 0
    vpo.check_integrity()
    # No file was touched, so they come back with the old rules.
    assert vpo.scan(media.root)["added"] == 2


def test_what_another_root_holds_is_not_forgotten(vpo: Vpo, media: Tree) -> None:
    inner = media.root / "Extras"
    vpo.scan(inner)
    assert vpo.scan(media.root, "--exclude", "Extras/", "--forget-excluded")["pruned"] == 0
    result = vpo.scan(inner, "--kind", "audio", "--forget-excluded")
    assert result["pruned"] == 0
    assert "lies in the root" in result["warnings"][0]
    assert len(names(vpo, media)) == 4


def test_links_and_other_file_systems_that_are_left_out_are_forgotten(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    other = Tree(tmp_path / "other")
    other.write("film.mkv")
    tree.write("a.mkv")
    (tree.root / "link").symlink_to(other.root)
    (tree.root / "b.mkv").symlink_to(os.fsdecode(other.path("film.mkv")))
    vpo.scan(tree.root, "--follow-symlinks")
    assert names(vpo, tree) == {"a.mkv", "b.mkv", "link/film.mkv"}
    assert vpo.scan(tree.root)["excluded"] == 2
    assert vpo.scan(tree.root, "--forget-excluded")["pruned"] == 2
    assert names(vpo, tree) == {"a.mkv"}


# -- Rules that are kept -----------------------------------------------------------------


def test_kept_rules_hold_for_a_scan_without_the_profile(vpo: Vpo, media: Tree) -> None:
    profiles = vpo.home / "profiles"
    profiles.mkdir()
    (profiles / "films.yaml").write_text("scan: {kinds: [video], exclude: [Extras/]}\n")
    vpo.scan(media.root, "--profile", "films", "--keep-rules", "--forget-excluded")
    assert names(vpo, media) == {"a.mkv"}
    media.write("new.mp3")
    result = vpo.scan(media.root)
    assert (result["added"], result["skipped"]) == (0, 1)
    # The config file does not override them, the command line does.
    (vpo.home / "config.yaml").write_text("scan: {kinds: [audio], exclude: []}\n")
    assert vpo.scan(media.root, "--dry-run")["total_discovered"] == 1
    assert vpo.scan(media.root, "--kind", "audio", "--dry-run")["added"] == 2
    kept = vpo.ok("roots", "rules", "--json", media.root).json["rules"]
    assert (kept["kinds"], kept["exclude"], kept["hidden"]) == (["video"], ["Extras/"], False)
    vpo.ok("roots", "rules", "--forget", media.root)
    assert vpo.ok("roots", "rules", "--json", media.root).json["rules"] is None
    assert vpo.scan(media.root, "--dry-run")["added"] == 2


def test_rules_are_kept_without_a_scan(vpo: Vpo, media: Tree) -> None:
    assert "No rules are kept" in vpo.ok("roots", "rules", media.root).stdout
    vpo.ok("roots", "rules", "--exclude", "*.nfo", "--hidden", media.root)
    shown = vpo.ok("roots", "rules", "--kind", "video,sidecar", media.root).stdout
    assert "  kinds: video, sidecar\n" in shown
    assert "  exclude: *.nfo\n" in shown
    assert "  hidden: yes\n" in shown
    assert vpo.scan(media.root)["total_discovered"] == 2
    assert vpo.error_code("roots", "rules", "--exclude", "[", media.root) == "BAD_RULE"
    assert vpo.error_code("roots", "rules", media.root / "d") == "ROOT_NOT_FOUND"
    assert vpo.error_code("roots", "rules", "--forget", "--hidden", media.root) == "USAGE"


def test_kept_rules_hold_for_a_scan_of_a_directory_in_the_root(vpo: Vpo, media: Tree) -> None:
    globs = ("*.mp3", "/new/raw", "/other", "!/new/keep.mp3")
    words = [word for glob in globs for word in ("--exclude", glob)]
    vpo.ok("roots", "rules", *words, media.root)
    for name in ("a.mkv", "b.mp3", "keep.mp3", "raw/c.mkv", "other/d.mkv"):
        media.write(f"new/{name}")
    vpo.scan(media.root / "new")
    assert {name for name in names(vpo, media) if name.startswith("new/")} == {
        "new/a.mkv",
        "new/keep.mp3",
        "new/other/d.mkv",
    }
    assert vpo.scan(media.root)["added"] == 0


def test_kept_rules_move_with_their_root(vpo: Vpo, media: Tree, tmp_path: Path) -> None:
    vpo.scan(media.root, "--kind", "video", "--keep-rules")
    new = tmp_path / "new"
    media.root.rename(new)
    vpo.ok("roots", "move", "--yes", media.root, new)
    assert vpo.ok("roots", "rules", "--json", new).json["rules"]["kinds"] == ["video"]


def test_a_queued_scan_uses_and_keeps_rules(vpo: Vpo, media: Tree) -> None:
    vpo.ok("roots", "rules", "--kind", "video", media.root)
    vpo.ok("scan", "--enqueue", "--exclude", "Extras/", "--keep-rules", media.root)
    vpo.ok("jobs", "run")
    kept = vpo.ok("roots", "rules", "--json", media.root).json
    assert (kept["rules"]["kinds"], kept["rules"]["exclude"]) == (["video"], ["Extras/"])
    assert kept["last_rules"] == kept["rules"]


# -- Pruning by age ----------------------------------------------------------------------


def test_only_files_that_are_missing_for_long_are_pruned(vpo: Vpo, media: Tree) -> None:
    media.remove("a.mkv")
    media.remove("b.mp3")
    vpo.scan(media.root)
    with vpo.sql() as connection:
        connection.execute(
            "UPDATE files SET missing_since = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-40 days')"
            " WHERE name = 'a.mkv'"
        )
    media.remove("d/e.nfo")
    assert vpo.scan(media.root, "--prune=50d", "--dry-run")["pruned"] == 0
    assert vpo.scan(media.root, "--prune=30d", "--dry-run")["pruned"] == 1
    assert vpo.scan(media.root, "--prune=30d")["pruned"] == 1
    assert names(vpo, media) == {"b.mp3", "Extras/c.mkv", "d/e.nfo"}
    assert vpo.scan(media.root, "--prune")["pruned"] == 2
    assert names(vpo, media) == {"Extras/c.mkv"}
    assert "is not a duration" in vpo.ok("scan", "--prune=x", media.root, status=2).stderr
