//! Tracks (ISO/IEC 14496-12, 8.3 to 8.7): the `trak` box.

use super::boxes::{BoxAt, Fields, Kind, box_at, boxes_in, children, content};
use super::codes::language;
use super::sample_entries::{self, Description};
use super::sample_tables::{self, Sizes, Tables, Times};
use crate::probe::codec;
use crate::probe::model::{Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::rational::{self, rescale};
use crate::probe::source::Source;
use crate::probe::text;

/// The longest headers of a track that are read.
const LONGEST_HEADER: usize = 128 * 1024;

/// Tables up to this length are read even if that takes a request.
const SHORT_TABLE: usize = 64 * 1024;

/// Tables of sizes up to this length are read if nothing else gives the bit rate. They cover
/// hours.
const LONG_TABLE: usize = 2 * 1024 * 1024;

/// A track, and what is needed to find out more about it.
#[derive(Debug, Default)]
pub struct Trak {
    /// The known properties.
    pub track: Track,
    /// The id by which other tracks refer to it.
    pub id: u32,
    /// Units per second.
    pub timescale: u32,
    /// The duration in the media header, in units.
    pub duration: u64,
    /// The segments of the edit list: their duration in units of the movie, and their start
    /// in the media, or -1 for pauses.
    pub edits: Vec<(u64, i64)>,
    /// The tracks that contain its chapters.
    pub chapters: Vec<u32>,
    /// The content of the sample entry.
    pub description: Description,
    /// The places of the tables.
    pub tables: Tables,
    /// The times in the tables.
    pub times: Times,
    /// The sizes in the tables.
    pub sizes: Sizes,
    /// The display matrix.
    pub matrix: Option<[i32; 9]>,
    handler: Kind,
}

/// How to read the tracks of a movie.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Whether the file may have QuickTime's sound descriptions.
    pub quicktime: bool,
    /// Whether all headers of the movie are already in memory.
    pub loaded: bool,
    /// Whether a long table may be read if nothing else gives the bit rate.
    pub may_read_long_table: bool,
}

impl Trak {
    /// Reads a `trak` box. Damaged parts are ignored.
    pub fn read(source: &mut Source<'_>, trak: &BoxAt, options: ReadOptions) -> Result<Self> {
        let mut this = Self::default();
        for found in children(source, trak)? {
            match &found.kind {
                b"tkhd" => this.header(&content(source, &found, LONGEST_HEADER)?),
                b"edts" => this.edit_list(&content(source, &found, LONGEST_HEADER)?),
                b"tref" => this.references(&content(source, &found, LONGEST_HEADER)?),
                b"mdia" => this.media(source, &found, options)?,
                b"udta" => this.user_data(&content(source, &found, LONGEST_HEADER)?),
                _ => {}
            }
        }
        Ok(this)
    }

    fn header(&mut self, tkhd: &[u8]) {
        let mut fields = Fields::new(tkhd);
        let mut read = || {
            let (version, flags) = fields.version()?;
            let wide = version == 1;
            self.track.default = flags & 1 != 0;
            fields.take(if wide { 16 } else { 8 })?;
            self.id = fields.u32()?;
            // Duration, layer, group and volume.
            fields.take(if wide { 28 } else { 24 })?;
            let mut matrix = [0; 9];
            for number in &mut matrix {
                *number = fields.i32()?;
            }
            self.matrix = Some(matrix);
            Some(())
        };
        read();
    }

    fn edit_list(&mut self, edts: &[u8]) {
        let Some((_, elst)) = boxes_in(edts).find(|(kind, _)| kind == b"elst") else { return };
        let mut fields = Fields::new(elst);
        let (Some((version, _)), Some(_)) = (fields.version(), fields.u32()) else { return };
        let wide = version == 1;
        let mut entry = || {
            let duration = fields.u32_or_u64(wide)?;
            let time = if wide { fields.u64()?.cast_signed() } else { i64::from(fields.i32()?) };
            fields.u32()?;
            Some((duration, time))
        };
        // As many entries as there are, whatever the count is.
        self.edits = std::iter::from_fn(&mut entry).collect();
    }

    fn references(&mut self, tref: &[u8]) {
        for (kind, content) in boxes_in(tref) {
            if &kind == b"chap" {
                let mut fields = Fields::new(content);
                self.chapters = std::iter::from_fn(|| fields.u32()).collect();
            }
        }
    }

