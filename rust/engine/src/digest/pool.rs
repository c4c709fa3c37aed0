//! Threads that read and digest files.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::algorithm::{Algorithm, Hashers, Value};
use super::file::{Expected, Opened, Problem, Stamp, guarded};
use super::lanes::{Devices, Lanes, Task, arrange, medium_at};
use super::parts::Parts;
use super::reading::{Arm, Reader};
use crate::answers::Answers;
use crate::opening::Directories;

const STACK_BYTES: usize = 512 * 1024;

/// More gain nothing, and each has a buffer.
const MOST_THREADS: usize = 64;

/// How often a file is read before it counts as one that is being changed.
const ATTEMPTS: usize = 2;

/// A file to be digested.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// What the caller calls it by.
    pub key: i64,
    /// An absolute path.
    pub path: PathBuf,
    /// What it is to be, or it is not read.
    pub expected: Expected,
    /// Whether a link in its place is followed.
    pub follow: bool,
    /// What to make of it.
    pub algorithms: Arc<[Algorithm]>,
}

/// What became of a [`Job`].
#[derive(Debug)]
pub struct Answer {
    /// The job's key.
    pub key: i64,
    /// The digests.
    pub outcome: Result<Vec<Value>, Problem>,
    /// The file as it was opened, if it was.
    pub stamp: Option<Stamp>,
}

/// How a pool works.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolOptions {
    /// 0 for a choice by device.
    pub threads: usize,
    /// Bytes a second that are read at most.
    pub max_rate: Option<u64>,
    /// Whether the page cache is left as it was found.
    pub leave_cache: bool,
}

/// A pool of threads. Dropping it ends them at the next chunk; nobody waits for
/// them, as a request to a dead server may never return.
pub struct Pool {
    shared: Arc<Shared>,
    devices: Mutex<Devices>,
}

struct Shared {
    state: Mutex<State>,
    /// There is something to do, or it is over.
    work: Condvar,
    answers: Answers<Answer>,
    directories: Directories,
    reader: Reader,
    cores: usize,
}

struct State {
    lanes: Lanes,
    /// Large files that are being read, with parts that may wait for a reader.
    open: Vec<Arc<Shareable>>,
    threads: usize,
    idle: usize,
}

/// A large file that several threads may read.
struct Shareable {
    job: Job,
    lane: usize,
    arm: Option<Arc<Arm>>,
    parts: Parts,
}

enum Work {
    Task(Task),
    Help(Arc<Shareable>),
}

