//! Raw H.264 and H.265: units with start codes (Annex B of both standards). There are no times,
//! so there is no duration. As in `ffprobe`, the frame rate is the one in the parameter sets,
//! or 25.

use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The bytes in which parameter sets are searched for.
const HEAD: usize = 64 * 1024;

/// Without a rate in the parameter sets, players assume this one.
const USUAL_RATE: &str = "25/1";

/// Reads the properties of raw H.264.
pub fn read_h264(source: &mut Source<'_>) -> Result<Media> {
    read(source, "h264")
}

/// Reads the properties of raw H.265.
pub fn read_h265(source: &mut Source<'_>) -> Result<Media> {
    read(source, "hevc")
}

fn read(source: &mut Source<'_>, codec: &'static str) -> Result<Media> {
    let mut media = Media::new(codec);
    let data = source.up_to(0, HEAD)?;
    let track = described(codec, data)
        .ok_or_else(|| Problem::damaged("there are no parameter sets at the beginning"))?;
    media.tracks.push(track);
    Ok(media)
}

/// A track with what the parameter sets at the beginning say. None if there are none.
fn described(codec: &'static str, data: &[u8]) -> Option<Track> {
    let mut track = Track::new(0, TrackType::Video);
    track.codec = Some(codec.into());
    codec::read_packet(&mut track, data, Framing::StartCodes);
    track.width?;
    track.frame_rate.get_or_insert_with(|| USUAL_RATE.to_owned());
    Some(track)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    /// Parameter sets of H.264: High profile, 64x36 pixels, without a frame rate.
    const H264: &[u8] = b"\0\0\0\x01\x67\x64\0\x0a\xac\xd9\x44\xc6\xc0\x44\0\0\x03\0\x04\0\0\x03\0\xc8\x3c\x48\x96\x58\0\0\x01\x68\xeb\xe3\xcb\x22\xc0\0\0\x01\x65\x88";

    #[test]
    fn parameter_sets_contain_the_properties() {
        let media = testing::probe(H264, "h264").unwrap();
        let track = &media.tracks[0];
        assert_eq!((&*media.container, track.codec.as_deref()), ("h264", Some("h264")));
        assert_eq!(track.profile.as_deref(), Some("High"));
        assert_eq!((media.duration_seconds, track.frame_rate.as_deref()), (None, Some("25/1")));
    }

    #[test]
    fn units_without_parameter_sets_are_not_media() {
        assert!(testing::probe(b"\0\0\0\x01\x09\xf0\0\0\x01\x65\x88", "h264").is_err());
        assert!(testing::probe(b"\0\0\x01\x06some text\0\0\x01\x67", "h264").is_err());
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(H264, "h264");
    }
}
