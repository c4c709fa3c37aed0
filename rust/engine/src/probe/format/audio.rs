//! Frames of MPEG audio and of AAC in ADTS, which have no signature but their
//! headers: several must follow each other.

use super::Format;

/// A frame of MPEG audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// 1, 2 or 3; 0 for AAC.
    pub layer: u8,
    /// In bytes; None with a bit rate that the header does not say.
    length: Option<usize>,
    /// What all frames of a file have in common.
    kind: [u8; 2],
}

/// The frame whose header is at the beginning of `bytes`: MPEG 1, 2, 2.5 layers
/// 1 to 3 (ISO/IEC 11172-3, 2.4.2.3), or AAC in ADTS (ISO/IEC 13818-7, 6.2).
fn audio_frame(bytes: &[u8]) -> Option<AudioFrame> {
    let [0xff, second, third, fourth, ..] = *bytes else { return None };
    if second & 0xf6 == 0xf0 {
        let rest = bytes.get(4..6)?;
        let length =
            usize::from(fourth & 3) << 11 | usize::from(rest[0]) << 3 | usize::from(rest[1] >> 5);
        let valid = length > 7 && third >> 2 & 0xf < 13;
        let kind = [second, third & 0xfc];
        return valid.then_some(AudioFrame { layer: 0, length: Some(length), kind });
    }
    let version = second >> 3 & 3;
    let layer = 4 - (second >> 1 & 3);
    let rate = usize::from(third >> 4);
    let sampling = usize::from(third >> 2 & 3);
    if second & 0xe0 != 0xe0 || version == 1 || layer == 4 || rate == 15 || sampling == 3 {
        return None;
    }
    // Emphasis 2 is reserved.
    if fourth & 3 == 2 {
        return None;
    }
    let kind = [second & 0xfe, third & 0x0c];
    if rate == 0 {
        return Some(AudioFrame { layer, length: None, kind });
    }
    let table = match (version == 3, layer) {
        (true, 1) => [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        (true, 2) => [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        (true, _) => [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        (false, 1) => [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        (false, _) => [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    };
    let bits = table.get(rate - 1)? * 1000;
    let hertz = [44_100, 48_000, 32_000][sampling]
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let padding = usize::from(third >> 1 & 1);
    let length = match (layer, version) {
        (1, _) => (12 * bits / hertz + padding) * 4,
        (3, 0 | 2) => 72 * bits / hertz + padding,
        _ => 144 * bits / hertz + padding,
    };
    Some(AudioFrame { layer, length: Some(length), kind })
}

/// So many frames in a row are no accident, if they are where they say.
const LEAST_FRAMES: usize = 3;

/// Whether frames of one kind follow each other from the beginning of `bytes`
/// on: `LEAST_FRAMES`, or up to the very end.
fn frames_in_a_row(bytes: &[u8]) -> Option<AudioFrame> {
    let first = audio_frame(bytes)?;
    let mut at = 0;
    for count in 0..LEAST_FRAMES {
        if at == bytes.len() || count >= 2 && at + 6 > bytes.len() {
            break;
        }
        let frame = audio_frame(bytes.get(at..)?).filter(|frame| frame.kind == first.kind)?;
        at += frame.length?;
    }
    Some(first)
}

/// The first frame of MPEG audio or AAC in `bytes` that others follow.
pub fn mpeg_audio_frames(bytes: &[u8]) -> Option<AudioFrame> {
    let starts = (0..bytes.len()).filter(|&at| bytes[at] == 0xff);
    starts.take(MOST_STARTS).find_map(|at| frames_in_a_row(&bytes[at..]))
}

/// How many frames of AAC follow each other from the first one on, and their bytes.
pub fn adts_frames(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = (0..bytes.len().min(MOST_STARTS))
        .find(|&at| frames_in_a_row(&bytes[at..]).is_some_and(|frame| frame.layer == 0))?;
    let (mut frames, mut at) = (0, start);
    while let Some(frame) = bytes.get(at..).and_then(audio_frame).filter(|one| one.layer == 0) {
        let Some(length) = frame.length.filter(|length| at + length <= bytes.len()) else { break };
        at += length;
        frames += 1;
    }
    (frames > 0).then_some((frames, at - start))
}

/// Places that are tried.
const MOST_STARTS: usize = 4096;

/// AAC from the first byte on.
pub fn is_adts(head: &[u8]) -> bool {
    frames_in_a_row(head).is_some_and(|frame| frame.layer == 0)
}

/// MPEG audio or AAC, also behind zeros, the end of a frame that was cut off, or some
/// tag; not at the end of what there is, where little is needed to look like it.
pub fn sound_in(head: &[u8]) -> Option<Format> {
    let starts = (0..head.len()).filter(|&at| head[at] == 0xff).take(MOST_STARTS);
    let room = |at: usize| head.len() - at >= LONGEST_FRAMES;
    let mut frames = starts.filter(|&at| at == 0 || room(at)).map(|at| &head[at..]);
    let frame = frames.find_map(frames_in_a_row)?;
    Some(if frame.layer == 0 { Format::Aac } else { Format::Mp3 })
}

/// `LEAST_FRAMES` of layer 2 at 384 kbit/s and 32 kHz.
const LONGEST_FRAMES: usize = LEAST_FRAMES * 1728 + 6;
