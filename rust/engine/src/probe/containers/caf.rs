//! Core Audio Format (Apple, version 1.0): chunks with sizes of 64 bits.

use super::duration;
use super::isomedia::{channels, read_cookie};
use crate::probe::codec::bits::be32;
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// No file has more chunks unless it is malicious.
const MOST_CHUNKS: usize = 64;

/// The most bytes of a chunk that are read.
const CHUNK: usize = 64 * 1024;

/// The most texts in an information chunk.
const MOST_TEXTS: u32 = 1024;

/// The bytes of sound by which codecs with frames are recognised.
const SOUND: usize = 16 * 1024;

/// The description of the sound (`desc`).
#[derive(Clone, Copy, Debug)]
struct Description {
    sample_rate: f64,
    format: [u8; 4],
    flags: u32,
    /// 0 if it varies.
    bytes_per_packet: u32,
    /// 0 if it varies.
    frames_per_packet: u32,
    channels: u32,
    bits: u32,
}

/// Where the sound is. `length` is None if it extends to the end of the file.
#[derive(Clone, Copy, Debug)]
struct Sound {
    start: u64,
    length: Option<u64>,
}

/// The beginning of a packet table (`pakt`).
#[derive(Clone, Copy, Debug, Default)]
struct Packets {
    count: u64,
    /// All frames, also those before and after the valid ones.
    frames: u64,
}

/// Reads the properties of a CAF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("caf");
    let (mut description, mut sound) = (None, None);
    let mut packets = Packets::default();
    let (mut layout, mut cookie) = (Vec::new(), Vec::new());
    let mut at = 8;
    for _ in 0..MOST_CHUNKS {
        let Some((name, length)) = header(source.up_to(at, 12)?) else { break };
        let body = at + 12;
        let size = u64::try_from(length).ok();
        let most = size.map_or(CHUNK, |size| usize::try_from(size).unwrap_or(CHUNK).min(CHUNK));
        match &name {
            b"desc" => description = Description::parse(source.up_to(body, most)?),
            // An edit count comes first.
            b"data" => {
                let length = size.map(|size| size.saturating_sub(4));
                sound = Some(Sound { start: body + 4, length });
            }
            b"chan" => layout = source.up_to(body, most)?.to_vec(),
            b"kuki" => cookie = source.up_to(body, most)?.to_vec(),
            b"pakt" => packets = Packets::parse(source.up_to(body, 24)?).unwrap_or_default(),
            b"info" => read_texts(&mut media, source.up_to(body, most)?),
            _ => {}
        }
        let Some(size) = size else { break };
        at = body.saturating_add(size);
        if at > source.len() && sound.is_some() {
            media.warn("the file is cut off");
        }
        if at >= source.len() {
            break;
        }
    }
    let description =
        description.ok_or_else(|| Problem::damaged("the description of the sound is missing"))?;
    let Some(sound) = sound else {
        return Err(Problem::damaged("the file contains no sound"));
    };
    let there = source.len().saturating_sub(sound.start);
    let length = sound.length.unwrap_or(there);
    let mut track = description.track();
    let frames = description.frames(length, packets);
    if let Some(rate) = description.bit_rate() {
        track.bit_rate = Some(rate);
    }
    if track.codec.as_deref() == Some("aac") {
        cookie = read_cookie(&mut track, &cookie);
    }
    let config = match cookie.get(4..12) {
        // QuickTime's form, in which ALAC has a box in front.
        Some(b"frmaalac") => cookie.get(12..).unwrap_or_default(),
        _ => &cookie[..],
    };
    if !layout.is_empty() {
        // As in MP4, without the version in front.
        channels::read(&[&[0; 4], &layout[..]].concat(), &mut track);
    }
    codec::read_config(&mut track, config);
    if codec::wants_packet(&track) {
        let start = source.up_to(sound.start, SOUND)?.to_vec();
        codec::read_packet(&mut track, &start, Framing::StartCodes);
    }
    if track.codec.is_none() {
        media.doubt("codec");
    }
    media.tracks.push(track);
    match frames {
        Some(frames) => {
            let seconds = frames as f64 / description.sample_rate;
            duration::set(&mut media, Some(seconds), source.len());
        }
        None => media.doubt("duration"),
    }
    Ok(media)
}

