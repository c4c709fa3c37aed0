//! A walk finds all files and no others, with any number of threads.

mod common;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::{Descent, Dice, Tree, as_an_ordinary_user, excluding, following, naive, rules, walk};
use rustix::io::Errno;
use vpo_engine::{Fingerprinter, Kind, KnownDirectories, Operation, RulesSpec, Walk, WalkOptions};

const THREADS: [usize; 5] = [0, 1, 2, 8, 64];

/// Random nested directories, with many kinds of names, of media and other files.
fn random_tree(seed: u64, directories: usize, files: usize) -> Tree {
    let tree = Tree::new();
    let mut dice = Dice::new(seed);
    let mut places = vec![tree.root().to_path_buf()];
    let stems: [&[u8]; 8] = [
        b"a",
        b"Film (1999)",
        b"\xff\xfe",
        "Ünïcödé".as_bytes(),
        b"new\nline",
        b"b.c",
        b"-x",
        b".h",
    ];
    for number in 0..directories {
        let mut name = dice.pick(&stems).to_vec();
        name.extend_from_slice(number.to_string().as_bytes());
        // A directory may have a name like a film.
        name.extend_from_slice(dice.pick::<&[u8]>(&[b"", b".mkv", b" "]));
        let path = dice.pick(&places).join(OsString::from_vec(name));
        fs::create_dir(&path).unwrap();
        places.push(path);
    }
    for number in 0..files {
        let mut name = dice.pick(&stems).to_vec();
        name.extend_from_slice(number.to_string().as_bytes());
        let endings: [&[u8]; 9] =
            [b".mkv", b".MKV", b".mp4", b".flac", b".jpg", b".srt", b".txt", b"", b".mkv.part"];
        name.extend_from_slice(dice.pick::<&[u8]>(&endings));
        let path = dice.pick(&places).join(OsString::from_vec(name));
        tree.file(&path, dice.below(1 << 40));
        // From 1944 to 2100, with nanoseconds.
        let since = Duration::new(dice.below(155 << 25), dice.below(1_000_000_000) as u32);
        let earliest = SystemTime::UNIX_EPOCH - Duration::from_secs(25 << 25);
        tree.touch(&path, earliest + since);
    }
    tree
}

#[test]
fn it_finds_the_same_as_a_simple_walk() {
    for seed in 0..3 {
        let tree = random_tree(seed, 60, 400);
        let plain = naive(tree.root());
        let one = tree.walk(1);
        assert_eq!(one.contents(), plain, "seed {seed}");
        assert!(one.failures.is_empty());
        for threads in THREADS {
            let seen = tree.walk(threads);
            assert_eq!(seen.directories, one.directories, "seed {seed}, {threads} threads");
            assert_eq!(seen.progress.files as usize, seen.file_count());
            assert_eq!(seen.progress.directories, one.progress.directories);
            assert_eq!(seen.progress.unchanged_files, 0);
        }
    }
}

#[test]
fn known_directories_that_are_unchanged_are_only_counted() {
    let tree = random_tree(7, 60, 400);
    let first = tree.walk(2);
    assert!(first.directories.values().all(|directory| directory.complete));
    let known = first.known();
    for threads in THREADS {
        let again = tree.walk_with(&RulesSpec::default(), &known, threads);
        assert!(again.directories.is_empty(), "{:?}", again.directories(tree.root()));
        assert_eq!(again.progress.files, first.progress.files);
        assert_eq!(again.progress.unchanged_files, first.progress.files);
        assert!(again.unvisited.is_empty());
    }
}

