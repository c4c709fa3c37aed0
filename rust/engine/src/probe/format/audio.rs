//! Frames of MPEG audio and of AAC in ADTS, which have no signature but their
//! headers: several must follow each other.

use super::Format;
use crate::probe::codec::audio::{aac, mpeg};

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

/// The frame whose header is at the beginning of `bytes`.
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

/// So many frames in a row are no accident, if they are where they say.
const LEAST_FRAMES: usize = 3;

/// Whether frames of one kind follow each other from the beginning of `bytes`
/// on: `LEAST_FRAMES`, or up to the very end.
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

/// The first frame of MPEG audio or AAC in `bytes` that others follow.
pub fn mpeg_audio_frames(bytes: &[u8]) -> Option<AudioFrame> {
    let starts = (0..bytes.len()).filter(|&at| bytes[at] == 0xff);
    starts.take(MOST_STARTS).find_map(|at| frames_in_a_row(&bytes[at..]))
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
