//! Which file is read next: each device has a queue of its own.
//!
//! A rotating disk is read by one thread at a time, and its files in the order in which they
//! are stored, because each seek takes as long as reading a megabyte. This does not apply to
//! files that are cached. Network shares are read by more threads than there are cores.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::algorithm::Hashers;
use super::job::Job;
use super::reader::DiskLock;
use crate::directory_cache::DirectoryCache;
use crate::sys::{Medium, medium_of, physical_start, resident_pages};

/// Threads for a network share: they spend most of their time waiting.
const NETWORK_THREADS: usize = 8;

/// The number of files of a rotating disk that are sorted at a time.
const SORTED_AT_A_TIME: usize = 4096;

/// The number of files that are checked to guess whether all files are in the page cache.
const SAMPLE_FILES: usize = 16;

/// The number of directories whose device is remembered.
const REMEMBERED_DIRECTORIES: usize = 10_000;

/// The queues of a pool.
pub struct DeviceQueues {
    queues: Vec<DeviceQueue>,
    by_device: HashMap<u64, usize>,
    next: usize,
    /// The files of all jobs in the queues.
    files: usize,
    /// The number of threads that the user asked for; 0: chosen by device.
    threads: usize,
    cores: usize,
}

struct DeviceQueue {
    /// Only for a rotating disk.
    lock: Option<Arc<DiskLock>>,
    /// Whether files are compared that are probably equal. On a share, reading many files at a
    /// time gains more.
    compares: bool,
    most_threads: usize,
    threads: usize,
    /// Jobs that are not sorted yet.
    incoming: Vec<Job>,
    ready: VecDeque<Job>,
}

/// Something to do, with the number of its queue. Must be followed by a call of
/// [`DeviceQueues::done`] or [`DeviceQueues::sorted`].
pub enum Task {
    Read(usize, Job),
    Sort(usize, Vec<Job>),
}

impl DeviceQueues {
    pub fn new(threads: usize, cores: usize) -> Self {
        Self { queues: Vec::new(), by_device: HashMap::new(), next: 0, files: 0, threads, cores }
    }

    /// The queue of a device, if it has one already.
    pub fn of_device(&self, device: u64) -> Option<usize> {
        self.by_device.get(&device).copied()
    }

    /// The queue of a device on a medium, which is added if it does not exist.
    pub fn add_device(&mut self, device: u64, medium: Medium) -> usize {
        let most_threads = match (self.threads, medium) {
            (0, Medium::Rotating | Medium::Solid) => self.cores,
            (0, Medium::Unknown) => self.cores.max(NETWORK_THREADS),
            (asked, _) => asked,
        };
        *self.by_device.entry(device).or_insert_with(|| {
            self.queues.push(DeviceQueue {
                lock: (medium == Medium::Rotating).then(Arc::default),
                compares: medium != Medium::Unknown,
                most_threads,
                threads: 0,
                incoming: Vec::new(),
                ready: VecDeque::new(),
            });
            self.queues.len() - 1
        })
    }

    pub fn push(&mut self, queue: usize, job: Job) {
        let queue = &mut self.queues[queue];
        self.files += job.files();
        if queue.lock.is_some() {
            queue.incoming.push(job);
        } else if queue.compares {
            queue.ready.push_back(job);
        } else {
            queue.ready.extend(job.split());
        }
    }

    /// The next task, from each queue in turn. `None` if every queue is empty or has as many
    /// threads as it may have.
    pub fn next(&mut self) -> Option<Task> {
        let count = self.queues.len();
        for step in 0..count {
            let number = (self.next + step) % count;
            let queue = &mut self.queues[number];
            if queue.threads >= queue.most_threads {
                continue;
            }
            let task = match queue.ready.pop_front() {
                Some(job) => Task::Read(number, job),
                None if queue.incoming.is_empty() || queue.threads > 0 => continue,
                None => {
                    let some = queue.incoming.len().min(SORTED_AT_A_TIME);
                    Task::Sort(number, queue.incoming.drain(..some).collect())
                }
            };
            self.files -= match &task {
                Task::Read(_, job) => job.files(),
                Task::Sort(_, jobs) => jobs.iter().map(Job::files).sum(),
            };
            queue.threads += 1;
            self.next = number + 1;
            return Some(task);
        }
        None
    }

    /// Records that a task of a queue is done.
    pub fn done(&mut self, queue: usize) {
        self.queues[queue].threads -= 1;
    }

    /// Takes the jobs of a task that were sorted, which is done then.
    pub fn sorted(&mut self, queue: usize, jobs: Vec<Job>) {
        self.files += jobs.iter().map(Job::files).sum::<usize>();
        self.queues[queue].ready.extend(jobs);
        self.done(queue);
    }

    /// The lock of a queue's disk, if it is a rotating one.
    pub fn disk_lock(&self, queue: usize) -> Option<Arc<DiskLock>> {
        self.queues[queue].lock.clone()
    }

