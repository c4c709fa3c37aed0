//! Where the content of files is stored, how files are now, and the priority of reads.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::text;

#[pyfunction]
pub fn storage_of<'py>(
    py: Python<'py>,
    path: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let file = text::with_bytes(path, |bytes| PathBuf::from(OsStr::from_bytes(bytes)))?;
    match py.detach(|| vpo_engine::storage_of(&file)) {
        Ok(storage) => Ok(storage.map(|storage| PyBytes::new(py, &storage))),
        Err(error) => Err(os_error(&error, Some(path))),
    }
}

#[pyfunction]
pub fn birth_time(py: Python<'_>, path: &Bound<'_, PyAny>, follow: bool) -> PyResult<Option<i64>> {
    let file = text::with_bytes(path, |bytes| PathBuf::from(OsStr::from_bytes(bytes)))?;
    Ok(py.detach(|| vpo_engine::birth_time(&file, follow)))
}

/// `(device, inode, size, mtime_ns, ctime_ns, birth_ns, links)`
type Fresh = (u64, u64, u64, i128, i128, Option<i128>, u64);

#[pyfunction]
#[allow(unsafe_code, reason = "Python has descriptors as numbers; the proof is inside")]
pub fn stat_afresh(py: Python<'_>, directory: i32, name: &[u8]) -> PyResult<Fresh> {
    let name = CString::new(name)?;
    if directory < 0 {
        return Err(PyValueError::new_err("a descriptor is not negative"));
    }
    // SAFETY: it is not -1. It is only borrowed for the call below, which does not close it.
    // If the caller closes it meanwhile, the call fails or looks elsewhere, and touches no
    // memory of this process.
    let directory = unsafe { BorrowedFd::borrow_raw(directory) };
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

/// An OSError with `errno`, so that Python makes the right subclass. PyO3 alone passes only
/// the message.
pub fn os_error(error: &io::Error, path: Option<&Bound<'_, PyAny>>) -> PyErr {
    let Some(errno) = error.raw_os_error() else {
        return PyOSError::new_err(error.to_string());
    };
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or_default().to_owned();
    match path {
        Some(path) => PyOSError::new_err((errno, words, path.clone().unbind())),
        None => PyOSError::new_err((errno, words)),
    }
}
