//! Several files that probably have the same content, read side by side.
//!
//! To compare the bytes of two files takes a tenth of the time of digesting them. So a block is
//! read from each file, and digested once for all files that have been equal so far.

use super::algorithm::{Algorithm, Hashers, Value};
use super::file::{OpenFile, Problem};
use super::reader::{BUFFER_BYTES, Buffer, DiskLock, Reader};

/// The most files that are read side by side. With more, less is gained by each, and more
/// descriptors are needed.
pub const MOST_FILES: usize = 8;

/// Files that have been equal so far, and the state of their digests.
struct Equal {
    /// Their places in the list of files.
    files: Vec<usize>,
    hashers: Hashers,
}

/// Digests files of the same size. There is an outcome for each, whether or not they are equal.
pub fn digest_alike(
    files: &[&OpenFile],
    algorithms: &[&'static Algorithm],
    reader: &Reader,
    lock: Option<&DiskLock>,
    buffers: &mut [Buffer; 2],
) -> Vec<Result<Vec<Value>, Problem>> {
    let size = files.first().map_or(0, |file| file.state.size);
    let hashers = Hashers::new(algorithms, size);
    let ranges = hashers.ranges();
    let mut outcomes: Vec<_> = files.iter().map(|_| Ok(Vec::new())).collect();
    let mut sets = vec![Equal { files: (0..files.len()).collect(), hashers }];
    let [first, other] = buffers;
    for (start, end) in ranges {
        for offset in (start..end).step_by(BUFFER_BYTES) {
            let block = (offset, end.min(offset + BUFFER_BYTES as u64));
            let mut read = |file: usize, buffer: &mut Buffer| {
                let length = reader.read_block(&files[file].file, lock, block, buffer);
                length.map_err(|problem| outcomes[file] = Err(problem)).ok()
            };
            let mut different = Vec::new();
            for set in &mut sets {
                let mut length = None;
                set.files.retain(|&file| {
                    let Some(known) = length else {
                        length = read(file, first);
                        return length.is_some();
                    };
                    let Some(length) = read(file, other) else { return false };
                    let is_equal = other[..length] == first[..known];
                    if !is_equal {
                        let mut hashers = set.hashers.clone();
                        hashers.update(&other[..length], offset);
                        different.push(Equal { files: vec![file], hashers });
                    }
                    is_equal
                });
                if let Some(length) = length {
                    set.hashers.update(&first[..length], offset);
                }
            }
            sets.append(&mut different);
        }
    }
    for set in sets {
        let values = set.hashers.finish();
        for file in set.files {
            outcomes[file] = Ok(values.clone());
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::algorithm::ALGORITHMS;
    use crate::directory_cache::DirectoryCache;
    use std::fs;

    fn open(directory: &std::path::Path, name: &str, content: &[u8]) -> OpenFile {
        let path = directory.join(name);
        fs::write(&path, content).unwrap();
        OpenFile::open(&DirectoryCache::default(), &path, false).unwrap()
    }

    fn digest(files: &[&OpenFile], names: &[&str]) -> Vec<Result<Vec<Value>, Problem>> {
        let algorithms: Vec<_> =
            names.iter().map(|name| Algorithm::from_name(name).unwrap()).collect();
        let reader = Reader::new(None, false);
        let mut buffers = [reader.buffer(), reader.buffer()];
        digest_alike(files, &algorithms, &reader, None, &mut buffers)
    }

    #[test]
    fn each_file_gets_its_own_digests_wherever_it_differs_from_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let size = 3 * BUFFER_BYTES + 77;
        let content: Vec<u8> = (0..size).map(|place| ((place * 31) >> 5) as u8).collect();
        let mut contents = vec![content.clone(), content.clone(), content.clone()];
        for place in [0, BUFFER_BYTES - 1, BUFFER_BYTES, 2 * BUFFER_BYTES + 5, size - 1] {
            let mut changed = content.clone();
            changed[place] ^= 1;
            contents.extend([changed.clone(), changed]);
        }
        let opened: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(number, content)| open(directory.path(), &number.to_string(), content))
            .collect();
        for first in 0..opened.len() {
            // Each file is the first one once.
            let order: Vec<_> =
                (0..opened.len()).map(|number| (first + number) % opened.len()).collect();
            let files: Vec<_> = order.iter().map(|&number| &opened[number]).collect();
            let names: Vec<_> = ALGORITHMS.iter().map(|algorithm| algorithm.name).collect();
            for names in [&["blake3"][..], &["quick"], &names] {
                for (outcome, &number) in digest(&files, names).into_iter().zip(&order) {
                    let alone = digest(&[&opened[number]], names).remove(0).unwrap();
                    assert_eq!(outcome.unwrap(), alone, "{number} of {order:?}");
                    let expected = blake3::hash(&contents[number]).to_hex().to_string();
                    for (algorithm, hex) in alone {
                        assert!(algorithm.name != "blake3" || hex == expected);
                    }
                }
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_to_its_end_does_not_affect_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let content = vec![7; 2 * BUFFER_BYTES];
        let cut = open(directory.path(), "cut", &content);
        let others = ["a", "b"].map(|name| open(directory.path(), name, &content));
        fs::write(directory.path().join("cut"), &content[..BUFFER_BYTES + 9]).unwrap();
        for order in [[&cut, &others[0], &others[1]], [&others[0], &cut, &others[1]]] {
            for (outcome, file) in digest(&order, &["blake3"]).into_iter().zip(order) {
                if std::ptr::eq(file, &cut) {
                    assert!(matches!(outcome, Err(Problem::Changing)));
                } else {
                    let hex = blake3::hash(&content).to_hex().to_string();
                    assert_eq!(outcome.unwrap()[0].1, hex);
                }
            }
        }
    }

    #[test]
    fn empty_files_and_no_files_have_their_digests_too() {
        let directory = tempfile::tempdir().unwrap();
        let empty = ["a", "b"].map(|name| open(directory.path(), name, b""));
        for outcome in digest(&[&empty[0], &empty[1]], &["blake3"]) {
            assert_eq!(outcome.unwrap()[0].1, blake3::hash(b"").to_hex().as_str());
        }
        assert!(digest(&[], &["blake3"]).is_empty());
    }
}
