//! Streams without a container that begin with their first byte: frames of AC-3, E-AC-3 and DTS
//! that follow each other, and units of H.264 and H.265 with parameter sets.

use super::list::Format;
use crate::probe::codec::audio::{ac3, dts};
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Track, TrackType};

/// This many consecutive frames are not a coincidence.
const LEAST_FRAMES: usize = 3;

/// The format of a stream with this beginning. `bytes` is the whole file or at least 64 KiB.
pub fn find(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0x0b, 0x77, ..] => {
            follow_each_other(bytes, |rest| ac3::header(rest).map(|frame| frame.length))
                .then_some(Format::Ac3)
        }
        [0x7f, 0xfe, ..] | [0xfe, 0x7f, ..] | [0x1f, 0xff, ..] | [0xff, 0x1f, ..] => {
            follow_each_other(bytes, |rest| dts::header(rest).map(|frame| frame.length))
                .then_some(Format::Dts)
        }
        [0, 0, 1, unit @ ..] | [0, 0, 0, 1, unit @ ..] => {
            let (format, codec) = by_first_unit(unit)?;
            has_parameter_sets(codec, bytes).then_some(format)
        }
        _ => None,
    }
}

/// Whether `bytes` consists of frames, whose lengths `length` returns: the first few, or all up
/// to the end, of which the last may be cut off.
fn follow_each_other(bytes: &[u8], length: impl Fn(&[u8]) -> Option<usize>) -> bool {
    let mut at = 0;
    for count in 0..LEAST_FRAMES {
        match bytes.get(at..) {
            Some([]) => return count > 0,
            // The last frame is cut off.
            None => return count > 1,
            Some(rest) => match length(rest) {
                Some(length) => at += length.max(1),
                None => return count > 1 && rest.len() < 16,
            },
        }
    }
    true
}

/// The codec whose streams may begin with this unit: an access unit delimiter, a parameter set
/// or supplemental information.
fn by_first_unit(unit: &[u8]) -> Option<(Format, &'static str)> {
    match unit {
        [0x40 | 0x42 | 0x46 | 0x4e, 0x01, ..] => Some((Format::H265, "hevc")),
        [0x09 | 0x06 | 0x27 | 0x47 | 0x67, ..] => Some((Format::H264, "h264")),
        _ => None,
    }
}

/// Whether valid parameter sets are at the beginning of a stream.
fn has_parameter_sets(codec: &'static str, bytes: &[u8]) -> bool {
    let mut track = Track::new(0, TrackType::Video);
    track.codec = Some(codec.into());
    codec::read_packet(&mut track, bytes, Framing::StartCodes);
    track.width.is_some()
}
