//! The queue of batches between the threads and the consumer: nothing is lost, and nothing
//! hangs.

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Seen, Tree, following};
use vpo_engine::{NextBatch, Progress, Walk};

const FILES: u64 = 4_096;
const LINKS: u64 = 48;

/// A tree that fills the queue of batches with few files: it contains many links to one
/// directory elsewhere, and each makes a batch.
struct Flood {
    tree: Tree,
    _target: Tree,
}

impl Flood {
    fn new() -> Self {
        let (tree, target) = (Tree::new(), Tree::new());
        target.crowd("", FILES as usize);
        for number in 0..LINKS {
            tree.link(target.root(), &number.to_string());
        }
        Self { tree, _target: target }
    }

    fn start(&self, threads: usize) -> Walk {
        self.tree.start(&following(), threads)
    }
}

/// Waits until the full queue stops the threads.
fn wait_until_stuck(walk: &Walk) -> Progress {
    let mut before = walk.progress();
    let until = Instant::now() + PATIENCE;
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = walk.progress();
        if now.files == before.files && now.files >= 30 * FILES {
            return now;
        }
        assert!(Instant::now() < until, "the queue does not become full: {now:?}");
        before = now;
    }
}

fn wait_until_threads_ended(walk: &Walk) {
    let until = Instant::now() + PATIENCE;
    while walk.progress().threads > 0 {
        assert!(Instant::now() < until, "threads continue: {:?}", walk.progress());
        thread::sleep(Duration::from_millis(1));
    }
}

fn drain(walk: &Walk, pause: Duration) -> Seen {
    let mut seen = Seen::default();
    loop {
        match walk.next(PATIENCE) {
            NextBatch::Batch(batch) => seen.take(*batch),
            NextBatch::Pending => panic!("the walk hangs"),
            NextBatch::Finished => return seen,
        }
        thread::sleep(pause);
    }
}

/// Fails instead of hanging if `act` does not return.
fn in_time(act: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        act();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("it hangs or failed");
}

#[test]
fn a_slow_consumer_loses_nothing_and_slows_the_threads_down() {
    let flood = Flood::new();
    for threads in [2, 8] {
        let walk = flood.start(threads);
        let stuck = wait_until_stuck(&walk);
        assert!(stuck.files < LINKS * FILES, "nothing slowed the threads down");
        let seen = drain(&walk, Duration::from_millis(2));
        assert_eq!(seen.directories.len() as u64, LINKS);
        assert_eq!(seen.file_count() as u64, LINKS * FILES);
        assert_eq!(walk.progress().files, LINKS * FILES);
        assert_eq!(walk.progress().threads, 0);
    }
}

#[test]
fn cancelling_ends_threads_that_wait_for_the_consumer() {
    let flood = Flood::new();
    for threads in [1, 8] {
        let walk = flood.start(threads);
        wait_until_stuck(&walk);
        let start = Instant::now();
        walk.cancel();
        assert!(
            matches!(walk.next(PATIENCE), NextBatch::Finished),
            "batches in the queue are dropped"
        );
        wait_until_threads_ended(&walk);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(matches!(walk.next(Duration::ZERO), NextBatch::Finished));
        walk.cancel();
    }
}

/// A walk is cancelled at many different moments.
#[test]
fn cancelling_at_any_moment_ends_the_threads() {
    let tree = Tree::new();
    for number in 0..40 {
        tree.files(&[&format!("{number}/a/1.mkv"), &format!("{number}/b/c/2.mkv")]);
    }
    for step in 0..120 {
        let walk = tree.start(&following(), [1, 2, 4, 8][step % 4]);
        if step % 3 > 0 {
            let _ = walk.next(Duration::from_micros(step as u64 * 10));
        }
        walk.cancel();
        assert!(matches!(walk.next(PATIENCE), NextBatch::Finished));
        wait_until_threads_ended(&walk);
    }
}

/// A directory that was scanned only in part must not be reported.
#[test]
fn a_cancelled_walk_reports_no_incomplete_directories() {
    let tree = Tree::new();
    tree.crowd("", 3_000);
    for step in 0..100 {
        let walk = tree.start(&following(), [1, 2, 64][step % 3]);
        thread::sleep(Duration::from_micros(step as u64 * 50));
        let mut seen = Seen::default();
        if let NextBatch::Batch(batch) = walk.next(Duration::ZERO) {
            seen.take(*batch);
        }
        walk.cancel();
        while let NextBatch::Batch(batch) = walk.next(PATIENCE) {
            seen.take(*batch);
        }
        assert!(matches!(seen.file_count(), 0 | 3_000), "{}", seen.file_count());
    }
}

#[test]
fn a_walk_may_be_dropped_at_any_time() {
    in_time(|| {
        let flood = Flood::new();
        drop(flood.start(2));
        let walk = flood.start(8);
        assert!(matches!(walk.next(PATIENCE), NextBatch::Batch(_)));
        drop(walk);
        let walk = flood.start(2);
        wait_until_stuck(&walk);
        drop(walk);
    });
}

/// Also if the first threads are fast, each of which may ask for more.
#[test]
fn no_more_threads_are_started_than_asked_for() {
    let tree = Tree::new();
    for number in 0..60 {
        tree.crowd(&number.to_string(), 40);
    }
    for round in 0..30 {
        let threads = [2, 8, 64][round % 3];
        let walk = tree.start(&following(), threads);
        while !matches!(walk.next(Duration::from_micros(20)), NextBatch::Finished) {
            assert!(walk.progress().threads <= threads as u64, "{:?}", walk.progress());
        }
    }
}

#[test]
fn once_finished_a_walk_stays_finished() {
    let tree = Tree::new();
    tree.files(&["a/1.mkv", "2.mkv"]);
    for threads in [0, 1, 2, 8, 64] {
        let walk = tree.start(&following(), threads);
        assert_eq!(drain(&walk, Duration::ZERO).file_count(), 2);
        for _ in 0..3 {
            assert!(matches!(walk.next(Duration::ZERO), NextBatch::Finished));
            assert!(matches!(walk.next(Duration::MAX), NextBatch::Finished));
        }
        wait_until_threads_ended(&walk);
        walk.cancel();
        assert!(matches!(walk.next(PATIENCE), NextBatch::Finished));
    }
}

/// If one wake-up in a thousand is lost, this test hangs.
#[test]
fn short_walks_all_finish() {
    let tree = Tree::new();
    tree.files(&["a/b/1.mkv", "a/c/2.mkv", "d/e/f/3.mkv", "4.mkv"]);
    let rounds = if cfg!(debug_assertions) { 400 } else { 2_000 };
    for round in 0..rounds {
        let walk = tree.start(&following(), [1, 2, 3, 8, 16][round % 5]);
        assert_eq!(drain(&walk, Duration::ZERO).file_count(), 4);
    }
}

#[test]
fn a_consumer_that_does_not_wait_gets_an_answer_at_once() {
    let tree = Tree::new();
    for number in 0..20 {
        tree.crowd(&number.to_string(), 100);
    }
    let walk = tree.start(&following(), 2);
    let mut seen = Seen::default();
    loop {
        match walk.next(Duration::ZERO) {
            NextBatch::Batch(batch) => seen.take(*batch),
            NextBatch::Pending => thread::yield_now(),
            NextBatch::Finished => break,
        }
    }
    assert_eq!(seen.file_count(), 2_000);
}
