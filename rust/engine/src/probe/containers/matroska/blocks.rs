//! Clusters (RFC 9559, sections 5.1.3 and 10): the first packets of tracks and, if the
//! headers do not contain the frame rate, the times of pictures.

use super::ebml::{Head, children, variable_integer};
use super::ids::{CLUSTER, cluster as ids};
use super::tracks::Entry;
use crate::probe::codec;
use crate::probe::model::{Hdr, TrackType};
use crate::probe::problem::Result;
use crate::probe::rational;
use crate::probe::source::Source;

/// The most packets of a track that are read: if the first ones do not help, the others do
/// not.
const MOST_PACKETS: u8 = 3;

/// The most bytes of a packet that are read: headers, and whole frames of sound.
const MOST_OF_PACKET: usize = 32 * 1024;

/// Fewer bytes of a packet are enough if they were read together with the beginning of the
/// file.
const ENOUGH_OF_PACKET: u64 = 4 * 1024;
const FIRST_READ: u64 = 64 * 1024;

/// The most elements that are read, and the most requests to the file system.
const MOST_ELEMENTS: u32 = 4096;
const MOST_REQUESTS: u32 = 6;

/// The most elements of the last cluster.
const MOST_LAST_ELEMENTS: u32 = 64 * 1024;

/// The number of pictures from whose times the frame rate is computed, if nothing else gives
/// it.
const PICTURES: usize = 40;

/// The most elements of a block group that are read.
const MOST_IN_GROUP: usize = 16;

/// The `BlockAddID` of ITU-T T.35 messages, and the beginning of HDR10+ messages: country,
/// provider, the provider's code, application 4.
const ITU_T_T35: u64 = 4;
const HDR10_PLUS: [u8; 6] = [0xb5, 0x00, 0x3c, 0x00, 0x01, 0x04];

/// What is searched for in one track.
#[derive(Clone, Debug, Default)]
struct Wanted {
    packets: u8,
    times: Vec<i64>,
}

/// Reads packets of the tracks that need them, from the cluster at `offset` on. `scale` is
/// the length of a tick in nanoseconds.
pub fn read(source: &mut Source<'_>, offset: u64, entries: &mut [Entry], scale: u64) -> Result<()> {
    let mut reader = ClusterReader {
        wanted: entries.iter().map(Wanted::new).collect(),
        cluster_time: 0,
        last_time: None,
    };
    let last_request = source.requests() + MOST_REQUESTS;
    let mut position = offset;
    for _ in 0..MOST_ELEMENTS {
        if reader.wanted.iter().all(Wanted::nothing) || source.requests() >= last_request {
            break;
        }
        let Some(next) = reader.element(source, position, entries)? else { break };
        position = next;
    }
    for (entry, wanted) in entries.iter_mut().zip(reader.wanted) {
        if entry.track.frame_rate.is_none() && entry.track.track_type == TrackType::Video {
            entry.track.frame_rate = frame_rate(wanted.times, scale);
        }
    }
    Ok(())
}

/// The start time of the last block from `offset` on, in ticks.
pub fn last_time(source: &mut Source<'_>, offset: u64) -> Result<Option<i64>> {
    let mut reader = ClusterReader { wanted: Vec::new(), cluster_time: 0, last_time: None };
    let mut position = offset;
    for _ in 0..MOST_LAST_ELEMENTS {
        let Some(next) = reader.element(source, position, &mut [])? else { break };
        position = next;
    }
    Ok(reader.last_time)
}

impl Wanted {
    fn new(entry: &Entry) -> Self {
        let is_video = entry.track.track_type == TrackType::Video;
        let packets = entry.plain && codec::wants_packet(&entry.track);
        let times = is_video && entry.track.frame_rate.is_none();
        Self {
            packets: if packets { MOST_PACKETS } else { 0 },
            times: Vec::with_capacity(if times { PICTURES } else { 0 }),
        }
    }

    fn wants_time(&self) -> bool {
        self.times.len() < self.times.capacity()
    }

    fn nothing(&self) -> bool {
        self.packets == 0 && !self.wants_time()
    }
}

/// The position in the clusters.
struct ClusterReader {
    wanted: Vec<Wanted>,
    cluster_time: i64,
    last_time: Option<i64>,
}

/// A block without its data.
struct Block {
    track: u64,
    time: i64,
    flags: u8,
    /// The bytes before the data.
    length: u64,
}

impl Block {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (track, length) = variable_integer(bytes)?;
        let rest = bytes.get(length..length + 3)?;
        let time = i16::from_be_bytes([rest[0], rest[1]]);
        Some(Self { track: track?, time: time.into(), flags: rest[2], length: length as u64 + 3 })
    }
}

