//! Elementary streams of transport and program streams. The beginning of each is collected
//! until its codec knows enough. The times of its packets give its duration, computed as in
//! `ffprobe`.

use super::sampled_rate::SampledRate;
use super::sniff;
use super::usual_rates::USUAL_RATES;
use crate::probe::codec::audio::aac;
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The most bytes of one video stream that are read: a picture has its headers first.
const MOST_VIDEO: usize = 1024 * 1024;

/// The bytes that are kept of video that does not begin with its headers, while these are
/// searched for.
const LEAST_VIDEO: usize = 64 * 1024;
const MOST_AUDIO: usize = 96 * 1024;

/// The most bytes of sound at the end of the file that are kept.
const MOST_TAIL: usize = 256 * 1024;

/// The number of times of the first packets that are kept, for the frame rate.
const MOST_TIMES: usize = 40;

/// So many times give a reliable frame rate.
const ENOUGH_TIMES: usize = 12;

/// What `ffprobe` calls private data that nothing describes.
pub const UNDESCRIBED: &str = "bin_data";

/// Ticks of the clock per second.
pub const TICKS: i64 = 90_000;

/// Timestamps have 33 bits.
const WRAP: i64 = 1 << 33;

/// Jumps of more than this between packets do not count as time that passed: they are edits
/// or damage.
const JUMP: i64 = 60 * TICKS;

/// Timestamps that do not start again at 0 after 26.5 hours.
#[derive(Debug, Default)]
pub struct Clock {
    first: Option<i64>,
}

impl Clock {
    /// The ticks since the first timestamp; up to a minute before it they are negative.
    pub fn ticks(&mut self, timestamp: u64) -> i64 {
        // It fits, because it has 33 bits.
        let timestamp = (timestamp & (WRAP as u64 - 1)) as i64;
        let first = *self.first.get_or_insert(timestamp);
        (timestamp - first + JUMP).rem_euclid(WRAP) - JUMP
    }
}

/// One stream.
#[derive(Debug, Default)]
pub struct Elementary {
    /// Its known properties.
    pub track: Track,
    /// Its beginning.
    data: Vec<u8>,
    /// How much of the beginning the codec has seen.
    read_length: usize,
    /// When its first packet begins.
    pub first: Option<i64>,
    times: Vec<i64>,
    /// Whether each frame has a time.
    pub times_all: bool,
    duration: Option<i64>,
    last: i64,
    /// The bit rate of its frames, if that varies.
    rate: SampledRate,
    /// Its bytes at the end of the file.
    tail: Vec<u8>,
}

impl Elementary {
    /// A stream of which nothing was read yet.
    pub fn new(track: Track) -> Self {
        Self { track, ..Self::default() }
    }

    /// Whether reading its bytes is useful.
    fn is_read(&self) -> bool {
        matches!(self.track.track_type, TrackType::Video | TrackType::Audio)
    }

    /// Takes the start of a packet near the beginning of the file.
    pub fn starts_at(&mut self, ticks: i64) {
        self.first.get_or_insert(ticks);
        if self.times.len() < MOST_TIMES {
            self.times.push(ticks);
        }
    }

    /// Takes the start of a packet near the end of the file. The stream may end with this
    /// packet.
    pub fn ends_after(&mut self, ticks: i64) {
        let Some(first) = self.first else { return };
        let duration = ticks + self.frame_ticks() - first;
        if duration <= 0 {
            return;
        }
        let follows = (duration - self.last).abs() < JUMP;
        if self.last <= 0 || self.duration.is_none_or(|known| known < duration && follows) {
            self.duration = Some(duration);
        }
        self.last = duration;
    }

    /// Forgets the bytes at the end of the file: more of them are read.
    pub fn clear_tail(&mut self) {
        self.tail.clear();
    }

    /// Adds bytes at the end of the file.
    pub fn push_tail(&mut self, bytes: &[u8]) {
        let has_rates = self.track.track_type == TrackType::Audio
            && matches!(self.track.codec.as_deref(), Some("aac" | "mp1" | "mp2" | "mp3"));
        if has_rates {
            let room = MOST_TAIL.saturating_sub(self.tail.len()).min(bytes.len());
            self.tail.extend_from_slice(&bytes[..room]);
        }
    }

    /// Sets the bit rate from frames of different sizes. `whole` if the end of the file is all of
    /// it.
    pub fn set_varying_rate(&mut self, whole: bool) {
        let Some(codec) = self.track.codec.clone() else { return };
        if whole {
            self.rate = SampledRate::default();
        }
        self.rate.add(&codec, &std::mem::take(&mut self.tail));
        self.track.bit_rate = self.rate.bit_rate().or(self.track.bit_rate);
    }

    /// Whether its duration is known, if it has one.
    pub fn has_end(&self) -> bool {
        self.duration.is_some() || self.first.is_none() || !self.is_read()
    }

    /// Adds bytes of its beginning.
    pub fn push(&mut self, bytes: &[u8]) {
        let most = match self.track.track_type {
            TrackType::Video => MOST_VIDEO,
            TrackType::Audio => MOST_AUDIO,
            _ if matches!(self.track.codec.as_deref(), None | Some(UNDESCRIBED)) => 4096,
            _ => 0,
        };
        let room = most.saturating_sub(self.data.len()).min(bytes.len());
        self.data.extend_from_slice(&bytes[..room]);
    }

