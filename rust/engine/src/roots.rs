//! The directories beneath which files are opened.
//!
//! Whoever runs the program names the roots. What is beneath them may belong to other users, who
//! can swap names for links at any moment. So each root is opened once, and everything else
//! relative to it, without links on the way ([`crate::beneath`]). Only a directory that a scan
//! has reached through a link is opened by its path.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::beneath::{DIRECTORY, Links, open_beneath, open_trusted};

/// The roots of a catalogue, or one that the caller has opened.
///
/// A path that is beneath none of them is opened as roots are: links on the way must belong to
/// root or to the user of this process.
#[derive(Default)]
pub struct Roots {
    roots: Vec<Root>,
    /// Directories that a scan has reached through links.
    linked: RwLock<HashSet<PathBuf>>,
}

struct Root {
    path: PathBuf,
    links: Links,
    /// `None` until it was opened. If that fails, it is tried again: a disk may be mounted later.
    opened: Mutex<Option<Arc<OwnedFd>>>,
}

impl Root {
    fn open(&self) -> Result<Arc<OwnedFd>, Errno> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = &*opened {
            return Ok(Arc::clone(root));
        }
        let root = Arc::new(open_trusted(&self.path, DIRECTORY, Mode::empty())?);
        Ok(Arc::clone(opened.insert(root)))
    }

    /// Closes a root whose file system is gone, so that the next call opens it again.
    fn forget(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Roots {
    /// The roots at these absolute paths. `linked` are the directories below them that a scan
    /// has reached through links.
    pub fn new(
        paths: impl IntoIterator<Item = PathBuf>,
        linked: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let root = |path| Root { path, links: Links::Refused, opened: Mutex::default() };
        let mut roots: Vec<_> = paths.into_iter().map(root).collect();
        // Of nested roots, the innermost is the one that counts.
        roots.sort_by_key(|root| std::cmp::Reverse(root.path.as_os_str().len()));
        Self { roots, linked: RwLock::new(linked.into_iter().collect()) }
    }

    /// Adds a root that the caller has opened, before all others. With [`Links::Beneath`], links
    /// that stay beneath it are followed.
    pub fn adopt(&mut self, path: PathBuf, opened: OwnedFd, links: Links) {
        let opened = Mutex::new(Some(Arc::new(opened)));
        self.roots.insert(0, Root { path, links, opened });
    }

    /// Notes that a scan has reached a directory through a link.
    pub fn add_linked(&self, directory: PathBuf) {
        self.linked.write().unwrap_or_else(PoisonError::into_inner).insert(directory);
    }

    fn is_linked(&self, directory: &Path) -> bool {
        self.linked.read().unwrap_or_else(PoisonError::into_inner).contains(directory)
    }

    fn root_of<'a>(&self, path: &'a Path) -> Option<(&Root, &'a Path)> {
        self.roots.iter().find_map(|root| Some((root, path.strip_prefix(&root.path).ok()?)))
    }

    /// Opens a directory by its absolute path.
    ///
    /// # Errors
    /// `ELOOP` for a link on the way, `EXDEV` for one that leads out of the root; otherwise
    /// those of `open(2)`.
    pub fn open_directory(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if self.is_linked(path) {
            return rustix::fs::open(path, flags, Mode::empty());
        }
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let Some((root, relative)) = self.root_of(path) else {
            return open_trusted(path, flags, Mode::empty());
        };
        let open = || {
            let opened = root.open()?;
            open_beneath(opened.as_fd(), relative, flags, Mode::empty(), root.links)
        };
        match open() {
            // The share was dropped, and may be mounted again.
            Err(Errno::STALE | Errno::NOTCONN) => {
                root.forget();
                open()
            }
            opened => opened,
        }
    }

    /// Opens `name` in `directory`, whose absolute path is `path`. A link at the name is followed
    /// with `follow`, or if its root allows that.
    ///
    /// # Errors
    /// As [`Roots::open_directory`].
    pub fn open_in(
        &self,
        directory: &OwnedFd,
        path: &Path,
        name: &OsStr,
        flags: OFlags,
        follow: bool,
    ) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        if follow {
            return rustix::fs::openat(directory, name, flags, Mode::empty());
        }
        let opened = rustix::fs::openat(directory, name, flags | OFlags::NOFOLLOW, Mode::empty());
        if opened.as_ref().is_err_and(|errno| *errno == Errno::LOOP)
            && let Some((root, relative)) = self.root_of(path)
            && root.links == Links::Beneath
        {
            let (root, whole) = (root.open()?, relative.join(name));
            return open_beneath(root.as_fd(), &whole, flags, Mode::empty(), Links::Beneath);
        }
        opened
    }
}
