//! The same functions with calls that every Unix has. On Linux only the tests use them.
#![cfg_attr(target_os = "linux", allow(dead_code))]

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

use super::types::{EntryType, FreshStat, Medium, Stat};

/// Empty, because the C library has its own buffer.
#[derive(Default)]
pub struct ListBuffer;

/// Calls `each` with every entry of the open directory except `.` and `..`: its name, its
/// type if the file system reports it, and its inode.
pub fn list(
    directory: BorrowedFd<'_>,
    _buffer: &mut ListBuffer,
    mut each: impl FnMut(&CStr, Option<EntryType>, u64),
) -> Result<(), Errno> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            each(entry.file_name(), EntryType::from_file_type(entry.file_type()), entry.ino());
        }
    }
    Ok(())
}

/// `lstat` of `name` in `directory`; `stat` if `follow`.
pub fn stat_at(directory: BorrowedFd<'_>, name: &CStr, follow: bool) -> Result<Stat, Errno> {
    let flags = match follow {
        true => AtFlags::empty(),
        false => AtFlags::SYMLINK_NOFOLLOW,
    };
    rustix::fs::statat(directory, name, flags).map(|found| from_stat(&found))
}

/// See [`crate::stat_afresh`]. No cache is known of here.
pub fn stat_afresh(directory: BorrowedFd<'_>, name: &CStr) -> Result<FreshStat, Errno> {
    let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FreshStat::of_stat(&found))
}

/// `fstat` of an open directory.
pub fn stat_fd(opened: BorrowedFd<'_>) -> Result<Stat, Errno> {
    rustix::fs::fstat(opened).map(|found| from_stat(&found))
}

// The types of these fields differ between systems.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn from_stat(found: &rustix::fs::Stat) -> Stat {
    Stat {
        entry_type: EntryType::from_mode(found.st_mode as u32),
        size: u64::try_from(found.st_size).unwrap_or(0),
        mtime: (found.st_mtime as i64, found.st_mtime_nsec as u32),
        inode: found.st_ino as u64,
        device: found.st_dev as u64,
    }
}

/// Whether the file system of this directory keeps inode numbers. APFS and HFS+, which most
/// people use on macOS, do.
pub fn keeps_inodes(_directory: BorrowedFd<'_>) -> bool {
    cfg!(target_os = "macos")
}

/// Always unknown.
pub fn medium_of(_device: u64, _path: &Path) -> Medium {
    Medium::Unknown
}

/// Always unknown.
pub fn physical_start(_file: BorrowedFd<'_>) -> Option<u64> {
    None
}

/// Always unknown.
pub fn storage_of(_file: BorrowedFd<'_>) -> Option<[u8; 16]> {
    None
}

/// Not supported.
pub fn end_on_bus_error(_message: &[u8], _status: i32) -> io::Result<()> {
    Ok(())
}

/// Not supported.
pub fn set_idle_io() -> io::Result<bool> {
    Ok(false)
}

/// Always unknown.
pub fn resident_pages(_file: BorrowedFd<'_>, _offset: u64, _length: usize) -> Option<Vec<bool>> {
    None
}
