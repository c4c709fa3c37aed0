//! The bit rate of sound whose frames have different sizes: the average of all frames that were
//! read, at the beginning and at the end of a file.

use crate::probe::codec::audio::{aac, mpeg};

/// A sum of frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampledRate {
    bytes: u64,
    samples: u64,
    sample_rate: u32,
    first: Option<u64>,
    varies: bool,
}

/// A frame's bytes, samples per channel, and sampling rate; and its bit rate, or what else is
/// equal in all frames of a constant bit rate.
struct Frame {
    bytes: usize,
    samples: u32,
    sample_rate: u32,
    rate: u64,
}

impl SampledRate {
    /// Adds the frames of AAC or MPEG audio in `data`, from the first that another one follows.
    pub fn add(&mut self, codec: &str, data: &[u8]) {
        let parse = match codec {
            "aac" => aac_frame,
            "mp1" | "mp2" | "mp3" => mpeg_frame,
            _ => return,
        };
        let follows = |at: usize| {
            let next =
                data.get(at..).and_then(parse).and_then(|frame| data.get(at + frame.bytes..));
            next.and_then(parse).is_some()
        };
        let Some(mut at) = (0..data.len().min(FARTHEST)).find(|&at| follows(at)) else { return };
        while let Some(frame) = data.get(at..).and_then(parse) {
            at += frame.bytes;
            if at > data.len() {
                break;
            }
            self.bytes += frame.bytes as u64;
            self.samples += u64::from(frame.samples);
            self.sample_rate = frame.sample_rate;
            self.varies |= *self.first.get_or_insert(frame.rate) != frame.rate;
        }
    }

    /// The average; None if the bit rate does not vary, or there are no frames.
    pub fn bit_rate(&self) -> Option<u64> {
        let bits = self.bytes.checked_mul(8 * u64::from(self.sample_rate))?;
        bits.checked_div(self.samples).filter(|_| self.varies)
    }
}

/// How far the first frame is searched for: no frame is longer.
const FARTHEST: usize = 8192;

fn aac_frame(bytes: &[u8]) -> Option<Frame> {
    let frame = aac::adts(bytes)?;
    let (bytes, samples) = (frame.frame_length, frame.blocks * 1024);
    Some(Frame { bytes, samples, sample_rate: frame.sample_rate, rate: bytes as u64 })
}

fn mpeg_frame(bytes: &[u8]) -> Option<Frame> {
    let frame = mpeg::header(bytes)?;
    Some(Frame {
        bytes: frame.frame_length.filter(|&length| length > 4)?,
        samples: frame.samples,
        sample_rate: frame.sample_rate,
        rate: frame.bit_rate?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layer 3, 48 kHz.
    fn frame(kilobits: usize) -> Vec<u8> {
        let index = if kilobits == 32 { 1 } else { 14 };
        let mut frame = vec![0xff, 0xfb, index << 4 | 4, 0];
        frame.resize(kilobits * 3, 0);
        frame
    }

    #[test]
    fn frames_of_different_rates_have_an_average() {
        let mut rate = SampledRate::default();
        rate.add("mp3", &[&b"end of a frame"[..], &frame(32).repeat(3)].concat());
        assert_eq!(rate.bit_rate(), None);
        rate.add("mp3", &frame(320).repeat(3));
        assert_eq!(rate.bit_rate(), Some(176_000));
        rate.add("mp3", &[0xff; 100]);
        rate.add("mp3", b"");
        assert_eq!(rate.bit_rate(), Some(176_000));
    }
}
