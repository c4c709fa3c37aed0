//! Opens files by their names in directories that are kept open.
//!
//! A network share without a cache of names is asked for each component of a path. Files of
//! one directory usually come one after another, so their directory is asked for only once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::beneath::DIRECTORY;
use crate::roots::Roots;
use crate::sys;

/// The most directories that are kept open: as many as there may be threads. A handle
/// takes little memory and gives no access by itself.
const CAPACITY: usize = 64;

/// The flags to open a file. Opening must not block: a pipe may have replaced the file
/// after it was listed.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// A directory that is open or is being opened; `None` inside if it cannot be opened.
type Handle = Arc<OnceLock<Option<OwnedFd>>>;

/// The directories that were used last. The latest is at the end.
#[derive(Default)]
pub struct DirectoryCache {
    roots: Arc<Roots>,
    kept: Mutex<VecDeque<(PathBuf, Handle)>>,
}

impl DirectoryCache {
    /// A cache of directories beneath these roots.
    pub fn new(roots: Arc<Roots>) -> Self {
        Self { roots, kept: Mutex::default() }
    }

    /// Opens the file at an absolute path. A symbolic link at its name is refused unless
    /// `follow`; links on the way are those that [`Roots`] accepts.
    ///
    /// # Errors
    /// The errors of `open(2)` with the whole path; `ELOOP` or `EXDEV` for a link that is refused.
    pub fn open(&self, path: &Path, follow: bool) -> io::Result<File> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            // `/`, for example. The caller sees what it is.
            return Ok(self.roots.open_directory(path, OFlags::RDONLY)?.into());
        };
        if let Some(Some(directory)) = self.directory(parent).get()
            && let Ok(file) = self.roots.open_in(directory, parent, name, FILE, follow)
        {
            return Ok(file.into());
        }
        // Another directory may have replaced the one that is open.
        let directory = self.roots.open_directory(parent, DIRECTORY)?;
        Ok(self.roots.open_in(&directory, parent, name, FILE, follow)?.into())
    }

    /// Opens a file in the same way, if it has this inode number or is on a file system that does
    /// not keep such numbers.
    ///
    /// # Errors
    /// The errors of [`DirectoryCache::open`]; `ESTALE` for a regular file with another number.
    pub fn open_inode(&self, path: &Path, follow: bool, inode: u64) -> io::Result<File> {
        let file = self.open(path, follow)?;
        let found = file.metadata()?;
        if found.is_file() && found.ino() != inode && sys::keeps_inodes(file.as_fd()) {
            return Err(Errno::STALE.into());
        }
        Ok(file)
    }

    /// The handle of a directory. If several threads want the same one, the first opens it
    /// and the others wait, so that a share is asked only once.
    fn directory(&self, path: &Path) -> Handle {
        let handle = {
            let mut kept = self.lock();
            match kept.iter().rev().find(|(known, _)| known.as_os_str() == path.as_os_str()) {
                Some((_, handle)) => Arc::clone(handle),
                None => {
                    if kept.len() >= CAPACITY {
                        kept.pop_front();
                    }
                    let handle = Handle::default();
                    kept.push_back((path.to_owned(), Arc::clone(&handle)));
                    handle
                }
            }
        };
        handle.get_or_init(|| self.roots.open_directory(path, DIRECTORY).ok());
        handle
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(PathBuf, Handle)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;

    fn content(directories: &DirectoryCache, path: &Path) -> io::Result<String> {
        let mut text = String::new();
        directories.open(path, true)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn the_file_at_the_path_is_opened() {
        let root = tempfile::tempdir().unwrap();
        let directories = DirectoryCache::default();
        for number in 0..2 * CAPACITY {
            let directory = root.path().join(number.to_string());
            fs::create_dir(&directory).unwrap();
            for name in ["a", "b"] {
                fs::write(directory.join(name), format!("{number}{name}")).unwrap();
            }
        }
        for name in ["a", "b"] {
            for number in 0..2 * CAPACITY {
                let path = root.path().join(number.to_string()).join(name);
                assert_eq!(content(&directories, &path).unwrap(), format!("{number}{name}"));
            }
        }
        assert_eq!(directories.lock().len(), CAPACITY);
    }

    #[test]
    fn a_directory_that_was_replaced_does_not_hide_the_files_in_the_new_one() {
        let root = tempfile::tempdir().unwrap();
        let (first, away) = (root.path().join("first"), root.path().join("away"));
        fs::create_dir(&first).unwrap();
        fs::write(first.join("a"), "old").unwrap();
        let directories = DirectoryCache::default();
        assert_eq!(content(&directories, &first.join("a")).unwrap(), "old");
        fs::rename(&first, away).unwrap();
        fs::create_dir(&first).unwrap();
        fs::write(first.join("b"), "new").unwrap();
        assert_eq!(content(&directories, &first.join("b")).unwrap(), "new");
    }

    #[test]
    fn a_directory_that_was_swapped_for_a_link_is_not_entered() {
        let tree = tempfile::tempdir().unwrap();
        let (root, other) = (tree.path().join("root"), tree.path().join("other"));
        for directory in [root.join("a/b"), other.join("b")] {
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("file"), "").unwrap();
        }
        let file = root.join("a/b/file");
        let open =
            || DirectoryCache::new(Arc::new(Roots::new([root.clone()], []))).open(&file, true);
        open().unwrap();
        fs::rename(root.join("a"), root.join("away")).unwrap();
        std::os::unix::fs::symlink(&other, root.join("a")).unwrap();
        let refused = open().unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
        let linked = Roots::new([root.clone()], [root.join("a/b")]);
        DirectoryCache::new(Arc::new(linked)).open(&file, false).unwrap();
    }

    #[test]
    fn errors_are_those_of_opening_the_whole_path() {
        let root = tempfile::tempdir().unwrap();
        let directories = DirectoryCache::default();
        let missing = directories.open(&root.path().join("no/file"), false).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
