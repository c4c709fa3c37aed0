//! The completed jobs of a pool of threads, for the caller to take.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Completions that can be taken, and the number that are still to come.
pub struct CompletionQueue<T> {
    state: Mutex<State<T>>,
    /// Notified when there are completions, or when fewer are outstanding.
    changed: Condvar,
}

struct State<T> {
    completed: Vec<T>,
    /// Jobs that were submitted and whose completion was not taken yet.
    outstanding: usize,
}

impl<T> Default for CompletionQueue<T> {
    fn default() -> Self {
        let state = State { completed: Vec::new(), outstanding: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> CompletionQueue<T> {
    /// Expects the completions of this many more jobs.
    pub fn expect(&self, jobs: usize) {
        self.lock().outstanding += jobs;
    }

    /// Expects this many completions less, because their jobs were dropped.
    pub fn unexpect(&self, jobs: usize) {
        self.lock().outstanding -= jobs;
        self.changed.notify_all();
    }

    /// Adds the completion of a job that was expected.
    pub fn push(&self, completion: T) {
        self.lock().completed.push(completion);
        self.changed.notify_one();
    }

    /// Takes all completions that there are; waits up to `timeout` for the first. Empty
    /// when the time is up, or at once when none is outstanding.
    pub fn take(&self, timeout: Duration) -> Vec<T> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        while state.completed.is_empty() && state.outstanding > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.outstanding -= state.completed.len();
        std::mem::take(&mut state.completed)
    }

    /// The number of completions that are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.lock().outstanding
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
