//! What the catalogue knows of each directory, held for the length of a walk.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::Xxh3Default;

use crate::Fingerprint;

/// The directories of the last scan, by path, each with the caller's id for it
/// and the fingerprint it had if that scan could settle it. Remembers which of
/// them the walk has seen.
#[derive(Default)]
pub struct KnownDirectories {
    by_path: HashMap<Box<[u8]>, u32, BuildHasherDefault<PathHasher>>,
    directories: Vec<KnownDirectory>,
}

/// One of [`KnownDirectories`].
pub(crate) struct KnownDirectory {
    pub id: i64,
    pub fingerprint: Option<Fingerprint>,
    seen: AtomicBool,
}

impl KnownDirectories {
    /// Adds a directory by its absolute path.
    pub fn add(&mut self, path: &[u8], fingerprint: Option<Fingerprint>, id: i64) {
        let index = u32::try_from(self.directories.len()).expect("fewer than 2^32 directories");
        self.by_path.insert(path.into(), index);
        self.directories.push(KnownDirectory { id, fingerprint, seen: AtomicBool::new(false) });
    }

    /// What is known of `path`; notes that the walk has been there.
    pub(crate) fn see(&self, path: &[u8]) -> Option<&KnownDirectory> {
        let index = *self.by_path.get(path)?;
        let directory = &self.directories[index as usize];
        directory.seen.store(true, Ordering::Relaxed);
        Some(directory)
    }

    /// Paths and ids of the directories that the walk has not seen, in order of
    /// the paths' components.
    pub(crate) fn unseen(&self) -> Vec<(&[u8], i64)> {
        let mut unseen: Vec<_> = self
            .by_path
            .iter()
            .map(|(path, index)| (&**path, &self.directories[*index as usize]))
            .filter(|(_, directory)| !directory.seen.load(Ordering::Relaxed))
            .map(|(path, directory)| (path, directory.id))
            .collect();
        // A slash before all else, or "a b" would stand between "a" and "a/b".
        let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        unseen.sort_unstable_by(|(a, _), (b, _)| a.iter().map(key).cmp(b.iter().map(key)));
        unseen
    }
}

/// XXH3-64 in place of the standard library's SipHash: the keys come from the
/// user's own disk, so flooding is no concern, and paths are long.
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
