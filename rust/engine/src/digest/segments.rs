//! A large file in segments, which several threads digest with BLAKE3.
//!
//! BLAKE3 is a binary tree over chunks of 1 KiB. The left subtree always has a power of two
//! of chunks (the BLAKE3 paper, section 2.1). So segments whose size is a power of two are
//! subtrees, and their values can be joined to the hash of the whole file.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use super::algorithm::hex;
use super::file::{OpenFile, Problem, catch_panic};
use super::reader::{DiskLock, Reader};

/// The bytes of each segment except the last; a power of two.
pub const SEGMENT_BYTES: u64 = if cfg!(test) { 1 << 20 } else { 32 << 20 };

/// The most segments, each of which takes 32 bytes of memory. A file with more is sparse, or
/// its file system is broken; it is read from beginning to end instead.
const MOST_SEGMENTS: usize = 1 << 20;

/// A file whose segments are read by all threads that have nothing else to do.
pub struct SegmentedFile {
    file: OpenFile,
    count: usize,
    next: AtomicUsize,
    has_failed: AtomicBool,
    state: Mutex<State>,
}

struct State {
    values: Vec<ChainingValue>,
    unfinished: usize,
    problem: Option<Problem>,
}

impl SegmentedFile {
    /// Splits a file, or returns it unchanged if it has fewer than two segments or too many.
    pub fn split(file: OpenFile) -> Result<Self, OpenFile> {
        let count = file.state.size.div_ceil(SEGMENT_BYTES);
        match usize::try_from(count) {
            Ok(count @ 2..=MOST_SEGMENTS) => Ok(Self {
                file,
                count,
                next: AtomicUsize::new(0),
                has_failed: AtomicBool::new(false),
                state: Mutex::new(State {
                    values: vec![ChainingValue::default(); count],
                    unfinished: count,
                    problem: None,
                }),
            }),
            _ => Err(file),
        }
    }

    /// The file.
    pub fn file(&self) -> &OpenFile {
        &self.file
    }

    /// Whether there are segments that no thread reads yet.
    pub fn has_more(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.count
    }

    /// Reads segments until there are no more. Returns whether this thread finished the last
    /// one, and therefore has to ask for the outcome.
    pub fn read(&self, reader: &Reader, lock: Option<&DiskLock>, buffer: &mut [u8]) -> bool {
        let mut is_last = false;
        loop {
            let segment = self.next.fetch_add(1, Ordering::Relaxed);
            if segment >= self.count {
                return is_last;
            }
            let outcome = if self.has_failed.load(Ordering::Relaxed) {
                // Segments that are left still have to be counted.
                Ok(ChainingValue::default())
            } else {
                // Each segment must be counted, whatever happens: the job ends with the last one.
                catch_panic(|| self.value_of(segment, reader, lock, buffer))
            };
            let mut state = self.lock();
            match outcome {
                Ok(value) => state.values[segment] = value,
                Err(problem) => {
                    self.has_failed.store(true, Ordering::Relaxed);
                    if is_worse(&problem, state.problem.as_ref()) {
                        state.problem = Some(problem);
                    }
                }
            }
            state.unfinished -= 1;
            is_last = state.unfinished == 0;
        }
    }

    fn value_of(
        &self,
        segment: usize,
        reader: &Reader,
        lock: Option<&DiskLock>,
        buffer: &mut [u8],
    ) -> Result<ChainingValue, Problem> {
        let start = segment as u64 * SEGMENT_BYTES;
        let end = (start + SEGMENT_BYTES).min(self.file.state.size);
        let mut hasher = Hasher::new();
        hasher.set_input_offset(start);
        reader.read(&self.file.file, lock, (start, end), buffer, |bytes, _| {
            hasher.update(bytes);
        })?;
        Ok(hasher.finalize_non_root())
    }

