//! Motion JPEG (ITU-T T.81): the frame header of the first picture.
//!
//! `ffprobe` reports `bt470bg` as its matrix, and full range unless a comment says that the
//! levels are those of ITU-R BT.601. Primaries and transfer are the container's.

use super::set;
use crate::probe::model::Track;

/// Reads a picture from its beginning.
pub fn read_packet(track: &mut Track, data: &[u8]) {
    let _understood = read_picture(track, data);
}

fn read_picture(track: &mut Track, data: &[u8]) -> Option<()> {
    let mut rest = data.strip_prefix(&[0xff, 0xd8])?;
    let (mut limited_range, mut adobe_rgb) = (false, false);
    loop {
        let at =
            rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))?;
        let marker = *rest.get(at + 1)?;
        rest = rest.get(at + 2..)?;
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            continue;
        }
        let (length, behind) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
        let (segment, next) = behind.split_at(length.min(behind.len()));
        match marker {
            // Frame headers. The codes between them are tables (c4, cc) and an extension (c8).
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xf7 => {
                return read_frame_header(track, marker, segment, limited_range, adobe_rgb);
            }
            0xee if segment.starts_with(b"Adobe") => adobe_rgb = segment.get(11) == Some(&0),
            0xfe if segment.starts_with(b"CS=ITU601") => limited_range = true,
            0xd9 | 0xda => return None,
            _ => {}
        }
        rest = next;
    }
}

fn read_frame_header(
    track: &mut Track,
    marker: u8,
    header: &[u8],
    limited: bool,
    adobe_rgb: bool,
) -> Option<()> {
    let (&[depth, h0, h1, w0, w1, count], components) = header.split_first_chunk()?;
    let (width, mut height) =
        (u32::from(u16::from_be_bytes([w0, w1])), u32::from(u16::from_be_bytes([h0, h1])));
    // Two fields, each of which is a picture, make one frame with the container's height.
    if track.height.is_some_and(|whole| height < whole / 4 * 3) {
        height *= 2;
    }
    set::size(track, width, height);
    match marker {
        0xc0 => set::profile(track, "Baseline"),
        0xc1 => set::profile(track, "Sequential"),
        0xc2 => set::profile(track, "Progressive"),
        0xc3 => set::profile(track, "Lossless"),
        0xf7 => set::profile(track, "JPEG-LS"),
        _ => {}
    }
    track.color_space = Some("bt470bg".into());
    let component = |index: usize| {
        let from = index * 3;
        let component = components.get(from..from + 3)?;
        Some((component[0], component[1] >> 4, component[1] & 15))
    };
    if depth != 8 {
        return None;
    }
    let layout = match count {
        1 => "gray",
        3 => {
            let ((red, h0, v0), (green, h1, v1), (blue, ..)) =
                (component(0)?, component(1)?, component(2)?);
            let ratio = |luma: u8, chroma: u8| luma.checked_div(chroma).unwrap_or(0);
            match (ratio(h0, h1), ratio(v0, v1)) {
                (1, 1) if adobe_rgb || [red, green, blue] == *b"RGB" => "gbrp",
                (1, 1) if limited => "yuv444p",
                (1, 1) => "yuvj444p",
                (1, 2) if limited => "yuv440p",
                (1, 2) => "yuvj440p",
                (2, 1) if limited => "yuv422p",
                (2, 1) => "yuvj422p",
                (4, 1) if limited => "yuv411p",
                (4, 1) => "yuvj411p",
                (2, 2) if limited => "yuv420p",
                (2, 2) => "yuvj420p",
                _ => return None,
            }
        }
        _ => return None,
    };
    set::pixel_format(track, layout, 8);
    Some(())
}
