//! WAV: RIFF with a `fmt ` chunk. Also RF64 and BW64 (EBU Tech 3306), which have 64-bit
//! sizes, and Sony Wave64, whose chunks are named by GUIDs.

use std::collections::BTreeMap;

use super::vorbis_comment::close_chapters;
use super::{id3, riff};
use crate::probe::codec::audio::{bits_by_name, layout};
use crate::probe::codec::bits::{le16, le32};
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Chapter, Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use crate::probe::text;

/// No file has more chunks unless it is malicious.
const MOST_CHUNKS: usize = 64;

/// No file has more cue points unless it is malicious.
const MOST_CUES: usize = 4096;

/// The most bytes of a text chunk that are read.
const TEXT: usize = 64 * 1024;

/// The bytes of sound by which codecs with frames are recognised.
const SOUND: usize = 16 * 1024;

/// Bytes 4 to 15 of the GUIDs that Wave64 makes of four letters.
const W64_TAIL: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// The content of the chunks before the sound.
#[derive(Clone, Debug, Default)]
struct Format {
    codec: Option<&'static str>,
    channels: u32,
    sample_rate: u32,
    bytes_per_second: u32,
    bits: u32,
    mask: u64,
    extra: Vec<u8>,
}

/// Where the sound is. `length` is the one in the file, 0 if the file does not contain it.
#[derive(Clone, Copy, Debug, Default)]
struct Sound {
    start: u64,
    length: u64,
}

/// Reads the properties of a WAV file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("wav");
    let wide = source.up_to(0, 4)? == b"riff";
    let mut at = if wide { 40 } else { 12 };
    let (mut format, mut sound) = (None, None);
    let (mut cues, mut labels, mut pictures) = (Vec::new(), BTreeMap::new(), Vec::new());
    // From `ds64`: the length of the sound, and the samples per channel.
    let (mut long, mut samples) = (0, 0);
    for _ in 0..MOST_CHUNKS {
        let Some((name, length, body)) = chunk(source, at, wide)? else { break };
        at = body.saturating_add(length.next_multiple_of(if wide { 8 } else { 2 }));
        let text = usize::try_from(length).unwrap_or(usize::MAX).min(TEXT);
        match &name {
            b"ds64" => {
                let fields = source.up_to(body, 24)?;
                long = le64(fields, 8).unwrap_or(0);
                samples = le64(fields, 16).unwrap_or(0);
            }
            b"fmt " => format = parse_format(source.up_to(body, text)?),
            b"fact" if wide => samples = le64(source.up_to(body, 8)?, 0).unwrap_or(0),
            b"fact" if samples == 0 => {
                samples = le32(source.up_to(body, 4)?, 0).unwrap_or(0).into();
            }
            b"data" => {
                let unknown = !wide && length >= u64::from(u32::MAX);
                let length = if unknown { long } else { length };
                let length = if wide { length.next_multiple_of(8) } else { length };
                sound = Some(Sound { start: body, length });
                if length == 0 {
                    break;
                }
                at = body.saturating_add(length.next_multiple_of(2));
            }
            b"LIST" => {
                let list = source.up_to(body, text)?;
                read_list(&mut media, list);
                read_labels(&mut labels, list);
            }
            b"bext" => read_broadcast(&mut media, source.up_to(body, text)?),
            b"id3 " | b"ID3 " => {
                let mut tags = id3::read(source, body)?;
                pictures.append(&mut tags.pictures);
                for (key, value) in tags.tags {
                    media.tags.entry(key).or_insert(value);
                }
            }
            b"cue " => cues = read_cues(source.up_to(body, text)?),
            _ => {}
        }
        if at >= source.len() {
            break;
        }
    }
    let format = format.ok_or_else(|| Problem::damaged("the format of the sound is missing"))?;
    let sound = sound.ok_or_else(|| Problem::damaged("the file contains no sound"))?;
    let rate = format.sample_rate;
    let mut media = finish(source, media, &format, sound, samples)?;
    media.chapters = chapters(cues, &labels, rate);
    let seconds = media.duration_seconds;
    close_chapters(&mut media.chapters, seconds);
    for mut picture in pictures {
        picture.index = media.tracks.len() as u32;
        media.tracks.push(picture);
    }
    Ok(media)
}

/// Reads cue points: the id of each, and its sample.
fn read_cues(chunk: &[u8]) -> Vec<(u32, u32)> {
    let points = chunk.get(4..).unwrap_or_default().chunks_exact(24).take(MOST_CUES);
    points.filter_map(|point| Some((le32(point, 0)?, le32(point, 20)?))).collect()
}

