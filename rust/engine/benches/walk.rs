//! A walk of 10 000 cached files: with no known directories, with all directories known and
//! unchanged, and with the standard library alone.

use std::fs::{self, File, FileTimes};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use tempfile::TempDir;
use vpo_engine::{
    Batch, Fingerprint, KnownDirectories, NextBatch, Rules, RulesSpec, Walk, WalkOptions,
};

/// 20 series of 20 seasons of 25 episodes.
const SERIES: u64 = 20;
const SEASONS: u64 = 20;
const EPISODES: u64 = 25;
const FILES: u64 = SERIES * SEASONS * EPISODES;

fn library() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    // Old enough that every directory gets a fingerprint.
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for series in 0..SERIES {
        for season in 0..SEASONS {
            let directory = tree.path().join(format!("Series {series}/Season {season:02}"));
            fs::create_dir_all(&directory).unwrap();
            for episode in 0..EPISODES {
                let file = File::create(directory.join(format!("E{episode:02} Title.mkv")));
                let times = FileTimes::new().set_modified(old + Duration::from_secs(episode));
                file.unwrap().set_times(times).unwrap();
            }
        }
    }
    tree
}

fn walk(root: &Path, rules: &Arc<Rules>, known: KnownDirectories, threads: usize) -> Vec<Batch> {
    let root = root.as_os_str().as_bytes();
    let walk = Walk::start(root, Arc::clone(rules), known, WalkOptions { threads }).unwrap();
    let mut batches = Vec::new();
    loop {
        match walk.next(Duration::from_secs(60)) {
            NextBatch::Batch(batch) => batches.push(*batch),
            NextBatch::Pending => panic!("the walk hangs"),
            NextBatch::Finished => break,
        }
    }
    assert_eq!(walk.progress().files, FILES);
    batches
}

fn known(directories: &[(Vec<u8>, Option<Fingerprint>)]) -> KnownDirectories {
    let mut known = KnownDirectories::default();
    for (id, (path, fingerprint)) in directories.iter().enumerate() {
        known.add(path, *fingerprint, id as i64);
    }
    known
}

/// The baseline: reads every name and calls `stat` on every file, but keeps nothing.
fn read_plainly(directory: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (below, size) = match entry.file_type().unwrap().is_dir() {
            true => read_plainly(&entry.path()),
            false => (1, entry.metadata().unwrap().len()),
        };
        files += below;
        bytes += size;
    }
    (files, bytes)
}

fn walks(criterion: &mut Criterion) {
    let tree = library();
    let root = tree.path().canonicalize().unwrap();
    let rules = Arc::new(Rules::new(&RulesSpec::default(), root.as_os_str().as_bytes()).unwrap());
    let first = walk(&root, &rules, KnownDirectories::default(), 1);
    let directories: Vec<_> = first
        .iter()
        .flat_map(|batch| &batch.directories)
        .map(|directory| (directory.path.clone(), directory.fingerprint))
        .collect();
    assert_eq!(directories.len() as u64, SERIES * SEASONS);
    assert!(walk(&root, &rules, known(&directories), 1).is_empty());

    let mut group = criterion.benchmark_group("walk of 10 000 files");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(FILES));
    group.bench_function("std::fs", |bencher| {
        bencher.iter(|| assert_eq!(read_plainly(&root).0, FILES));
    });
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("first", threads), |bencher| {
            bencher.iter(|| walk(&root, &rules, KnownDirectories::default(), threads));
        });
        group.bench_function(BenchmarkId::new("unchanged", threads), |bencher| {
            bencher.iter_batched(
                || known(&directories),
                |known| walk(&root, &rules, known, threads),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = walks
}
criterion_main!(benches);
