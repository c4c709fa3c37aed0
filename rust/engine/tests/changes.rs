//! Directories that differ are reported, and others are not.

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use common::{Contents, Dice, Known, OLD, SeenDirectory, Tree, contents, naive, set_mtime};
use vpo_engine::{DirectoryStatus, RulesSpec};

/// Five directories, with several kinds of files in them.
fn library() -> Tree {
    let tree = Tree::new();
    tree.files(&["root.mkv", "a/1.mkv", "a/2.mkv", "a/below/3.mkv", "b/4.mkv", "b/5.mkv"]);
    tree.file("b/notes.txt", 9).directory("empty");
    tree
}

/// A change to a library, the directories that differ because of it, and the known
/// directories that it removes.
struct Change {
    what: &'static str,
    make: fn(&Tree) -> &Tree,
    differ: &'static [&'static str],
    removed: &'static [&'static str],
}

const fn change(
    what: &'static str,
    make: fn(&Tree) -> &Tree,
    differ: &'static [&'static str],
    removed: &'static [&'static str],
) -> Change {
    Change { what, make, differ, removed }
}

const CHANGES: &[Change] = &[
    change("nothing", |tree| tree, &[], &[]),
    change("a new file", |tree| tree.file("a/new.mkv", 1), &["a"], &[]),
    change("a deleted file", |tree| tree.remove("a/1.mkv"), &["a"], &[]),
    change("the only file deleted", |tree| tree.remove("a/below/3.mkv"), &["a/below"], &[]),
    change("a grown file", |tree| tree.file("b/4.mkv", 4_000), &["b"], &[]),
    change("a file in the root", |tree| tree.file("root.mkv", 4_000), &[""], &[]),
    change(
        "a file touched by a nanosecond",
        |tree| tree.touch("b/4.mkv", SystemTime::UNIX_EPOCH + OLD + Duration::from_nanos(1)),
        &["b"],
        &[],
    ),
    change("a renamed file", |tree| tree.rename("b/4.mkv", "b/6.mkv"), &["b"], &[]),
    change("a hidden file", |tree| tree.rename("b/4.mkv", "b/.4.mkv"), &["b"], &[]),
    change("a moved file", |tree| tree.rename("b/4.mkv", "a/4.mkv"), &["a", "b"], &[]),
    change("a change of a file that is not selected", |tree| tree.file("b/notes.txt", 1), &[], &[]),
    change("an empty directory", |tree| tree.directory("a/nothing"), &[], &[]),
    change("a new directory", |tree| tree.file("a/new/1.mkv", 1), &["a/new"], &[]),
    change("a file in an empty directory", |tree| tree.file("empty/1.mkv", 1), &["empty"], &[]),
    change("a deleted directory", |tree| tree.remove("b"), &[], &["b"]),
    change("a deleted tree", |tree| tree.remove("a"), &[], &["a", "a/below"]),
    change("a renamed directory", |tree| tree.rename("b", "c"), &["c"], &["b"]),
    change(
        "a file that became a directory",
        |tree| tree.remove("b/4.mkv").file("b/4.mkv/6.mkv", 4),
        &["b", "b/4.mkv"],
        &[],
    ),
    change(
        "a file that became a link",
        |tree| tree.remove("b/4.mkv").link("5.mkv", "b/4.mkv"),
        &["b"],
        &[],
    ),
    change("a directory that became a file", |tree| tree.remove("b").file("b", 1), &[], &["b"]),
];

#[test]
fn a_change_makes_its_own_directory_differ_and_no_other() {
    for change in CHANGES {
        for threads in [1, 8] {
            let tree = library();
            let first = tree.walk(threads);
            let known = first.known();
            (change.make)(&tree);
            let seen = tree.walk_with(&RulesSpec::default(), &known, threads);
            assert_eq!(seen.directories(tree.root()), change.differ, "{}", change.what);
            assert_eq!(removed(&seen.unvisited, &known, &tree), change.removed, "{}", change.what);
            let unchanged = seen.progress.files as usize - seen.file_count();
            assert_eq!(seen.progress.unchanged_files as usize, unchanged, "{}", change.what);
            for (path, directory) in &seen.directories {
                let id = known.iter().position(|(known, _)| known == path);
                assert_eq!(directory.known_id, id.map(|id| id as i64), "{}", change.what);
                assert!(directory.fingerprint.is_some() && directory.complete);
            }
            let all = tree.walk(1).contents();
            assert_eq!(all, naive(tree.root()), "{}", change.what);
        }
    }
}

