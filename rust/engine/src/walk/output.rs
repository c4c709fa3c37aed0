//! The bounded queue between the walking threads and the consumer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::Batch;

/// Batches that may wait. At some 4 000 files each this is about 15 MB, and
/// enough for the threads to go on while the consumer commits.
const CAPACITY: usize = 32;

/// The answer to "what is next?".
pub enum Next {
    /// Directories that differ.
    Batch(Box<Batch>),
    /// Nothing yet; ask again.
    Pending,
    /// The walk is over, or was cancelled.
    Finished,
}

#[derive(Default)]
pub struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Batch>,
    finished: bool,
    closed: bool,
    poisoned: bool,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over a batch; waits while the consumer is behind.
    pub fn put(&self, batch: Batch) {
        let mut state = self.lock();
        while state.waiting.len() >= CAPACITY && !state.closed && !state.poisoned {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.closed {
            state.waiting.push_back(batch);
            self.changed.notify_all();
        }
    }

    /// Waits up to `timeout` for the next batch.
    pub fn take(&self, timeout: Duration) -> Next {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        loop {
            assert!(!state.poisoned, "a thread of the walk panicked");
            if let Some(batch) = state.waiting.pop_front() {
                self.changed.notify_all();
                return Next::Batch(Box::new(batch));
            }
            if state.finished || state.closed {
                return Next::Finished;
            }
            let left = until
                .map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Next::Pending;
            }
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All batches were put.
    pub fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// The consumer wants no more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        self.changed.notify_all();
    }

    /// A thread panicked: the consumer is to panic too instead of waiting.
    pub fn poison(&self) {
        self.lock().poisoned = true;
        self.changed.notify_all();
    }
}
