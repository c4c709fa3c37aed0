//! What has become of known directories that a walk did not come by.
//!
//! Not seen is not gone: a directory may be excluded, on another file system,
//! or below one that could not be read. Only when the path itself says "there
//! is nothing here" is it gone.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::known::KnownDirectories;
use crate::rules::Rules;
use crate::sys;
use crate::walk::{Node, strip_root};

/// A known directory that was not seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The id it is known by.
    pub known: i64,
    /// What has become of it.
    pub presence: Presence,
}

/// What has become of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is not there any more; the nearest directory above it that is there
    /// is on this device (`st_dev`).
    Gone {
        /// The device.
        device: u64,
    },
    /// It is there; the walk could not read it, or it appeared since.
    There,
    /// The rules do not let a walk look there.
    NotSelected,
    /// It cannot be told: the error that looking gave.
    Unreachable {
        /// The system's error number.
        errno: i32,
    },
}

/// Examines every known directory that was not seen.
pub(crate) fn examine(root: &Node, rules: &Rules, known: &KnownDirectories) -> Vec<Unseen> {
    let mut trail = Trail { root, rules, steps: Vec::new(), dead_end: None };
    known
        .unseen()
        .into_iter()
        .map(|(path, known)| {
            let presence = match strip_root(path, &root.path) {
                Some(relative) => trail.follow(relative),
                None => Presence::NotSelected,
            };
            Unseen { known, presence }
        })
        .collect()
}

/// The directories from the root to the last path examined, held open: paths
/// come in order, so most share their beginning with the one before.
struct Trail<'a> {
    root: &'a Node,
    rules: &'a Rules,
    steps: Vec<Step>,
    /// Where the last path ended early, and why: all below it share its fate.
    dead_end: Option<(Vec<u8>, Presence)>,
}

struct Step {
    /// The path relative to the root.
    path: Vec<u8>,
    /// `None` for those far up a deep path: a process may have few files open.
    descriptor: Option<OwnedFd>,
    device: u64,
}

/// Steps that are held open.
const HELD_STEPS: usize = 32;

impl Trail<'_> {
    fn follow(&mut self, relative: &[u8]) -> Presence {
        if let Some((end, presence)) = &self.dead_end
            && strip_root(relative, end).is_some()
        {
            return *presence;
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
            if let Err(presence) = self.step(path, &rest[..length]) {
                self.dead_end = Some((path.to_vec(), presence));
                return presence;
            }
            done += length + 1;
        }
        Presence::There
    }

    /// Goes one directory down, or says why that is not possible.
    fn step(&mut self, path: &[u8], name: &[u8]) -> Result<(), Presence> {
        if self.rules.skips_name(name) || self.rules.excludes(path, true) {
            return Err(Presence::NotSelected);
        }
        let device = self.steps.last().map_or(self.root.device, |step| step.device);
        let name = CString::new(name).map_err(|_| Presence::NotSelected)?;
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
            true => Presence::Gone { device },
            false => Presence::Unreachable { errno: errno.raw_os_error() },
        })?;
        if self.rules.one_file_system() && found != self.root.device {
            return Err(Presence::NotSelected);
        }
        let descriptor = Some(descriptor);
        self.steps.push(Step { path: path.to_vec(), descriptor, device: found });
        if let Some(far) = self.steps.len().checked_sub(HELD_STEPS + 1) {
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
