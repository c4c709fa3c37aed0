//! Links are ignored or followed, without walking in circles or counting files twice.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::{Tree, as_an_ordinary_user, following, walk};
use vpo_engine::{DirectoryStatus, RulesSpec};

#[test]
fn links_are_ignored_by_default() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.files(&["b.mkv", "below/c.mkv"]);
    tree.file("a.mkv", 1).link(outside.path("b.mkv"), "file.mkv").link(outside.root(), "link");
    let seen = tree.walk(2);
    assert_eq!(seen.paths(tree.root()), ["a.mkv"]);
    assert_eq!(seen.progress.directories, 1);

    let seen = tree.walk_with(&following(), &[], 2);
    assert_eq!(seen.paths(tree.root()), ["a.mkv", "file.mkv", "link/b.mkv", "link/below/c.mkv"]);
    let root = seen.at(tree.root());
    assert!(!root.via_symlink && !root.files[&b"a.mkv"[..]].is_symlink);
    assert!(root.files[&b"file.mkv"[..]].is_symlink);
    for path in ["link", "link/below"] {
        let directory = &seen.directories[&tree.bytes(path)];
        assert!(directory.via_symlink);
        assert!(directory.files.values().all(|file| !file.is_symlink));
    }
    let again = tree.walk_with(&following(), &seen.known(), 2);
    assert!(again.directories.is_empty() && again.progress.unchanged_files == 4);
}

/// The size and mtime of the link itself do not depend on its target.
#[test]
fn a_change_behind_a_link_is_noticed() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.files(&["b.mkv"]);
    tree.link(outside.path("b.mkv"), "here/file.mkv").file("a.mkv", 1);
    let first = tree.walk_with(&following(), &[], 2);
    outside.file("b.mkv", 1_000);
    let seen = tree.walk_with(&following(), &first.known(), 2);
    assert_eq!(seen.directories(tree.root()), ["here"]);
    assert_eq!(seen.directories[&tree.bytes("here")].files[&b"file.mkv"[..]].size, 1_000);
}

#[test]
fn loops_of_links_end() {
    let (tree, outside) = (Tree::new(), Tree::new());
    tree.file("a/b.mkv", 1).link("..", "a/up").link(".", "a/self").link(tree.root(), "a/root");
    tree.link("me", "me").link("you", "they").link("they", "you");
    // Two directories outside the tree that lead to each other.
    outside.files(&["x/1.mkv", "y/2.mkv"]);
    outside.link("../y", "x/to-y").link("../x", "y/to-x");
    tree.link(outside.path("x"), "x");
    for threads in [1, 8] {
        let seen = tree.walk_with(&following(), &[], threads);
        assert_eq!(seen.paths(tree.root()), ["a/b.mkv", "x/1.mkv", "x/to-y/2.mkv"]);
        assert!(seen.failures.is_empty(), "{:?}", seen.failures);
    }
}

#[test]
fn a_link_to_above_the_root_does_not_count_the_tree_twice() {
    let tree = Tree::new();
    tree.files(&["media/1.mkv", "media/a/2.mkv", "other/3.mkv"]);
    tree.link("..", "media/up").link("../..", "media/a/up");
    let media = tree.path("media");
    for threads in [1, 8] {
        let seen = walk(&media, &following(), &[], threads);
        let mut paths = seen.paths(&media);
        paths.retain(|path| !path.ends_with("other/3.mkv"));
        assert_eq!(paths, ["1.mkv", "a/2.mkv"]);
    }
}

#[test]
fn a_link_to_a_directory_of_the_tree_does_not_count_it_twice() {
    let (tree, outside) = (Tree::new(), Tree::new());
    tree.files(&["a/1.mkv", "a/deep/2.mkv", "b/3.mkv"]);
    tree.link("../a", "b/to-a").link(tree.path("a/deep"), "to-deep").link("to-deep", "twice");
    outside.link(tree.path("a"), "back").file("4.mkv", 1);
    tree.link(outside.root(), "out");
    for threads in [1, 8] {
        let seen = tree.walk_with(&following(), &[], threads);
        assert_eq!(seen.paths(tree.root()), ["a/1.mkv", "a/deep/2.mkv", "b/3.mkv", "out/4.mkv"]);
    }
}

