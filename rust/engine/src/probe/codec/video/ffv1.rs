//! FFV1 (RFC 9043): the range-coded parameters in a configuration record or, in versions 0
//! and 1, in the first frame. Size and colours are the container's.

use super::set;
use crate::probe::model::Track;

/// Reads a configuration record (4.2).
pub fn read_config(track: &mut Track, config: &[u8]) {
    if let Some(mut coder) = RangeCoder::new(config) {
        let _understood = read_parameters(track, &mut coder);
    }
}

/// Reads a frame, whose key frame bit has a state of its own.
pub fn read_packet(track: &mut Track, data: &[u8]) {
    if let Some(mut coder) = RangeCoder::new(data)
        && coder.bit(&mut 128)
    {
        let _understood = read_parameters(track, &mut coder);
    }
}

fn read_parameters(track: &mut Track, coder: &mut RangeCoder<'_>) -> Option<()> {
    let states = &mut [128u8; 32];
    let version = coder.number(states)?;
    if version > 4 {
        return None;
    }
    if version > 2 {
        coder.number(states)?;
    }
    if coder.number(states)? > 1 {
        for _ in 1..256 {
            coder.signed(states)?;
        }
    }
    let is_rgb = match coder.number(states)? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let depth = if version > 0 { coder.number(states)? } else { 0 };
    let depth = if depth == 0 { 8 } else { depth };
    let has_chroma = coder.bit(&mut states[0]);
    let (shift_x, shift_y) = (coder.number(states)?, coder.number(states)?);
    let alpha = coder.bit(&mut states[0]);
    if coder.ended() {
        return None;
    }
    let layout = match (is_rgb, alpha) {
        (true, false) if depth == 8 => "bgr0",
        (true, true) if depth == 8 => "bgra",
        (true, false) => "gbrp",
        (true, true) => "gbrap",
        (false, true) if !has_chroma => "ya",
        (false, false) if !has_chroma => "gray",
        (false, alpha) => match (shift_x, shift_y, alpha) {
            (0, 0, false) => "yuv444p",
            (0, 0, true) => "yuva444p",
            (1, 0, false) => "yuv422p",
            (1, 0, true) => "yuva422p",
            (1, 1, false) => "yuv420p",
            (1, 1, true) => "yuva420p",
            (0, 1, false) => "yuv440p",
            (2, 0, false) => "yuv411p",
            (2, 2, false) => "yuv410p",
            _ => return None,
        },
    };
    if layout == "ya" {
        track.pixel_format = (depth == 8).then_some("ya8".into());
        track.bit_depth = Some(depth);
    } else if depth <= 16 {
        set::pixel_format(track, layout, depth);
    }
    Some(())
}

/// The range coder (3.8.1).
struct RangeCoder<'a> {
    rest: &'a [u8],
    missing: usize,
    low: u32,
    range: u32,
    next_states: [u8; 256],
}

impl<'a> RangeCoder<'a> {
    fn new(data: &'a [u8]) -> Option<Self> {
        let (first, rest) = data.split_first_chunk()?;
        let low = u32::from(u16::from_be_bytes(*first));
        Some(Self { rest, missing: 0, low, range: 0xff00, next_states: next_states() })
    }

    /// Whether more was read than there is. A few zeros are allowed, because the encoder
    /// omits them.
    fn ended(&self) -> bool {
        self.missing > 2
    }

    fn bit(&mut self, state: &mut u8) -> bool {
        let part = (self.range * u32::from(*state)) >> 8;
        self.range -= part;
        let bit = self.low >= self.range;
        if bit {
            self.low -= self.range;
            self.range = part;
            *state = self.next_state(*state);
        } else {
            *state = self.next_state(0u8.wrapping_sub(*state)).wrapping_neg();
        }
        while self.range < 0x100 {
            self.range = self.range.max(1) << 8;
            self.low <<= 8;
            match self.rest.split_first() {
                Some((&byte, rest)) => {
                    self.low += u32::from(byte);
                    self.rest = rest;
                }
                None => self.missing += 1,
            }
        }
        bit
    }

    fn next_state(&self, state: u8) -> u8 {
        self.next_states.get(usize::from(state)).copied().unwrap_or(state)
    }

    /// Reads an unsigned number (3.8.1.2).
    fn number(&mut self, states: &mut [u8; 32]) -> Option<u32> {
        self.magnitude(states)
    }

    fn signed(&mut self, states: &mut [u8; 32]) -> Option<i64> {
        let exponent_and_value = self.magnitude_with_exponent(states)?;
        let Some((value, exponent)) = exponent_and_value else { return Some(0) };
        let negative = self.bit(&mut states[11 + exponent.min(10)]);
        Some(if negative { -i64::from(value) } else { i64::from(value) })
    }

    fn magnitude(&mut self, states: &mut [u8; 32]) -> Option<u32> {
        Some(self.magnitude_with_exponent(states)?.map_or(0, |(value, _)| value))
    }

    fn magnitude_with_exponent(&mut self, states: &mut [u8; 32]) -> Option<Option<(u32, usize)>> {
        if self.bit(&mut states[0]) {
            return Some(None);
        }
        let mut exponent = 0;
        while self.bit(&mut states[1 + exponent.min(9)]) {
            exponent += 1;
            if exponent > 30 || self.ended() {
                return None;
            }
        }
        let mut value = 1u32;
        for index in (0..exponent).rev() {
            value = value << 1 | u32::from(self.bit(&mut states[22 + index.min(9)]));
        }
        Some(Some((value, exponent)))
    }
}

/// The default table of states after a one (3.8.1.3), computed by the rule behind it: the
/// probability moves a twentieth of the way to certainty.
fn next_states() -> [u8; 256] {
    const ONE: u64 = 1 << 32;
    const STEP: u64 = ONE / 20;
    const MOST: u64 = 256 - 8;
    let mut table = [0u8; 256];
    let towards_one = |p: u64| p + ((ONE - p) * STEP + ONE / 2) / ONE;
    let rounded = |p: u64| (256 * p + ONE / 2) / ONE;
    let (mut last, mut p) = (0u64, ONE / 2);
    for _ in 0..128 {
        let state = rounded(p).max(last + 1);
        if last > 0 && last < 256 && state <= MOST {
            table[last as usize] = state as u8;
        }
        p = towards_one(p);
        last = state;
    }
    for state in 256 - MOST..=MOST {
        if table[state as usize] == 0 {
            let p = towards_one((state * ONE + 128) / 256);
            table[state as usize] = rounded(p).max(state + 1).min(MOST) as u8;
        }
    }
    table
}
