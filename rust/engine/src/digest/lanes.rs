//! Which file is read next: each device has a lane of its own.
//!
//! A rotating disk is read by one thread at a time, file after file in the order in
//! which they lie on it, as every seek costs what a megabyte does; what is cached is
//! no matter of the disk. What is far away is read by a few more threads than there
//! are cores.

use std::collections::{HashMap, VecDeque};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pool::Job;
use super::reading::Arm;
use crate::opening::Directories;
use crate::sys::{Medium, medium_of, physical_start, resident_pages};

/// Threads for a share: most of their time is waiting.
const THREADS_FAR_AWAY: usize = 8;

/// Files of a rotating disk that are put in order at a time.
const ARRANGED_AT_A_TIME: usize = 4096;

/// Files that are looked at to tell whether all of them are in the page cache.
const SAMPLE: usize = 16;

/// Directories whose lane is remembered.
const REMEMBERED: usize = 10_000;

/// The lanes of a pool.
pub struct Lanes {
    lanes: Vec<Lane>,
    of_device: HashMap<u64, usize>,
    next: usize,
    /// What the user asked for; 0: a choice by device.
    threads: usize,
    cores: usize,
}

struct Lane {
    /// Of a rotating disk.
    arm: Option<Arc<Arm>>,
    most_threads: usize,
    threads: usize,
    /// Not in order yet.
    incoming: Vec<Job>,
    ready: VecDeque<Job>,
}

/// Something to do in a lane; the number is to be given back to [`Lanes::done`].
pub enum Task {
    Read(usize, Job),
    Arrange(usize, Vec<Job>),
}

impl Lanes {
    pub fn new(threads: usize, cores: usize) -> Self {
        Self { lanes: Vec::new(), of_device: HashMap::new(), next: 0, threads, cores }
    }

    /// The lane of a device that is known.
    pub fn of_device(&self, device: u64) -> Option<usize> {
        self.of_device.get(&device).copied()
    }

    /// The lane of a device on a medium.
    pub fn add_device(&mut self, device: u64, medium: Medium) -> usize {
        let most_threads = match (self.threads, medium) {
            (0, Medium::Rotating | Medium::Solid) => self.cores,
            (0, Medium::Unknown) => self.cores.max(THREADS_FAR_AWAY),
            (asked, _) => asked,
        };
        *self.of_device.entry(device).or_insert_with(|| {
            self.lanes.push(Lane {
                arm: (medium == Medium::Rotating).then(Arc::default),
                most_threads,
                threads: 0,
                incoming: Vec::new(),
                ready: VecDeque::new(),
            });
            self.lanes.len() - 1
        })
    }

    pub fn push(&mut self, lane: usize, job: Job) {
        let lane = &mut self.lanes[lane];
        if lane.arm.is_some() {
            lane.incoming.push(job);
        } else {
            lane.ready.push_back(job);
        }
    }

    /// The next thing to do, from each lane in turn.
    pub fn next(&mut self) -> Option<Task> {
        let count = self.lanes.len();
        for step in 0..count {
            let number = (self.next + step) % count;
            let lane = &mut self.lanes[number];
            if lane.threads >= lane.most_threads {
                continue;
            }
            let task = match lane.ready.pop_front() {
                Some(job) => Task::Read(number, job),
                None if lane.incoming.is_empty() || lane.threads > 0 => continue,
                None => {
                    let some = lane.incoming.len().min(ARRANGED_AT_A_TIME);
                    Task::Arrange(number, lane.incoming.drain(..some).collect())
                }
            };
            lane.threads += 1;
            self.next = number + 1;
            return Some(task);
        }
        None
    }

    /// A thread has left a lane.
    pub fn done(&mut self, lane: usize) {
        self.lanes[lane].threads -= 1;
    }

    /// Jobs that were arranged.
    pub fn arranged(&mut self, lane: usize, jobs: Vec<Job>) {
        self.lanes[lane].ready.extend(jobs);
        self.done(lane);
    }

    /// The arm of a lane's disk, if it has one.
    pub fn arm(&self, lane: usize) -> Option<Arc<Arm>> {
        self.lanes[lane].arm.clone()
    }

