//! Threads that probe files, as many as the latency of requests makes useful.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Limits, Media, Problem, Result, Source, probe_source};
use crate::answers::Answers;
use crate::digest;
use crate::opening::Directories;
use crate::pace::{Pace, Requests};
use crate::sys::{self, EntryType};

/// Parsers recurse to a bounded depth only.
const STACK_BYTES: usize = 1024 * 1024;

/// A file to be probed.
#[derive(Clone, Debug)]
pub struct Job {
    /// What the caller calls it by.
    pub key: i64,
    /// An absolute path.
    pub path: PathBuf,
}

/// What became of a [`Job`].
#[derive(Debug)]
pub struct Answer<T> {
    /// The job's key.
    pub key: i64,
    /// What [`Pool::new`]'s function made of the outcome.
    pub value: T,
    /// Size in bytes and mtime in seconds and nanoseconds of the file as it was
    /// opened; `None` if it was not.
    pub stat: Option<(u64, (i64, u32))>,
    /// The file's quick hash ([`quick_hash_of`]); `None` if it could not be read.
    pub quick_hash: Option<[u8; 16]>,
}

/// Turns outcomes into what is handed out, in the pool's threads.
type Convert<T> = dyn Fn(Result<Media>) -> T + Send + Sync;

/// A pool of threads. Dropping it ends them after the file they are at; nobody
/// waits for them, as a request to a dead server may never return.
pub struct Pool<T: Send + 'static> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State>,
    /// There are jobs, or it is over.
    work: Condvar,
    answers: Answers<Answer<T>>,
    directories: Directories,
    limits: Limits,
    convert: Box<Convert<T>>,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    stopped: bool,
    pace: Pace,
}

impl<T: Send + 'static> Pool<T> {
    /// A pool of `threads`, 0 for a choice by latency; they start with the first job.
    pub fn new(
        threads: usize,
        limits: Limits,
        convert: impl Fn(Result<Media>) -> T + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            threads: 0,
            idle: 0,
            stopped: false,
            pace: Pace::new(threads),
        };
        let shared = Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            answers: Answers::default(),
            directories: Directories::default(),
            limits,
            convert: Box::new(convert),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Queues jobs.
    ///
    /// # Errors
    /// No thread could be started, and none is there: nothing would ever be done.
    pub fn submit(&self, jobs: impl IntoIterator<Item = Job>) -> std::io::Result<()> {
        let mut state = self.shared.lock();
        let before = state.jobs.len();
        state.jobs.extend(jobs);
        let added = state.jobs.len() - before;
        self.shared.answers.expect(added);
        for _ in 0..added.min(state.idle) {
            self.shared.work.notify_one();
        }
        let first = state.pace.first_threads();
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

    /// Takes the answers there are; waits up to `timeout` for the first. Empty
    /// if there is none yet, or nothing was submitted that is not answered.
    pub fn take(&self, timeout: Duration) -> Vec<Answer<T>> {
        self.shared.answers.take(timeout)
    }

    /// Jobs that no thread has begun yet.
    pub fn queued(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    /// Jobs whose answers are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.shared.answers.outstanding()
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

    /// Starts a thread that counts as started; takes it back if that fails.
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
            let mut requests = Requests::default();
            let mut seen = Seen::default();
            // `probe_source` catches panics of parsers; this is for all else, as
            // an answer must come for each job.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                probe_path(&shared.directories, &job.path, shared.limits, &mut seen, &mut requests)
            }))
            .unwrap_or_else(|panic| Err(Problem::from_panic(panic.as_ref())));
            let answer = Answer {
                key: job.key,
                value: (shared.convert)(outcome),
                stat: seen.stat,
                quick_hash: seen.quick_hash,
            };
            let mut state = shared.lock();
            state.pace.observe(requests);
            let mut more = 0;
            if !state.stopped && state.idle == 0 {
                // This thread takes one job itself; each other needs one, too.
                let useful = state.jobs.len().saturating_sub(1);
                more = useful.min(state.pace.wanted_threads().saturating_sub(state.threads));
                state.threads += more;
            }
            drop(state);
            shared.answers.give(answer);
            for _ in 0..more {
                // With fewer threads it goes on, too.
                let _ = Self::spawn(shared);
            }
        }
    }
}

