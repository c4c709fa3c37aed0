//! `Roots` for Python, and opening beneath a directory.

use std::ffi::OsStr;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use vpo_engine::beneath::{self, Links};
use vpo_engine::{DirectoryCache, Roots as EngineRoots};

use crate::descriptors::{borrowed, os_error};
use crate::text;

/// Where a path may be opened, and what is open there already.
#[pyclass(frozen, module = "vpo._engine")]
pub struct Roots {
    pub roots: Arc<EngineRoots>,
    pub directories: DirectoryCache,
}

/// The engine's roots; none if Python gives none.
pub fn engine_roots(roots: Option<&Bound<'_, Roots>>) -> Arc<EngineRoots> {
    roots.map(|roots| Arc::clone(&roots.get().roots)).unwrap_or_default()
}

#[pymethods]
impl Roots {
    #[new]
    #[pyo3(signature = (paths=None, linked=None, *, opened=None))]
    fn new(
        paths: Option<&Bound<'_, PyAny>>,
        linked: Option<&Bound<'_, PyAny>>,
        opened: Option<(Bound<'_, PyAny>, i32, bool)>,
    ) -> PyResult<Self> {
        let mut roots = EngineRoots::new(all_paths(paths)?, all_paths(linked)?);
        if let Some((path, descriptor, follows_inner)) = opened {
            let links = if follows_inner { Links::Beneath } else { Links::Refused };
            roots.adopt(path_of(&path)?, copy_of(descriptor)?, links);
        }
        let roots = Arc::new(roots);
        Ok(Self { directories: DirectoryCache::new(Arc::clone(&roots)), roots })
    }

    fn add_linked(&self, directory: &Bound<'_, PyAny>) -> PyResult<()> {
        self.roots.add_linked(path_of(directory)?);
        Ok(())
    }

    fn open_directory(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<i32> {
        let directory = path_of(path)?;
        let opened =
            py.detach(|| self.roots.open_directory(&directory, rustix::fs::OFlags::RDONLY));
        match opened {
            Ok(descriptor) => Ok(descriptor.into_raw_fd()),
            Err(errno) => Err(os_error(&errno.into(), Some(path))),
        }
    }

    #[pyo3(signature = (path, follow=false, inode=None))]
    fn open_file(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        follow: bool,
        inode: Option<i64>,
    ) -> PyResult<i32> {
        let file = path_of(path)?;
        let open = || match inode {
            Some(inode) => self.directories.open_inode(&file, follow, inode.cast_unsigned()),
            None => self.directories.open(&file, follow),
        };
        match py.detach(open) {
            Ok(opened) => Ok(OwnedFd::from(opened).into_raw_fd()),
            Err(error) => Err(os_error(&error, Some(path))),
        }
    }
}

#[pyfunction]
#[pyo3(signature = (directory, path, flags, mode=0o600, *, follows_inner=false))]
pub fn open_beneath(
    py: Python<'_>,
    directory: i32,
    path: &Bound<'_, PyAny>,
    flags: i32,
    mode: u32,
    follows_inner: bool,
) -> PyResult<i32> {
    let file = path_of(path)?;
    let links = if follows_inner { Links::Beneath } else { Links::Refused };
    let (flags, mode) = (open_flags(flags), creation_mode(mode, flags));
    let directory = borrowed(directory)?;
    match py.detach(|| beneath::open_beneath(directory, &file, flags, mode, links)) {
        Ok(opened) => Ok(opened.into_raw_fd()),
        Err(errno) => Err(os_error(&errno.into(), Some(path))),
    }
}

#[pyfunction]
pub fn open_trusted(py: Python<'_>, path: &Bound<'_, PyAny>, flags: i32) -> PyResult<i32> {
    let file = path_of(path)?;
    let mode = rustix::fs::Mode::empty();
    match py.detach(|| beneath::open_trusted(&file, open_flags(flags), mode)) {
        Ok(opened) => Ok(opened.into_raw_fd()),
        Err(errno) => Err(os_error(&errno.into(), Some(path))),
    }
}

fn open_flags(flags: i32) -> rustix::fs::OFlags {
    rustix::fs::OFlags::from_bits_retain(flags.cast_unsigned())
}

/// openat2(2) refuses a mode if nothing is created.
fn creation_mode(mode: u32, flags: i32) -> rustix::fs::Mode {
    let creates = open_flags(flags).contains(rustix::fs::OFlags::CREATE);
    rustix::fs::Mode::from_bits_truncate(if creates { mode as _ } else { 0 })
}

fn path_of(path: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    text::with_bytes(path, |bytes| Path::new(OsStr::from_bytes(bytes)).to_owned())
}

pub fn all_paths(paths: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<PathBuf>> {
    let Some(paths) = paths else { return Ok(Vec::new()) };
    paths.try_iter()?.map(|path| path_of(&path?)).collect()
}

fn copy_of(descriptor: i32) -> PyResult<OwnedFd> {
    borrowed(descriptor)?.try_clone_to_owned().map_err(|error| os_error(&error, None))
}
