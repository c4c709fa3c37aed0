//! The table of algorithms, and several of them at work while a file is read once.
//!
//! A new algorithm is one entry in [`ALGORITHMS`]. If it reads whole files, it also needs
//! an implementation of [`Hasher`], which exists already for every `sha2::Digest`.

use std::fmt;

use sha2::Digest;
use xxhash_rust::xxh3::xxh3_64;
use xxhash_rust::xxh64::xxh64;

use super::quick_hash::{END_BYTES, Ends};

/// The bytes of "head".
const HEAD_BYTES: usize = 4096;

/// The name of the algorithm that `segments.rs` implements.
pub const BLAKE3: &str = "blake3";

/// All algorithms, in the order in which they are listed for users of the engine.
pub static ALGORITHMS: &[Algorithm] = &[
    // XXH3-64 of the first 4 KiB, which is enough to distinguish most files of one size.
    Algorithm { name: "head", input: Input::Ends { head: HEAD_BYTES, tail: 0, digest: head } },
    // XXH3-128 of the first and the last 64 KiB; see `QuickHasher`.
    Algorithm { name: "quick", input: Input::ends(|ends| hex(&ends.quick_hash())) },
    // As `b3sum` prints it.
    Algorithm { name: BLAKE3, input: Input::Whole(|| Box::new(blake3::Hasher::new())) },
    // As catalogues of version 6 have it.
    Algorithm { name: "xxh64", input: Input::ends(xxh64_of_ends) },
    Algorithm { name: "sha256", input: Input::Whole(standard::<sha2::Sha256>) },
    Algorithm { name: "sha512", input: Input::Whole(standard::<sha2::Sha512>) },
    Algorithm { name: "sha1", input: Input::Whole(standard::<sha1::Sha1>) },
    Algorithm { name: "md5", input: Input::Whole(standard::<md5::Md5>) },
    // CRC-32 of IEEE 802.3, as in `.sfv` files.
    Algorithm { name: "crc32", input: Input::Whole(|| Box::new(crc32fast::Hasher::new())) },
];

/// A way to digest a file's content: an entry of [`ALGORITHMS`].
pub struct Algorithm {
    /// Its stable name.
    pub name: &'static str,
    input: Input,
}

/// Digests the ends of a file.
type DigestEnds = fn(&Ends) -> String;

/// The bytes of a file that an algorithm digests, and how.
enum Input {
    /// At most this many bytes at the beginning and at the end, no more than [`END_BYTES`].
    Ends { head: usize, tail: usize, digest: DigestEnds },
    /// All bytes in order.
    Whole(fn() -> Box<dyn Hasher>),
}

impl Input {
    const fn ends(digest: DigestEnds) -> Self {
        Self::Ends { head: END_BYTES, tail: END_BYTES, digest }
    }
}

impl Algorithm {
    /// The algorithm with this name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        ALGORITHMS.iter().find(|algorithm| algorithm.name == name)
    }
}

impl PartialEq for Algorithm {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The digest by one algorithm, in lower-case hexadecimal digits.
pub type Value = (&'static Algorithm, String);

/// An algorithm at work on a whole file.
trait Hasher: Send {
    /// Takes the next bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The digest of all bytes.
    fn finish(self: Box<Self>) -> Vec<u8>;
    /// The same after the same bytes.
    fn copy(&self) -> Box<dyn Hasher>;
}

impl Clone for Box<dyn Hasher> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// The algorithms of the RustCrypto crates.
struct Standard<D>(D);

impl<D: Digest + Clone + Send + 'static> Hasher for Standard<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }

    fn copy(&self) -> Box<dyn Hasher> {
        Box::new(Self(self.0.clone()))
    }
}

fn standard<D: Digest + Clone + Send + 'static>() -> Box<dyn Hasher> {
    Box::new(Standard(D::new()))
}

impl Hasher for blake3::Hasher {
    fn update(&mut self, bytes: &[u8]) {
        blake3::Hasher::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.finalize().as_bytes().to_vec()
    }

    fn copy(&self) -> Box<dyn Hasher> {
        Box::new(self.clone())
    }
}

impl Hasher for crc32fast::Hasher {
    fn update(&mut self, bytes: &[u8]) {
        crc32fast::Hasher::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.finalize().to_be_bytes().to_vec()
    }

    fn copy(&self) -> Box<dyn Hasher> {
        Box::new(self.clone())
    }
}

fn head(ends: &Ends) -> String {
    let head = &ends.head()[..ends.head().len().min(HEAD_BYTES)];
    hex(&xxh3_64(head).to_be_bytes())
}

/// `HEAD:TAIL:SIZE`: XXH64 with seed 0 of the first and of the last 64 KiB, and the size in
/// bytes. The last 64 KiB of a smaller file are the whole file.
fn xxh64_of_ends(ends: &Ends) -> String {
    let tail = ends.last(END_BYTES);
    format!("{:016x}:{:016x}:{}", xxh64(ends.head(), 0), xxh64(&tail, 0), ends.size())
}

