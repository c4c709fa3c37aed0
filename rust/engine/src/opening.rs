//! Opening files by their name in a directory that is kept open.
//!
//! A share without a cache of names is asked for each component of a path; files
//! of one directory come one after another, so most of that is asked once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::{Mode, OFlags};

/// As many as threads may be at; a handle is little, and gives no access by itself.
const MOST_KEPT: usize = 64;

/// A file is opened to be read, at once: a pipe may have taken its place since it
/// was listed.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An open directory, once it is; `None` if it cannot be opened.
type Handle = Arc<OnceLock<Option<OwnedFd>>>;

/// Directories that were used last, the latest at the end.
#[derive(Default)]
pub struct Directories {
    kept: Mutex<VecDeque<(PathBuf, Handle)>>,
}

impl Directories {
    /// Opens the file at an absolute path; unless `follow`, a link in its place is refused.
    ///
    /// # Errors
    /// As `open(2)` with the whole path: `ELOOP` for a link.
    pub fn open(&self, path: &Path, follow: bool) -> io::Result<File> {
        let flags = if follow { FILE } else { FILE | OFlags::NOFOLLOW };
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(Some(directory)) = self.directory(parent).get()
            && let Ok(file) = rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty())
        {
            return Ok(file.into());
        }
        // The directory may have been moved, and another be in its place.
        Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
    }

    /// The handle of a directory. Threads that want the same one wait for the first
    /// of them, rather than all to ask the same of a share.
    fn directory(&self, path: &Path) -> Handle {
        let handle = {
            let mut kept = self.lock();
            match kept.iter().rev().find(|(known, _)| known == path) {
                Some((_, handle)) => Arc::clone(handle),
                None => {
                    if kept.len() >= MOST_KEPT {
                        kept.pop_front();
                    }
                    let handle = Handle::default();
                    kept.push_back((path.to_owned(), Arc::clone(&handle)));
                    handle
                }
            }
        };
        handle.get_or_init(|| {
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
            #[cfg(target_os = "linux")]
            let flags = flags | OFlags::PATH;
            rustix::fs::open(path, flags, Mode::empty()).ok()
        });
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

    fn content(directories: &Directories, path: &Path) -> io::Result<String> {
        let mut text = String::new();
        directories.open(path, true)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn files_are_what_their_paths_lead_to() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::default();
        for number in 0..2 * MOST_KEPT {
            let directory = root.path().join(number.to_string());
            fs::create_dir(&directory).unwrap();
            for name in ["a", "b"] {
                fs::write(directory.join(name), format!("{number}{name}")).unwrap();
            }
        }
        for name in ["a", "b"] {
            for number in 0..2 * MOST_KEPT {
                let path = root.path().join(number.to_string()).join(name);
                assert_eq!(content(&directories, &path).unwrap(), format!("{number}{name}"));
            }
        }
        assert_eq!(directories.lock().len(), MOST_KEPT);
    }

    #[test]
    fn a_directory_that_was_replaced_does_not_hide_what_is_in_the_new_one() {
        let root = tempfile::tempdir().unwrap();
        let (first, away) = (root.path().join("first"), root.path().join("away"));
        fs::create_dir(&first).unwrap();
        fs::write(first.join("a"), "old").unwrap();
        let directories = Directories::default();
        assert_eq!(content(&directories, &first.join("a")).unwrap(), "old");
        fs::rename(&first, away).unwrap();
        fs::create_dir(&first).unwrap();
        fs::write(first.join("b"), "new").unwrap();
        assert_eq!(content(&directories, &first.join("b")).unwrap(), "new");
    }

    #[test]
    fn errors_are_those_of_the_path() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::default();
        let missing = directories.open(&root.path().join("no/file"), false).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
