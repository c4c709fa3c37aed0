//! What a walk reports: directories that differ, their files, and errors.

use std::ops::Range;

use crate::Fingerprint;

/// Directories that differ from what was known, with their files in columns.
///
/// Row `i` of every column is one file; [`Directory::files`] says which rows
/// belong to which directory. Within a directory files stand in byte order of
/// their names.
#[derive(Default)]
pub struct Batch {
    /// The directories, in no particular order.
    pub directories: Vec<Directory>,
    /// The files' names, one after the other.
    pub names: Vec<u8>,
    /// Where each name ends in [`Batch::names`].
    pub name_ends: Vec<u32>,
    /// Sizes in bytes.
    pub sizes: Vec<i64>,
    /// Modification times in nanoseconds since 1970 (clamped to 64 bits).
    pub mtimes: Vec<i64>,
    /// Inode numbers, where the file system keeps them ([`Directory::keeps_inodes`]).
    pub inodes: Vec<u64>,
    /// Indices into [`crate::Rules::extensions`].
    pub extensions: Vec<u16>,
    /// Whether a symbolic link led to the file.
    pub symlinks: Vec<bool>,
    /// What could not be looked at.
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

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.failures.is_empty()
    }
}

/// A directory that differs from what was known of it.
pub struct Directory {
    /// The absolute path.
    pub path: Vec<u8>,
    /// The id it is known by; `None` for a new one.
    pub known: Option<i64>,
    /// Its fingerprint; `None` where this look cannot settle the directory: not
    /// all of it could be read, it changed meanwhile, or a file in it is so
    /// young that it can change again without a trace.
    pub fingerprint: Option<Fingerprint>,
    /// Whether every name in it was read, so that a name not listed is gone.
    pub complete: bool,
    /// The `st_dev` it is on.
    pub device: u64,
    /// Whether inode numbers last on this file system.
    pub keeps_inodes: bool,
    /// Whether a symbolic link below the root led here.
    pub via_symlink: bool,
    /// The rows of its files.
    pub files: Range<usize>,
}

/// What was being done when an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Opening a directory.
    OpenDirectory,
    /// Listing a directory's names.
    ReadDirectory,
    /// Asking for a file's size and times.
    Stat,
}

impl Operation {
    /// The operation as a word for messages and records.
    pub const fn name(self) -> &'static str {
        match self {
            Operation::OpenDirectory => "open",
            Operation::ReadDirectory => "read",
            Operation::Stat => "stat",
        }
    }
}

/// A place that could not be looked at.
#[derive(Debug)]
pub struct Failure {
    /// The directory that failed, or that holds the file that failed.
    pub directory: Vec<u8>,
    /// The file's name; `None` if it was the directory itself.
    pub name: Option<Vec<u8>>,
    /// What was tried.
    pub operation: Operation,
    /// The system's error number.
    pub errno: i32,
}
