//! The system calls that the engine needs.
//!
//! On Linux, `getdents64` reads into a large buffer and `statx` reads only the fields that
//! are used. On other systems, portable calls do the same.

#[cfg(target_os = "linux")]
mod bus_error;
#[cfg(target_os = "linux")]
mod device;
#[cfg(target_os = "linux")]
mod extents;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
#[cfg(target_os = "linux")]
mod residency;
mod types;

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
pub use bus_error::end_on_bus_error;
#[cfg(target_os = "linux")]
pub use device::medium_of;
#[cfg(target_os = "linux")]
pub use extents::{physical_start, storage_of};
#[cfg(target_os = "linux")]
pub use linux::{ListBuffer, keeps_inodes, list, set_idle_io, stat_afresh, stat_at, stat_fd};
#[cfg(not(target_os = "linux"))]
pub use portable::{
    ListBuffer, end_on_bus_error, keeps_inodes, list, medium_of, physical_start, resident_pages,
    set_idle_io, stat_afresh, stat_at, stat_fd, storage_of,
};
#[cfg(target_os = "linux")]
pub use residency::resident_pages;
pub use types::{EntryType, FreshStat, Medium, Stat};

/// Opens the directory `name` in `parent`, to list it.
///
/// Unless `follow`, a link that has replaced the directory is refused, so that no race leads
/// out of the tree.
pub fn open_directory(parent: BorrowedFd<'_>, name: &CStr, follow: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Opens the directory `name` in `parent` only to open its entries. This does not need the
/// permission to list it.
pub fn open_directory_path(
    parent: BorrowedFd<'_>,
    name: &CStr,
    follow: bool,
) -> Result<OwnedFd, Errno> {
    #[cfg(target_os = "linux")]
    let mut flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Whether the error means that the directory does not exist any more, and not that it cannot
/// be accessed.
pub fn means_vanished(errno: Errno) -> bool {
    // ELOOP and ENOTDIR: a link or a file has replaced it.
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_portable_calls_agree_with_the_fast_ones() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("a.mkv"), b"12345").unwrap();
        std::fs::create_dir(tree.path().join("directory")).unwrap();
        symlink("a.mkv", tree.path().join("link")).unwrap();
        let path = std::ffi::CString::new(tree.path().to_str().unwrap()).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty()).unwrap();

        let mut fast = Vec::new();
        list(root.as_fd(), &mut ListBuffer::default(), |name, entry_type, inode| {
            fast.push((name.to_owned(), entry_type, inode));
        })
        .unwrap();
        let mut portable = Vec::new();
        portable::list(root.as_fd(), &mut portable::ListBuffer, |name, entry_type, inode| {
            portable.push((name.to_owned(), entry_type, inode))
        })
        .unwrap();
        fast.sort();
        portable.sort();
        assert_eq!(fast.len(), 3);
        assert_eq!(fast, portable);
        for (name, ..) in &fast {
            for follow in [false, true] {
                assert_eq!(
                    stat_at(root.as_fd(), name, follow).unwrap(),
                    portable::stat_at(root.as_fd(), name, follow).unwrap()
                );
            }
        }
        assert_eq!(stat_fd(root.as_fd()).unwrap(), portable::stat_fd(root.as_fd()).unwrap());
    }

    impl PartialOrd for EntryType {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }

    impl Ord for EntryType {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            (*self as u8).cmp(&(*other as u8))
        }
    }
}
