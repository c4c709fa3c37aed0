//! Fragmented files (ISO/IEC 14496-12, 8.8 and 8.16.3): `moof` and `sidx`.
//!
//! Like `ffprobe`, this reads every fragment unless an index covers all of them, but only as
//! many fragments as are cheap to read.

use super::boxes::{BoxAt, Fields, box_at, boxes_in, content};
use super::movie::Movie;
use super::sample_tables::Sample;
use super::track::Trak;
use crate::probe::model::{Media, TrackType};
use crate::probe::problem::Result;
use crate::probe::rational::rescale;
use crate::probe::source::Source;

/// After this many requests, no more fragments are read. `ffprobe` makes about as many.
const MOST_REQUESTS: u32 = 48;

/// The most fragments that are read because they are the last of a track.
const MOST_LAST: usize = 8;

/// The longest header of a fragment.
const LONGEST_HEADER: usize = 512 * 1024;

/// The totals of a track: its tables and its fragments.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    samples: u64,
    duration: u64,
    bytes: u64,
    /// The size of the fragments in the index, including their headers.
    indexed: u64,
    /// When the next fragment begins.
    end: i64,
    /// The latest end of a fragment or index.
    length: i64,
    start: Option<i64>,
    /// When the first sample or the index begins, before edits.
    begin: Option<i64>,
    /// The most that samples are shown before they are decoded.
    ahead: i64,
    has_index: bool,
    first: [Option<Sample>; MOST_SAMPLES],
}

/// The state of all tracks, in their order.
struct FragmentReader<'m> {
    movie: &'m Movie,
    sums: Vec<Sum>,
    /// Whether there was an `mdat`.
    data: bool,
    /// Whether an index covers all fragments.
    complete: bool,
    /// Whether there are more fragments than were read.
    partial: bool,
}

/// The first samples of each track, in their order.
pub type FirstSamples = Vec<[Option<Sample>; MOST_SAMPLES]>;

/// So many samples of a track are read.
pub const MOST_SAMPLES: usize = 3;

/// Reads the fragments after a `moov` that ends at `offset`, and adds their properties to the
/// tracks. Returns the first samples of each track.
pub fn read(
    source: &mut Source<'_>,
    offset: u64,
    movie: &mut Movie,
    media: &mut Media,
) -> Result<FirstSamples> {
    let sums = movie.traks().map(Sum::of_tables).collect();
    let mut reader = FragmentReader { movie, sums, data: false, complete: false, partial: false };
    reader.follow(source, offset, media)?;
    let FragmentReader { mut sums, partial, .. } = reader;
    begin_at_zero(movie, &mut sums);
    let alone = sums.len() == 1;
    for (trak, sum) in movie.traks_mut().zip(&sums) {
        sum.conclude(trak, partial, alone);
    }
    media.duration_seconds = whole_duration(movie, &sums);
    Ok(sums.iter().map(|sum| sum.first).collect())
}

