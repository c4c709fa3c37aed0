//! `Batch` and the objects in it, for Python.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::text;

#[pyclass(frozen, module = "vpo._engine")]
pub struct Batch {
    inner: vpo_engine::Batch,
    extensions: Arc<Vec<(Py<PyString>, Py<PyString>)>>,
}

impl Batch {
    pub fn new(
        inner: vpo_engine::Batch,
        extensions: Arc<Vec<(Py<PyString>, Py<PyString>)>>,
    ) -> Self {
        Self { inner, extensions }
    }

    /// A column of strings from the table of extensions.
    fn interned<'py>(
        &self,
        py: Python<'py>,
        which: impl Fn(&(Py<PyString>, Py<PyString>)) -> &Py<PyString>,
    ) -> PyResult<Bound<'py, PyList>> {
        let column = self.inner.extensions.iter();
        PyList::new(py, column.map(|index| which(&self.extensions[usize::from(*index)])))
    }
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn directories(&self, py: Python<'_>) -> Vec<Directory> {
        let convert = |directory: &vpo_engine::Directory| Directory {
            path: text::to_python(py, &directory.path).unbind(),
            known_id: directory.known_id,
            fingerprint: directory.fingerprint.map(|bytes| PyBytes::new(py, &bytes).unbind()),
            complete: directory.complete,
            device: directory.device,
            via_symlink: directory.via_symlink,
            start: directory.files.start,
            stop: directory.files.end,
        };
        self.inner.directories.iter().map(convert).collect()
    }

    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let names = (0..self.inner.len()).map(|row| text::to_python(py, self.inner.name(row)));
        PyList::new(py, names)
    }

    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.inner.sizes)
    }

    fn mtimes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.inner.mtimes)
    }

    fn inodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        // SQLite's integers are signed, so numbers above 2^63 wrap.
        let mut column: Vec<Option<i64>> =
            self.inner.inodes.iter().map(|inode| Some(inode.cast_signed())).collect();
        for directory in self.inner.directories.iter().filter(|it| !it.keeps_inodes) {
            column[directory.files.clone()].fill(None);
        }
        PyList::new(py, column)
    }

    fn extensions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.interned(py, |(extension, _)| extension)
    }

    fn kinds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.interned(py, |(_, kind)| kind)
    }

    fn symlinks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.inner.symlinks)
    }

    fn failures(&self, py: Python<'_>) -> Vec<Failure> {
        let convert = |failure: &vpo_engine::Failure| Failure {
            directory: text::to_python(py, &failure.directory).unbind(),
            name: failure.name.as_ref().map(|name| text::to_python(py, name).unbind()),
            operation: failure.operation.name(),
            errno: failure.errno,
        };
        self.inner.failures.iter().map(convert).collect()
    }
}

#[pyclass(frozen, get_all, module = "vpo._engine")]
pub struct Directory {
    path: Py<PyAny>,
    known_id: Option<i64>,
    fingerprint: Option<Py<PyBytes>>,
    complete: bool,
    device: u64,
    via_symlink: bool,
    start: usize,
    stop: usize,
}

#[pyclass(frozen, get_all, module = "vpo._engine")]
pub struct Failure {
    directory: Py<PyAny>,
    name: Option<Py<PyAny>>,
    operation: &'static str,
    errno: i32,
}