fn header(bytes: &[u8]) -> Option<([u8; 4], i64)> {
    let (name, length) = bytes.split_first_chunk()?;
    Some((*name, i64::from_be_bytes(*length.first_chunk()?)))
}

impl Description {
    fn parse(fields: &[u8]) -> Option<Self> {
        let description = Self {
            sample_rate: f64::from_be_bytes(*fields.first_chunk()?),
            format: *fields.get(8..)?.first_chunk()?,
            flags: be32(fields, 12)?,
            bytes_per_packet: be32(fields, 16)?,
            frames_per_packet: be32(fields, 20)?,
            channels: be32(fields, 24)?,
            bits: be32(fields, 28)?,
        };
        (1.0..4e9).contains(&description.sample_rate).then_some(description)
    }

    fn track(&self) -> Track {
        let mut track = Track::new(0, TrackType::Audio);
        track.codec = match &self.format {
            b"lpcm" => self.pcm().map(Into::into),
            b"aac " | b"aacl" | b"aach" | b"aacp" => Some("aac".into()),
            b"ac-3" => Some("ac3".into()),
            b"ec-3" => Some("eac3".into()),
            b"alac" => Some("alac".into()),
            b"flac" => Some("flac".into()),
            b"opus" => Some("opus".into()),
            b".mp1" => Some("mp1".into()),
            b".mp2" => Some("mp2".into()),
            b".mp3" | b"ms\0U" => Some("mp3".into()),
            b"ima4" => Some("adpcm_ima_qt".into()),
            b"ms\0\x02" => Some("adpcm_ms".into()),
            b"ms\0\x11" => Some("adpcm_ima_wav".into()),
            b"alaw" => Some("pcm_alaw".into()),
            b"ulaw" => Some("pcm_mulaw".into()),
            b"samr" => Some("amr_nb".into()),
            b"agsm" => Some("gsm".into()),
            b"ms\x001" => Some("gsm_ms".into()),
            b"ilbc" => Some("ilbc".into()),
            b"MAC3" => Some("mace3".into()),
            b"MAC6" => Some("mace6".into()),
            b"Qclp" => Some("qcelp".into()),
            b"QDM2" => Some("qdm2".into()),
            b"QDMC" => Some("qdmc".into()),
            _ => None,
        };
        track.channels = Some(self.channels).filter(|&count| count > 0);
        track.sample_rate = Some(self.sample_rate as u32);
        track
    }

    /// The codec of linear PCM: bit 0 of the flags stands for numbers with a decimal point, bit
    /// 1 for little-endian.
    fn pcm(&self) -> Option<String> {
        let order = if self.flags & 2 != 0 { "le" } else { "be" };
        match (self.flags & 1, self.bits) {
            (0, 8) => Some("pcm_s8".into()),
            (0, 16 | 24 | 32) => Some(format!("pcm_s{}{order}", self.bits)),
            (1, 32 | 64) => Some(format!("pcm_f{}{order}", self.bits)),
            _ => None,
        }
    }

    /// The bit rate, if all packets have the same size.
    fn bit_rate(&self) -> Option<u64> {
        if self.bytes_per_packet == 0 || self.frames_per_packet == 0 {
            return None;
        }
        let bits = f64::from(self.bytes_per_packet) * 8.0;
        Some((self.sample_rate * bits / f64::from(self.frames_per_packet)) as u64)
    }

    /// The number of frames, which are samples per channel, in `length` bytes of sound.
    fn frames(&self, length: u64, packets: Packets) -> Option<u64> {
        let per_packet = u64::from(self.frames_per_packet);
        if per_packet > 0 && self.bytes_per_packet > 0 {
            return Some((length / u64::from(self.bytes_per_packet)).saturating_mul(per_packet));
        }
        let frames = match per_packet {
            0 => packets.frames,
            _ => packets.count.saturating_mul(per_packet),
        };
        (frames > 0).then_some(frames)
    }
}

