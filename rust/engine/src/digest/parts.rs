//! A large file in parts, which several threads digest with BLAKE3.
//!
//! BLAKE3 is a binary tree over chunks of 1 KiB, the left side always a power of
//! two of them (the BLAKE3 paper, section 2.1). Parts of a power of two are
//! subtrees of it, whose values are joined to that of the whole.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use super::algorithm::hex;
use super::file::{Opened, Problem, guarded};
use super::reading::{Arm, Reader};

/// The bytes of a part, but for the last. A power of two.
pub const PART: u64 = if cfg!(test) { 1 << 20 } else { 32 << 20 };

/// Of 32 bytes each. A file of more is a sparse one, or one of a file system that is
/// broken: it is read from one end to the other, as room for petabytes there is not.
const MOST_PARTS: usize = 1 << 20;

/// A file that is read in parts, by whoever has nothing else to do.
pub struct Parts {
    opened: Opened,
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

impl Parts {
    /// Parts of a file that has at least two of them, and not too many; else the file.
    pub fn of(opened: Opened) -> Result<Self, Opened> {
        let count = opened.stamp.size.div_ceil(PART);
        match usize::try_from(count) {
            Ok(count @ 2..=MOST_PARTS) => Ok(Self {
                opened,
                count,
                next: AtomicUsize::new(0),
                has_failed: AtomicBool::new(false),
                state: Mutex::new(State {
                    values: vec![ChainingValue::default(); count],
                    unfinished: count,
                    problem: None,
                }),
            }),
            _ => Err(opened),
        }
    }

    /// The file.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Whether a part waits for a reader.
    pub fn has_more(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.count
    }

    /// Reads parts until there are no more. Returns whether this reader finished
    /// the last of all, and so is to ask for the outcome.
    pub fn read(&self, reader: &Reader, arm: Option<&Arm>, buffer: &mut [u8]) -> bool {
        let mut is_last = false;
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= self.count {
                return is_last;
            }
            let outcome = if self.has_failed.load(Ordering::Relaxed) {
                // The others still have to be counted.
                Ok(ChainingValue::default())
            } else {
                // Each part must be counted, whatever happens: others wait for the last.
                guarded(|| self.value_of(part, reader, arm, buffer))
            };
            let mut state = self.lock();
            match outcome {
                Ok(value) => state.values[part] = value,
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
        part: usize,
        reader: &Reader,
        arm: Option<&Arm>,
        buffer: &mut [u8],
    ) -> Result<ChainingValue, Problem> {
        let start = part as u64 * PART;
        let end = (start + PART).min(self.opened.stamp.size);
        let mut hasher = Hasher::new();
        hasher.set_input_offset(start);
        reader.read(&self.opened.file, arm, (start, end), buffer, |bytes, _| {
            hasher.update(bytes);
        })?;
        Ok(hasher.finalize_non_root())
    }

    /// The digest of the whole, as hexadecimal digits, once all parts are read.
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

/// Of two places that cannot be read, the first is told.
fn is_worse(problem: &Problem, than: Option<&Problem>) -> bool {
    match (problem, than) {
        (
            Problem::Unreadable { offset: Some(offset), .. },
            Some(Problem::Unreadable { offset: Some(other), .. }),
        ) => offset < other,
        (_, other) => other.is_none(),
    }
}

/// How many of `count` subtrees (two or more) are on the left: the largest power of
/// two that leaves one for the right.
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
    use crate::opening::Directories;

    #[test]
    fn the_left_side_is_a_power_of_two() {
        let expected = [(2, 1), (3, 2), (4, 2), (5, 4), (6, 4), (8, 4), (9, 8), (1000, 512)];
        for (count, left) in expected {
            assert_eq!(left_of(count), left, "{count}");
        }
    }

    #[test]
    fn the_digest_of_parts_is_that_of_the_whole() {
        let directory = tempfile::tempdir().unwrap();
        let reader = Reader::new(None, false);
        for size in [PART + 1, 2 * PART - 1, 2 * PART, 2 * PART + 1, 5 * PART + 77] {
            let content: Vec<u8> = (0..size).map(|place| ((place * 31) >> 5) as u8).collect();
            let path = directory.path().join("file");
            std::fs::write(&path, &content).unwrap();
            let opened = Opened::at(&Directories::default(), &path, false).unwrap();
            let parts = Parts::of(opened).ok().unwrap();
            let finished: usize = std::thread::scope(|scope| {
                let readers: Vec<_> = (0..3)
                    .map(|_| {
                        scope.spawn(|| usize::from(parts.read(&reader, None, &mut reader.buffer())))
                    })
                    .collect();
                readers.into_iter().map(|reader| reader.join().unwrap()).sum()
            });
            assert_eq!(finished, 1);
            assert_eq!(parts.outcome().unwrap(), blake3::hash(&content).to_hex().as_str());
        }
    }

    #[test]
    fn a_file_of_one_part_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [0; 1000]).unwrap();
        let opened = Opened::at(&Directories::default(), &path, false).unwrap();
        assert!(Parts::of(opened).is_err());
    }

    #[test]
    fn a_file_of_too_many_parts_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [0; 1000]).unwrap();
        for size in [MOST_PARTS as u64 * PART + 1, 1 << 62, u64::MAX] {
            let mut opened = Opened::at(&Directories::default(), &path, false).unwrap();
            opened.stamp.size = size;
            assert!(Parts::of(opened).is_err());
        }
    }

    #[test]
    fn a_part_whose_reading_panics_is_a_problem_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, vec![0; PART as usize + 1000]).unwrap();
        let opened = Opened::at(&Directories::default(), &path, false).unwrap();
        let parts = Parts::of(opened).ok().unwrap();
        // What is read in one piece does not fit.
        let mut too_short = [0; 999];
        assert!(parts.read(&Reader::new(None, true), None, &mut too_short));
        assert!(matches!(parts.outcome(), Err(Problem::Panic(_))));
    }
}
