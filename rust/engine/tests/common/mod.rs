//! Helpers to build a tree, walk it and examine the result.
#![allow(dead_code)] // No test file uses all of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;
use vpo_engine::{
    Batch, DirectoryStatus, Failure, Fingerprint, KnownDirectories, NextBatch, Progress, Rules,
    RulesSpec, Walk, WalkOptions,
};

/// An old mtime, 2020-09-13, so that directories get fingerprints.
pub const OLD: Duration = Duration::from_secs(1_600_000_000);

/// Longer than any walk here takes: a test that takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The directory of a test. Files in it are old by default.
pub struct Tree {
    directory: Option<TempDir>,
    root: PathBuf,
}

impl Tree {
    pub fn new() -> Self {
        Self::within(prefix().tempdir().unwrap())
    }

    /// A tree in `directory`, on another file system than [`Tree::new`]'s.
    pub fn new_in(directory: &str) -> Self {
        Self::within(prefix().tempdir_in(directory).unwrap())
    }

    fn within(directory: TempDir) -> Self {
        let root = directory.path().canonicalize().unwrap();
        Self { directory: Some(directory), root }
    }

    /// The root's path, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, relative: impl AsRef<OsStr>) -> PathBuf {
        self.root.join(Path::new(relative.as_ref()))
    }

    /// The absolute path in the engine's form.
    pub fn bytes(&self, relative: &str) -> Vec<u8> {
        match relative {
            "" => bytes(&self.root),
            _ => bytes(&self.path(relative)),
        }
    }

    /// Makes a sparse, old file, and the directories above it.
    pub fn file(&self, relative: impl AsRef<OsStr>, size: u64) -> &Self {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(&path).unwrap();
        file.set_len(size).unwrap();
        set_mtime(&file, SystemTime::UNIX_EPOCH + OLD);
        self
    }

    pub fn files(&self, relative: &[&str]) -> &Self {
        for (size, path) in relative.iter().enumerate() {
            self.file(path, size as u64);
        }
        self
    }

    /// Makes a directory with `count` names for one file, because some file systems are slow
    /// to create inodes.
    pub fn crowd(&self, relative: &str, count: usize) -> &Self {
        let name = |number| self.path(relative).join(format!("{number}.mkv"));
        self.file(name(0), 1);
        for number in 1..count {
            fs::hard_link(name(0), name(number)).unwrap();
        }
        self
    }

    pub fn directory(&self, relative: &str) -> &Self {
        fs::create_dir_all(self.path(relative)).unwrap();
        self
    }

    pub fn link(&self, target: impl AsRef<Path>, relative: &str) -> &Self {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
        self
    }

    pub fn touch(&self, relative: impl AsRef<OsStr>, mtime: SystemTime) -> &Self {
        set_mtime(&File::options().write(true).open(self.path(relative)).unwrap(), mtime);
        self
    }

    pub fn remove(&self, relative: &str) -> &Self {
        let path = self.path(relative);
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
        self
    }

    pub fn rename(&self, from: &str, to: &str) -> &Self {
        fs::rename(self.path(from), self.path(to)).unwrap();
        self
    }

    /// Walks the tree without known directories, under the default rules.
    pub fn walk(&self, threads: usize) -> Seen {
        self.walk_with(&RulesSpec::default(), &[], threads)
    }

    pub fn walk_with(&self, spec: &RulesSpec, known: &[Known], threads: usize) -> Seen {
        walk(&self.root, spec, known, threads)
    }

    /// Starts a walk whose batches the test takes itself.
    pub fn start(&self, spec: &RulesSpec, threads: usize) -> Walk {
        start(&self.root, spec, &[], threads)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The standard library keeps all levels open while it removes a tree. These are too many
        // for the deep trees here.
        let kept = self.directory.take().unwrap().keep();
        Command::new("rm").arg("-rf").arg(kept).status().unwrap();
    }
}

/// A prefix that makes the temporary directory visible, which is hidden by default.
fn prefix() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("vpo-");
    builder
}

/// A directory that is made step by step, because its path is too long.
pub struct Descent {
    at: OwnedFd,
    path: Vec<u8>,
}

impl Descent {
    pub fn into(tree: &Tree) -> Self {
        let at = rustix::fs::open(tree.root(), DIRECTORY, Mode::empty()).unwrap();
        Self { at, path: bytes(tree.root()) }
    }

