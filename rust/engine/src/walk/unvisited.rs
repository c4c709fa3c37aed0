//! What happened to known directories that a walk did not visit.
//!
//! That a directory was not visited does not mean that it was removed: it may be excluded,
//! be on another file system, or be below a directory that could not be read. It was
//! removed only if the system reports that nothing exists at its path.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::known_directories::KnownDirectories;
use super::node::Node;
use super::relative_path::strip_root;
use crate::rules::Rules;
use crate::sys;

/// A known directory that the walk did not visit.
#[derive(Debug, PartialEq, Eq)]
pub struct UnvisitedDirectory {
    /// Its id in the catalogue.
    pub known_id: i64,
    /// What happened to it.
    pub status: DirectoryStatus,
}

/// What happened to a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryStatus {
    /// It does not exist any more.
    Removed {
        /// The `st_dev` of the nearest parent directory that exists.
        device: u64,
    },
    /// It exists: the walk could not read it, or it appeared after the walk.
    Present,
    /// The rules exclude it.
    NotSelected,
    /// It is unknown whether it exists, because an error occurred.
    Unreachable {
        /// The system's error number.
        errno: i32,
    },
}

/// Finds out what happened to every known directory that the walk did not visit.
pub fn examine(root: &Node, rules: &Rules, known: &KnownDirectories) -> Vec<UnvisitedDirectory> {
    let mut path_walker = PathWalker { root, rules, steps: Vec::new(), dead_end: None };
    known
        .unvisited()
        .into_iter()
        .map(|(path, known_id)| {
            let status = match strip_root(path, &root.path) {
                Some(relative) => path_walker.examine(relative),
                None => DirectoryStatus::NotSelected,
            };
            UnvisitedDirectory { known_id, status }
        })
        .collect()
}

/// Goes from the root to each path in turn, one directory at a time. It keeps the
/// directories on the way open: the paths are sorted, so most begin like the one before.
struct PathWalker<'a> {
    root: &'a Node,
    rules: &'a Rules,
    steps: Vec<Step>,
    /// Where the last path ended early, and why. Everything below has the same status.
    dead_end: Option<(Vec<u8>, DirectoryStatus)>,
}

/// A directory on the way.
struct Step {
    /// The path relative to the root.
    path: Vec<u8>,
    /// `None` if it was closed because the path is deep: a process may have few files open.
    descriptor: Option<OwnedFd>,
    device: u64,
}

/// The number of steps that are kept open.
const OPEN_STEPS: usize = 32;

impl PathWalker<'_> {
    fn examine(&mut self, relative: &[u8]) -> DirectoryStatus {
        if let Some((end, status)) = &self.dead_end
            && strip_root(relative, end).is_some()
        {
            return *status;
        }
        self.dead_end = None;
        while self.steps.last().is_some_and(|step| strip_root(relative, &step.path).is_none()) {
            self.steps.pop();
        }
        if self.steps.last().is_some_and(|step| step.descriptor.is_none()) {
            self.steps.clear();
        }
        let mut done = self.steps.last().map_or(0, |step| step.path.len() + 1);
        while done < relative.len() {
            let rest = &relative[done..];
            let length = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let path = &relative[..done + length];
            if let Err(status) = self.descend(path, &rest[..length]) {
                self.dead_end = Some((path.to_vec(), status));
                return status;
            }
            done += length + 1;
        }
        DirectoryStatus::Present
    }

    /// Goes one directory down, or returns the status of everything from there on.
    fn descend(&mut self, path: &[u8], name: &[u8]) -> Result<(), DirectoryStatus> {
        if self.rules.skips_name(name) || self.rules.excludes(path, true) {
            return Err(DirectoryStatus::NotSelected);
        }
        let device = self.steps.last().map_or(self.root.device, |step| step.device);
        let name = CString::new(name).map_err(|_| DirectoryStatus::NotSelected)?;
        let follow = self.rules.follow_symlinks();
        let last = self.steps.last().and_then(|step| step.descriptor.as_ref());
        let opened = match last {
            Some(descriptor) => open(descriptor.as_fd(), &name, follow),
            None => self
                .root
                .with_descriptor(|root| open(root, &name, follow))
                .and_then(|opened| opened),
        };
        let (descriptor, found) = opened.map_err(|errno| match sys::means_vanished(errno) {
            true => DirectoryStatus::Removed { device },
            false => DirectoryStatus::Unreachable { errno: errno.raw_os_error() },
        })?;
        if self.rules.one_file_system() && found != self.root.device {
            return Err(DirectoryStatus::NotSelected);
        }
        let descriptor = Some(descriptor);
        self.steps.push(Step { path: path.to_vec(), descriptor, device: found });
        if let Some(far) = self.steps.len().checked_sub(OPEN_STEPS + 1) {
            self.steps[far].descriptor = None;
        }
        Ok(())
    }
}

fn open(at: BorrowedFd<'_>, name: &CString, follow: bool) -> Result<(OwnedFd, u64), Errno> {
    let descriptor = sys::open_directory_path(at, name, follow)?;
    let device = sys::stat_fd(descriptor.as_fd())?.device;
    Ok((descriptor, device))
}