    /// Jobs that no thread has begun with.
    pub fn queued(&self) -> usize {
        self.lanes.iter().map(|lane| lane.ready.len() + lane.incoming.len()).sum()
    }

    /// Threads that all lanes together can employ.
    pub fn most_threads(&self) -> usize {
        match self.threads {
            0 => self.lanes.iter().map(|lane| lane.most_threads).sum(),
            asked => asked,
        }
    }

    pub fn clear(&mut self) {
        for lane in &mut self.lanes {
            lane.incoming.clear();
            lane.ready.clear();
        }
    }
}

/// Devices of directories, asked once each.
#[derive(Default)]
pub struct Devices(HashMap<PathBuf, u64>);

impl Devices {
    /// The device of the directory that a file is in; 0 if that cannot be told.
    pub fn of_file(&mut self, path: &Path) -> u64 {
        let Some(directory) = path.parent() else { return 0 };
        if let Some(device) = self.0.get(directory) {
            return *device;
        }
        let device = std::fs::metadata(directory).map_or(0, |found| found.dev());
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(directory.to_owned(), device);
        device
    }
}

/// What a device is, where a file on it is.
pub fn medium_at(device: u64, path: &Path) -> Medium {
    medium_of(device, path.parent().unwrap_or(path))
}

/// Puts files in the order in which they lie on their disk; those that cannot be
/// opened come last. Where they are in the page cache, the disk is no matter.
pub fn arrange(directories: &Directories, mut jobs: Vec<Job>) -> Vec<Job> {
    let open = |job: &Job| directories.open(&job.path, job.follow).ok();
    let is_cached = |job: &Job| {
        let pages = open(job).and_then(|file| resident_pages(file.as_fd(), 0, 1));
        pages.is_some_and(|pages| pages == [true])
    };
    if jobs.iter().step_by(jobs.len() / SAMPLE + 1).all(is_cached) {
        return jobs;
    }
    jobs.sort_by_cached_key(|job| {
        open(job).and_then(|file| physical_start(file.as_fd())).unwrap_or(u64::MAX)
    });
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(key: i64) -> Job {
        Job { key, ..Job::default() }
    }

    fn read(task: Option<Task>) -> (usize, i64) {
        match task {
            Some(Task::Read(lane, job)) => (lane, job.key),
            _ => panic!("there is a file to be read"),
        }
    }

    #[test]
    fn each_device_has_its_threads_and_all_of_them_their_turn() {
        let mut lanes = Lanes::new(0, 2);
        let solid = lanes.add_device(1, Medium::Solid);
        let disk = lanes.add_device(2, Medium::Rotating);
        assert_eq!(lanes.add_device(1, Medium::Solid), solid);
        for key in 0..4 {
            lanes.push(solid, job(key));
            lanes.push(disk, job(10 + key));
        }
        assert_eq!(read(lanes.next()), (solid, 0));
        let Some(Task::Arrange(lane, jobs)) = lanes.next() else { panic!() };
        assert_eq!((lane, jobs.len()), (disk, 4));
        assert_eq!(read(lanes.next()), (solid, 1));
        assert!(lanes.next().is_none());
        lanes.arranged(disk, jobs);
        assert_eq!(read(lanes.next()), (disk, 10));
        assert_eq!(read(lanes.next()), (disk, 11));
        assert!(lanes.next().is_none());
        lanes.done(disk);
        lanes.done(solid);
        assert_eq!(read(lanes.next()), (solid, 2));
        assert_eq!(read(lanes.next()), (disk, 12));
        assert_eq!(lanes.queued(), 2);
        assert_eq!(lanes.most_threads(), 4);
        assert!(lanes.arm(disk).is_some() && lanes.arm(solid).is_none());
    }

    #[test]
    fn the_users_number_of_threads_is_kept() {
        let mut lanes = Lanes::new(3, 2);
        for (device, medium) in [(1, Medium::Rotating), (2, Medium::Unknown)] {
            lanes.add_device(device, medium);
        }
        assert_eq!(lanes.most_threads(), 3);
    }
}
