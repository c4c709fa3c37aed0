//! AAC in frames with headers: ADTS, and LOAS, which contains the configuration.

use super::config::{
    AAC_LC, Config, FASTEST_CORE, RATES, apply, numbered_mask, parse, program_config,
};
use crate::probe::codec::bits::{Bits, be16};
use crate::probe::model::Track;

/// The fewest frames from which the bit rate is computed: sound often begins with silence.
const ENOUGH_FRAMES: usize = 16;

/// An ADTS header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adts {
    /// In bytes, including the header.
    pub frame_length: usize,
    /// The rate of the core.
    pub sample_rate: u32,
    /// Blocks of 1024 samples.
    pub blocks: u32,
    object_type: u32,
    channel_configuration: u32,
    header_length: usize,
}

/// Parses an ADTS header.
pub fn adts(bytes: &[u8]) -> Option<Adts> {
    let mut bits = Bits::new(bytes);
    if bits.get(12)? != 0xfff {
        return None;
    }
    bits.skip(1)?;
    if bits.get(2)? != 0 {
        return None;
    }
    let header_length = if bits.flag()? { 7 } else { 9 };
    let object_type = bits.get(2)? + 1;
    let sample_rate = *RATES.get(bits.get(4)? as usize)?;
    bits.skip(1)?;
    let channel_configuration = bits.get(3)?;
    bits.skip(4)?;
    let frame_length = bits.get(13)? as usize;
    bits.skip(11)?;
    let blocks = bits.get(2)? + 1;
    (frame_length >= header_length).then_some(Adts {
        frame_length,
        sample_rate,
        blocks,
        object_type,
        channel_configuration,
        header_length,
    })
}

/// The start of the first ADTS frame: another frame or the end of the data follows it.
pub(super) fn find_adts(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len().min(8192)).find(|&start| {
        let frame = bytes.get(start..).and_then(adts);
        frame.is_some_and(|frame| match bytes.get(start + frame.frame_length..) {
            Some(rest) if rest.len() >= 7 => adts(rest).is_some(),
            Some(_) => true,
            None => start == 0,
        })
    })
}

/// Reads consecutive frames. The first contains most properties; several are needed to
/// recognise spectral band replication.
pub(super) fn read_adts(track: &mut Track, bytes: &[u8]) {
    let Some(first) = adts(bytes) else { return };
    let mut config = Config {
        object_type: first.object_type,
        core_rate: first.sample_rate,
        sample_rate: first.sample_rate,
        mask: numbered_mask(first.channel_configuration),
        ..Config::default()
    };
    config.channels = config.mask.count_ones();
    if first.channel_configuration == 0 {
        // The channels are described by an element at the beginning of the frame.
        let mut bits = Bits::new(bytes.get(first.header_length..).unwrap_or_default());
        if bits.get(3) == Some(5) {
            (config.channels, config.mask) = program_config(&mut bits).unwrap_or_default();
        }
    }
    if first.sample_rate <= FASTEST_CORE && config.object_type == AAC_LC {
        config.sbr = frames_have_sbr(bytes);
        if config.sbr {
            config.sample_rate *= 2;
        }
    }
    apply(track, &config);
    if track.bit_rate.is_none() {
        track.bit_rate = average(bytes, ENOUGH_FRAMES);
    }
}

/// The average bit rate of all frames, however few they are.
pub fn adts_bit_rate(bytes: &[u8]) -> Option<u64> {
    average(bytes.get(find_adts(bytes)?..)?, 1)
}

/// The average bit rate of the frames, if there are at least `enough`.
fn average(bytes: &[u8], enough: usize) -> Option<u64> {
    let (mut length, mut samples, mut rate) = (0, 0, 0);
    let mut count: usize = 0;
    let mut rest = bytes;
    while let Some(frame) = adts(rest) {
        length += frame.frame_length as u64;
        samples += u64::from(frame.blocks) * 1024;
        rate = u64::from(frame.sample_rate);
        count += 1;
        rest = rest.get(frame.frame_length..).unwrap_or_default();
    }
    (count >= enough).then(|| length * 8 * rate / samples)
}