/// Reads a `LIST` of kind `adtl`, as far as it contains the labels of cue points.
fn read_labels(labels: &mut BTreeMap<u32, String>, list: &[u8]) {
    let Some(mut rest) = list.strip_prefix(b"adtl") else { return };
    for _ in 0..MOST_CUES {
        let (Some(name), Some(length)) = (rest.first_chunk::<4>(), le32(rest, 4)) else { break };
        let body = rest.get(8..).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let content = body.get(..length).unwrap_or(body);
        if let (b"labl", Some(id), Some(label)) = (name, le32(content, 0), content.get(4..)) {
            let end = label.iter().position(|&byte| byte == 0).unwrap_or(label.len());
            let label = text::utf8_or_latin1(&label[..end]).trim().to_owned();
            labels.entry(id).or_insert(label);
        }
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
}

/// The chapters that begin at cue points, in the order of their times.
fn chapters(mut cues: Vec<(u32, u32)>, labels: &BTreeMap<u32, String>, rate: u32) -> Vec<Chapter> {
    cues.sort_by_key(|&(_, sample)| sample);
    let chapter = |(id, sample)| Chapter {
        start_seconds: f64::from(sample) / f64::from(rate),
        end_seconds: None,
        title: labels.get(&id).cloned(),
    };
    cues.into_iter().map(chapter).collect()
}

/// Reads a chunk's name, length and place.
fn chunk(source: &mut Source<'_>, at: u64, wide: bool) -> Result<Option<([u8; 4], u64, u64)>> {
    let header = source.up_to(at, if wide { 24 } else { 8 })?;
    let Some(name) = header.first_chunk::<4>() else { return Ok(None) };
    if wide {
        let known = header.get(4..16) == Some(W64_TAIL);
        let name = if known { *name } else { *b"    " };
        let length = le64(header, 16).and_then(|length| length.checked_sub(24));
        return Ok(length.map(|length| (name, length, at + 24)));
    }
    Ok(le32(header, 4).map(|length| (*name, u64::from(length), at + 8)))
}

fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Parses WAVEFORMATEX, or the older formats that it extends.
fn parse_format(bytes: &[u8]) -> Option<Format> {
    let mut tag = le16(bytes, 0)?;
    let mut format = Format {
        channels: le16(bytes, 2)?.into(),
        sample_rate: le32(bytes, 4)?,
        bytes_per_second: le32(bytes, 8)?,
        bits: le16(bytes, 14).unwrap_or(8).into(),
        ..Format::default()
    };
    format.extra = bytes.get(18..).unwrap_or_default().to_vec();
    if tag == 0xfffe && bytes.len() >= 40 {
        format.mask = le32(bytes, 20)?.into();
        tag = le16(bytes, 24)?;
        // Of the bits that are stored, this many are used.
        format.extra = bytes.get(40..).unwrap_or_default().to_vec();
    }
    format.codec = riff::audio_codec(tag, format.bits);
    (format.channels != 0 && format.sample_rate != 0).then_some(format)
}

fn finish(
    source: &mut Source<'_>,
    mut media: Media,
    format: &Format,
    sound: Sound,
    samples: u64,
) -> Result<Media> {
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = format.codec.map(Name::Borrowed);
    track.channels = Some(format.channels);
    track.sample_rate = Some(format.sample_rate);
    if format.mask.count_ones() == format.channels {
        track.channel_layout = layout::from_mask(format.mask);
    }
    track.bit_rate = Some(u64::from(format.bytes_per_second) * 8).filter(|&rate| rate != 0);
    codec::read_config(&mut track, &format.extra);
    if codec::wants_packet(&track) {
        let packet = source.up_to(sound.start, SOUND)?.to_vec();
        codec::read_packet(&mut track, &packet, Framing::StartCodes);
    }
    match format.codec {
        Some("adpcm_g722") => layout::set_count(&mut track, 1),
        None => media.doubt("codec"),
        _ => {}
    }
    let bits = format.codec.and_then(bits_by_name).unwrap_or(0);
    if bits != 0 && format.codec.is_some_and(|codec| codec.starts_with("pcm_")) {
        let rate = u64::from(format.sample_rate) * u64::from(format.channels) * u64::from(bits);
        track.bit_rate = Some(rate);
    }
    let seconds = duration(source, format, sound, samples, track.bit_rate);
    track.duration_seconds = seconds;
    media.duration_seconds = seconds;
    let length = source.len() as f64;
    media.bit_rate =
        seconds.filter(|&seconds| seconds > 0.0).map(|seconds| (length * 8.0 / seconds) as u64);
    if sound.start.saturating_add(sound.length) > source.len() {
        media.warn("the file is cut off");
    }
    media.tracks.push(track);
    Ok(media)
}

/// The duration by the size of the sound if samples have a size, otherwise by the number of
/// samples, otherwise by the bit rate.
fn duration(
    source: &Source<'_>,
    format: &Format,
    sound: Sound,
    mut samples: u64,
    bit_rate: Option<u64>,
) -> Option<f64> {
    let channels = u64::from(format.channels);
    let rate = u64::from(format.sample_rate);
    let whole = sound.start.saturating_add(sound.length) <= source.len();
    let bits = sound.length.checked_mul(8).unwrap_or(0);
    // Some programs count the samples of all channels.
    if channels > 1 && samples != 0 && samples.is_multiple_of(channels) {
        let one = bits as f64 * (channels * rate) as f64 / samples as f64;
        if bit_rate.is_some_and(|rate| (one / rate as f64 - 1.0).abs() < 0.3) {
            samples /= channels;
        }
    }
    if bits > 0 && samples != 0 && bits / samples / channels > u64::from(format.bits) + 1 {
        samples = 0;
    }
    let sized = format.codec.and_then(bits_by_name).map_or(0, u64::from);
    let exact = sized != 0 && !matches!(format.codec, Some("adpcm_ms" | "adpcm_ima_wav"));
    if (samples == 0 || exact) && sized != 0 && bits != 0 && whole {
        samples = bits / (channels * sized);
    }
    if samples != 0 {
        return Some(samples as f64 / format.sample_rate as f64);
    }
    let there = source.len().saturating_sub(sound.start);
    bit_rate.map(|rate| there as f64 * 8.0 / rate as f64)
}

/// Reads a `LIST` of kind `INFO`: names of four letters, and text.
fn read_list(media: &mut Media, list: &[u8]) {
    let Some(mut rest) = list.strip_prefix(b"INFO") else { return };
    for _ in 0..MOST_CHUNKS {
        let (Some(name), Some(length)) = (rest.first_chunk::<4>(), le32(rest, 4)) else { break };
        let body = rest.get(8..).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let text = body.get(..length).unwrap_or(body);
        let key = match name {
            b"IART" => "artist",
            b"ICMT" => "comment",
            b"ICOP" => "copyright",
            b"ICRD" => "date",
            b"IGNR" => "genre",
            b"ILNG" => "language",
            b"INAM" => "title",
            b"IPRD" => "album",
            b"IPRT" | b"ITRK" => "track",
            b"ISFT" => "encoder",
            b"ISMP" => "timecode",
            b"ITCH" => "encoded_by",
            other => &String::from_utf8_lossy(other).to_lowercase(),
        };
        insert(media, key, text);
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
}

/// Sets a tag. The last one in the file counts.
fn insert(media: &mut Media, key: &str, text: &[u8]) {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = String::from_utf8_lossy(&text[..end]).trim().to_owned();
    if !text.is_empty() {
        media.tags.insert(key.to_owned(), text);
    }
}

/// Reads the chunk of the Broadcast Wave Format (EBU Tech 3285).
fn read_broadcast(media: &mut Media, chunk: &[u8]) {
    let fields = [
        ("comment", 0..256),
        ("encoded_by", 256..288),
        ("originator_reference", 288..320),
        ("date", 320..330),
        ("creation_time", 330..338),
    ];
    for (key, range) in fields {
        insert(media, key, chunk.get(range).unwrap_or_default());
    }
    if let Some(reference) = le64(chunk, 338) {
        insert(media, "time_reference", reference.to_string().as_bytes());
    }
    insert(media, "coding_history", chunk.get(602..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
        [name, &(body.len() as u32).to_le_bytes(), body].concat()
    }

    fn format(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut body = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        body.extend(48_000u32.to_le_bytes());
        body.extend((48_000 * u32::from(block)).to_le_bytes());
        body.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
        body
    }

    fn wave(chunks: &[Vec<u8>]) -> Vec<u8> {
        [&b"RIFF\0\0\0\0WAVE"[..], &chunks.concat()].concat()
    }

    fn file() -> Vec<u8> {
        let info = [&b"INFO"[..], &chunk(b"INAM", b"Title\0"), &chunk(b"IZZZ", b"no")].concat();
        wave(&[
            chunk(b"fmt ", &format(1, 2, 16)),
            chunk(b"data", &[0; 1920]),
            chunk(b"LIST", &info),
        ])
    }

    #[test]
    fn chunks_contain_all_properties() {
        let media = testing::probe(&file(), "wav").unwrap();
        let track = &media.tracks[0];
        assert_eq!(track.codec.as_deref(), Some("pcm_s16le"));
        assert_eq!((track.channels, track.bit_depth), (Some(2), Some(16)));
        assert_eq!(track.channel_layout, None);
        assert_eq!(media.duration_seconds, Some(0.01));
        assert_eq!(media.tags["title"], "Title");
    }

    #[test]
    fn cue_points_are_chapters_and_covers_in_id3_are_tracks() {
        let point = |id: u32, sample: u32| {
            [&id.to_le_bytes()[..], &[0; 4], b"data", &[0; 8], &sample.to_le_bytes()].concat()
        };
        let label = |id: u32, text: &str| {
            chunk(b"labl", &[&id.to_le_bytes()[..], text.as_bytes(), b"\0"].concat())
        };
        let cues = [&2u32.to_le_bytes()[..], &point(7, 240), &point(3, 0)].concat();
        let labels = [&b"adtl"[..], &label(3, "Begin"), &label(7, "Later")].concat();
        let picture = b"\0image/png\0\x03\0\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x06";
        let size = picture.len() as u8;
        let frame = [&b"APIC\0\0\0"[..], &[size, 0, 0], picture].concat();
        let tag = [&b"ID3\x03\0\0\0\0\0"[..], &[frame.len() as u8 + 10], &frame, &[0; 10]].concat();
        let data = wave(&[
            chunk(b"fmt ", &format(1, 2, 16)),
            chunk(b"data", &[0; 1920]),
            chunk(b"cue ", &cues),
            chunk(b"LIST", &labels),
            chunk(b"id3 ", &tag),
        ]);
        let media = testing::probe(&data, "wav").unwrap();
        let chapters: Vec<_> = media
            .chapters
            .iter()
            .map(|it| (it.start_seconds, it.end_seconds, it.title.as_deref().unwrap()))
            .collect();
        assert_eq!(chapters, [(0.0, Some(0.005), "Begin"), (0.005, Some(0.01), "Later")]);
        let cover = &media.tracks[1];
        assert_eq!((cover.codec.as_deref(), cover.index), (Some("png"), 1));
        assert_eq!((cover.width, cover.height), (Some(5), Some(6)));
    }

    #[test]
    fn extensible_formats_have_a_layout() {
        let mut body = format(0xfffe, 6, 24);
        body.extend([22, 0, 24, 0, 0x0f, 6, 0, 0, 1, 0]);
        body.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        let data = wave(&[chunk(b"fmt ", &body), chunk(b"data", &[0; 1800])]);
        let media = testing::probe(&data, "wav").unwrap();
        assert_eq!(media.tracks[0].codec.as_deref(), Some("pcm_s24le"));
        assert_eq!(media.tracks[0].channel_layout.as_deref(), Some("5.1(side)"));
    }

    #[test]
    fn sound_of_unknown_length_extends_to_the_end() {
        let mut data = wave(&[chunk(b"fmt ", &format(1, 1, 16)), chunk(b"data", &[0; 960])]);
        let at = data.len() - 964;
        data[at..at + 4].fill(0xff);
        let media = testing::probe(&data, "wav").unwrap();
        assert_eq!(media.duration_seconds, Some(0.01));
        assert!(media.warnings.is_empty());
    }

    #[test]
    fn long_files_have_their_length_in_another_chunk() {
        let mut long = vec![0; 28];
        long[8..16].copy_from_slice(&960u64.to_le_bytes());
        let mut data = chunk(b"data", &[0; 960]);
        data[4..8].fill(0xff);
        let chunks = [chunk(b"ds64", &long), chunk(b"fmt ", &format(1, 1, 16)), data];
        let file = [&b"RF64\xff\xff\xff\xffWAVE"[..], &chunks.concat()].concat();
        assert_eq!(testing::probe(&file, "wav").unwrap().duration_seconds, Some(0.01));
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let mut data = file();
        data.drain(60..1900);
        testing::damage(&data, "wav");
    }
}
