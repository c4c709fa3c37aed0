//! The pool of threads that probe files. Their number follows the latency of requests.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::dispatch::probe_source;
use super::model::Media;
use super::problem::{Problem, Result};
use super::source::{Limits, Source};
use crate::completion_queue::CompletionQueue;
use crate::concurrency::{Concurrency, RequestStats};
use crate::digest;
use crate::directory_cache::DirectoryCache;
use crate::roots::Roots;
use crate::sys::{self, EntryType};

/// Enough for parsers, whose recursion has a limited depth.
const STACK_BYTES: usize = 1024 * 1024;

/// A file to be probed.
#[derive(Clone, Debug)]
pub struct Job {
    /// The caller's key for the file.
    pub key: i64,
    /// Its absolute path.
    pub path: PathBuf,
    /// Whether a symbolic link at the path is followed.
    pub follow: bool,
    /// The size in bytes and the mtime in nanoseconds that it must have; it is not read if it
    /// has others. `None`: it is read whatever they are.
    pub expected: Option<Stat>,
}

/// A file's size in bytes, and its mtime in nanoseconds since 1970.
pub type Stat = (u64, i64);

/// A [`Job`] that is done.
#[derive(Debug)]
pub struct Completion<T> {
    /// The job's key.
    pub key: i64,
    /// The outcome, as the function given to [`Pool::new`] converted it.
    pub value: T,
    /// The file's size and mtime when it was opened; `None` if it was not.
    pub stat: Option<Stat>,
    /// The file's quick hash; `None` if it could not be read.
    pub quick_hash: Option<[u8; 16]>,
}

/// Converts outcomes for the caller, in the pool's threads.
type Convert<T> = dyn Fn(Result<Media>) -> T + Send + Sync;

/// A pool of threads. Dropping it stops each of them after its current file. This does not
/// wait for them, because a request to a dead server may never return.
pub struct Pool<T: Send + 'static> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State>,
    /// Notified when there are jobs, or when the pool is dropped.
    work: Condvar,
    completions: CompletionQueue<Completion<T>>,
    directories: DirectoryCache,
    limits: Limits,
    convert: Box<Convert<T>>,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    stopped: bool,
    concurrency: Concurrency,
}

impl<T: Send + 'static> Pool<T> {
    /// A pool of `threads` (0: chosen by latency), which start with the first job. Files are
    /// opened beneath `roots`.
    pub fn new(
        threads: usize,
        limits: Limits,
        roots: Arc<Roots>,
        convert: impl Fn(Result<Media>) -> T + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            threads: 0,
            idle: 0,
            stopped: false,
            concurrency: Concurrency::new(threads),
        };
        let shared = Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            completions: CompletionQueue::default(),
            directories: DirectoryCache::new(roots),
            limits,
            convert: Box::new(convert),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Queues jobs.
    ///
    /// # Errors
    /// If the pool has no threads and none can be started.
    pub fn submit(&self, jobs: impl IntoIterator<Item = Job>) -> std::io::Result<()> {
        let mut state = self.shared.lock();
        let before = state.jobs.len();
        state.jobs.extend(jobs);
        let added = state.jobs.len() - before;
        self.shared.completions.expect(added);
        for _ in 0..added.min(state.idle) {
            self.shared.work.notify_one();
        }
        let first = state.concurrency.first_threads();
        let more = added.saturating_sub(state.idle).min(first.saturating_sub(state.threads));
        state.threads += more;
        drop(state);
        let mut failure = None;
        for _ in 0..more {
            failure = Shared::spawn(&self.shared).err().or(failure);
        }
        match failure {
            Some(error) if self.shared.lock().threads == 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes all completions that there are; waits up to `timeout` for `at_least` so many, or
    /// for all if fewer are outstanding.
    pub fn take(&self, timeout: Duration, at_least: usize) -> Vec<Completion<T>> {
        self.shared.completions.take(timeout, at_least)
    }

    /// The number of completions that can be taken at once.
    pub fn completed(&self) -> usize {
        self.shared.completions.completed()
    }

    /// The number of jobs that no thread has begun.
    pub fn queued(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    /// The number of jobs whose completions are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.shared.completions.outstanding()
    }
}

impl<T: Send + 'static> Drop for Pool<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.jobs.clear();
        self.shared.work.notify_all();
    }
}

impl<T: Send + 'static> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread, which the caller has already counted. If it cannot be started, it is
    /// not counted any more.
    fn spawn(shared: &Arc<Self>) -> std::io::Result<()> {
        let for_thread = Arc::clone(shared);
        let spawned = thread::Builder::new()
            .name("vpo-probe".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || Self::work(&for_thread));
        if spawned.is_err() {
            shared.lock().threads -= 1;
        }
        spawned.map(|_| ())
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                state.threads -= 1;
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn work(shared: &Arc<Self>) {
        while let Some(job) = shared.next_job() {
            let mut requests = RequestStats::default();
            let mut facts = FileFacts::default();
            // `probe_source` catches panics of parsers. This catches all others, because
            // each job must be completed.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                probe_file(&shared.directories, &job, shared.limits, &mut facts, &mut requests)
            }))
            .unwrap_or_else(|panic| Err(Problem::from_panic(panic.as_ref())));
            let completion = Completion {
                key: job.key,
                value: (shared.convert)(outcome),
                stat: facts.stat,
                quick_hash: facts.quick_hash,
            };
            let mut state = shared.lock();
            state.concurrency.observe(requests);
            let mut more = 0;
            if !state.stopped && state.idle == 0 {
                // This thread takes one of the jobs; every other thread needs one, too.
                let useful = state.jobs.len().saturating_sub(1);
                more = useful.min(state.concurrency.wanted_threads().saturating_sub(state.threads));
                state.threads += more;
            }
            drop(state);
            shared.completions.push(completion);
            for _ in 0..more {
                // If no thread can be started, the existing ones do the work.
                let _ = Self::spawn(shared);
            }
        }
    }
}

