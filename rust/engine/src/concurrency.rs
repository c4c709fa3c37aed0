//! How many requests should be in flight.
//!
//! A local disk whose data is cached answers in half a microsecond: more threads than cores
//! only get in each other's way. A network share answers in a millisecond, but serves dozens
//! of requests at once: there, more threads mean more requests in flight.

use std::time::Duration;

/// More threads than this gain nothing on the shares that were measured.
const MOST_THREADS: usize = 64;

/// Beyond this many threads, a walk of cached directories is limited by the kernel's locks.
const MOST_THREADS_LOCAL: usize = 8;

/// For each multiple of this latency, as many threads as there are cores are useful. It is
/// far above a cached request (0.5 µs), even if the thread was preempted in the middle of a
/// directory, and far below a request to a share (200 µs and more).
const LATENCY_PER_STEP: Duration = Duration::from_micros(30);

/// The number of requests that a thread made, and the time that it spent in them.
#[derive(Clone, Copy, Default)]
pub struct RequestStats {
    pub count: u32,
    pub elapsed: Duration,
}

/// Chooses the number of threads by a moving average of the latency.
pub struct Concurrency {
    fixed: Option<usize>,
    cores: usize,
    latency_ns: f64,
}

impl Concurrency {
    /// For the number of threads that the user asked for; 0 to choose by latency.
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
    pub fn observe(&mut self, requests: RequestStats) {
        if requests.count == 0 {
            return;
        }
        let latest = requests.elapsed.as_nanos() as f64 / f64::from(requests.count);
        // The first measurement counts in full; later ones are averaged.
        let weight = if self.latency_ns == 0.0 { 1.0 } else { 0.1 };
        self.latency_ns += weight * (latest - self.latency_ns);
    }

    /// The number of threads that suits the current latency.
    pub fn wanted_threads(&self) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let steps = self.latency_ns / LATENCY_PER_STEP.as_nanos() as f64;
        ((self.cores as f64 * steps) as usize).clamp(self.cores, MOST_THREADS)
    }

    /// How to split a directory's entries among threads. To hand over a chunk costs about a
    /// microsecond, which is little even beside 256 cached requests.
    pub fn split_policy(&self) -> SplitPolicy {
        match self.wanted_threads() {
            1 => SplitPolicy { threshold: usize::MAX, entries_per_chunk: usize::MAX },
            wanted if wanted > self.cores => SplitPolicy { threshold: 32, entries_per_chunk: 16 },
            _ => SplitPolicy { threshold: 1024, entries_per_chunk: 256 },
        }
    }
}

/// How to split a directory's entries among threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitPolicy {
    /// A directory with more entries than this is split.
    pub threshold: usize,
    /// The number of entries in a chunk.
    pub entries_per_chunk: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(threads: usize, latency: Duration) -> Concurrency {
        let mut concurrency = Concurrency::new(threads);
        for _ in 0..50 {
            concurrency.observe(RequestStats { count: 30, elapsed: latency * 30 });
        }
        concurrency
    }

    #[test]
    fn a_cached_local_disk_gets_one_thread_per_core() {
        let concurrency = after(0, Duration::from_nanos(800));
        assert_eq!(concurrency.wanted_threads(), concurrency.first_threads());
        assert!(concurrency.first_threads() <= MOST_THREADS_LOCAL);
    }

    #[test]
    fn a_network_share_gets_as_many_threads_as_are_useful() {
        assert_eq!(after(0, Duration::from_millis(1)).wanted_threads(), MOST_THREADS);
        assert_eq!(after(0, Duration::from_millis(1)).split_policy().entries_per_chunk, 16);
    }

    #[test]
    fn the_number_of_threads_that_the_user_asked_for_is_kept() {
        for latency in [Duration::from_nanos(500), Duration::from_millis(10)] {
            assert_eq!(after(5, latency).wanted_threads(), 5);
        }
    }
}
