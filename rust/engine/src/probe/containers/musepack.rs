//! Musepack: stream version 7, with one header, and 8, with packets. Tags of APEv2 are at the
//! end.

use super::{ape_tag, duration, id3};
use crate::probe::codec::audio::layout;
use crate::probe::codec::bits::le32;
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The headers are within this many bytes.
const HEADERS: usize = 1024;

/// No file has more packets before its header unless it is malicious.
const MOST_PACKETS: usize = 32;

/// Samples per channel in a frame.
const FRAME: u64 = 1152;

const RATES: [u32; 4] = [44_100, 48_000, 37_800, 32_000];

/// What the header says about the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    samples: u64,
    sample_rate: u32,
    channels: u32,
}

/// Reads the properties of a Musepack file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let id3 = id3::read(source, 0)?;
    let head = source.up_to(id3.end, HEADERS)?.to_vec();
    let (container, codec, header) = match head.strip_prefix(b"MPCK") {
        Some(packets) => ("mpc8", "musepack8", version_8(packets)),
        None => ("mpc", "musepack7", version_7(&head)),
    };
    let header = header.ok_or_else(|| Problem::damaged("the header is incomplete or invalid"))?;
    let mut media = Media::new(container);
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some(codec.into());
    track.sample_rate = Some(header.sample_rate);
    layout::set_count(&mut track, header.channels);
    media.tracks.push(track);
    let seconds = header.samples as f64 / f64::from(header.sample_rate);
    duration::set(&mut media, Some(seconds), source.len());
    if header.samples == 0 {
        media.doubt("duration");
    }
    let mut tags = ape_tag::read_or_id3(source)?;
    media.tracks.extend(tags.take_pictures(1));
    media.tags = id3.tags;
    media.tags.append(&mut tags.tags);
    Ok(media)
}

fn version_7(head: &[u8]) -> Option<Header> {
    let version = *head.strip_prefix(b"MP+")?.first()?;
    if version & 0x0f != 7 {
        return None;
    }
    let frames = u64::from(le32(head, 4)?);
    let rate = RATES[usize::from(head.get(10)? & 3)];
    Some(Header { samples: frames * FRAME, sample_rate: rate, channels: 2 })
}

/// Reads packets up to the stream's header: two letters, a size that includes them, a content.
fn version_8(mut packets: &[u8]) -> Option<Header> {
    for _ in 0..MOST_PACKETS {
        let (name, rest) = packets.split_first_chunk::<2>()?;
        let (size, content) = number(rest)?;
        let before = 2 + rest.len() - content.len();
        if name == b"SH" {
            let fields = content.get(4..)?;
            let (&version, fields) = fields.split_first()?;
            let (samples, fields) = number(fields)?;
            let (silence, fields) = number(fields)?;
            let &[rate, channels] = fields.first_chunk()?;
            let sample_rate = RATES.get(usize::from(rate >> 5)).copied()?;
            let channels = u32::from(channels >> 4) + 1;
            let samples = samples.saturating_sub(silence);
            return (version == 8).then_some(Header { samples, sample_rate, channels });
        }
        packets = content.get(usize::try_from(size).ok()?.checked_sub(before)?..)?;
    }
    None
}

/// A number in groups of seven bits, and the bytes after it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(9) {
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::ape_tag::tests::tag;
    use crate::probe::containers::testing;

    fn seven() -> Vec<u8> {
        let mut data = b"MP+\x07\x64\0\0\0\0\0\x01\0".to_vec();
        data.resize(60, 0);
        data
    }

    fn eight() -> Vec<u8> {
        // 88,200 samples, no silence, 44.1 kHz, stereo. A packet before the header is skipped.
        b"MPCKRG\x04\0SH\x0eabcd\x08\x85\xb1\x08\0\x09\x12SE\x03".to_vec()
    }

    #[test]
    fn both_versions_contain_the_duration() {
        let tags = tag();
        for (data, container, codec, rate, seconds) in [
            (seven(), "mpc", "musepack7", 48_000, 2.4),
            (eight(), "mpc8", "musepack8", 44_100, 2.0),
        ] {
            let media = testing::probe(&[data, tags.clone()].concat(), "mpc").unwrap();
            let track = &media.tracks[0];
            assert_eq!((&*media.container, track.codec.as_deref()), (container, Some(codec)));
            assert_eq!((track.channels, track.sample_rate), (Some(2), Some(rate)));
            assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(seconds), "One"));
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&seven(), "mpc");
        testing::damage(&[eight(), tag()].concat(), "mpc");
    }
}
