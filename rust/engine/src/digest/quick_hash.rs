//! The quick hash of a file: a hash of its first and its last 64 KiB.
//!
//! Media files have their headers and indexes at the ends. So if two files of the same size
//! differ, they nearly always differ there, and two reads distinguish them, however long
//! they are.

use xxhash_rust::xxh3::Xxh3;

/// The bytes of each end. The ends do not overlap: a file of up to twice this size is hashed
/// whole.
pub const END_BYTES: usize = 64 * 1024;

/// The lengths of the first and of the last end of a file of `size` bytes.
pub fn end_lengths(size: u64) -> (usize, usize) {
    let most = END_BYTES as u64;
    let head = size.min(most);
    (head as usize, (size - head).min(most) as usize)
}

/// XXH3-128 of the two ends of a file, which are given one after the other.
///
/// It is not cryptographic: anyone can make two files with the same quick hash.
#[derive(Default)]
pub struct QuickHasher(Xxh3);

impl QuickHasher {
    /// Takes the first end, or the last.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash as big-endian bytes.
    pub fn finish(self) -> [u8; 16] {
        self.0.digest128().to_be_bytes()
    }
}

/// The ends of a file, collected while it is read.
#[derive(Clone)]
pub struct Ends {
    size: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Ends {
    /// For a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self { size, head: Vec::new(), tail: Vec::new() }
    }

    /// Takes the bytes at `offset`. They must come in order; bytes between the ends may be
    /// left out.
    pub fn update(&mut self, bytes: &[u8], offset: u64) {
        let (head, tail) = end_lengths(self.size);
        collect(&mut self.head, bytes, offset, 0, head);
        collect(&mut self.tail, bytes, offset, self.size - tail as u64, tail);
    }

    /// The size of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The first 64 KiB, or the whole file if it is smaller.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The last `length` bytes, or the whole file if it is smaller.
    pub fn last(&self, length: usize) -> Vec<u8> {
        let missing = length.saturating_sub(self.tail.len()).min(self.head.len());
        let mut last = self.head[self.head.len() - missing..].to_vec();
        last.extend_from_slice(&self.tail);
        last
    }

    /// The quick hash.
    pub fn quick_hash(&self) -> [u8; 16] {
        let mut hash = QuickHasher::default();
        hash.update(&self.head);
        hash.update(&self.tail);
        hash.finish()
    }
}

/// Appends to `end` those of `bytes`, which are at `offset` in the file, that belong to the
/// `length` bytes at `start`.
fn collect(end: &mut Vec<u8>, bytes: &[u8], offset: u64, start: u64, length: usize) {
    let wanted = start + end.len() as u64;
    let stop = (start + length as u64).min(offset + bytes.len() as u64);
    if wanted >= offset && wanted < stop {
        // In bounds: `wanted` and `stop` lie within `bytes`.
        end.extend_from_slice(&bytes[(wanted - offset) as usize..(stop - offset) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_file_is_hashed_whole_and_a_long_one_by_its_ends() {
        let content: Vec<u8> = (0..400_000_u32).map(|place| (place / 7) as u8).collect();
        for size in [0, 1, END_BYTES, END_BYTES + 1, 2 * END_BYTES] {
            let mut ends = Ends::new(size as u64);
            ends.update(&content[..size], 0);
            let whole = xxhash_rust::xxh3::xxh3_128(&content[..size]).to_be_bytes();
            assert_eq!(ends.quick_hash(), whole, "{size}");
        }
        let mut changed = content.clone();
        changed[200_000] ^= 1;
        let of = |content: &[u8]| {
            let mut ends = Ends::new(content.len() as u64);
            ends.update(content, 0);
            ends.quick_hash()
        };
        assert_eq!(of(&content), of(&changed));
        for place in [0, 65_535, 399_999, 400_000 - 65_536] {
            let mut changed = content.clone();
            changed[place] ^= 1;
            assert_ne!(of(&content), of(&changed), "{place}");
        }
    }

    #[test]
    fn the_last_bytes_of_a_short_file_include_some_of_its_head() {
        let content: Vec<u8> = (0..100_000_u32).map(|place| (place / 7) as u8).collect();
        let mut ends = Ends::new(100_000);
        ends.update(&content, 0);
        assert_eq!(ends.last(END_BYTES), &content[100_000 - END_BYTES..]);
        let mut ends = Ends::new(10);
        ends.update(&content[..10], 0);
        assert_eq!(ends.last(END_BYTES), &content[..10]);
    }
}
