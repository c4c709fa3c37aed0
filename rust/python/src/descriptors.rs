//! What Python calls descriptors and system errors.

use std::io;
use std::os::fd::BorrowedFd;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

/// A descriptor of the caller's, which stays open in Python for the time of a call.
#[allow(unsafe_code, reason = "Python has descriptors as numbers; the proof is inside")]
pub fn borrowed<'a>(descriptor: i32) -> PyResult<BorrowedFd<'a>> {
    if descriptor < 0 {
        return Err(PyValueError::new_err("a descriptor is not negative"));
    }
    // SAFETY: it is not -1. The callers only borrow it for one system call, which does not close
    // it. If Python closes it meanwhile, the call fails or looks elsewhere, and touches no memory
    // of this process.
    Ok(unsafe { BorrowedFd::borrow_raw(descriptor) })
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
