//! One number for everything that a scan sees in a directory.
//!
//! Two equal fingerprints mean that no selected file was added, removed, renamed, resized or
//! given another mtime. Where inode numbers are kept, no file was replaced either. XXH3-128
//! is not cryptographic, but two directories that nobody manipulated have equal fingerprints
//! only with a probability of about 2^-128.

use xxhash_rust::xxh3::Xxh3;

/// 128 bits over the selected entries of a directory, seeded with the rules.
pub type Fingerprint = [u8; 16];

/// The version of the layout below. Stored fingerprints depend on it: a change of the layout
/// needs a new version, so that every directory is compared once more.
const LAYOUT_VERSION: u8 = 1;

/// Computes a [`Fingerprint`] from entries, which must come in byte order of their names.
pub struct Fingerprinter {
    hash: Xxh3,
}

impl Fingerprinter {
    /// Begins a fingerprint under the rules with this digest.
    pub fn new(rules_digest: &Fingerprint) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&[LAYOUT_VERSION]);
        hash.update(rules_digest);
        Self { hash }
    }

    /// Adds a file: its name, whether it was reached through a link, its size in bytes, its
    /// mtime in seconds and nanoseconds, and its inode where the file system keeps them.
    pub fn add(
        &mut self,
        name: &[u8],
        is_symlink: bool,
        size: u64,
        mtime: (i64, u32),
        inode: Option<u64>,
    ) {
        // A record of fixed size before the name: this takes fewer calls, and the length of the
        // name in it distinguishes "ab"+"c" from "a"+"bc".
        let mut record = [0u8; 32];
        record[0..2].copy_from_slice(&(name.len() as u16).to_le_bytes());
        record[2] = u8::from(is_symlink) | (u8::from(inode.is_some()) << 1);
        record[4..8].copy_from_slice(&mtime.1.to_le_bytes());
        record[8..16].copy_from_slice(&size.to_le_bytes());
        record[16..24].copy_from_slice(&mtime.0.to_le_bytes());
        record[24..32].copy_from_slice(&inode.unwrap_or(0).to_le_bytes());
        self.hash.update(&record);
        self.hash.update(name);
    }

    /// The fingerprint of all files that were added.
    pub fn finish(self) -> Fingerprint {
        self.hash.digest128().to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Entry<'a> = (&'a [u8], u64, (i64, u32), Option<u64>);

    fn of(entries: &[Entry<'_>]) -> Fingerprint {
        let mut fingerprint = Fingerprinter::new(&[7; 16]);
        for (name, size, mtime, inode) in entries {
            fingerprint.add(name, false, *size, *mtime, *inode);
        }
        fingerprint.finish()
    }

    #[test]
    fn each_field_changes_the_fingerprint() {
        let base = of(&[(b"a.mkv", 1, (2, 3), Some(4))]);
        assert_eq!(base, of(&[(b"a.mkv", 1, (2, 3), Some(4))]));
        for other in [
            of(&[(b"b.mkv", 1, (2, 3), Some(4))]),
            of(&[(b"a.mkv", 2, (2, 3), Some(4))]),
            of(&[(b"a.mkv", 1, (-2, 3), Some(4))]),
            of(&[(b"a.mkv", 1, (2, 4), Some(4))]),
            of(&[(b"a.mkv", 1, (2, 3), Some(5))]),
            of(&[(b"a.mkv", 1, (2, 3), None)]),
            of(&[]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn the_boundary_between_names_counts() {
        let apart = of(&[(b"ab", 1, (2, 3), None), (b"c", 1, (2, 3), None)]);
        assert_ne!(apart, of(&[(b"a", 1, (2, 3), None), (b"bc", 1, (2, 3), None)]));
    }

    #[test]
    fn rules_change_the_fingerprint() {
        assert_ne!(Fingerprinter::new(&[1; 16]).finish(), Fingerprinter::new(&[2; 16]).finish());
    }
}
