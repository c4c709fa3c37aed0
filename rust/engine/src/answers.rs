//! What a pool of threads has answered, for whoever waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers that are there, and how many are still to come.
pub struct Answers<A> {
    state: Mutex<State<A>>,
    /// There are answers, or fewer to wait for.
    changed: Condvar,
}

struct State<A> {
    given: Vec<A>,
    /// Jobs that were submitted and whose answer was not taken yet.
    outstanding: usize,
}

impl<A> Default for Answers<A> {
    fn default() -> Self {
        let state = State { given: Vec::new(), outstanding: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<A> Answers<A> {
    /// So many jobs more are to be answered.
    pub fn expect(&self, jobs: usize) {
        self.lock().outstanding += jobs;
    }

    /// So many jobs that were expected are never answered.
    pub fn withdraw(&self, jobs: usize) {
        self.lock().outstanding -= jobs;
        self.changed.notify_all();
    }

    /// Answers a job that was expected.
    pub fn give(&self, answer: A) {
        self.lock().given.push(answer);
        self.changed.notify_one();
    }

    /// Takes the answers there are; waits up to `timeout` for the first. Empty
    /// if there is none yet, or nothing was submitted that is not answered.
    pub fn take(&self, timeout: Duration) -> Vec<A> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        while state.given.is_empty() && state.outstanding > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.outstanding -= state.given.len();
        std::mem::take(&mut state.given)
    }

    /// Jobs whose answers are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.lock().outstanding
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
