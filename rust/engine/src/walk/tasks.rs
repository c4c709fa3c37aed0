//! The stack of work and the number of threads that share it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::listing::{SplitDirectory, Subdirectory};
use super::node::Node;
use crate::concurrency::{Concurrency, RequestStats, SplitPolicy};

/// Something for a thread to do.
pub enum Task {
    /// Scan the root, which is open already.
    ScanRoot(Arc<Node>),
    /// Open a subdirectory and scan it.
    Scan(Subdirectory),
    /// Call `stat` on one chunk of a large directory's entries.
    StatChunk { directory: Arc<SplitDirectory>, chunk: usize },
}

/// The tasks of a walk. The newest is taken first: the walk goes deep before it goes
/// wide, so that it holds few directories open for their children.
pub struct Tasks {
    state: Mutex<State>,
    available: Condvar,
}

struct State {
    stack: Vec<Task>,
    /// Tasks that are on the stack or being done. The walk is over when there are none.
    outstanding: usize,
    idle: usize,
    threads: usize,
    stopped: bool,
    concurrency: Concurrency,
}

impl Tasks {
    pub fn new(threads: usize) -> Self {
        Self {
            state: Mutex::new(State {
                stack: Vec::new(),
                outstanding: 0,
                idle: 0,
                threads: 0,
                stopped: false,
                concurrency: Concurrency::new(threads),
            }),
            available: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of threads to start with. They are counted as started.
    pub fn first_threads(&self) -> usize {
        let mut state = self.lock();
        state.threads = state.concurrency.first_threads();
        state.threads
    }

    /// Takes requests into account in the middle of a task. Returns how to split a
    /// directory's entries among threads.
    pub fn observe(&self, requests: RequestStats) -> SplitPolicy {
        let mut state = self.lock();
        state.concurrency.observe(requests);
        state.concurrency.split_policy()
    }

    pub fn threads(&self) -> usize {
        self.lock().threads
    }

    /// Counts one thread less and returns how many are left.
    pub fn thread_ended(&self) -> usize {
        let mut state = self.lock();
        state.threads -= 1;
        state.threads
    }

    /// Adds tasks that do not follow from a task that is complete.
    pub fn add(&self, tasks: impl IntoIterator<Item = Task>) {
        self.push(&mut self.lock(), tasks);
    }

    fn push(&self, state: &mut State, tasks: impl IntoIterator<Item = Task>) {
        let before = state.stack.len();
        state.stack.extend(tasks);
        let added = state.stack.len() - before;
        state.outstanding += added;
        for _ in 0..added.min(state.idle) {
            self.available.notify_one();
        }
    }

    /// Takes a task if there is one now.
    pub fn try_take(&self) -> Option<Task> {
        let mut state = self.lock();
        if state.stopped { None } else { state.stack.pop() }
    }

    /// Waits for a task. `None` once the walk is over or stopped.
    pub fn take(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.outstanding == 0 {
                return None;
            }
            if let Some(task) = state.stack.pop() {
                return Some(task);
            }
            state.idle += 1;
            state = self.available.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Records that a task is done, which tasks follow from it and what its requests cost.
    ///
    /// Returns how many more threads the caller should start. They are counted as started
    /// at once, so that no other thread decides to start them as well.
    pub fn complete(&self, children: Vec<Task>, requests: RequestStats) -> usize {
        let mut state = self.lock();
        state.concurrency.observe(requests);
        self.push(&mut state, children);
        state.outstanding -= 1;
        if state.outstanding == 0 {
            self.available.notify_all();
        }
        if state.stopped || state.idle > 0 {
            return 0;
        }
        // The caller takes one of the tasks itself; every other thread needs one, too.
        let useful = state.stack.len().saturating_sub(1);
        let more = useful.min(state.concurrency.wanted_threads().saturating_sub(state.threads));
        state.threads += more;
        more
    }

    /// Stops handing out tasks.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.stack.clear();
        self.available.notify_all();
    }
}