/// Whether frames end with an element for spectral band replication. The elements before it
/// are not decoded. Instead, it is searched for from the end, in several frames.
fn frames_have_sbr(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut frames = 0;
    while let Some(header) = adts(rest).filter(|_| frames < 4) {
        let Some(frame) = rest.get(header.header_length..header.frame_length) else { break };
        if !ends_with_sbr(frame) {
            return false;
        }
        frames += 1;
        rest = rest.get(header.frame_length..).unwrap_or_default();
    }
    frames >= 2
}

pub(super) fn ends_with_sbr(frame: &[u8]) -> bool {
    let Some(last) = frame.iter().rposition(|&byte| byte != 0) else { return false };
    // A frame ends with three set bits, then zeros up to the next byte.
    let end = (last + 1) * 8 - frame[last].trailing_zeros() as usize;
    let Some(end) = end.checked_sub(3) else { return false };
    bits_at(frame, end, 3) == Some(7) && has_sbr_before(frame, end, MOST_FILLING)
}

/// So many elements of filling may follow the one for spectral band replication.
const MOST_FILLING: u8 = 2;

/// Whether the element that ends at a bit is for spectral band replication, or is filling after
/// such an element. Its length is unknown, so that all are tried.
fn has_sbr_before(frame: &[u8], end: usize, filling: u8) -> bool {
    let field = |at: usize, count: usize| bits_at(frame, at, count);
    (1..=269usize).any(|length| {
        let header = if length < 15 { 7 } else { 15 };
        let Some(start) = end.checked_sub(length * 8 + header) else { return false };
        let fits = if length < 15 {
            field(start + 3, 4) == Some(length as u32)
        } else {
            field(start + 3, 4) == Some(15) && field(start + 7, 8) == Some(length as u32 - 14)
        };
        if !fits || field(start, 3) != Some(6) {
            return false;
        }
        match field(start + header, 4) {
            Some(13 | 14) => true,
            Some(0 | 1) if filling > 0 => has_sbr_before(frame, start, filling - 1),
            _ => false,
        }
    })
}

fn bits_at(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    let mut bits = Bits::new(bytes);
    bits.skip(at)?;
    bits.get(count)
}

/// Finds the configuration in LOAS, whose frames begin with a sync word and their length.
pub(super) fn find_latm(bytes: &[u8]) -> Option<Config> {
    (0..bytes.len().min(8192)).find_map(|start| {
        let header = be16(bytes, start).filter(|header| header >> 5 == 0x2b7)?;
        let third = *bytes.get(start + 2)?;
        let length = usize::from(header & 0x1f) << 8 | usize::from(third);
        let frame = bytes.get(start + 3..)?;
        let frame = frame.get(..length).unwrap_or(frame);
        let mut bits = Bits::new(frame);
        // If the flag is set, this frame uses the configuration of an earlier one and does not
        // contain it.
        if bits.flag()? { None } else { stream_mux_config(&mut bits) }
    })
}

/// Parses StreamMuxConfig as far as the first configuration.
fn stream_mux_config(bits: &mut Bits<'_>) -> Option<Config> {
    let version = bits.get(1)?;
    if version == 1 {
        if bits.flag()? {
            return None;
        }
        latm_value(bits)?;
    }
    bits.skip(1 + 6)?;
    let programs = bits.get(4)?;
    let layers = bits.get(3)?;
    if programs != 0 || layers != 0 {
        return None;
    }
    if version == 0 {
        return parse(bits, false);
    }
    let length = latm_value(bits)? as usize;
    let mut config = Vec::new();
    for _ in 0..length.min(bits.left()).div_ceil(8) {
        let count = bits.left().min(8);
        config.push((bits.get(count)? << (8 - count)) as u8);
    }
    parse(&mut Bits::new(&config), true)
}

fn latm_value(bits: &mut Bits<'_>) -> Option<u32> {
    let bytes = bits.get(2)? as usize;
    bits.get(8 * (bytes + 1))
}