/// The walk does not visit these directories by their own paths.
#[test]
fn a_link_to_a_directory_that_is_not_walked_is_followed() {
    let tree = Tree::new();
    tree.files(&[".store/1.mkv", ".store/below/2.mkv", "skipped/3.mkv"]);
    tree.link(".store", "shown").link("skipped", "seen");
    let spec = RulesSpec { excludes: vec!["/skipped".into()], ..following() };
    let seen = tree.walk_with(&spec, &[], 2);
    assert_eq!(seen.paths(tree.root()), ["seen/3.mkv", "shown/1.mkv", "shown/below/2.mkv"]);
}

#[test]
fn excludes_apply_to_links_too() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.files(&["b.mkv", "skip/c.mkv"]);
    tree.link(outside.root(), "link").link(outside.root(), "not").link(outside.root(), ".hid");
    tree.link(outside.path("b.mkv"), "not.mkv").link(outside.path("b.mkv"), "yes.mkv");
    let excludes = vec!["not*".into(), "skip".into()];
    let spec = RulesSpec { excludes, ..following() };
    let seen = tree.walk_with(&spec, &[], 2);
    assert_eq!(seen.paths(tree.root()), ["link/b.mkv", "yes.mkv"]);
}

#[test]
fn a_dangling_link_is_ignored() {
    let tree = Tree::new();
    tree.file("a.mkv", 1)
        .link("nowhere", "b.mkv")
        .link("a.mkv/c", "c.mkv")
        .link("me.mkv", "me.mkv");
    tree.link("nowhere", "directory");
    let seen = tree.walk_with(&following(), &[], 2);
    assert_eq!(seen.paths(tree.root()), ["a.mkv"]);
    assert!(seen.failures.is_empty(), "{:?}", seen.failures);
    // The directory gets a fingerprint in spite of the dangling links.
    assert!(seen.at(tree.root()).fingerprint.is_some());
}

#[test]
fn a_directory_that_became_a_link_is_removed_unless_links_are_followed() {
    let (tree, outside) = (Tree::new(), Tree::new());
    tree.files(&["a.mkv", "b/1.mkv", "b/below/2.mkv"]);
    outside.files(&["1.mkv", "below/2.mkv"]);
    let known = tree.walk(2).known();
    tree.remove("b").link(outside.root(), "b");
    let seen = tree.walk_with(&RulesSpec::default(), &known, 2);
    assert!(seen.directories.is_empty());
    let gone = |status: &DirectoryStatus| matches!(status, DirectoryStatus::Removed { .. });
    assert!(seen.unvisited.len() == 2 && seen.unvisited.values().all(gone));
    let seen = tree.walk_with(&following(), &known, 2);
    assert_eq!(seen.directories(tree.root()), ["", "b", "b/below"]);
}

/// It is the same file with the same size and mtime, but at another place.
#[test]
fn a_file_that_became_a_link_to_itself_differs() {
    let (tree, outside) = (Tree::new(), Tree::new());
    tree.files(&["a/1.mkv", "b/2.mkv"]);
    let known = tree.walk_with(&following(), &[], 2).known();
    std::fs::rename(tree.path("a/1.mkv"), outside.path("1.mkv")).unwrap();
    tree.link(outside.path("1.mkv"), "a/1.mkv");
    let seen = tree.walk_with(&following(), &known, 2);
    assert_eq!(seen.directories(tree.root()), ["a"]);
}

/// The files that could be read are unchanged, but there is one more.
#[test]
fn a_directory_with_a_link_that_cannot_be_followed_has_no_fingerprint() {
    if !as_an_ordinary_user("a_directory_with_a_link_that_cannot_be_followed_has_no_fingerprint") {
        return;
    }
    let (tree, outside) = (Tree::new(), Tree::new());
    tree.files(&["a/1.mkv", "b/2.mkv"]);
    outside.file("closed/3.mkv", 1);
    let known = tree.walk_with(&following(), &[], 2).known();
    tree.link(outside.path("closed/3.mkv"), "a/3.mkv");
    let permit = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(outside.path("closed"), permissions).unwrap();
    };
    permit(0);
    let seen = tree.walk_with(&following(), &known, 2);
    permit(0o755);
    assert_eq!(seen.directories(tree.root()), ["a"]);
    let directory = &seen.directories[&tree.bytes("a")];
    assert_eq!((directory.fingerprint, directory.complete), (None, true));
    assert_eq!(directory.files.len(), 1);
    let [failure] = &seen.failures[..] else { panic!("{:?}", seen.failures) };
    assert_eq!(failure.name.as_deref(), Some(&b"3.mkv"[..]));
}
