//! Where the content of files is stored, how files are now, and the priority of reads.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::descriptors::{borrowed, os_error};
use crate::roots::Roots;
use crate::text;

#[pyfunction]
#[pyo3(signature = (path, roots=None))]
pub fn storage_of<'py>(
    py: Python<'py>,
    path: &Bound<'py, PyAny>,
    roots: Option<&Bound<'py, Roots>>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let file = text::with_bytes(path, |bytes| PathBuf::from(OsStr::from_bytes(bytes)))?;
    let none = vpo_engine::DirectoryCache::default();
    let directories = roots.map_or(&none, |roots| &roots.get().directories);
    match py.detach(|| vpo_engine::storage_of(directories, &file)) {
        Ok(storage) => Ok(storage.map(|storage| PyBytes::new(py, &storage))),
        Err(error) => Err(os_error(&error, Some(path))),
    }
}

#[pyfunction]
pub fn birth_time(py: Python<'_>, path: &Bound<'_, PyAny>, follow: bool) -> PyResult<Option<i64>> {
    let file = text::with_bytes(path, |bytes| PathBuf::from(OsStr::from_bytes(bytes)))?;
    Ok(py.detach(|| vpo_engine::birth_time(&file, follow)))
}

/// Device, inode, size, mtime in ns, links.
type Looked = (u64, u64, u64, i64, u64);

#[pyfunction]
pub fn look_at(py: Python<'_>, paths: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<Option<Looked>>> {
    let paths = paths
        .iter()
        .map(|path| text::with_bytes(path, |bytes| PathBuf::from(OsStr::from_bytes(bytes))))
        .collect::<PyResult<Vec<_>>>()?;
    let found = py.detach(|| vpo_engine::look_at(&paths));
    Ok(found
        .into_iter()
        .map(|seen| seen.map(|it| (it.device, it.inode, it.size, it.mtime_ns, it.links)))
        .collect())
}

/// `(device, inode, size, mtime_ns, ctime_ns, birth_ns, links)`
type Fresh = (u64, u64, u64, i128, i128, Option<i128>, u64);

#[pyfunction]
pub fn stat_afresh(py: Python<'_>, directory: i32, name: &[u8]) -> PyResult<Fresh> {
    let name = CString::new(name)?;
    let directory = borrowed(directory)?;
    match py.detach(|| vpo_engine::stat_afresh(directory, &name)) {
        Ok(found) => Ok((
            found.device,
            found.inode,
            found.size,
            found.mtime_ns,
            found.ctime_ns,
            found.birth_ns,
            found.links,
        )),
        Err(error) => Err(os_error(&error, None)),
    }
}

#[pyfunction]
pub fn set_idle_io() -> PyResult<bool> {
    vpo_engine::set_idle_io().map_err(|error| os_error(&error, None))
}

#[pyfunction]
pub fn end_on_bus_error(message: &[u8], status: i32) -> PyResult<()> {
    vpo_engine::end_on_bus_error(message, status).map_err(|error| os_error(&error, None))
}
