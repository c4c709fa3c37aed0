//! Sample tables (ISO/IEC 14496-12, 8.6 and 8.7): the number, duration, size and place of a
//! track's samples.

use super::boxes::{BoxAt, Fields, content};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The largest table that is read. Only a track of several days has a larger one, or a
/// malicious file.
const LARGEST_TABLE: usize = 4 * 1024 * 1024;

/// The longest time between samples that is accepted. Greater values are negative numbers,
/// with which some programs correct delays.
const LONGEST_DELTA: u32 = u32::MAX - 48_000 * 10;

/// The tables of a track that were found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tables {
    /// `stts`.
    pub times: Option<BoxAt>,
    /// `stsz` or `stz2`.
    pub sizes: Option<BoxAt>,
    /// `stsc`.
    pub chunks: Option<BoxAt>,
    /// `stco` or `co64`.
    pub offsets: Option<BoxAt>,
}

/// The content of `stts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The number of lines in the table.
    pub entries: u32,
    /// The number of samples.
    pub samples: u64,
    /// The duration in units of the track.
    pub duration: u64,
    /// The duration of each of the first samples.
    pub first_delta: u32,
    /// Whether the table was too large to be read.
    pub unread: bool,
}

/// The content of `stsz` or `stz2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The number of samples.
    pub samples: u64,
    /// The size of every sample, if all have the same; otherwise 0.
    pub constant: u32,
    /// The size of the first sample.
    pub first: u32,
    /// The size of all samples together, if the table was read.
    pub bytes: Option<u64>,
}

/// The place of a sample, and when it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The offset in the file.
    pub offset: u64,
    /// The size in bytes.
    pub size: u32,
    /// The time in units of the track.
    pub time: u64,
}

/// Reads `stts`, unless the table is longer than `most` bytes.
pub fn times(source: &mut Source<'_>, stts: &BoxAt, most: usize) -> Result<Times> {
    let header = content(source, stts, 16)?;
    let mut fields = Fields::new(&header);
    let (Some(_), Some(entries)) = (fields.version(), fields.u32()) else {
        return Ok(Times::default());
    };
    let first_delta = Fields::new(header.get(12..).unwrap_or(&[])).u32().unwrap_or(0);
    let mut times = Times { entries, first_delta, ..Times::default() };
    if stts.len() > most.min(LARGEST_TABLE) as u64 {
        times.unread = true;
        return Ok(times);
    }
    let table = content(source, stts, LARGEST_TABLE)?;
    for entry in entries_of(&table, 8, entries) {
        let mut fields = Fields::new(entry);
        let (Some(count), Some(delta)) = (fields.u32(), fields.u32()) else { break };
        let delta = if delta > LONGEST_DELTA { 1 } else { delta };
        times.samples = times.samples.saturating_add(u64::from(count));
        let duration = u64::from(count) * u64::from(delta);
        times.duration = times.duration.saturating_add(duration);
    }
    Ok(times)
}

/// Reads `stsz` or `stz2`. The total size is read only if the table is not longer than `most`
/// bytes.
pub fn sizes(source: &mut Source<'_>, found: &BoxAt, most: usize) -> Result<Sizes> {
    let header = content(source, found, 16)?;
    let mut fields = Fields::new(&header);
    let (Some(_), Some(size), Some(count)) = (fields.version(), fields.u32(), fields.u32()) else {
        return Ok(Sizes::default());
    };
    let is_compact = &found.kind == b"stz2";
    let bits = if is_compact { size & 0xff } else { 32 };
    let constant = if is_compact { 0 } else { size };
    let mut sizes = Sizes { samples: u64::from(count), constant, ..Sizes::default() };
    if constant > 0 {
        sizes.first = constant;
        sizes.bytes = Some(u64::from(count) * u64::from(constant));
        return Ok(sizes);
    }
    sizes.first = size_in(fields.rest(), bits, 0).unwrap_or(0);
    let length = u64::from(count) * u64::from(bits) / 8;
    if length > most.min(LARGEST_TABLE) as u64 || found.len() < length + 12 {
        return Ok(sizes);
    }
    let table = content(source, found, LARGEST_TABLE)?;
    let table = table.get(12..).unwrap_or(&[]);
    sizes.bytes = Some(if bits == 32 {
        // Nearly all tables have this width, and an hour of video has 100,000 samples.
        let sizes = table.as_chunks::<4>().0.iter().take(count as usize);
        sizes.map(|size| u64::from(u32::from_be_bytes(*size))).sum()
    } else {
        let all = (0..count as usize).map_while(|index| size_in(table, bits, index));
        all.map(u64::from).sum()
    });
    Ok(sizes)
}

