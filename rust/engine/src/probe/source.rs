//! Bounded reading: what a parser sees of a file, whatever the file claims.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::problem::{Problem, Result};

/// What the first look reads: most files say everything in it, and it is one
/// request to a share.
const HEAD: usize = 64 * 1024;

/// The least that any other look reads.
const BLOCK: usize = 16 * 1024;

/// More than it takes from a warm cache on any machine. An index of hundreds of
/// kilobytes would pass for a share's latency else, and have threads started for it.
const COPYING_A_BYTE: Duration = Duration::from_nanos(1);

/// Bounds on the reading of one file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that are read, and so that are kept, in all.
    pub bytes: usize,
    /// Requests to the file system.
    pub requests: u32,
    /// From the first look to the last.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 * 1024 * 1024, requests: 256, time: Duration::from_secs(20) }
    }
}

/// Where bytes come from: a file, or a buffer in tests.
pub trait ReadAt: Sync {
    /// Reads at `offset`, as `pread` does: fewer bytes than asked for, 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

impl ReadAt for &[u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or(&[]);
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.as_slice().read_at(buffer, offset)
    }
}

struct Segment {
    start: u64,
    bytes: Vec<u8>,
}

/// A file as parsers read it: at any place, in bounds, what was read once kept.
pub struct Source<'a> {
    file: &'a dyn ReadAt,
    length: u64,
    segments: Vec<Segment>,
    limits: Limits,
    bytes: usize,
    requests: u32,
    elapsed: Duration,
    deadline: Instant,
}

impl<'a> Source<'a> {
    /// A source of `length` bytes.
    pub fn new(file: &'a dyn ReadAt, length: u64, limits: Limits) -> Self {
        Self {
            file,
            length,
            segments: Vec::new(),
            limits,
            bytes: 0,
            requests: 0,
            elapsed: Duration::ZERO,
            deadline: Instant::now() + limits.time,
        }
    }

    /// The length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the file has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Requests made so far.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Time spent in them.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Time spent in them that is not explained by the copying of what was read: that of
    /// waiting for it.
    pub fn waited(&self) -> Duration {
        self.elapsed.saturating_sub(COPYING_A_BYTE * u32::try_from(self.bytes).unwrap_or(u32::MAX))
    }

