//! What is known of one directory while it is being scanned: its names, then its files.

use std::ffi::{CStr, CString};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use rustix::io::Errno;

use super::node::{Node, OpenDirectory};
use crate::sys::Stat;

/// The extension index of an entry whose name is not selected, but which may turn
/// out to be a directory.
pub const NOT_SELECTED: u16 = u16::MAX;

/// Where a name is in [`Listing::names`]: its start and its end, without the final NUL.
pub type NameRange = (u32, u32);

/// An entry on which `stat` has to be called.
pub struct Candidate {
    pub name: NameRange,
    pub inode: u64,
    /// An index into the extensions of the rules, or [`NOT_SELECTED`].
    pub extension: u16,
    pub is_symlink: bool,
}

/// The names of a directory.
#[derive(Default)]
pub struct Listing {
    /// All names one after the other, each followed by a NUL.
    pub names: Vec<u8>,
    pub candidates: Vec<Candidate>,
    /// Whether every name was read.
    pub complete: bool,
    /// When reading began, in nanoseconds since 1970.
    pub began_ns: i128,
}

impl Listing {
    pub fn name(&self, name: NameRange) -> &[u8] {
        &self.names[name.0 as usize..name.1 as usize]
    }

    pub fn c_name(&self, candidate: &Candidate) -> &CStr {
        let (start, end) = (candidate.name.0 as usize, candidate.name.1 as usize);
        CStr::from_bytes_with_nul(&self.names[start..=end]).expect("names end with a NUL")
    }
}

/// A selected file.
pub struct FoundFile {
    pub name: NameRange,
    pub extension: u16,
    pub is_symlink: bool,
    pub stat: Stat,
}

/// A directory below another one, or a link that leads to a directory.
pub struct Subdirectory {
    pub parent: Arc<Node>,
    pub name: CString,
    pub is_symlink: bool,
}

/// What the `stat` calls found in a directory.
#[derive(Default)]
pub struct Findings {
    pub files: Vec<FoundFile>,
    pub subdirectories: Vec<Subdirectory>,
    pub failures: Vec<(NameRange, Errno)>,
    /// Whether something changed between listing and `stat`.
    pub changing: bool,
}

/// A large directory, on whose entries several threads call `stat`, a chunk each.
pub struct SplitDirectory {
    pub directory: OpenDirectory,
    pub listing: Listing,
    pub findings: Mutex<Findings>,
    pub entries_per_chunk: usize,
    pub chunks_left: AtomicUsize,
}