    /// Reads roles (ISO/IEC 23009-1, 5.8.5.5) in `kind` boxes, and the title in a `name` box
    /// (QuickTime File Format, user data).
    fn user_data(&mut self, udta: &[u8]) {
        if let Some((_, name)) = boxes_in(udta).find(|(kind, _)| kind == b"name") {
            let title = text::utf8_or_latin1(name);
            let title = title.trim_matches(|it: char| it == '\0' || it.is_whitespace());
            if !title.is_empty() {
                self.track.title = Some(title.to_owned());
            }
        }
        for (_, content) in boxes_in(udta).filter(|(kind, _)| kind == b"kind") {
            let mut fields = Fields::new(content);
            if fields.version().is_none() || fields.text() != b"urn:mpeg:dash:role:2011" {
                continue;
            }
            let track = &mut self.track;
            match fields.text() {
                b"caption" => track.hearing_impaired = true,
                b"commentary" => track.commentary = true,
                b"description" => track.visual_impaired = true,
                b"forced-subtitle" => track.forced = true,
                _ => {}
            }
        }
    }

    fn media(&mut self, source: &mut Source<'_>, mdia: &BoxAt, options: ReadOptions) -> Result<()> {
        let mut extended = None;
        for found in children(source, mdia)? {
            match &found.kind {
                b"mdhd" => self.media_header(&content(source, &found, LONGEST_HEADER)?),
                b"hdlr" => {
                    let hdlr = content(source, &found, LONGEST_HEADER)?;
                    self.handler =
                        Fields::new(hdlr.get(8..).unwrap_or(&[])).kind().unwrap_or_default();
                }
                b"elng" => extended = Some(content(source, &found, LONGEST_HEADER)?),
                b"minf" => {
                    for inner in children(source, &found)? {
                        if &inner.kind == b"stbl" {
                            self.sample_table(source, &inner, options)?;
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(text) = extended.as_deref().and_then(|elng| elng.get(4..))
            && matches!(&*self.track.language, "" | "und")
        {
            self.track.language = String::from_utf8_lossy(Fields::new(text).text()).into_owned();
        }
        Ok(())
    }

    fn media_header(&mut self, mdhd: &[u8]) {
        let mut fields = Fields::new(mdhd);
        let mut read = || {
            let (version, _) = fields.version()?;
            let wide = version == 1;
            fields.take(if wide { 16 } else { 8 })?;
            self.timescale = fields.u32()?;
            let duration = fields.u32_or_u64(wide)?;
            let unknown = if wide { u64::MAX } else { u64::from(u32::MAX) };
            self.duration = if duration == unknown { 0 } else { duration };
            self.track.language = language(fields.u16()?);
            Some(())
        };
        read();
        if self.timescale == 0 || i32::try_from(self.timescale).is_err() {
            self.timescale = 1;
        }
    }

    fn sample_table(
        &mut self,
        source: &mut Source<'_>,
        stbl: &BoxAt,
        options: ReadOptions,
    ) -> Result<()> {
        let most = if options.loaded { usize::MAX } else { SHORT_TABLE };
        let mut offset = stbl.content;
        while let Some(found) = box_at(source, offset, stbl.end)? {
            offset = found.end;
            match &found.kind {
                b"stsd" => {
                    let stsd = content(source, &found, LONGEST_HEADER)?;
                    self.description = sample_entries::read(
                        &stsd,
                        &self.handler,
                        options.quicktime,
                        &mut self.track,
                    );
                }
                b"stts" => {
                    self.times = sample_tables::times(source, &found, most)?;
                    self.tables.times = Some(found);
                }
                b"stsz" | b"stz2" => self.tables.sizes = Some(found),
                b"stsc" => self.tables.chunks = Some(found),
                b"stco" | b"co64" => self.tables.offsets = Some(found),
                _ => {}
            }
            // Skipping a long table takes a request.
            let enough = self.tables.times.is_some()
                && !self.times.unread
                && self.track.codec.is_some()
                && self.knows_rate()
                && !codec::wants_packet(&self.track);
            if !options.loaded && enough {
                break;
            }
        }
        if let Some(found) = self.tables.sizes {
            let most = match (options.loaded, self.knows_rate()) {
                (true, _) => usize::MAX,
                (false, false) if options.may_read_long_table => LONG_TABLE,
                (false, _) => SHORT_TABLE,
            };
            self.sizes = sample_tables::sizes(source, &found, most)?;
        }
        if self.times.unread {
            // The number of samples is that of the sizes, and the time that of the media header.
            self.times.samples = self.sizes.samples;
            self.times.duration = self.duration;
        }
        Ok(())
    }

    /// Whether the file contains the bit rate, and it looks like a measured one and not like
    /// an encoder's target.
    fn knows_rate(&self) -> bool {
        self.description.bit_rate.is_some_and(|rate| rate % 1000 != 0)
    }

    /// Whether samples are so small that the tables count the samples of all channels
    /// together.
    fn is_old_uncompressed(&self) -> bool {
        self.track.track_type == TrackType::Audio
            && self.times.entries == 1
            && self.times.first_delta == 1
    }

    /// Sets durations and rates as far as the tables contain them.
    pub fn conclude(&mut self, movie_timescale: u32, movie_matrix: &[i32; 9]) {
        if self.times.duration > 0 {
            self.duration = self.duration.min(self.times.duration);
        }
        let timescale = u64::from(self.timescale.max(1));
        let measured = match self.sizes.bytes {
            Some(bytes) if self.duration > 0 && self.sizes.samples > 0 => (!self
                .is_old_uncompressed())
            .then(|| u128::from(bytes) * 8 * u128::from(timescale) / u128::from(self.duration))
            .and_then(|rate| u64::try_from(rate).ok()),
            _ => None,
        };
        self.track.bit_rate =
            measured.or(self.track.bit_rate).or(self.description.bit_rate).filter(|&rate| rate > 0);
        let has_samples = self.sizes.samples > 0 || self.times.samples > 0;
        if has_samples && !self.edits.is_empty() && movie_timescale > 0 {
            let of_edit = |&(duration, _): &(u64, i64)| {
                rescale(duration, timescale, u64::from(movie_timescale))
            };
            let edited = self.edits.iter().map(of_edit).fold(0, u64::saturating_add);
            self.duration = self.duration.min(edited);
        }
        if self.track.track_type == TrackType::Video {
            self.track.rotation = self.matrix.and_then(|matrix| rotation(&matrix, movie_matrix));
        }
    }

    /// The average frame rate as a fraction.
    pub fn frame_rate(&self) -> Option<String> {
        let frames = self.times.samples.checked_mul(u64::from(self.timescale))?;
        rational::rate(frames, self.times.duration)
    }

    /// The position of the media's time 0 in fragmented files, in units of the track.
    pub fn offset(&self, movie_timescale: u32) -> i64 {
        let mut edits = self.edits.iter();
        let (mut pause, mut first) = (0, edits.next());
        if let Some(&(duration, -1)) = first {
            let timescale = u64::from(self.timescale);
            pause = rescale(duration, timescale, u64::from(movie_timescale)).cast_signed();
            first = edits.next();
        }
        let start = first.map_or(0, |&(_, time)| time.max(0));
        start.saturating_sub(pause)
    }
}

/// The rotation in degrees clockwise. None if the picture is not rotated, or not by quarter
/// turns.
fn rotation(track: &[i32; 9], movie: &[i32; 9]) -> Option<u32> {
    const SHIFTS: [u32; 3] = [16, 16, 30];
    const IDENTITY: [i64; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];
    let mut matrix = [0_i64; 9];
    for (index, number) in matrix.iter_mut().enumerate() {
        let (row, column) = (index / 3 * 3, index % 3);
        for (step, shift) in SHIFTS.iter().enumerate() {
            let product = i64::from(track[row + step]) * i64::from(movie[step * 3 + column]);
            *number += product >> shift;
        }
    }
    if matrix == IDENTITY {
        return None;
    }
    let [a, b, _, c, d, ..] = matrix.map(|number| number as f64);
    let (width, height) = (a.hypot(c), b.hypot(d));
    if width == 0.0 || height == 0.0 {
        return None;
    }
    let quarters = (b / height).atan2(a / width).to_degrees() / 90.0;
    let whole = quarters.round();
    if (quarters - whole).abs() > 0.05 {
        return None;
    }
    Some((whole as i32).rem_euclid(4) as u32 * 90)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << 16;
    const AS_IS: [i32; 9] = [ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30];

    #[test]
    fn rotation_is_clockwise_and_absent_if_there_is_none() {
        assert_eq!(rotation(&AS_IS, &AS_IS), None);
        for (turned, degrees) in [
            ([0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30], 90),
            ([-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30], 180),
            ([0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30], 270),
        ] {
            assert_eq!(rotation(&turned, &AS_IS), Some(degrees));
            assert_eq!(rotation(&AS_IS, &turned), Some(degrees));
        }
        assert_eq!(rotation(&[0; 9], &AS_IS), None);
        rotation(&[i32::MIN; 9], &[i32::MIN; 9]);
    }
}
