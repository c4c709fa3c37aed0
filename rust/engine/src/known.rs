//! What the catalogue knows of each directory, held for the length of a walk.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::Xxh3Default;

use crate::Fingerprint;

/// The directories of the last scan, by path, each with the fingerprint it had
/// if that scan could settle it. Remembers which of them the walk has seen.
#[derive(Default)]
pub struct KnownDirectories {
    by_path: HashMap<Box<[u8]>, u32, BuildHasherDefault<PathHasher>>,
    fingerprints: Vec<Option<Fingerprint>>,
    seen: Vec<AtomicBool>,
}

impl KnownDirectories {
    /// An empty set with room for `capacity` directories.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            by_path: HashMap::with_capacity_and_hasher(capacity, BuildHasherDefault::default()),
            fingerprints: Vec::with_capacity(capacity),
            seen: Vec::with_capacity(capacity),
        }
    }

    /// Adds a directory by its absolute path; its index is the number of those
    /// added before it.
    pub fn add(&mut self, path: &[u8], fingerprint: Option<Fingerprint>) {
        let index = u32::try_from(self.fingerprints.len()).expect("fewer than 2^32 directories");
        self.by_path.insert(path.into(), index);
        self.fingerprints.push(fingerprint);
        self.seen.push(AtomicBool::new(false));
    }

    /// The index of `path`, and a note that the walk has been there.
    pub(crate) fn see(&self, path: &[u8]) -> Option<u32> {
        let index = *self.by_path.get(path)?;
        self.seen[index as usize].store(true, Ordering::Relaxed);
        Some(index)
    }

    pub(crate) fn fingerprint(&self, index: u32) -> Option<&Fingerprint> {
        self.fingerprints[index as usize].as_ref()
    }

    /// The directories that the walk has not seen, in order of their paths.
    pub(crate) fn unseen(&self) -> Vec<(&[u8], u32)> {
        let mut unseen: Vec<_> = self
            .by_path
            .iter()
            .filter(|(_, index)| !self.seen[**index as usize].load(Ordering::Relaxed))
            .map(|(path, index)| (&**path, *index))
            .collect();
        unseen.sort_unstable();
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
