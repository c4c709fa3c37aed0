//! What the threads of a walk share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::io::Errno;

use super::batch::{Batch, Failure, Operation};
use super::batch_queue::BatchQueue;
use super::known_directories::KnownDirectories;
use super::node::Node;
use super::tasks::Tasks;
use crate::rules::Rules;

/// The state of a walk: what it was asked to do, what is left to do, and its counters.
pub struct WalkState {
    pub root: Arc<Node>,
    pub rules: Arc<Rules>,
    pub known: KnownDirectories,
    pub tasks: Tasks,
    pub batches: BatchQueue,
    pub cancelled: AtomicBool,
    pub directories: AtomicU64,
    pub files: AtomicU64,
    pub unchanged_files: AtomicU64,
    pub failures: AtomicU64,
}

impl WalkState {
    /// A walk that begins with `root` and has not started yet.
    pub fn new(
        root: Arc<Node>,
        rules: Arc<Rules>,
        known: KnownDirectories,
        threads: usize,
    ) -> Self {
        Self {
            root,
            rules,
            known,
            tasks: Tasks::new(threads),
            batches: BatchQueue::default(),
            cancelled: AtomicBool::new(false),
            directories: AtomicU64::new(0),
            files: AtomicU64::new(0),
            unchanged_files: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Counts a failure and adds it to `batch`. `name` is a file in the directory, or
    /// `None` if the directory itself failed.
    pub fn record_failure(
        &self,
        batch: &mut Batch,
        directory: &[u8],
        name: Option<&[u8]>,
        operation: Operation,
        errno: Errno,
    ) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        batch.failures.push(Failure {
            directory: directory.to_vec(),
            name: name.map(<[u8]>::to_vec),
            operation,
            errno: errno.raw_os_error(),
        });
    }
}
