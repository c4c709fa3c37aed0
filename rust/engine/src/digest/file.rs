//! A file to be read: how it is opened safely, and how a change is noticed.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use crate::directory_cache::DirectoryCache;
use crate::racy::RACY_WINDOW_NS;
use crate::sys;

/// File systems record the time of a change in ticks of a clock. Two changes within one tick
/// cannot be distinguished. This is longer than the tick of any file system that records
/// fractions of a second.
const TICK: Duration = Duration::from_millis(50);

/// The same for file systems that record whole seconds.
const COARSE_TICK: Duration = Duration::from_nanos(RACY_WINDOW_NS.unsigned_abs());

/// The properties of a file that change when its content changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Its size in bytes.
    pub size: u64,
    /// Its mtime: seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// Its ctime: seconds and nanoseconds since 1970.
    pub ctime: (i64, u32),
    /// Its inode number.
    pub inode: u64,
    /// Its `st_dev`.
    pub device: u64,
}

impl FileState {
    fn of(found: &Metadata) -> Self {
        Self {
            size: found.len(),
            mtime: (found.mtime(), found.mtime_nsec() as u32),
            ctime: (found.ctime(), found.ctime_nsec() as u32),
            inode: found.ino(),
            device: found.dev(),
        }
    }

    /// The mtime in nanoseconds since 1970, clamped to 64 bits.
    pub fn mtime_ns(&self) -> i64 {
        nanoseconds(self.mtime)
    }

    /// The ctime in nanoseconds since 1970, clamped to 64 bits.
    pub fn ctime_ns(&self) -> i64 {
        nanoseconds(self.ctime)
    }

    /// How long to wait until every later change changes the ctime.
    pub fn settles_in(&self) -> Option<Duration> {
        let tick = if self.ctime.1 == 0 { COARSE_TICK } else { TICK };
        let changed = Duration::new(u64::try_from(self.ctime.0).ok()?, self.ctime.1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        // The clock of the server is ahead: no waiting would help.
        let age = now.checked_sub(changed)?;
        tick.checked_sub(age).filter(|left| !left.is_zero())
    }
}

/// What the caller expects a file to be like; `None` for anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its mtime in nanoseconds since 1970, clamped to 64 bits.
    pub mtime_ns: Option<i64>,
    /// Its inode number. It does not matter on file systems that do not keep these numbers.
    pub inode: Option<u64>,
}

impl Expected {
    /// Whether a file is as expected.
    pub fn matches(&self, OpenFile { file, state }: &OpenFile) -> bool {
        self.size.is_none_or(|size| size == state.size)
            && self.mtime_ns.is_none_or(|mtime| mtime == state.mtime_ns())
            && self
                .inode
                .is_none_or(|inode| inode == state.inode || !sys::keeps_inodes(file.as_fd()))
    }
}

/// Clamped as by the walk, or a file from before 1677 would never match its record.
fn nanoseconds((seconds, nanoseconds): (i64, u32)) -> i64 {
    let exact = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    exact.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// Why a file was not digested.
#[derive(Debug)]
pub enum Problem {
    /// Nothing exists at its path.
    Gone,
    /// It is not as expected, and was not read.
    Changed,
    /// It changed each time while it was read.
    Changing,
    /// It is a link, a directory, a pipe or a device.
    NotRegular,
    /// It cannot be opened, or cannot be read at some offset.
    Unreadable {
        /// The system's error.
        error: io::Error,
        /// The byte that could not be read; `None` if it could not be opened.
        offset: Option<u64>,
    },
    /// The pool was stopped before the file was read.
    Stopped,
    /// The engine panicked on this file, which is a bug.
    Panic(String),
}

impl Problem {
    /// The problem's stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Changing => "changing",
            Self::NotRegular => "not_regular",
            Self::Unreadable { .. } => "unreadable",
            Self::Stopped => "stopped",
            Self::Panic(_) => "panic",
        }
    }

    fn from_open(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NOTDIR) => Self::Gone,
            // It is a link, a socket, or a device without a driver.
            Some(Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::NODEV) => Self::NotRegular,
            _ => Self::Unreadable { error, offset: None },
        }
    }
}

/// Calls `act` and turns a panic into a problem.
pub fn catch_panic<T>(act: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(Problem::Panic(message))
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the file does not exist any more"),
            Self::Changed => f.write_str("the size, mtime or inode differs from the record"),
            Self::Changing => f.write_str("the file changed while it was read"),
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::Unreadable { error, offset } => {
                let text = error.to_string();
                f.write_str(text.split(" (os error").next().unwrap_or_default())?;
                match offset {
                    Some(offset) => write!(f, " at byte {offset}"),
                    None => Ok(()),
                }
            }
            Self::Stopped => f.write_str("stopped"),
            Self::Panic(what) => write!(f, "internal error: {what}"),
        }
    }
}

/// A regular file that is open, and its state when it was opened.
pub struct OpenFile {
    pub file: File,
    pub state: FileState,
}

impl OpenFile {
    /// Opens the file at `path`, and fails if it is not a regular file.
    pub fn open(directories: &DirectoryCache, path: &Path, follow: bool) -> Result<Self, Problem> {
        let file = directories.open(path, follow).map_err(Problem::from_open)?;
        let found = stat(&file)?;
        if !found.is_file() {
            return Err(Problem::NotRegular);
        }
        Ok(Self { state: FileState::of(&found), file })
    }

    /// Whether its state is still the same as when it was opened.
    pub fn is_unchanged(&self) -> Result<bool, Problem> {
        Ok(FileState::of(&stat(&self.file)?) == self.state)
    }
}

fn stat(file: &File) -> Result<Metadata, Problem> {
    file.metadata().map_err(|error| Problem::Unreadable { error, offset: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_do_not_fit_into_64_bits_are_clamped() {
        assert_eq!(nanoseconds((-2, 1)), -1_999_999_999);
        assert_eq!(nanoseconds((i64::MIN / 1_000_000_000 - 1, 145_224_192)), i64::MIN);
        for seconds in [-9_223_372_038, -100_000_000_000_000, i64::MIN] {
            assert_eq!(nanoseconds((seconds, 500_000_000)), i64::MIN);
        }
        for seconds in [9_223_372_037, i64::MAX] {
            assert_eq!(nanoseconds((seconds, 500_000_000)), i64::MAX);
        }
    }
}
