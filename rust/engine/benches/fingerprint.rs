//! The work per directory that is not done by the system: selecting names, and computing the
//! fingerprint.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vpo_engine::{Fingerprinter, Rules, RulesSpec};

/// The sizes of a season of a series, and of a photographer's directory.
const ENTRIES: [u64; 2] = [30, 1_000];

fn fingerprint(criterion: &mut Criterion) {
    let rules = rules(&[]);
    let mut group = criterion.benchmark_group("fingerprint");
    for entries in ENTRIES {
        let names: Vec<String> = (0..entries).map(|n| format!("Episode {n:04}.mkv")).collect();
        group.throughput(Throughput::Elements(entries));
        group.bench_function(BenchmarkId::from_parameter(entries), |bencher| {
            bencher.iter(|| {
                let mut fingerprint = Fingerprinter::new(rules.digest());
                for (number, name) in names.iter().enumerate() {
                    let number = number as u64;
                    let mtime = (1_600_000_000, number as u32);
                    fingerprint.add(name.as_bytes(), false, number << 20, mtime, Some(number));
                }
                fingerprint.finish()
            });
        });
    }
    group.finish();
}

/// The rules are applied to every entry of every directory, so this must take almost no time.
fn select(criterion: &mut Criterion) {
    let endings = ["mkv", "MP4", "flac", "cr3", "srt", "txt", "mkv.part", "verylongextension"];
    let names: Vec<String> = (0..1_000)
        .map(|number| format!("Season 1/Episode {number:04}.{}", endings[number % endings.len()]))
        .collect();
    let mut group = criterion.benchmark_group("select");
    group.throughput(Throughput::Elements(names.len() as u64));
    let cases = [("no excludes", rules(&[])), ("3 excludes", rules(&["*.nfo", "Extras/", "/tmp"]))];
    for (name, rules) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let selected = |name: &&String| rules.selects_file(black_box(name.as_bytes()));
                names.iter().filter(selected).count()
            });
        });
    }
    group.finish();
}

fn rules(excludes: &[&str]) -> Rules {
    let excludes = excludes.iter().map(|glob| (*glob).to_owned()).collect();
    Rules::new(&RulesSpec { excludes, ..RulesSpec::default() }, b"/media").unwrap()
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = fingerprint, select
}
criterion_main!(benches);
