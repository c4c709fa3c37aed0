#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| vpo_fuzz::read_tags(data));
