//! RealMedia: chunks with the properties of the file and of its streams, before the packets.

use super::duration;
use crate::probe::codec;
use crate::probe::codec::audio::layout;
use crate::probe::codec::bits::{be16, be32};
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::rational;
use crate::probe::source::Source;
use crate::probe::text::utf8_or_latin1;

/// No file has more chunks or streams unless it is malicious.
const MOST_CHUNKS: usize = 256;
const MOST_STREAMS: usize = 128;

/// The most bytes of a chunk that are read.
const CHUNK: usize = 64 * 1024;

/// The length of the header of the packets. Some programs count it twice.
const DATA_HEADER: u64 = 18;

/// Reads the properties of a RealMedia file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("rm");
    let mut at = u64::from(u32::from_be_bytes(source.array(4)?)).max(8);
    let mut seconds = None;
    let mut has_packets = false;
    for _ in 0..MOST_CHUNKS {
        let header = source.up_to(at, 8)?;
        let (Some(name), Some(length)) = (header.first_chunk::<4>().copied(), be32(header, 4))
        else {
            break;
        };
        let chunk = source.up_to(at, (length as usize).min(CHUNK))?.to_vec();
        // After the name and the length there is a version.
        let fields = chunk.get(10..).unwrap_or_default();
        match &name {
            b"PROP" => seconds = be32(fields, 20).map(|time| f64::from(time) / 1000.0),
            b"CONT" => read_texts(&mut media, fields),
            b"MDPR" if media.tracks.len() < MOST_STREAMS => {
                if let Some(mut track) = read_stream(fields) {
                    track.index = media.tracks.len() as u32;
                    media.tracks.push(track);
                }
            }
            b"DATA" => {
                has_packets = true;
                if at.saturating_add(length.into()) > source.len() + DATA_HEADER {
                    media.warn("the file is cut off");
                }
                break;
            }
            _ => {}
        }
        if length < 10 {
            break;
        }
        at += u64::from(length);
    }
    if media.tracks.is_empty() {
        return Err(Problem::damaged("the description of the streams is missing"));
    }
    if !has_packets {
        media.warn("the file ends before its sound or pictures begin");
    }
    let is_incomplete = |track: &Track| {
        matches!(track.track_type, TrackType::Audio | TrackType::Video)
            && (track.codec.is_none() || codec::wants_packet(track))
    };
    if media.tracks.iter().any(is_incomplete) {
        media.doubt("codec");
    }
    let longest = media.tracks.iter().filter_map(|track| track.duration_seconds).reduce(f64::max);
    duration::set(&mut media, longest.or(seconds), source.len());
    Ok(media)
}

/// Reads the title, the author, the copyright and a comment.
fn read_texts(media: &mut Media, mut fields: &[u8]) {
    for name in ["title", "author", "copyright", "comment"] {
        let Some(length) = be16(fields, 0) else { return };
        let Some((text, rest)) = fields[2..].split_at_checked(length.into()) else { return };
        let text = utf8_or_latin1(text);
        if !text.trim_matches('\0').trim().is_empty() {
            media.tags.insert(name.to_owned(), text.into_owned());
        }
        fields = rest;
    }
}

/// Reads the properties of a stream (`MDPR`).
fn read_stream(fields: &[u8]) -> Option<Track> {
    let (rate, time) = (be32(fields, 6)?, be32(fields, 26)?);
    let rest = fields.get(30..)?;
    let rest = rest.get(1 + usize::from(*rest.first()?)..)?;
    let mime_end = 1 + usize::from(*rest.first()?);
    let mime = String::from_utf8_lossy(rest.get(1..mime_end)?).into_owned();
    let rest = rest.get(mime_end..)?;
    let length = be32(rest, 0)? as usize;
    let config = rest.get(4..)?;
    let config = &config[..length.min(config.len())];
    let mut track = Track::new(0, TrackType::Other);
    if config.starts_with(b".ra\xfd") {
        track.track_type = TrackType::Audio;
        read_audio(&mut track, config);
    } else if config.get(4..8) == Some(b"VIDO") {
        track.track_type = TrackType::Video;
        read_video(&mut track, config);
    } else if mime.starts_with("logical-") {
        // It describes the other streams.
        return None;
    }
    track.duration_seconds = Some(f64::from(time) / 1000.0).filter(|seconds| *seconds > 0.0);
    track.bit_rate = track.bit_rate.or(Some(rate.into()));
    Some(track)
}

fn read_video(track: &mut Track, config: &[u8]) {
    track.codec = match config.get(8..12) {
        Some(b"RV10" | b"RV13") => Some("rv10"),
        Some(b"RV20" | b"RVTR") => Some("rv20"),
        Some(b"RV30") => Some("rv30"),
        Some(b"RV40") => Some("rv40"),
        _ => None,
    }
    .map(Name::Borrowed);
    track.width = be16(config, 12).map(u32::from).filter(|&width| width > 0);
    track.height = be16(config, 14).map(u32::from).filter(|&height| height > 0);
    // 16 bits before and 16 after the point.
    track.frame_rate = be32(config, 22).and_then(|rate| rational::rate(u64::from(rate), 1 << 16));
    codec::read_config(track, &[]);
}

