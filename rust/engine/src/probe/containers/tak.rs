//! TAK (Tom's lossless Audio Kompressor): metadata blocks before the sound. Tags of APEv2 are
//! at the end.

use super::{ape_tag, duration, id3};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// No file has more blocks unless it is malicious.
const MOST_BLOCKS: usize = 64;

/// The types of blocks.
const END: u8 = 0;
const STREAM_INFO: u8 = 1;
const LAST_FRAME: u8 = 7;

/// Reads the properties of a TAK file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("tak");
    let id3 = id3::read(source, 0)?;
    let (mut info, mut last_frame) = (None, None);
    let mut is_whole = false;
    let mut at = id3.end + 4;
    for _ in 0..MOST_BLOCKS {
        let &[kind, s0, s1, s2] = source.up_to(at, 4)? else { break };
        let size = u32::from_le_bytes([s0, s1, s2, 0]);
        let block = source.up_to(at + 4, size.min(64) as usize)?;
        match kind & 0x7f {
            END => {
                // The position counts from the end of the metadata.
                let end = last_frame.map_or(at + 4, |length: u64| at + 4 + length);
                is_whole = end <= source.len();
                break;
            }
            STREAM_INFO => info = info.or(read_info(block)),
            LAST_FRAME => last_frame = read_last_frame(block),
            _ => {}
        }
        at += 4 + u64::from(size);
    }
    if !is_whole {
        media.warn("the file is cut off");
    }
    let (track, samples) =
        info.ok_or_else(|| Problem::damaged("the description of the sound is missing"))?;
    let rate = f64::from(track.sample_rate.unwrap_or(1));
    media.tracks.push(track);
    duration::set(&mut media, Some(samples as f64 / rate), source.len());
    let mut tags = ape_tag::read_or_id3(source)?;
    media.tracks.extend(tags.take_pictures(1));
    media.tags = tags.tags;
    Ok(media)
}

/// Bits, least significant first.
struct Bits(u128);

impl Bits {
    fn new(bytes: &[u8]) -> Self {
        let mut all = [0; 16];
        let length = bytes.len().min(16);
        all[..length].copy_from_slice(&bytes[..length]);
        Self(u128::from_le_bytes(all))
    }

    /// Takes up to 64 bits.
    fn take(&mut self, count: u32) -> u64 {
        let value = self.0 & ((1 << count) - 1);
        self.0 >>= count;
        value as u64
    }
}

/// Reads the stream's description, and the number of samples.
fn read_info(block: &[u8]) -> Option<(Track, u64)> {
    if block.len() < 10 {
        return None;
    }
    let mut bits = Bits::new(block);
    // The codec, the preset and the size of frames.
    bits.take(6 + 4 + 4);
    let samples = bits.take(35);
    bits.take(3);
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some("tak".into());
    track.sample_rate = Some(bits.take(18) as u32 + 6000);
    track.bit_depth = Some(bits.take(5) as u32 + 8);
    track.channels = Some(bits.take(4) as u32 + 1);
    Some((track, samples))
}

/// The end of the last frame.
fn read_last_frame(block: &[u8]) -> Option<u64> {
    if block.len() < 8 {
        return None;
    }
    let mut bits = Bits::new(block);
    let position = bits.take(40);
    Some(position + bits.take(24))
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::ape_tag::tests::tag;
    use crate::probe::containers::testing;

    fn block(kind: u8, body: &[u8]) -> Vec<u8> {
        let size = (body.len() as u32).to_le_bytes();
        [&[kind], &size[..3], body].concat()
    }

    /// 88,200 samples, 44.1 kHz, 16 bits, stereo.
    fn file(sound: usize) -> Vec<u8> {
        let info = 88_200_u128 << 14 | 38_100 << 52 | 8 << 70 | 1 << 75;
        let last = 100_u64 | 50 << 40;
        let mut data = b"tBaK".to_vec();
        data.extend(block(1, &info.to_le_bytes()[..13]));
        data.extend(block(7, &[&last.to_le_bytes()[..], &[0; 3]].concat()));
        data.extend(block(0, &[]));
        data.resize(data.len() + sound, 0);
        data
    }

    #[test]
    fn the_metadata_contains_the_properties() {
        let tags = tag();
        let media = testing::probe(&[file(150), tags].concat(), "tak").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("tak"), Some(16)));
        assert_eq!((track.channels, track.sample_rate), (Some(2), Some(44_100)));
        assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(2.0), "One"));
        assert!(media.warnings.is_empty());
        for cut in [&file(149)[..], &file(0)[..24]] {
            let media = testing::probe(cut, "tak").unwrap();
            assert_eq!(media.warnings, ["the file is cut off"]);
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(16), "tak");
    }
}