impl ClusterReader {
    /// Reads the element at `position` and returns the position of the next. Clusters are
    /// entered, so their size need not be known.
    fn element(
        &mut self,
        source: &mut Source<'_>,
        position: u64,
        entries: &mut [Entry],
    ) -> Result<Option<u64>> {
        let Some(head) = Head::read(source, position)? else { return Ok(None) };
        let data = position + head.length as u64;
        if head.id == CLUSTER {
            return Ok(Some(data));
        }
        let Some(end) = head.size.and_then(|size| data.checked_add(size)) else { return Ok(None) };
        match head.id {
            ids::TIMESTAMP => {
                let bytes = source.up_to(data, (end - data).min(8) as usize)?;
                let time = bytes.iter().fold(0, |time: i64, &byte| time << 8 | i64::from(byte));
                self.cluster_time = time;
            }
            ids::SIMPLE_BLOCK => self.block(source, data, end, entries)?,
            ids::BLOCK_GROUP => self.group(source, data, end, entries)?,
            _ => {}
        }
        Ok(Some(end).filter(|&end| end < source.len()))
    }

    fn group(
        &mut self,
        source: &mut Source<'_>,
        data: u64,
        end: u64,
        entries: &mut [Entry],
    ) -> Result<()> {
        let mut position = data;
        let mut track = None;
        for _ in 0..MOST_IN_GROUP {
            let Some(head) = Head::read(source, position)?.filter(|_| position < end) else {
                break;
            };
            let data = position + head.length as u64;
            let Some(next) = head.size.and_then(|size| data.checked_add(size)) else { break };
            match head.id {
                ids::BLOCK => {
                    track = Block::parse(source.up_to(data, 16)?).map(|block| block.track);
                    self.block(source, data, next, entries)?;
                }
                ids::BLOCK_ADDITIONS => {
                    let size = (next - data).min(MOST_OF_PACKET as u64) as usize;
                    if has_hdr10_plus(source.up_to(data, size)?)
                        && let Some(entry) =
                            entries.iter_mut().find(|entry| Some(entry.number) == track)
                    {
                        entry.track.hdr = entry.track.hdr.max(Some(Hdr::Hdr10Plus));
                    }
                }
                _ => {}
            }
            position = next;
        }
        Ok(())
    }

    fn block(
        &mut self,
        source: &mut Source<'_>,
        data: u64,
        end: u64,
        entries: &mut [Entry],
    ) -> Result<()> {
        let Some(block) = Block::parse(source.up_to(data, 16)?) else { return Ok(()) };
        let time = self.cluster_time.saturating_add(block.time);
        self.last_time = self.last_time.max(Some(time));
        let Some(index) = entries.iter().position(|entry| entry.number == block.track) else {
            return Ok(());
        };
        let (entry, wanted) = (&mut entries[index], &mut self.wanted[index]);
        if wanted.wants_time() {
            wanted.times.push(time);
        }
        if wanted.packets > 0 {
            let start = data + block.length;
            let there = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
            let mut length = there.min(MOST_OF_PACKET);
            // DTS:X comes at the end of a packet.
            let is_dts = entry.track.codec.as_deref() == Some("dts");
            if start + ENOUGH_OF_PACKET <= FIRST_READ && !is_dts {
                length = length.min((FIRST_READ - start) as usize);
            }
            let frame = first_frame(source.up_to(start, length)?, block.flags, there);
            if entry.stripped.is_empty() {
                codec::read_packet(&mut entry.track, frame, entry.framing);
            } else {
                let packet = [&entry.stripped, frame].concat();
                codec::read_packet(&mut entry.track, &packet, entry.framing);
            }
            wanted.packets -= 1;
            if !codec::wants_packet(&entry.track) {
                wanted.packets = 0;
            }
        }
        Ok(())
    }
}

/// The first of the frames that share a block of `whole` bytes (lacing).
fn first_frame(data: &[u8], flags: u8, whole: usize) -> &[u8] {
    let kind = flags >> 1 & 3;
    let Some((&more, rest)) = data.split_first().filter(|_| kind != 0) else { return data };
    let frames = usize::from(more) + 1;
    let part = match kind {
        _ if frames == 1 => Some(rest),
        1 => xiph_lace(rest, frames),
        2 => rest.get(..(whole.saturating_sub(1) / frames).min(rest.len())),
        _ => ebml_lace(rest, frames),
    };
    part.unwrap_or(rest)
}

/// Sizes are sums of bytes, all of which except the last are 255.
fn xiph_lace(data: &[u8], frames: usize) -> Option<&[u8]> {
    let mut bytes = data.iter();
    let mut first = 0;
    for frame in 0..frames - 1 {
        loop {
            let byte = usize::from(*bytes.next()?);
            if frame == 0 {
                first += byte;
            }
            if byte < 255 {
                break;
            }
        }
    }
    let rest = bytes.as_slice();
    rest.get(..first.min(rest.len()))
}

