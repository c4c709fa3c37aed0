//! Codecs whose pixel format follows from one or two bytes, or is always the same.

use super::set;
use crate::probe::model::Track;

/// The pixel format that `ffprobe` reports for every track of a codec, and its bits per
/// component.
pub fn fixed_format(codec: &str) -> Option<(&'static str, u32)> {
    Some(match codec {
        "vp8" | "vp6f" | "h261" | "h263" | "h263p" | "h263i" | "flv1" | "msmpeg4v1"
        | "msmpeg4v2" | "msmpeg4v3" | "wmv1" | "wmv2" | "wmv3" | "rv10" | "rv20" | "rv30"
        | "rv40" | "vp3" | "vp5" | "vp6" | "asv1" | "asv2" | "snow" | "mimic" | "4xm" => {
            ("yuv420p", 8)
        }
        "vp6a" => ("yuva420p", 8),
        "svq1" | "indeo2" | "indeo3" | "indeo5" => ("yuv410p", 8),
        "svq3" => ("yuvj420p", 8),
        "v210" | "cfhd" => ("yuv422p10le", 10),
        "gif" => ("bgra", 8),
        "cinepak" => ("rgb24", 8),
        "msvideo1" => ("rgb555le", 5),
        _ => return None,
    })
}

/// The bits per component of a pixel format, derived from its name.
pub fn depth_of_format(name: &str) -> Option<u32> {
    const EIGHT_BITS: [&str; 16] = [
        "yuv", "gbrp", "gbrap", "gray", "ya8", "pal8", "nv12", "nv16", "nv21", "uyvy", "yvyu",
        "rgb24", "bgr24", "rgba", "bgra", "bgr0",
    ];
    let endless = name.strip_suffix("le").or(name.strip_suffix("be"));
    let Some(endless) = endless else {
        return EIGHT_BITS.iter().any(|begin| name.starts_with(begin)).then_some(8);
    };
    let letters = endless.trim_end_matches(|c: char| c.is_ascii_digit());
    match endless.get(letters.len()..)? {
        "48" | "64" if letters.starts_with(['r', 'b']) => Some(16),
        "555" | "565" | "444" => Some(5),
        digits => digits.parse().ok().filter(|depth| (9..=32).contains(depth)),
    }
}

/// `utvideo`: its FourCC consists of `U`, the family, and the sampling of the pixels.
pub fn read_utvideo(track: &mut Track, fourcc: &[u8]) {
    let &[b'U', family @ (b'L' | b'M' | b'Q'), kind @ (b'Y' | b'H' | b'R'), last] = fourcc else {
        return;
    };
    let layout = match (kind, last) {
        (b'R', b'G') => "gbrp",
        (b'R', b'A') => "gbrap",
        (b'Y' | b'H', b'0') => "yuv420p",
        (b'Y' | b'H', b'2') => "yuv422p",
        (b'Y' | b'H', b'4') => "yuv444p",
        _ => return,
    };
    set::pixel_format(track, layout, if family == b'Q' { 10 } else { 8 });
    track.color_space = match (family, kind) {
        (b'L' | b'M', b'Y') => Some("bt470bg".into()),
        (b'L' | b'M', b'H') => Some("bt709".into()),
        _ => track.color_space.take(),
    };
}

/// `huffyuv` and `ffvhuff`: the bits per pixel or, since version 3, the sampling.
pub fn read_huffyuv_config(track: &mut Track, config: &[u8]) {
    let Some(&[_, format, flags, version]) = config.first_chunk() else { return };
    if version == 0 {
        let layout = match format & !7 | format & 4 {
            12 => "yuv420p",
            16 => "yuv422p",
            24 => "bgr0",
            32 => "bgra",
            _ => return,
        };
        return set::pixel_format(track, layout, 8);
    }
    let depth = u32::from(format >> 4) + 1;
    let (is_yuv, has_chroma, alpha) = (flags & 1 != 0, flags & 3 != 0, flags & 4 != 0);
    let layout = match (format & 3, format >> 2 & 3) {
        _ if !has_chroma && !alpha => "gray",
        _ if !is_yuv => {
            if alpha {
                "gbrap"
            } else {
                "gbrp"
            }
        }
        (0, 0) => {
            if alpha {
                "yuva444p"
            } else {
                "yuv444p"
            }
        }
        (1, 0) => {
            if alpha {
                "yuva422p"
            } else {
                "yuv422p"
            }
        }
        (1, 1) => {
            if alpha {
                "yuva420p"
            } else {
                "yuv420p"
            }
        }
        (0, 1) => "yuv440p",
        (2, 0) => "yuv411p",
        (2, 2) => "yuv410p",
        _ => return,
    };
    set::pixel_format(track, layout, depth);
}

/// Reads the `IHDR` of a PNG picture.
pub fn read_png(track: &mut Track, data: &[u8]) {
    let Some(header) = data.strip_prefix(b"\x89PNG\r\n\x1a\n").and_then(|chunk| chunk.get(4..18))
    else {
        return;
    };
    let &[b'I', b'H', b'D', b'R', w0, w1, w2, w3, h0, h1, h2, h3, depth, kind] = header else {
        return;
    };
    set::size(track, u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
    let name = match (kind, depth) {
        (0, 1) => "monob",
        (0, 2 | 4 | 8) => "gray",
        (0, 16) => "gray16be",
        (2, 8) => "rgb24",
        (2, 16) => "rgb48be",
        (3, 1 | 2 | 4 | 8) => "pal8",
        (4, 8) => "ya8",
        (4, 16) => "ya16be",
        (6, 8) => "rgba",
        (6, 16) => "rgba64be",
        _ => return,
    };
    track.pixel_format = Some(name.into());
    track.bit_depth = Some(if depth == 16 {
        16
    } else if name == "monob" {
        1
    } else {
        8
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    #[test]
    fn names_of_pixel_formats_determine_their_depth() {
        let depths = [
            ("yuv420p", Some(8)),
            ("yuvj444p", Some(8)),
            ("yuv422p10le", Some(10)),
            ("gbrp12be", Some(12)),
            ("gray16be", Some(16)),
            ("rgb48be", Some(16)),
            ("bgra", Some(8)),
            ("rgb555le", Some(5)),
            ("p010le", Some(10)),
            ("nonsense", None),
            ("le", None),
            ("", None),
        ];
        for (name, depth) in depths {
            assert_eq!(depth_of_format(name), depth, "{name}");
        }
    }

    #[test]
    fn ut_video_is_described_by_its_fourcc() {
        for (fourcc, format, space) in [
            (b"ULRG", "gbrp", None),
            (b"ULRA", "gbrap", None),
            (b"ULY0", "yuv420p", Some("bt470bg")),
            (b"ULH2", "yuv422p", Some("bt709")),
            (b"UQY2", "yuv422p10le", None),
        ] {
            let mut track = Track::new(0, TrackType::Video);
            read_utvideo(&mut track, fourcc);
            let found = (track.pixel_format.as_deref(), track.color_space.as_deref());
            assert_eq!(found, (Some(format), space));
        }
    }
}