    /// The `length` bytes at `offset`.
    ///
    /// # Errors
    /// [`Problem::Damaged`] if the file ends before, [`Problem::Limit`], [`Problem::Io`].
    pub fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let bytes = self.up_to(offset, length)?;
        if bytes.len() < length { Err(Problem::damaged("it ends too early")) } else { Ok(bytes) }
    }

    /// The bytes at `offset`: `length` of them, or what there is up to the end.
    ///
    /// # Errors
    /// [`Problem::Limit`], [`Problem::Io`].
    pub fn up_to(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let there = self.length.saturating_sub(offset);
        let length = usize::try_from(there).unwrap_or(usize::MAX).min(length);
        if length == 0 {
            return Ok(&[]);
        }
        let index = match self.find(offset, length) {
            Some(index) => index,
            None => self.load(offset, length)?,
        };
        let segment = &self.segments[index];
        // In bounds: `offset` lies in the segment.
        let start = (offset - segment.start) as usize;
        Ok(&segment.bytes[start..segment.bytes.len().min(start + length)])
    }

    /// As [`Source::bytes`], for what is read of every file however much a parser read.
    ///
    /// # Errors
    /// [`Problem::Damaged`] if the file ends before, [`Problem::Io`].
    pub fn beyond_limits(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let limits = self.limits;
        self.limits.bytes = self.bytes.saturating_add(length.max(HEAD));
        self.limits.requests = self.requests.saturating_add(length.max(1) as u32);
        self.deadline = self.deadline.max(Instant::now() + limits.time);
        let is_there = self.bytes(offset, length).map(|_| ());
        self.limits = limits;
        is_there?;
        self.bytes(offset, length)
    }

    /// Exactly `N` bytes at `offset`.
    ///
    /// # Errors
    /// As [`Source::bytes`].
    pub fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(offset, N)?);
        Ok(array)
    }

    /// A reader from `offset` to the end, for parsers that want `Read` and `Seek`.
    pub fn reader(&mut self, offset: u64) -> Reader<'_, 'a> {
        Reader { source: self, position: offset }
    }

    fn find(&self, offset: u64, length: usize) -> Option<usize> {
        self.segments.iter().position(|segment| {
            segment.start <= offset
                && offset + length as u64 <= segment.start + segment.bytes.len() as u64
        })
    }

    /// Reads a segment that begins at `offset`, and a little more than asked for.
    fn load(&mut self, offset: u64, length: usize) -> Result<usize> {
        let ahead = if self.segments.is_empty() && offset == 0 { HEAD } else { BLOCK };
        let there = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
        let wanted = length.max(ahead).min(there);
        if wanted > self.limits.bytes.saturating_sub(self.bytes) {
            return Err(Problem::Limit("too many bytes would have to be read"));
        }
        let mut bytes = vec![0; wanted];
        let mut filled = 0;
        while filled < wanted {
            if self.requests >= self.limits.requests {
                return Err(Problem::Limit("too many places would have to be read"));
            }
            let begin = Instant::now();
            if begin >= self.deadline {
                return Err(Problem::Limit("reading it takes too long"));
            }
            self.requests += 1;
            let answer = self.file.read_at(&mut bytes[filled..], offset + filled as u64);
            self.elapsed += begin.elapsed();
            match answer {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(filled);
        self.bytes += filled;
        if filled < length {
            // It became shorter while it was read.
            self.length = self.length.min(offset + filled as u64);
        }
        self.segments.push(Segment { start: offset, bytes });
        Ok(self.segments.len() - 1)
    }
}

/// A place in a [`Source`] that moves as it is read.
pub struct Reader<'s, 'a> {
    source: &'s mut Source<'a>,
    position: u64,
}

impl Read for Reader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A parser that believes a length asks for all of it: not at once.
        let bytes = self.source.up_to(self.position, buffer.len().min(HEAD))?;
        buffer[..bytes.len()].copy_from_slice(bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Reader<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(length: usize) -> Vec<u8> {
        (0..length).map(|number| number as u8).collect()
    }

    #[test]
    fn bytes_come_from_where_they_were_asked_for_and_once() {
        let data = numbered(300_000);
        let mut source = Source::new(&data, 300_000, Limits::default());
        assert_eq!(source.bytes(10, 5).unwrap(), &data[10..15]);
        assert_eq!(source.bytes(200_000, 5).unwrap(), &data[200_000..200_005]);
        assert_eq!(source.bytes(200_100, 500).unwrap(), &data[200_100..200_600]);
        assert_eq!(source.requests(), 2);
        assert_eq!(source.up_to(299_999, 10).unwrap(), &data[299_999..]);
        assert_eq!(source.up_to(u64::MAX, 10).unwrap(), b"");
    }

    #[test]
    fn what_is_not_there_is_damage_and_nothing_is_allocated_for_it() {
        let data = numbered(100);
        let mut source = Source::new(&data, 100, Limits::default());
        assert!(matches!(source.bytes(90, usize::MAX), Err(Problem::Damaged(_))));
        assert!(matches!(source.array::<8>(96), Err(Problem::Damaged(_))));
    }

    #[test]
    fn a_file_that_became_shorter_ends_where_it_ends() {
        let data = numbered(100);
        let mut source = Source::new(&data, 1000, Limits::default());
        assert_eq!(source.up_to(0, 1000).unwrap().len(), 100);
        assert_eq!(source.len(), 100);
    }

    #[test]
    fn limits_hold() {
        let data = numbered(300_000);
        let limits = Limits { bytes: 100_000, requests: 3, ..Limits::default() };
        let mut source = Source::new(&data, 300_000, limits);
        assert!(matches!(source.bytes(0, 200_000), Err(Problem::Limit(_))));
        for place in [1000, 100_000, 200_000] {
            source.bytes(place, 10).unwrap();
        }
        assert!(matches!(source.bytes(250_000, 10), Err(Problem::Limit(_))));
    }

    #[test]
    fn a_reader_reads_and_seeks_as_a_file_does() {
        let data = numbered(200_000);
        let mut source = Source::new(&data, 200_000, Limits::default());
        let mut reader = source.reader(100);
        let mut read = vec![0; 150_000];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(read, data[100..150_100]);
        assert_eq!(reader.seek(SeekFrom::End(-4)).unwrap(), 199_996);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, data[199_996..]);
        assert!(reader.seek(SeekFrom::Current(i64::MIN)).is_err());
    }
}
