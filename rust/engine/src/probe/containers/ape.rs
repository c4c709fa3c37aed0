//! Monkey's Audio: a descriptor and a header (since version 3.98), or one older header.
//! Tags of APEv2 are at the end.

use super::{ape_tag, duration, id3};
use crate::probe::codec::audio::layout;
use crate::probe::codec::bits::{le16, le32};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// Enough bytes for both headers.
const HEADERS: usize = 128;

/// The flags of the older header.
const EIGHT_BITS: u16 = 1;
const HAS_PEAK: u16 = 4;
const TWENTY_FOUR_BITS: u16 = 8;

/// The content of the headers.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    blocks_per_frame: u64,
    last_blocks: u64,
    frames: u64,
    bits: u32,
    channels: u32,
    sample_rate: u32,
    /// The length of everything before the tags; 0 if the header does not contain it.
    length: u64,
}

/// Reads the properties of a file of Monkey's Audio.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("ape");
    let mut id3 = id3::read(source, 0)?;
    let header = Header::parse(source.up_to(id3.end, HEADERS)?)
        .filter(|header| header.sample_rate > 0 && header.channels > 0 && header.frames > 0)
        .ok_or_else(|| Problem::damaged("the header is incomplete or invalid"))?;
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some("ape".into());
    layout::set_count(&mut track, header.channels);
    track.sample_rate = Some(header.sample_rate);
    track.bit_depth = Some(header.bits);
    media.tracks.push(track);
    let blocks = (header.frames - 1) * header.blocks_per_frame + header.last_blocks;
    duration::set(&mut media, Some(blocks as f64 / f64::from(header.sample_rate)), source.len());
    if id3.end.saturating_add(header.length) > source.len() {
        media.warn("the file is cut off");
    }
    let mut tags = ape_tag::read_or_id3(source)?;
    media.tracks.extend(tags.take_pictures(1));
    media.tracks.extend(id3.take_pictures(media.tracks.len()));
    media.tags = id3.tags;
    media.tags.append(&mut tags.tags);
    Ok(media)
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let version = le16(bytes, 4).filter(|_| bytes.starts_with(b"MAC "))?;
        if version >= 3980 { Self::current(bytes) } else { Self::older(bytes, version) }
    }

    fn current(bytes: &[u8]) -> Option<Self> {
        let size = |at| le32(bytes, at).map(u64::from);
        let parts = [size(8)?, size(12)?, size(16)?, size(20)?, size(24)?, size(32)?];
        let header = bytes.get(usize::try_from(size(8)?).ok()?..)?;
        Some(Self {
            blocks_per_frame: le32(header, 4)?.into(),
            last_blocks: le32(header, 8)?.into(),
            frames: le32(header, 12)?.into(),
            bits: le16(header, 16)?.into(),
            channels: le16(header, 18)?.into(),
            sample_rate: le32(header, 20)?,
            length: (parts.iter().sum::<u64>()).saturating_add(size(28)? << 32),
        })
    }

    fn older(bytes: &[u8], version: u16) -> Option<Self> {
        let (level, flags) = (le16(bytes, 6)?, le16(bytes, 8)?);
        let blocks_per_frame = match version {
            3950.. => 73_728 * 4,
            3900.. => 73_728,
            3800.. if level >= 4000 => 73_728,
            _ => 9216,
        };
        let bits = match flags {
            _ if flags & EIGHT_BITS != 0 => 8,
            _ if flags & TWENTY_FOUR_BITS != 0 => 24,
            _ => 16,
        };
        Some(Self {
            blocks_per_frame,
            last_blocks: le32(bytes, 28)?.into(),
            frames: le32(bytes, 24)?.into(),
            bits,
            channels: le16(bytes, 10)?.into(),
            sample_rate: le32(bytes, 12)?,
            length: if flags & HAS_PEAK != 0 { 36 } else { 32 },
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::ape_tag::tests::tag;
    use crate::probe::containers::testing;

    /// Version 3.99: two frames, of which the last has 8,272 blocks, so one second and a half.
    fn file(sound: usize) -> Vec<u8> {
        let mut data = b"MAC \x96\x0f\0\0".to_vec();
        for size in [52, 24, 8, 0, 400, 0, 0] {
            data.extend(u32::to_le_bytes(size));
        }
        data.resize(52, 0);
        data.extend([0xd0, 0x07, 0, 0]);
        for number in [57_878, 8272, 2] {
            data.extend(u32::to_le_bytes(number));
        }
        data.extend([16, 0, 2, 0]);
        data.extend(u32::to_le_bytes(44_100));
        data.resize(data.len() + 8 + sound, 0);
        data
    }

    #[test]
    fn headers_contain_the_properties_of_the_sound() {
        let media = testing::probe(&file(400), "ape").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("ape"), Some(16)));
        assert_eq!(track.channel_layout.as_deref(), Some("stereo"));
        assert_eq!(media.duration_seconds, Some(1.5));
        assert!(media.warnings.is_empty());
        let mut older = b"MAC \x82\x0f\xd0\x07\0\0\x02\0\x44\xac\0\0".to_vec();
        for number in [44, 0, 1, 22_050] {
            older.extend(u32::to_le_bytes(number));
        }
        let media = testing::probe(&older, "ape").unwrap();
        assert_eq!((media.duration_seconds, media.tracks[0].channels), (Some(0.5), Some(2)));
    }

    #[test]
    fn tags_are_at_the_end_and_may_be_at_the_beginning() {
        let tags = tag();
        let id3 = b"ID3\x03\0\0\0\0\0\x11TALB\0\0\0\x06\0\0\0Album\0";
        let media = testing::probe(&[&id3[..], &file(400), &tags].concat(), "ape").unwrap();
        assert_eq!((&*media.tags["title"], &*media.tags["album"]), ("One", "Album"));
        assert_eq!((media.tracks.len(), media.tracks[1].index), (2, 1));
        assert!(media.warnings.is_empty());
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        let media = testing::probe(&file(300), "ape").unwrap();
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&[file(16), tag()].concat(), "ape");
    }
}