fn removed(status: &BTreeMap<i64, DirectoryStatus>, known: &[Known], tree: &Tree) -> Vec<String> {
    let is_removed = |status: &DirectoryStatus| matches!(status, DirectoryStatus::Removed { .. });
    let removed = status.iter().filter(|(_, status)| is_removed(status));
    let path = |id: &i64| String::from_utf8(known[*id as usize].0.clone()).unwrap();
    let below = |path: String| path[tree.root().as_os_str().len() + 1..].to_owned();
    removed.map(|(id, _)| below(path(id))).collect()
}

/// The name, the size and the mtime are the same; only the inode differs.
#[test]
fn a_file_replaced_by_a_similar_one_differs_where_inodes_are_kept() {
    let tree = library();
    let first = tree.walk(2);
    tree.file("new", 4).rename("new", "b/4.mkv");
    assert_eq!(fs::metadata(tree.path("b/4.mkv")).unwrap().len(), 4);
    let seen = tree.walk_with(&RulesSpec::default(), &first.known(), 2);
    match first.at(tree.root()).keeps_inodes {
        true => assert_eq!(seen.directories(tree.root()), ["b"]),
        false => assert!(seen.directories.is_empty()),
    }
}

#[test]
fn a_directory_with_a_young_file_has_no_fingerprint() {
    let now = SystemTime::now;
    let second = Duration::from_secs;
    let ages = [
        ("now", now(), false),
        ("a second ago", now() - second(1), false),
        ("a minute ago", now() - second(60), true),
        ("in a second", now() + second(1), false),
        ("in 23 hours", now() + second(23 * 3600), false),
        ("in 25 hours", now() + second(25 * 3600), true),
    ];
    for (what, mtime, settles) in ages {
        let tree = Tree::new();
        tree.files(&["old/a.mkv", "young/a.mkv", "young/b.mkv"]);
        tree.touch("young/b.mkv", mtime);
        let seen = tree.walk(2);
        let young = &seen.directories[&tree.bytes("young")];
        assert_eq!(young.fingerprint.is_some(), settles, "{what}");
        assert!(young.complete && young.files.len() == 2);
        assert!(seen.directories[&tree.bytes("old")].fingerprint.is_some());
        // Without a fingerprint the directory is compared again, until the file is old enough.
        let again = tree.walk_with(&RulesSpec::default(), &seen.known(), 2);
        assert_eq!(again.directories.len(), usize::from(!settles), "{what}");
        tree.touch("young/b.mkv", now() - second(3600));
        let later = tree.walk_with(&RulesSpec::default(), &seen.known(), 2);
        assert!(later.directories[&tree.bytes("young")].fingerprint.is_some());
    }
}

#[test]
fn a_known_directory_without_files_is_reported_once() {
    let tree = library();
    let known = vec![(tree.bytes("empty"), None)];
    let seen = tree.walk_with(&RulesSpec::default(), &known, 2);
    let empty = &seen.directories[&tree.bytes("empty")];
    assert_eq!((empty.known_id, empty.files.len()), (Some(0), 0));
    let known = vec![(tree.bytes("empty"), empty.fingerprint)];
    let again = tree.walk_with(&RulesSpec::default(), &known, 2);
    assert!(!again.directories.contains_key(&tree.bytes("empty")));
}

/// A simple catalogue that stores the results of walks.
#[derive(Default)]
struct Catalogue(BTreeMap<Vec<u8>, SeenDirectory>);

impl Catalogue {
    fn scan(&mut self, tree: &Tree, threads: usize) {
        let known: Vec<Known> =
            self.0.iter().map(|(path, directory)| (path.clone(), directory.fingerprint)).collect();
        let seen = tree.walk_with(&RulesSpec::default(), &known, threads);
        for (path, directory) in seen.directories {
            if let Some(id) = directory.known_id {
                assert_eq!(known[id as usize].0, path);
            }
            self.0.insert(path, directory);
        }
        for (id, status) in seen.unvisited {
            if matches!(status, DirectoryStatus::Removed { .. }) {
                self.0.remove(&known[id as usize].0);
            }
        }
    }

    fn contents(&self) -> Contents {
        contents(&self.0)
    }
}

