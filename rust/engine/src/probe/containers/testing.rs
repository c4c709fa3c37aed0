//! Helpers for the tests of several containers.

use crate::probe::model::Media;
use crate::probe::problem::{Problem, Result};
use crate::probe::source::{Limits, Source};

/// Probes bytes as the content of a file with this extension.
pub fn probe(data: &[u8], extension: &str) -> Result<Media> {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    crate::probe::probe_source(&mut source, extension)
}

/// Probes bytes cut off at every place and with bits flipped. No parser may panic.
pub fn damage(data: &[u8], extension: &str) {
    for length in 0..data.len() {
        check(&data[..length], extension);
    }
    let mut state = 42u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..2000 {
        let mut copy = data.to_vec();
        for _ in 0..1 + next() % 4 {
            let place = next() % copy.len();
            copy[place] ^= 1 << (next() % 8);
        }
        check(&copy, extension);
    }
}

fn check(data: &[u8], extension: &str) {
    if let Err(Problem::Panic(message)) = probe(data, extension) {
        panic!("{message} with {data:?}");
    }
}
