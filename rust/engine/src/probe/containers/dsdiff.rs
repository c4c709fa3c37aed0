//! DSDIFF (Philips, version 1.5): chunks with sizes of 64 bits. `ffprobe` calls the container
//! `iff`.

use super::{duration, id3};
use crate::probe::codec::audio::layout;
use crate::probe::codec::bits::{be16, be32};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use crate::probe::text::utf8_or_latin1;

/// No file has more chunks unless it is malicious.
const MOST_CHUNKS: usize = 128;

/// The most bytes of a chunk with properties that are read.
const TEXT: usize = 16 * 1024;

/// DST has 75 frames per second.
const FRAMES_PER_SECOND: f64 = 75.0;

/// Reads the properties of a DSDIFF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("iff");
    media.tracks.push(Track::new(0, TrackType::Audio));
    let mut seconds = None;
    let mut at = 16;
    // Lists are read as if their chunks were not in a list.
    for _ in 0..MOST_CHUNKS {
        let Some((name, length)) = header(source.up_to(at, 12)?) else { break };
        let body = at + 12;
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(TEXT);
        at = body.saturating_add(length).saturating_add(length % 2);
        let rate = f64::from(media.tracks[0].sample_rate.unwrap_or(0)) * 8.0;
        match &name {
            b"PROP" => at = body + 4,
            b"DIIN" => at = body,
            b"FS  " | b"CHNL" | b"CMPR" => {
                read_property(&mut media.tracks[0], &name, source.up_to(body, most)?);
            }
            b"DIAR" => insert(&mut media, "artist", source.up_to(body, most)?),
            b"DITI" => insert(&mut media, "title", source.up_to(body, most)?),
            b"ID3 " => {
                let mut id3 = id3::read(source, body)?;
                media.tracks.extend(id3.take_pictures(media.tracks.len()));
                media.tags.extend(id3.tags);
            }
            b"DSD " => {
                let channels = f64::from(media.tracks[0].channels.unwrap_or(0));
                let samples = length as f64 * 8.0 / channels;
                seconds = (rate > 0.0 && channels > 0.0).then_some(samples / rate);
            }
            b"DST " => {
                let frames = source.up_to(body, 16)?;
                if frames.starts_with(b"FRTE") {
                    seconds = be32(frames, 12).map(|count| f64::from(count) / FRAMES_PER_SECOND);
                }
            }
            _ => {}
        }
        if matches!(&name, b"DSD " | b"DST ") && body.saturating_add(length) > source.len() {
            media.warn("the file is cut off");
        }
        if at >= source.len() {
            break;
        }
    }
    let track = &mut media.tracks[0];
    if track.sample_rate.is_none() || track.channels.is_none() {
        return Err(Problem::damaged("the description of the sound is missing"));
    }
    if track.codec.as_deref() == Some("dsd_msbf") {
        let rate = u64::from(track.sample_rate.unwrap_or(0)) * 8;
        track.bit_rate = Some(rate * u64::from(track.channels.unwrap_or(0)));
        track.bit_depth = Some(8);
    }
    if track.codec.is_none() {
        media.doubt("codec");
    }
    duration::set(&mut media, seconds, source.len());
    Ok(media)
}

fn header(bytes: &[u8]) -> Option<([u8; 4], u64)> {
    let (name, length) = bytes.split_first_chunk()?;
    Some((*name, u64::from_be_bytes(*length.first_chunk()?)))
}

fn read_property(track: &mut Track, name: &[u8; 4], fields: &[u8]) {
    match name {
        b"FS  " => {
            track.sample_rate = be32(fields, 0).map(|rate| rate / 8).filter(|&rate| rate > 0)
        }
        b"CHNL" => {
            track.channels = be16(fields, 0).map(u32::from).filter(|&count| count > 0);
            track.channel_layout = fields.get(2..).and_then(|ids| layout::from_mask(mask(ids)));
        }
        _ => {
            track.codec = match fields.first_chunk() {
                Some(b"DSD ") => Some("dsd_msbf".into()),
                Some(b"DST ") => Some("dst".into()),
                _ => None,
            }
        }
    }
}

/// The channels of a list of names of channels, if `ffprobe` knows it.
fn mask(names: &[u8]) -> u64 {
    match names {
        b"SLFTSRGT" => layout::STEREO,
        b"MLFTMRGTC   LS  RS  " => layout::FIVE_BACK,
        b"MLFTMRGTC   LFE LS  RS  " => layout::FIVE_BACK | layout::LFE,
        _ => 0,
    }
}

/// Sets a tag from a text that has its length in front.
fn insert(media: &mut Media, key: &str, value: &[u8]) {
    let length = be32(value, 0).unwrap_or(0) as usize;
    let text = value.get(4..).unwrap_or_default();
    let text = utf8_or_latin1(&text[..text.len().min(length)]).trim_matches('\0').to_owned();
    if !text.is_empty() {
        media.tags.insert(key.to_owned(), text);
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
        let mut chunk = [name, &(body.len() as u64).to_be_bytes(), body].concat();
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    }

    fn file(compression: &[u8], sound: Vec<u8>) -> Vec<u8> {
        let properties = [
            b"SND ".to_vec(),
            chunk(b"FS  ", &2_822_400_u32.to_be_bytes()),
            chunk(b"CHNL", b"\0\x02SLFTSRGT"),
            chunk(b"CMPR", compression),
        ];
        let chunks = [
            b"DSD ".to_vec(),
            chunk(b"FVER", &[1, 5, 0, 0]),
            chunk(b"PROP", &properties.concat()),
            sound,
            chunk(b"DIIN", &chunk(b"DITI", b"\0\0\0\x05Title")),
        ];
        chunk(b"FRM8", &chunks.concat())
    }

    #[test]
    fn chunks_contain_all_properties() {
        let data = file(b"DSD \x0enot compressed", chunk(b"DSD ", &[0; 7056]));
        let media = testing::probe(&data, "dff").unwrap();
        let track = &media.tracks[0];
        assert_eq!((&*media.container, track.codec.as_deref()), ("iff", Some("dsd_msbf")));
        assert_eq!((track.channels, track.channel_layout.as_deref()), (Some(2), Some("stereo")));
        assert_eq!((track.sample_rate, track.bit_rate), (Some(352_800), Some(5_644_800)));
        assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(0.01), "Title"));
        assert!(media.warnings.is_empty() && media.unsure.is_empty());
        assert_eq!(testing::probe(&data[..5000], "dff").unwrap().warnings, ["the file is cut off"]);
    }

    #[test]
    fn compressed_sound_has_its_number_of_frames() {
        let frames = chunk(b"FRTE", &[0, 0, 0, 150, 0, 75]);
        let media = testing::probe(&file(b"DST ", chunk(b"DST ", &frames)), "dff").unwrap();
        assert_eq!(media.tracks[0].codec.as_deref(), Some("dst"));
        assert_eq!(media.duration_seconds, Some(2.0));
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(b"DSD ", chunk(b"DSD ", &[0; 64])), "dff");
    }
}
