//! AIFF and AIFF-C (Apple, 1989 and 1991): IFF chunks with the sound's description, tags and
//! the sound, in any order.

use super::isomedia::channels;
use super::{duration, id3};
use crate::probe::codec;
use crate::probe::codec::audio::bits_by_name;
use crate::probe::codec::bits::{be16, be32};
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use crate::probe::text::utf8_or_latin1;

/// No file has more chunks unless it is malicious.
const MOST_CHUNKS: usize = 128;

/// The most bytes of a text or of a description that are read.
const TEXT: usize = 16 * 1024;

/// The description of the sound (`COMM`).
#[derive(Clone, Copy, Debug)]
struct Common {
    channels: u32,
    frames: u64,
    bits: u16,
    sample_rate: f64,
    /// The compression of AIFF-C.
    compression: Option<[u8; 4]>,
}

/// Reads the properties of an AIFF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("aiff");
    let (mut common, mut layout, mut has_sound) = (None, Vec::new(), false);
    let mut pictures = Vec::new();
    let mut at: u64 = 12;
    for _ in 0..MOST_CHUNKS {
        let header = source.up_to(at, 8)?;
        let (Some(name), Some(length)) = (header.first_chunk::<4>().copied(), be32(header, 4))
        else {
            break;
        };
        let body = at + 8;
        let length = u64::from(length);
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(TEXT);
        at = body + length.next_multiple_of(2);
        match &name {
            b"COMM" => common = Common::parse(source.up_to(body, most)?),
            b"SSND" => {
                has_sound = true;
                // Programs that write to a pipe do not know the length.
                if body + length > source.len() {
                    media.warn("the file is cut off");
                    break;
                }
            }
            b"CHAN" => layout = source.up_to(body, most)?.to_vec(),
            b"ID3 " | b"id3 " => {
                let mut id3 = id3::read(source, body)?;
                pictures.extend(id3.take_pictures(1 + pictures.len()));
                media.chapters.append(&mut id3.chapters);
                media.tags.extend(id3.tags);
            }
            b"NAME" => insert(&mut media, "title", source.up_to(body, most)?),
            b"AUTH" => insert(&mut media, "author", source.up_to(body, most)?),
            b"(c) " => insert(&mut media, "copyright", source.up_to(body, most)?),
            b"ANNO" => insert(&mut media, "comment", source.up_to(body, most)?),
            _ => {}
        }
        if at >= source.len() {
            break;
        }
    }
    let common =
        common.ok_or_else(|| Problem::damaged("the description of the sound is missing"))?;
    if !has_sound && common.frames != 0 {
        media.warn("the file is cut off");
    }
    let mut track = Track::new(0, TrackType::Audio);
    let seconds = common.apply(&mut track);
    if track.codec.is_none() {
        media.doubt("codec");
    }
    // As in MP4, without the version in front.
    channels::read(&[&[0; 4], &layout[..]].concat(), &mut track);
    media.tracks.push(track);
    media.tracks.append(&mut pictures);
    duration::set(&mut media, seconds, source.len());
    Ok(media)
}

impl Common {
    fn parse(fields: &[u8]) -> Option<Self> {
        let common = Self {
            channels: be16(fields, 0)?.into(),
            frames: be32(fields, 2)?.into(),
            bits: be16(fields, 6)?,
            sample_rate: extended(fields.get(8..18)?.first_chunk()?)?,
            compression: fields.get(18..22).and_then(|name| name.first_chunk()).copied(),
        };
        (common.channels > 0).then_some(common)
    }

    /// Sets the fields of the track. Returns the duration in seconds.
    fn apply(self, track: &mut Track) -> Option<f64> {
        track.channels = Some(self.channels);
        track.sample_rate = Some(self.sample_rate as u32);
        let codec = match self.compression {
            None => pcm(self.bits),
            Some(compression) => compressed(compression, self.bits),
        };
        track.codec = codec.map(Name::Borrowed);
        codec::read_config(track, &[]);
        // The bytes of a block of all channels, and the samples per channel in it.
        let channels = u64::from(self.channels);
        let (bytes, samples) = match codec? {
            "adpcm_ima_qt" => (34 * channels, 64),
            "gsm" => (33, 160),
            "mace3" => (2 * channels, 6),
            "mace6" => (channels, 6),
            codec => {
                let bits = u64::from(bits_by_name(codec).unwrap_or(0));
                (bits * channels / 8, 1)
            }
        };
        track.bit_rate = Some((self.sample_rate * (bytes * 8) as f64 / samples as f64) as u64);
        Some((self.frames * samples) as f64 / self.sample_rate)
    }
}

