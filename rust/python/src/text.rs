//! Names and paths: `str` if their bytes are valid UTF-8, otherwise `bytes`. The catalogue
//! stores them in the same way, as TEXT or BLOB.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Bytes from the disk in the form in which the catalogue stores them.
pub fn to_python<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyAny> {
    match std::str::from_utf8(bytes) {
        Ok(text) => PyString::new(py, text).into_any(),
        Err(_) => PyBytes::new(py, bytes).into_any(),
    }
}

/// Calls `act` with the bytes of a `str` or `bytes` object.
pub fn with_bytes<T>(value: &Bound<'_, PyAny>, act: impl FnOnce(&[u8]) -> T) -> PyResult<T> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(act(bytes.as_bytes()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(act(text.to_str()?.as_bytes()));
    }
    Err(PyTypeError::new_err("a path must be str or bytes"))
}
