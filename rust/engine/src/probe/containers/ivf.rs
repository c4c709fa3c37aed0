//! IVF: a header, and frames of VP8, VP9 or AV1 with times.

use super::{duration, riff};
use crate::probe::codec::bits::{le16, le32};
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::rational;
use crate::probe::source::Source;

/// The bytes in which frames are read: the first for the codec, others for the frame rate.
const HEAD: usize = 64 * 1024;

/// The number of times from which the frame rate is computed.
const TIMES: usize = 40;

/// Reads the properties of an IVF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("ivf");
    let data = source.up_to(0, HEAD)?.to_vec();
    let header = data.first_chunk::<32>();
    let header = header.ok_or_else(|| Problem::damaged("the header is cut off"))?;
    let code = [header[8], header[9], header[10], header[11]];
    let mut track = Track::new(0, TrackType::Video);
    track.codec = riff::video_codec(code).map(Name::Borrowed);
    track.width = le16(header, 12).map(u32::from).filter(|&width| width > 0);
    track.height = le16(header, 14).map(u32::from).filter(|&height| height > 0);
    // Units of time per second.
    let (above, below) = (le32(header, 16).unwrap_or(0), le32(header, 20).unwrap_or(0));
    let units = le32(header, 24).unwrap_or(0);
    if above == 0 || below == 0 {
        return Err(Problem::damaged("the header contains no valid clock"));
    }
    let mut times = Vec::new();
    let mut at = usize::from(le16(header, 6).unwrap_or(32)).max(32);
    while let Some(frame) = data.get(at..).filter(|frame| frame.len() > 12) {
        let length = le32(frame, 0).unwrap_or(0) as usize;
        let body = &frame[12..];
        if times.is_empty() {
            codec::read_packet(&mut track, &body[..length.min(body.len())], Framing::StartCodes);
        }
        times.extend(frame.get(4..).and_then(|time| time.first_chunk()).copied());
        at = at.saturating_add(12).saturating_add(length);
        if times.len() >= TIMES {
            break;
        }
    }
    if at > data.len() && data.len() as u64 == source.len() {
        media.warn("the file is cut off");
    }
    track.frame_rate = frame_rate(&times, (above, below));
    if track.codec.is_none() {
        media.doubt("codec");
    }
    media.tracks.push(track);
    if units == 0 || units == u32::MAX {
        media.doubt("duration");
    } else {
        let seconds = f64::from(units) * f64::from(below) / f64::from(above);
        duration::set(&mut media, Some(seconds), source.len());
    }
    Ok(media)
}

/// The frame rate by the times of the first frames, given the units of time per second.
fn frame_rate(times: &[[u8; 8]], (above, below): (u32, u32)) -> Option<String> {
    let times = || times.iter().map(|time| u64::from_le_bytes(*time));
    let (first, last) = (times().min()?, times().max()?);
    let steps = times().count() as u64 - 1;
    if steps == 0 || first == last {
        return rational::rate(above.into(), below.into());
    }
    let above = u64::from(above).checked_mul(steps)?;
    rational::rate(above, u64::from(below).checked_mul(last - first)?)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn file(frames: u64, step: u64) -> Vec<u8> {
        let mut data = b"DKIF\0\0\x20\0VP80".to_vec();
        data.extend([64, 0, 36, 0]);
        for field in [50_u32, 1, 100, 0] {
            data.extend(field.to_le_bytes());
        }
        for frame in 0..frames {
            data.extend(20_u32.to_le_bytes());
            data.extend((frame * step).to_le_bytes());
            data.extend(b"\x10\x02\0\x9d\x01\x2a\x40\0\x24\0");
            data.extend([0; 10]);
        }
        data
    }

    #[test]
    fn header_and_frames_contain_the_properties() {
        let media = testing::probe(&file(50, 2), "ivf").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.profile.as_deref()), (Some("vp8"), Some("0")));
        assert_eq!((track.width, track.height), (Some(64), Some(36)));
        assert_eq!(track.frame_rate.as_deref(), Some("25/1"));
        assert_eq!(media.duration_seconds, Some(2.0));
        assert!(media.warnings.is_empty() && media.unsure.is_empty());
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        let data = file(5, 2);
        let media = testing::probe(&data[..data.len() - 3], "ivf").unwrap();
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(2, 1), "ivf");
    }
}
