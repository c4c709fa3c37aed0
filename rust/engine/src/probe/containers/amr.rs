//! AMR (RFC 4867, section 5): frames of 20 ms, whose first byte determines their length. As in
//! `ffprobe`, the bit rate is that of the first frames.

use super::duration;
use crate::probe::codec;
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The bytes from whose frames the bit rate is computed.
const HEAD: usize = 64 * 1024;

const FRAMES_PER_SECOND: u64 = 50;

/// The lengths of frames with their first byte, by type. 0 is not allowed.
const NARROW: [usize; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, 0, 0, 0, 1];
const WIDE: [usize; 16] = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 6, 0, 0, 0, 1, 1];

/// Reads the properties of an AMR file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("amr");
    let length = source.len();
    let data = source.up_to(0, HEAD)?;
    let (codec, frames, lengths) = if let Some(frames) = data.strip_prefix(b"#!AMR-WB\n") {
        ("amr_wb", frames, WIDE)
    } else if let Some(frames) = data.strip_prefix(b"#!AMR\n") {
        ("amr_nb", frames, NARROW)
    } else {
        return Err(Problem::Unsupported("AMR with several channels".into()));
    };
    let signature = (data.len() - frames.len()) as u64;
    let (mut at, mut count) = (0, 0);
    while let Some(&first) = frames.get(at) {
        let length = lengths[usize::from(first >> 3 & 15)];
        if length == 0 {
            media.warn("a frame is invalid");
            break;
        }
        at += length;
        count += 1;
    }
    let is_whole = signature + frames.len() as u64 == length;
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some(Name::Borrowed(codec));
    codec::read_config(&mut track, &[]);
    media.tracks.push(track);
    if count == 0 {
        media.warn("the file contains no sound");
        return Ok(media);
    }
    if is_whole && at > frames.len() {
        media.warn("the file is cut off");
    }
    let rate = at as u64 * 8 * FRAMES_PER_SECOND / count;
    media.tracks[0].bit_rate = Some(rate);
    let seconds = (length - signature) as f64 * 8.0 / rate as f64;
    duration::set(&mut media, Some(seconds), length);
    Ok(media)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn file(signature: &[u8], kind: u8, length: usize, count: usize) -> Vec<u8> {
        let mut frame = vec![kind << 3 | 4];
        frame.resize(length, 0x55);
        [signature, &frame.repeat(count)].concat()
    }

    #[test]
    fn frames_give_the_bit_rate_and_the_duration() {
        for (signature, kind, length, codec, rate) in
            [(&b"#!AMR\n"[..], 7, 32, "amr_nb", 12_800), (b"#!AMR-WB\n", 2, 33, "amr_wb", 13_200)]
        {
            for count in [1, 50, 5000] {
                let media = testing::probe(&file(signature, kind, length, count), "amr").unwrap();
                let track = &media.tracks[0];
                assert_eq!((track.codec.as_deref(), track.bit_rate), (Some(codec), Some(rate)));
                assert_eq!(track.channel_layout.as_deref(), Some("mono"));
                let seconds = media.duration_seconds.unwrap();
                assert!((seconds - count as f64 / 50.0).abs() < 0.001);
                assert!(media.warnings.is_empty());
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        let data = file(b"#!AMR\n", 7, 32, 3);
        let media = testing::probe(&data[..data.len() - 1], "amr").unwrap();
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(b"#!AMR-WB\n", 2, 33, 2), "amr");
    }
}