/// A number of 80 bits (IEEE 754), as a sampling rate: None if it is no number above 0.
fn extended(bytes: &[u8; 10]) -> Option<f64> {
    let [high, low, mantissa @ ..] = *bytes;
    let exponent = i32::from(u16::from_be_bytes([high, low])) - 16_383 - 63;
    let value = u64::from_be_bytes(mantissa) as f64 * f64::from(exponent).exp2();
    (1.0..4e9).contains(&value).then_some(value)
}

fn pcm(bits: u16) -> Option<&'static str> {
    match bits {
        1..=8 => Some("pcm_s8"),
        9..=16 => Some("pcm_s16be"),
        17..=24 => Some("pcm_s24be"),
        25..=32 => Some("pcm_s32be"),
        _ => None,
    }
}

fn compressed(compression: [u8; 4], bits: u16) -> Option<&'static str> {
    Some(match &compression {
        b"NONE" | b"twos" => return pcm(bits),
        b"sowt" => "pcm_s16le",
        b"raw " => "pcm_u8",
        b"in24" => "pcm_s24be",
        b"in32" => "pcm_s32be",
        b"fl32" | b"FL32" => "pcm_f32be",
        b"fl64" | b"FL64" => "pcm_f64be",
        b"alaw" | b"ALAW" => "pcm_alaw",
        b"ulaw" | b"ULAW" => "pcm_mulaw",
        b"ima4" => "adpcm_ima_qt",
        b"GSM " => "gsm",
        b"MAC3" => "mace3",
        b"MAC6" => "mace6",
        _ => return None,
    })
}

fn insert(media: &mut Media, key: &str, text: &[u8]) {
    let text = utf8_or_latin1(text).trim_matches(['\0', ' ']).to_owned();
    if !text.is_empty() {
        media.tags.insert(key.to_owned(), text);
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;
    use crate::probe::model::Media;

    fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
        let mut chunk = [name, &(body.len() as u32).to_be_bytes(), body].concat();
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    }

    fn common(bits: u16, compression: &[u8]) -> Vec<u8> {
        let mut body = b"\0\x02\0\0\xac\x44".to_vec();
        body.extend(bits.to_be_bytes());
        body.extend(b"\x40\x0e\xac\x44\0\0\0\0\0\0");
        body.extend(compression);
        chunk(b"COMM", &body)
    }

    fn form(kind: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
        chunk(b"FORM", &[kind, &chunks.concat()].concat())
    }

    fn probe(data: &[u8]) -> Media {
        testing::probe(data, "aiff").unwrap()
    }

    #[test]
    fn chunks_contain_all_properties_in_any_order() {
        let chunks = [chunk(b"NAME", b"Title"), chunk(b"SSND", &[0; 176_408]), common(16, b"")];
        let media = probe(&form(b"AIFF", &chunks));
        let track = &media.tracks[0];
        assert_eq!(media.duration_seconds, Some(1.0));
        assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("pcm_s16be"), Some(16)));
        assert_eq!((track.channels, track.sample_rate), (Some(2), Some(44_100)));
        assert_eq!((track.bit_rate, &*media.tags["title"]), (Some(1_411_200), "Title"));
        assert!(media.warnings.is_empty() && media.unsure.is_empty());
    }

    #[test]
    fn compression_determines_the_codec_and_the_duration() {
        for (compression, codec, bits, seconds) in [
            (b"NONE", "pcm_s24be", 20, 1.0),
            (b"sowt", "pcm_s16le", 16, 1.0),
            (b"fl32", "pcm_f32be", 32, 1.0),
            (b"ima4", "adpcm_ima_qt", 16, 64.0),
        ] {
            let chunks = [common(bits, compression), chunk(b"SSND", &[0; 8])];
            let media = probe(&form(b"AIFC", &chunks));
            assert_eq!(media.tracks[0].codec.as_deref(), Some(codec));
            assert_eq!(media.duration_seconds, Some(seconds));
        }
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        let whole = form(b"AIFF", &[common(16, b""), chunk(b"SSND", &[0; 176_408])]);
        assert_eq!(probe(&whole[..9000]).warnings, ["the file is cut off"]);
        assert_eq!(probe(&whole[..40]).warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let chunks = [
            chunk(b"CHAN", b"\0\x65\0\x02\0\0\0\0\0\0\0\0"),
            common(16, b""),
            chunk(b"ID3 ", b"ID3\x03\0\0\0\0\0\x12TIT2\0\0\0\x06\0\0\0Title\0\0"),
            chunk(b"SSND", &[0; 16]),
        ];
        testing::damage(&form(b"AIFF", &chunks), "aiff");
    }
}
