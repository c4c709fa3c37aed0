//! Reads a range of a file, and limits the effect on other programs where that is asked for.

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::file::Problem;
use super::rate_limiter::RateLimiter;
use crate::sys::resident_pages;

/// The bytes that are read at a time. Few enough to stay in a core's cache between copying
/// and hashing, and enough for the SIMD lanes of BLAKE3.
pub const BUFFER_BYTES: usize = 128 * 1024;

/// The bytes for which the page cache is checked at a time, and which the kernel is asked to
/// read ahead.
const WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// A buffer that begins at the beginning of a page.
///
/// Some processors (AMD Zen 3) copy from the page cache at a third of the speed to a place that
/// is 16 bytes behind the beginning of a page. The C library puts large buffers at such places.
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn new() -> Self {
        let page = page_size() as usize;
        let bytes = vec![0; BUFFER_BYTES + page];
        let start = bytes.as_ptr().align_offset(page).min(page);
        Self { bytes, start }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + BUFFER_BYTES]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + BUFFER_BYTES]
    }
}

/// The lock of a rotating disk. A thread holds it while it reads bytes that are not cached,
/// so that the disk reads one file after another.
#[derive(Debug, Default)]
pub struct DiskLock(Mutex<()>);

impl DiskLock {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads files for all threads: with one rate limit, until it is stopped.
pub struct Reader {
    rate_limiter: RateLimiter,
    /// Whether pages that were not in the page cache are removed from it again.
    leaves_cache: bool,
    bytes_read: AtomicU64,
    stopped: AtomicBool,
}

impl Reader {
    pub fn new(max_rate: Option<u64>, leaves_cache: bool) -> Self {
        Self {
            rate_limiter: RateLimiter::new(max_rate),
            leaves_cache,
            bytes_read: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// The bytes read so far from all files.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Stops all reading after the current buffer.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A buffer to read into; each thread needs one.
    pub fn buffer(&self) -> Buffer {
        Buffer::new()
    }

    /// Tells the kernel not to read ahead in a file.
    pub fn disable_read_ahead(&self, file: &File) {
        advise(file, (0, 0), Advice::Random);
    }

    /// Reads the bytes from `start` to `end`, and passes each piece with its offset to
    /// `take`. `lock` is the lock of the disk, if it is a rotating one.
    ///
    /// # Errors
    /// [`Problem::Unreadable`] if reading fails, [`Problem::Changing`] if the file ends before
    /// `end`, [`Problem::Stopped`] if the reader was stopped.
    pub fn read(
        &self,
        file: &File,
        lock: Option<&DiskLock>,
        (start, end): (u64, u64),
        buffer: &mut [u8],
        mut take: impl FnMut(&[u8], u64),
    ) -> Result<(), Problem> {
        if self.reads_plainly(lock) {
            return self.read_plainly(file, (start, end), buffer, &mut take);
        }
        if self.leaves_cache {
            // Pages that the kernel read ahead would seem to have been cached before.
            self.disable_read_ahead(file);
        }
        let (mut offset, mut is_cached, mut held) = (start, true, None);
        while offset < end && is_cached {
            let piece = (offset, end.min(offset + BUFFER_BYTES as u64));
            (is_cached, held) = self.read_piece(file, lock, piece, buffer, &mut take)?;
            offset = piece.1;
        }
        // From the first byte on that is not cached, more is asked for at a time.
        let mut window = Window::at(file, offset, end);
        while let Some(current) = window {
            let next = Window::at(file, current.end, end);
            if !current.is_resident() && held.is_none() {
                held = lock.map(DiskLock::hold);
            }
            for window in [Some(&current), next.as_ref()].into_iter().flatten() {
                if self.leaves_cache && !window.is_resident() {
                    advise(file, (window.start, window.end), Advice::WillNeed);
                }
            }
            let outcome = self.read_plainly(file, (current.start, current.end), buffer, &mut take);
            if self.leaves_cache {
                for range in current.absent() {
                    advise(file, range, Advice::DontNeed);
                }
            }
            outcome?;
            window = next;
        }
        Ok(())
    }

    /// Reads a range that fits into the buffer, to its beginning. Returns the number of bytes.
    ///
    /// # Errors
    /// As of [`Reader::read`].
    pub fn read_block(
        &self,
        file: &File,
        lock: Option<&DiskLock>,
        range: (u64, u64),
        buffer: &mut [u8],
    ) -> Result<usize, Problem> {
        self.read_piece(file, lock, range, buffer, &mut |_, _| {})?;
        Ok((range.1 - range.0) as usize)
    }

    /// Reads a range that fits into the buffer. Returns whether it was cached, and the lock of
    /// the disk if it was not.
    fn read_piece<'l>(
        &self,
        file: &File,
        lock: Option<&'l DiskLock>,
        (start, end): (u64, u64),
        buffer: &mut [u8],
        take: &mut impl FnMut(&[u8], u64),
    ) -> Result<(bool, Option<MutexGuard<'l, ()>>), Problem> {
        let piece = &mut buffer[..(end - start) as usize];
        self.admit(piece.len())?;
        // One call both checks whether the bytes are cached and reads them if they are.
        let (mut length, is_cached) = if self.reads_plainly(lock) {
            (0, true)
        } else {
            match read_cached(file, piece, start) {
                Some(length) => (length, length == piece.len()),
                None => (0, Window::at(file, start, end).is_some_and(|all| all.is_resident())),
            }
        };
        let held = if is_cached { None } else { lock.map(DiskLock::hold) };
        while length < piece.len() {
            match read_once(file, &mut piece[length..], start + length as u64)? {
                0 => return Err(Problem::Changing),
                more => length += more,
            }
        }
        take(piece, start);
        self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        if self.leaves_cache && !is_cached {
            advise(file, (start, end), Advice::DontNeed);
        }
        Ok((is_cached, held))
    }

    /// Whether it does not matter which bytes are cached.
    fn reads_plainly(&self, lock: Option<&DiskLock>) -> bool {
        !self.leaves_cache && lock.is_none()
    }

    /// Waits until this many bytes may be read.
    fn admit(&self, bytes: usize) -> Result<(), Problem> {
        self.rate_limiter.wait_for(bytes, &self.stopped);
        if self.is_stopped() { Err(Problem::Stopped) } else { Ok(()) }
    }

    fn read_plainly(
        &self,
        file: &File,
        (start, end): (u64, u64),
        buffer: &mut [u8],
        take: &mut impl FnMut(&[u8], u64),
    ) -> Result<(), Problem> {
        let mut offset = start;
        while offset < end {
            let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
            self.admit(wanted)?;
            let length = read_once(file, &mut buffer[..wanted], offset)?;
            if length == 0 {
                return Err(Problem::Changing);
            }
            take(&buffer[..length], offset);
            offset += length as u64;
            self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A range of a file, and which of its pages were in the page cache.
struct Window {
    start: u64,
    end: u64,
    /// Whether each page was cached; `None` if the system cannot tell.
    pages: Option<Vec<bool>>,
}

impl Window {
    /// The window that begins at `start` and ends at `end` at the latest.
    fn at(file: &File, start: u64, end: u64) -> Option<Self> {
        let end = end.min(start + WINDOW_BYTES);
        let length = end.checked_sub(start).filter(|length| *length > 0)?;
        let before = start % page_size();
        let pages = resident_pages(file.as_fd(), start - before, (length + before) as usize);
        Some(Self { start, end, pages })
    }

    fn is_resident(&self) -> bool {
        self.pages.as_ref().is_some_and(|pages| pages.iter().all(|page| *page))
    }

    /// The ranges that were not in the page cache; the whole window if that is unknown.
    fn absent(&self) -> Vec<(u64, u64)> {
        let Some(pages) = &self.pages else { return vec![(self.start, self.end)] };
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let first = self.start - self.start % page_size();
        for (number, _) in pages.iter().enumerate().filter(|(_, page)| !**page) {
            let start = first + number as u64 * page_size();
            match ranges.last_mut() {
                Some(last) if last.1 == start => last.1 += page_size(),
                _ => ranges.push((start, start + page_size())),
            }
        }
        ranges
    }
}

fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

fn read_once(file: &File, piece: &mut [u8], offset: u64) -> Result<usize, Problem> {
    loop {
        match file.read_at(piece, offset) {
            Ok(length) => return Ok(length),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::Unreadable { error, offset: Some(offset) }),
        }
    }
}

/// Reads the bytes at `offset` that are in the page cache, without waiting for the disk, and
/// returns their number (`RWF_NOWAIT` of preadv2(2)). `None` if the file system cannot do that.
fn read_cached(file: &File, piece: &mut [u8], offset: u64) -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::{Errno, IoSliceMut, ReadWriteFlags, preadv2};
        match preadv2(file, &mut [IoSliceMut::new(piece)], offset, ReadWriteFlags::NOWAIT) {
            Ok(length) => Some(length),
            Err(Errno::AGAIN) => Some(0),
            Err(_) => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, piece, offset);
        None
    }
}

/// What to tell the kernel about a range.
#[derive(Clone, Copy)]
enum Advice {
    /// Do not read ahead.
    Random,
    /// Begin to read it.
    WillNeed,
    /// Remove it from the page cache.
    DontNeed,
}

/// Gives the kernel an advice for the bytes from `start` to `end`, or to the end of the file
/// if `end` is 0. Errors are ignored: the advice only affects the speed.
fn advise(file: &File, (start, end): (u64, u64), advice: Advice) {
    #[cfg(target_os = "linux")]
    {
        let length = std::num::NonZeroU64::new(end.saturating_sub(start));
        let advice = match advice {
            Advice::Random => rustix::fs::Advice::Random,
            Advice::WillNeed => rustix::fs::Advice::WillNeed,
            Advice::DontNeed => rustix::fs::Advice::DontNeed,
        };
        let _ = rustix::fs::fadvise(file, start, length, advice);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, start, end, advice);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: u64, end: u64, pages: &[bool]) -> Window {
        Window { start, end, pages: Some(pages.to_vec()) }
    }

