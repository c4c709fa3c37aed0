//! What a walk reports: directories that differ, their files, and failures.

use std::ops::Range;

use crate::fingerprint::Fingerprint;

/// Directories that differ from what was known, with their files in columns.
///
/// Row `i` of every column describes one file. [`Directory::files`] has the rows of a
/// directory, which are in byte order of the files' names.
#[derive(Default)]
pub struct Batch {
    /// The directories, in no particular order.
    pub directories: Vec<Directory>,
    /// The names of the files, one after the other.
    pub names: Vec<u8>,
    /// Where each name ends in [`Batch::names`].
    pub name_ends: Vec<u32>,
    /// Sizes in bytes.
    pub sizes: Vec<i64>,
    /// Modification times in nanoseconds since 1970, clamped to 64 bits.
    pub mtimes: Vec<i64>,
    /// Inode numbers. They mean something only where [`Directory::keeps_inodes`] is true.
    pub inodes: Vec<u64>,
    /// Indices into [`crate::Rules::extensions`].
    pub extensions: Vec<u16>,
    /// Whether the file was reached through a symbolic link.
    pub symlinks: Vec<bool>,
    /// Files and directories that could not be read.
    pub failures: Vec<Failure>,
}

impl Batch {
    /// The name of the file in row `row`.
    pub fn name(&self, row: usize) -> &[u8] {
        let start = match row {
            0 => 0,
            _ => self.name_ends[row - 1] as usize,
        };
        &self.names[start..self.name_ends[row] as usize]
    }

    /// The number of files in all directories of the batch.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether it contains neither directories nor failures.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.failures.is_empty()
    }
}

/// A directory that differs from what is known of it.
pub struct Directory {
    /// The absolute path.
    pub path: Vec<u8>,
    /// Its id in the catalogue; `None` if the directory is new.
    pub known_id: Option<i64>,
    /// Its fingerprint. `None` if the directory has to be compared again next time: not
    /// everything in it could be read, it changed during the scan, or a file in it is so
    /// young that it can change again without a trace.
    pub fingerprint: Option<Fingerprint>,
    /// Whether every name in it was read: if so, a file that is not listed does not exist.
    pub complete: bool,
    /// Its `st_dev`.
    pub device: u64,
    /// Whether the file system keeps inode numbers from one mount to the next.
    pub keeps_inodes: bool,
    /// Whether it was reached through a symbolic link below the root.
    pub via_symlink: bool,
    /// The rows of its files.
    pub files: Range<usize>,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Opening a directory.
    OpenDirectory,
    /// Reading the names in a directory.
    ReadDirectory,
    /// Reading a file's size and times.
    Stat,
}

impl Operation {
    /// The operation's stable name, for messages and records.
    pub const fn name(self) -> &'static str {
        match self {
            Operation::OpenDirectory => "open",
            Operation::ReadDirectory => "read",
            Operation::Stat => "stat",
        }
    }
}

/// A file or directory that could not be read.
#[derive(Debug)]
pub struct Failure {
    /// The directory that failed, or the directory of the file that failed.
    pub directory: Vec<u8>,
    /// The file's name; `None` if the directory itself failed.
    pub name: Option<Vec<u8>>,
    /// What failed.
    pub operation: Operation,
    /// The system's error number.
    pub errno: i32,
}
