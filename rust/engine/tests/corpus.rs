//! The inputs that fuzzing found, read as what they are: nothing panics, and
//! nothing takes long. New ones come from `scripts/fuzz.py`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vpo_engine::probe::{Format, Limits, Problem, Source, probe_source, read_as};

/// In a debug build, on a machine that does something else as well. What was
/// ever too slow took minutes.
const LONGEST: Duration = Duration::from_secs(1);

/// Times an input may be tried, as it may have had to wait for others.
const ATTEMPTS: usize = 3;

/// What each target of `rust/fuzz` reads its inputs as.
const TARGETS: [(&str, Option<Format>); 19] = [
    ("aac", Some(Format::Aac)),
    ("avi", Some(Format::Avi)),
    ("flac", Some(Format::Flac)),
    ("flv", Some(Format::Flv)),
    ("isomedia", Some(Format::IsoMedia)),
    ("jpeg", Some(Format::Jpeg)),
    ("matroska", Some(Format::Matroska)),
    ("mp3", Some(Format::Mp3)),
    ("mpegps", Some(Format::MpegPs)),
    ("mpegts", Some(Format::MpegTs)),
    ("ogg", Some(Format::Ogg)),
    ("otherphoto", Some(Format::OtherPhoto)),
    ("png", Some(Format::Png)),
    ("raf", Some(Format::Raf)),
    ("recognise", None),
    ("tiff", Some(Format::Tiff)),
    ("wav", Some(Format::Wav)),
    ("webp", Some(Format::WebP)),
    ("xmp", Some(Format::Xmp)),
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

/// Reads an input in both ways; gives what is wrong with that.
fn fault(data: &[u8], format: Option<Format>) -> Option<String> {
    let source = || Source::new(&data, data.len() as u64, Limits::default());
    let begin = Instant::now();
    if let Some(format) = format {
        let read = catch_unwind(AssertUnwindSafe(|| read_as(&mut source(), format).is_ok()));
        if read.is_err() {
            return Some(format!("a panic when read as {format:?}"));
        }
    }
    if let Err(Problem::Panic(what)) = probe_source(&mut source(), "") {
        return Some(format!("a panic: {what}"));
    }
    let elapsed = begin.elapsed();
    (elapsed > LONGEST).then(|| format!("it took {elapsed:?}"))
}

#[test]
fn no_input_that_was_ever_found_does_harm() {
    let mut wrong = Vec::new();
    for (target, format) in TARGETS {
        let inputs = files(&fuzzing().join("corpus").join(target));
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for path in inputs {
            let data = fs::read(&path).unwrap();
            // A panic stays one, a delay need not.
            let faults: Option<Vec<_>> = (0..ATTEMPTS).map(|_| fault(&data, format)).collect();
            if let Some(what) = faults.and_then(|mut faults| faults.pop()) {
                wrong.push(format!("{}: {what}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_target_has_its_corpus_read() {
    let targets = files(&fuzzing().join("fuzz_targets"));
    let targets = targets.iter().map(|path| path.file_stem().unwrap().to_str().unwrap());
    assert!(targets.eq(TARGETS.iter().map(|(target, _)| *target)));
}
