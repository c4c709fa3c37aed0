//! The parallel walk: threads that take directories from one stack, look at
//! them, and hand on only those that differ from what is known.
//!
//! - [`node`]: an open directory, shared by what is still to be opened below it.
//! - [`tasks`]: the stack of work, and how many threads share it.
//! - [`crate::pace`]: how many threads that should be, from the latency of requests.
//! - [`look`]: listing, statting and fingerprinting one directory.
//! - [`output`]: the bounded queue of batches to the consumer.

mod look;
mod node;
mod output;
mod tasks;

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use crate::batch::{Batch, Failure, Operation};
use crate::known::KnownDirectories;
use crate::presence::{self, Unseen};
use crate::rules::Rules;
use look::Looker;
pub(crate) use look::strip_root;
pub(crate) use node::Node;
pub use output::Next;
use output::Output;
use tasks::{Task, Tasks};

/// How a walk is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct WalkOptions {
    /// Threads, that is requests in flight; 0 chooses by latency.
    pub threads: usize,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Directories listed.
    pub directories: u64,
    /// Selected files seen.
    pub files: u64,
    /// Those of them in directories that are as they were known.
    pub unchanged_files: u64,
    /// Places that could not be looked at.
    pub failures: u64,
    /// Threads at work.
    pub threads: u64,
}

/// A walk in progress. Dropping it cancels it.
pub struct Walk {
    shared: Arc<Shared>,
}

/// What the threads of a walk share.
struct Shared {
    root: Arc<Node>,
    rules: Arc<Rules>,
    known: KnownDirectories,
    tasks: Tasks,
    output: Output,
    cancelled: AtomicBool,
    directories: AtomicU64,
    files: AtomicU64,
    unchanged_files: AtomicU64,
    failures: AtomicU64,
}

impl Walk {
    /// Starts to walk `root`, an absolute path without links, `.` or `..`.
    ///
    /// # Errors
    /// The root cannot be opened or is not a directory, or no thread can be
    /// started. Nothing was started.
    pub fn start(
        root: &[u8],
        rules: Arc<Rules>,
        known: KnownDirectories,
        options: WalkOptions,
    ) -> Result<Walk, Errno> {
        let path = CString::new(root).map_err(|_| Errno::INVAL)?;
        let root = Arc::new(Node::open_root(root, &path)?);
        let tasks = Tasks::new(options.threads);
        tasks.add([Task::Look(Arc::clone(&root))]);
        let shared = Arc::new(Shared {
            root,
            rules,
            known,
            tasks,
            output: Output::default(),
            cancelled: AtomicBool::new(false),
            directories: AtomicU64::new(0),
            files: AtomicU64::new(0),
            unchanged_files: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        });
        let threads = shared.tasks.first_threads();
        let spawned = (0..threads).filter(|_| Shared::spawn_worker(&shared)).count();
        if spawned == 0 { Err(Errno::AGAIN) } else { Ok(Walk { shared }) }
    }

    /// Waits up to `timeout` for a batch.
    ///
    /// # Panics
    /// If a thread of the walk panicked: what it saw is not known.
    pub fn next(&self, timeout: Duration) -> Next {
        self.shared.output.take(timeout)
    }

    /// Stops the walk. Threads end after the request they are in; nobody waits
    /// for them, as a request to a dead server may never return.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
        self.shared.tasks.stop();
        self.shared.output.close();
    }

    /// The counts so far.
    pub fn progress(&self) -> Progress {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            directories: load(&self.shared.directories),
            files: load(&self.shared.files),
            unchanged_files: load(&self.shared.unchanged_files),
            failures: load(&self.shared.failures),
            threads: self.shared.tasks.threads() as u64,
        }
    }

    /// For a walk that has finished: the known directories that it did not come
    /// by, and what has become of each.
    pub fn unseen(&self) -> Vec<Unseen> {
        presence::examine(&self.shared.root, &self.shared.rules, &self.shared.known)
    }

    /// The `st_dev` of the root.
    pub fn root_device(&self) -> u64 {
        self.shared.root.device
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Shared {
    /// Starts a thread that counts as started; takes it back if that fails.
    fn spawn_worker(shared: &Arc<Shared>) -> bool {
        let for_thread = Arc::clone(shared);
        let spawned = thread::Builder::new()
            .name("vpo-walk".to_owned())
            // Recursion is not used, and 64 threads should not cost 128 MiB of address space.
            .stack_size(256 * 1024)
            .spawn(move || {
                let shared = for_thread;
                if catch_unwind(AssertUnwindSafe(|| Shared::work(&shared))).is_err() {
                    shared.output.poison();
                    shared.tasks.stop();
                }
            });
        if spawned.is_err() && shared.tasks.thread_ended() == 0 {
            // The others were done before this one failed to start.
            shared.output.finish();
        }
        spawned.is_ok()
    }

    /// One thread's life: take a task, look, hand on; until all is done.
    fn work(shared: &Arc<Shared>) {
        let mut looker = Looker::new(Arc::clone(shared));
        loop {
            let task = match shared.tasks.try_take() {
                Some(task) => task,
                None => {
                    // Idle: what was gathered must not wait for the next task.
                    looker.flush();
                    match shared.tasks.take() {
                        Some(task) => task,
                        None => break,
                    }
                }
            };
            let children = looker.do_task(task);
            let requests = looker.take_timing();
            for _ in 0..shared.tasks.done_one(children, requests) {
                Shared::spawn_worker(shared);
            }
        }
        looker.flush();
        if shared.tasks.thread_ended() == 0 {
            shared.output.finish();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn fail(
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