/// What is known of a file, whatever became of the probing.
#[derive(Default)]
struct Seen {
    stat: Option<(u64, (i64, u32))>,
    quick_hash: Option<[u8; 16]>,
}

/// Opens and probes a file.
fn probe_path(
    directories: &Directories,
    path: &Path,
    limits: Limits,
    seen: &mut Seen,
    requests: &mut Requests,
) -> Result<Media> {
    let begin = Instant::now();
    let file = directories.open(path, true)?;
    // The opening told the size and the mtime: a share is not asked for them again.
    let found = sys::stat_fd(file.as_fd()).map_err(std::io::Error::from)?;
    requests.count += 1;
    requests.elapsed += begin.elapsed();
    if found.entry_type != EntryType::File {
        return Err(Problem::Unsupported("it is not a regular file".into()));
    }
    seen.stat = Some((found.size, found.mtime));
    read_no_more_than_asked(&file);
    let mut source = Source::new(&file, found.size, limits);
    let media = probe_source(&mut source, &extension(path));
    // Also of what is no media, and of what is damaged: it may turn up elsewhere.
    seen.quick_hash = quick_hash_of(&mut source).ok();
    requests.count += source.requests();
    requests.elapsed += source.waited();
    media
}

/// The quick hash of a file, of which the parser has read most already.
fn quick_hash_of(source: &mut Source<'_>) -> Result<[u8; 16]> {
    let (head, tail) = digest::parts_of(source.len());
    let mut hash = digest::QuickHasher::default();
    hash.update(source.beyond_limits(0, head)?);
    hash.update(source.beyond_limits(source.len() - tail as u64, tail)?);
    Ok(hash.finish())
}

/// Has the kernel read what is asked for only: nothing here is read in sequence, and
/// what it reads ahead is half of all that a share sends.
fn read_no_more_than_asked(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Random);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// A name's extension in lower case, without the dot.
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
        Pool::new(threads, Limits::default(), |outcome| outcome.map_err(|problem| problem.code()))
    }

    #[test]
    fn each_job_is_answered_once_whatever_the_file_is() {
        let directory = tempfile::tempdir().unwrap();
        let mut jobs = Vec::new();
        for key in 0..500 {
            let path = directory.path().join(format!("{key}.mkv"));
            if key % 5 != 0 {
                std::fs::write(&path, if key % 2 == 0 { "" } else { "text" }).unwrap();
            }
            jobs.push(Job { key, path });
        }
        for threads in [0, 1, 7] {
            let pool = pool(threads);
            pool.submit(jobs.clone()).unwrap();
            let mut seen = HashSet::new();
            while pool.outstanding() > 0 {
                for answer in pool.take(Duration::from_secs(10)) {
                    assert!(seen.insert(answer.key));
                    let expected = match answer.key {
                        key if key % 5 == 0 => "unreadable",
                        key if key % 2 == 0 => "damaged",
                        _ => "unknown",
                    };
                    assert_eq!(answer.value, Err(expected));
                    assert_eq!(answer.stat.is_some(), answer.key % 5 != 0);
                }
            }
            assert_eq!(seen.len(), 500);
            assert!(pool.take(Duration::ZERO).is_empty());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_or_a_directory_in_a_files_place_does_not_block() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo.mkv");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let pool = pool(1);
        let path = directory.path().to_owned();
        pool.submit([Job { key: 1, path: fifo }, Job { key: 2, path }]).unwrap();
        let mut codes = Vec::new();
        while pool.outstanding() > 0 {
            codes.extend(pool.take(Duration::from_secs(10)).into_iter().map(|a| a.value));
        }
        assert_eq!(codes, [Err("unsupported"), Err("unsupported")]);
    }
}