    #[test]
    fn absent_ranges_consist_of_whole_pages() {
        let page = page_size();
        let some = window(page, 6 * page, &[true, false, false, true, false]);
        assert_eq!(some.absent(), [(2 * page, 4 * page), (5 * page, 6 * page)]);
        assert!(!some.is_resident());
        assert!(window(0, 2 * page, &[true, true]).absent().is_empty());
        let inside = window(page + 10, 2 * page, &[false]);
        assert_eq!(inside.absent(), [(page, 2 * page)]);
        let unknown = Window { start: 10, end: 20, pages: None };
        assert_eq!((unknown.absent(), unknown.is_resident()), (vec![(10, 20)], false));
    }

    #[test]
    fn a_file_is_read_whole_whichever_pages_are_cached() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let content: Vec<u8> =
            (0..3 * WINDOW_BYTES + 12_345).map(|place| (place >> 3) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = File::open(&path).unwrap();
        file.sync_all().unwrap();
        let lock = DiskLock::default();
        for leaves_cache in [true, false] {
            let reader = Reader::new(None, leaves_cache);
            for (from, to) in
                [(0, content.len() as u64), (5, WINDOW_BYTES + 5), (7, 7), (100, 5000)]
            {
                // Some pages are in the page cache, others are not.
                advise(&file, (WINDOW_BYTES / 2, 2 * WINDOW_BYTES), Advice::DontNeed);
                let mut read = Vec::new();
                let take = |bytes: &[u8], offset| {
                    assert_eq!(offset, from + read.len() as u64);
                    read.extend_from_slice(bytes);
                };
                reader.read(&file, Some(&lock), (from, to), &mut reader.buffer(), take).unwrap();
                assert_eq!(read, content[from as usize..to as usize]);
            }
        }
    }
}