/// Computed in a second way, from the public functions: stored fingerprints must not change
/// from one version to the next by accident.
#[test]
fn a_fingerprint_is_made_of_names_sizes_mtimes_and_inodes_in_order() {
    let tree = Tree::new();
    tree.files(&["b.mkv", "a.mkv", "\u{e9}.mkv", "B.mkv", "notes.txt"]);
    let rules = rules(tree.root(), &RulesSpec::default());
    let seen = tree.walk(1);
    let root = seen.at(tree.root());
    let mut fingerprint = Fingerprinter::new(rules.digest());
    assert_eq!(root.files.len(), 4);
    for (name, file) in &root.files {
        let mtime = (file.mtime_ns / 1_000_000_000, (file.mtime_ns % 1_000_000_000) as u32);
        let inode = root.keeps_inodes.then_some(file.inode);
        fingerprint.add(name, false, file.size as u64, mtime, inode);
    }
    assert_eq!(root.fingerprint, Some(fingerprint.finish()));
}

#[test]
fn a_large_directory_is_the_same_with_any_number_of_threads() {
    let tree = Tree::new();
    tree.crowd("", 5_000);
    for number in 0..500 {
        tree.file(format!("{:05}.jpg", number * 7_919 % 100_000), number);
    }
    tree.file("below/a.mkv", 1).link("00000.jpg", "to-a-file.jpg").link("nowhere", "dangling.jpg");
    tree.link("below", "to-below");
    for spec in [RulesSpec::default(), following()] {
        let one = walk(tree.root(), &spec, &[], 1);
        assert_eq!(one.file_count(), 5_501 + usize::from(spec.follow_symlinks));
        let known = one.known();
        for threads in THREADS {
            let seen = tree.walk_with(&spec, &[], threads);
            assert_eq!(seen.directories, one.directories, "{threads} threads");
            let again = tree.walk_with(&spec, &known, threads);
            assert!(again.directories.is_empty(), "{threads} threads");
            assert_eq!(again.progress.unchanged_files as usize, one.file_count());
        }
    }
}

#[test]
fn directories_that_the_rules_exclude_are_not_entered() {
    let tree = Tree::new();
    tree.files(&[
        "a.mkv",
        ".hidden.mkv",
        "keep/b.mkv",
        "keep/.dot/c.mkv",
        ".dot/d.mkv",
        "@eaDir/e.mkv",
        "keep/#recycle/f.mkv",
        "$RECYCLE.BIN/g.mkv",
        ".Trash-1000/h.mkv",
        "lost+found/i.mkv",
        "Extras/j.mkv",
        "keep/Extras/k.mkv",
        "keep/Extras.mkv",
    ]);
    let seen = tree.walk(2);
    let default = ["Extras/j.mkv", "a.mkv", "keep/Extras.mkv", "keep/Extras/k.mkv", "keep/b.mkv"];
    assert_eq!(seen.paths(tree.root()), default);
    assert_eq!(seen.progress.directories, 4);

    let hidden = RulesSpec { hidden: true, ..RulesSpec::default() };
    let seen = tree.walk_with(&hidden, &[], 2);
    assert_eq!(seen.file_count(), default.len() + 3);
    assert_eq!(seen.progress.directories, 6);

    let seen = tree.walk_with(&excluding(&["Extras/"]), &[], 2);
    assert_eq!(seen.paths(tree.root()), ["a.mkv", "keep/Extras.mkv", "keep/b.mkv"]);
    assert_eq!(seen.progress.directories, 2);
    let seen = tree.walk_with(&excluding(&["/Extras"]), &[], 2);
    assert_eq!(
        seen.paths(tree.root()),
        ["a.mkv", "keep/Extras.mkv", "keep/Extras/k.mkv", "keep/b.mkv"]
    );
    let seen = tree.walk_with(&excluding(&["keep/*", "!keep/b.mkv"]), &[], 2);
    assert_eq!(seen.paths(tree.root()), ["Extras/j.mkv", "a.mkv", "keep/b.mkv"]);
}

