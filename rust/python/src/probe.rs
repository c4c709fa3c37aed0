//! `Prober` for Python.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use vpo_engine::probe::{self, Job, Limits, Pool};

use crate::descriptors::os_error;
use crate::roots::{Roots, engine_roots};
use crate::text;

/// The media as JSON, or the problem's code, message and error number.
type Outcome = Result<Vec<u8>, (&'static str, String, Option<i32>)>;

#[pyclass(frozen, module = "vpo._engine")]
pub struct Prober {
    pool: Pool<Outcome>,
}

#[pymethods]
impl Prober {
    #[new]
    #[pyo3(signature = (*, threads=0, roots=None))]
    fn new(threads: usize, roots: Option<&Bound<'_, Roots>>) -> Self {
        Self { pool: Pool::new(threads, Limits::default(), engine_roots(roots), convert) }
    }

    fn submit(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut jobs = Vec::new();
        for file in files.try_iter()? {
            let (key, path, follow) = file?.extract::<(i64, Bound<'_, PyAny>, bool)>()?;
            let path = text::with_bytes(&path, |bytes| {
                use std::os::unix::ffi::OsStrExt;
                PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
            })?;
            jobs.push(Job { key, path, follow });
        }
        py.detach(|| self.pool.submit(jobs)).map_err(|error| os_error(&error, None))
    }

    fn take(&self, py: Python<'_>, timeout: f64) -> PyResult<Vec<ProbeResult>> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let completions = py.detach(|| self.pool.take(timeout));
        Ok(completions.into_iter().map(ProbeResult::from).collect())
    }

    #[getter]
    fn queued(&self) -> usize {
        self.pool.queued()
    }

    #[getter]
    fn outstanding(&self) -> usize {
        self.pool.outstanding()
    }
}

/// Runs in the pool's threads, which do not hold the GIL.
fn convert(outcome: probe::Result<probe::Media>) -> Outcome {
    let problem = |code, message: String, errno| Err((code, message, errno));
    match outcome {
        Ok(media) => {
            serde_json::to_vec(&media).or_else(|error| problem("panic", error.to_string(), None))
        }
        Err(error) => {
            let errno = match &error {
                probe::Problem::Io(error) => error.raw_os_error(),
                _ => None,
            };
            problem(error.code(), error.to_string(), errno)
        }
    }
}

#[pyclass(frozen, module = "vpo._engine")]
pub struct ProbeResult {
    #[pyo3(get)]
    key: i64,
    outcome: Outcome,
    #[pyo3(get)]
    size_bytes: Option<u64>,
    #[pyo3(get)]
    mtime_ns: Option<i64>,
    quick_hash: Option<[u8; 16]>,
}

impl From<probe::Completion<Outcome>> for ProbeResult {
    fn from(completion: probe::Completion<Outcome>) -> Self {
        let mtime_ns = completion.stat.map(|(_, (seconds, nanoseconds))| {
            seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds))
        });
        Self {
            key: completion.key,
            outcome: completion.value,
            size_bytes: completion.stat.map(|(size, _)| size),
            mtime_ns,
            quick_hash: completion.quick_hash,
        }
    }
}

#[pymethods]
impl ProbeResult {
    #[getter]
    fn media<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.outcome.as_ref().ok().map(|json| PyBytes::new(py, json))
    }

    #[getter]
    fn quick_hash<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.quick_hash.map(|hash| PyBytes::new(py, &hash))
    }

    #[getter]
    fn problem(&self) -> Option<&'static str> {
        self.outcome.as_ref().err().map(|(code, ..)| *code)
    }

    #[getter]
    fn message<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.outcome.as_ref().err().map(|(_, message, _)| PyString::new(py, message))
    }

    #[getter]
    fn errno(&self) -> Option<i32> {
        self.outcome.as_ref().err().and_then(|(.., errno)| *errno)
    }
}

#[pyfunction]
pub fn language_code(code: &str) -> String {
    probe::to_iso639_2b(code).into_owned()
}
