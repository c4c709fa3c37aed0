//! A directory that was not visited need not be removed: its status is found out.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use common::{Descent, Known, Seen, Tree, as_an_ordinary_user, excluding, following};
use rustix::io::Errno;
use vpo_engine::{DirectoryStatus, RulesSpec};

fn device_of(path: &Path) -> u64 {
    fs::metadata(path).unwrap().dev()
}

fn known(tree: &Tree, paths: &[&str]) -> Vec<Known> {
    paths.iter().map(|path| (tree.bytes(path), None)).collect()
}

/// The status of each path, in the given order; `None` for one that was visited.
fn status_of(tree: &Tree, spec: &RulesSpec, paths: &[&str]) -> Vec<Option<DirectoryStatus>> {
    let seen: Seen = tree.walk_with(spec, &known(tree, paths), 2);
    (0..paths.len() as i64).map(|id| seen.unvisited.get(&id).copied()).collect()
}

#[test]
fn a_directory_that_was_visited_is_not_examined() {
    let tree = Tree::new();
    tree.files(&["a/1.mkv", "a/b/2.mkv"]).directory("empty");
    let paths = ["", "a", "a/b", "empty"];
    assert_eq!(status_of(&tree, &RulesSpec::default(), &paths), [None; 4]);
}

#[test]
fn a_directory_that_does_not_exist_is_removed_with_everything_below_it() {
    let tree = Tree::new();
    tree.files(&["a/1.mkv", "a/b/2.mkv", "file", "a/file"]).link("a", "link").link("x", "dangling");
    let device = device_of(tree.root());
    // Names that sort between a path and its contents, and that begin with the path.
    let paths = [
        "gone",
        "gone/b",
        "gone/b/c",
        "gone.b",
        "gone b/c",
        "goneb",
        "a/gone",
        "a/gone/deep",
        "a/b/gone",
        "a b",
        "a.b",
        "ab",
        "a/b.c",
        "file/x",
        "a/file",
        "link",
        "link/b",
        "dangling/x",
    ];
    let expected = vec![Some(DirectoryStatus::Removed { device }); paths.len()];
    assert_eq!(status_of(&tree, &RulesSpec::default(), &paths), expected);
    // One path at a time, so that nothing is remembered from another.
    for path in paths {
        assert_eq!(status_of(&tree, &RulesSpec::default(), &[path]), expected[..1], "{path}");
    }
}

#[test]
fn directories_that_the_rules_exclude_are_not_selected() {
    let tree = Tree::new();
    tree.files(&["a/1.mkv", ".hidden/b/2.mkv", "a/@eaDir/3.mkv", "skip/b/4.mkv"]);
    let paths = [
        ".hidden",
        ".hidden/b",
        ".hidden/gone",
        ".gone",
        "a/@eaDir",
        "skip",
        "skip/b",
        "skip/gone",
    ];
    let expected = [Some(DirectoryStatus::NotSelected); 8];
    assert_eq!(status_of(&tree, &excluding(&["/skip"]), &paths), expected);
    // A name that begins in the same way has a status of its own.
    let gone = Some(DirectoryStatus::Removed { device: device_of(tree.root()) });
    let paths = ["skip", "skip.old", "skipped", "skip/b", "skip b"];
    let skipped = Some(DirectoryStatus::NotSelected);
    assert_eq!(
        status_of(&tree, &excluding(&["/skip"]), &paths),
        [skipped, gone, gone, skipped, gone]
    );
    // Only a directory with this name is excluded, wherever it is.
    let paths = ["a", "a/b", "a/skip", "b/skip/c"];
    assert_eq!(
        status_of(&tree, &excluding(&["skip/"]), &paths),
        [None, gone, Some(DirectoryStatus::NotSelected), gone]
    );
}

#[test]
fn directories_outside_the_root_are_not_selected() {
    let (tree, other) = (Tree::new(), Tree::new());
    tree.file("a.mkv", 1);
    let mut beside = common::bytes(tree.root());
    beside.extend_from_slice(b"beside");
    let parent = common::bytes(tree.root().parent().unwrap());
    let known = [(other.bytes("a"), None), (beside, None), (parent, None), (b"/".to_vec(), None)];
    let seen = tree.walk_with(&RulesSpec::default(), &known, 2);
    assert_eq!(seen.unvisited.len(), 4);
    assert!(seen.unvisited.values().all(|status| *status == DirectoryStatus::NotSelected));
}

#[test]
fn directories_behind_links_exist_only_if_links_are_followed() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.directory("a");
    tree.link(outside.root(), "link").link("me", "me");
    let device = device_of(tree.root());
    let gone = Some(DirectoryStatus::Removed { device });
    let paths = ["link", "link/a", "link/gone", "me/a"];
    assert_eq!(status_of(&tree, &RulesSpec::default(), &paths), [gone; 4]);
    assert_eq!(status_of(&tree, &following(), &paths), [None, None, gone, gone]);
}

#[test]
fn a_directory_that_cannot_be_read_is_present() {
    if !as_an_ordinary_user("a_directory_that_cannot_be_read_is_present") {
        return;
    }
    let tree = Tree::new();
    tree.files(&["a.mkv", "closed/b/2.mkv", "listless/c/3.mkv"]);
    let permit = |path: &str, mode| {
        fs::set_permissions(tree.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    permit("closed", 0);
    // Entries can be opened, but the directory cannot be listed.
    permit("listless", 0o111);
    let paths = ["closed", "closed/b", "closed/gone", "listless", "listless/c", "listless/gone"];
    let found = status_of(&tree, &RulesSpec::default(), &paths);
    permit("closed", 0o755);
    permit("listless", 0o755);
    let there = Some(DirectoryStatus::Present);
    let errno = Errno::ACCESS.raw_os_error();
    let unreachable = Some(DirectoryStatus::Unreachable { errno });
    let gone = Some(DirectoryStatus::Removed { device: device_of(tree.root()) });
    assert_eq!(found, [there, unreachable, unreachable, there, there, gone]);
}

#[test]
fn paths_that_are_too_long_for_a_system_call_are_examined() {
    let tree = Tree::new();
    let mut descent = Descent::into(&tree);
    for _ in 0..30 {
        descent.down(&"n".repeat(200));
    }
    descent.file("a.mkv", 1);
    assert!(descent.path().len() > 5_000);
    let gone_from = |mut path: Vec<u8>| {
        path.extend_from_slice(b"/gone");
        (path, None)
    };
    let known =
        [gone_from(descent.path().to_vec()), gone_from(gone_from(descent.path().to_vec()).0)];
    let seen = tree.walk_with(&RulesSpec::default(), &known, 2);
    let gone = DirectoryStatus::Removed { device: device_of(tree.root()) };
    assert_eq!(seen.unvisited.values().collect::<Vec<_>>(), [&gone, &gone]);
}

#[test]
fn many_known_directories_are_distinguished() {
    let tree = Tree::new();
    let mut paths = Vec::new();
    for outer in 0..20 {
        for inner in 0..50 {
            paths.push(format!("d{outer}/e{inner}"));
            if (outer + inner) % 3 != 0 {
                tree.directory(paths.last().unwrap());
            }
        }
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let found = status_of(&tree, &RulesSpec::default(), &paths);
    let gone = Some(DirectoryStatus::Removed { device: device_of(tree.root()) });
    for (path, found) in paths.iter().zip(found) {
        assert_eq!(found, if tree.path(path).is_dir() { None } else { gone }, "{path}");
    }
}