fn size_in(table: &[u8], bits: u32, index: usize) -> Option<u32> {
    let at = |width: usize| Fields::new(table.get(index.checked_mul(width)?..)?).sized(width as u8);
    let size = match bits {
        4 => u64::from(table.get(index / 2)? >> (4 * (1 - index % 2)) & 0xf),
        8 => at(1)?,
        16 => at(2)?,
        32 => at(4)?,
        _ => return None,
    };
    u32::try_from(size).ok()
}

/// The lines of a table, after its header of eight bytes. There may be fewer than `count`.
fn entries_of(table: &[u8], width: usize, count: u32) -> impl Iterator<Item = &[u8]> {
    table.get(8..).unwrap_or(&[]).chunks_exact(width).take(count as usize)
}

impl Tables {
    /// The place of the first sample, which has this size.
    pub fn first(&self, source: &mut Source<'_>, size: u32) -> Result<Option<Sample>> {
        let Some(found) = self.offsets else { return Ok(None) };
        let header = content(source, &found, 16)?;
        let mut fields = Fields::new(&header);
        let count = fields.version().and_then(|_| fields.u32());
        let offset = fields.u32_or_u64(&found.kind == b"co64");
        Ok(match (count, offset) {
            (Some(1..), Some(offset)) if size > 0 => Some(Sample { offset, size, time: 0 }),
            _ => None,
        })
    }

    /// The first samples, up to `most`.
    pub fn list(&self, source: &mut Source<'_>, most: usize) -> Result<Vec<Sample>> {
        let (Some(times), Some(sizes), Some(chunks), Some(offsets)) =
            (self.times, self.sizes, self.chunks, self.offsets)
        else {
            return Ok(Vec::new());
        };
        // Each line of a table covers at least one sample.
        let length = most.saturating_mul(12).saturating_add(16);
        let times = content(source, &times, length)?;
        let sizes_table = content(source, &sizes, length)?;
        let chunks = content(source, &chunks, length)?;
        let offsets_table = content(source, &offsets, length)?;
        let sizes = self::sizes(source, &sizes, 0)?;
        let wide = &offsets.kind == b"co64";

        let mut durations = entries_of(&times, 8, u32::MAX).flat_map(|entry| {
            let mut fields = Fields::new(entry);
            let count = fields.u32().unwrap_or(0) as usize;
            std::iter::repeat_n(u64::from(fields.u32().unwrap_or(0)), count)
        });
        let size_of = |index: usize| match sizes.constant {
            0 => {
                let header = Fields::new(sizes_table.get(4..)?).u32()?;
                let bits = if self.sizes?.kind == *b"stz2" { header & 0xff } else { 32 };
                size_in(sizes_table.get(12..)?, bits, index)
            }
            constant => Some(constant),
        };
        let mut lines = entries_of(&chunks, 12, u32::MAX)
            .filter_map(|entry| {
                let mut fields = Fields::new(entry);
                Some((fields.u32()?, fields.u32()?))
            })
            .peekable();
        let mut per_chunk = 0;
        let (mut samples, mut time): (Vec<Sample>, u64) = (Vec::new(), 0);
        for (number, entry) in
            (1_u32..).zip(entries_of(&offsets_table, if wide { 8 } else { 4 }, u32::MAX))
        {
            while let Some(&(first, count)) = lines.peek() {
                if first > number {
                    break;
                }
                per_chunk = count;
                lines.next();
            }
            let mut offset = Fields::new(entry).u32_or_u64(wide).unwrap_or(0);
            for _ in 0..per_chunk {
                let index = samples.len();
                if index >= most || index as u64 >= sizes.samples {
                    return Ok(samples);
                }
                let Some(size) = size_of(index) else { return Ok(samples) };
                samples.push(Sample { offset, size, time });
                offset = offset.saturating_add(u64::from(size));
                time = time.saturating_add(durations.next().unwrap_or(0));
            }
        }
        Ok(samples)
    }
}
