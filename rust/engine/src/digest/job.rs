//! What the threads of the pool are asked to do, and what they answer.

use std::path::PathBuf;
use std::sync::Arc;

use super::algorithm::{Algorithm, Value};
use super::file::{Expected, FileState, Problem};

/// A file to be digested.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The caller's key for the file.
    pub key: i64,
    /// Its absolute path.
    pub path: PathBuf,
    /// What the file must be like, or it is not read.
    pub expected: Expected,
    /// Whether a symbolic link at the path is followed.
    pub follow: bool,
    /// The algorithms to digest it with.
    pub algorithms: Arc<[&'static Algorithm]>,
    /// Other files that probably have the same content, and are digested with the same
    /// algorithms. They have no others themselves.
    ///
    /// To compare files takes a fraction of the time of digesting each. If this file is on a
    /// rotating disk and not cached, all are digested one by one, in the order of their places.
    pub alike: Vec<Job>,
}

impl Job {
    /// The number of its files.
    pub fn files(&self) -> usize {
        1 + self.alike.len()
    }

    /// A job of its own for each of its files.
    pub fn split(mut self) -> Vec<Self> {
        let mut all = std::mem::take(&mut self.alike);
        all.insert(0, self);
        all
    }
}

/// A [`Job`] that is done.
#[derive(Debug)]
pub struct Completion {
    /// The job's key.
    pub key: i64,
    /// The digests.
    pub outcome: Result<Vec<Value>, Problem>,
    /// The file when it was opened; `None` if it was not.
    pub file_state: Option<FileState>,
}
