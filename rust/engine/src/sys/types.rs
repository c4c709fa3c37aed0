//! The results of system calls, in the same form on every system.

use rustix::fs::FileType;

/// The type of an entry, as far as a walk needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    File,
    Directory,
    Symlink,
    /// Sockets, fifos and devices, which are never opened and never selected.
    Special,
}

impl EntryType {
    pub(super) fn from_mode(mode: u32) -> Self {
        Self::from_file_type(FileType::from_raw_mode(mode as rustix::fs::RawMode))
            .unwrap_or(EntryType::Special)
    }

    /// `None` if the file system does not report the type.
    pub(super) fn from_file_type(file_type: FileType) -> Option<Self> {
        match file_type {
            FileType::RegularFile => Some(EntryType::File),
            FileType::Directory => Some(EntryType::Directory),
            FileType::Symlink => Some(EntryType::Symlink),
            FileType::Unknown => None,
            _ => Some(EntryType::Special),
        }
    }
}

/// The properties of an entry that `stat` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub entry_type: EntryType,
    pub size: u64,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    pub inode: u64,
    pub device: u64,
}

/// What a file system is stored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// A rotating disk: its head has to be moved from file to file, so the order of the files
    /// matters.
    Rotating,
    /// Something else, for which the order does not matter.
    Solid,
    /// Unknown: a network share, a file system in user space, memory.
    Unknown,
}

/// What [`crate::stat_afresh`] returns. Times are in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshStat {
    /// `st_dev`.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// When the content was changed.
    pub mtime_ns: i128,
    /// When the content or the inode was changed.
    pub ctime_ns: i128,
    /// When the file was created. `None` if the file system does not tell.
    pub birth_ns: Option<i128>,
    /// How many names it has.
    pub links: u64,
}

impl FreshStat {
    /// The same from `stat(2)`, which does not tell when a file was created.
    // The types of these fields differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    pub(super) fn of_stat(found: &rustix::fs::Stat) -> Self {
        Self {
            device: found.st_dev as u64,
            inode: found.st_ino as u64,
            size: u64::try_from(found.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(found.st_mtime as i64, found.st_mtime_nsec as u32),
            ctime_ns: nanoseconds(found.st_ctime as i64, found.st_ctime_nsec as u32),
            birth_ns: None,
            links: found.st_nlink as u64,
        }
    }
}

/// A time in nanoseconds.
pub(super) fn nanoseconds(seconds: i64, nanoseconds: u32) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}
