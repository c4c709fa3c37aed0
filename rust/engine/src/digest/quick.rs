//! The quick identity of a file: its size, and a hash of its two ends.
//!
//! Files that differ differ there nearly always (headers and indexes of media are
//! at the ends), so two reads tell most files apart, however long they are.

use xxhash_rust::xxh3::Xxh3;

/// The bytes of each end: the first and the last 64 KiB. They do not overlap: a
/// file of up to twice that is hashed whole.
pub const QUICK_PART: usize = 64 * 1024;

/// The lengths of the head and of the tail of a file.
pub fn parts_of(size: u64) -> (usize, usize) {
    let part = QUICK_PART as u64;
    let head = size.min(part);
    (head as usize, (size - head).min(part) as usize)
}

/// XXH3-128 of the two ends of a file, which are given one after the other.
///
/// Not cryptographic: whoever wants to can make two files that share it.
#[derive(Default)]
pub struct QuickHasher(Xxh3);

impl QuickHasher {
    /// Takes the head, or the tail.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The hash as big-endian bytes.
    pub fn finish(self) -> [u8; 16] {
        self.0.digest128().to_be_bytes()
    }
}

/// The ends of a file, gathered while it is read.
pub struct Ends {
    size: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Ends {
    /// Of a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self { size, head: Vec::new(), tail: Vec::new() }
    }

    /// Takes the bytes at `offset`, in order; those between the ends may be left out.
    pub fn update(&mut self, bytes: &[u8], offset: u64) {
        let (head, tail) = parts_of(self.size);
        gather(&mut self.head, bytes, offset, 0, head);
        gather(&mut self.tail, bytes, offset, self.size - tail as u64, tail);
    }

    /// The first 64 KiB, or all there is.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The last `length` bytes, or all there is.
    pub fn last(&self, length: usize) -> Vec<u8> {
        let missing = length.saturating_sub(self.tail.len()).min(self.head.len());
        let mut last = self.head[self.head.len() - missing..].to_vec();
        last.extend_from_slice(&self.tail);
        last
    }

    /// The hash of both.
    pub fn quick_hash(&self) -> [u8; 16] {
        let mut hash = QuickHasher::default();
        hash.update(&self.head);
        hash.update(&self.tail);
        hash.finish()
    }
}

/// Appends what `bytes`, which are at `offset`, have of the `length` bytes at `start`.
fn gather(part: &mut Vec<u8>, bytes: &[u8], offset: u64, start: u64, length: usize) {
    let wanted = start + part.len() as u64;
    let end = (start + length as u64).min(offset + bytes.len() as u64);
    if wanted >= offset && wanted < end {
        // In bounds: both lie in `bytes`.
        part.extend_from_slice(&bytes[(wanted - offset) as usize..(end - offset) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_file_is_hashed_whole_and_a_long_one_by_its_ends() {
        let content: Vec<u8> = (0..400_000_u32).map(|place| (place / 7) as u8).collect();
        for size in [0, 1, QUICK_PART, QUICK_PART + 1, 2 * QUICK_PART] {
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
    fn the_last_bytes_reach_into_the_head_of_a_short_file() {
        let content: Vec<u8> = (0..100_000_u32).map(|place| (place / 7) as u8).collect();
        let mut ends = Ends::new(100_000);
        ends.update(&content, 0);
        assert_eq!(ends.last(QUICK_PART), &content[100_000 - QUICK_PART..]);
        let mut ends = Ends::new(10);
        ends.update(&content[..10], 0);
        assert_eq!(ends.last(QUICK_PART), &content[..10]);
    }
}
