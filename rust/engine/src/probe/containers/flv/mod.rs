//! Flash video: Adobe's "Video File Format Specification", version 10, annex E, and Enhanced
//! RTMP for newer codecs.
//!
//! The file consists of tags. The first tag of each kind contains the codec, and `onMetaData`
//! contains most other properties.

mod amf;
#[cfg(test)]
mod tests;
mod video;

use super::usual_rates::USUAL_RATES;
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use amf::Value;

/// The search for the first tags ends after this many bytes, and after this many tags.
const HEAD: u64 = 1 << 20;
const MOST_TAGS: usize = 400;

/// The most requests for tags after the first block.
const MOST_REQUESTS: u32 = 12;

/// The most bytes of a tag that are read. Metadata with all key frames may be longer, but
/// these come last.
const MOST_OF_TAG: usize = 16 * 1024;

/// The number of frame times from which the frame rate is computed.
const MOST_TIMES: usize = 13;

const TAG_HEADER: u64 = 11;

/// Reads the properties of a Flash video.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let [_, _, _, _, flags, offset @ ..]: [u8; 9] = source.array(0)?;
    // The offset includes the header.
    let start = u64::from(u32::from_be_bytes(offset)).max(9) + 4;
    let mut file = Flv { has_audio: flags & 4 != 0, has_video: flags & 1 != 0, ..Flv::default() };
    file.read_tags(source, start)?;
    let mut media = Media::new("flv");
    media.duration_seconds = file.number("duration").filter(|&seconds| seconds > 0.0);
    if media.duration_seconds.is_none() {
        media.duration_seconds = last_time(source)?;
        if media.duration_seconds.is_none() && !file.tracks.is_empty() {
            media.doubt("duration");
        }
    }
    file.finish(&mut media, source.len());
    Ok(media)
}

/// The header of a tag.
struct Tag {
    kind: u8,
    /// The size of its data in bytes.
    length: u64,
    /// In milliseconds.
    time: u32,
    encrypted: bool,
}

fn tag(header: [u8; 11]) -> Tag {
    let [kind, size @ .., _, _, _] = header;
    let [a, b, c, x, y, z, high] = size;
    Tag {
        kind: kind & 0x1f,
        length: u32::from_be_bytes([0, a, b, c]).into(),
        time: u32::from_be_bytes([high, x, y, z]),
        encrypted: kind & 0x20 != 0,
    }
}

#[derive(Default)]
struct Flv {
    has_audio: bool,
    has_video: bool,
    tracks: Vec<Track>,
    /// The framing of the video track's packets.
    framing: Framing,
    metadata: Vec<(String, Value)>,
    /// When frames of video are shown, in milliseconds.
    times: Vec<u32>,
    encrypted: bool,
    /// Whether the last tag that was read is cut off.
    truncated: bool,
}

impl Flv {
    fn read_tags(&mut self, source: &mut Source<'_>, start: u64) -> Result<()> {
        let mut at = start;
        for _ in 0..MOST_TAGS {
            if self.is_done() || at > HEAD || source.requests() > MOST_REQUESTS {
                break;
            }
            let header = match source.array(at) {
                Ok(header) => header,
                Err(Problem::Damaged(_)) => {
                    self.truncated = at != source.len();
                    break;
                }
                Err(problem) => return Err(problem),
            };
            let tag = tag(header);
            let length = usize::try_from(tag.length).unwrap_or(usize::MAX).min(MOST_OF_TAG);
            let data = source.up_to(at + TAG_HEADER, length)?;
            if data.is_empty() && tag.length > 0 {
                self.truncated = true;
                break;
            }
            self.encrypted |= tag.encrypted;
            match tag.kind {
                _ if tag.encrypted || data.is_empty() => {}
                8 => self.audio(data),
                9 => self.video(&tag, data),
                18 => self.script(data),
                _ => {}
            }
            at += TAG_HEADER + tag.length + 4;
        }
        Ok(())
    }

