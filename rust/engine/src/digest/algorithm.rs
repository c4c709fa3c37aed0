//! The algorithms, and several of them at work on one reading.

use sha2::Digest;
use xxhash_rust::xxh3::xxh3_64;
use xxhash_rust::xxh64::xxh64;

use super::quick::{Ends, QUICK_PART, parts_of};

/// The bytes of [`Algorithm::Head`].
const HEAD: u64 = 4096;

/// What can be made of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// XXH3-64 of the first 4 KiB: all that it takes to tell most files of one size apart.
    Head,
    /// XXH3-128 of the first and the last 64 KiB; see [`super::QuickHasher`].
    Quick,
    /// BLAKE3, as `b3sum` prints it.
    Blake3,
    /// What libraries of version 6 have: `HEAD:TAIL:SIZE`, XXH64 (seed 0) of the
    /// first and of the last 64 KiB, and the size in bytes.
    Xxh64,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1.
    Sha1,
    /// MD5.
    Md5,
    /// CRC-32 as in `.sfv` files: that of IEEE 802.3.
    Crc32,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Head,
        Self::Quick,
        Self::Blake3,
        Self::Xxh64,
        Self::Sha256,
        Self::Sha512,
        Self::Sha1,
        Self::Md5,
        Self::Crc32,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Quick => "quick",
            Self::Blake3 => "blake3",
            Self::Xxh64 => "xxh64",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Sha1 => "sha1",
            Self::Md5 => "md5",
            Self::Crc32 => "crc32",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether the ends of a file are all that it takes.
    pub fn takes_ends_only(self) -> bool {
        matches!(self, Self::Head | Self::Quick | Self::Xxh64)
    }
}

/// A digest, in lower-case hexadecimal digits.
pub type Value = (Algorithm, String);

/// Algorithms that are fed with the whole of a file.
enum Running {
    Blake3(Box<blake3::Hasher>),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Sha1(sha1::Sha1),
    Md5(md5::Md5),
    Crc32(crc32fast::Hasher),
}

/// Several algorithms at work on one reading of a file.
pub struct Hashers {
    size: u64,
    ends: Option<Ends>,
    of_ends: Vec<Algorithm>,
    of_all: Vec<Running>,
}

impl Hashers {
    /// For a file of `size` bytes.
    pub fn new(algorithms: &[Algorithm], size: u64) -> Self {
        let of_ends: Vec<_> =
            algorithms.iter().copied().filter(|one| one.takes_ends_only()).collect();
        let of_all = algorithms.iter().filter_map(|algorithm| {
            Some(match algorithm {
                Algorithm::Blake3 => Running::Blake3(Box::default()),
                Algorithm::Sha256 => Running::Sha256(Digest::new()),
                Algorithm::Sha512 => Running::Sha512(Digest::new()),
                Algorithm::Sha1 => Running::Sha1(Digest::new()),
                Algorithm::Md5 => Running::Md5(Digest::new()),
                Algorithm::Crc32 => Running::Crc32(crc32fast::Hasher::new()),
                Algorithm::Head | Algorithm::Quick | Algorithm::Xxh64 => return None,
            })
        });
        let of_all = of_all.collect();
        let ends = (!of_ends.is_empty()).then(|| Ends::new(size));
        Self { size, ends, of_ends, of_all }
    }

    /// The ranges of the file that are needed, in order.
    pub fn ranges(&self) -> [(u64, u64); 2] {
        let (head, tail) = parts_of(self.size);
        let (head, tail) = (head as u64, self.size - tail as u64);
        if self.of_all.is_empty() && self.of_ends == [Algorithm::Head] {
            [(0, self.size.min(HEAD)), (self.size, self.size)]
        } else if self.of_all.is_empty() && head < tail {
            [(0, head), (tail, self.size)]
        } else {
            [(0, self.size), (self.size, self.size)]
        }
    }

    /// Whether what is needed is not read from one end to the other.
    pub fn skips(&self) -> bool {
        self.of_all.is_empty()
    }

