//! Reads a file within limits, whatever the file claims.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::problem::{Problem, Result};

/// The bytes of the first read. They are enough for most files, and one request to a network
/// share.
const HEAD: usize = 64 * 1024;

/// The least bytes of any other read.
const BLOCK: usize = 16 * 1024;

/// More than the time to copy a cached byte on any machine. It is not counted as latency:
/// otherwise an index of hundreds of kilobytes would look like a slow share, and more threads
/// would be started for it.
const COPYING_A_BYTE: Duration = Duration::from_nanos(1);

/// Limits on the reading of one file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes that are read, and so kept, in total.
    pub bytes: usize,
    /// The most requests to the file system.
    pub requests: u32,
    /// The longest time from the first read to the last.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 * 1024 * 1024, requests: 256, time: Duration::from_secs(20) }
    }
}

/// A file, or a buffer in tests.
pub trait ReadAt: Sync {
    /// Reads at `offset`, like `pread`: it may return fewer bytes than asked for, and 0 at
    /// the end.
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

/// A file of a length, and bytes behind it.
struct Behind<'a> {
    file: &'a dyn ReadAt,
    length: u64,
    bytes: Vec<u8>,
}

impl ReadAt for Behind<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match offset.checked_sub(self.length) {
            Some(behind) => self.bytes.read_at(buffer, behind),
            None => {
                let there = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
                let most = buffer.len().min(there);
                self.file.read_at(&mut buffer[..most], offset)
            }
        }
    }
}

/// The most bytes of a buffer that is kept for the next file, and of such buffers per thread.
const LARGEST_SPARE: usize = 256 * 1024;
const MOST_SPARES: usize = 8;