    fn script(&mut self, data: &[u8]) {
        if let Some((name, properties)) = amf::script(data)
            && name == "onMetaData"
            && self.metadata.is_empty()
        {
            self.metadata = properties;
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.metadata.iter().find_map(|(key, value)| match value {
            Value::Number(number) if key == name && number.is_finite() => Some(*number),
            _ => None,
        })
    }

    /// Whether all tracks that the file should have are known.
    fn is_done(&self) -> bool {
        let has = |wanted| self.tracks.iter().any(|track| track.track_type == wanted);
        let rate_is_known = self.number("framerate").is_some_and(|rate| rate > 0.0)
            || self.times.len() >= MOST_TIMES
            || !has(TrackType::Video);
        (!self.has_audio || has(TrackType::Audio))
            && (!self.has_video || has(TrackType::Video))
            && !self.tracks.is_empty()
            && !self.tracks.iter().any(|track| track.codec.is_some() && codec::wants_packet(track))
            && rate_is_known
    }

    fn track(&mut self, track_type: TrackType) -> (&mut Track, bool) {
        let known = self.tracks.iter().position(|track| track.track_type == track_type);
        let index = known.unwrap_or_else(|| {
            // There are two at most.
            self.tracks.push(Track::new(self.tracks.len() as u32, track_type));
            self.tracks.len() - 1
        });
        (&mut self.tracks[index], known.is_none())
    }

    fn audio(&mut self, data: &[u8]) {
        let Some((&flags, rest)) = data.split_first() else { return };
        let (track, is_new) = self.track(TrackType::Audio);
        if flags >> 4 == 9 {
            enhanced_audio(track, flags & 0xf, rest);
            return;
        }
        if is_new {
            describe_audio(track, flags);
        }
        let is_aac = track.codec.as_deref() == Some("aac");
        match rest.split_first() {
            Some((0, config)) if is_aac => {
                codec::read_config(track, config);
            }
            Some((_, frame)) if is_aac => codec::read_packet(track, frame, Framing::StartCodes),
            _ if is_new && track.codec.is_some() => {
                codec::read_packet(track, rest, Framing::StartCodes);
            }
            _ => {}
        }
    }

    fn video(&mut self, tag: &Tag, data: &[u8]) {
        // Commands to the player.
        if data[0] >> 4 & 7 == 5 {
            return;
        }
        let framing = self.framing;
        let (track, is_new) = self.track(TrackType::Video);
        let unit = video::read(track, is_new, framing, data);
        match unit {
            video::Unit::Config(framing) => self.framing = framing,
            video::Unit::Frame if self.times.len() < MOST_TIMES => self.times.push(tag.time),
            video::Unit::Frame => {}
        }
    }

    fn finish(mut self, media: &mut Media, length: u64) {
        let seconds = media.duration_seconds.filter(|&seconds| seconds > 0.0);
        media.bit_rate = seconds.map(|seconds| (length as f64 * 8.0 / seconds) as u64);
        let number = |name| self.number(name).filter(|&number| number > 0.0);
        let (width, height) = (number("width"), number("height"));
        let (video_rate, audio_rate) = (number("videodatarate"), number("audiodatarate"));
        let claimed = number("filesize");
        let frame_rate = number("framerate").and_then(fraction);
        let bits = |kilobits: f64| (kilobits * 1024.0) as u64;
        for track in &mut self.tracks {
            if track.track_type == TrackType::Video {
                let coded = track.frame_rate.take();
                track.frame_rate = frame_rate.clone().or_else(|| by_times(coded, &self.times));
                track.bit_rate = video_rate.map(bits).or(track.bit_rate);
                track.width = track.width.or(width.map(|pixels| pixels as u32));
                track.height = track.height.or(height.map(|pixels| pixels as u32));
            } else {
                track.bit_rate = audio_rate.map(bits).or(track.bit_rate);
            }
        }
        if claimed.is_some_and(|size| size > length as f64) || self.truncated {
            media.warn("the file is cut off");
        }
        if self.encrypted {
            media.warn("the content is encrypted");
        }
        if self.tracks.is_empty() {
            media.warn("no streams were found at the beginning");
        } else if self.tracks.iter().any(|track| track.codec.is_none()) {
            media.doubt("unknown codecs");
        }
        let tags =
            self.metadata.iter().filter(|(key, _)| !DESCRIBES_STREAMS.contains(&key.as_str()));
        for (key, value) in tags {
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Number(number) => format!("{number:.0}"),
                Value::Boolean(value) => value.to_string(),
                Value::Other => continue,
            };
            media.tags.entry(key.to_lowercase()).or_insert(text);
        }
        media.tracks = self.tracks;
    }
}

/// Metadata that is not a tag.
const DESCRIBES_STREAMS: &[&str] = &[
    "duration",
    "filesize",
    "width",
    "height",
    "videodatarate",
    "framerate",
    "videocodecid",
    "audiodatarate",
    "audiosamplerate",
    "audiosamplesize",
    "stereo",
    "audiocodecid",
    "datastream",
];

