//! AAC in ADTS: consecutive frames, possibly after ID3 tags.
//!
//! The file does not contain its duration. As in `ffprobe`, the bit rate is that of the first
//! frames, and the duration is the time that the file takes at this rate.

use super::{ape_tag, average::Average, id3};
use crate::probe::codec;
use crate::probe::codec::Framing;
use crate::probe::codec::audio::aac;
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The number of frames from which the bit rate is computed.
const FRAMES: usize = 50;

/// Enough bytes for these frames.
const HEAD: usize = 64 * 1024;

/// Reads the properties of an AAC file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("aac");
    let mut id3 = id3::read(source, 0)?;
    let length = source.len();
    let data = source.up_to(id3.end, HEAD)?.to_vec();
    let mut rate = Average::default();
    let mut rest = &data[..];
    while let Some(frame) = aac::adts(rest).filter(|_| rate.count() < FRAMES) {
        let samples = 1024 * u64::from(frame.blocks);
        rate.add(frame.frame_length as u64 * 8 * u64::from(frame.sample_rate) / samples);
        rest = rest.get(frame.frame_length..).unwrap_or_default();
    }
    if rate.count() == 0 {
        return Err(Problem::damaged("there is no AAC frame at the beginning"));
    }
    if rate.count() < FRAMES && id3.end + (data.len() as u64) < length {
        media.doubt("duration");
    }
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some(Name::Borrowed("aac"));
    codec::read_packet(&mut track, &data, Framing::StartCodes);
    track.bit_rate = rate.get();
    let size = length.saturating_sub(id3.end);
    media.duration_seconds = rate.get().map(|rate| size as f64 * 8.0 / rate as f64);
    track.duration_seconds = media.duration_seconds;
    media.bit_rate = media.duration_seconds.map(|seconds| (length as f64 * 8.0 / seconds) as u64);
    media.tracks.push(track);
    if id3.tags.is_empty() {
        if let Some(tag) = ape_tag::read(source)? {
            id3.tags = tag.tags;
            id3.pictures.extend(tag.pictures);
        } else {
            id3.tags = id3::read_last(source.up_to(length.saturating_sub(128), 128)?);
        }
    }
    media.tracks.extend(id3.take_pictures(1));
    (media.tags, media.chapters) = (id3.tags, id3.chapters);
    Ok(media)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::{ape_tag, testing};

    fn frames(count: usize) -> Vec<u8> {
        let mut frame = vec![0xff, 0xf1, 0x50, 0x80, 0x19, 0x1f, 0xfc];
        frame.resize(200, 0x55);
        frame.repeat(count)
    }

    #[test]
    fn the_bit_rate_of_the_first_frames_gives_the_duration() {
        let media = testing::probe(&frames(100), "aac").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.profile.as_deref()), (Some("aac"), Some("LC")));
        assert_eq!(track.bit_rate, Some(200 * 8 * 44_100 / 1024));
        let seconds = media.duration_seconds.unwrap();
        assert!((seconds - 100.0 * 1024.0 / 44_100.0).abs() < 0.001);
    }

    #[test]
    fn tags_at_the_end_are_read() {
        let data = [frames(4), ape_tag::tests::tag()].concat();
        let media = testing::probe(&data, "aac").unwrap();
        assert_eq!((&*media.tags["title"], media.tracks[1].width), ("One", Some(5)));
        let id3 = [&b"TAGTitle"[..], &[0; 119], &[255]].concat();
        let media = testing::probe(&[frames(4), id3].concat(), "aac").unwrap();
        assert_eq!(media.tags["title"], "Title");
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&frames(3), "aac");
    }
}
