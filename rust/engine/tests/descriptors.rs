//! With few file descriptors, directories are closed and opened again. This is a separate
//! process, because the limit applies to the whole process.

mod common;

use std::sync::Once;

use common::{Descent, Seen, Tree, following};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vpo_engine::{DirectoryStatus, RulesSpec};

fn allow_few_descriptors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let limit = Rlimit { current: Some(128), ..getrlimit(Resource::Nofile) };
        setrlimit(Resource::Nofile, limit).unwrap();
    });
}

fn check(tree: &Tree, spec: &RulesSpec, threads: usize, files: usize) -> Seen {
    let seen = tree.walk_with(spec, &[], threads);
    assert!(seen.failures.is_empty(), "{threads} threads: {:?}", seen.failures.first());
    assert_eq!(seen.file_count(), files, "{threads} threads");
    let again = tree.walk_with(spec, &seen.known(), threads);
    assert!(again.directories.is_empty(), "{threads} threads");
    assert!(again.unvisited.is_empty(), "{threads} threads");
    seen
}

// One test, because two at the same time would share the descriptors.
#[test]
fn few_descriptors_are_enough() {
    allow_few_descriptors();
    deep();
    branching();
    wide();
    removed_from_far_below();
}

fn deep() {
    let tree = Tree::new();
    let mut descent = Descent::into(&tree);
    for level in 0..300 {
        descent.down("d").file("a.mkv", level);
    }
    for threads in [1, 8] {
        check(&tree, &RulesSpec::default(), threads, 300);
    }
}

/// Deep enough that directories are closed before all of their children were opened.
fn branching() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.files(&["x/1.mkv", "x/below/2.mkv"]);
    let mut files = 0;
    for branch in 0..2 {
        let mut path = format!("b{branch}");
        for level in 0..80 {
            path.push_str("/d");
            tree.file(format!("{path}/a.mkv"), level);
            tree.file(format!("{path}/side/b.mkv"), level);
            tree.file(format!("{path}/side/below/c.mkv"), level);
            files += 3;
        }
        tree.link(outside.path("x"), &format!("{path}/link"));
    }
    let first = check(&tree, &RulesSpec::default(), 1, files);
    for threads in [2, 8, 64] {
        let seen = check(&tree, &RulesSpec::default(), threads, files);
        assert_eq!(seen.directories, first.directories);
        check(&tree, &following(), threads, files + 4);
    }
}

/// Each directory is large enough to be split among many threads.
fn wide() {
    let tree = Tree::new();
    for directory in 0..100 {
        tree.crowd(&directory.to_string(), 40);
    }
    for threads in [1, 8] {
        check(&tree, &RulesSpec::default(), threads, 4_000);
    }
}

/// The status of unvisited directories is found out with few descriptors, too.
fn removed_from_far_below() {
    let tree = Tree::new();
    let mut descent = Descent::into(&tree);
    for _ in 0..300 {
        descent.down("d");
    }
    // Far below, near the root, and far below again.
    let deep = descent.path().to_vec();
    let gone = |path: &[u8], name: &[u8]| ([path, name].concat(), None);
    let root = tree.bytes("");
    let known = [
        gone(&deep, b"/gone"),
        gone(&deep, b"/gone/further"),
        gone(&deep[..deep.len() - 2], b"/gone"),
        gone(&root, b"/d/gone"),
        gone(&deep[..deep.len() - 200], b"/gone"),
        (deep.clone(), None),
    ];
    let seen = tree.walk_with(&RulesSpec::default(), &known, 2);
    assert_eq!(seen.unvisited.len(), 5);
    let is_gone = |status: &DirectoryStatus| matches!(status, DirectoryStatus::Removed { .. });
    assert!(seen.unvisited.values().all(is_gone), "{:?}", seen.unvisited);
}
