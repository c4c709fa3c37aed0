//! What the catalogue knows of each directory, kept for the time of a walk.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::Xxh3Default;

use crate::fingerprint::Fingerprint;

/// The directories of the last scan by path, each with the caller's id for it and its
/// fingerprint, if the last scan stored one. Remembers which of them the walk has visited.
#[derive(Default)]
pub struct KnownDirectories {
    by_path: HashMap<Box<[u8]>, u32, BuildHasherDefault<PathHasher>>,
    directories: Vec<KnownDirectory>,
}

/// A directory of the last scan.
pub struct KnownDirectory {
    pub id: i64,
    pub fingerprint: Option<Fingerprint>,
    visited: AtomicBool,
}

impl KnownDirectories {
    /// Adds a directory by its absolute path.
    pub fn add(&mut self, path: &[u8], fingerprint: Option<Fingerprint>, id: i64) {
        let index = u32::try_from(self.directories.len()).expect("fewer than 2^32 directories");
        self.by_path.insert(path.into(), index);
        self.directories.push(KnownDirectory { id, fingerprint, visited: AtomicBool::new(false) });
    }

    /// What is known of the directory at `path`, which the walk visits now.
    pub(crate) fn visit(&self, path: &[u8]) -> Option<&KnownDirectory> {
        let index = *self.by_path.get(path)?;
        let directory = &self.directories[index as usize];
        directory.visited.store(true, Ordering::Relaxed);
        Some(directory)
    }

    /// Paths and ids of the directories that the walk has not visited. They are sorted by
    /// the components of their paths, so that a directory comes right before its contents.
    pub(crate) fn unvisited(&self) -> Vec<(&[u8], i64)> {
        let mut unvisited: Vec<_> = self
            .by_path
            .iter()
            .map(|(path, index)| (&**path, &self.directories[*index as usize]))
            .filter(|(_, directory)| !directory.visited.load(Ordering::Relaxed))
            .map(|(path, directory)| (path, directory.id))
            .collect();
        // A slash sorts before everything else, or "a b" would come between "a" and "a/b".
        let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        unvisited.sort_unstable_by(|(a, _), (b, _)| a.iter().map(key).cmp(b.iter().map(key)));
        unvisited
    }
}

/// XXH3-64 instead of the standard library's SipHash, which is slower on long paths. The
/// keys come from the user's own disk, so nobody floods the table with collisions.
#[derive(Default)]
struct PathHasher(u64);

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut hash = Xxh3Default::new();
        hash.update(&self.0.to_le_bytes());
        hash.update(bytes);
        self.0 = hash.digest();
    }

    fn write_usize(&mut self, length: usize) {
        self.0 = length as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