impl Packets {
    fn parse(fields: &[u8]) -> Option<Self> {
        let (count, rest) = fields.split_first_chunk()?;
        let (valid, rest) = rest.split_first_chunk()?;
        let (before, after) = (be32(rest, 0)?, be32(rest, 4)?);
        let valid = u64::from_be_bytes(*valid);
        let frames = valid.saturating_add(before.into()).saturating_add(after.into());
        Some(Self { count: u64::from_be_bytes(*count), frames })
    }
}

/// Reads an information chunk: a count, then names and values that zeros end.
fn read_texts(media: &mut Media, fields: &[u8]) {
    let count = be32(fields, 0).unwrap_or(0).min(MOST_TEXTS);
    let mut texts = fields.get(4..).unwrap_or_default().split(|&byte| byte == 0);
    for _ in 0..count {
        let (Some(name), Some(value)) = (texts.next(), texts.next()) else { break };
        let name = String::from_utf8_lossy(name).to_lowercase();
        let value = String::from_utf8_lossy(value);
        if !name.is_empty() && !value.is_empty() {
            media.tags.insert(name, value.into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn chunk(name: &[u8], length: i64, body: &[u8]) -> Vec<u8> {
        [name, &length.to_be_bytes(), body].concat()
    }

    fn description(format: &[u8], fields: [u32; 5]) -> Vec<u8> {
        let mut body = 48_000_f64.to_be_bytes().to_vec();
        body.extend(format);
        body.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
        chunk(b"desc", 32, &body)
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        [b"caff\0\x01\0\0", &chunks.concat()[..]].concat()
    }

    fn pcm(length: i64) -> Vec<u8> {
        file(&[
            description(b"lpcm", [2, 4, 1, 2, 16]),
            chunk(b"chan", 12, b"\0\x65\0\x02\0\0\0\0\0\0\0\0"),
            chunk(b"info", 25, b"\0\0\0\x02title\0One\0Artist\0Two\0"),
            chunk(b"data", length, &[0; 96_004]),
        ])
    }

    #[test]
    fn chunks_contain_all_properties() {
        for length in [96_004, -1] {
            let media = testing::probe(&pcm(length), "caf").unwrap();
            let track = &media.tracks[0];
            assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("pcm_s16le"), Some(16)));
            assert_eq!(track.channel_layout.as_deref(), Some("stereo"));
            assert_eq!((track.bit_rate, media.duration_seconds), (Some(1_536_000), Some(0.5)));
            assert_eq!((&*media.tags["title"], &*media.tags["artist"]), ("One", "Two"));
            assert!(media.warnings.is_empty() && media.unsure.is_empty());
        }
        assert_eq!(
            testing::probe(&pcm(96_004)[..5000], "caf").unwrap().warnings,
            ["the file is cut off"]
        );
    }

    #[test]
    fn packets_of_varying_size_are_counted_by_their_table() {
        let mut table = 10_u64.to_be_bytes().to_vec();
        table.extend(9000_u64.to_be_bytes());
        table.extend([0, 0, 0, 100, 0, 0, 0, 0]);
        for (per_packet, frames) in [(4096, 40_960.0), (0, 9100.0)] {
            let data = file(&[
                description(b"alac", [1, 0, per_packet, 2, 16]),
                chunk(b"data", 14, &[0; 14]),
                chunk(b"pakt", 24, &table),
            ]);
            let media = testing::probe(&data, "caf").unwrap();
            assert_eq!(media.duration_seconds, Some(frames / 48_000.0));
        }
    }

    #[test]
    fn aac_has_its_configuration_in_the_cookie() {
        let cookie =
            b"\x03\x1b\0\0\0\x04\x13\x40\x15\0\0\0\0\0\0\0\0\x01\xf4\0\x05\x02\x11\x90\x06\x01\x02";
        let data = file(&[
            description(b"aac ", [0, 0, 1024, 2, 0]),
            chunk(b"kuki", cookie.len() as i64, cookie),
            chunk(b"data", -1, &[0; 14]),
        ]);
        let track = &testing::probe(&data, "caf").unwrap().tracks[0];
        assert_eq!((track.codec.as_deref(), track.profile.as_deref()), (Some("aac"), Some("LC")));
        assert_eq!(track.channel_layout.as_deref(), Some("stereo"));
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let data = pcm(16);
        testing::damage(&data[..data.len() - 96_000], "caf");
    }
}