/// Makes one random change below `tree`, if it is possible.
fn change_at_random(tree: &Tree, dice: &mut Dice, old: bool) {
    let mut place = tree.root().to_path_buf();
    for _ in 0..dice.below(4) {
        place.push(format!("d{}", dice.below(3)));
    }
    let name = |dice: &mut Dice| format!("{}.mkv", dice.below(6));
    let path = place.join(name(dice));
    match dice.below(12) {
        0..=5 => {
            let _ = fs::create_dir_all(&place);
            let Ok(file) = File::create(&path) else { return };
            file.set_len(dice.below(3)).unwrap();
            if old {
                set_mtime(
                    &file,
                    SystemTime::UNIX_EPOCH + OLD + Duration::from_nanos(dice.below(2)),
                );
            }
        }
        6..=7 => drop(fs::remove_file(&path)),
        8 => drop(fs::rename(&path, place.join(name(dice)))),
        9 => drop(fs::rename(&place, tree.root().join(format!("d{}", dice.below(3))))),
        10 => drop(fs::create_dir(&path)),
        _ if place != tree.root() => drop(fs::remove_dir_all(&place)),
        _ => (),
    }
}

#[test]
fn a_catalogue_updated_with_differences_stays_correct() {
    for seed in 0..3 {
        let (tree, mut dice) = (Tree::new(), Dice::new(seed));
        let mut catalogue = Catalogue::default();
        for round in 0..60 {
            for _ in 0..dice.below(8) {
                change_at_random(&tree, &mut dice, true);
            }
            catalogue.scan(&tree, *dice.pick(&[1, 2, 8]));
            assert_eq!(catalogue.contents(), naive(tree.root()), "seed {seed}, round {round}");
        }
    }
}

/// While the tree changes, the walk may report a wrong state of a directory. But such a
/// directory gets no fingerprint, so the next walk corrects it.
#[test]
fn a_catalogue_recovers_from_changes_during_a_walk() {
    let tree = Tree::new();
    let mut catalogue = Catalogue::default();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice::new(5);
            while !over.load(Ordering::Relaxed) {
                change_at_random(&tree, &mut dice, false);
            }
        });
        let until = Instant::now() + Duration::from_millis(700);
        while Instant::now() < until {
            catalogue.scan(&tree, 4);
        }
        over.store(true, Ordering::Relaxed);
    });
    catalogue.scan(&tree, 4);
    assert_eq!(catalogue.contents(), naive(tree.root()));
}

#[test]
fn a_directory_that_is_removed_while_it_is_listed_is_not_a_failure() {
    let tree = Tree::new();
    while_changing(
        || {
            for number in 0..50 {
                fs::create_dir(tree.path(number.to_string())).unwrap();
            }
            for number in (0..50).rev() {
                fs::remove_dir(tree.path(number.to_string())).unwrap();
            }
        },
        || {
            let seen = tree.walk(2);
            assert!(seen.failures.is_empty(), "{:?}", seen.failures);
        },
    );
}

/// On btrfs and tmpfs, a file that replaces another gets a new place in the list of names,
/// which may have been read already.
#[test]
fn a_file_that_is_replaced_while_it_is_listed_is_not_reported_as_removed() {
    let tree = match Path::new("/dev/shm").is_dir() {
        true => Tree::new_in("/dev/shm"),
        false => Tree::new(),
    };
    const FILES: usize = 8_000;
    tree.crowd("", FILES);
    let mut dice = Dice::new(3);
    while_changing(
        || {
            let name = format!("{}.mkv", dice.below(FILES as u64));
            tree.file("new", 1).rename("new", &name);
        },
        || {
            let seen = tree.walk(1);
            let root = seen.at(tree.root());
            assert!(!root.complete || root.files.len() == FILES, "{}", root.files.len());
        },
    );
}

/// Calls `act` repeatedly while another thread makes changes.
fn while_changing(mut change: impl FnMut() + Send, act: impl Fn()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                change();
            }
        });
        let until = Instant::now() + Duration::from_millis(500);
        let acted = panic::catch_unwind(AssertUnwindSafe(|| {
            while Instant::now() < until {
                act();
            }
        }));
        over.store(true, Ordering::Relaxed);
        changing.join().unwrap();
        acted.unwrap_or_else(|failure| panic::resume_unwind(failure));
    });
}
