//! WavPack: blocks, of which the first contains the number of samples. Tags of APEv2 or ID3v1
//! are at the end.

use super::{ape_tag, duration, id3};
use crate::probe::codec::bits::le32;
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most bytes of the first block that are read. What is needed comes before the sound,
/// except for DSD, whose factor comes with it.
const BLOCK: usize = 64 * 1024;

/// The fields of a block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// In bytes, with the header.
    length: u64,
    /// None if the program did not know it.
    total: Option<u64>,
    index: u64,
    samples: u64,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<32>().filter(|bytes| bytes.starts_with(b"wvpk"))?;
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if !(0x402..=0x410).contains(&version) {
            return None;
        }
        // Numbers of 40 bits, whose upper byte was not used before version 5.
        let (total, upper) = (le32(bytes, 12)?, u64::from(bytes[11]));
        Some(Self {
            length: u64::from(le32(bytes, 4)?) + 8,
            total: (total != u32::MAX)
                .then_some(((upper << 32) + u64::from(total)).saturating_sub(upper)),
            index: u64::from(bytes[10]) << 32 | u64::from(le32(bytes, 16)?),
            samples: le32(bytes, 20)?.into(),
        })
    }
}

/// Reads the properties of a WavPack file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("wv");
    let id3 = id3::read(source, 0)?;
    let block = source.up_to(id3.end, BLOCK)?.to_vec();
    let header = Header::parse(&block)
        .ok_or_else(|| Problem::damaged("the header of the first block is invalid"))?;
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some("wavpack".into());
    codec::read_config(&mut track, &[]);
    let length = usize::try_from(header.length).unwrap_or(usize::MAX).min(block.len());
    codec::read_packet(&mut track, &block[..length], Framing::StartCodes);
    let rate = f64::from(track.sample_rate.unwrap_or(0));
    media.tracks.push(track);
    let mut tags = ape_tag::read_or_id3(source)?;
    let last = last_block(source, tags.start)?;
    let counted = last.map(|last| last.end.saturating_sub(header.index));
    if let (Some(total), Some(last)) = (header.total, last)
        && (last.end.saturating_sub(header.index) < total || last.is_cut)
    {
        media.warn("the file is cut off");
    }
    let total = header.total.or(counted);
    let seconds = total.filter(|_| rate > 0.0).map(|total| total as f64 / rate);
    if seconds.is_none() {
        media.doubt("duration");
    }
    duration::set(&mut media, seconds, source.len());
    media.tracks.extend(tags.take_pictures(1));
    media.tags = id3.tags;
    media.tags.append(&mut tags.tags);
    Ok(media)
}

/// The last block of a file.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// The number of the sample after it.
    end: u64,
    /// Whether its end is missing.
    is_cut: bool,
}

/// Finds the last block before `end`; None if it is too long.
fn last_block(source: &mut Source<'_>, end: u64) -> Result<Option<Last>> {
    let (start, bytes) = source.ending()?;
    let bytes = &bytes[..bytes.len().min(end.saturating_sub(start) as usize)];
    let mut places = (0..bytes.len()).rev().filter(|&at| bytes[at..].starts_with(b"wvpk"));
    let found = places.find_map(|at| Some((at, Header::parse(&bytes[at..])?)));
    Ok(found.map(|(at, header)| Last {
        end: header.index + header.samples,
        is_cut: start + at as u64 + header.length > end,
    }))
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::ape_tag::tests::tag;
    use crate::probe::containers::testing;

    /// A block of 22,050 samples in stereo: 16 bits, 44.1 kHz.
    fn block(index: u32, total: u32, sound: usize) -> Vec<u8> {
        let mut block = b"wvpk".to_vec();
        block.extend((24 + sound as u32).to_le_bytes());
        block.extend([0x10, 0x04, 0, 0]);
        for number in [total, index, 22_050, 0x0480_1801 | 9 << 23, 0] {
            block.extend(number.to_le_bytes());
        }
        block.resize(32 + sound, 0);
        block
    }

    fn file(total: u32) -> Vec<u8> {
        [block(0, total, 100), block(22_050, total, 100)].concat()
    }

    #[test]
    fn the_first_block_contains_the_duration() {
        let tags = tag();
        let media = testing::probe(&[file(44_100), tags].concat(), "wv").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("wavpack"), Some(16)));
        assert_eq!((track.channels, track.sample_rate), (Some(2), Some(44_100)));
        assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(1.0), "One"));
        assert!(media.warnings.is_empty() && media.unsure.is_empty());
    }

    #[test]
    fn if_the_first_block_does_not_the_last_one_does() {
        assert_eq!(testing::probe(&file(u32::MAX), "wv").unwrap().duration_seconds, Some(1.0));
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        let whole = file(44_100);
        for length in [131, 200, whole.len() - 1] {
            let media = testing::probe(&whole[..length], "wv").unwrap();
            assert_eq!(media.warnings, ["the file is cut off"]);
            assert_eq!(media.duration_seconds, Some(1.0));
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&[block(0, 22_050, 16), tag()].concat(), "wv");
    }
}
