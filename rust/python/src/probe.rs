//! `Prober` for Python.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use vpo_engine::probe::{self, Completion, Job, Limits, Media, Pool, Problem};

use crate::descriptors::os_error;
use crate::media_rows::{FileRows, MediaRows};
use crate::roots::{Roots, engine_roots};
use crate::text;

/// What was read.
enum Read {
    /// The media as JSON.
    Document(Vec<u8>),
    Rows(FileRows),
}

/// A problem's code, message and error number.
type Failure = (&'static str, String, Option<i32>);

#[pyclass(frozen, module = "vpo._engine")]
pub struct Prober {
    pool: Pool<Result<Read, Failure>>,
}

#[pymethods]
impl Prober {
    #[new]
    #[pyo3(signature = (*, threads=0, roots=None, rows=false))]
    fn new(threads: usize, roots: Option<&Bound<'_, Roots>>, rows: bool) -> Self {
        let convert = if rows { to_rows_if_sure } else { to_document };
        Self { pool: Pool::new(threads, Limits::default(), engine_roots(roots), convert) }
    }

    fn submit(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut jobs = Vec::new();
        for file in files.try_iter()? {
            let (key, path, follow, expected) =
                file?.extract::<(i64, Bound<'_, PyAny>, bool, Option<(u64, i64)>)>()?;
            let path = text::with_bytes(&path, |bytes| {
                use std::os::unix::ffi::OsStrExt;
                PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
            })?;
            jobs.push(Job { key, path, follow, expected });
        }
        py.detach(|| self.pool.submit(jobs)).map_err(|error| os_error(&error, None))
    }

    #[pyo3(signature = (timeout, at_least=1))]
    fn take(
        &self,
        py: Python<'_>,
        timeout: f64,
        at_least: usize,
    ) -> PyResult<(Option<MediaRows>, Vec<ProbeResult>)> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let (mut read, mut others) = (Vec::new(), Vec::new());
        for completion in py.detach(|| self.pool.take(timeout, at_least)) {
            let Completion { key, value, stat, quick_hash } = completion;
            let outcome = match value {
                Ok(Read::Rows(rows)) => {
                    read.push((key, rows, quick_hash));
                    continue;
                }
                Ok(Read::Document(json)) => Ok(json),
                Err(problem) => Err(problem),
            };
            let (size_bytes, mtime_ns) = stat.unzip();
            others.push(ProbeResult { key, outcome, size_bytes, mtime_ns, quick_hash });
        }
        let rows = if read.is_empty() { None } else { Some(MediaRows::new(py, &read)?) };
        Ok((rows, others))
    }

    #[getter]
    fn completed(&self) -> usize {
        self.pool.completed()
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

// These run in the pool's threads, which do not hold the GIL.

fn to_document(outcome: probe::Result<Media>) -> Result<Read, Failure> {
    let media = outcome.map_err(failure)?;
    let document = serde_json::to_vec(&media);
    document.map(Read::Document).map_err(|error| ("panic", error.to_string(), None))
}

/// Rows, unless another program has to be asked: that needs the document.
fn to_rows_if_sure(outcome: probe::Result<Media>) -> Result<Read, Failure> {
    match outcome {
        Ok(media) if media.unsure.is_empty() => Ok(Read::Rows(FileRows::new(&media))),
        other => to_document(other),
    }
}

fn failure(problem: Problem) -> Failure {
    let errno = match &problem {
        Problem::Io(error) => error.raw_os_error(),
        _ => None,
    };
    (problem.code(), problem.to_string(), errno)
}

#[pyclass(frozen, module = "vpo._engine")]
pub struct ProbeResult {
    #[pyo3(get)]
    key: i64,
    outcome: Result<Vec<u8>, Failure>,
    #[pyo3(get)]
    size_bytes: Option<u64>,
    #[pyo3(get)]
    mtime_ns: Option<i64>,
    quick_hash: Option<[u8; 16]>,
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
