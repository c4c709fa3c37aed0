//! Reading a file from one offset to another, politely where that is asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::file::Problem;
use super::rate::Rate;

/// What is read at a time: little enough to stay in a core's cache between the
/// copying and the hashing, enough for all lanes of BLAKE3.
pub const CHUNK: usize = 256 * 1024;

/// What is read at a time where the kernel does not read ahead.
const CHUNK_WITHOUT_READAHEAD: usize = 1024 * 1024;

/// The arm of a rotating disk: who reads what is not cached holds it to the end of
/// that, so that the disk sees one file after another.
#[derive(Debug, Default)]
pub struct Arm(Mutex<()>);

impl Arm {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all threads that read have in common.
pub struct Reader {
    rate: Rate,
    /// Whether the page cache is left as it was found.
    leaves_cache: bool,
    bytes_read: AtomicU64,
    stopped: AtomicBool,
}

impl Reader {
    pub fn new(max_rate: Option<u64>, leaves_cache: bool) -> Self {
        Self {
            rate: Rate::new(max_rate),
            leaves_cache,
            bytes_read: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Bytes read so far, of all files.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Ends all reading at the next chunk.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// What a reader needs for itself; made once a thread.
    pub fn buffer(&self) -> Vec<u8> {
        vec![0; if self.leaves_cache { CHUNK_WITHOUT_READAHEAD } else { CHUNK }]
    }

    /// Reads the bytes from `start` to `end`, and gives each piece, with its
    /// offset, to `take`. `arm` is that of the disk, if it has one.
    ///
    /// # Errors
    /// [`Problem::Unreadable`]; [`Problem::Changing`] if the file ends before `end`.
    pub fn read(
        &self,
        file: &File,
        arm: Option<&Arm>,
        (start, end): (u64, u64),
        buffer: &mut [u8],
        mut take: impl FnMut(&[u8], u64),
    ) -> Result<(), Problem> {
        let mut offset = start;
        let mut held = None;
        if self.leaves_cache {
            // What the kernel reads ahead, be it for the first look into the cache,
            // would pass for what was there before.
            read_no_further(file);
        }
        while offset < end {
            let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
            self.rate.wait_for(wanted, &self.stopped);
            if self.is_stopped() {
                return Err(Problem::Stopped);
            }
            let asks_cache = self.leaves_cache || (arm.is_some() && held.is_none());
            let cached = match asks_cache {
                true => cached(file, &mut buffer[..wanted.min(CHUNK)], offset),
                false => 0,
            };
            if cached == 0 && held.is_none() {
                held = arm.map(Arm::hold);
            }
            let piece = &mut buffer[..wanted];
            let length = match cached {
                0 => read_once(file, piece, offset)?,
                cached => cached,
            };
            if length == 0 {
                return Err(Problem::Changing);
            }
            take(&piece[..length], offset);
            if self.leaves_cache && cached == 0 {
                drop_cached(file, offset, length);
            }
            offset += length as u64;
            self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        }
        Ok(())
    }
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

/// Reads what the page cache has at `offset`, without waiting for the disk; 0 if
/// that is nothing, or cannot be told (`RWF_NOWAIT` of preadv2(2)).
#[cfg(target_os = "linux")]
fn cached(file: &File, piece: &mut [u8], offset: u64) -> usize {
    use rustix::io::{IoSliceMut, ReadWriteFlags, preadv2};
    preadv2(file, &mut [IoSliceMut::new(piece)], offset, ReadWriteFlags::NOWAIT).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn cached(_file: &File, _piece: &mut [u8], _offset: u64) -> usize {
    0
}

/// Has the kernel read just what is asked for.
fn read_no_further(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Random);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Takes a range of a file out of the page cache; an advice, so that it cannot fail.
fn drop_cached(file: &File, offset: u64, length: usize) {
    #[cfg(target_os = "linux")]
    if let Some(length) = std::num::NonZeroU64::new(length as u64) {
        let advice = rustix::fs::Advice::DontNeed;
        let _ = rustix::fs::fadvise(file, offset, Some(length), advice);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, offset, length);
}