/// Reads the header of RealAudio: version 3, 4 or 5.
fn read_audio(track: &mut Track, config: &[u8]) -> Option<()> {
    let version = be16(config, 4)?;
    if version == 3 {
        track.codec = Some("ra_144".into());
        track.sample_rate = Some(8000);
        track.bit_rate = Some(8000);
        layout::set_count(track, 1);
        return Some(());
    }
    let (code, rest) = match version {
        4 => {
            track.sample_rate = be16(config, 48).map(u32::from);
            track.channels = be16(config, 54).map(u32::from);
            // Two names with a length in front, of the interleaving and of the codec.
            let names = config.get(56..)?;
            let names = names.get(1 + usize::from(*names.first()?)..)?;
            (names.get(1..5)?, names.get(5..)?)
        }
        5 => {
            track.sample_rate = be16(config, 54).map(u32::from);
            track.channels = be16(config, 60).map(u32::from);
            (config.get(66..70)?, config.get(70..)?)
        }
        _ => return None,
    };
    track.codec = match code {
        b"dnet" => Some("ac3"),
        b"28_8" => Some("ra_288"),
        b"lpcJ" => Some("ra_144"),
        b"cook" => Some("cook"),
        b"atrc" => Some("atrac3"),
        b"sipr" => Some("sipr"),
        b"raac" | b"racp" => Some("aac"),
        b"LSD:" => Some("ralf"),
        _ => None,
    }
    .map(Name::Borrowed);
    let channels = track.channels.unwrap_or(0);
    match track.codec.as_deref() {
        Some("aac") => {
            let start = if version == 5 { 4 } else { 3 };
            let length = be32(rest, start)? as usize;
            // A byte comes before the configuration.
            let own = rest.get(start + 5..)?;
            let length = length.saturating_sub(1).min(own.len());
            codec::read_config(track, &own[..length]);
        }
        Some("cook" | "ra_288" | "ra_144" | "sipr" | "atrac3") => {
            layout::set_count(track, channels)
        }
        _ => _ = codec::read_config(track, &[]),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;

    fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
        [name, &(body.len() as u32 + 10).to_be_bytes(), &[0, 0], body].concat()
    }

    fn stream(rate: u32, config: &[u8]) -> Vec<u8> {
        let mut body = vec![0; 6];
        for field in [rate, 0, 0, 0, 0, 2500] {
            body.extend(field.to_be_bytes());
        }
        body.extend(b"\x06Stream\x03a/b");
        body.extend((config.len() as u32).to_be_bytes());
        body.extend(config);
        chunk(b"MDPR", &body)
    }

    fn file() -> Vec<u8> {
        let video = b"\0\0\0\x22VIDORV40\x02\x80\x01\x68\0\x0c\0\0\0\0\0\x19\0\0";
        let mut audio = b".ra\xfd\0\x05".to_vec();
        audio.resize(54, 0);
        audio.extend(b"\xac\x44\0\0\0\x10\0\x02genrcook");
        audio.resize(90, 0);
        let texts = b"\0\x05Title\0\x06Author\0\0\0\0";
        [
            b".RMF\0\0\0\x12\0\0\0\0\0\0\0\0\0\x05".to_vec(),
            chunk(b"PROP", &[0; 40]),
            chunk(b"CONT", texts),
            stream(200_000, video),
            stream(64_000, &audio),
            chunk(b"DATA", &[0; 500]),
        ]
        .concat()
    }

    #[test]
    fn chunks_contain_all_properties() {
        let media = testing::probe(&file(), "rmvb").unwrap();
        let [video, audio] = &media.tracks[..] else { panic!("{:?}", media.tracks) };
        assert_eq!((video.codec.as_deref(), video.width), (Some("rv40"), Some(640)));
        assert_eq!((video.frame_rate.as_deref(), video.bit_rate), (Some("25/1"), Some(200_000)));
        assert_eq!((audio.codec.as_deref(), audio.channels), (Some("cook"), Some(2)));
        assert_eq!((audio.sample_rate, audio.bit_rate), (Some(44_100), Some(64_000)));
        assert_eq!((media.duration_seconds, &*media.tags["title"]), (Some(2.5), "Title"));
        assert!(media.warnings.is_empty() && media.unsure.is_empty());
    }

    #[test]
    fn a_file_that_is_cut_off_gets_a_warning() {
        let data = file();
        let media = testing::probe(&data[..data.len() - 100], "rm").unwrap();
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file()[..500], "rm");
    }
}
