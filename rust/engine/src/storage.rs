//! Where the content of files is stored, when files were created, and how they are now.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::directory_cache::DirectoryCache;
use crate::sys;
pub use crate::sys::FreshStat;

/// An identifier of the place where the content of a file is stored. Two files of one file
/// system have the same identifier if and only if they have the same size and share all of
/// their extents. `None` if it is unknown, if the file has storage of its own, or if `path`
/// is not a regular file. It is opened in `directories`; a link at `path` is not followed.
///
/// # Errors
/// Those of [`DirectoryCache::open`].
pub fn storage_of(directories: &DirectoryCache, path: &Path) -> io::Result<Option<[u8; 16]>> {
    let file = directories.open(path, false)?;
    let is_regular = file.metadata()?.is_file();
    Ok(if is_regular { sys::storage_of(file.as_fd()) } else { None })
}

/// When the file at `path` was created, in nanoseconds since 1970. With `follow`, a link at
/// `path` is followed. `None` if the file system does not record it.
///
/// A rename keeps the birth time. A new file with a reused inode number has a different one.
#[must_use]
pub fn birth_time(path: &Path, follow: bool) -> Option<i64> {
    let found = if follow { path.metadata() } else { path.symlink_metadata() };
    let since = found.ok()?.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().filter(|&since| since > 0)
}

/// The status of `name` in an open directory as its file system has it now: a share, or a
/// program behind FUSE, is asked, even if the kernel remembers an answer. A link is not
/// followed.
///
/// # Errors
/// The errors of `statx(2)`.
pub fn stat_afresh(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<FreshStat> {
    Ok(sys::stat_afresh(directory, name)?)
}
