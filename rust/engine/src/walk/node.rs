//! A directory of the walk, held open while its children are to be opened.
//!
//! Children are opened relative to their parent: one component each, so that a
//! path may be longer than the system takes in one call, a share is asked for
//! one name instead of the whole path, and a link put in the way is noticed.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use rustix::io::Errno;

use crate::sys;

/// Open directories that walks may hold for later; beyond it they are closed
/// and opened again when needed. A share of what the process may have open, as
/// each thread needs a few besides and SQLite its own.
static HELD_LIMIT: LazyLock<usize> = LazyLock::new(|| {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.map_or(4096, |soft| (soft as usize / 2).clamp(16, 4096))
});
static HELD: AtomicUsize = AtomicUsize::new(0);

/// A directory that was opened.
pub struct Node {
    /// The absolute path.
    pub path: Box<[u8]>,
    pub device: u64,
    inode: u64,
    /// When it was changed last, as of its opening.
    pub mtime: (i64, u32),
    /// Whether another inode number here means another file.
    pub keeps_inodes: bool,
    /// Whether a link below the root led here.
    pub via_symlink: bool,
    parent: Option<Arc<Node>>,
    handle: Handle,
}

/// The open directory, counted while it is held.
enum Handle {
    Held(OwnedFd),
    /// Closed for lack of descriptors.
    Closed,
}

impl Drop for Node {
    fn drop(&mut self) {
        if matches!(self.handle, Handle::Held(_)) {
            HELD.fetch_sub(1, Ordering::Relaxed);
        }
        // One after the other: dropping parents by recursion would overflow the
        // stack on a tree some thousand levels deep.
        let mut above = self.parent.take();
        while let Some(mut node) = above.and_then(Arc::into_inner) {
            above = node.parent.take();
        }
    }
}

/// A directory as it was opened: to be listed now, and its node for later.
pub struct Opened {
    pub node: Arc<Node>,
    /// Set where the node does not hold the descriptor itself.
    transient: Option<OwnedFd>,
}

impl Opened {
    /// The descriptor to list and stat with.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match (&self.transient, &self.node.handle) {
            (Some(descriptor), _) | (None, Handle::Held(descriptor)) => descriptor.as_fd(),
            (None, Handle::Closed) => unreachable!("a closed node comes with a descriptor"),
        }
    }
}

impl Node {
    /// Opens the root of a walk.
    pub fn open_root(path: &[u8], c_path: &CStr) -> Result<Node, Errno> {
        let descriptor = sys::open_root(c_path)?;
        let stat = sys::stat_fd(descriptor.as_fd())?;
        let keeps_inodes = sys::keeps_inodes(descriptor.as_fd());
        HELD.fetch_add(1, Ordering::Relaxed);
        Ok(Node {
            path: path.into(),
            device: stat.device,
            inode: stat.inode,
            mtime: stat.mtime,
            keeps_inodes,
            via_symlink: false,
            parent: None,
            handle: Handle::Held(descriptor),
        })
    }

    /// The root, ready to be looked at.
    pub fn as_opened(self: &Arc<Node>) -> Opened {
        Opened { node: Arc::clone(self), transient: None }
    }

    /// Opens the subdirectory `name`.
    ///
    /// # Errors
    /// What `open` or `stat` of it say, or of a parent that had to be opened again.
    pub fn open_child(self: &Arc<Node>, name: &CStr, is_symlink: bool) -> Result<Opened, Errno> {
        let descriptor =
            self.with_descriptor(|parent| sys::open_directory(parent, name, is_symlink))??;
        let stat = sys::stat_fd(descriptor.as_fd())?;
        let keeps_inodes = match stat.device == self.device {
            true => self.keeps_inodes,
            false => sys::keeps_inodes(descriptor.as_fd()),
        };
        let mut path = Vec::with_capacity(self.path.len() + 1 + name.count_bytes());
        path.extend_from_slice(&self.path);
        if path != b"/" {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        let hold = HELD.fetch_add(1, Ordering::Relaxed) < *HELD_LIMIT;
        let (handle, transient) = match hold {
            true => (Handle::Held(descriptor), None),
            false => {
                HELD.fetch_sub(1, Ordering::Relaxed);
                (Handle::Closed, Some(descriptor))
            }
        };
        let node = Arc::new(Node {
            path: path.into(),
            device: stat.device,
            inode: stat.inode,
            mtime: stat.mtime,
            keeps_inodes,
            via_symlink: self.via_symlink || is_symlink,
            parent: Some(Arc::clone(self)),
            handle,
        });
        Ok(Opened { node, transient })
    }

    /// Calls `act` with the open directory, opening it again if it was closed.
    pub fn with_descriptor<T>(&self, act: impl FnOnce(BorrowedFd<'_>) -> T) -> Result<T, Errno> {
        match (&self.handle, &self.parent) {
            (Handle::Held(descriptor), _) => Ok(act(descriptor.as_fd())),
            (Handle::Closed, Some(parent)) => Ok(act(self.reopen(parent)?.as_fd())),
            (Handle::Closed, None) => unreachable!("the root is always held"),
        }
    }

    fn reopen(&self, parent: &Node) -> Result<OwnedFd, Errno> {
        // Up to the nearest directory that is open, then down again: a loop, as
        // the tree may be deeper than a thread's stack.
        let mut closed = vec![self];
        let mut above = parent;
        let start = loop {
            match (&above.handle, &above.parent) {
                (Handle::Held(descriptor), _) => break descriptor.as_fd(),
                (Handle::Closed, Some(next)) => {
                    closed.push(above);
                    above = next;
                }
                (Handle::Closed, None) => unreachable!("the root is always held"),
            }
        };
        let mut opened: Option<OwnedFd> = None;
        for node in closed.into_iter().rev() {
            let at = opened.as_ref().map_or(start, |descriptor| descriptor.as_fd());
            let name = CString::new(node.name()).map_err(|_| Errno::INVAL)?;
            // A link is allowed only where links led before.
            opened = Some(sys::open_directory(at, &name, node.via_symlink)?);
        }
        opened.ok_or(Errno::NOENT)
    }

    /// The last component of the path.
    fn name(&self) -> &[u8] {
        let slash = self.path.iter().rposition(|byte| *byte == b'/');
        &self.path[slash.map_or(0, |position| position + 1)..]
    }

    /// Whether this directory is one of those that lead to it: a loop of links.
    pub fn is_its_own_ancestor(&self) -> bool {
        let mut above = self.parent.as_deref();
        while let Some(node) = above {
            if (node.device, node.inode) == (self.device, self.inode) {
                return true;
            }
            above = node.parent.as_deref();
        }
        false
    }
}
