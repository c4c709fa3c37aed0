//! Where the content of files is stored, when files were created, and the priority of reads.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pyo3::exceptions::PyOSError;
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