/// What is known of a file even if it could not be probed.
#[derive(Default)]
struct FileFacts {
    stat: Option<Stat>,
    quick_hash: Option<[u8; 16]>,
}

/// Opens and probes a file.
fn probe_file(
    directories: &DirectoryCache,
    job: &Job,
    limits: Limits,
    facts: &mut FileFacts,
    requests: &mut RequestStats,
) -> Result<Media> {
    let begin = Instant::now();
    let file = directories.open(&job.path, job.follow)?;
    // Opening the file returned the size and the mtime: a share is not asked for them again.
    let found = sys::stat_fd(file.as_fd()).map_err(std::io::Error::from)?;
    requests.count += 1;
    requests.elapsed += begin.elapsed();
    if found.entry_type != EntryType::File {
        return Err(Problem::Unsupported("it is not a regular file".into()));
    }
    let (seconds, nanoseconds) = found.mtime;
    let mtime_ns = seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds));
    facts.stat = Some((found.size, mtime_ns));
    if job.expected.is_some() && job.expected != facts.stat {
        return Err(Problem::Changed);
    }
    disable_read_ahead(&file);
    let mut source = Source::new(&file, found.size, limits);
    let media = probe_source(&mut source, &extension(&job.path));
    // Damaged files and files that are not media get a hash, too: they may be moved.
    facts.quick_hash = quick_hash_of(&mut source).ok();
    requests.count += source.requests();
    requests.elapsed += source.waited();
    media
}

/// The quick hash of a file. The parser has usually read most of the bytes already.
fn quick_hash_of(source: &mut Source<'_>) -> Result<[u8; 16]> {
    let (head, tail) = digest::end_lengths(source.len());
    let mut hash = digest::QuickHasher::default();
    hash.update(source.beyond_limits(0, head)?);
    hash.update(source.beyond_limits(source.len() - tail as u64, tail)?);
    Ok(hash.finish())
}

/// Tells the kernel not to read ahead. Parsers do not read in sequence, and reading ahead
/// would double what a network share sends.
fn disable_read_ahead(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Random);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// The extension of a file name in lower case, without the dot.
fn extension(path: &Path) -> String {
    let extension = path.extension().map(|extension| extension.as_bytes().to_ascii_lowercase());
    String::from_utf8(extension.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FileType, Mode};
    use std::collections::HashSet;

    fn pool(threads: usize) -> Pool<std::result::Result<Media, &'static str>> {
        Pool::new(threads, Limits::default(), Arc::default(), |outcome| {
            outcome.map_err(|problem| problem.code())
        })
    }

    #[test]
    fn each_job_is_completed_once_whatever_the_file_is() {
        let directory = tempfile::tempdir().unwrap();
        let mut jobs = Vec::new();
        for key in 0..500 {
            let path = directory.path().join(format!("{key}.mkv"));
            if key % 5 != 0 {
                std::fs::write(
                    &path,
                    if key % 2 == 0 { "" } else { "bytes that are not media\x01" },
                )
                .unwrap();
            }
            jobs.push(Job { key, path, follow: false, expected: None });
        }
        for threads in [0, 1, 7] {
            let pool = pool(threads);
            pool.submit(jobs.clone()).unwrap();
            let mut seen = HashSet::new();
            while pool.outstanding() > 0 {
                for completion in pool.take(Duration::from_secs(10), 1) {
                    assert!(seen.insert(completion.key));
                    let expected = match completion.key {
                        key if key % 5 == 0 => "unreadable",
                        key if key % 2 == 0 => "damaged",
                        _ => "unknown",
                    };
                    assert_eq!(completion.value, Err(expected));
                    assert_eq!(completion.stat.is_some(), completion.key % 5 != 0);
                }
            }
            assert_eq!(seen.len(), 500);
            assert!(pool.take(Duration::ZERO, 1).is_empty());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_or_a_directory_at_the_path_of_a_file_does_not_block() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo.mkv");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let pool = pool(1);
        let path = directory.path().to_owned();
        let job = |key, path| Job { key, path, follow: false, expected: None };
        pool.submit([job(1, fifo), job(2, path)]).unwrap();
        let mut codes = Vec::new();
        while pool.outstanding() > 0 {
            codes.extend(pool.take(Duration::from_secs(10), 1).into_iter().map(|a| a.value));
        }
        assert_eq!(codes, [Err("unsupported"), Err("unsupported")]);
    }
}