impl Pool {
    /// A pool; its threads start with the first job.
    pub fn new(options: PoolOptions) -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let threads = options.threads.min(MOST_THREADS);
        let shared = Shared {
            state: Mutex::new(State {
                lanes: Lanes::new(threads, cores),
                open: Vec::new(),
                threads: 0,
                idle: 0,
            }),
            work: Condvar::new(),
            answers: Answers::default(),
            directories: Directories::default(),
            reader: Reader::new(options.max_rate, options.leave_cache),
            cores: if threads == 0 { cores } else { threads },
        };
        Self { shared: Arc::new(shared), devices: Mutex::default() }
    }

    /// Queues jobs; of a pool that is stopped, none.
    ///
    /// # Errors
    /// No thread could be started, and none is there: nothing would ever be done.
    pub fn submit(&self, jobs: impl IntoIterator<Item = Job>) -> std::io::Result<()> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        // The disk is asked before the lock is taken.
        let jobs: Vec<_> = jobs.into_iter().map(|job| (devices.of_file(&job.path), job)).collect();
        let mut state = self.shared.lock();
        if self.shared.reader.is_stopped() {
            return Ok(());
        }
        for (device, job) in jobs {
            let lane = match state.lanes.of_device(device) {
                Some(lane) => lane,
                None => state.lanes.add_device(device, medium_at(device, &job.path)),
            };
            state.lanes.push(lane, job);
            self.shared.answers.expect(1);
        }
        let wanted = state.lanes.most_threads().min(state.lanes.queued()).min(MOST_THREADS);
        drop(state);
        self.shared.work.notify_all();
        Shared::spawn_up_to(&self.shared, wanted)
    }

    /// Takes the answers there are; waits up to `timeout` for the first. Empty
    /// if there is none yet, or nothing was submitted that is not answered.
    pub fn take(&self, timeout: Duration) -> Vec<Answer> {
        self.shared.answers.take(timeout)
    }

    /// Jobs that no thread has begun with.
    pub fn queued(&self) -> usize {
        self.shared.lock().lanes.queued()
    }

    /// Jobs whose answers are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.shared.answers.outstanding()
    }

    /// Bytes read so far, of all files.
    pub fn bytes_read(&self) -> u64 {
        self.shared.reader.bytes_read()
    }

    /// Ends it at the next chunk. What was not begun by then has no answer.
    pub fn stop(&self) {
        self.shared.reader.stop();
        let mut state = self.shared.lock();
        self.shared.answers.withdraw(state.lanes.queued());
        state.lanes.clear();
        self.shared.work.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts threads until there are so many; fails if there is none at all.
    fn spawn_up_to(shared: &Arc<Self>, wanted: usize) -> std::io::Result<()> {
        loop {
            {
                let mut state = shared.lock();
                if state.threads >= wanted {
                    return Ok(());
                }
                state.threads += 1;
            }
            let for_thread = Arc::clone(shared);
            let spawned = thread::Builder::new()
                .name("vpo-digest".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || for_thread.work());
            if let Err(error) = spawned {
                let mut state = shared.lock();
                state.threads -= 1;
                return if state.threads == 0 { Err(error) } else { Ok(()) };
            }
        }
    }

    fn work(self: &Arc<Self>) {
        let mut buffer = self.reader.buffer();
        while let Some(work) = self.next_work() {
            match work {
                Work::Task(Task::Arrange(lane, jobs)) => {
                    let jobs = arrange(&self.directories, jobs);
                    self.put_back(lane, jobs);
                }
                Work::Task(Task::Read(lane, job)) => self.begin(lane, job, &mut buffer),
                Work::Help(shareable) => self.read_parts(&shareable, &mut buffer),
            }
        }
    }

    /// Takes jobs that were arranged; nobody begins with them any more once it is stopped.
    fn put_back(&self, lane: usize, jobs: Vec<Job>) {
        let mut state = self.lock();
        if self.reader.is_stopped() {
            self.answers.withdraw(jobs.len());
            state.lanes.done(lane);
        } else {
            state.lanes.arranged(lane, jobs);
        }
        drop(state);
        self.work.notify_all();
    }

    fn next_work(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if self.reader.is_stopped() {
                state.threads -= 1;
                return None;
            }
            // A file of one's own is read in sequence, which is what disks do best.
            if let Some(task) = state.lanes.next() {
                return Some(Work::Task(task));
            }
            if let Some(open) = state.open.iter().find(|open| open.parts.has_more()) {
                return Some(Work::Help(Arc::clone(open)));
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Digests a file, or begins with one that others can help with.
    fn begin(self: &Arc<Self>, lane: usize, job: Job, buffer: &mut [u8]) {
        let arm = self.lock().lanes.arm(lane);
        let may_share = *job.algorithms == [Algorithm::Blake3] && self.cores > 1;
        let opened = self.guarded(|| self.open(&job));
        let shared = match opened {
            Ok(opened) if may_share => Parts::of(opened),
            Ok(opened) => Err(opened),
            Err((problem, stamp)) => return self.answer(lane, job.key, Err(problem), stamp),
        };
        match shared {
            Ok(parts) => {
                let shareable = Arc::new(Shareable { job, lane, arm, parts });
                let has_idle = {
                    let mut state = self.lock();
                    state.open.push(Arc::clone(&shareable));
                    state.idle > 0
                };
                if has_idle {
                    self.work.notify_all();
                } else {
                    // With fewer threads it is done, too.
                    let _ = Self::spawn_up_to(self, self.cores);
                }
                self.read_parts(&shareable, buffer);
            }
            Err(opened) => {
                let (outcome, stamp) = self.digest(&job, Some(opened), arm.as_deref(), buffer);
                self.answer(lane, job.key, outcome, stamp);
            }
        }
    }

    /// Opens a file, when a change made from now on would show.
    fn open(&self, job: &Job) -> Result<Opened, (Problem, Option<Stamp>)> {
        let mut opened = Opened::at(&self.directories, &job.path, job.follow)
            .map_err(|problem| (problem, None))?;
        if !job.expected.is(&opened.stamp) {
            return Err((Problem::Changed, Some(opened.stamp)));
        }
        if let Some(wait) = opened.stamp.settles_in() {
            thread::sleep(wait);
            opened = Opened::at(&self.directories, &job.path, job.follow)
                .map_err(|problem| (problem, None))?;
            if !job.expected.is(&opened.stamp) {
                return Err((Problem::Changed, Some(opened.stamp)));
            }
        }
        Ok(opened)
    }

    /// Reads parts of a large file; whoever is the last also says what came of it.
    fn read_parts(self: &Arc<Self>, shareable: &Arc<Shareable>, buffer: &mut [u8]) {
        let arm = shareable.arm.as_deref();
        if !shareable.parts.read(&self.reader, arm, buffer) {
            return;
        }
        self.lock().open.retain(|open| !Arc::ptr_eq(open, shareable));
        let opened = shareable.parts.opened();
        let job = &shareable.job;
        let outcome = shareable.parts.outcome();
        let (outcome, stamp) = match (outcome, opened.is_unchanged()) {
            (Ok(hex), Ok(true)) => (Ok(vec![(Algorithm::Blake3, hex)]), Some(opened.stamp)),
            (Err(problem @ (Problem::Unreadable { .. } | Problem::Stopped)), _)
            | (Ok(_), Err(problem)) => (Err(problem), Some(opened.stamp)),
            // It was changed meanwhile: once more, by this thread alone.
            _ => self.digest(job, None, arm, buffer),
        };
        self.answer(shareable.lane, job.key, outcome, stamp);
    }

    /// Digests a file from its beginning to its end; again if it changed meanwhile.
    fn digest(
        &self,
        job: &Job,
        mut opened: Option<Opened>,
        arm: Option<&Arm>,
        buffer: &mut [u8],
    ) -> (Result<Vec<Value>, Problem>, Option<Stamp>) {
        let mut stamp = None;
        let outcome = self.guarded(|| {
            for _ in 0..ATTEMPTS {
                let found = match opened.take() {
                    Some(opened) => opened,
                    None => self.open(job).map_err(|(problem, found)| {
                        stamp = found.or(stamp);
                        (problem, None)
                    })?,
                };
                stamp = Some(found.stamp);
                match self.read_all(job, &found, arm, buffer) {
                    Ok(values) if found.is_unchanged().map_err(no_stamp)? => return Ok(values),
                    Ok(_) | Err(Problem::Changing) => {}
                    Err(problem) => return Err((problem, None)),
                }
            }
            Err((Problem::Changing, None))
        });
        (outcome.map_err(|(problem, _)| problem), stamp)
    }

    fn read_all(
        &self,
        job: &Job,
        opened: &Opened,
        arm: Option<&Arm>,
        buffer: &mut [u8],
    ) -> Result<Vec<Value>, Problem> {
        let size = opened.stamp.size;
        let mut hashers = Hashers::new(&job.algorithms, size);
        if hashers.skips() {
            self.reader.read_no_further(&opened.file);
        }
        for range in hashers.ranges() {
            let take = |bytes: &[u8], offset| hashers.update(bytes, offset);
            self.reader.read(&opened.file, arm, range, buffer, take)?;
        }
        Ok(hashers.finish())
    }

    /// An answer must come for each job, whatever happens.
    fn guarded<T>(
        &self,
        act: impl FnOnce() -> Result<T, (Problem, Option<Stamp>)>,
    ) -> Result<T, (Problem, Option<Stamp>)> {
        guarded(|| Ok(act())).unwrap_or_else(|problem| Err((problem, None)))
    }

    fn answer(
        &self,
        lane: usize,
        key: i64,
        outcome: Result<Vec<Value>, Problem>,
        stamp: Option<Stamp>,
    ) {
        let mut state = self.lock();
        state.lanes.done(lane);
        let waits = state.idle > 0 && state.lanes.queued() > 0;
        drop(state);
        self.answers.give(Answer { key, outcome, stamp });
        if waits {
            // The lane has room for another thread.
            self.work.notify_one();
        }
    }
}

fn no_stamp(problem: Problem) -> (Problem, Option<Stamp>) {
    (problem, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::fs;
    use std::time::Instant;

    fn all(pool: &Pool) -> HashMap<i64, Answer> {
        let mut answers = HashMap::new();
        while pool.outstanding() > 0 {
            for answer in pool.take(Duration::from_secs(10)) {
                assert!(answers.insert(answer.key, answer).is_none());
            }
        }
        answers
    }

    fn job(key: i64, path: PathBuf, algorithms: &[Algorithm]) -> Job {
        Job { key, path, algorithms: algorithms.into(), ..Job::default() }
    }

    #[test]
    fn each_file_is_answered_once_with_its_digest() {
        let directory = tempfile::tempdir().unwrap();
        let mut jobs = Vec::new();
        let mut expected = HashMap::new();
        for key in 0..60_i64 {
            let path = directory.path().join(key.to_string());
            // Some in one read, some in several, some in parts.
            let size = if key % 20 == 0 { 20_000_000 + key } else { key * key * 300 };
            let content: Vec<u8> = (0..size).map(|place| ((place * 31) >> 4) as u8).collect();
            if key % 7 != 0 {
                fs::write(&path, &content).unwrap();
                expected.insert(key, blake3::hash(&content).to_hex().to_string());
            }
            jobs.push(job(key, path, &[Algorithm::Blake3]));
        }
        for (threads, leave_cache) in [(0, false), (1, true), (5, true)] {
            let pool = Pool::new(PoolOptions { threads, leave_cache, max_rate: None });
            pool.submit(jobs.clone()).unwrap();
            let answers = all(&pool);
            assert_eq!(answers.len(), jobs.len());
            for (key, answer) in answers {
                match expected.get(&key) {
                    Some(digest) => {
                        assert_eq!(answer.outcome.unwrap(), [(Algorithm::Blake3, digest.clone())]);
                    }
                    None => assert_eq!(answer.outcome.unwrap_err().code(), "gone"),
                }
            }
            assert!(pool.bytes_read() > 40_000_000);
        }
    }

    #[test]
    fn quick_reads_the_ends_only_and_agrees_with_a_whole_reading() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, (0..3_000_000_u32).map(|place| place as u8).collect::<Vec<_>>()).unwrap();
        let pool = Pool::new(PoolOptions::default());
        pool.submit([job(1, path.clone(), &[Algorithm::Quick, Algorithm::Xxh64])]).unwrap();
        let ends = all(&pool).remove(&1).unwrap().outcome.unwrap();
        assert_eq!(pool.bytes_read(), 131_072);
        pool.submit([job(1, path.clone(), &[Algorithm::Head])]).unwrap();
        let head = all(&pool).remove(&1).unwrap().outcome.unwrap();
        assert_eq!(pool.bytes_read(), 131_072 + 4096);
        pool.submit([job(1, path, &Algorithm::ALL)]).unwrap();
        let whole = all(&pool).remove(&1).unwrap().outcome.unwrap();
        for value in ends.into_iter().chain(head) {
            assert!(whole.contains(&value), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_regular_file_or_not_as_expected_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "content").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let fifo = directory.path().join("fifo");
        let (fifo_type, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, fifo_type, mode, 0).unwrap();
        let quick = [Algorithm::Blake3];
        let other_size = Expected { size: Some(8), mtime_ns: None };
        let pool = Pool::new(PoolOptions::default());
        pool.submit([
            job(1, link.clone(), &quick),
            Job { follow: true, ..job(2, link, &quick) },
            job(3, fifo, &quick),
            job(4, directory.path().to_owned(), &quick),
            Job { expected: other_size, ..job(5, file, &quick) },
        ])
        .unwrap();
        let answers = all(&pool);
        let code = |key: i64| answers[&key].outcome.as_ref().map_or_else(Problem::code, |_| "ok");
        assert_eq!(
            [1, 2, 3, 4, 5].map(code),
            ["not_regular", "ok", "not_regular", "not_regular", "changed"]
        );
    }

    #[test]
    fn a_file_that_grows_all_the_time_is_never_digested() {
        use std::io::Write;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, vec![1; 4_000_000]).unwrap();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writer = thread::spawn({
            let (stop, path) = (Arc::clone(&stop), path.clone());
            move || {
                let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    file.write_all(b"more").unwrap();
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let pool = Pool::new(PoolOptions { max_rate: Some(40_000_000), ..PoolOptions::default() });
        pool.submit([job(1, path, &[Algorithm::Blake3])]).unwrap();
        let answer = all(&pool).remove(&1).unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
        assert_eq!(answer.outcome.unwrap_err().code(), "changing");
    }

    #[test]
    fn a_pool_that_is_stopped_ends_soon_and_owes_nothing_for_what_was_not_begun() {
        let directory = tempfile::tempdir().unwrap();
        let mut jobs = Vec::new();
        for key in 0..50 {
            let path = directory.path().join(key.to_string());
            fs::write(&path, vec![1; 1_000_000]).unwrap();
            jobs.push(job(key, path, &[Algorithm::Blake3]));
        }
        let options = PoolOptions { max_rate: Some(500_000), ..PoolOptions::default() };
        let pool = Pool::new(options);
        pool.submit(jobs).unwrap();
        thread::sleep(Duration::from_millis(100));
        pool.stop();
        let begin = Instant::now();
        let answers = all(&pool);
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert!(answers.len() < 10);
    }

    #[test]
    fn a_pool_that_is_stopped_takes_no_jobs() {
        let pool = Pool::new(PoolOptions::default());
        pool.stop();
        pool.submit([job(1, PathBuf::from("/nowhere"), &[Algorithm::Quick])]).unwrap();
        assert_eq!((pool.queued(), pool.outstanding()), (0, 0));
    }

    #[test]
    fn files_that_are_put_in_order_when_it_is_stopped_are_owed_no_more() {
        let pool = Pool::new(PoolOptions::default());
        let mut state = pool.shared.lock();
        let lane = state.lanes.add_device(1, crate::sys::Medium::Rotating);
        state.lanes.push(lane, job(1, PathBuf::from("/nowhere"), &[Algorithm::Quick]));
        pool.shared.answers.expect(1);
        let Some(Task::Arrange(lane, jobs)) = state.lanes.next() else { panic!() };
        drop(state);
        pool.stop();
        pool.shared.put_back(lane, jobs);
        assert_eq!((pool.queued(), pool.outstanding()), (0, 0));
    }
}