#[test]
fn other_rules_give_other_fingerprints() {
    let tree = Tree::new();
    tree.files(&["a.mkv", "b.srt"]);
    let specs = [
        RulesSpec::default(),
        RulesSpec { kinds: vec![Kind::Video, Kind::Sidecar], ..RulesSpec::default() },
        RulesSpec { extensions: vec!["mkv".into(), "srt".into()], ..RulesSpec::default() },
        RulesSpec { hidden: true, ..RulesSpec::default() },
        following(),
        excluding(&["*.nfo"]),
        excluding(&["*.nfo", "*.thm"]),
    ];
    let walks: Vec<_> = specs.iter().map(|spec| tree.walk_with(spec, &[], 1)).collect();
    for (number, one) in walks.iter().enumerate() {
        for (other_number, spec) in specs.iter().enumerate() {
            let again = tree.walk_with(spec, &one.known(), 1);
            // Under the same rules nothing differs. Under other rules everything is compared
            // again.
            assert_eq!(again.directories.is_empty(), number == other_number, "{spec:?}");
        }
    }
    let other_root = Tree::new();
    other_root.file("a.mkv", 1);
    let spec = excluding(&["/b"]);
    let digest = *rules(tree.root(), &spec).digest();
    assert_ne!(digest, *rules(other_root.root(), &spec).digest());
}

#[test]
fn only_regular_files_are_reported() {
    let tree = Tree::new();
    tree.directory("directory.mkv").file("real.mkv", 1);
    let _socket = std::os::unix::net::UnixListener::bind(tree.path("socket.mkv")).unwrap();
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, FileType, Mode};
        rustix::fs::mknodat(CWD, tree.path("fifo.mkv"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    }
    for spec in [RulesSpec::default(), following()] {
        assert_eq!(tree.walk_with(&spec, &[], 2).paths(tree.root()), ["real.mkv"]);
    }
}

/// Deeper than a thread's stack and a process's descriptors allow by recursion.
#[test]
fn a_tree_may_be_two_thousand_levels_deep() {
    let tree = Tree::new();
    let mut descent = Descent::into(&tree);
    for level in 1..=2_000 {
        descent.down("d");
        if level % 100 == 0 {
            descent.file("a.mkv", level);
        }
    }
    for threads in [1, 8, 64] {
        let seen = tree.walk(threads);
        assert!(seen.failures.is_empty(), "{:?}", seen.failures);
        assert_eq!(seen.progress.directories, 2_001, "{threads} threads");
        assert_eq!(seen.file_count(), 20);
        assert_eq!(seen.directories[descent.path()].files[&b"a.mkv"[..]].size, 2_000);
        let again = tree.walk_with(&RulesSpec::default(), &seen.known(), threads);
        assert_eq!(again.progress.unchanged_files, 20);
    }
}

#[test]
fn a_path_may_be_longer_than_a_system_call_accepts() {
    let tree = Tree::new();
    let mut descent = Descent::into(&tree);
    for _ in 0..40 {
        descent.down(&"n".repeat(250));
    }
    descent.file("a.mkv", 5).down("below").file("b.mkv", 6);
    assert!(descent.path().len() > 10_000);
    for spec in [RulesSpec::default(), following(), excluding(&["*.nfo"])] {
        let seen = tree.walk_with(&spec, &[], 2);
        assert!(seen.failures.is_empty(), "{:?}", seen.failures);
        assert_eq!(seen.file_count(), 2);
        assert_eq!(seen.directories[descent.path()].files[&b"b.mkv"[..]].size, 6);
    }
    let excluded = tree.walk_with(&excluding(&["below"]), &[], 2);
    assert_eq!(excluded.file_count(), 1);
}

