//! Reads the metadata of many XMP sidecars in parallel.

use std::fs::File;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::Instant;

use super::photo::xmp::{Tags, tags};
use super::problem::{Problem, Result};
use super::source::{Limits, Source};
use crate::concurrency::{Concurrency, RequestStats};
use crate::directory_cache::DirectoryCache;
use crate::sys::{self, EntryType};

/// The most bytes of a sidecar. Editors that keep masks in it write megabytes.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Only one thread at a time reads a sidecar that is longer than this.
const LARGE: u64 = 512 * 1024;

/// Reads sidecars by their absolute paths. Returns the outcomes in the order of the paths.
///
/// A link at a path is refused. The number of threads follows the latency. They end before this
/// returns.
pub fn read_sidecars(directories: &DirectoryCache, paths: &[PathBuf]) -> Vec<Result<Tags>> {
    let work = Work {
        directories,
        paths,
        next: AtomicUsize::new(0),
        threads: AtomicUsize::new(1),
        concurrency: Mutex::new(Concurrency::new(0)),
        large: Mutex::new(()),
        outcomes: Mutex::new(Vec::with_capacity(paths.len())),
    };
    thread::scope(|scope| {
        work.start_threads(scope);
        work.run(scope);
    });
    let mut outcomes = work.outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_unstable_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// What the threads share.
struct Work<'a> {
    directories: &'a DirectoryCache,
    paths: &'a [PathBuf],
    /// The place in `paths` that no thread has begun.
    next: AtomicUsize,
    threads: AtomicUsize,
    concurrency: Mutex<Concurrency>,
    large: Mutex<()>,
    outcomes: Mutex<Vec<(usize, Result<Tags>)>>,
}

impl Work<'_> {
    /// Starts as many threads as suit the latency, but not more than there are paths left.
    fn start_threads<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        let wanted = lock(&self.concurrency).wanted_threads();
        let left = self.paths.len().saturating_sub(self.next.load(Relaxed));
        while self.threads.load(Relaxed) < wanted.min(left) {
            self.threads.fetch_add(1, Relaxed);
            let builder = thread::Builder::new().name("vpo-xmp".to_owned());
            if builder.spawn_scoped(scope, || self.run(scope)).is_err() {
                // The existing threads do the work.
                self.threads.fetch_sub(1, Relaxed);
                return;
            }
        }
    }

    fn run<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        loop {
            let place = self.next.fetch_add(1, Relaxed);
            let Some(path) = self.paths.get(place) else { return };
            let mut requests = RequestStats::default();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.read(path, &mut requests)))
                .unwrap_or_else(|panic| Err(Problem::from_panic(panic.as_ref())));
            lock(&self.outcomes).push((place, outcome));
            lock(&self.concurrency).observe(requests);
            self.start_threads(scope);
        }
    }

    fn read(&self, path: &Path, requests: &mut RequestStats) -> Result<Tags> {
        let begin = Instant::now();
        let file = self.directories.open(path, false)?;
        let found = sys::stat_fd(file.as_fd()).map_err(std::io::Error::from)?;
        requests.count += 1;
        requests.elapsed += begin.elapsed();
        if found.entry_type != EntryType::File {
            return Err(Problem::Unsupported("it is not a regular file".into()));
        }
        if found.size > LONGEST {
            return Err(Problem::Limit("the file is too long for a sidecar"));
        }
        let _alone = (found.size > LARGE).then(|| lock(&self.large));
        read_open(&file, found.size, requests)
    }
}

fn read_open(file: &File, size: u64, requests: &mut RequestStats) -> Result<Tags> {
    let mut source = Source::new(file, size, Limits::default());
    // In bounds: `LONGEST` fits.
    let outcome = source.up_to(0, size as usize).and_then(tags);
    requests.count += source.requests();
    requests.elapsed += source.waited();
    outcome
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::photo::xmp::TagValue;
    use super::*;

    const PACKET: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF
        xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description
        xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='R'/></rdf:RDF></x:xmpmeta>";

    #[test]
    fn each_sidecar_has_its_own_outcome_in_the_order_of_the_paths() {
        let directory = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..500).map(|it| directory.path().join(format!("{it}.xmp"))).collect();
        for (number, path) in paths.iter().enumerate() {
            match number % 5 {
                0 => {}
                1 => std::fs::write(path, "<damaged").unwrap(),
                2 => std::os::unix::fs::symlink(&paths[3], path).unwrap(),
                3 => std::fs::write(path, PACKET.replace("'R'", &format!("'{number}'"))).unwrap(),
                _ => File::create(path).unwrap().set_len(100 << 20).unwrap(),
            }
        }
        let outcomes = read_sidecars(&DirectoryCache::default(), &paths);
        assert_eq!(outcomes.len(), paths.len());
        for (number, outcome) in outcomes.into_iter().enumerate() {
            match (number % 5, outcome.map_err(|problem| problem.code())) {
                (0 | 2, Err("unreadable")) | (1, Err("damaged")) | (4, Err("limit")) => {}
                (3, Ok(tags)) => {
                    assert_eq!(tags["xmp:Rating"], TagValue::Text(number.to_string()));
                }
                (_, outcome) => panic!("{number}: {outcome:?}"),
            }
        }
        assert!(read_sidecars(&DirectoryCache::default(), &[]).is_empty());
    }
}
