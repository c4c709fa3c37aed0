#![no_main]

use vpo_engine::probe::{Format, Limits, Source};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    if let Ok(Some(format)) = Format::recognise(&mut source) {
        vpo_fuzz::read(format, data);
    }
});