    /// Makes the directory `name` and enters it.
    pub fn down(&mut self, name: &str) -> &mut Self {
        rustix::fs::mkdirat(&self.at, name, Mode::RWXU).unwrap();
        self.at = rustix::fs::openat(&self.at, name, DIRECTORY, Mode::empty()).unwrap();
        self.path.push(b'/');
        self.path.extend_from_slice(name.as_bytes());
        self
    }

    /// Makes an old file of this size here.
    pub fn file(&mut self, name: &str, size: u64) -> &mut Self {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.at, name, flags, Mode::RWXU).unwrap();
        let file = File::from(made);
        file.set_len(size).unwrap();
        set_mtime(&file, SystemTime::UNIX_EPOCH + OLD);
        self
    }

    pub fn path(&self) -> &[u8] {
        &self.path
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

pub fn set_mtime(file: &File, mtime: SystemTime) {
    file.set_times(FileTimes::new().set_modified(mtime)).unwrap();
}

pub fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

pub fn rules(root: &Path, spec: &RulesSpec) -> Arc<Rules> {
    Arc::new(Rules::new(spec, root.as_os_str().as_bytes()).unwrap())
}

/// Rules that follow links.
pub fn following() -> RulesSpec {
    RulesSpec { follow_symlinks: true, ..RulesSpec::default() }
}

pub fn excluding(globs: &[&str]) -> RulesSpec {
    let excludes = globs.iter().map(|glob| (*glob).to_owned()).collect();
    RulesSpec { excludes, ..RulesSpec::default() }
}

/// A directory as a catalogue knows it. Its id is its position in the list.
pub type Known = (Vec<u8>, Option<Fingerprint>);

pub fn start(root: &Path, spec: &RulesSpec, known: &[Known], threads: usize) -> Walk {
    let mut directories = KnownDirectories::default();
    for (id, (path, fingerprint)) in known.iter().enumerate() {
        directories.add(path, *fingerprint, id as i64);
    }
    let options = WalkOptions { threads };
    Walk::start(root.as_os_str().as_bytes(), rules(root, spec), directories, options).unwrap()
}

pub fn walk(root: &Path, spec: &RulesSpec, known: &[Known], threads: usize) -> Seen {
    let walk = start(root, spec, known, threads);
    let mut seen = Seen::default();
    loop {
        match walk.next(PATIENCE) {
            NextBatch::Batch(batch) => seen.take(*batch),
            NextBatch::Pending => panic!("the walk hangs"),
            NextBatch::Finished => break,
        }
    }
    seen.progress = walk.progress();
    seen.unvisited = walk
        .unvisited()
        .into_iter()
        .map(|directory| (directory.known_id, directory.status))
        .collect();
    seen
}

/// Everything that a walk reported.
#[derive(Default)]
pub struct Seen {
    pub directories: BTreeMap<Vec<u8>, SeenDirectory>,
    pub failures: Vec<Failure>,
    pub progress: Progress,
    pub unvisited: BTreeMap<i64, DirectoryStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenDirectory {
    pub known_id: Option<i64>,
    pub fingerprint: Option<Fingerprint>,
    pub complete: bool,
    pub keeps_inodes: bool,
    pub via_symlink: bool,
    pub files: BTreeMap<Vec<u8>, SeenFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFile {
    pub size: i64,
    pub mtime_ns: i64,
    pub inode: u64,
    pub is_symlink: bool,
}

impl Seen {
    /// Splits a batch into directories, and checks that its columns fit together.
    pub fn take(&mut self, batch: Batch) {
        assert!(!batch.is_empty(), "an empty batch was handed over");
        let rows = batch.len();
        assert_eq!(batch.name_ends.len(), rows);
        assert_eq!(batch.mtimes.len(), rows);
        assert_eq!(batch.inodes.len(), rows);
        assert_eq!(batch.extensions.len(), rows);
        assert_eq!(batch.symlinks.len(), rows);
        assert_eq!(batch.name_ends.last().map_or(0, |end| *end as usize), batch.names.len());
        let mut next_row = 0;
        for directory in &batch.directories {
            assert_eq!(directory.files.start, next_row, "each row belongs to one directory");
            next_row = directory.files.end;
            let names: Vec<_> = directory.files.clone().map(|row| batch.name(row)).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "names are sorted and unique");
            let files = directory.files.clone().map(|row| {
                let file = SeenFile {
                    size: batch.sizes[row],
                    mtime_ns: batch.mtimes[row],
                    inode: batch.inodes[row],
                    is_symlink: batch.symlinks[row],
                };
                (batch.name(row).to_vec(), file)
            });
            let seen = SeenDirectory {
                known_id: directory.known_id,
                fingerprint: directory.fingerprint,
                complete: directory.complete,
                keeps_inodes: directory.keeps_inodes,
                via_symlink: directory.via_symlink,
                files: files.collect(),
            };
            let before = self.directories.insert(directory.path.clone(), seen);
            assert!(before.is_none(), "{} was reported twice", directory.path.escape_ascii());
        }
        assert_eq!(next_row, rows);
        self.failures.extend(batch.failures);
    }

    /// The directories as a catalogue would store them after this walk.
    pub fn known(&self) -> Vec<Known> {
        let known = self.directories.iter();
        known.map(|(path, directory)| (path.clone(), directory.fingerprint)).collect()
    }

    /// The paths of all files relative to `root`.
    pub fn paths(&self, root: &Path) -> Vec<String> {
        let mut paths = Vec::new();
        for (directory, seen) in &self.directories {
            let directory = Path::new(OsStr::from_bytes(directory)).strip_prefix(root).unwrap();
            for name in seen.files.keys() {
                paths.push(directory.join(OsStr::from_bytes(name)).display().to_string());
            }
        }
        paths.sort();
        paths
    }

    /// The paths of the reported directories relative to `root`.
    pub fn directories(&self, root: &Path) -> Vec<String> {
        let relative = |path: &Vec<u8>| {
            let path = Path::new(OsStr::from_bytes(path));
            path.strip_prefix(root).unwrap().display().to_string()
        };
        self.directories.keys().map(relative).collect()
    }

    pub fn file_count(&self) -> usize {
        self.directories.values().map(|directory| directory.files.len()).sum()
    }

    pub fn at(&self, path: &Path) -> &SeenDirectory {
        &self.directories[path.as_os_str().as_bytes()]
    }

    pub fn contents(&self) -> Contents {
        contents(&self.directories)
    }
}

/// The paths of directories, and the files in each.
pub type Contents = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, SeenFile>>;

/// Removes directories without files, which a walk need not report.
pub fn contents(directories: &BTreeMap<Vec<u8>, SeenDirectory>) -> Contents {
    let with_files = directories.iter().filter(|(_, seen)| !seen.files.is_empty());
    with_files.map(|(path, seen)| (path.clone(), seen.files.clone())).collect()
}

/// A simple walk that finds the same: without following links or hidden names.
pub fn naive(root: &Path) -> Contents {
    let mut contents = Contents::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(directory) = pending.pop() {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let (name, path) = (entry.file_name(), entry.path());
            let found = fs::symlink_metadata(&path).unwrap();
            if name.as_bytes().starts_with(b".") || name == "lost+found" {
                continue;
            }
            if found.is_dir() {
                pending.push(path);
            } else if found.is_file() && is_media(&path) {
                let file = SeenFile {
                    size: found.len() as i64,
                    mtime_ns: found.mtime() * 1_000_000_000 + found.mtime_nsec(),
                    inode: found.ino(),
                    is_symlink: false,
                };
                files.insert(name.as_bytes().to_vec(), file);
            }
        }
        if !files.is_empty() {
            contents.insert(bytes(&directory), files);
        }
    }
    contents
}

fn is_media(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| {
        ["mkv", "mp4", "flac", "jpg", "srt"].iter().any(|media| extension == *media)
    })
}

/// Random numbers that are the same each time (xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }

    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len() as u64) as usize]
    }
}

/// Whether the calling test should continue. Permissions do not restrict root, so for root
/// the test is run again in a process of an ordinary user, and ends here.
pub fn as_an_ordinary_user(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    const NOBODY: u32 = 65_534;
    let spawned = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .current_dir("/")
        .gid(NOBODY)
        .uid(NOBODY)
        .status();
    match spawned {
        Ok(status) => assert!(status.success(), "it failed as an ordinary user"),
        Err(error) => eprintln!("skipped: an ordinary user may not run this program ({error})"),
    }
    false
}
