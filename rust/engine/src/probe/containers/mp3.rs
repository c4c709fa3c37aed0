//! MPEG audio, layers 1 to 3: consecutive frames, with ID3 tags before and after.
//!
//! The first frame of layer 3 may be a header (Xing, Info or VBRI) with the number of frames.
//! Without it, as in `ffprobe`, the bit rate is that of the first frames, and the duration is
//! the time that the file takes at this rate.

use super::{ape_tag, average::Average, id3};
use crate::probe::codec::audio::mpeg::{self, Header};
use crate::probe::codec::bits::{be16, be32};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The first frame is within this many bytes, except in unusual files.
const FIRST_READ: usize = 16 * 1024;

/// The bytes in which the first frame is searched for, and from whose frames the bit rate is
/// computed.
const HEAD: usize = 64 * 1024;

/// The number of frames from which the bit rate is computed, and the size of the pieces in
/// which they are read.
const FRAMES: usize = 50;
const PIECE: usize = 1024;

/// The bytes in which another file is recognised that was joined to the first one.
const NEXT_FILE: usize = 8 * 1024;

/// What a header frame says about the frames after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    frames: u64,
    bytes: u64,
    constant: bool,
}

/// Reads the properties of an MP3 file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("mp3");
    let mut id3 = id3::read(source, 0)?;
    let length = source.len();
    // For most files, the bytes that were read to recognise the format are enough.
    let mut data = source.up_to(id3.end, FIRST_READ)?.to_vec();
    let counted =
        mpeg::find(&data).is_some_and(|(skipped, first)| count(&data[skipped..], &first).is_some());
    if !counted {
        data = source.up_to(id3.end, HEAD)?.to_vec();
    }
    let (skipped, first) =
        mpeg::find(&data).ok_or_else(|| Problem::damaged("there are no frames of MPEG audio"))?;
    let start = id3.end + skipped as u64;
    let frames = data.get(skipped..).unwrap_or_default();
    let size = length.saturating_sub(start);

    let count = count(frames, &first);
    let behind = count.and(first.frame_length).and_then(|length| frames.get(length..));
    let rate = average(behind.unwrap_or(frames));
    // Several files were joined: the header of the first one counts too few frames. What is not
    // sound, such as a large tag or the rest of a download, does not matter.
    let is_joined = match count {
        Some(count) if count.bytes != 0 && size > count.bytes + count.bytes / 16 => {
            begins_with_sound(source.up_to(start + count.bytes, NEXT_FILE)?, &first)
        }
        _ => false,
    };
    let count = count.filter(|count| {
        if is_joined {
            media.warn("the file is longer than its header says");
        } else if count.bytes != 0 && size + size / 16 < count.bytes {
            media.warn("the file is cut off");
        }
        !is_joined
    });

    let mut track = Track::new(0, TrackType::Audio);
    mpeg::apply(&mut track, &first);
    track.bit_rate = rate.get();
    let per_second = f64::from(first.sample_rate) / f64::from(first.samples);
    match count {
        Some(count) if count.frames != 0 => {
            track.duration_seconds = Some(count.frames as f64 / per_second);
            if count.bytes != 0 && !count.constant {
                let samples = count.frames * u64::from(first.samples);
                let bits = count.bytes * 8 * u64::from(first.sample_rate);
                track.bit_rate = Some((bits + samples / 2) / samples);
            }
        }
        _ => {
            let begin =
                behind.map_or(id3.end, |behind| start + (frames.len() - behind.len()) as u64);
            let data_size = length.saturating_sub(begin);
            track.duration_seconds = rate.get().map(|rate| data_size as f64 * 8.0 / rate as f64);
            if rate.count() < FRAMES && start + (data.len() as u64) < length {
                media.doubt("duration");
            }
        }
    }
    media.duration_seconds = track.duration_seconds;
    media.bit_rate = media
        .duration_seconds
        .filter(|&seconds| seconds > 0.0)
        .map(|seconds| (length as f64 * 8.0 / seconds) as u64);
    media.tracks.push(track);
    media.tracks.extend(id3.take_pictures(1));
    if id3.tags.is_empty()
        && let Some(tag) = ape_tag::read(source)?
    {
        id3.tags = tag.tags;
        id3.pictures = tag.pictures;
        media.tracks.extend(id3.take_pictures(media.tracks.len()));
    }
    if id3.tags.is_empty() {
        let last = source.up_to(length.saturating_sub(128), 128)?;
        id3.tags = id3::read_last(last);
    }
    (media.tags, media.chapters) = (id3.tags, id3.chapters);
    Ok(media)
}

/// Whether what follows the frames that a header counts is another file, or more frames.
fn begins_with_sound(bytes: &[u8], first: &Header) -> bool {
    let other = bytes.starts_with(b"ID3");
    other || mpeg::find(bytes).is_some_and(|(skipped, header)| skipped < 4 && header.fits(first))
}

