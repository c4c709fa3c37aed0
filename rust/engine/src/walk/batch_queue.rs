//! The bounded queue of batches between the threads of a walk and its consumer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::Batch;

/// The most batches that may wait. At about 4 000 files each they take some 15 MB, and
/// they are enough for the threads to continue while the consumer commits.
const CAPACITY: usize = 32;

/// The result of waiting for a batch.
pub enum NextBatch {
    /// Directories that differ.
    Batch(Box<Batch>),
    /// The time was up before there was a batch; ask again.
    Pending,
    /// The walk is over or was cancelled.
    Finished,
}

/// Batches that wait for the consumer.
#[derive(Default)]
pub struct BatchQueue {
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

impl BatchQueue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch. Waits while the queue is full.
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
    pub fn take(&self, timeout: Duration) -> NextBatch {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        loop {
            assert!(!state.poisoned, "a thread of the walk panicked");
            if let Some(batch) = state.waiting.pop_front() {
                self.changed.notify_all();
                return NextBatch::Batch(Box::new(batch));
            }
            if state.finished || state.closed {
                return NextBatch::Finished;
            }
            let left = until
                .map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return NextBatch::Pending;
            }
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that no more batches will be added.
    pub fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// Drops what is in the queue: the consumer wants no more batches.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        self.changed.notify_all();
    }

    /// Makes the consumer panic instead of waiting, because a thread of the walk panicked.
    pub fn poison(&self) {
        self.lock().poisoned = true;
        self.changed.notify_all();
    }
}
