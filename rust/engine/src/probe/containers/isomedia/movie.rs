//! The `moov` box (ISO/IEC 14496-12, 8.2): tracks, tags, chapters.

use super::boxes::{BoxAt, Fields, box_at, children, content};
use super::fragments::{self, Defaults, Firsts};
use super::metadata::Metadata;
use super::track::{Manner, Trak};
use crate::probe::codec;
use crate::probe::model::{Chapter, Media, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;
use crate::probe::text;

/// A `moov` up to this length is read at once: one request is cheaper than the
/// jumps over its tables.
const LOADED_AT_ONCE: u64 = 512 * 1024;

/// As much of a packet as is read: decoders' headers are in front.
const PACKET_HEAD: usize = 16 * 1024;

/// Titles of chapters are samples of their own; this many of them are read.
const MOST_CHAPTERS: usize = 512;

/// Requests after which titles of chapters are not read any more.
const MOST_REQUESTS: u32 = 64;

/// Long tables are read for no more tracks than this.
const MOST_LONG_TABLES: usize = 4;

/// User data of a track is mostly no longer than this.
const BEFORE_NEXT: u64 = 1024;

/// No movie has more boxes, unless it means harm.
const MOST_BOXES: usize = 4096;

/// No movie has more tracks, unless it means harm.
const MOST_TRACKS: usize = 1024;

/// A movie's headers.
#[derive(Debug)]
pub struct Movie {
    /// Units a second.
    pub timescale: u32,
    /// Defaults for fragments; none if there are no fragments.
    pub defaults: Vec<Defaults>,
    duration: Option<u64>,
    matrix: [i32; 9],
    streams: Vec<Stream>,
    metadata: Metadata,
}

/// What `ffprobe` counts as a stream.
#[derive(Debug)]
enum Stream {
    Trak(Box<Trak>),
    Cover(Box<Track>),
}

impl Movie {
    /// Reads a `moov` box. What is damaged in it is left out.
    pub fn read(source: &mut Source<'_>, moov: &BoxAt, quicktime: bool) -> Result<Self> {
        let loaded = moov.end - moov.start <= LOADED_AT_ONCE;
        if loaded {
            // With the header of what follows.
            let length = usize::try_from(moov.end - moov.start).unwrap_or(0) + 16;
            source.up_to(moov.start, length)?;
        }
        let mut this = Self {
            timescale: 1,
            defaults: Vec::new(),
            duration: None,
            matrix: [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30],
            streams: Vec::new(),
            metadata: Metadata::default(),
        };
        let mut offset = moov.content;
        for _ in 0..MOST_BOXES {
            if !loaded && offset > moov.content {
                // What is at the end of a track comes with the next.
                source.up_to(offset.saturating_sub(BEFORE_NEXT), BEFORE_NEXT as usize + 16)?;
            }
            let Some(found) = box_at(source, offset, moov.end)? else { break };
            offset = found.end;
            match &found.kind {
                b"mvhd" => this.header(&content(source, &found, 256)?),
                b"trak" if this.streams.len() < MOST_TRACKS => {
                    let generous = this.streams.len() < MOST_LONG_TABLES;
                    let manner = Manner { quicktime, loaded, generous };
                    let trak = Trak::read(source, &found, manner)?;
                    this.streams.push(Stream::Trak(Box::new(trak)));
                    if loaded {
                        // Tags of tracks are the file's for `ffprobe`.
                        this.tags_in(source, &found)?;
                    }
                }
                b"mvex" => this.defaults = fragments::defaults(source, &found)?,
                b"udta" | b"meta" => {
                    this.metadata.read(source, &found)?;
                    this.take_covers();
                }
                _ => {}
            }
        }
        Ok(this)
    }

    fn tags_in(&mut self, source: &mut Source<'_>, trak: &BoxAt) -> Result<()> {
        for found in children(source, trak)? {
            if matches!(&found.kind, b"udta" | b"meta") {
                self.metadata.read(source, &found)?;
            }
        }
        self.take_covers();
        Ok(())
    }

    fn take_covers(&mut self) {
        self.streams.extend(self.metadata.covers.drain(..).map(Box::new).map(Stream::Cover));
    }

    fn header(&mut self, mvhd: &[u8]) {
        let mut fields = Fields::new(mvhd);
        let mut read = || {
            let (version, _) = fields.version()?;
            let wide = version == 1;
            let created = fields.u32_or_u64(wide)?;
            fields.u32_or_u64(wide)?;
            self.timescale = fields.u32()?;
            let duration = fields.u32_or_u64(wide)?;
            let unknown = if wide { u64::MAX } else { u64::from(u32::MAX) };
            self.duration = (duration != unknown).then_some(duration);
            if let Some(time) = creation_time(created) {
                self.metadata.tags.insert("creation_time".into(), time);
            }
            // Rate and volume.
            fields.take(16)?;
            let mut matrix = [0; 9];
            for number in &mut matrix {
                *number = fields.i32()?;
            }
            self.matrix = matrix;
            Some(())
        };
        read();
        if self.timescale == 0 || i32::try_from(self.timescale).is_err() {
            self.timescale = 1;
        }
    }

    /// The tracks, without covers.
    pub fn traks(&self) -> impl Iterator<Item = &Trak> {
        self.streams.iter().filter_map(|stream| match stream {
            Stream::Trak(trak) => Some(&**trak),
            Stream::Cover(_) => None,
        })
    }

    /// The tracks, without covers, to be changed.
    pub fn traks_mut(&mut self) -> impl Iterator<Item = &mut Trak> {
        self.streams.iter_mut().filter_map(|stream| match stream {
            Stream::Trak(trak) => Some(&mut **trak),
            Stream::Cover(_) => None,
        })
    }

    /// Makes an answer of it, with what fragments after `end` and the first
    /// samples say.
    pub fn into_media(
        mut self,
        source: &mut Source<'_>,
        end: u64,
        media: &mut Media,
    ) -> Result<()> {
        let (timescale, matrix) = (self.timescale, self.matrix);
        for trak in self.traks_mut() {
            trak.conclude(timescale, &matrix);
        }
        let firsts = if self.defaults.is_empty() {
            media.duration_seconds = self.duration();
            let length = source.len();
            if box_at(source, end, length)?.is_some_and(|next| &next.kind == b"mdat" && next.cut) {
                media.warn("the file ends before its data does");
            }
            Vec::new()
        } else {
            fragments::read(source, end, &mut self, media)?
        };
        if let Some(duration) = media.duration_seconds.filter(|&duration| duration > 0.0) {
            let micros = (duration * 1e6).round();
            let rate = source.len() as f64 * 8.0 * 1e6 / micros;
            media.bit_rate = (rate < 1e18).then_some(rate as u64);
        }
        self.read_chapters(source, media)?;
        self.read_packets(source, &firsts)?;
        for trak in self.traks_mut() {
            trak.track.duration_seconds =
                Some(trak.duration as f64 / f64::from(trak.timescale.max(1)));
            if trak.track.track_type == TrackType::Video {
                trak.track.frame_rate = trak.frame_rate();
                let is_readable = trak.times.samples > 0 && !trak.description.encrypted;
                if is_readable && trak.track.pixel_format.is_none() {
                    media.doubt("pixel format");
                }
            }
        }
        media.tags = self.metadata.tags;
        media.tracks = self
            .streams
            .into_iter()
            .map(|stream| match stream {
                Stream::Trak(trak) => trak.track,
                Stream::Cover(cover) => *cover,
            })
            .zip(0..)
            .map(|(track, index)| Track { index, ..track })
            .collect();
        Ok(())
    }

    /// Whether its tables tell of samples.
    pub fn has_samples(&self) -> bool {
        self.traks().any(|trak| trak.times.samples > 0)
    }

    /// What the header says, or else the longest track.
    fn duration(&self) -> Option<f64> {
        if let Some(duration) = self.duration {
            return Some(duration as f64 / f64::from(self.timescale));
        }
        let seconds = |trak: &Trak| trak.duration as f64 / f64::from(trak.timescale.max(1));
        self.traks().map(seconds).reduce(f64::max)
    }

    fn read_packets(&mut self, source: &mut Source<'_>, firsts: &Firsts) -> Result<()> {
        for (position, trak) in self.traks_mut().enumerate() {
            if trak.description.encrypted || !codec::wants_packet(&trak.track) {
                continue;
            }
            let sample = match trak.tables.first(source, trak.sizes.first)? {
                Some(sample) => Some(sample),
                None => firsts.get(position).copied().flatten(),
            };
            let Some(sample) = sample else { continue };
            let length = usize::try_from(sample.size).unwrap_or(usize::MAX).min(PACKET_HEAD);
            let packet = source.up_to(sample.offset, length)?;
            if !packet.is_empty() {
                let told = trak.track.codec.clone();
                codec::read_packet(&mut trak.track, packet, trak.description.framing);
                // Whichever layer of MPEG audio it is: `ffprobe` believes the header.
                trak.track.codec = told;
            }
        }
        Ok(())
    }

    /// Nero's chapters, and the tracks that QuickTime has them in.
    fn read_chapters(&mut self, source: &mut Source<'_>, media: &mut Media) -> Result<()> {
        let nero = std::mem::take(&mut self.metadata.chapters);
        let mut chapters: Vec<(f64, Option<f64>, String)> =
            nero.into_iter().map(|(start, title)| (start as f64 / 1e7, None, title)).collect();
        let referenced = self.traks().filter(|trak| !trak.chapters.is_empty()).last();
        let referenced = referenced.map(|trak| trak.chapters.clone()).unwrap_or_default();
        for id in referenced {
            let Some(trak) = self.traks_mut().find(|trak| trak.id == id) else { continue };
            if trak.track.track_type == TrackType::Video {
                become_attachment(&mut trak.track);
                continue;
            }
            trak.track.track_type = TrackType::Other;
            trak.track.codec = Some("bin_data".into());
            let found = titles(source, trak, media)?;
            if found.is_empty() && trak.duration > 0 {
                // They are in fragments; the header has them, too, or nobody.
                match chapters.last_mut() {
                    Some(last) => {
                        last.1 = Some(trak.duration as f64 / f64::from(trak.timescale.max(1)));
                    }
                    None => media.doubt("chapters: they are in fragments"),
                }
            }
            if trak.edits.is_empty() || found.is_empty() {
                // As nothing of it is read to tell when it begins.
                let whole = media.duration_seconds.unwrap_or(0.0);
                trak.duration = (whole * f64::from(trak.timescale)).round() as u64;
            }
            for (index, chapter) in found.into_iter().enumerate() {
                match chapters.get_mut(index) {
                    Some(known) => *known = chapter,
                    None => chapters.push(chapter),
                }
            }
        }
        chapters.sort_by(|one, other| one.0.total_cmp(&other.0));
        let last = media.duration_seconds.unwrap_or(0.0);
        let starts: Vec<f64> = chapters.iter().map(|chapter| chapter.0).collect();
        let ends = starts.iter().skip(1).copied().chain([last]);
        media.chapters = chapters
            .into_iter()
            .zip(ends)
            .map(|((start, end, title), next)| Chapter {
                start_seconds: start,
                end_seconds: Some(end.unwrap_or(next.max(start))),
                title: Some(title),
            })
            .collect();
        Ok(())
    }
}

/// Chapters in the samples of a text track.
fn titles(
    source: &mut Source<'_>,
    trak: &Trak,
    media: &mut Media,
) -> Result<Vec<(f64, Option<f64>, String)>> {
    let samples = trak.tables.list(source, MOST_CHAPTERS)?;
    let timescale = f64::from(trak.timescale.max(1));
    let ends = samples.iter().skip(1).map(|sample| sample.time).chain([trak.duration]);
    let mut chapters = Vec::new();
    for (sample, end) in samples.iter().zip(ends) {
        if source.requests() > MOST_REQUESTS {
            media.doubt("chapters: not all titles were read");
            break;
        }
        let length = usize::try_from(sample.size).unwrap_or(0).min(PACKET_HEAD);
        let text = source.up_to(sample.offset, length)?;
        let Some(title) = title(text) else { continue };
        let end = (end >= sample.time).then_some(end as f64 / timescale);
        chapters.push((sample.time as f64 / timescale, end, title));
    }
    Ok(chapters)
}

/// A text sample: its length, and UTF-8, or UTF-16 after a byte order mark.
fn title(sample: &[u8]) -> Option<String> {
    let mut fields = Fields::new(sample);
    let length = usize::from(fields.u16()?);
    let text = fields.take(length)?;
    Some(text::by_mark(text).into_owned())
}

/// Pictures of chapters are attached, as covers are.
fn become_attachment(track: &mut Track) {
    *track = Track {
        codec: track.codec.take(),
        language: std::mem::take(&mut track.language),
        default: track.default,
        width: track.width,
        height: track.height,
        ..Track::new(track.index, TrackType::Attachment)
    };
}

/// Seconds since 1904, as ISO 8601.
fn creation_time(since_1904: u64) -> Option<String> {
    const TO_1970: u64 = 2_082_844_800;
    if since_1904 == 0 {
        return None;
    }
    // Times before 1970 are those of writers that count from there.
    let seconds = since_1904.checked_sub(TO_1970).unwrap_or(since_1904);
    let days = i64::try_from(seconds / 86_400).ok().filter(|&days| days < 3_000_000)?;
    // Years that begin in March, from the year 0 on, in eras of 400 years.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_1904() {
        assert_eq!(creation_time(0), None);
        let leap_day = 2_082_844_800 + 951_782_400;
        assert_eq!(creation_time(leap_day).as_deref(), Some("2000-02-29T00:00:00.000000Z"));
        assert_eq!(creation_time(1).as_deref(), Some("1970-01-01T00:00:01.000000Z"));
        assert_eq!(creation_time(u64::MAX), None);
    }

    #[test]
    fn titles_are_utf8_or_utf16() {
        assert_eq!(title(b"\0\x03One\0\0").as_deref(), Some("One"));
        assert_eq!(title(b"\0\x04\xfe\xff\0A").as_deref(), Some("A"));
        assert_eq!(title(b"\0\x04\xff\xfeA\0").as_deref(), Some("A"));
        assert_eq!(title(b"\0\x09x"), None);
    }
}
