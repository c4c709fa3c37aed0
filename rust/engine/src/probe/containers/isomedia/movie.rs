//! The `moov` box (ISO/IEC 14496-12, 8.2): tracks, tags, chapters.

use super::boxes::{BoxAt, Fields, box_at, children, content};
use super::fragment_defaults::{self, Defaults};
use super::metadata::Metadata;
use super::track::{ReadOptions, Trak};
use crate::probe::model::Track;
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// A `moov` up to this length is read at once: one request is cheaper than skipping its
/// tables.
const LOADED_AT_ONCE: u64 = 512 * 1024;

/// Long tables are read for this many tracks at most.
const MOST_LONG_TABLES: usize = 4;

/// The user data of a track is usually shorter.
const BEFORE_NEXT: u64 = 1024;

/// No movie has more boxes unless it is malicious.
const MOST_BOXES: usize = 4096;

/// No movie has more tracks unless it is malicious.
const MOST_TRACKS: usize = 1024;

/// A movie's headers.
#[derive(Debug)]
pub struct Movie {
    /// Units per second.
    pub timescale: u32,
    /// The defaults for fragments; empty if there are no fragments.
    pub defaults: Vec<Defaults>,
    duration: Option<u64>,
    pub matrix: [i32; 9],
    pub streams: Vec<Stream>,
    pub metadata: Metadata,
}

/// A stream, as `ffprobe` counts them.
#[derive(Debug)]
pub enum Stream {
    Trak(Box<Trak>),
    Cover(Box<Track>),
}

impl Movie {
    /// Reads a `moov` box. Damaged parts are ignored.
    pub fn read(source: &mut Source<'_>, moov: &BoxAt, quicktime: bool) -> Result<Self> {
        let loaded = moov.end - moov.start <= LOADED_AT_ONCE;
        if loaded {
            // Including the header of the next box.
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
                // Reads the end of a track together with the beginning of the next box.
                source.up_to(offset.saturating_sub(BEFORE_NEXT), BEFORE_NEXT as usize + 16)?;
            }
            let Some(found) = box_at(source, offset, moov.end)? else { break };
            offset = found.end;
            match &found.kind {
                b"mvhd" => this.header(&content(source, &found, 256)?),
                b"trak" if this.streams.len() < MOST_TRACKS => {
                    let may_read_long_table = this.streams.len() < MOST_LONG_TABLES;
                    let options = ReadOptions { quicktime, loaded, may_read_long_table };
                    let trak = Trak::read(source, &found, options)?;
                    this.streams.push(Stream::Trak(Box::new(trak)));
                    if loaded {
                        // `ffprobe` reports the tags of tracks as tags of the file.
                        this.tags_in(source, &found)?;
                    }
                }
                b"mvex" => this.defaults = fragment_defaults::read(source, &found)?,
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

    /// The tracks, without covers, for changing them.
    pub fn traks_mut(&mut self) -> impl Iterator<Item = &mut Trak> {
        self.streams.iter_mut().filter_map(|stream| match stream {
            Stream::Trak(trak) => Some(&mut **trak),
            Stream::Cover(_) => None,
        })
    }

    /// Whether its tables contain samples.
    pub fn has_samples(&self) -> bool {
        self.traks().any(|trak| trak.times.samples > 0)
    }

    /// The duration in the header, or else that of the longest track.
    pub fn duration(&self) -> Option<f64> {
        if let Some(duration) = self.duration {
            return Some(duration as f64 / f64::from(self.timescale));
        }
        let seconds = |trak: &Trak| trak.duration as f64 / f64::from(trak.timescale.max(1));
        self.traks().map(seconds).reduce(f64::max)
    }
}

/// A time in seconds since 1904, in ISO 8601.
fn creation_time(since_1904: u64) -> Option<String> {
    const TO_1970: u64 = 2_082_844_800;
    if since_1904 == 0 {
        return None;
    }
    // Times before 1970 come from programs that count from 1970.
    let seconds = since_1904.checked_sub(TO_1970).unwrap_or(since_1904);
    let days = i64::try_from(seconds / 86_400).ok().filter(|&days| days < 3_000_000)?;
    // Years that begin in March, counted from the year 0 in eras of 400 years.
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
}