/// The first size, then the differences of the others, as variable-size integers.
fn ebml_lace(data: &[u8], frames: usize) -> Option<&[u8]> {
    let (first, length) = variable_integer(data)?;
    let mut rest = data.get(length..)?;
    for _ in 0..frames - 2 {
        let (_, length) = variable_integer(rest)?;
        rest = rest.get(length..)?;
    }
    rest.get(..usize::try_from(first?).ok()?.min(rest.len()))
}

fn has_hdr10_plus(additions: &[u8]) -> bool {
    children(additions).filter(|child| child.id == ids::BLOCK_MORE).any(|more| {
        let id = more.child(ids::BLOCK_ADD_ID).and_then(|id| id.uint());
        let data = more.child(ids::BLOCK_ADDITIONAL);
        id == Some(ITU_T_T35) && data.is_some_and(|data| data.data.starts_with(&HDR10_PLUS))
    })
}

/// The rates that are 1000/1001 of a whole number.
const NTSC_RATES: [u64; 7] = [12, 15, 24, 30, 48, 60, 120];

/// The most pictures that are stored before others that are shown earlier.
const REORDERED: usize = 8;

/// The usual frame rate that fits these times of pictures; None if there is none.
fn frame_rate(mut times: Vec<i64>, scale: u64) -> Option<String> {
    times.sort_unstable();
    if times.len() > 2 * REORDERED {
        // Between the last ones, some pictures may be missing that were not read.
        times.truncate(times.len() - REORDERED);
    }
    let intervals = times.len().checked_sub(1).filter(|&intervals| intervals >= 2)?;
    let span = times.last()?.checked_sub(*times.first()?)?;
    let regular = times.windows(2).all(|pair| {
        let ticks = (pair[1] - pair[0]) as f64;
        (ticks - span as f64 / intervals as f64).abs() <= 1.0
    });
    let seconds = span as f64 * scale as f64 / 1e9;
    let rate = intervals as f64 / seconds;
    if !regular || !(0.5..1000.0).contains(&rate) {
        return None;
    }
    // Fast rates are whole numbers.
    let twelfths = if rate < 30.5 { (rate * 12.0).round() } else { rate.round() * 12.0 };
    // In bounds, as was checked.
    let candidates = NTSC_RATES.iter().map(|&rate| (rate * 1000, 1001));
    let candidates = candidates.chain([(twelfths as u64, 12)]);
    // The differences between these times and the times at a constant rate. Times are rounded
    // to ticks, so they may differ by up to one tick.
    let first = *times.first()?;
    let spread = |(numerator, denominator): (u64, u64)| {
        let ticks = denominator as f64 * 1e9 / numerator as f64 / scale as f64;
        let (mut least, mut most) = (0.0_f64, 0.0_f64);
        for (number, &time) in times.iter().enumerate() {
            let off = (time - first) as f64 - number as f64 * ticks;
            (least, most) = (least.min(off), most.max(off));
        }
        most - least
    };
    let nearest = candidates.min_by(|&one, &other| spread(one).total_cmp(&spread(other)))?;
    if spread(nearest) > 1.1 {
        return None;
    }
    rational::rate(nearest.0, nearest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_laced_frames_is_found() {
        assert_eq!(first_frame(b"abc", 0x80, 3), b"abc");
        assert_eq!(first_frame(b"\x02\x01\x02abbcc", 0x02, 8), b"a");
        assert_eq!(first_frame(b"\x01\x02abcd", 0x04, 6), b"\x02a".as_slice());
        assert_eq!(first_frame(b"\x02\x82\x80aabbcc", 0x06, 9), b"aa");
        assert_eq!(first_frame(b"\x02\xff", 0x02, 2), b"\xff");
        assert_eq!(first_frame(b"", 0x02, 0), b"");
    }

    #[test]
    fn regular_times_give_a_rate_and_others_do_not() {
        let times = |rate: f64| (0..40).map(move |n| (f64::from(n) * 1000.0 / rate).round() as i64);
        for (rate, text) in
            [(24000.0 / 1001.0, "24000/1001"), (25.0, "25/1"), (60.0, "60/1"), (12.5, "25/2")]
        {
            assert_eq!(frame_rate(times(rate).collect(), 1_000_000).as_deref(), Some(text));
        }
        assert_eq!(frame_rate(vec![0, 40, 400, 440], 1_000_000), None);
        assert_eq!(frame_rate(vec![0, 0, 0], 1_000_000), None);
        assert_eq!(frame_rate(vec![i64::MIN, 0, i64::MAX], 1_000_000), None);
    }
}