fn describe_audio(track: &mut Track, flags: u8) {
    let wide = flags & 2 != 0;
    let channels = u32::from(flags & 1) + 1;
    let rate = 44_100 >> (3 - (flags >> 2 & 3));
    let (codec, rate, channels) = match flags >> 4 {
        0 | 3 => (if wide { "pcm_s16le" } else { "pcm_u8" }, rate, channels),
        1 => ("adpcm_swf", rate, channels),
        2 => ("mp3", rate, channels),
        4 => ("nellymoser", 16_000, 1),
        5 => ("nellymoser", 8_000, 1),
        6 => ("nellymoser", rate, channels),
        7 => ("pcm_alaw", 8_000, channels),
        8 => ("pcm_mulaw", 8_000, channels),
        10 => ("aac", rate, channels),
        11 => ("speex", 16_000, 1),
        14 => ("mp3", 8_000, channels),
        _ => return,
    };
    track.codec = Some(codec.into());
    // For AAC the value here is always the same; AAC's own header contains the real one.
    if codec == "aac" {
        return;
    }
    track.sample_rate = Some(rate);
    track.channels = Some(channels);
    if codec != "speex" {
        track.channel_layout = Some(if channels == 2 { "stereo" } else { "mono" }.into());
    }
    let bits = match codec {
        "pcm_s16le" => 16,
        "pcm_u8" | "pcm_alaw" | "pcm_mulaw" => 8,
        _ => return,
    };
    track.bit_depth = Some(bits);
    track.bit_rate = Some(u64::from(bits * rate * channels));
}

/// Reads the tag of Enhanced RTMP: a code of four characters.
fn enhanced_audio(track: &mut Track, packet_type: u8, data: &[u8]) {
    let Some((code, rest)) = data.split_at_checked(4) else { return };
    let codec = match code {
        b"mp4a" => "aac",
        b"Opus" => "opus",
        b"fLaC" => "flac",
        b"ac-3" => "ac3",
        b"ec-3" => "eac3",
        b".mp3" => "mp3",
        _ => return,
    };
    track.codec = Some(codec.into());
    match packet_type {
        0 => {
            codec::read_config(track, rest);
        }
        1 => codec::read_packet(track, rest, Framing::StartCodes),
        _ => {}
    }
}

/// The time of the last tag, which is found from the end of the file.
fn last_time(source: &mut Source<'_>) -> Result<Option<f64>> {
    let mut end = source.len();
    // Tags at time 0 may follow the last one.
    for _ in 0..4 {
        let Some(at) = end.checked_sub(4).filter(|&at| at > 13) else { break };
        let size = u64::from(u32::from_be_bytes(source.array(at)?));
        let Some(start) = at.checked_sub(size).filter(|_| size >= TAG_HEADER) else { break };
        let tag = tag(source.array(start)?);
        if tag.length + TAG_HEADER != size {
            break;
        }
        if tag.time > 0 {
            return Ok(Some(f64::from(tag.time) / 1000.0));
        }
        end = start;
    }
    Ok(None)
}

/// The nearest fraction of numbers up to 1000, which is what `ffprobe` makes of a rate.
fn fraction(rate: f64) -> Option<String> {
    const LARGEST: u32 = 1000;
    let near = |den: u32| {
        let num = (rate * f64::from(den)).round();
        (num >= 1.0 && num <= f64::from(LARGEST))
            .then(|| (num as u32, den, (num / f64::from(den) - rate).abs()))
    };
    let mut best: Option<(u32, u32, f64)> = None;
    for fraction in (1..=LARGEST).filter_map(near) {
        if best.is_none_or(|best| fraction.2 < best.2) {
            best = Some(fraction);
        }
    }
    best.map(|(num, den, _)| format!("{num}/{den}"))
}

/// The rate that the codec contains, if the times of frames agree with it, or else the usual
/// rate that is nearest to the times.
fn by_times(coded: Option<String>, times: &[u32]) -> Option<String> {
    let Some(rate) = rate_of(times) else { return coded };
    let number = |text: &str| text.parse::<f64>().ok();
    let coded_rate = coded.as_deref().and_then(|coded| {
        let (num, den) = coded.split_once('/')?;
        Some(number(num)? / number(den)?)
    });
    // Times are rounded to milliseconds.
    let is_near = |other: f64| (other / rate - 1.0).abs() < 0.02;
    if coded_rate.is_some_and(is_near) {
        return coded;
    }
    let rates = USUAL_RATES.map(|(num, den)| (num, den, f64::from(num) / f64::from(den)));
    // So few times do not distinguish it from 15, which is more frequent.
    let rates = rates.iter().filter(|&&(num, den, _)| (num, den) != (15_000, 1001));
    let distance = |&(_, _, usual): &(u32, u32, f64)| (usual - rate).abs();
    let nearest = rates.min_by(|a, b| distance(a).total_cmp(&distance(b)));
    match nearest {
        Some((num, den, usual)) if is_near(*usual) => Some(format!("{num}/{den}")),
        _ => fraction(rate),
    }
}

/// Frames per second. The times may not be in order, because frames are not.
fn rate_of(times: &[u32]) -> Option<f64> {
    let span = times.iter().max()?.checked_sub(*times.iter().min()?).filter(|&span| span > 0)?;
    Some(1000.0 * (times.len() - 1) as f64 / f64::from(span))
}
