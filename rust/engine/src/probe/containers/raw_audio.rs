//! Raw AC-3, E-AC-3 and DTS: consecutive frames without a container. As in `ffprobe`, the bit
//! rate is that of the first frames, and the duration is the time that the file takes at this
//! rate.

use super::duration;
use crate::probe::codec::audio::{ac3, dts};
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The bytes from whose frames the bit rate is computed.
const HEAD: usize = 64 * 1024;

/// Reads the properties of raw AC-3 or E-AC-3.
pub fn read_ac3(source: &mut Source<'_>) -> Result<Media> {
    let data = source.up_to(0, HEAD)?.to_vec();
    let first = ac3::header(&data).ok_or_else(no_frame)?;
    let codec = if first.enhanced { "eac3" } else { "ac3" };
    // Frames that depend on another one add to its bits, but not to its time.
    let (mut bytes, mut seconds, mut at) = (0, 0.0, 0);
    while let Some(frame) = data.get(at..).and_then(ac3::header) {
        if at + frame.length > data.len() {
            break;
        }
        at += frame.length;
        bytes += frame.length;
        if !frame.dependent {
            seconds += f64::from(frame.samples) / f64::from(frame.sample_rate);
        }
    }
    let counted = (seconds > 0.0).then(|| (bytes as f64 * 8.0 / seconds).round() as u64);
    let rate = if first.enhanced { counted.unwrap_or(first.bit_rate) } else { first.bit_rate };
    finish(source, codec, &data, Some(rate))
}

/// Reads the properties of raw DTS.
pub fn read_dts(source: &mut Source<'_>) -> Result<Media> {
    let data = source.up_to(0, HEAD)?.to_vec();
    let first = dts::header(&data).ok_or_else(no_frame)?;
    let rate = first.bit_rate.map(u64::from);
    let mut media = finish(source, "dts", &data, rate)?;
    let is_core =
        matches!(media.tracks[0].profile.as_deref(), Some("DTS" | "DTS-ES" | "DTS 96/24"));
    if !is_core {
        // An extension whose size varies.
        (media.duration_seconds, media.bit_rate) = (None, None);
        media.tracks[0].duration_seconds = None;
        media.doubt("duration");
    }
    Ok(media)
}

fn no_frame() -> Problem {
    Problem::damaged("there is no valid frame at the beginning")
}

fn finish(
    source: &Source<'_>,
    codec: &'static str,
    data: &[u8],
    rate: Option<u64>,
) -> Result<Media> {
    let mut media = Media::new(codec);
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some(Name::Borrowed(codec));
    codec::read_packet(&mut track, data, Framing::StartCodes);
    track.bit_rate = rate;
    media.tracks.push(track);
    match rate {
        Some(rate) if rate > 0 => {
            let seconds = source.len() as f64 * 8.0 / rate as f64;
            duration::set(&mut media, Some(seconds), source.len());
        }
        _ => media.doubt("duration"),
    }
    Ok(media)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    /// 48 kHz, 448 kbit/s, 3/2 with low frequency: 32 ms.
    fn ac3_frame() -> Vec<u8> {
        let mut frame = vec![0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1, 0x00];
        frame.resize(1792, 0);
        frame
    }

    /// 48 kHz, 3/2 with low frequency, 6 blocks in 512 bytes.
    fn eac3_frame() -> Vec<u8> {
        let mut frame = vec![0x0b, 0x77, 0x00, 0xff, 0x3f, 0x80];
        frame.resize(512, 0);
        frame
    }

    /// 48 kHz, 1536 kbit/s, five channels and a low-frequency channel.
    fn dts_frame() -> Vec<u8> {
        let mut frame =
            vec![0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x3f, 0xf2, 0x77, 0x00, 0x02, 0x00];
        frame.resize(1024, 0);
        frame
    }

    #[test]
    fn consecutive_frames_are_recognised_and_give_the_duration() {
        for (frame, codec, rate, seconds) in [
            (ac3_frame(), "ac3", 448_000, 0.032),
            (eac3_frame(), "eac3", 128_000, 0.032),
            (dts_frame(), "dts", 1_536_000, 1024.0 * 8.0 / 1_536_000.0),
        ] {
            for count in [1, 2, 100] {
                let media = testing::probe(&frame.repeat(count), codec).unwrap();
                let track = &media.tracks[0];
                assert_eq!((&*media.container, track.codec.as_deref()), (codec, Some(codec)));
                assert_eq!(track.channel_layout.as_deref(), Some("5.1(side)"));
                assert_eq!((track.bit_rate, track.sample_rate), (Some(rate), Some(48_000)));
                let found = media.duration_seconds.unwrap();
                assert!((found - seconds * count as f64).abs() < 1e-6, "{codec}: {found}");
            }
        }
    }

    #[test]
    fn one_frame_with_something_else_behind_it_is_not_media() {
        for frame in [ac3_frame(), eac3_frame()] {
            let data = [&frame[..], b"something else", &frame].concat();
            assert!(testing::probe(&data, "ac3").is_err());
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        for frame in [ac3_frame(), eac3_frame(), dts_frame()] {
            testing::damage(&[&frame[..], &frame[..64]].concat(), "ac3");
        }
    }
}
