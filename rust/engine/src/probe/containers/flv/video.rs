//! Video in Flash video: its codec, and the size of the picture for codecs whose frames alone
//! contain it.

use crate::probe::codec::{self, Framing};
use crate::probe::model::Track;

/// The content of a tag.
pub enum Unit {
    /// A configuration, with the framing of the packets that follow.
    Config(Framing),
    Frame,
}

/// Reads a video tag that is not empty.
pub fn read(track: &mut Track, is_new: bool, framing: Framing, data: &[u8]) -> Unit {
    let Some((&flags, rest)) = data.split_first() else { return Unit::Frame };
    if flags & 0x80 != 0 {
        return enhanced(track, framing, flags & 0xf, rest);
    }
    let codec = match flags & 0xf {
        2 => "flv1",
        3 => "flashsv",
        4 => "vp6f",
        5 => "vp6a",
        6 => "flashsv2",
        7 => "h264",
        // This is not in the standard, but in use.
        12 => "hevc",
        _ => return Unit::Frame,
    };
    if is_new {
        track.codec = Some(codec.into());
    }
    match codec {
        "h264" | "hevc" => match rest.split_at_checked(4) {
            Some(([0, ..], config)) => Unit::Config(codec::read_config(track, config)),
            Some(([1, ..], frame)) => frame_of(track, frame, framing),
            _ => Unit::Frame,
        },
        _ => {
            if track.width.is_none() {
                let (size, format) = match codec {
                    "flv1" => (sorenson_size(rest), "yuv420p"),
                    "vp6f" => (vp6_size(rest, 0), "yuv420p"),
                    "vp6a" => (vp6_size(rest, 3), "yuva420p"),
                    _ => (screen_size(rest), "bgr24"),
                };
                track.pixel_format = Some(format.into());
                track.width = size.map(|(width, _)| width);
                track.height = size.map(|(_, height)| height);
            }
            Unit::Frame
        }
    }
}

fn frame_of(track: &mut Track, frame: &[u8], framing: Framing) -> Unit {
    if codec::wants_packet(track) {
        codec::read_packet(track, frame, framing);
    }
    Unit::Frame
}

/// Reads the tag of Enhanced RTMP: a code of four characters.
fn enhanced(track: &mut Track, framing: Framing, packet_type: u8, data: &[u8]) -> Unit {
    let Some((code, rest)) = data.split_at_checked(4) else { return Unit::Frame };
    let codec = match code {
        b"avc1" => "h264",
        b"hvc1" => "hevc",
        b"vvc1" => "vvc",
        b"av01" => "av1",
        b"vp08" => "vp8",
        b"vp09" => "vp9",
        _ => return Unit::Frame,
    };
    track.codec = Some(codec.into());
    match packet_type {
        0 => Unit::Config(codec::read_config(track, rest)),
        // A composition time comes first, because frames are not in order.
        1 if matches!(codec, "h264" | "hevc" | "vvc") => {
            frame_of(track, rest.get(3..).unwrap_or_default(), framing)
        }
        1 | 3 => frame_of(track, rest, framing),
        _ => Unit::Frame,
    }
}

type Size = Option<(u32, u32)>;

/// Sorenson's H.263: after 17 bits of start code, 5 of version and 8 of time.
fn sorenson_size(data: &[u8]) -> Size {
    let bits = data.get(..9)?.iter().fold(0_u128, |bits, &byte| bits << 8 | u128::from(byte));
    let field = |at: u32, length: u32| (bits >> (72 - at - length) & ((1 << length) - 1)) as u32;
    if field(0, 17) != 1 {
        return None;
    }
    match field(30, 3) {
        0 => Some((field(33, 8), field(41, 8))),
        1 => Some((field(33, 16), field(49, 16))),
        2 => Some((352, 288)),
        3 => Some((176, 144)),
        4 => Some((128, 96)),
        5 => Some((320, 240)),
        6 => Some((160, 120)),
        _ => None,
    }
}

/// Screen video: twice four bits of block size and twelve bits of picture size.
fn screen_size(data: &[u8]) -> Size {
    let [a, b, c, d, ..] = *data else { return None };
    let pixels = |high: u8, low: u8| u32::from(u16::from_be_bytes([high & 0xf, low]));
    Some((pixels(a, b), pixels(c, d)))
}

/// VP6: the size in macroblocks, minus the crop in the byte before. `skip` bytes describe the
/// place of the alpha channel.
fn vp6_size(data: &[u8], skip: usize) -> Size {
    let (&crop, rest) = data.split_first()?;
    let frame = rest.get(skip..)?;
    let [first, second, ..] = *frame else { return None };
    // Only key frames contain it.
    if first & 0x80 != 0 {
        return None;
    }
    let has_offset = first & 1 != 0 || second & 6 == 0;
    let [rows, columns, ..] = *frame.get(if has_offset { 4 } else { 2 }..)? else { return None };
    let width = (u32::from(columns) * 16).checked_sub(u32::from(crop >> 4))?;
    let height = (u32::from(rows) * 16).checked_sub(u32::from(crop & 0xf))?;
    Some((width, height))
}