impl FragmentReader<'_> {
    fn follow(&mut self, source: &mut Source<'_>, start: u64, media: &mut Media) -> Result<()> {
        let (mut offset, length) = (start, source.len());
        while offset < length {
            if source.requests() > MOST_REQUESTS {
                media.doubt("duration and rates: not all fragments were read");
                self.partial = true;
                self.last(source)?;
                break;
            }
            let Some(found) = box_at(source, offset, length)? else { break };
            offset = found.end;
            match &found.kind {
                b"sidx" => self.index(source, &found)?,
                b"moof" => {
                    let moof = content(source, &found, LONGEST_HEADER)?;
                    self.fragment(&moof, found.start);
                }
                b"mdat" => {
                    self.data = true;
                    if found.cut {
                        media.warn("the file is cut off within its data");
                    }
                    // Not earlier, because each track may have an index that covers all fragments.
                    if self.complete {
                        break;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the last fragment of each track in the table at the end of the file.
    fn last(&mut self, source: &mut Source<'_>) -> Result<()> {
        let length = source.len();
        let start = length - random_access(source)?;
        let Some(mfra) = box_at(source, start, length)? else { return Ok(()) };
        let bytes = content(source, &mfra, LONGEST_HEADER)?;
        let mut places: Vec<u64> = boxes_in(&bytes)
            .filter(|(kind, _)| kind == b"tfra")
            .filter_map(|(_, tfra)| last_place(tfra))
            .collect();
        places.sort_unstable();
        places.dedup();
        for place in places.into_iter().take(MOST_LAST) {
            if let Some(found) =
                box_at(source, place, length)?.filter(|found| &found.kind == b"moof")
            {
                let moof = content(source, &found, LONGEST_HEADER)?;
                self.fragment(&moof, found.start);
            }
        }
        Ok(())
    }

    fn position(&self, id: u32) -> Option<usize> {
        self.movie.traks().position(|trak| trak.id == id)
    }

    fn index(&mut self, source: &mut Source<'_>, found: &BoxAt) -> Result<()> {
        let sidx = content(source, found, LONGEST_HEADER)?;
        let mut fields = Fields::new(&sidx);
        let mut header = || {
            let (version, _) = fields.version()?;
            let track = fields.u32()?;
            let timescale = fields.u32()?;
            let time = fields.u32_or_u64(version != 0)?;
            let offset = fields.u32_or_u64(version != 0)?;
            fields.u16()?;
            Some((track, timescale, time, offset, fields.u16()?))
        };
        let Some((track, timescale, mut time, offset, count)) = header() else { return Ok(()) };
        let Some(position) = self.position(track) else { return Ok(()) };
        let mut end = found.end.saturating_add(offset);
        let begin = time;
        let mut bytes = 0_u64;
        for _ in 0..count {
            let (Some(size), Some(duration)) = (fields.u32(), fields.u32()) else { break };
            fields.u32();
            if size >> 31 != 0 {
                // An index of other indexes.
                return Ok(());
            }
            end = end.saturating_add(u64::from(size));
            bytes = bytes.saturating_add(u64::from(size));
            time = time.saturating_add(u64::from(duration));
        }
        let Some(trak) = self.movie.traks().nth(position) else { return Ok(()) };
        let begin = rescale(begin, u64::from(trak.timescale), u64::from(timescale));
        let time = rescale(time, u64::from(trak.timescale), u64::from(timescale));
        if let Some(sum) = self.sums.get_mut(position) {
            (sum.end, sum.length) = (time.cast_signed(), time.cast_signed());
            sum.indexed = sum.indexed.saturating_add(bytes);
            sum.has_index = true;
            sum.begin.get_or_insert(begin.cast_signed());
        }
        self.complete = end == source.len() || end == source.len() - random_access(source)?;
        if self.complete {
            for (sum, other) in self.sums.iter_mut().zip(self.movie.traks()) {
                if !sum.has_index {
                    let end = rescale(time, u64::from(other.timescale), u64::from(trak.timescale));
                    (sum.end, sum.length) = (end.cast_signed(), end.cast_signed());
                }
            }
        }
        Ok(())
    }

    fn fragment(&mut self, moof: &[u8], offset: u64) {
        let mut next = offset;
        for (kind, traf) in boxes_in(moof) {
            if &kind == b"traf" {
                next = self.track_fragment(traf, offset, next).unwrap_or(next);
            }
        }
    }

    /// Reads a `traf` and returns the position after its data.
    fn track_fragment(&mut self, traf: &[u8], moof: u64, implicit: u64) -> Option<u64> {
        let (_, tfhd) = boxes_in(traf).find(|(kind, _)| kind == b"tfhd")?;
        let mut fields = Fields::new(tfhd);
        let (_, flags) = fields.version()?;
        let id = fields.u32()?;
        let position = self.position(id)?;
        let trak = self.movie.traks().nth(position)?;
        let offset = trak.offset(self.movie.timescale);
        let defaults = self.movie.defaults.iter().find(|defaults| defaults.track == id)?;
        let mut optional = |bit: u32, wide: bool| {
            if flags & bit == 0 { None } else { fields.u32_or_u64(wide) }
        };
        let base = optional(1, true).unwrap_or(if flags & 0x2_0000 != 0 { moof } else { implicit });
        optional(2, false);
        let duration = optional(8, false).unwrap_or(u64::from(defaults.duration));
        let size = optional(0x10, false).unwrap_or(u64::from(defaults.size));

        let sum = self.sums.get_mut(position)?;
        if let Some((_, tfdt)) = boxes_in(traf).find(|(kind, _)| kind == b"tfdt") {
            let mut fields = Fields::new(tfdt);
            let (version, _) = fields.version()?;
            sum.end = fields.u32_or_u64(version != 0)?.cast_signed();
        }
        let mut place = base;
        for (_, trun) in boxes_in(traf).filter(|(kind, _)| kind == b"trun") {
            place = sum.run(trun, (base, place), (duration, size), offset)?;
        }
        Some(place)
    }
}

impl Sum {
    fn of_tables(trak: &Trak) -> Self {
        // Without samples in the tables, the media header may have the duration of the fragments.
        let duration = if trak.times.samples > 0 { trak.duration.cast_signed() } else { 0 };
        Self {
            samples: trak.times.samples,
            duration: trak.times.duration,
            // `ffprobe` ignores tables with one size for all samples.
            bytes: if trak.sizes.constant > 0 { 0 } else { trak.sizes.bytes.unwrap_or(0) },
            end: duration,
            length: duration,
            indexed: 0,
            begin: (trak.times.samples > 0).then_some(0),
            start: (trak.times.samples > 0).then_some(0),
            ahead: 0,
            has_index: false,
            first: [None; MOST_SAMPLES],
        }
    }

    /// Reads a `trun` with the default duration and size, and returns the position after its
    /// data.
    fn run(
        &mut self,
        trun: &[u8],
        (base, place): (u64, u64),
        (duration, size): (u64, u64),
        offset: i64,
    ) -> Option<u64> {
        let mut fields = Fields::new(trun);
        let (_, flags) = fields.version()?;
        let count = fields.u32()?;
        let mut place = match flags & 1 {
            0 => place,
            _ => base.saturating_add_signed(i64::from(fields.i32()?)),
        };
        if flags & 4 != 0 {
            fields.u32()?;
        }
        let width = (flags >> 8 & 0xf).count_ones() as usize * 4;
        // There are no more samples with fields than fit into the box.
        let there = fields.rest().len().checked_div(width);
        let count = there.and_then(|there| u32::try_from(there).ok()).unwrap_or(count).min(count);
        if width == 0 {
            let count = u64::from(count);
            self.add(count, count.saturating_mul(duration), count.saturating_mul(size));
            self.begin(place, size, offset, 0);
            self.end = self.end.saturating_add_unsigned(count.saturating_mul(duration));
            self.length = self.length.max(self.end);
            return Some(place.saturating_add(count.saturating_mul(size)));
        }
        for _ in 0..count {
            let mut optional = |bit: u32, default: u64| {
                if flags & bit == 0 { Some(default) } else { fields.u32().map(u64::from) }
            };
            let duration = optional(0x100, duration)?;
            let size = optional(0x200, size)?;
            optional(0x400, 0)?;
            let shift = i64::from((optional(0x800, 0)? as u32).cast_signed());
            self.begin(place, size, offset, shift);
            self.ahead = self.ahead.max(-shift);
            self.add(1, duration, size);
            self.end = self.end.saturating_add_unsigned(duration);
            place = place.saturating_add(size);
        }
        self.length = self.length.max(self.end);
        Some(place)
    }

    fn add(&mut self, samples: u64, duration: u64, bytes: u64) {
        self.samples = self.samples.saturating_add(samples);
        self.duration = self.duration.saturating_add(duration);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Records one of the first samples, before it is counted.
    fn begin(&mut self, offset: u64, size: u64, edit: i64, shift: i64) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        if let Some(free) = self.first.iter_mut().find(|sample| sample.is_none()) {
            *free = Some(Sample { offset, size, time: 0 });
        }
        self.begin.get_or_insert(self.end);
        let shown = self.end.saturating_add(shift).saturating_sub(edit);
        self.start.get_or_insert(shown);
    }

    /// The bytes of the track, and the time that they take.
    fn rate(&self, alone: bool) -> (u64, u64) {
        let length = u64::try_from(self.length).unwrap_or(0);
        if self.duration >= length / 10 * 9 || !self.has_index {
            (self.bytes, length)
        } else if alone {
            (self.indexed, length)
        } else {
            // Only what was read, because the size in the index includes all tracks.
            (self.bytes, self.duration)
        }
    }

    fn conclude(&self, trak: &mut Trak, partial: bool, alone: bool) {
        if self.length > 0 || self.samples > 0 {
            trak.duration = u64::try_from(self.length).unwrap_or(0);
        }
        let timescale = u128::from(trak.timescale);
        let (bytes, duration) = self.rate(alone);
        if duration > 0 && !partial {
            let rate = u128::from(bytes) * 8 * timescale / u128::from(duration);
            let rate = u64::try_from(rate).ok().filter(|&rate| rate > 0);
            if trak.track.codec.as_deref().is_none_or(|codec| !codec.starts_with("pcm_")) {
                trak.track.bit_rate = rate.or(trak.track.bit_rate);
            }
        }
        trak.times.samples = self.samples;
        trak.times.duration = self.duration;
    }
}

/// Takes the time before the first sample out of the lengths if the file begins late, like a
/// piece of a stream. Shorter delays are kept, as `ffprobe` keeps them: they may belong to one of
/// the tracks.
fn begin_at_zero(movie: &Movie, sums: &mut [Sum]) {
    let begin = movie
        .traks()
        .zip(&*sums)
        .filter_map(|(trak, sum)| Some(sum.begin? as f64 / f64::from(trak.timescale.max(1))));
    let begin = begin.reduce(f64::min).unwrap_or(0.0);
    if begin < LATE_SECONDS {
        return;
    }
    for (trak, sum) in movie.traks().zip(sums) {
        let shift = (begin * f64::from(trak.timescale.max(1))).round() as i64;
        sum.length = sum.length.saturating_sub(shift).max(0);
    }
}

/// The time of the first sample from which on a file counts as a piece of a stream.
const LATE_SECONDS: f64 = 1.0;

/// The time from the first sample that is shown to the last, of all tracks.
fn whole_duration(movie: &Movie, sums: &[Sum]) -> Option<f64> {
    let (mut first, mut last, mut longest) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
    for (trak, sum) in movie.traks().zip(sums) {
        let timescale = f64::from(trak.timescale.max(1));
        let duration = trak.duration as f64 / timescale;
        longest = longest.max(duration);
        let is_shown = matches!(trak.track.track_type, TrackType::Video | TrackType::Audio);
        if let (Some(start), true) = (sum.start, is_shown) {
            let start = start.saturating_add(sum.ahead) as f64 / timescale;
            first = first.min(start);
            last = last.max(start + duration);
        }
    }
    let span = if last > first { last - first } else { 0.0 };
    let whole = longest.max(span);
    (whole > 0.0).then_some(whole)
}

/// The length of the `mfra` box at the end of the file; 0 if there is none.
fn random_access(source: &mut Source<'_>) -> Result<u64> {
    let length = source.len();
    let Some(place) = length.checked_sub(16) else { return Ok(0) };
    let mfro = source.up_to(place, 16)?;
    if mfro.get(4..8) != Some(b"mfro") {
        return Ok(0);
    }
    let size = Fields::new(mfro.get(12..).unwrap_or(&[])).u32().unwrap_or(0);
    Ok(u64::from(size).min(length))
}

/// Where the last fragment in a `tfra` box begins.
fn last_place(tfra: &[u8]) -> Option<u64> {
    let mut fields = Fields::new(tfra);
    let (version, _) = fields.version()?;
    fields.u32()?;
    let sizes = fields.u32()?;
    let count = usize::try_from(fields.u32()?).ok()?;
    let wide = version == 1;
    // The time and the position, and the numbers of a track run, a run, and a sample.
    let numbers: usize = [4, 2, 0].iter().map(|by| (sizes >> by & 3) as usize + 1).sum();
    let width = numbers + if wide { 16 } else { 8 };
    fields.take(count.checked_sub(1)?.checked_mul(width)?)?;
    fields.u32_or_u64(wide)?;
    fields.u32_or_u64(wide)
}
