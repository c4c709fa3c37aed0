//! Frames of MPEG audio and of AAC in ADTS. Their headers are their only signature, so
//! several frames must follow each other.

use crate::probe::codec::audio::{aac, mpeg};

/// A frame of MPEG audio or AAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// 1, 2 or 3; 0 for AAC.
    pub layer: u8,
    /// In bytes; None if the header does not contain the bit rate.
    length: Option<usize>,
    /// The bits of the header that all frames of a file share.
    kind: [u8; 2],
}

/// Parses the frame header at the beginning of `bytes`.
fn audio_frame(bytes: &[u8]) -> Option<AudioFrame> {
    let [_, second, third, fourth, ..] = *bytes else { return None };
    if let Some(frame) = aac::adts(bytes) {
        let length = Some(frame.frame_length).filter(|&length| length > 7)?;
        return Some(AudioFrame { layer: 0, length: Some(length), kind: [second, third & 0xfc] });
    }
    // Emphasis 2 is reserved.
    let header = mpeg::header(bytes).filter(|_| fourth & 3 != 2)?;
    let kind = [second & 0xfe, third & 0x0c];
    Some(AudioFrame { layer: header.layer, length: header.frame_length, kind })
}

/// This many consecutive frames are not a coincidence.
const LEAST_FRAMES: usize = 3;

/// The first frame, if frames of one kind follow each other from the beginning of `bytes`:
/// `LEAST_FRAMES` of them, or up to the end.
fn frames_in_a_row(bytes: &[u8]) -> Option<AudioFrame> {
    let first = audio_frame(bytes)?;
    let mut at = 0;
    for count in 0..LEAST_FRAMES {
        if at == bytes.len() || count >= 2 && at + 7 > bytes.len() {
            break;
        }
        let frame = audio_frame(bytes.get(at..)?).filter(|frame| frame.kind == first.kind)?;
        at += frame.length?;
    }
    Some(first)
}

/// The first frame of MPEG audio or AAC in `bytes` that other frames follow.
pub fn mpeg_audio_frames(bytes: &[u8]) -> Option<AudioFrame> {
    let starts = (0..bytes.len()).filter(|&at| bytes[at] == 0xff);
    starts.take(MOST_STARTS).find_map(|at| frames_in_a_row(&bytes[at..]))
}

/// The most positions that are tried.
const MOST_STARTS: usize = 4096;

/// Whether it is AAC from the first byte on.
pub fn is_adts(head: &[u8]) -> bool {
    frames_in_a_row(head).is_some_and(|frame| frame.layer == 0)
}

/// Finds MPEG audio or AAC, also after zeros, the end of a frame that was cut off, or some
/// tag. The last bytes are not searched, because a short piece of data easily looks like a
/// frame.
pub fn sound_in(head: &[u8]) -> Option<AudioFrame> {
    let starts = (0..head.len()).filter(|&at| head[at] == 0xff).take(MOST_STARTS);
    let room = |at: usize| head.len() - at >= LONGEST_FRAMES;
    let mut frames = starts.filter(|&at| at == 0 || room(at)).map(|at| &head[at..]);
    frames.find_map(frames_in_a_row)
}

/// The length of `LEAST_FRAMES` frames of layer 2 at 384 kbit/s and 32 kHz.
const LONGEST_FRAMES: usize = LEAST_FRAMES * 1728 + 6;
