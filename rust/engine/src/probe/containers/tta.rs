//! TTA (True Audio): a header and the lengths of all frames. Tags of ID3 are at the beginning,
//! of APEv2 or ID3v1 at the end.

use super::{ape_tag, duration, id3};
use crate::probe::codec;
use crate::probe::codec::bits::le32;
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

const HEADER: u64 = 22;

/// The most lengths of frames that are read: some 19 hours.
const MOST_FRAMES: u64 = 64 * 1024;

/// Reads the properties of a TTA file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("tta");
    let mut id3 = id3::read(source, 0)?;
    let header = source.bytes(id3.end, HEADER as usize)?.to_vec();
    let (rate, samples) = (le32(&header, 10).unwrap_or(0), le32(&header, 14).unwrap_or(0));
    if rate == 0 || !header.starts_with(b"TTA") {
        return Err(Problem::damaged("the header is invalid"));
    }
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some("tta".into());
    codec::read_config(&mut track, &header);
    media.tracks.push(track);
    duration::set(&mut media, Some(f64::from(samples) / f64::from(rate)), source.len());
    // A frame takes 256 / 245 seconds.
    let frames = u64::from(samples).div_ceil((u64::from(rate) * 256 / 245).max(1));
    if frames <= MOST_FRAMES {
        let table = source.up_to(id3.end + HEADER, frames as usize * 4 + 4)?;
        let sound: u64 = table
            .chunks_exact(4)
            .take(frames as usize)
            .map(|length| u64::from(le32(length, 0).unwrap_or(0)))
            .sum();
        if id3.end + HEADER + frames * 4 + 4 + sound > source.len() {
            media.warn("the file is cut off");
        }
    }
    let mut tags = ape_tag::read_or_id3(source)?;
    media.tracks.extend(id3.take_pictures(1));
    media.tracks.extend(tags.take_pictures(media.tracks.len()));
    media.tags = id3.tags;
    for (name, value) in tags.tags {
        media.tags.entry(name).or_insert(value);
    }
    Ok(media)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    /// Two seconds in two frames.
    fn file(sound: usize) -> Vec<u8> {
        let mut data = b"TTA1\x01\0\x02\0\x10\0".to_vec();
        for field in [44_100_u32, 88_200, 0, 100, 50, 0] {
            data.extend(field.to_le_bytes());
        }
        data.resize(data.len() + sound, 0);
        data
    }

    #[test]
    fn the_header_contains_the_properties() {
        let id3 = b"ID3\x03\0\0\0\0\0\x11TIT2\0\0\0\x06\0\0\0Title\0";
        let media = testing::probe(&[&id3[..], &file(150)].concat(), "tta").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("tta"), Some(16)));
        assert_eq!(
            (track.channel_layout.as_deref(), track.sample_rate),
            (Some("stereo"), Some(44_100))
        );
        assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(2.0), "Title"));
        assert!(media.warnings.is_empty());
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        for sound in [0, 149] {
            let media = testing::probe(&file(sound), "tta").unwrap();
            assert_eq!(media.warnings, ["the file is cut off"]);
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(16), "tta");
    }
}
