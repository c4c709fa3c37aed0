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
    /// The number of completions that the caller waits for.
    wanted: usize,
}

impl<T> Default for CompletionQueue<T> {
    fn default() -> Self {
        let state = State { completed: Vec::new(), outstanding: 0, wanted: 1 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> State<T> {
    fn has_enough(&self) -> bool {
        self.completed.len() >= self.wanted.min(self.outstanding)
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
        let mut state = self.lock();
        state.completed.push(completion);
        // To wake the caller takes longer than to read a small file.
        let is_enough = state.has_enough();
        drop(state);
        if is_enough {
            self.changed.notify_one();
        }
    }

    /// Takes all completions that there are; waits up to `timeout` for `at_least` so many, or
    /// for all if fewer are outstanding.
    pub fn take(&self, timeout: Duration, at_least: usize) -> Vec<T> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        state.wanted = at_least.max(1);
        while !state.has_enough() {
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

    /// The number of completions that can be taken at once.
    pub fn completed(&self) -> usize {
        self.lock().completed.len()
    }

    /// The number of completions that are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.lock().outstanding
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_caller_gets_as_many_as_it_waits_for_or_all() {
        let queue = CompletionQueue::default();
        assert!(queue.take(LONG, 3).is_empty());
        queue.expect(5);
        queue.push(1);
        assert_eq!(queue.take(Duration::ZERO, 3), [1]);
        std::thread::scope(|scope| {
            scope.spawn(|| (2..=5).for_each(|number| queue.push(number)));
            let mut taken = queue.take(LONG, 3);
            assert!(taken.len() >= 3);
            // Fewer than that are left: all of them are enough.
            taken.extend(queue.take(LONG, 3));
            assert_eq!(taken, [2, 3, 4, 5]);
        });
        assert_eq!((queue.completed(), queue.outstanding()), (0, 0));
    }
}
