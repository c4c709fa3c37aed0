//! `Digester` for Python.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use vpo_engine::digest::{
    self, ALGORITHMS, Algorithm, Expected, FileState, Job, Pool, PoolOptions, Problem,
};

use crate::descriptors::os_error;
use crate::roots::{Roots, engine_roots};
use crate::text;

/// A file as `submit` takes it: key, path, size, mtime in ns, and whether to follow a link.
type Submitted<'py> = (i64, Bound<'py, PyAny>, Option<u64>, Option<i64>, Bound<'py, PyAny>);

/// The same, with the inode.
type WithInode<'py> =
    (i64, Bound<'py, PyAny>, Option<u64>, Option<i64>, Bound<'py, PyAny>, Option<i64>);

/// What `take_rows` returns: key, algorithm, hexadecimal digits and ctime in ns of the files
/// that were digested, and the files that were not.
type Taken<'py> = (Vec<(i64, Bound<'py, PyString>, String, i64)>, Vec<Digested>);

/// The names of the algorithms.
pub fn algorithm_names(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, ALGORITHMS.iter().map(|algorithm| algorithm.name))
}

/// The algorithms with these names.
fn named(names: &[String]) -> PyResult<Arc<[&'static Algorithm]>> {
    names
        .iter()
        .map(|name| {
            Algorithm::from_name(name)
                .ok_or_else(|| PyValueError::new_err(format!("`{name}` is not an algorithm")))
        })
        .collect()
}

fn job(file: &Bound<'_, PyAny>, algorithms: &Arc<[&'static Algorithm]>) -> PyResult<Job> {
    let (key, path, size, mtime_ns, follow, inode) = if file.len()? == 6 {
        file.extract::<WithInode<'_>>()?
    } else {
        let (key, path, size, mtime_ns, follow) = file.extract::<Submitted<'_>>()?;
        (key, path, size, mtime_ns, follow, None)
    };
    let inode = inode.map(i64::cast_unsigned);
    let path = text::with_bytes(&path, |bytes| {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    })?;
    let (algorithms, alike) = (Arc::clone(algorithms), Vec::new());
    let (expected, follow) = (Expected { size, mtime_ns, inode }, follow.is_truthy()?);
    Ok(Job { key, path, expected, follow, algorithms, alike })
}

#[pyclass(frozen, module = "vpo._engine")]
pub struct Digester {
    pool: Pool,
}

#[pymethods]
impl Digester {
    #[new]
    #[pyo3(signature = (*, threads=0, max_rate=None, leave_cache=false, roots=None))]
    fn new(
        threads: usize,
        max_rate: Option<u64>,
        leave_cache: bool,
        roots: Option<&Bound<'_, Roots>>,
    ) -> Self {
        let roots = engine_roots(roots);
        Self { pool: Pool::new(PoolOptions { threads, max_rate, leave_cache, roots }) }
    }

    fn submit(
        &self,
        py: Python<'_>,
        files: &Bound<'_, PyAny>,
        algorithms: Vec<String>,
    ) -> PyResult<()> {
        let algorithms = named(&algorithms)?;
        let jobs =
            files.try_iter()?.map(|file| job(&file?, &algorithms)).collect::<PyResult<Vec<_>>>()?;
        py.detach(|| self.pool.submit(jobs)).map_err(|error| os_error(&error, None))
    }

    fn submit_alike(
        &self,
        py: Python<'_>,
        groups: &Bound<'_, PyAny>,
        algorithms: Vec<String>,
    ) -> PyResult<()> {
        let algorithms = named(&algorithms)?;
        let mut jobs = Vec::new();
        for group in groups.try_iter()? {
            let mut files = group?.try_iter()?;
            let Some(first) = files.next() else { continue };
            let first = job(&first?, &algorithms)?;
            let alike = files.map(|file| job(&file?, &algorithms)).collect::<PyResult<_>>()?;
            jobs.push(Job { alike, ..first });
        }
        py.detach(|| self.pool.submit(jobs)).map_err(|error| os_error(&error, None))
    }

    fn take(&self, py: Python<'_>, timeout: f64) -> PyResult<Vec<Digested>> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(py.detach(|| self.pool.take(timeout)).into_iter().map(Digested).collect())
    }

    fn take_rows<'py>(&self, py: Python<'py>, timeout: f64) -> PyResult<Taken<'py>> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for completion in py.detach(|| self.pool.take(timeout)) {
            match (&completion.outcome, &completion.file_state) {
                (Ok(values), Some(state)) => {
                    for (algorithm, hex) in values {
                        let name = PyString::intern(py, algorithm.name);
                        rows.push((completion.key, name, hex.clone(), state.ctime_ns()));
                    }
                }
                _ => failed.push(Digested(completion)),
            }
        }
        Ok((rows, failed))
    }

    fn stop(&self) {
        self.pool.stop();
    }

    #[getter]
    fn queued(&self) -> usize {
        self.pool.queued()
    }

    #[getter]
    fn outstanding(&self) -> usize {
        self.pool.outstanding()
    }

    #[getter]
    fn bytes_read(&self) -> u64 {
        self.pool.bytes_read()
    }
}

#[pyclass(frozen, module = "vpo._engine")]
pub struct Digested(digest::Completion);

impl Digested {
    fn failure(&self) -> Option<&Problem> {
        self.0.outcome.as_ref().err()
    }

    fn state<T>(&self, property: impl FnOnce(&FileState) -> T) -> Option<T> {
        self.0.file_state.as_ref().map(property)
    }
}

#[pymethods]
impl Digested {
    #[getter]
    fn key(&self) -> i64 {
        self.0.key
    }

    #[getter]
    fn digests<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Ok(values) = &self.0.outcome else { return Ok(None) };
        let digests = PyDict::new(py);
        for (algorithm, hex) in values {
            digests.set_item(PyString::intern(py, algorithm.name), hex)?;
        }
        Ok(Some(digests))
    }

    #[getter]
    fn problem(&self) -> Option<&'static str> {
        self.failure().map(Problem::code)
    }

    #[getter]
    fn message(&self) -> Option<String> {
        self.failure().map(Problem::to_string)
    }

    #[getter]
    fn errno(&self) -> Option<i32> {
        match self.failure() {
            Some(Problem::Unreadable { error, .. }) => error.raw_os_error(),
            _ => None,
        }
    }

    #[getter]
    fn offset(&self) -> Option<u64> {
        match self.failure() {
            Some(Problem::Unreadable { offset, .. }) => *offset,
            _ => None,
        }
    }

    #[getter]
    fn size_bytes(&self) -> Option<u64> {
        self.state(|state| state.size)
    }

    #[getter]
    fn mtime_ns(&self) -> Option<i64> {
        self.state(FileState::mtime_ns)
    }

    #[getter]
    fn ctime_ns(&self) -> Option<i64> {
        self.state(FileState::ctime_ns)
    }

    /// As a signed number, like the inodes of the walk.
    #[getter]
    fn inode(&self) -> Option<i64> {
        self.state(|state| state.inode as i64)
    }

    #[getter]
    fn device(&self) -> Option<u64> {
        self.state(|state| state.device)
    }
}
