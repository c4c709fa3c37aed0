//! The parallel walk: threads take directories from a stack, scan them, and report only
//! those that differ from what is known.
//!
//! - [`node`]: an open directory, shared by the tasks for its subdirectories.
//! - [`listing`]: the names and files of a directory while it is scanned.
//! - [`tasks`]: the stack of work and the number of threads.
//! - [`state`]: what the threads share.
//! - [`directory_scanner`]: lists a directory, calls `stat` and computes its fingerprint.
//! - [`worker`]: the loop that each thread runs.
//! - [`batch_queue`]: the bounded queue of batches to the consumer.
//! - [`unvisited`]: what happened to known directories that the walk did not visit.
//!
//! [`crate::concurrency`] decides how many threads there should be.

mod batch;
mod batch_queue;
mod directory_scanner;
mod known_directories;
mod listing;
mod node;
mod relative_path;
mod state;
mod tasks;
mod unvisited;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::Errno;

use crate::rules::Rules;
use node::Node;
use state::WalkState;
use tasks::Task;

pub use batch::{Batch, Directory, Failure, Operation};
pub use batch_queue::NextBatch;
pub use known_directories::KnownDirectories;
pub use unvisited::{DirectoryStatus, UnvisitedDirectory};

/// How to walk.
#[derive(Clone, Copy, Debug, Default)]
pub struct WalkOptions {
    /// The number of threads, which is the number of requests in flight. 0: chosen by latency.
    pub threads: usize,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Directories listed.
    pub directories: u64,
    /// Selected files seen.
    pub files: u64,
    /// The files among them that are in unchanged directories.
    pub unchanged_files: u64,
    /// Files and directories that could not be read.
    pub failures: u64,
    /// Threads that are running.
    pub threads: u64,
}

/// A walk in progress. Dropping it cancels it.
pub struct Walk {
    state: Arc<WalkState>,
}

impl Walk {
    /// Starts to walk `root`, an absolute path without links, `.` or `..`.
    ///
    /// # Errors
    /// If the root cannot be opened or is not a directory, or if no thread can be
    /// started. In these cases nothing was started.
    pub fn start(
        root: &[u8],
        rules: Arc<Rules>,
        known: KnownDirectories,
        options: WalkOptions,
    ) -> Result<Walk, Errno> {
        let root = Arc::new(Node::open_root(root)?);
        let state = Arc::new(WalkState::new(root, rules, known, options.threads));
        state.tasks.add([Task::ScanRoot(Arc::clone(&state.root))]);
        let threads = state.tasks.first_threads();
        let spawned = (0..threads).filter(|_| worker::spawn(&state)).count();
        if spawned == 0 { Err(Errno::AGAIN) } else { Ok(Walk { state }) }
    }

    /// Waits up to `timeout` for a batch.
    ///
    /// # Panics
    /// If a thread of the walk panicked: what it saw is lost.
    pub fn next(&self, timeout: Duration) -> NextBatch {
        self.state.batches.take(timeout)
    }

    /// Stops the walk. Threads end after their current request. This does not wait for
    /// them, because a request to a dead server may never return.
    pub fn cancel(&self) {
        self.state.cancelled.store(true, Ordering::Relaxed);
        self.state.tasks.stop();
        self.state.batches.close();
    }

    /// The counts so far.
    pub fn progress(&self) -> Progress {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            directories: load(&self.state.directories),
            files: load(&self.state.files),
            unchanged_files: load(&self.state.unchanged_files),
            failures: load(&self.state.failures),
            threads: self.state.tasks.threads() as u64,
        }
    }

    /// The known directories that a finished walk did not visit, and what happened to each.
    pub fn unvisited(&self) -> Vec<UnvisitedDirectory> {
        unvisited::examine(&self.state.root, &self.state.rules, &self.state.known)
    }

    /// The `st_dev` of the root.
    pub fn root_device(&self) -> u64 {
        self.state.root.device
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.cancel();
    }
}
