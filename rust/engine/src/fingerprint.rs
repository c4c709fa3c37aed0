//! One number for all that a scan looks at in a directory.
//!
//! Equal fingerprints mean that no selected file was added, removed, renamed,
//! resized or given another mtime (and, where inode numbers last, that none was
//! replaced). XXH3-128 is not cryptographic: a collision among honest
//! directories has a chance of about 2^-128 a pair.

use xxhash_rust::xxh3::Xxh3;

/// 128 bits over a directory's selected entries, seeded with the rules.
pub type Fingerprint = [u8; 16];

/// Stored fingerprints depend on the layout below: a change to it needs a new
/// version, so that every directory is compared once more.
const LAYOUT_VERSION: u8 = 1;

/// Builds a [`Fingerprint`] from entries given in order of their names' bytes.
pub struct Fingerprinter {
    hash: Xxh3,
}

impl Fingerprinter {
    /// Starts a fingerprint under rules with this digest.
    pub fn new(rules_digest: &Fingerprint) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&[LAYOUT_VERSION]);
        hash.update(rules_digest);
        Self { hash }
    }

    /// Adds a file: its name, whether a symlink led to it, size in bytes, mtime
    /// as seconds and nanoseconds, and the inode where it can be relied on.
    pub fn add(
        &mut self,
        name: &[u8],
        is_symlink: bool,
        size: u64,
        mtime: (i64, u32),
        inode: Option<u64>,
    ) {
        // One fixed-size record ahead of the name: fewer calls, and the name's
        // length in it keeps "ab"+"c" apart from "a"+"bc".
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

    /// The fingerprint of what was added.
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
    fn each_field_counts() {
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
    fn names_do_not_run_together() {
        let apart = of(&[(b"ab", 1, (2, 3), None), (b"c", 1, (2, 3), None)]);
        assert_ne!(apart, of(&[(b"a", 1, (2, 3), None), (b"bc", 1, (2, 3), None)]));
    }

    #[test]
    fn rules_seed_it() {
        assert_ne!(Fingerprinter::new(&[1; 16]).finish(), Fingerprinter::new(&[2; 16]).finish());
    }
}