#[test]
fn a_directory_that_cannot_be_read_is_only_a_failure() {
    if !as_an_ordinary_user("a_directory_that_cannot_be_read_is_only_a_failure") {
        return;
    }
    let tree = Tree::new();
    tree.files(&["a.mkv", "closed/b.mkv", "closed/below/c.mkv", "open/d.mkv"]);
    let first = tree.walk(2);
    let permit = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(tree.path("closed"), permissions).unwrap();
    };
    permit(0);
    for threads in [1, 8] {
        let seen = tree.walk_with(&RulesSpec::default(), &first.known(), threads);
        assert!(seen.directories.is_empty(), "{:?}", seen.directories(tree.root()));
        assert_eq!(seen.progress.failures, 1);
        let [failure] = &seen.failures[..] else { panic!("{:?}", seen.failures) };
        assert_eq!(failure.directory, tree.bytes("closed"));
        assert_eq!((failure.operation, failure.name.as_ref()), (Operation::OpenDirectory, None));
        assert_eq!(failure.errno, Errno::ACCESS.raw_os_error());
        assert_eq!(seen.progress.unchanged_files, 2);
    }

    // The directory can be listed, but `stat` on its entries fails.
    permit(0o444);
    let seen = tree.walk_with(&RulesSpec::default(), &first.known(), 2);
    assert_eq!(seen.directories(tree.root()), ["closed"]);
    let closed = &seen.directories[&tree.bytes("closed")];
    assert_eq!((closed.fingerprint, closed.complete), (None, true));
    assert!(closed.files.is_empty());
    let mut failed: Vec<_> = seen.failures.iter().map(|failure| failure.operation).collect();
    failed.sort_by_key(|operation| operation.name());
    assert_eq!(failed, [Operation::OpenDirectory, Operation::Stat]);
    let stat = seen.failures.iter().find(|failure| failure.operation == Operation::Stat).unwrap();
    assert_eq!(stat.name.as_deref(), Some(&b"b.mkv"[..]));

    permit(0o755);
    let seen = tree.walk_with(&RulesSpec::default(), &first.known(), 2);
    assert!(seen.directories.is_empty() && seen.failures.is_empty());
}

#[test]
fn a_root_that_cannot_be_walked_is_refused() {
    let tree = Tree::new();
    tree.file("a.mkv", 1);
    let start = |path: PathBuf| {
        let rules = rules(tree.root(), &RulesSpec::default());
        let path = common::bytes(&path);
        Walk::start(&path, rules, KnownDirectories::default(), WalkOptions::default()).err()
    };
    assert_eq!(start(tree.path("nowhere")), Some(Errno::NOENT));
    assert_eq!(start(tree.path("a.mkv")), Some(Errno::NOTDIR));
    assert_eq!(start(PathBuf::from("/nul\0")), Some(Errno::INVAL));
    assert_eq!(start(tree.root().to_path_buf()), None);
}

#[test]
fn other_file_systems_are_skipped_with_one_file_system() {
    let shm = Path::new("/dev/shm");
    let device = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).map(|found| found.dev()).ok()
    };
    if device(shm).is_none() || device(shm) == device(Path::new("/dev")) {
        eprintln!("skipped: /dev/shm is not a separate file system");
        return;
    }
    let tree = Tree::new_in("/dev/shm");
    tree.file("a.mkv", 1);
    let walk_dev = |one_file_system, known: &[common::Known]| {
        let spec = RulesSpec { one_file_system, ..RulesSpec::default() };
        walk(Path::new("/dev"), &spec, known, 2)
    };
    let across = walk_dev(false, &[]);
    assert_eq!(across.at(tree.root()).files.len(), 1);
    let known = vec![(common::bytes(tree.root()), across.at(tree.root()).fingerprint)];
    let within = walk_dev(true, &known);
    assert!(!within.directories.contains_key(&common::bytes(tree.root())));
    assert_eq!(within.unvisited[&0], vpo_engine::DirectoryStatus::NotSelected);

    // The same through a link.
    let here = Tree::new();
    if device(here.root()) != device(shm) {
        here.link(tree.root(), "link");
        let spec = RulesSpec { one_file_system: true, ..following() };
        assert_eq!(here.walk_with(&spec, &[], 2).file_count(), 0);
        assert_eq!(here.walk_with(&following(), &[], 2).file_count(), 1);
    }
}
