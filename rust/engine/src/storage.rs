//! Where files are stored, and since when.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rustix::fs::{FileType, Mode, OFlags};

use crate::sys;

/// What tells where the content of the regular file at `path` is stored, as
/// [`sys::storage_of`] does; `None` also for anything that is not a regular file.
///
/// # Errors
/// As `open(2)`; a link as the last part is not followed.
pub fn storage_of(path: &Path) -> io::Result<Option<[u8; 16]>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())?;
    let found = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok(sys::storage_of(file.as_fd())),
        _ => Ok(None),
    }
}

/// When the file at `path` came into being, in nanoseconds since 1970; of a link, with
/// `follow`, what it leads to. `None` where that is not told.
///
/// A rename does not change it, and an inode that is used again has another one.
#[must_use]
pub fn born(path: &Path, follow: bool) -> Option<i64> {
    let found = if follow { path.metadata() } else { path.symlink_metadata() };
    let since = found.ok()?.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().filter(|&born| born > 0)
}