/// Several algorithms at work while a file is read once.
#[derive(Clone)]
pub struct Hashers {
    size: u64,
    /// The most bytes that an algorithm needs from the beginning and from the end.
    head: usize,
    tail: usize,
    ends: Ends,
    of_ends: Vec<(&'static Algorithm, DigestEnds)>,
    of_whole: Vec<(&'static Algorithm, Box<dyn Hasher>)>,
}

impl Hashers {
    /// For a file of `size` bytes.
    pub fn new(algorithms: &[&'static Algorithm], size: u64) -> Self {
        let mut this = Self {
            size,
            head: 0,
            tail: 0,
            ends: Ends::new(size),
            of_ends: Vec::new(),
            of_whole: Vec::new(),
        };
        for &algorithm in algorithms {
            match algorithm.input {
                Input::Ends { head, tail, digest } => {
                    this.head = this.head.max(head);
                    this.tail = this.tail.max(tail);
                    this.of_ends.push((algorithm, digest));
                }
                Input::Whole(new) => this.of_whole.push((algorithm, new())),
            }
        }
        this
    }

    /// The ranges of the file that have to be read, in order. The second may be empty.
    pub fn ranges(&self) -> [(u64, u64); 2] {
        let head = self.size.min(self.head as u64);
        let tail = (self.size - head).min(self.tail as u64);
        if self.reads_ends_only() && head + tail < self.size {
            [(0, head), (self.size - tail, self.size)]
        } else {
            [(0, self.size), (self.size, self.size)]
        }
    }

    /// Whether only the ends of the file have to be read.
    pub fn reads_ends_only(&self) -> bool {
        self.of_whole.is_empty()
    }

    /// Takes the bytes at `offset`. The ranges must come in order.
    pub fn update(&mut self, bytes: &[u8], offset: u64) {
        if !self.of_ends.is_empty() {
            self.ends.update(bytes, offset);
        }
        for (_, hasher) in &mut self.of_whole {
            hasher.update(bytes);
        }
    }

    /// The digests of the bytes that were taken.
    pub fn finish(self) -> Vec<Value> {
        let of_whole =
            self.of_whole.into_iter().map(|(algorithm, hasher)| (algorithm, hex(&hasher.finish())));
        let ends = self.ends;
        let of_ends =
            self.of_ends.into_iter().map(|(algorithm, digest)| (algorithm, digest(&ends)));
        of_whole.chain(of_ends).collect()
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(content: &[u8], piece_bytes: usize) -> Vec<Value> {
        let all: Vec<_> = ALGORITHMS.iter().collect();
        let mut hashers = Hashers::new(&all, content.len() as u64);
        let mut offset = 0;
        for piece in content.chunks(piece_bytes) {
            hashers.update(piece, offset);
            offset += piece.len() as u64;
        }
        hashers.finish()
    }

    fn value<'v>(values: &'v [Value], wanted: &str) -> &'v str {
        &values.iter().find(|(algorithm, _)| algorithm.name == wanted).unwrap().1
    }

    #[test]
    fn published_test_vectors_are_reproduced() {
        // RFC 1321, FIPS 180-4, the BLAKE3 specification's own, and the CRC catalogue's "check".
        let abc = digests(b"abc", 2);
        assert_eq!(value(&abc, "md5"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(value(&abc, "sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            value(&abc, "sha256"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(value(&abc, "sha512").starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(
            value(&digests(b"", 1), "blake3"),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        assert_eq!(value(&digests(b"123456789", 4), "crc32"), "cbf43926");
        // XXH64 with seed 0 of "abc" and of nothing (the xxHash specification's tests).
        assert_eq!(value(&abc, "xxh64"), "44bc2cf5ad770999:44bc2cf5ad770999:3");
        assert_eq!(value(&digests(b"", 1), "xxh64"), "ef46db3751d8e999:ef46db3751d8e999:0");
    }

    #[test]
    fn digests_do_not_depend_on_the_pieces_in_which_a_file_is_read() {
        for size in [1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000] {
            let content: Vec<u8> = (0..size).map(|place: u32| ((place * 31) >> 3) as u8).collect();
            let whole = digests(&content, content.len());
            for piece_bytes in [997, 65_536, 100_000] {
                assert_eq!(digests(&content, piece_bytes), whole, "{size} in {piece_bytes}");
            }
        }
    }

    #[test]
    fn only_the_bytes_that_the_algorithms_need_are_read() {
        let ranges = |names: &[&str], size| {
            let algorithms: Vec<_> =
                names.iter().map(|name| Algorithm::from_name(name).unwrap()).collect();
            Hashers::new(&algorithms, size).ranges()
        };
        assert_eq!(ranges(&["head"], 100), [(0, 100), (100, 100)]);
        assert_eq!(ranges(&["head"], 9000), [(0, 4096), (9000, 9000)]);
        assert_eq!(ranges(&["quick"], 131_072), [(0, 131_072), (131_072, 131_072)]);
        for names in [&["quick"][..], &["head", "quick"], &["xxh64", "head"]] {
            assert_eq!(ranges(names, 131_073), [(0, 65_536), (65_537, 131_073)]);
        }
        assert_eq!(ranges(&["head", "md5"], 9000), [(0, 9000), (9000, 9000)]);
        assert_eq!(ranges(&[], 9000), [(0, 0), (9000, 9000)]);
    }
}