    /// Whether more bytes would give more properties.
    pub fn wants_more(&self) -> bool {
        let full = self.track.track_type == TrackType::Audio && self.data.len() >= MOST_AUDIO;
        self.is_read()
            && !full
            && (self.data.is_empty() || self.first.is_none() || self.is_incomplete())
    }

    /// Whether a property is unknown that every track of its type has.
    pub fn is_incomplete(&self) -> bool {
        let wants = self.track.codec.is_none() || codec::wants_packet(&self.track);
        match self.track.track_type {
            // If a whole picture does not contain it, the next one does not either.
            TrackType::Video => {
                let has_picture = self.track.pixel_format.is_some() && self.times.len() > 1;
                wants && !has_picture || self.lacks_times()
            }
            TrackType::Audio => wants,
            _ => false,
        }
    }

    /// Whether it is private data that has not been recognised.
    pub fn is_unrecognised(&self) -> bool {
        self.data.is_empty() && self.track.codec.as_deref() == Some(UNDESCRIBED)
    }

    fn lacks_times(&self) -> bool {
        let is_few = self.times_all && self.times.len() < ENOUGH_TIMES;
        is_few && (self.track.frame_rate.is_none() || self.other_rate().is_some())
    }

    /// The frame rate in the times of packets, if the one in headers is unknown or far from it.
    /// Half and twice the rate are accepted: they may be due to fields.
    fn other_rate(&self) -> Option<(i64, i64)> {
        let (num, den) = frame_rate(&mut self.times.clone())?;
        let coded = self.track.frame_rate.as_deref().and_then(parse_rate);
        let is_near = coded.is_some_and(|(coded_num, coded_den)| {
            let ratio = (coded_num * den) as f64 / (coded_den * num) as f64;
            (0.45..2.2).contains(&ratio)
        });
        (!is_near).then_some((num, den))
    }

    /// Lets the codec read the bytes that were collected since the last time.
    pub fn read_with_codec(&mut self) {
        if self.data.len() == self.read_length {
            return;
        }
        let is_first = self.read_length == 0;
        self.read_length = self.data.len();
        self.recognise();
        if is_first || codec::wants_packet(&self.track) {
            codec::read_packet(&mut self.track, &self.data, Framing::StartCodes);
        }
        if self.track.track_type == TrackType::Video
            && self.track.width.is_none()
            && self.data.len() > MOST_VIDEO / 2
        {
            self.data.drain(..self.data.len() - LEAST_VIDEO);
            self.read_length = self.data.len();
        }
        match self.track.codec.as_deref() {
            Some("pcm_bluray") => sniff::lpcm_of_blu_ray(&mut self.track, &self.data),
            Some("s302m") => sniff::lpcm_of_smpte_302m(&mut self.track, &self.data),
            Some("pcm_dvd") => sniff::lpcm_of_dvd(&mut self.track, &self.data),
            _ => {}
        }
    }

    /// Distinguishes codecs that share one stream type.
    fn recognise(&mut self) {
        let data = &self.data;
        let codec = match self.track.codec.as_deref() {
            None | Some(UNDESCRIBED) => sniff::pes_codec(self.track.track_type, data),
            Some("mp3" | "mp2") => sniff::mpeg_audio(data).map(|codec| (TrackType::Audio, codec)),
            Some("mpeg2video") => sniff::mpeg_video(data).map(|codec| (TrackType::Video, codec)),
            Some(_) => None,
        };
        if let Some((track_type, codec)) = codec {
            self.track.track_type = track_type;
            self.track.codec = Some(codec.into());
        }
    }

    /// Sets the frame rate and the bit rate from the packets, as far as the codec has not set
    /// them. Releases the bytes that were collected.
    pub fn set_rates(&mut self) {
        if self.track.track_type == TrackType::Video && self.times_all {
            self.check_rate();
        }
        let track = &mut self.track;
        self.rate.add(track.codec.as_deref().unwrap_or_default(), &self.data);
        match track.codec.as_deref() {
            Some("aac") if track.bit_rate.is_none() => {
                track.bit_rate = aac::adts_bit_rate(&self.data);
            }
            Some("mpeg1video") => track.bit_rate = sniff::mpeg1_bit_rate(&self.data),
            _ => {}
        }
        self.data = Vec::new();
    }

    /// Replaces the frame rate in headers if it is far from the one in the times of packets. Of
    /// a few packets, which are not in the order of their times, some in between may be missing.
    fn check_rate(&mut self) {
        let is_known = self.track.frame_rate.is_some();
        if let Some((num, den)) = self.other_rate()
            && (!is_known || self.times.len() >= ENOUGH_TIMES)
        {
            self.track.frame_rate = Some(format!("{num}/{den}"));
        }
    }

