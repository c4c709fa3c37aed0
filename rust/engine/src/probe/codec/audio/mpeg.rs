//! MPEG audio, layers 1 to 3: frame headers (ISO 11172-3, 2.4.1.3; ISO 13818-3).

use super::layout;
use crate::probe::model::{Name, Track};

/// Kilobits per second of MPEG-1, by layer and index.
const RATES_1: [[u16; 15]; 3] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];

/// The same for the lower sampling rates of MPEG-2 and 2.5.
const RATES_2: [[u16; 15]; 3] = [
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 to 3.
    pub layer: u8,
    /// Whether it belongs to MPEG-2 or 2.5, which have lower sampling rates.
    pub low: bool,
    /// In Hz.
    pub sample_rate: u32,
    /// In bits per second; None in free format.
    pub bit_rate: Option<u32>,
    /// 1 or 2.
    pub channels: u32,
    /// Samples per channel.
    pub samples: u32,
    /// In bytes, including the header; None in free format.
    pub frame_length: Option<usize>,
    /// Bytes of side information after the header (layer 3).
    pub side_length: usize,
}

impl Header {
    /// `mp1`, `mp2`, `mp3`.
    pub fn codec(&self) -> &'static str {
        match self.layer {
            1 => "mp1",
            2 => "mp2",
            _ => "mp3",
        }
    }

    /// Whether two frames can belong to the same stream.
    pub fn fits(&self, other: &Header) -> bool {
        self.layer == other.layer && self.sample_rate == other.sample_rate && self.low == other.low
    }
}

/// Parses the header at the start of `bytes`.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let &[first, second, third, fourth] = bytes.first_chunk::<4>()?;
    if first != 0xff || second & 0xe0 != 0xe0 {
        return None;
    }
    let version = second >> 3 & 3;
    let layer = 4 - (second >> 1 & 3);
    let rate_index = third >> 4;
    let sample_index = third >> 2 & 3;
    if version == 1 || layer == 4 || rate_index == 15 || sample_index == 3 {
        return None;
    }
    let low = version != 3;
    let halved = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let sample_rate = [44_100u32, 48_000, 32_000][usize::from(sample_index)] >> halved;
    let rates = if low { &RATES_2 } else { &RATES_1 };
    let kilobits = u32::from(rates[usize::from(layer) - 1][usize::from(rate_index)]);
    let bit_rate = (kilobits != 0).then_some(kilobits * 1000);
    let padding = u32::from(third >> 1 & 1);
    let frame_length = bit_rate.map(|bit_rate| match layer {
        1 => (bit_rate * 12 / sample_rate + padding) * 4,
        2 => bit_rate * 144 / sample_rate + padding,
        _ => bit_rate * 144 / (sample_rate << u32::from(low)) + padding,
    });
    let samples = match layer {
        1 => 384,
        3 if low => 576,
        _ => 1152,
    };
    let mono = fourth >> 6 == 3;
    let side_length = match (low, mono) {
        (false, false) => 32,
        (false, true) | (true, false) => 17,
        (true, true) => 9,
    };
    Some(Header {
        layer,
        low,
        sample_rate,
        bit_rate,
        channels: if mono { 1 } else { 2 },
        samples,
        frame_length: frame_length.map(|length| length as usize),
        side_length,
    })
}

/// Finds the first frame: its header is followed by the next frame's header at the right
/// distance, or it is the last frame.
pub fn find(bytes: &[u8]) -> Option<(usize, Header)> {
    let candidates = (0..bytes.len().saturating_sub(3)).filter(|&at| bytes[at] == 0xff);
    candidates.take(20_000).find_map(|start| {
        let first = header(bytes.get(start..)?)?;
        let next = match first.frame_length {
            Some(length) => bytes.get(start + length..).unwrap_or_default(),
            None => return (start == 0).then_some((start, first)),
        };
        let follows = match header(next) {
            Some(second) => second.fits(&first),
            None => next.len() < 4 && start == 0,
        };
        follows.then_some((start, first))
    })
}

/// Reads one frame or several.
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    let Some((_, header)) = find(packet) else { return };
    apply(track, &header);
}

/// Fills in the fields that are in a header.
pub fn apply(track: &mut Track, header: &Header) {
    track.codec = Some(Name::Borrowed(header.codec()));
    track.sample_rate = Some(header.sample_rate);
    layout::set_count(track, header.channels);
    track.bit_rate = track.bit_rate.or(header.bit_rate.map(u64::from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_contain_layer_rates_and_length() {
        let third = header(&[0xff, 0xfb, 0x90, 0x64]).unwrap();
        assert_eq!((third.codec(), third.sample_rate), ("mp3", 44_100));
        assert_eq!((third.bit_rate, third.frame_length), (Some(128_000), Some(417)));
        let low = header(&[0xff, 0xf3, 0x44, 0xc4]).unwrap();
        assert_eq!((low.samples, low.channels, low.side_length), (576, 1, 9));
        assert_eq!((low.sample_rate, low.bit_rate), (24_000, Some(32_000)));
        let second = header(&[0xff, 0xfd, 0xa4, 0x00]).unwrap();
        assert_eq!((second.codec(), second.frame_length), ("mp2", Some(576)));
        for bad in [[0xff, 0xeb, 0x90, 0], [0xff, 0xf9, 0x90, 0], [0xff, 0xfb, 0xf0, 0]] {
            assert_eq!(header(&bad), None);
        }
    }

    #[test]
    fn frames_are_found_after_garbage() {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0);
        let data = [&b"\xff\xfb\x90\x64garbage"[..], &frame, &frame].concat();
        assert_eq!(find(&data).unwrap().0, 11);
    }
}
