//! VP8 (RFC 6386, 9.1) and VP9 (VP9 Bitstream Specification, 6.2): the headers of key frames,
//! and the configuration of VP9 in containers.
//!
//! From VP9's frames `ffprobe` takes size, format and matrix; primaries and transfer are the
//! container's. From VP8's frames it takes the size only if the container has none.

use super::set;
use crate::probe::codec::bits::Bits;
use crate::probe::codec::color;
use crate::probe::model::{Name, Track};

/// Reads a VP8 key frame.
pub fn read_vp8(track: &mut Track, data: &[u8]) {
    let Some((&[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1], _)) = data.split_first_chunk() else {
        return;
    };
    if tag & 1 == 0 {
        set::profile(track, (tag >> 1 & 7).to_string());
        let size = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
        set::size_if_unknown(track, size(w0, w1), size(h0, h1));
    }
}

/// Reads a `vpcC` box (with or without version and flags), or Matroska's configuration:
/// elements of an id, a length of 1 and a value. Only the profile is taken from the latter,
/// because it does not contain the matrix: a frame contains that and the rest.
pub fn read_vp9_config(track: &mut Track, config: &[u8]) {
    let record = config.strip_prefix(&[1, 0, 0, 0]).or((config.len() == 8).then_some(config));
    let Some(&[profile, _level, format, primaries, transfer, matrix, ..]) = record else {
        let profile =
            config.chunks_exact(3).find_map(|element| element.strip_prefix(&[1, 1])?.first());
        return apply_vp9_profile(track, profile.copied().unwrap_or(u8::MAX));
    };
    let name = |known: Option<&'static str>| known.map(Name::Borrowed);
    track.color_primaries =
        name(color::color_primaries(primaries)).or(track.color_primaries.take());
    track.color_transfer = name(color::color_transfer(transfer)).or(track.color_transfer.take());
    track.color_space = name(color::color_space(matrix)).or(track.color_space.take());
    apply_vp9_profile(track, profile);
    let layout = match format >> 1 & 7 {
        0 | 1 => "yuv420p",
        2 => "yuv422p",
        3 if track.color_space.as_deref() == Some("gbr") => "gbrp",
        3 => "yuv444p",
        4 => "yuv440p",
        _ => return,
    };
    if let depth @ (8 | 10 | 12) = format >> 4 {
        set::pixel_format(track, layout, u32::from(depth));
    }
}

fn apply_vp9_profile(track: &mut Track, profile: u8) {
    if profile <= 3 {
        set::profile(track, format!("Profile {profile}"));
    }
}

/// Reads a VP9 frame.
pub fn read_vp9(track: &mut Track, data: &[u8]) {
    let _understood = read_vp9_header(track, data);
}

fn read_vp9_header(track: &mut Track, data: &[u8]) -> Option<()> {
    let bits = &mut Bits::new(data);
    if bits.get(2)? != 2 {
        return None;
    }
    let profile = bits.get(1)? | bits.get(1)? << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (repeats, inter) = (bits.flag()?, bits.flag()?);
    if repeats || inter {
        return None;
    }
    bits.skip(2)?;
    if bits.get(24)? != 0x49_8342 {
        return None;
    }
    let depth = match profile {
        2 | 3 if bits.flag()? => 12,
        2 | 3 => 10,
        _ => 8,
    };
    let matrix = bits.get(3)?;
    let is_rgb = matrix == 7;
    let (mut half_width, mut half_height) = (!is_rgb, !is_rgb);
    if !is_rgb {
        bits.skip(1)?;
    }
    if matches!(profile, 1 | 3) {
        if !is_rgb {
            (half_width, half_height) = (bits.flag()?, bits.flag()?);
        }
        bits.skip(1)?;
    }
    let (width, height) = (bits.get(16)? + 1, bits.get(16)? + 1);
    set::profile(track, format!("Profile {profile}"));
    set::size(track, width, height);
    track.color_space = match matrix {
        1 => Some("bt470bg"),
        2 => Some("bt709"),
        3 => Some("smpte170m"),
        4 => Some("smpte240m"),
        5 => Some("bt2020nc"),
        6 => Some("reserved"),
        7 => Some("gbr"),
        _ => None,
    }
    .map(Name::Borrowed);
    let layout = match (half_width, half_height) {
        _ if is_rgb => "gbrp",
        (true, true) => "yuv420p",
        (true, false) => "yuv422p",
        (false, true) => "yuv440p",
        (false, false) => "yuv444p",
    };
    set::pixel_format(track, layout, depth);
    Some(())
}