    /// The duration of the last packet: that of one frame, however many it contains, or 0 if
    /// `ffprobe` does not know the duration of a frame.
    fn frame_ticks(&self) -> i64 {
        let track = &self.track;
        if track.track_type == TrackType::Video {
            return match track.frame_rate.as_deref().and_then(parse_rate) {
                Some((num, den)) if num > 0 => TICKS * den / num,
                _ => 0,
            };
        }
        let rate = i64::from(track.sample_rate.unwrap_or(0));
        let samples = match track.codec.as_deref() {
            Some("aac" | "aac_latm") => 1024,
            Some("mp2") => 1152,
            Some("mp1") => 384,
            Some("mp3") => {
                if rate <= 24_000 {
                    576
                } else {
                    1152
                }
            }
            Some("ac3") => 1536,
            Some("truehd") => rate / 1200,
            Some("pcm_bluray") => rate / 200,
            _ => 0,
        };
        if rate > 0 { samples * TICKS / rate } else { 0 }
    }
}

/// Sets the durations of tracks and of the file. With several programs, the longest counts.
pub fn set_durations(
    media: &mut Media,
    streams: &[&Elementary],
    programs: &[Vec<usize>],
    bytes: u64,
) {
    for (track, stream) in media.tracks.iter_mut().zip(streams) {
        track.duration_seconds = stream.duration.map(|ticks| ticks as f64 / TICKS as f64);
    }
    let all: Vec<usize> = (0..streams.len()).collect();
    let whole = [all];
    let programs = if programs.len() > 1 { programs } else { &whole };
    let ticks = programs.iter().filter_map(|program| {
        let streams = program.iter().filter_map(|&index| streams.get(index).copied());
        span(&streams.collect::<Vec<_>>())
    });
    let longest = ticks.max();
    for (track, _) in media.tracks.iter_mut().zip(streams).filter(|(_, one)| one.first.is_none()) {
        track.duration_seconds = longest.map(|ticks| ticks as f64 / TICKS as f64);
    }
    media.duration_seconds = longest.map(|ticks| ticks as f64 / TICKS as f64);
    if longest.is_none() && streams.iter().any(|one| one.first.is_some()) {
        media.doubt("duration");
    }
    media.bit_rate = media
        .duration_seconds
        .filter(|&seconds| seconds > 0.0)
        .map(|seconds| (bytes as f64 * 8.0 / seconds) as u64);
}

/// The time from the first to the last packet of some streams. Subtitles and data count if
/// they differ by less than a second.
fn span(streams: &[&Elementary]) -> Option<i64> {
    let (read, other): (Vec<&Elementary>, Vec<&Elementary>) =
        streams.iter().partition(|stream| stream.is_read());
    let first = |streams: &[&Elementary]| streams.iter().filter_map(|one| one.first).min();
    let last = |streams: &[&Elementary]| {
        streams.iter().filter_map(|one| Some(one.first? + one.duration?)).max()
    };
    let start = match (first(&read), first(&other)) {
        (Some(read), Some(other)) if other < read && read - other < TICKS => other,
        (read, other) => read.or(other)?,
    };
    let end = match (last(&read), last(&other)) {
        (Some(read), Some(other)) if other > read && other - read < TICKS => other,
        (read, other) => read.or(other)?,
    };
    (end > start).then_some(end - start)
}

/// The last bytes of a file, and where they begin. Bytes that `head` contains are not read
/// again.
pub fn tail(source: &mut Source<'_>, head: &[u8], length: u64) -> Result<(u64, Vec<u8>)> {
    let start = source.len().saturating_sub(length);
    let known = usize::try_from(start).ok().and_then(|start| head.get(start..));
    let mut bytes = known.unwrap_or_default().to_vec();
    let rest = start + bytes.len() as u64;
    let missing = usize::try_from(source.len().saturating_sub(rest)).unwrap_or(0);
    bytes.extend_from_slice(source.up_to(rest, missing)?);
    Ok((start, bytes))
}

/// A fraction whose terms are small enough to compute with.
fn parse_rate(rate: &str) -> Option<(i64, i64)> {
    let (num, den) = rate.split_once('/')?;
    let part = |text: &str| text.parse().ok().filter(|part| (1..1 << 31).contains(part));
    Some((part(num)?, part(den)?))
}

/// The frame rate that follows from the times of frames, in any order.
fn frame_rate(times: &mut [i64]) -> Option<(i64, i64)> {
    times.sort_unstable();
    let mut steps: Vec<i64> =
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0).collect();
    steps.sort_unstable();
    let middle = *steps.get(steps.len() / 2)?;
    // Rounding to ticks causes steps of two sizes. At the end, frames are missing.
    steps.retain(|step| (step - middle).abs() <= 2);
    let rate = TICKS as f64 * steps.len() as f64 / steps.iter().sum::<i64>() as f64;
    let usual = USUAL_RATES.map(|(num, den)| (i64::from(num), i64::from(den)));
    let near =
        usual.into_iter().find(|&(num, den)| (num as f64 / den as f64 / rate - 1.0).abs() < 5e-4);
    Some(near.unwrap_or(match middle {
        _ if TICKS % middle == 0 => (TICKS / middle, 1),
        _ => (TICKS, middle),
    }))
}
