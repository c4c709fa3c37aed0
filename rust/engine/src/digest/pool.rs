//! The pool of threads that read and digest files.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::algorithm::{BLAKE3, Hashers, Value};
use super::alike::{MOST_FILES, digest_alike};
use super::device_queues::{DeviceCache, DeviceQueues, Task, medium_at, sort_by_place};
use super::file::{FileState, OpenFile, Problem, catch_panic};
use super::job::{Completion, Job};
use super::reader::{Buffer, DiskLock, Reader};
use super::segments::{SEGMENT_BYTES, SegmentedFile};
use crate::completion_queue::CompletionQueue;
use crate::directory_cache::DirectoryCache;
use crate::roots::Roots;

const STACK_BYTES: usize = 512 * 1024;

/// More threads gain nothing, and each needs a buffer.
const MOST_THREADS: usize = 64;

/// How often a file is read before it is reported as changing.
const ATTEMPTS: usize = 2;

/// How a pool reads files.
#[derive(Clone, Default)]
pub struct PoolOptions {
    /// The number of threads. 0: chosen by device.
    pub threads: usize,
    /// The most bytes per second that all threads together read.
    pub max_rate: Option<u64>,
    /// Whether pages that were not in the page cache are removed from it again.
    pub leave_cache: bool,
    /// The directories beneath which files are opened.
    pub roots: Arc<Roots>,
}

/// A pool of threads. Dropping it stops them. This does not wait for them, because a request
/// to a dead server may never return.
pub struct Pool {
    shared: Arc<Shared>,
    devices: Mutex<DeviceCache>,
}

struct Shared {
    state: Mutex<State>,
    /// Notified when there is work, or when the pool is stopped.
    work: Condvar,
    completions: CompletionQueue<Completion>,
    directories: DirectoryCache,
    reader: Reader,
    cores: usize,
}

struct State {
    queues: DeviceQueues,
    /// Large files that are being read, of which there may be more segments to read.
    segmented: Vec<Arc<SegmentedJob>>,
    threads: usize,
    idle: usize,
}

/// A job whose file several threads read.
struct SegmentedJob {
    job: Job,
    queue: usize,
    lock: Option<Arc<DiskLock>>,
    file: SegmentedFile,
}

enum Work {
    Task(Task),
    Segments(Arc<SegmentedJob>),
}