/// Reads the header frame, if the first frame is one.
fn count(frame: &[u8], header: &Header) -> Option<Count> {
    if header.layer != 3 {
        return None;
    }
    let xing = 4 + header.side_length;
    let mut count = Count::default();
    match frame.get(xing..xing + 4) {
        Some(name @ (b"Xing" | b"Info")) => {
            count.constant = name == b"Info";
            let flags = be32(frame, xing + 4)?;
            let mut at = xing + 8;
            if flags & 1 != 0 {
                count.frames = be32(frame, at)?.into();
                at += 4;
            }
            if flags & 2 != 0 {
                count.bytes = be32(frame, at)?.into();
            }
        }
        _ if frame.get(36..40) == Some(b"VBRI") && be16(frame, 40) == Some(1) => {
            count.bytes = be32(frame, 46)?.into();
            count.frames = be32(frame, 50)?.into();
        }
        _ => return None,
    }
    (count.frames != 0 || count.bytes != 0).then_some(count)
}

/// The average bit rate of the first frames. Only frames count whose header is within the
/// pieces that fifty frames need.
fn average(frames: &[u8]) -> Average {
    let mut rate = Average::default();
    let mut at = 0;
    let mut end = usize::MAX;
    while at + 4 <= end {
        let Some(header) = frames.get(at..).and_then(mpeg::header) else { break };
        let (Some(bits), Some(length)) = (header.bit_rate, header.frame_length) else { break };
        rate.add(bits.into());
        at += length.max(4);
        if rate.count() == FRAMES {
            end = at.next_multiple_of(PIECE);
        }
    }
    rate
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::{ape_tag, testing};

    /// 44.1 kHz, stereo, 128 kbit/s.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x04];
        frame.resize(417, 0);
        frame
    }

    fn counting(name: &[u8], frames: u32, bytes: u32) -> Vec<u8> {
        let mut frame = frame();
        frame[36..40].copy_from_slice(name);
        frame[43] = 3;
        frame[44..48].copy_from_slice(&frames.to_be_bytes());
        frame[48..52].copy_from_slice(&bytes.to_be_bytes());
        frame
    }

    #[test]
    fn the_duration_follows_from_the_header_frame() {
        let data = [counting(b"Xing", 100, 41_700), frame().repeat(99)].concat();
        let media = testing::probe(&data, "mp3").unwrap();
        let seconds = 100.0 * 1152.0 / 44_100.0;
        assert_eq!(media.duration_seconds, Some(seconds));
        assert_eq!(media.tracks[0].bit_rate, Some(127_706));
        assert_eq!(media.tracks[0].channel_layout.as_deref(), Some("stereo"));
        let constant = [counting(b"Info", 100, 41_700), frame().repeat(99)].concat();
        assert_eq!(testing::probe(&constant, "mp3").unwrap().tracks[0].bit_rate, Some(128_000));
    }

    #[test]
    fn without_a_header_frame_it_follows_from_the_bit_rate() {
        let data = [b"ID3\x03\0\0\0\0\0\x04\0\0\0\0", &frame().repeat(100)[..]].concat();
        let media = testing::probe(&data, "mp3").unwrap();
        assert_eq!(media.duration_seconds, Some(41_700.0 * 8.0 / 128_000.0));
        assert!(media.unsure.is_empty());
    }

    #[test]
    fn the_header_frame_of_another_file_is_ignored() {
        let data = [counting(b"Info", 10, 4_170), frame().repeat(99)].concat();
        let media = testing::probe(&data, "mp3").unwrap();
        assert_eq!(media.duration_seconds, Some(41_283.0 * 8.0 / 128_000.0));
        assert_eq!(media.warnings.len(), 1);
    }

    #[test]
    fn the_header_frame_counts_if_what_follows_its_sound_is_none() {
        for rest in [&b"APETAGEX"[..], b"\0\0\0\0", b"garbage"] {
            let sound = [counting(b"Info", 10, 4_170), frame().repeat(9)].concat();
            let data = [sound, rest.repeat(10_000)].concat();
            let media = testing::probe(&data, "mp3").unwrap();
            assert_eq!(media.duration_seconds, Some(10.0 * 1152.0 / 44_100.0));
        }
    }

    #[test]
    fn an_ape_tag_counts_if_no_other_tag_comes_first() {
        let sound = [counting(b"Info", 10, 4_170), frame().repeat(9)].concat();
        let data = [sound, ape_tag::tests::tag()].concat();
        let media = testing::probe(&data, "mp3").unwrap();
        assert_eq!(media.tags["title"], "One");
        assert_eq!((media.tracks[1].index, media.tracks[1].width), (1, Some(5)));
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let tag = b"ID3\x03\0\0\0\0\0\x12TIT2\0\0\0\x06\0\0\0Title\0\0";
        testing::damage(&[&tag[..], &counting(b"Xing", 3, 1251), &frame()].concat(), "mp3");
    }
}
