//! AV1 (AV1 Bitstream & Decoding Process Specification): the sequence header in `av1C` and in
//! packets, and HDR10+ metadata.
//!
//! `ffprobe` always uses the sequence header.

use super::set::{self, Colors};
use super::t35;
use crate::probe::codec::bits::Bits;
use crate::probe::model::{Hdr, Track};

const SEQUENCE_HEADER: u8 = 1;
const METADATA: u8 = 5;
const METADATA_T35: u64 = 4;

/// An `av1C` record: four bytes, then OBUs.
pub fn read_config(track: &mut Track, config: &[u8]) {
    if let Some((&[marker, profile, format, _], units)) = config.split_first_chunk() {
        if marker != 0x81 {
            return read_packet(track, config);
        }
        read_packet(track, units);
        if track.pixel_format.is_none() {
            apply_record(track, profile >> 5, format);
        }
    }
}

/// For records without a sequence header, whose own fields repeat some of it.
fn apply_record(track: &mut Track, profile: u8, format: u8) {
    let has = |bit: u8| format >> bit & 1 == 1;
    let depth = if has(5) {
        12
    } else if has(6) {
        10
    } else {
        8
    };
    apply_format(track, profile, depth, has(4), has(3), has(2));
}

/// Reads the OBUs of a packet (5.3); the last may be cut off.
pub fn read_packet(track: &mut Track, mut data: &[u8]) {
    while let Some((&header, mut rest)) = data.split_first() {
        if header & 4 != 0 {
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut length = rest.len();
        if header & 2 != 0 {
            let Some((size, behind)) = leb128(rest) else { return };
            rest = behind;
            length = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        }
        let (payload, next) = rest.split_at(length);
        match header >> 3 & 15 {
            SEQUENCE_HEADER => {
                let _understood = read_sequence_header(track, payload);
            }
            METADATA
                if leb128(payload).is_some_and(|(kind, rest)| {
                    kind == METADATA_T35 && t35::is_hdr10_plus(rest)
                }) =>
            {
                track.hdr = track.hdr.max(Some(Hdr::Hdr10Plus));
            }
            _ => {}
        }
        data = next;
    }
}

fn leb128(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, &byte) in data.iter().enumerate().take(8) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, data.get(index + 1..)?));
        }
    }
    None
}

/// Reads a sequence header (5.5).
fn read_sequence_header(track: &mut Track, payload: &[u8]) -> Option<()> {
    let bits = &mut Bits::new(payload);
    let profile = bits.get(3)? as u8;
    bits.skip(1)?;
    let reduced = bits.flag()?;
    let mut frame_rate = None;
    if reduced {
        bits.skip(5)?;
    } else {
        frame_rate = read_operating_points(bits)?;
    }
    let (width_bits, height_bits) = (bits.get(4)? + 1, bits.get(4)? + 1);
    let (width, height) = (bits.get(width_bits as usize)? + 1, bits.get(height_bits as usize)? + 1);
    if !reduced && bits.flag()? {
        bits.skip(7)?;
    }
    bits.skip(3)?;
    if !reduced {
        skip_tools(bits)?;
    }
    bits.skip(3)?;
    set::size(track, width, height);
    if let Some((numerator, denominator)) = frame_rate {
        set::frame_rate(track, numerator, denominator);
    }
    read_color_config(track, profile, bits)
}

/// Reads timing, decoder model and operating points. Returns the frame rate if it is
/// constant.
fn read_operating_points(bits: &mut Bits<'_>) -> Option<Option<(u64, u64)>> {
    let mut frame_rate = None;
    let mut delay_bits = None;
    if bits.flag()? {
        let (units, scale) = (bits.get(32)?, bits.get(32)?);
        if bits.flag()? {
            let ticks = u64::from(bits.ue()?) + 1;
            frame_rate = Some((u64::from(scale), u64::from(units) * ticks));
        }
        if bits.flag()? {
            delay_bits = Some(bits.get(5)? as usize + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let display_delay = bits.flag()?;
    for _ in 0..=bits.get(5)? {
        bits.skip(12)?;
        if bits.get(5)? > 7 {
            bits.skip(1)?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Some(frame_rate)
}

fn skip_tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(4)?;
    let order_hint = bits.flag()?;
    if order_hint {
        bits.skip(2)?;
    }
    let chosen_by_frame = bits.flag()?;
    if (chosen_by_frame || bits.flag()?) && !bits.flag()? {
        bits.skip(1)?;
    }
    if order_hint {
        bits.skip(3)?;
    }
    Some(())
}

/// Reads the colour configuration (5.5.2).
fn read_color_config(track: &mut Track, profile: u8, bits: &mut Bits<'_>) -> Option<()> {
    let high = bits.flag()?;
    let depth = match high {
        true if profile == 2 && bits.flag()? => 12,
        true => 10,
        false => 8,
    };
    let monochrome = profile != 1 && bits.flag()?;
    let mut colors = Colors::UNSPECIFIED;
    if bits.flag()? {
        let (primaries, transfer, matrix) = (bits.byte()?, bits.byte()?, bits.byte()?);
        colors = Colors { primaries, transfer, matrix };
    }
    set::colors(track, colors);
    let is_rgb = !monochrome && colors == Colors { primaries: 1, transfer: 13, matrix: 0 };
    if is_rgb {
        apply_format(track, profile, depth, false, false, false);
        set::pixel_format(track, "gbrp", depth);
        return Some(());
    }
    bits.skip(1)?;
    let (half_width, half_height) = match profile {
        0 => (true, true),
        1 => (false, false),
        _ if monochrome => (true, true),
        _ if depth < 12 => (true, false),
        _ => {
            let half_width = bits.flag()?;
            (half_width, half_width && bits.flag()?)
        }
    };
    apply_format(track, profile, depth, monochrome, half_width, half_height);
    Some(())
}

fn apply_format(
    track: &mut Track,
    profile: u8,
    depth: u32,
    monochrome: bool,
    half_width: bool,
    half_height: bool,
) {
    match profile {
        0 => set::profile(track, "Main"),
        1 => set::profile(track, "High"),
        2 => set::profile(track, "Professional"),
        other => set::profile(track, other.to_string()),
    }
    let layout = match (monochrome, half_width, half_height) {
        (true, ..) => "gray",
        (_, true, true) => "yuv420p",
        (_, true, false) => "yuv422p",
        (_, false, _) => "yuv444p",
    };
    set::pixel_format(track, layout, depth);
}