impl Pool {
    /// A pool whose threads start with the first job.
    pub fn new(options: PoolOptions) -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let threads = options.threads.min(MOST_THREADS);
        let shared = Shared {
            state: Mutex::new(State {
                queues: DeviceQueues::new(threads, cores),
                segmented: Vec::new(),
                threads: 0,
                idle: 0,
            }),
            work: Condvar::new(),
            completions: CompletionQueue::default(),
            directories: DirectoryCache::new(options.roots),
            reader: Reader::new(options.max_rate, options.leave_cache),
            cores: if threads == 0 { cores } else { threads },
        };
        Self { shared: Arc::new(shared), devices: Mutex::default() }
    }

    /// Queues jobs. A pool that was stopped ignores them.
    ///
    /// # Errors
    /// If the pool has no threads and none can be started.
    pub fn submit(&self, jobs: impl IntoIterator<Item = Job>) -> std::io::Result<()> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        // The disk is accessed before the lock is taken.
        let mut by_device = Vec::new();
        for job in jobs {
            if job.alike.is_empty() {
                by_device.push((devices.of_file(&job.path), job));
            } else {
                by_device.extend(comparable(&mut devices, job));
            }
        }
        let mut state = self.shared.lock();
        if self.shared.reader.is_stopped() {
            return Ok(());
        }
        for (device, job) in by_device {
            let queue = match state.queues.of_device(device) {
                Some(queue) => queue,
                None => state.queues.add_device(device, medium_at(device, &job.path)),
            };
            self.shared.completions.expect(job.files());
            state.queues.push(queue, job);
        }
        let wanted = state.queues.most_threads().min(state.queues.queued()).min(MOST_THREADS);
        drop(state);
        self.shared.work.notify_all();
        Shared::spawn_up_to(&self.shared, wanted)
    }

    /// Takes all completions that there are; waits up to `timeout` for the first. Empty
    /// when the time is up, or at once when none is outstanding.
    pub fn take(&self, timeout: Duration) -> Vec<Completion> {
        self.shared.completions.take(timeout, 1)
    }

    /// The number of jobs that no thread has begun.
    pub fn queued(&self) -> usize {
        self.shared.lock().queues.queued()
    }

    /// The number of jobs whose completions are still to be taken.
    pub fn outstanding(&self) -> usize {
        self.shared.completions.outstanding()
    }

    /// The bytes read so far from all files.
    pub fn bytes_read(&self) -> u64 {
        self.shared.reader.bytes_read()
    }

    /// Stops all threads after the current buffer. Jobs that no thread has begun are dropped
    /// and have no completion.
    pub fn stop(&self) {
        self.shared.reader.stop();
        let mut state = self.shared.lock();
        self.shared.completions.unexpect(state.queues.queued());
        state.queues.clear();
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

    /// Starts threads until there are `wanted`. Fails only if there are none at all.
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
        let mut buffers = [self.reader.buffer(), self.reader.buffer()];
        while let Some(work) = self.next_work() {
            match work {
                Work::Task(Task::Sort(queue, jobs)) => {
                    let jobs = sort_by_place(&self.directories, jobs);
                    self.put_back(queue, jobs);
                }
                Work::Task(Task::Read(queue, job)) if job.alike.is_empty() => {
                    self.begin(queue, job, &mut buffers[0]);
                }
                Work::Task(Task::Read(queue, job)) => self.compare(queue, job, &mut buffers),
                Work::Segments(segmented) => self.read_segments(&segmented, &mut buffers[0]),
            }
        }
    }

    /// Puts sorted jobs back into their queue, or drops them if the pool was stopped.
    fn put_back(&self, queue: usize, jobs: Vec<Job>) {
        let mut state = self.lock();
        if self.reader.is_stopped() {
            self.completions.unexpect(jobs.iter().map(Job::files).sum());
            state.queues.done(queue);
        } else {
            state.queues.sorted(queue, jobs);
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
            // A whole file comes first: disks are fastest when a file is read in sequence.
            if let Some(task) = state.queues.next() {
                return Some(Work::Task(task));
            }
            if let Some(segmented) = state.segmented.iter().find(|job| job.file.has_more()) {
                return Some(Work::Segments(Arc::clone(segmented)));
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Digests a file. If it is large, other threads may read segments of it.
    fn begin(self: &Arc<Self>, queue: usize, job: Job, buffer: &mut [u8]) {
        let lock = self.lock().queues.disk_lock(queue);
        let may_split = matches!(&*job.algorithms, [only] if only.name == BLAKE3) && self.cores > 1;
        let opened = self.catch_panic(|| self.open(&job));
        let split = match opened {
            Ok(file) if may_split => SegmentedFile::split(file),
            Ok(file) => Err(file),
            Err((problem, state)) => return self.complete(queue, job.key, Err(problem), state),
        };
        match split {
            Ok(file) => {
                let segmented = Arc::new(SegmentedJob { job, queue, lock, file });
                let has_idle = {
                    let mut state = self.lock();
                    state.segmented.push(Arc::clone(&segmented));
                    state.idle > 0
                };
                if has_idle {
                    self.work.notify_all();
                } else {
                    // If no thread can be started, the existing ones do the work.
                    let _ = Self::spawn_up_to(self, self.cores);
                }
                self.read_segments(&segmented, buffer);
            }
            Err(file) => {
                let (outcome, state) = self.digest(&job, Some(file), lock.as_deref(), buffer);
                self.complete(queue, job.key, outcome, state);
            }
        }
    }

    /// Digests files that are probably equal.
    fn compare(&self, queue: usize, job: Job, buffers: &mut [Buffer; 2]) {
        let lock = self.lock().queues.disk_lock(queue);
        let lock = lock.as_deref();
        let algorithms = Arc::clone(&job.algorithms);
        let mut completions = Vec::with_capacity(job.files());
        let mut opened = Vec::with_capacity(job.files());
        for job in job.split() {
            match self.catch_panic(|| self.open(&job)) {
                Ok(file) => opened.push((job, file)),
                Err((problem, file_state)) => {
                    completions.push(Completion {
                        key: job.key,
                        outcome: Err(problem),
                        file_state,
                    });
                }
            }
        }
        let size = opened.first().map(|(_, file)| file.state.size);
        let (same, mut alone): (Vec<_>, Vec<_>) =
            opened.into_iter().partition(|(_, file)| Some(file.state.size) == size);
        let files: Vec<_> = same.iter().map(|(_, file)| file).collect();
        let outcomes =
            catch_panic(|| Ok(digest_alike(&files, &algorithms, &self.reader, lock, buffers)));
        match outcomes {
            Ok(outcomes) => {
                for ((job, file), outcome) in same.into_iter().zip(outcomes) {
                    let (outcome, file_state) =
                        self.checked(&job, &file, outcome, lock, &mut buffers[0]);
                    completions.push(Completion { key: job.key, outcome, file_state });
                }
            }
            // Which file caused the panic is unknown.
            Err(_) => alone.extend(same),
        }
        for (job, file) in alone {
            let (outcome, file_state) = self.digest(&job, Some(file), lock, &mut buffers[0]);
            completions.push(Completion { key: job.key, outcome, file_state });
        }
        self.complete_all(queue, completions);
    }

    /// Opens a file. If it has just changed, this waits until every later change can be
    /// noticed.
    fn open(&self, job: &Job) -> Result<OpenFile, (Problem, Option<FileState>)> {
        let file = self.open_expected(job)?;
        let Some(wait) = file.state.settles_in() else { return Ok(file) };
        thread::sleep(wait);
        self.open_expected(job)
    }

    fn open_expected(&self, job: &Job) -> Result<OpenFile, (Problem, Option<FileState>)> {
        let file =
            OpenFile::open(&self.directories, &job.path, job.follow).map_err(without_state)?;
        match job.expected.matches(&file) {
            true => Ok(file),
            false => Err((Problem::Changed, Some(file.state))),
        }
    }

    /// Reads segments of a large file. The thread that reads the last one completes the job.
    fn read_segments(self: &Arc<Self>, segmented: &Arc<SegmentedJob>, buffer: &mut [u8]) {
        let SegmentedJob { job, queue, lock, file } = &**segmented;
        let lock = lock.as_deref();
        if !file.read(&self.reader, lock, buffer) {
            return;
        }
        self.lock().segmented.retain(|other| !Arc::ptr_eq(other, segmented));
        let outcome = file.outcome().map(|hex| vec![(job.algorithms[0], hex)]);
        let (outcome, state) = self.checked(job, file.file(), outcome, lock, buffer);
        self.complete(*queue, job.key, outcome, state);
    }

    /// The outcome of a file that was read together with others or by several threads. If it
    /// changed in the meantime, this thread alone reads it once more.
    fn checked(
        &self,
        job: &Job,
        file: &OpenFile,
        outcome: Result<Vec<Value>, Problem>,
        lock: Option<&DiskLock>,
        buffer: &mut [u8],
    ) -> (Result<Vec<Value>, Problem>, Option<FileState>) {
        match (outcome, file.is_unchanged()) {
            (Ok(values), Ok(true)) => (Ok(values), Some(file.state)),
            (Err(problem @ (Problem::Unreadable { .. } | Problem::Stopped)), _)
            | (Ok(_), Err(problem)) => (Err(problem), Some(file.state)),
            _ => self.digest(job, None, lock, buffer),
        }
    }

    /// Digests a file from beginning to end, and once more if it changed in the meantime.
    fn digest(
        &self,
        job: &Job,
        mut opened: Option<OpenFile>,
        lock: Option<&DiskLock>,
        buffer: &mut [u8],
    ) -> (Result<Vec<Value>, Problem>, Option<FileState>) {
        let mut state = None;
        let outcome = self.catch_panic(|| {
            for _ in 0..ATTEMPTS {
                let file = match opened.take() {
                    Some(file) => file,
                    None => self.open(job).map_err(|(problem, found)| {
                        state = found.or(state);
                        (problem, None)
                    })?,
                };
                state = Some(file.state);
                match self.read_all(job, &file, lock, buffer) {
                    Ok(values) if file.is_unchanged().map_err(without_state)? => {
                        return Ok(values);
                    }
                    Ok(_) | Err(Problem::Changing) => {}
                    Err(problem) => return Err((problem, None)),
                }
            }
            Err((Problem::Changing, None))
        });
        (outcome.map_err(|(problem, _)| problem), state)
    }

    fn read_all(
        &self,
        job: &Job,
        opened: &OpenFile,
        lock: Option<&DiskLock>,
        buffer: &mut [u8],
    ) -> Result<Vec<Value>, Problem> {
        let size = opened.state.size;
        let mut hashers = Hashers::new(&job.algorithms, size);
        if hashers.reads_ends_only() {
            self.reader.disable_read_ahead(&opened.file);
        }
        for range in hashers.ranges() {
            let take = |bytes: &[u8], offset| hashers.update(bytes, offset);
            self.reader.read(&opened.file, lock, range, buffer, take)?;
        }
        Ok(hashers.finish())
    }

    /// Calls `act` and turns a panic into a problem: each job must be completed.
    fn catch_panic<T>(
        &self,
        act: impl FnOnce() -> Result<T, (Problem, Option<FileState>)>,
    ) -> Result<T, (Problem, Option<FileState>)> {
        catch_panic(|| Ok(act())).unwrap_or_else(|problem| Err(without_state(problem)))
    }

    fn complete(
        &self,
        queue: usize,
        key: i64,
        outcome: Result<Vec<Value>, Problem>,
        file_state: Option<FileState>,
    ) {
        self.complete_all(queue, [Completion { key, outcome, file_state }]);
    }

    /// Completes the files of a job.
    fn complete_all(&self, queue: usize, completions: impl IntoIterator<Item = Completion>) {
        let mut state = self.lock();
        state.queues.done(queue);
        let has_work_for_idle = state.idle > 0 && state.queues.queued() > 0;
        drop(state);
        for completion in completions {
            self.completions.push(completion);
        }
        if has_work_for_idle {
            // The queue may have one more thread now.
            self.work.notify_one();
        }
    }
}

/// Splits a job into jobs whose files can be compared: files on the same device, not too many,
/// and none so large that several threads read it.
fn comparable(devices: &mut DeviceCache, job: Job) -> Vec<(u64, Job)> {
    let is_large = job.expected.size.is_none_or(|size| size > SEGMENT_BYTES);
    let most = if is_large { 1 } else { MOST_FILES };
    let mut jobs: Vec<(u64, Job)> = Vec::new();
    for file in job.split() {
        let device = devices.of_file(&file.path);
        match jobs.iter_mut().rev().find(|(other, _)| *other == device) {
            Some((_, first)) if first.files() < most => first.alike.push(file),
            _ => jobs.push((device, file)),
        }
    }
    jobs
}

fn without_state(problem: Problem) -> (Problem, Option<FileState>) {
    (problem, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::algorithm::{ALGORITHMS, Algorithm};
    use crate::digest::file::Expected;
    use std::collections::HashMap;
    use std::fs;
    use std::path::PathBuf;
    use std::time::Instant;

    fn take_all(pool: &Pool) -> HashMap<i64, Completion> {
        let mut completions = HashMap::new();
        while pool.outstanding() > 0 {
            for completion in pool.take(Duration::from_secs(10)) {
                assert!(completions.insert(completion.key, completion).is_none());
            }
        }
        completions
    }

    fn job(key: i64, path: PathBuf, algorithms: &[&str]) -> Job {
        let algorithms = algorithms.iter().map(|name| Algorithm::from_name(name).unwrap());
        Job { key, path, algorithms: algorithms.collect(), ..Job::default() }
    }

    #[test]
    fn each_job_is_completed_once_with_the_digest_of_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut jobs = Vec::new();
        let mut expected = HashMap::new();
        for key in 0..60_i64 {
            let path = directory.path().join(key.to_string());
            // Some are read at once, some in several pieces, some in segments.
            let size = if key % 20 == 0 { 20_000_000 + key } else { key * key * 300 };
            let content: Vec<u8> = (0..size).map(|place| ((place * 31) >> 4) as u8).collect();
            if key % 7 != 0 {
                fs::write(&path, &content).unwrap();
                expected.insert(key, blake3::hash(&content).to_hex().to_string());
            }
            jobs.push(job(key, path, &["blake3"]));
        }
        for (threads, leave_cache) in [(0, false), (1, true), (5, true)] {
            let options = PoolOptions { threads, leave_cache, ..PoolOptions::default() };
            let pool = Pool::new(options);
            pool.submit(jobs.clone()).unwrap();
            let completions = take_all(&pool);
            assert_eq!(completions.len(), jobs.len());
            let blake3 = Algorithm::from_name("blake3").unwrap();
            for (key, completion) in completions {
                match expected.get(&key) {
                    Some(digest) => {
                        assert_eq!(completion.outcome.unwrap(), [(blake3, digest.clone())]);
                    }
                    None => assert_eq!(completion.outcome.unwrap_err().code(), "gone"),
                }
            }
            assert!(pool.bytes_read() > 40_000_000);
        }
    }

    #[test]
    fn files_that_are_compared_have_the_digests_that_each_has_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut groups = Vec::new();
        let mut expected = HashMap::new();
        for group in 0..8_i64 {
            let mut files = Vec::new();
            for number in 0..2 + 3 * group {
                let key = 100 * group + number;
                let path = directory.path().join(key.to_string());
                let size = if group == 7 { SEGMENT_BYTES + 5 } else { 300_000 + group as u64 };
                let mut content: Vec<u8> = (0..size).map(|place| (place >> 3) as u8).collect();
                match number % 5 {
                    1 => content[250_000] ^= 1,
                    4 => content[0] ^= 1,
                    _ => {}
                }
                let hex = blake3::hash(&content).to_hex().to_string();
                let outcome = match number {
                    6 => "gone".to_owned(),
                    7 => "changed".to_owned(),
                    _ => hex,
                };
                expected.insert(key, outcome);
                if number == 7 {
                    content.push(1);
                }
                if number != 6 {
                    fs::write(&path, &content).unwrap();
                }
                let file = job(key, path, &["quick", "blake3"]);
                let expected = Expected { size: Some(size), ..Expected::default() };
                files.push(Job { expected, ..file });
            }
            let first = files.remove(0);
            groups.push(Job { alike: files, ..first });
        }
        for leave_cache in [false, true] {
            let pool = Pool::new(PoolOptions { leave_cache, ..PoolOptions::default() });
            pool.submit(groups.clone()).unwrap();
            let found = take_all(&pool);
            assert_eq!(found.len(), expected.len());
            for (key, completion) in found {
                let found = match &completion.outcome {
                    Ok(values) => &values[0].1,
                    Err(problem) => problem.code(),
                };
                assert_eq!(found, expected[&key], "{key}");
                assert_eq!(completion.file_state.is_none(), found == "gone");
            }
            assert_eq!((pool.queued(), pool.outstanding()), (0, 0));
        }
    }

    #[test]
    fn algorithms_of_the_ends_read_only_these_and_agree_with_a_read_of_the_whole_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, (0..3_000_000_u32).map(|place| place as u8).collect::<Vec<_>>()).unwrap();
        let pool = Pool::new(PoolOptions::default());
        pool.submit([job(1, path.clone(), &["quick", "xxh64"])]).unwrap();
        let ends = take_all(&pool).remove(&1).unwrap().outcome.unwrap();
        assert_eq!(pool.bytes_read(), 131_072);
        pool.submit([job(1, path.clone(), &["head"])]).unwrap();
        let head = take_all(&pool).remove(&1).unwrap().outcome.unwrap();
        assert_eq!(pool.bytes_read(), 131_072 + 4096);
        let names: Vec<_> = ALGORITHMS.iter().map(|algorithm| algorithm.name).collect();
        pool.submit([job(1, path, &names)]).unwrap();
        let whole = take_all(&pool).remove(&1).unwrap().outcome.unwrap();
        for value in ends.into_iter().chain(head) {
            assert!(whole.contains(&value), "{value:?}");
        }
    }

    #[test]
    fn only_regular_files_that_are_as_expected_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "content").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let fifo = directory.path().join("fifo");
        let (fifo_type, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, fifo_type, mode, 0).unwrap();
        let algorithms = ["blake3"];
        let other_size = Expected { size: Some(8), ..Expected::default() };
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&file).unwrap());
        let leads_to = |inode| Expected { inode: Some(inode), ..Expected::default() };
        let pool = Pool::new(PoolOptions::default());
        pool.submit([
            job(1, link.clone(), &algorithms),
            Job { follow: true, ..job(2, link.clone(), &algorithms) },
            job(3, fifo, &algorithms),
            job(4, directory.path().to_owned(), &algorithms),
            Job { expected: other_size, ..job(5, file, &algorithms) },
            Job { expected: leads_to(inode), follow: true, ..job(6, link.clone(), &algorithms) },
            Job { expected: leads_to(inode + 1), follow: true, ..job(7, link, &algorithms) },
        ])
        .unwrap();
        let completions = take_all(&pool);
        let code =
            |key: i64| completions[&key].outcome.as_ref().map_or_else(Problem::code, |_| "ok");
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7].map(code),
            ["not_regular", "ok", "not_regular", "not_regular", "changed", "ok", "changed"]
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
        pool.submit([job(1, path, &["blake3"])]).unwrap();
        let completion = take_all(&pool).remove(&1).unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
        assert_eq!(completion.outcome.unwrap_err().code(), "changing");
    }

    #[test]
    fn a_stopped_pool_ends_soon_and_does_not_complete_jobs_that_no_thread_has_begun() {
        let directory = tempfile::tempdir().unwrap();
        let mut jobs = Vec::new();
        for key in 0..50 {
            let path = directory.path().join(key.to_string());
            fs::write(&path, vec![1; 1_000_000]).unwrap();
            jobs.push(job(key, path, &["blake3"]));
        }
        let options = PoolOptions { max_rate: Some(500_000), ..PoolOptions::default() };
        let pool = Pool::new(options);
        pool.submit(jobs).unwrap();
        thread::sleep(Duration::from_millis(100));
        pool.stop();
        let begin = Instant::now();
        let completions = take_all(&pool);
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert!(completions.len() < 10);
    }

    #[test]
    fn a_stopped_pool_ignores_jobs() {
        let pool = Pool::new(PoolOptions::default());
        pool.stop();
        pool.submit([job(1, PathBuf::from("/nowhere"), &["quick"])]).unwrap();
        assert_eq!((pool.queued(), pool.outstanding()), (0, 0));
    }

    #[test]
    fn jobs_that_are_being_sorted_when_the_pool_is_stopped_are_dropped() {
        let pool = Pool::new(PoolOptions::default());
        let mut state = pool.shared.lock();
        let queue = state.queues.add_device(1, crate::sys::Medium::Rotating);
        state.queues.push(queue, job(1, PathBuf::from("/nowhere"), &["quick"]));
        pool.shared.completions.expect(1);
        let Some(Task::Sort(queue, jobs)) = state.queues.next() else { panic!() };
        drop(state);
        pool.stop();
        pool.shared.put_back(queue, jobs);
        assert_eq!((pool.queued(), pool.outstanding()), (0, 0));
    }
}
