//! What the fuzz targets have in common: bytes are read as a file of one format.

use vpo_engine::probe::{Format, Limits, Source, read_as};

/// Reads `data` as `format`; what comes of it must be JSON of a bounded size.
pub fn read(format: Format, data: &[u8]) {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    if let Ok(media) = read_as(&mut source, format) {
        for text in media.tracks.iter().filter_map(|track| track.title.as_ref()) {
            assert!(text.len() <= 4096, "a title of {} bytes", text.len());
        }
        let times = media.tracks.iter().map(|track| track.duration_seconds);
        for seconds in times.chain([media.duration_seconds]).flatten() {
            assert!(seconds.is_finite() && seconds >= 0.0, "a duration of {seconds} seconds");
        }
    }
}

/// A target that reads its input as a format.
#[macro_export]
macro_rules! target {
    ($format:ident) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $crate::read(vpo_engine::probe::Format::$format, data);
        });
    };
}