    /// Takes the bytes at `offset`; those of the whole file come in order.
    pub fn update(&mut self, bytes: &[u8], offset: u64) {
        if let Some(ends) = &mut self.ends {
            ends.update(bytes, offset);
        }
        for running in &mut self.of_all {
            match running {
                Running::Blake3(hasher) => drop(hasher.update(bytes)),
                Running::Sha256(hasher) => hasher.update(bytes),
                Running::Sha512(hasher) => hasher.update(bytes),
                Running::Sha1(hasher) => hasher.update(bytes),
                Running::Md5(hasher) => hasher.update(bytes),
                Running::Crc32(hasher) => hasher.update(bytes),
            }
        }
    }

    /// The digests of what was taken.
    pub fn finish(self) -> Vec<Value> {
        let mut values: Vec<Value> = self
            .of_all
            .into_iter()
            .map(|running| match running {
                Running::Blake3(hasher) => (Algorithm::Blake3, hex(hasher.finalize().as_bytes())),
                Running::Sha256(hasher) => (Algorithm::Sha256, hex(&hasher.finalize())),
                Running::Sha512(hasher) => (Algorithm::Sha512, hex(&hasher.finalize())),
                Running::Sha1(hasher) => (Algorithm::Sha1, hex(&hasher.finalize())),
                Running::Md5(hasher) => (Algorithm::Md5, hex(&hasher.finalize())),
                Running::Crc32(hasher) => (Algorithm::Crc32, hex(&hasher.finalize().to_be_bytes())),
            })
            .collect();
        if let Some(ends) = self.ends {
            for algorithm in self.of_ends {
                let value = match algorithm {
                    Algorithm::Xxh64 => xxh64_of_ends(&ends, self.size),
                    Algorithm::Head => {
                        let head = &ends.head()[..ends.head().len().min(HEAD as usize)];
                        hex(&xxh3_64(head).to_be_bytes())
                    }
                    _ => hex(&ends.quick_hash()),
                };
                values.push((algorithm, value));
            }
        }
        values
    }
}

/// `HEAD:TAIL:SIZE`. The last 64 KiB of a file that has fewer are all of it.
fn xxh64_of_ends(ends: &Ends, size: u64) -> String {
    let tail = ends.last(QUICK_PART);
    format!("{:016x}:{:016x}:{size}", xxh64(ends.head(), 0), xxh64(&tail, 0))
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

    fn digests(content: &[u8], pieces: usize) -> Vec<Value> {
        let mut hashers = Hashers::new(&Algorithm::ALL, content.len() as u64);
        let mut offset = 0;
        for piece in content.chunks(pieces) {
            hashers.update(piece, offset);
            offset += piece.len() as u64;
        }
        hashers.finish()
    }

    fn value(values: &[Value], wanted: Algorithm) -> &str {
        &values.iter().find(|(algorithm, _)| *algorithm == wanted).unwrap().1
    }

    #[test]
    fn published_test_vectors_come_out() {
        // RFC 1321, FIPS 180-4, the BLAKE3 specification's own, and the CRC catalogue's "check".
        let abc = digests(b"abc", 2);
        assert_eq!(value(&abc, Algorithm::Md5), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(value(&abc, Algorithm::Sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            value(&abc, Algorithm::Sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(value(&abc, Algorithm::Sha512).starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(
            value(&digests(b"", 1), Algorithm::Blake3),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        assert_eq!(value(&digests(b"123456789", 4), Algorithm::Crc32), "cbf43926");
        // XXH64 with seed 0 of "abc" and of nothing (the xxHash specification's tests).
        assert_eq!(value(&abc, Algorithm::Xxh64), "44bc2cf5ad770999:44bc2cf5ad770999:3");
        assert_eq!(
            value(&digests(b"", 1), Algorithm::Xxh64),
            "ef46db3751d8e999:ef46db3751d8e999:0"
        );
    }

    #[test]
    fn the_pieces_of_a_reading_do_not_matter() {
        for size in [1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000] {
            let content: Vec<u8> = (0..size).map(|place: u32| ((place * 31) >> 3) as u8).collect();
            let whole = digests(&content, content.len());
            for pieces in [997, 65_536, 100_000] {
                assert_eq!(digests(&content, pieces), whole, "{size} in {pieces}");
            }
        }
    }
}