thread_local! {
    /// Buffers of earlier files. To allocate and clear new ones takes as long as to fill them.
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of the file. Its buffer may be longer.
struct Segment {
    start: u64,
    length: usize,
    buffer: Vec<u8>,
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// A buffer of at least `length` bytes, which are anything.
fn buffer_of(length: usize) -> Vec<u8> {
    let mut buffer = SPARES.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < length {
        // Of a length that suits most reads, so that it is cleared only once.
        buffer.resize(length.max(HEAD), 0);
    }
    buffer
}

/// A file as parsers read it: at any offset, within limits. Bytes that were read once are
/// kept.
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

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The number of requests so far.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// The time spent in requests.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The time spent in requests, minus the time for copying the bytes: the time of waiting
    /// for them.
    pub fn waited(&self) -> Duration {
        self.elapsed.saturating_sub(COPYING_A_BYTE * u32::try_from(self.bytes).unwrap_or(u32::MAX))
    }

    /// The `length` bytes at `offset`.
    ///
    /// # Errors
    /// [`Problem::Damaged`] if the file ends before, [`Problem::Limit`], [`Problem::Io`].
    pub fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let bytes = self.up_to(offset, length)?;
        if bytes.len() < length { Err(Problem::damaged("the file is cut off")) } else { Ok(bytes) }
    }

    /// The `length` bytes at `offset`, or fewer at the end of the file.
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
        // In bounds: `offset` lies within the segment.
        let start = (offset - segment.start) as usize;
        Ok(&segment.bytes()[start..segment.length.min(start + length)])
    }

    /// The end of the file, and where it begins. These are the bytes that are read for the quick
    /// hash in any case.
    ///
    /// # Errors
    /// [`Problem::Limit`], [`Problem::Io`].
    pub fn ending(&mut self) -> Result<(u64, Cow<'_, [u8]>)> {
        let head = HEAD as u64;
        if self.length <= head {
            return Ok((0, self.up_to(0, HEAD)?.into()));
        }
        if self.length > 2 * head {
            let start = self.length - head;
            return Ok((start, self.up_to(start, HEAD)?.into()));
        }
        let mut bytes = self.up_to(0, HEAD)?.to_vec();
        bytes.extend_from_slice(self.up_to(head, HEAD)?);
        Ok((0, bytes.into()))
    }

    /// Like [`Source::bytes`], but without the limits: for bytes that are read from every
    /// file, however much its parser read.
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

    /// The `N` bytes at `offset`.
    ///
    /// # Errors
    /// The errors of [`Source::bytes`].
    pub fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(offset, N)?);
        Ok(array)
    }

    /// Calls `read` with a source that has these bytes behind the end of the file: headers that
    /// were inflated, say. What is read counts as reading of this source.
    pub fn with_behind<T>(&mut self, bytes: Vec<u8>, read: impl FnOnce(&mut Source<'_>) -> T) -> T {
        let length = self.length.saturating_add(bytes.len() as u64);
        let extended = Behind { file: self.file, length: self.length, bytes };
        let limits = Limits {
            bytes: self.limits.bytes.saturating_sub(self.bytes),
            requests: self.limits.requests.saturating_sub(self.requests),
            time: self.deadline.saturating_duration_since(Instant::now()),
        };
        let mut source = Source::new(&extended, length, limits);
        let result = read(&mut source);
        self.bytes += source.bytes;
        self.requests += source.requests;
        self.elapsed += source.elapsed;
        result
    }

    /// A reader from `offset` to the end, for parsers that need `Read` and `Seek`.
    pub fn reader(&mut self, offset: u64) -> Reader<'_, 'a> {
        Reader { source: self, position: offset }
    }

    fn find(&self, offset: u64, length: usize) -> Option<usize> {
        self.segments.iter().position(|segment| {
            segment.start <= offset
                && offset + length as u64 <= segment.start + segment.length as u64
        })
    }

    /// Reads a segment that begins at `offset` and is a little longer than asked for.
    fn load(&mut self, offset: u64, length: usize) -> Result<usize> {
        let ahead = if self.segments.is_empty() && offset == 0 { HEAD } else { BLOCK };
        let there = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
        let wanted = length.max(ahead).min(there);
        if wanted > self.limits.bytes.saturating_sub(self.bytes) {
            return Err(Problem::Limit("too many bytes to read"));
        }
        let mut buffer = buffer_of(wanted);
        let mut filled = 0;
        while filled < wanted {
            if self.requests >= self.limits.requests {
                return Err(Problem::Limit("too many requests to the file system"));
            }
            let begin = Instant::now();
            if begin >= self.deadline {
                return Err(Problem::Limit("reading takes too long"));
            }
            self.requests += 1;
            let answer = self.file.read_at(&mut buffer[filled..wanted], offset + filled as u64);
            self.elapsed += begin.elapsed();
            match answer {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes += filled;
        if filled < length {
            // The file was truncated while it was read.
            self.length = self.length.min(offset + filled as u64);
        }
        self.segments.push(Segment { start: offset, length: filled, buffer });
        Ok(self.segments.len() - 1)
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        SPARES.with_borrow_mut(|spares| {
            let room = MOST_SPARES.saturating_sub(spares.len());
            let buffers = self.segments.drain(..).map(|segment| segment.buffer);
            spares.extend(buffers.filter(|buffer| buffer.len() <= LARGEST_SPARE).take(room));
        });
    }
}

/// A position in a [`Source`], which moves as bytes are read.
pub struct Reader<'s, 'a> {
    source: &'s mut Source<'a>,
    position: u64,
}

impl Read for Reader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A parser that trusts a length may ask for all of it, so only a part is read at a time.
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
    fn the_bytes_at_an_offset_are_returned_and_read_only_once() {
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
    fn a_file_has_nothing_of_the_files_before_it() {
        let limits = Limits::default();
        for length in [HEAD + BLOCK, HEAD, 100, 10, 3 * HEAD] {
            let data = vec![length as u8; length];
            let mut source = Source::new(&data, length as u64, limits);
            assert_eq!(source.up_to(0, 4 * HEAD).unwrap(), data);
            // The file was longer when it was opened.
            let mut source = Source::new(&data, length as u64 + 50, limits);
            assert_eq!(source.up_to(0, 4 * HEAD).unwrap(), data);
        }
    }

    #[test]
    fn reading_past_the_end_is_damage_and_allocates_nothing() {
        let data = numbered(100);
        let mut source = Source::new(&data, 100, Limits::default());
        assert!(matches!(source.bytes(90, usize::MAX), Err(Problem::Damaged(_))));
        assert!(matches!(source.array::<8>(96), Err(Problem::Damaged(_))));
    }

    #[test]
    fn a_file_that_was_truncated_ends_at_its_new_end() {
        let data = numbered(100);
        let mut source = Source::new(&data, 1000, Limits::default());
        assert_eq!(source.up_to(0, 1000).unwrap().len(), 100);
        assert_eq!(source.len(), 100);
    }

    #[test]
    fn bytes_behind_the_file_continue_it() {
        let data = numbered(100_000);
        let mut source = Source::new(&data, 100_000, Limits::default());
        source.bytes(0, 10).unwrap();
        source.with_behind(b"behind".to_vec(), |source| {
            assert_eq!(source.len(), 100_006);
            assert_eq!(source.bytes(99_998, 5).unwrap(), [&data[99_998..], b"beh"].concat());
            assert_eq!(source.bytes(10, 4).unwrap(), &data[10..14]);
        });
        assert_eq!((source.len(), source.requests()), (100_000, 4));
    }

    #[test]
    fn the_end_of_a_file_is_what_the_quick_hash_reads() {
        for length in [100, 65_536, 70_000, 131_072, 200_000] {
            let data = numbered(length);
            let mut source = Source::new(&data, length as u64, Limits::default());
            let (start, bytes) = source.ending().unwrap();
            let count = bytes.len();
            assert_eq!(*bytes, data[start as usize..]);
            let (head, tail) = crate::digest::end_lengths(length as u64);
            let requests = source.requests();
            source.bytes(length as u64 - tail as u64, tail).unwrap();
            assert_eq!(source.requests(), requests);
            assert!(count >= head.min(length));
        }
    }

    #[test]
    fn limits_are_kept() {
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
    fn a_reader_reads_and_seeks_like_a_file() {
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
