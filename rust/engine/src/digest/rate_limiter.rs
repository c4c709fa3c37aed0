//! A limit on the bytes per second that all threads together read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest sleep between two checks whether to stop.
const SLICE: Duration = Duration::from_millis(100);

/// After a pause, readers may be ahead of the rate by at most this much.
const CREDIT: Duration = Duration::from_millis(100);

/// Makes readers wait before they read, so that they keep the rate.
pub struct RateLimiter {
    bytes_per_second: Option<u64>,
    /// When the bytes that were granted so far are due at the rate.
    due: Mutex<Instant>,
}

impl RateLimiter {
    /// `None` for no limit.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, due: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be read, or until `stopped` is set.
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
    fn readers_wait_to_keep_the_rate() {
        let stopped = AtomicBool::new(false);
        let rate = RateLimiter::new(Some(1_000_000));
        let begin = Instant::now();
        for _ in 0..5 {
            rate.wait_for(100_000, &stopped);
        }
        // The first read may begin at once, and the credit is free.
        assert!(begin.elapsed() >= Duration::from_millis(250), "{:?}", begin.elapsed());
    }

    #[test]
    fn a_stopped_reader_does_not_wait() {
        let stopped = AtomicBool::new(true);
        let rate = RateLimiter::new(Some(1));
        let begin = Instant::now();
        for _ in 0..3 {
            rate.wait_for(1_000_000, &stopped);
        }
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
