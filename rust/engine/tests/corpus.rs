//! The inputs that fuzzing found, each parsed as the format of its target: no parser panics,
//! and none takes long. `scripts/fuzz.py` adds new ones.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vpo_engine::probe::{Format, Limits, Problem, Source, probe_source, read_as, tags};

/// The longest time, for a debug build on a busy machine. Inputs that were too slow took
/// minutes.
const LONGEST: Duration = Duration::from_secs(1);

/// How often an input is tried, because other processes may have slowed it down.
const ATTEMPTS: usize = 3;

/// The format of each target of `rust/fuzz`.
const TARGETS: [(&str, Option<Format>); 39] = [
    ("aac", Some(Format::Aac)),
    ("ac3", Some(Format::Ac3)),
    ("aiff", Some(Format::Aiff)),
    ("amr", Some(Format::Amr)),
    ("ape", Some(Format::Ape)),
    ("asf", Some(Format::Asf)),
    ("au", Some(Format::Au)),
    ("avi", Some(Format::Avi)),
    ("caf", Some(Format::Caf)),
    ("crw", Some(Format::Crw)),
    ("dsdiff", Some(Format::Dsdiff)),
    ("dsf", Some(Format::Dsf)),
    ("dts", Some(Format::Dts)),
    ("flac", Some(Format::Flac)),
    ("flv", Some(Format::Flv)),
    ("h264", Some(Format::H264)),
    ("h265", Some(Format::H265)),
    ("isomedia", Some(Format::IsoMedia)),
    ("ivf", Some(Format::Ivf)),
    ("jpeg", Some(Format::Jpeg)),
    ("matroska", Some(Format::Matroska)),
    ("mp3", Some(Format::Mp3)),
    ("mpegps", Some(Format::MpegPs)),
    ("mpegts", Some(Format::MpegTs)),
    ("musepack", Some(Format::Musepack)),
    ("ogg", Some(Format::Ogg)),
    ("otherphoto", Some(Format::OtherPhoto)),
    ("png", Some(Format::Png)),
    ("raf", Some(Format::Raf)),
    ("realmedia", Some(Format::RealMedia)),
    ("recognise", None),
    ("tak", Some(Format::Tak)),
    ("tiff", Some(Format::Tiff)),
    ("tta", Some(Format::Tta)),
    ("wav", Some(Format::Wav)),
    ("wavpack", Some(Format::WavPack)),
    ("webp", Some(Format::WebP)),
    ("xmp", Some(Format::Xmp)),
    ("xmptags", Some(Format::Xmp)),
];

fn fuzzing() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Parses an input in both ways, and returns what is wrong.
fn fault(data: &[u8], format: Option<Format>) -> Option<String> {
    let source = || Source::new(&data, data.len() as u64, Limits::default());
    let begin = Instant::now();
    if let Some(format) = format {
        let read = catch_unwind(AssertUnwindSafe(|| read_as(&mut source(), format).is_ok()));
        if read.is_err() {
            return Some(format!("a panic when parsed as {format:?}"));
        }
    }
    if matches!(format, Some(Format::Xmp))
        && catch_unwind(AssertUnwindSafe(|| tags(data).is_ok())).is_err()
    {
        return Some("a panic when parsed as a sidecar".to_owned());
    }
    if let Err(Problem::Panic(what)) = probe_source(&mut source(), "") {
        return Some(format!("a panic: {what}"));
    }
    let elapsed = begin.elapsed();
    (elapsed > LONGEST).then(|| format!("it took {elapsed:?}"))
}

#[test]
fn no_input_that_was_ever_found_causes_a_panic_or_a_delay() {
    let mut wrong = Vec::new();
    for (target, format) in TARGETS {
        let inputs = files(&fuzzing().join("corpus").join(target));
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for path in inputs {
            let data = fs::read(&path).unwrap();
            // A panic happens each time, a delay may not.
            let faults: Option<Vec<_>> = (0..ATTEMPTS).map(|_| fault(&data, format)).collect();
            if let Some(what) = faults.and_then(|mut faults| faults.pop()) {
                wrong.push(format!("{}: {what}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_of_each_target_is_read() {
    let targets = files(&fuzzing().join("fuzz_targets"));
    let targets = targets.iter().map(|path| path.file_stem().unwrap().to_str().unwrap());
    assert!(targets.eq(TARGETS.iter().map(|(target, _)| *target)));
}
