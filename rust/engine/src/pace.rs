//! How many requests should be in flight.
//!
//! A warm local disk answers in half a microsecond: threads beyond the cores
//! only get in each other's way. A share answers in a millisecond, and does
//! dozens of requests at once: there, threads are what is waited with.

use std::time::Duration;

/// More than this many threads gain nothing on the shares that were measured.
const MOST_THREADS: usize = 64;

/// A warm walk is bound by the kernel's locks beyond this many.
const MOST_THREADS_LOCAL: usize = 8;

/// Latency that one more round of threads pays off for. Far above a warm
/// request (0.5 µs) even where the thread was preempted in the middle of a
/// directory, far below a request to a share (200 µs and more).
const LATENCY_PER_STEP: Duration = Duration::from_micros(30);

/// Time spent in requests, and how many.
#[derive(Clone, Copy, Default)]
pub struct Requests {
    pub count: u32,
    pub elapsed: Duration,
}

/// The decision on the number of threads, from a moving average of latency.
pub struct Pace {
    fixed: Option<usize>,
    cores: usize,
    latency_ns: f64,
}

impl Pace {
    /// `threads` as asked for, 0 for a choice by latency.
    pub fn new(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            fixed: (threads > 0).then_some(threads),
            cores: cores.clamp(2, MOST_THREADS_LOCAL),
            latency_ns: 0.0,
        }
    }

    /// The number of threads to begin with.
    pub fn first_threads(&self) -> usize {
        self.fixed.unwrap_or(self.cores)
    }

    /// Takes a thread's last requests into account.
    pub fn observe(&mut self, requests: Requests) {
        if requests.count == 0 {
            return;
        }
        let latest = requests.elapsed.as_nanos() as f64 / f64::from(requests.count);
        // The first looks decide quickly, later ones smooth the noise.
        let weight = if self.latency_ns == 0.0 { 1.0 } else { 0.1 };
        self.latency_ns += weight * (latest - self.latency_ns);
    }

    /// The number of threads that latency asks for now.
    pub fn wanted_threads(&self) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let steps = self.latency_ns / LATENCY_PER_STEP.as_nanos() as f64;
        ((self.cores as f64 * steps) as usize).clamp(self.cores, MOST_THREADS)
    }

    /// How a directory's files are to be divided among threads. Handing a share
    /// over costs about a microsecond: little beside even 256 warm requests.
    pub fn shares(&self) -> Shares {
        match self.wanted_threads() {
            1 => Shares { from_files: usize::MAX, files: usize::MAX },
            wanted if wanted > self.cores => Shares { from_files: 32, files: 16 },
            _ => Shares { from_files: 1024, files: 256 },
        }
    }
}

/// How a directory's files are divided among threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// A directory with more files than this is divided.
    pub from_files: usize,
    /// The files of one share.
    pub files: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(threads: usize, latency: Duration) -> Pace {
        let mut pace = Pace::new(threads);
        for _ in 0..50 {
            pace.observe(Requests { count: 30, elapsed: latency * 30 });
        }
        pace
    }

    #[test]
    fn a_warm_disk_gets_a_thread_a_core() {
        let pace = after(0, Duration::from_nanos(800));
        assert_eq!(pace.wanted_threads(), pace.first_threads());
        assert!(pace.first_threads() <= MOST_THREADS_LOCAL);
    }

    #[test]
    fn a_share_gets_as_many_as_pay_off() {
        assert_eq!(after(0, Duration::from_millis(1)).wanted_threads(), MOST_THREADS);
        assert_eq!(after(0, Duration::from_millis(1)).shares().files, 16);
    }

    #[test]
    fn the_users_number_is_kept() {
        for latency in [Duration::from_nanos(500), Duration::from_millis(10)] {
            assert_eq!(after(5, latency).wanted_threads(), 5);
        }
    }
}
