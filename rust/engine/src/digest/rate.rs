//! A bound on the bytes that are read in a second, by all threads together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest sleep before it is asked again whether to stop.
const SLICE: Duration = Duration::from_millis(100);

/// Readers that were idle may be this much ahead of the rate, no more.
const CREDIT: Duration = Duration::from_millis(100);

/// A rate that readers keep by waiting before they read.
pub struct Rate {
    bytes_per_second: Option<u64>,
    /// When what was granted so far will have been read at the rate.
    due: Mutex<Instant>,
}

impl Rate {
    /// `None` for no bound.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, due: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be read, or until it is `stopped`.
    pub fn wait_for(&self, bytes: usize, stopped: &AtomicBool) {
        let Some(rate) = self.bytes_per_second else { return };
        let takes = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let begin = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let begin = (*due).max(now.checked_sub(CREDIT).unwrap_or(now));
            *due = begin + takes;
            begin
        };
        while !stopped.load(Ordering::Relaxed) {
            let left = begin.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(SLICE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_by_waiting() {
        let stopped = AtomicBool::new(false);
        let rate = Rate::new(Some(1_000_000));
        let begin = Instant::now();
        for _ in 0..5 {
            rate.wait_for(100_000, &stopped);
        }
        // The first may begin at once, and a credit's worth is for free.
        assert!(begin.elapsed() >= Duration::from_millis(250), "{:?}", begin.elapsed());
    }

    #[test]
    fn who_is_stopped_does_not_wait() {
        let stopped = AtomicBool::new(true);
        let rate = Rate::new(Some(1));
        let begin = Instant::now();
        for _ in 0..3 {
            rate.wait_for(1_000_000, &stopped);
        }
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
