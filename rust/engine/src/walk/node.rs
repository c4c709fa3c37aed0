//! A directory of the walk, kept open until its children were opened.
//!
//! Each child is opened relative to its parent, by its name alone. So a path may be longer
//! than one system call accepts, a network share resolves one name instead of the whole
//! path, and a link that someone puts in the way is noticed.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::beneath::open_trusted;
use crate::sys;

/// The most directories that walks keep open. Others are closed and opened again when they
/// are needed. This is half of what the process may have open: each thread needs a few
/// descriptors as well, and so does SQLite.
static HELD_LIMIT: LazyLock<usize> = LazyLock::new(|| {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.map_or(4096, |soft| (soft as usize / 2).clamp(16, 4096))
});
static HELD: AtomicUsize = AtomicUsize::new(0);

/// A directory that was opened.
pub struct Node {
    /// Its absolute path.
    pub path: Box<[u8]>,
    pub device: u64,
    inode: u64,
    /// Its mtime when it was opened.
    pub mtime: (i64, u32),
    /// Whether a different inode number here means a different file.
    pub keeps_inodes: bool,
    /// Whether it was reached through a link below the root.
    pub via_symlink: bool,
    parent: Option<Arc<Node>>,
    handle: Handle,
}

/// The open directory, counted while it is held.
enum Handle {
    Held(OwnedFd),
    /// Closed, because too many directories were open.
    Closed,
}

impl Drop for Node {
    fn drop(&mut self) {
        if matches!(self.handle, Handle::Held(_)) {
            HELD.fetch_sub(1, Ordering::Relaxed);
        }
        // A loop: dropping the parents by recursion would overflow the stack in a tree
        // that is thousands of levels deep.
        let mut above = self.parent.take();
        while let Some(mut node) = above.and_then(Arc::into_inner) {
            above = node.parent.take();
        }
    }
}

/// A directory that was just opened, to be scanned now.
pub struct OpenDirectory {
    pub node: Arc<Node>,
    /// The descriptor, if the node does not keep it open.
    transient: Option<OwnedFd>,
}

impl OpenDirectory {
    /// The descriptor for listing and for `stat`.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match (&self.transient, &self.node.handle) {
            (Some(descriptor), _) | (None, Handle::Held(descriptor)) => descriptor.as_fd(),
            (None, Handle::Closed) => unreachable!("a closed node comes with a descriptor"),
        }
    }
}

impl Node {
    /// Opens the root of a walk.
    pub fn open_root(path: &[u8]) -> Result<Node, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let descriptor = open_trusted(Path::new(OsStr::from_bytes(path)), flags, Mode::empty())?;
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

    /// The root, ready to be scanned.
    pub fn as_open_directory(self: &Arc<Node>) -> OpenDirectory {
        OpenDirectory { node: Arc::clone(self), transient: None }
    }

    /// Opens the subdirectory `name`.
    ///
    /// # Errors
    /// If it, or a parent that had to be opened again, cannot be opened.
    pub fn open_child(
        self: &Arc<Node>,
        name: &CStr,
        is_symlink: bool,
    ) -> Result<OpenDirectory, Errno> {
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
        Ok(OpenDirectory { node, transient })
    }

    /// Calls `act` with the open directory, which is opened again if it was closed.
    pub fn with_descriptor<T>(&self, act: impl FnOnce(BorrowedFd<'_>) -> T) -> Result<T, Errno> {
        match (&self.handle, &self.parent) {
            (Handle::Held(descriptor), _) => Ok(act(descriptor.as_fd())),
            (Handle::Closed, Some(parent)) => Ok(act(self.reopen(parent)?.as_fd())),
            (Handle::Closed, None) => unreachable!("the root is always held"),
        }
    }

    fn reopen(&self, parent: &Node) -> Result<OwnedFd, Errno> {
        // Go up to the nearest directory that is open, then down again. This is a loop
        // because recursion could overflow the stack in a deep tree.
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
            // A link is followed only if one was followed here before.
            let descriptor = sys::open_directory(at, &name, node.via_symlink)?;
            let found = sys::stat_fd(descriptor.as_fd())?;
            let is_other = (found.device, found.inode) != (node.device, node.inode);
            if node.keeps_inodes && is_other {
                // Another directory has its name now.
                return Err(Errno::NOENT);
            }
            opened = Some(descriptor);
        }
        opened.ok_or(Errno::NOENT)
    }

    /// The last component of the path.
    fn name(&self) -> &[u8] {
        let slash = self.path.iter().rposition(|byte| *byte == b'/');
        &self.path[slash.map_or(0, |position| position + 1)..]
    }

    /// Whether one of its parents is the same directory, which is so in a loop of links.
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