    /// The digest of the whole file in hexadecimal digits, once all segments are read.
    pub fn outcome(&self) -> Result<String, Problem> {
        let mut state = self.lock();
        if let Some(problem) = state.problem.take() {
            return Err(problem);
        }
        let (left, right) = state.values.split_at(left_of(self.count));
        let hash = merge_subtrees_root(&join(left), &join(right), Mode::Hash);
        Ok(hex(hash.as_bytes()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `problem` replaces `than`: the first place that cannot be read is reported.
fn is_worse(problem: &Problem, than: Option<&Problem>) -> bool {
    match (problem, than) {
        (
            Problem::Unreadable { offset: Some(offset), .. },
            Some(Problem::Unreadable { offset: Some(other), .. }),
        ) => offset < other,
        (_, other) => other.is_none(),
    }
}

/// How many of `count` segments (two or more) are in the left subtree: the largest power of
/// two that leaves at least one segment for the right.
fn left_of(count: usize) -> usize {
    (count / 2 + count % 2).next_power_of_two()
}

fn join(values: &[ChainingValue]) -> ChainingValue {
    if let [value] = values {
        return *value;
    }
    let (left, right) = values.split_at(left_of(values.len()));
    merge_subtrees_non_root(&join(left), &join(right), Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory_cache::DirectoryCache;

    #[test]
    fn the_left_subtree_has_a_power_of_two_of_segments() {
        let expected = [(2, 1), (3, 2), (4, 2), (5, 4), (6, 4), (8, 4), (9, 8), (1000, 512)];
        for (count, left) in expected {
            assert_eq!(left_of(count), left, "{count}");
        }
    }

    #[test]
    fn segments_give_the_digest_of_the_whole_file() {
        let directory = tempfile::tempdir().unwrap();
        let reader = Reader::new(None, false);
        for size in [
            SEGMENT_BYTES + 1,
            2 * SEGMENT_BYTES - 1,
            2 * SEGMENT_BYTES,
            2 * SEGMENT_BYTES + 1,
            5 * SEGMENT_BYTES + 77,
        ] {
            let content: Vec<u8> = (0..size).map(|place| ((place * 31) >> 5) as u8).collect();
            let path = directory.path().join("file");
            std::fs::write(&path, &content).unwrap();
            let opened = OpenFile::open(&DirectoryCache::default(), &path, false).unwrap();
            let segmented = SegmentedFile::split(opened).ok().unwrap();
            let finished: usize = std::thread::scope(|scope| {
                let readers: Vec<_> = (0..3)
                    .map(|_| {
                        scope.spawn(|| {
                            usize::from(segmented.read(&reader, None, &mut reader.buffer()))
                        })
                    })
                    .collect();
                readers.into_iter().map(|reader| reader.join().unwrap()).sum()
            });
            assert_eq!(finished, 1);
            assert_eq!(segmented.outcome().unwrap(), blake3::hash(&content).to_hex().as_str());
        }
    }

    #[test]
    fn a_file_of_one_segment_is_not_split() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [0; 1000]).unwrap();
        let opened = OpenFile::open(&DirectoryCache::default(), &path, false).unwrap();
        assert!(SegmentedFile::split(opened).is_err());
    }

    #[test]
    fn a_file_of_too_many_segments_is_not_split() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [0; 1000]).unwrap();
        for size in [MOST_SEGMENTS as u64 * SEGMENT_BYTES + 1, 1 << 62, u64::MAX] {
            let mut opened = OpenFile::open(&DirectoryCache::default(), &path, false).unwrap();
            opened.state.size = size;
            assert!(SegmentedFile::split(opened).is_err());
        }
    }

    #[test]
    fn a_panic_while_a_segment_is_read_is_a_problem_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, vec![0; SEGMENT_BYTES as usize + 1000]).unwrap();
        let opened = OpenFile::open(&DirectoryCache::default(), &path, false).unwrap();
        let segmented = SegmentedFile::split(opened).ok().unwrap();
        // The buffer is too short for a read of one piece.
        let mut too_short = [0; 999];
        assert!(segmented.read(&Reader::new(None, true), None, &mut too_short));
        assert!(matches!(segmented.outcome(), Err(Problem::Panic(_))));
    }
}
