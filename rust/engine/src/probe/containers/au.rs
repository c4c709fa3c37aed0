//! AU, the sound files of Sun and NeXT: a header, a text, and the sound.

use super::duration;
use crate::probe::codec;
use crate::probe::codec::audio::bits_by_name;
use crate::probe::codec::bits::be32;
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use crate::probe::text::utf8_or_latin1;

/// The most bytes of the text that are read.
const TEXT: usize = 16 * 1024;

/// The names of tags that `ffprobe` takes from the text.
const TAGS: [&str; 5] = ["title", "artist", "album", "track", "genre"];

/// Reads the properties of an AU file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("au");
    let header: [u8; 24] = source.array(0)?;
    let field = |at| be32(&header, at).unwrap_or(0);
    let (start, length, rate, channels) = (field(4), field(8), field(16), field(20));
    if start < 24 || rate == 0 || channels == 0 {
        return Err(Problem::damaged("the header is invalid"));
    }
    let codec = match field(12) {
        1 => Some("pcm_mulaw"),
        2 => Some("pcm_s8"),
        3 => Some("pcm_s16be"),
        4 => Some("pcm_s24be"),
        5 => Some("pcm_s32be"),
        6 => Some("pcm_f32be"),
        7 => Some("pcm_f64be"),
        27 => Some("pcm_alaw"),
        _ => None,
    };
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = codec.map(Name::Borrowed);
    track.channels = Some(channels);
    track.sample_rate = Some(rate);
    codec::read_config(&mut track, &[]);
    let bits = u64::from(codec.and_then(bits_by_name).unwrap_or(0));
    track.bit_rate = Some((u64::from(rate) * u64::from(channels)).saturating_mul(bits));
    let there = source.len().saturating_sub(start.into());
    let length = match length {
        u32::MAX => there,
        length => length.into(),
    };
    if length > there {
        media.warn("the file is cut off");
    }
    match track.bit_rate.filter(|rate| *rate > 0) {
        Some(rate) => {
            media.tracks.push(track);
            let seconds = length as f64 * 8.0 / rate as f64;
            duration::set(&mut media, Some(seconds), source.len());
        }
        None => {
            media.doubt("codec");
            media.tracks.push(track);
        }
    }
    let text = source.up_to(24, (start as usize - 24).min(TEXT))?;
    for line in utf8_or_latin1(text).split(['\0', '\n']) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.to_lowercase();
        if TAGS.contains(&&*name) && !value.trim().is_empty() {
            media.tags.insert(name, value.trim().to_owned());
        }
    }
    Ok(media)
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn file(length: u32, encoding: u32) -> Vec<u8> {
        let mut data = b".snd".to_vec();
        for field in [48, length, encoding, 8000, 2] {
            data.extend(u32::to_be_bytes(field));
        }
        data.extend(b"title=One\nother=2\nartist");
        data.resize(48 + 32_000, 0);
        data
    }

    #[test]
    fn the_header_contains_the_properties() {
        for length in [32_000, u32::MAX] {
            let media = testing::probe(&file(length, 3), "au").unwrap();
            let track = &media.tracks[0];
            assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("pcm_s16be"), Some(16)));
            assert_eq!((track.bit_rate, track.channels), (Some(256_000), Some(2)));
            assert_eq!((media.duration_seconds, media.tags.len()), (Some(1.0), 1));
            assert_eq!(media.tags["title"], "One");
            assert!(media.warnings.is_empty());
        }
        let media = testing::probe(&file(99_000, 3), "au").unwrap();
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(32_000, 27)[..80], "au");
    }
}
