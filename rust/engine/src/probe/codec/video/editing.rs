//! Codecs for editing: ProRes (SMPTE RDD 36), DNxHD and DNxHR (SMPTE ST 2019-1), DV.
//!
//! For ProRes, `ffprobe` uses the frame's size and colours, and derives profile and depth
//! from the code in the container. For DNxHD, it uses the container's colours.

use super::set::{self, Colors};
use crate::probe::model::Track;

/// The profile that belongs to the four-character code of the codec in containers.
pub fn prores_profile(code: &[u8]) -> Option<&'static str> {
    Some(match code {
        b"apco" => "Proxy",
        b"apcs" => "LT",
        b"apcn" => "Standard",
        b"apch" => "HQ",
        b"ap4h" => "4444",
        b"ap4x" => "XQ",
        _ => return None,
    })
}

/// Reads Matroska's configuration, which is the four-character code. The container may have
/// set the profile to it.
pub fn read_prores_config(track: &mut Track, config: &[u8]) {
    let code = track.profile.as_ref().map(|code| code.as_bytes());
    if let Some(name) = code.and_then(prores_profile).or_else(|| prores_profile(config.get(..4)?)) {
        set::profile(track, name);
    }
}

/// Reads a ProRes frame.
pub fn read_prores(track: &mut Track, data: &[u8]) {
    read_prores_config(track, &[]);
    // Matroska omits the frame's size and its identifier.
    let start = if data.get(4..8) == Some(b"icpf") { 8 } else { 0 };
    let Some(header) = data.get(start..start + 18) else { return };
    let &[s0, s1, v0, v1, _, _, _, _, w0, w1, h0, h1, flags, _, primaries, transfer, matrix, alpha] =
        header
    else {
        return;
    };
    let (length, version) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([v0, v1]));
    if length < 18 || version > 1 {
        return;
    }
    set::size(
        track,
        u32::from(u16::from_be_bytes([w0, w1])),
        u32::from(u16::from_be_bytes([h0, h1])),
    );
    set::colors(track, Colors { primaries, transfer, matrix });
    let depth = if matches!(track.profile.as_deref(), Some("4444" | "XQ")) { 12 } else { 10 };
    let layout = match (flags >> 6 == 3, alpha & 15 != 0) {
        (true, true) => "yuva444p",
        (true, false) => "yuv444p",
        (false, true) => "yuva422p",
        (false, false) => "yuv422p",
    };
    set::pixel_format(track, layout, depth);
}

/// Reads a DNxHD or DNxHR frame.
pub fn read_dnxhd(track: &mut Track, data: &[u8]) {
    let Some(header) = data.get(..0x2d).filter(|header| header.starts_with(&[0, 0])) else {
        return;
    };
    let (depth, flags) = (header[0x21] >> 5, header[0x2c]);
    let profile = match u32::from_be_bytes([header[0x28], header[0x29], header[0x2a], header[0x2b]])
    {
        1270 => "DNXHR 444",
        1271 => "DNXHR HQX",
        1272 => "DNXHR HQ",
        1273 => "DNXHR SQ",
        1274 => "DNXHR LB",
        1235..=1260 => "DNXHD",
        _ => return,
    };
    set::profile(track, profile);
    let number = |at: usize| u32::from(u16::from_be_bytes([header[at], header[at + 1]]));
    let is_field = header[5] & 2 != 0;
    set::size(track, number(0x1a), number(0x18) << u32::from(is_field));
    let depth = match depth {
        1 => 8,
        2 => 10,
        3 => 12,
        _ => return,
    };
    let layout = match (flags >> 6 & 1, flags & 1) {
        (0, _) => "yuv422p",
        (_, 0) => "gbrp",
        (_, _) => "yuv444p",
    };
    set::pixel_format(track, layout, depth);
    if track.color_space.is_none() {
        track.color_space = Some("bt709".into());
    }
}

/// Reads a DV frame: the sampling in its header and in its first video pack.
pub fn read_dv(track: &mut Track, data: &[u8]) {
    let (Some(header), Some(&pack)) = (data.first_chunk::<5>(), data.get(5 * 80 + 48 + 3)) else {
        return;
    };
    if header[0] >> 5 != 0 {
        return;
    }
    let is_625_lines = header[3] & 0x80 != 0;
    let is_dvcpro = header[4] & 7 != 0;
    let layout = match (is_625_lines, pack & 0x1f) {
        (true, 0) if !is_dvcpro => "yuv420p",
        (_, 0) => "yuv411p",
        (_, 4 | 0x14 | 0x18) => "yuv422p",
        _ => return,
    };
    set::pixel_format(track, layout, 8);
}
