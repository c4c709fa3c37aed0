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