    /// The number of files that no thread has begun.
    pub fn queued(&self) -> usize {
        self.files
    }

    /// The most threads that all queues together can use.
    pub fn most_threads(&self) -> usize {
        match self.threads {
            0 => self.queues.iter().map(|queue| queue.most_threads).sum(),
            asked => asked,
        }
    }

    /// Drops all jobs that no thread has begun.
    pub fn clear(&mut self) {
        for queue in &mut self.queues {
            queue.incoming.clear();
            queue.ready.clear();
        }
        self.files = 0;
    }
}

/// The devices of directories, each of which the system is asked only once.
#[derive(Default)]
pub struct DeviceCache(HashMap<PathBuf, u64>);

impl DeviceCache {
    /// The device of a file's directory; 0 if it is unknown.
    pub fn of_file(&mut self, path: &Path) -> u64 {
        let Some(directory) = path.parent() else { return 0 };
        if let Some(device) = self.0.get(directory) {
            return *device;
        }
        let device = std::fs::metadata(directory).map_or(0, |found| found.dev());
        if self.0.len() >= REMEMBERED_DIRECTORIES {
            self.0.clear();
        }
        self.0.insert(directory.to_owned(), device);
        device
    }
}

/// The medium of a device on which the file at `path` is.
pub fn medium_at(device: u64, path: &Path) -> Medium {
    medium_of(device, path.parent().unwrap_or(path))
}

/// Sorts files by their place on the disk. Files that cannot be opened come last. If the
/// files are in the page cache, their order is kept, and files that are probably equal stay
/// together.
pub fn sort_by_place(directories: &DirectoryCache, jobs: Vec<Job>) -> Vec<Job> {
    let open = |job: &Job| directories.open(&job.path, job.follow).ok();
    let is_cached = |job: &Job| open(job).and_then(|file| is_cached(job, &file)).unwrap_or(false);
    if jobs.iter().step_by(jobs.len() / SAMPLE_FILES + 1).all(is_cached) {
        return jobs;
    }
    let mut jobs: Vec<_> = jobs.into_iter().flat_map(Job::split).collect();
    jobs.sort_by_cached_key(|job| {
        open(job).and_then(|file| physical_start(file.as_fd())).unwrap_or(u64::MAX)
    });
    jobs
}

/// Whether a file seems to be in the page cache. `None` if this is unknown.
fn is_cached(job: &Job, file: &File) -> Option<bool> {
    let size = file.metadata().ok()?.len();
    // Other parts may have been read a moment ago, for another algorithm.
    let ranges = Hashers::new(&job.algorithms, size).ranges();
    let (start, end) = ranges.into_iter().rev().find(|(start, end)| start < end)?;
    let page = rustix::param::page_size() as u64;
    let middle = start.midpoint(end - 1);
    let pages = resident_pages(file.as_fd(), middle - middle % page, 1)?;
    Some(pages == [true])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(key: i64) -> Job {
        Job { key, ..Job::default() }
    }

    fn read(task: Option<Task>) -> (usize, i64) {
        match task {
            Some(Task::Read(queue, job)) => (queue, job.key),
            _ => panic!("no file is to be read"),
        }
    }

    #[test]
    fn each_device_has_its_own_threads_and_all_devices_take_turns() {
        let mut queues = DeviceQueues::new(0, 2);
        let solid = queues.add_device(1, Medium::Solid);
        let disk = queues.add_device(2, Medium::Rotating);
        assert_eq!(queues.add_device(1, Medium::Solid), solid);
        for key in 0..4 {
            queues.push(solid, job(key));
            queues.push(disk, job(10 + key));
        }
        assert_eq!(read(queues.next()), (solid, 0));
        let Some(Task::Sort(queue, jobs)) = queues.next() else { panic!() };
        assert_eq!((queue, jobs.len()), (disk, 4));
        assert_eq!(read(queues.next()), (solid, 1));
        assert!(queues.next().is_none());
        queues.sorted(disk, jobs);
        assert_eq!(read(queues.next()), (disk, 10));
        assert_eq!(read(queues.next()), (disk, 11));
        assert!(queues.next().is_none());
        queues.done(disk);
        queues.done(solid);
        assert_eq!(read(queues.next()), (solid, 2));
        assert_eq!(read(queues.next()), (disk, 12));
        assert_eq!(queues.queued(), 2);
        assert_eq!(queues.most_threads(), 4);
        assert!(queues.disk_lock(disk).is_some() && queues.disk_lock(solid).is_none());
    }

    #[test]
    fn the_number_of_threads_that_the_user_asked_for_is_kept() {
        let mut queues = DeviceQueues::new(3, 2);
        for (device, medium) in [(1, Medium::Rotating), (2, Medium::Unknown)] {
            queues.add_device(device, medium);
        }
        assert_eq!(queues.most_threads(), 3);
    }
}
