//! MPEG-4 part 2 (ISO/IEC 14496-2): the visual object sequence and the video object layer.
//! Also H.263 (5.1), and Sorenson's variant of it in FLV.
//!
//! `ffprobe` takes the size from any of the headers, but the profile only from a sequence
//! header.

use super::nal;
use super::set::{self, Colors};
use crate::probe::codec::bits::Bits;
use crate::probe::model::Track;

const SEQUENCE: u8 = 0xb0;
const VISUAL_OBJECT: u8 = 0xb5;

/// Reads a configuration or packets of MPEG-4.
pub fn read(track: &mut Track, data: &[u8]) {
    for unit in nal::start_code_units(data) {
        match unit.split_first() {
            Some((&SEQUENCE, &[level, ..])) => set::profile(track, profile_name(level >> 4)),
            Some((&VISUAL_OBJECT, payload)) => {
                if let Some(colors) = read_object(payload) {
                    set::colors(track, colors);
                }
            }
            Some((0x20..=0x2f, payload)) => {
                let _understood = read_layer(track, payload);
            }
            _ => {}
        }
    }
}

fn profile_name(profile: u8) -> &'static str {
    match profile {
        0 => "Simple Profile",
        1 => "Simple Scalable Profile",
        2 => "Core Profile",
        3 => "Main Profile",
        4 => "N-bit Profile",
        5 => "Scalable Texture Profile",
        6 => "Simple Face Animation Profile",
        7 => "Basic Animated Texture Profile",
        8 => "Hybrid Profile",
        9 => "Advanced Real Time Simple Profile",
        10 => "Core Scalable Profile",
        11 => "Advanced Coding Profile",
        12 => "Advanced Core Profile",
        13 => "Advanced Scalable Texture Profile",
        14 => "Simple Studio Profile",
        _ => "Advanced Simple Profile",
    }
}

/// The colours in the header of a visual object (6.2.2), if it describes them.
fn read_object(payload: &[u8]) -> Option<Colors> {
    let bits = &mut Bits::new(payload);
    if bits.flag()? {
        bits.skip(4 + 3)?;
    }
    // Video or still texture.
    if !matches!(bits.get(4)?, 1 | 2) || !bits.flag()? {
        return None;
    }
    bits.skip(3 + 1)?;
    let has_colors = bits.flag()?;
    let mut code = || bits.byte();
    let (primaries, transfer, matrix) = (code()?, code()?, code()?);
    has_colors.then_some(Colors { primaries, transfer, matrix })
}

/// Reads a rectangular layer (6.2.3).
fn read_layer(track: &mut Track, payload: &[u8]) -> Option<()> {
    let bits = &mut Bits::new(payload);
    bits.skip(1 + 8)?;
    if bits.flag()? {
        bits.skip(4 + 3)?;
    }
    if bits.get(4)? == 15 {
        bits.skip(16)?;
    }
    if bits.flag()? {
        bits.skip(2 + 1)?;
        if bits.flag()? {
            bits.skip(79)?;
        }
    }
    let shape = bits.get(2)?;
    bits.skip(1)?;
    let ticks = bits.get(16)?;
    bits.skip(1)?;
    let mut frame_rate = None;
    if bits.flag()? {
        let width = (u32::BITS - ticks.saturating_sub(1).leading_zeros()).max(1);
        frame_rate = Some((ticks, bits.get(width as usize)?));
    }
    if shape != 0 {
        return None;
    }
    bits.skip(1)?;
    let width = bits.get(13)?;
    bits.skip(1)?;
    let height = bits.get(13)?;
    set::size(track, width, height);
    set::pixel_format(track, "yuv420p", 8);
    if let Some((ticks, duration)) = frame_rate {
        set::frame_rate(track, u64::from(ticks), u64::from(duration));
    }
    Some(())
}

/// Reads the header of an H.263 picture: its size, if it is a standard one.
pub fn read_h263(track: &mut Track, data: &[u8]) {
    let bits = &mut Bits::new(data);
    if bits.get(22) == Some(0x20) && bits.skip(8 + 5).is_some() {
        let (width, height) = match bits.get(3) {
            Some(1) => (128, 96),
            Some(2) => (176, 144),
            Some(3) => (352, 288),
            Some(4) => (704, 576),
            Some(5) => (1408, 1152),
            _ => return,
        };
        set::size(track, width, height);
    }
}

/// Reads the header of a picture of FLV's codec 2.
pub fn read_sorenson(track: &mut Track, data: &[u8]) {
    let _understood = read_sorenson_size(track, data);
}

fn read_sorenson_size(track: &mut Track, data: &[u8]) -> Option<()> {
    let bits = &mut Bits::new(data);
    if bits.get(17)? != 1 {
        return None;
    }
    bits.skip(5 + 8)?;
    let (width, height) = match bits.get(3)? {
        0 => (bits.get(8)?, bits.get(8)?),
        1 => (bits.get(16)?, bits.get(16)?),
        2 => (352, 288),
        3 => (176, 144),
        4 => (128, 96),
        5 => (320, 240),
        6 => (160, 120),
        _ => return None,
    };
    set::size(track, width, height);
    Some(())
}
