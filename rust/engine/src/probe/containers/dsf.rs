//! DSF (Sony, DSF file format specification 1.01): DSD with ID3 tags at the end.

use super::{duration, id3};
use crate::probe::codec::audio::layout;
use crate::probe::codec::bits::le32;
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The length of the three headers.
const HEADERS: usize = 28 + 52 + 12;

/// Reads the properties of a DSF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("dsf");
    let headers = source.up_to(0, HEADERS)?.to_vec();
    let field = |at: usize| le32(&headers, 28 + at).unwrap_or(0);
    let (channels, rate) = (field(24), field(28));
    if headers.get(28..32) != Some(b"fmt ") || channels == 0 || rate < 8 {
        return Err(Problem::damaged("the description of the sound is missing or invalid"));
    }
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = match field(32) {
        1 => Some(Name::Borrowed("dsd_lsbf_planar")),
        8 => Some(Name::Borrowed("dsd_msbf_planar")),
        _ => None,
    };
    track.channels = Some(channels);
    track.channel_layout = layout::from_mask(mask(field(20)));
    // In bytes, as in `ffprobe`.
    track.sample_rate = Some(rate / 8);
    track.bit_depth = Some(8);
    track.bit_rate = Some(u64::from(channels).saturating_mul(u64::from(rate / 8) * 8));
    if track.codec.is_none() {
        media.doubt("codec");
    }
    media.tracks.push(track);
    let long = |at: usize| headers.get(at..).and_then(|rest| rest.first_chunk()).copied();
    let long = |at| long(at).map_or(0, u64::from_le_bytes);
    let (tags, sound, counted) = (long(20), long(28 + 52 + 4), long(28 + 36));
    // The last block of each channel is padded. If the number of samples does not fit the size
    // of the sound, the size counts.
    let channels = u64::from(channels);
    let stored = (sound.saturating_sub(12) / channels).saturating_mul(8);
    let padding = u64::from(field(44)).saturating_mul(8);
    let fits = (1..=stored).contains(&counted) && stored - counted <= padding;
    let samples = if fits || sound <= 12 { counted } else { stored };
    duration::set(&mut media, Some(samples as f64 / f64::from(rate)), source.len());
    if headers.len() < HEADERS || (28 + 52_u64).saturating_add(sound) > source.len() {
        media.warn("the file is cut off");
    } else if tags != 0 {
        let mut id3 = id3::read(source, tags)?;
        media.tracks.extend(id3.take_pictures(1));
        (media.tags, media.chapters) = (id3.tags, id3.chapters);
    }
    Ok(media)
}

/// The channels of a channel type.
fn mask(kind: u32) -> u64 {
    use layout::{BC, BL, BR, FC, FIVE_BACK, LFE, MONO, STEREO};
    match kind {
        1 => MONO,
        2 => STEREO,
        3 => STEREO | FC,
        4 => STEREO | BL | BR,
        5 => STEREO | FC | BC,
        6 => FIVE_BACK,
        7 => FIVE_BACK | LFE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn file() -> Vec<u8> {
        let tags = b"ID3\x03\0\0\0\0\0\x11TIT2\0\0\0\x06\0\0\0Title\0";
        let mut data = b"DSD \x1c\0\0\0\0\0\0\0".to_vec();
        data.extend((92_u64 + 8192 + 27).to_le_bytes());
        data.extend((92_u64 + 8192).to_le_bytes());
        data.extend(b"fmt \x34\0\0\0\0\0\0\0");
        for field in [1, 0, 2, 2, 2_822_400, 1, 28_224, 0, 4096, 0] {
            data.extend(u32::to_le_bytes(field));
        }
        data.extend(b"data");
        data.extend((12_u64 + 8192).to_le_bytes());
        data.resize(data.len() + 8192, 0x69);
        data.extend(tags);
        data
    }

    #[test]
    fn headers_contain_the_properties_and_the_place_of_the_tags() {
        let media = testing::probe(&file(), "dsf").unwrap();
        let track = &media.tracks[0];
        assert_eq!(track.codec.as_deref(), Some("dsd_lsbf_planar"));
        assert_eq!((track.channels, track.channel_layout.as_deref()), (Some(2), Some("stereo")));
        assert_eq!((track.sample_rate, track.bit_rate), (Some(352_800), Some(5_644_800)));
        assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(0.01), "Title"));
        assert!(media.warnings.is_empty());
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        for length in [85, 5000] {
            let media = testing::probe(&file()[..length], "dsf").unwrap();
            assert_eq!(media.warnings, ["the file is cut off"]);
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let mut data = file();
        data.drain(92..92 + 8000);
        testing::damage(&data, "dsf");
    }
}
