//! `Walk` for Python.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use vpo_engine::{DirectoryStatus, KnownDirectories, NextBatch, WalkOptions};

use crate::batch::Batch;
use crate::descriptors::os_error;
use crate::rules::Rules;
use crate::text;

#[pyclass(frozen, module = "vpo._engine")]
pub struct Walk {
    inner: vpo_engine::Walk,
    extensions: Arc<Vec<(Py<PyString>, Py<PyString>)>>,
    finished: AtomicBool,
}

#[pymethods]
impl Walk {
    #[new]
    #[pyo3(signature = (root, rules, known, *, threads=0))]
    fn new(
        py: Python<'_>,
        root: &[u8],
        rules: &Rules,
        known: &Bound<'_, PyAny>,
        threads: usize,
    ) -> PyResult<Self> {
        let mut directories = KnownDirectories::default();
        for row in known.try_iter()? {
            let (path, fingerprint, id) =
                row?.extract::<(Bound<'_, PyAny>, Option<Bound<'_, PyBytes>>, i64)>()?;
            let fingerprint = fingerprint
                .map(|bytes| bytes.as_bytes().try_into())
                .transpose()
                .map_err(|_| PyValueError::new_err("a fingerprint must have 16 bytes"))?;
            text::with_bytes(&path, |path| directories.add(path, fingerprint, id))?;
        }
        let (root, rules_inner) = (root.to_vec(), Arc::clone(&rules.inner));
        let inner = py
            .detach(|| {
                vpo_engine::Walk::start(&root, rules_inner, directories, WalkOptions { threads })
            })
            .map_err(|errno| os_error(&io::Error::from_raw_os_error(errno.raw_os_error()), None))?;
        let extensions = rules
            .extensions
            .iter()
            .map(|(extension, kind)| (extension.clone_ref(py), kind.clone_ref(py)))
            .collect();
        Ok(Self { inner, extensions: Arc::new(extensions), finished: AtomicBool::new(false) })
    }

    fn next_batch(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<Batch>> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        match py.detach(|| self.inner.next(timeout)) {
            NextBatch::Batch(batch) => Ok(Some(Batch::new(*batch, Arc::clone(&self.extensions)))),
            NextBatch::Pending => Ok(None),
            NextBatch::Finished => {
                self.finished.store(true, Ordering::Relaxed);
                Ok(None)
            }
        }
    }

    #[getter]
    fn finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    fn cancel(&self) {
        self.inner.cancel();
    }

    fn progress(&self) -> Progress {
        let now = self.inner.progress();
        Progress {
            directories: now.directories,
            files: now.files,
            unchanged_files: now.unchanged_files,
            failures: now.failures,
            threads: now.threads,
        }
    }

    fn unvisited(&self, py: Python<'_>) -> PyResult<Vec<UnvisitedDirectory>> {
        if !self.finished() {
            return Err(PyValueError::new_err("the walk has not finished"));
        }
        let convert = |directory: vpo_engine::UnvisitedDirectory| {
            let (status, device, errno) = match directory.status {
                DirectoryStatus::Removed { device } => ("removed", Some(device), None),
                DirectoryStatus::Present => ("present", None, None),
                DirectoryStatus::NotSelected => ("not_selected", None, None),
                DirectoryStatus::Unreachable { errno } => ("unreachable", None, Some(errno)),
            };
            UnvisitedDirectory { known_id: directory.known_id, status, device, errno }
        };
        Ok(py.detach(|| self.inner.unvisited()).into_iter().map(convert).collect())
    }

    #[getter]
    fn root_device(&self) -> u64 {
        self.inner.root_device()
    }
}

#[pyclass(frozen, get_all, module = "vpo._engine")]
pub struct Progress {
    directories: u64,
    files: u64,
    unchanged_files: u64,
    failures: u64,
    threads: u64,
}

#[pyclass(frozen, get_all, module = "vpo._engine")]
pub struct UnvisitedDirectory {
    known_id: i64,
    status: &'static str,
    device: Option<u64>,
    errno: Option<i32>,
}
