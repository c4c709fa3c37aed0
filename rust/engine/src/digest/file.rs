//! A file that is read: opened with care, and looked at again when it was read.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use crate::opening::Directories;

/// A file system stamps changes with the tick of a clock: a change within the tick
/// of the one before leaves no trace. Longer than any tick of those that have
/// fractions of a second, and of those that have none (FAT: two seconds).
const TICK: Duration = Duration::from_millis(50);
const COARSE_TICK: Duration = Duration::from_secs(2);

/// What `stat` says of a file, as far as it tells whether its content can have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// Of the last change of content or attributes, likewise.
    pub ctime: (i64, u32),
    /// The inode number.
    pub inode: u64,
    /// `st_dev`.
    pub device: u64,
}

impl Stamp {
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

    /// The ctime likewise.
    pub fn ctime_ns(&self) -> i64 {
        nanoseconds(self.ctime)
    }

    /// How long to wait until a change made from then on would show.
    pub fn settles_in(&self) -> Option<Duration> {
        let tick = if self.ctime.1 == 0 { COARSE_TICK } else { TICK };
        let changed = Duration::new(u64::try_from(self.ctime.0).ok()?, self.ctime.1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        // A server whose clock is ahead cannot be waited for.
        let age = now.checked_sub(changed)?;
        tick.checked_sub(age).filter(|left| !left.is_zero())
    }
}

/// What the caller believes a file to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// In bytes.
    pub size: Option<u64>,
    /// In nanoseconds since 1970, clamped to 64 bits.
    pub mtime_ns: Option<i64>,
}

impl Expected {
    /// Whether a file is as expected.
    pub fn is(&self, stamp: &Stamp) -> bool {
        self.size.is_none_or(|size| size == stamp.size)
            && self.mtime_ns.is_none_or(|mtime| mtime == stamp.mtime_ns())
    }
}

/// As the walk has them, or a file from before 1677 would never be as it is recorded.
fn nanoseconds((seconds, nanoseconds): (i64, u32)) -> i64 {
    let exact = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    exact.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// Why there is no digest of a file.
#[derive(Debug)]
pub enum Problem {
    /// There is nothing at its path.
    Gone,
    /// It is not as it was expected to be; nothing of it was read.
    Changed,
    /// It was changed each time while it was read.
    Changing,
    /// A link, a directory, a pipe or a device is in its place.
    NotRegular,
    /// It cannot be opened, or not be read at an offset.
    Unreadable {
        /// What the system said.
        error: io::Error,
        /// The byte that could not be read; `None` if it could not be opened.
        offset: Option<u64>,
    },
    /// It was told to stop before it was done.
    Stopped,
    /// The reader has a bug that this file found.
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
            // A link in its place; a socket, or a device without a driver.
            Some(Errno::LOOP | Errno::NXIO | Errno::NODEV) => Self::NotRegular,
            _ => Self::Unreadable { error, offset: None },
        }
    }
}

/// What `act` gives; if it panics, that is the problem.
pub fn guarded<T>(act: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(Problem::Panic(said))
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it is not there any more"),
            Self::Changed => f.write_str("its size or mtime are not the recorded ones"),
            Self::Changing => f.write_str("it changes while it is read"),
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
            Self::Panic(what) => write!(f, "the reader failed: {what}"),
        }
    }
}

/// A regular file, open, and what it was then.
pub struct Opened {
    pub file: File,
    pub stamp: Stamp,
}

impl Opened {
    /// Opens what is at `path`, which only a regular file survives.
    pub fn at(directories: &Directories, path: &Path, follow: bool) -> Result<Self, Problem> {
        let file = directories.open(path, follow).map_err(Problem::from_open)?;
        let found = stat(&file)?;
        if !found.is_file() {
            return Err(Problem::NotRegular);
        }
        Ok(Self { stamp: Stamp::of(&found), file })
    }

    /// Whether it is now as it was when it was opened.
    pub fn is_unchanged(&self) -> Result<bool, Problem> {
        Ok(Stamp::of(&stat(&self.file)?) == self.stamp)
    }
}

fn stat(file: &File) -> Result<Metadata, Problem> {
    file.metadata().map_err(|error| Problem::Unreadable { error, offset: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_that_64_bits_do_not_hold_are_clamped_to_their_ends() {
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
