//! MPEG transport streams: ISO/IEC 13818-1, also as on Blu-rays and from cameras.
//!
//! Tables at the beginning list the streams, and the first packets of a stream describe it.
//! The times of packets at the end give the duration. Streams are numbered as in `ffprobe`:
//! in the order of the tables, then streams that no table lists.

mod packets;
mod stream_types;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::elementary::{self, Clock, Elementary};
use super::{pes, sniff};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use packets::Packet;
use tables::{ProgramMap, Sections};

/// The sizes up to which the beginning is read, step by step, until all is known: from the
/// first read of `Source` up to what `ffprobe` reads.
const HEADS: [usize; 5] = [64 << 10, 256 << 10, 1 << 20, 2 << 20, 5_000_000];

/// The sizes that are read at the end: the size that `ffprobe` reads, and more if a stream
/// has no packet in it.
const TAILS: [u64; 2] = [250_000, 1_500_000];

/// No file has more streams unless it is malicious.
const MOST_STREAMS: usize = 256;

/// The longest PES header.
const LONGEST_HEADER: usize = 9 + 255;

const PAT: u16 = 0x00;
const EIT: u16 = 0x12;
const NULL: u16 = 0x1fff;

/// The id of AC-3 beside TrueHD.
const AC3_BESIDE: u8 = 0x76;

/// Reads the properties of a transport stream.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut head = source.up_to(0, HEADS[0])?.to_vec();
    let (size, start) = packets::layout(&head)
        .ok_or_else(|| Problem::damaged("there are no consecutive packets"))?;
    let mut demuxer = Demuxer::default();
    demuxer.read_to_map(source, &mut head, size, start)?;
    let mut at = start;
    for length in HEADS {
        extend(source, &mut head, length)?;
        demuxer.read_head(&head, &mut at, size);
        if demuxer.is_done() && !(length < HEADS[2] && demuxer.has_unrecognised()) {
            break;
        }
    }
    let at_end = head.len() as u64 >= source.len();
    demuxer.read_tail(source, &head, size)?;
    Ok(demuxer.finish(source.len(), at_end))
}

/// Reads more, up to `length` bytes from the beginning.
fn extend(source: &mut Source<'_>, head: &mut Vec<u8>, length: usize) -> Result<()> {
    let missing = length.saturating_sub(head.len());
    let more = source.up_to(head.len() as u64, missing)?;
    head.extend_from_slice(more);
    Ok(())
}

#[derive(Default)]
struct Demuxer {
    sections: BTreeMap<u16, Sections>,
    /// The programs: the number of each, the PID of its map and, once the map was read, its
    /// streams.
    programs: Vec<Program>,
    streams: Vec<Stream>,
    clock: Clock,
    /// The last time of each program's clock.
    pcrs: BTreeMap<u16, i64>,
    /// Whether packets that no table lists become streams.
    guesses: bool,
    scrambled: bool,
    epg: bool,
}

struct Program {
    number: u16,
    pid: u16,
    pcr_pid: u16,
    mapped: bool,
    streams: Vec<usize>,
}

#[derive(Default)]
struct Stream {
    pid: u16,
    /// If the PID has several streams, the extension of this one.
    extension: Option<u8>,
    stream_type: u8,
    elementary: Elementary,
    /// The clock of its sections, if it consists of sections.
    sections: Option<u16>,
    /// A header that is not complete yet.
    header: Vec<u8>,
    reads: bool,
}

impl Demuxer {
    /// Reads up to the first map. The packets before it belong to streams that it lists.
    fn read_to_map(
        &mut self,
        source: &mut Source<'_>,
        head: &mut Vec<u8>,
        size: usize,
        start: usize,
    ) -> Result<()> {
        let mut at = start;
        for length in HEADS {
            extend(source, head, length)?;
            while let Some(packet) = packets::next(head, &mut at, size) {
                self.section(&packet);
                if self.programs.iter().any(|program| program.mapped) {
                    self.guesses = true;
                    return Ok(());
                }
            }
            // A piece of a stream without tables: only its packets describe it.
            if length >= HEADS[1] && self.programs.is_empty() {
                break;
            }
        }
        self.guesses = true;
        Ok(())
    }

    fn read_head(&mut self, head: &[u8], at: &mut usize, size: usize) {
        while let Some(packet) = packets::next(head, at, size) {
            if let Some(pcr) = packet.pcr {
                // Only the clocks of programs that were found count.
                if self.programs.iter().any(|program| program.pcr_pid == packet.pid) {
                    let ticks = self.clock.ticks(pcr);
                    self.pcrs.insert(packet.pid, ticks);
                }
            }
            if packet.pid == NULL || self.section(&packet) {
                continue;
            }
            if packet.scrambled {
                self.scrambled = true;
            } else {
                self.pes(&packet);
            }
        }
        for stream in &mut self.streams {
            stream.elementary.read_with_codec();
        }
    }

    /// Reads a packet of a table; false if it belongs to no table.
    fn section(&mut self, packet: &Packet<'_>) -> bool {
        let pid = packet.pid;
        let is_table = pid == PAT || pid == EIT || self.programs.iter().any(|one| one.pid == pid);
        if !is_table {
            return false;
        }
        let sections = self.sections.entry(pid).or_default();
        for section in sections.push(packet.payload, packet.starts) {
            if pid == PAT {
                for (number, pid) in tables::programs(&section).unwrap_or_default() {
                    self.add_program(number, pid);
                }
            } else if pid == EIT {
                self.add_epg();
            } else if let Some(map) = tables::program_map(&section) {
                self.add_map(pid, &map);
            }
        }
        true
    }

    fn add_program(&mut self, number: u16, pid: u16) {
        let is_known = || self.programs.iter().any(|program| program.number == number);
        if self.programs.len() < MOST_STREAMS && !is_known() {
            let (mapped, streams) = (false, Vec::new());
            self.programs.push(Program { number, pid, pcr_pid: NULL, mapped, streams });
        }
    }

    /// Adds the programme guide of television, which `ffprobe` counts as a stream.
    fn add_epg(&mut self) {
        if !self.epg {
            self.epg = true;
            self.add_stream(EIT, None).elementary.track.codec = Some("epg".into());
        }
    }

    fn add_stream(&mut self, pid: u16, extension: Option<u8>) -> &mut Stream {
        let index = self.streams.len();
        // There are never more than `MOST_STREAMS`.
        let track = Track::new(index as u32, TrackType::Other);
        let mut elementary = Elementary::new(track);
        elementary.times_all = true;
        self.streams.push(Stream { pid, extension, elementary, ..Stream::default() });
        &mut self.streams[index]
    }

    fn find(&self, pid: u16, extension: Option<u8>) -> Option<usize> {
        self.streams.iter().position(|one| one.pid == pid && one.extension == extension)
    }

    fn add_map(&mut self, pid: u16, map: &ProgramMap<'_>) {
        let mut indexes = Vec::new();
        for mapped in &map.streams {
            let known = self.find(mapped.pid, None);
            if known.is_none() && self.streams.len() + 2 > MOST_STREAMS {
                continue;
            }
            let index = known.unwrap_or_else(|| {
                self.add_stream(mapped.pid, None);
                self.streams.len() - 1
            });
            indexes.push(index);
            let stream = &mut self.streams[index];
            if stream.stream_type == mapped.stream_type {
                continue;
            }
            stream.stream_type = mapped.stream_type;
            if stream_types::is_sections(mapped.stream_type, map.registration) {
                stream.sections = Some(map.pcr_pid);
            }
            let track = &mut stream.elementary.track;
            stream_types::describe(track, mapped.stream_type, map.registration, mapped.descriptors);
            if mapped.stream_type == stream_types::HDMV_TRUEHD
                && stream_types::is_hdmv(map.registration)
            {
                let beside = self.add_stream(mapped.pid, Some(AC3_BESIDE));
                beside.elementary.track.track_type = TrackType::Audio;
                beside.elementary.track.codec = Some("ac3".into());
            }
        }
        for program in self.programs.iter_mut().filter(|one| one.pid == pid) {
            if program.number == map.number {
                program.mapped = true;
                program.pcr_pid = map.pcr_pid;
                program.streams.clone_from(&indexes);
            }
        }
    }

    /// Reads a packet of a stream.
    fn pes(&mut self, packet: &Packet<'_>) {
        if packet.starts && self.find(packet.pid, None).is_none() {
            let is_pes = packet.payload.starts_with(&[0, 0, 1])
                && packet.payload.get(3).is_some_and(|&id| id >= 0xbc && id != pes::PADDING);
            if !is_pes || !self.guesses || self.streams.len() >= MOST_STREAMS {
                return;
            }
            let track_type = sniff::type_by_id(packet.payload[3]);
            self.add_stream(packet.pid, None).elementary.track.track_type = track_type;
        }
        let Some(main) = self.find(packet.pid, None) else { return };
        if let Some(pcr_pid) = self.streams[main].sections {
            if let Some(&ticks) = self.pcrs.get(&pcr_pid)
                && packet.starts
            {
                self.streams[main].elementary.starts_at(ticks);
            }
            return;
        }
        let stream = &mut self.streams[main];
        if packet.starts {
            stream.reads = false;
            stream.header.clear();
        } else if stream.header.is_empty() {
            let target = self.streams.iter_mut().find(|one| one.pid == packet.pid && one.reads);
            if let Some(stream) = target {
                stream.elementary.push(packet.payload);
            }
            return;
        }
        stream.header.extend_from_slice(packet.payload);
        let bytes = std::mem::take(&mut stream.header);
        let Some(header) = pes::header(&bytes) else {
            if bytes.starts_with(&[0, 0, 1]) && bytes.len() < LONGEST_HEADER {
                stream.header = bytes;
            }
            return;
        };
        for stream in self.streams.iter_mut().filter(|one| one.pid == packet.pid) {
            stream.reads = false;
        }
        let beside = header.extension.and_then(|id| self.find(packet.pid, Some(id)));
        let stream = &mut self.streams[beside.unwrap_or(main)];
        stream.reads = true;
        if let Some(pts) = header.pts {
            stream.elementary.starts_at(self.clock.ticks(pts));
        }
        stream.elementary.push(bytes.get(header.payload..).unwrap_or_default());
    }

    /// Whether reading more would not give more properties.
    fn is_done(&self) -> bool {
        self.programs.iter().all(|program| program.mapped)
            && !self.streams.is_empty()
            && self
                .streams
                .iter()
                .all(|one| one.extension.is_some() || !one.elementary.wants_more())
    }

    fn has_unrecognised(&self) -> bool {
        self.streams.iter().any(|one| one.elementary.is_unrecognised())
    }

    /// Reads the times at the end of the file.
    fn read_tail(&mut self, source: &mut Source<'_>, head: &[u8], size: usize) -> Result<()> {
        for stream in &mut self.streams {
            stream.elementary.set_rates();
        }
        let mut is_whole = false;
        for length in TAILS {
            let (start, bytes) = elementary::tail(source, head, length)?;
            self.times(&bytes, size);
            is_whole = start == 0;
            if is_whole || self.streams.iter().all(|one| one.elementary.has_end()) {
                break;
            }
        }
        for stream in &mut self.streams {
            stream.elementary.set_varying_rate(is_whole);
        }
        Ok(())
    }

    fn times(&mut self, bytes: &[u8], size: usize) {
        let mut at =
            packets::layout(bytes).filter(|&(found, _)| found == size).map_or(0, |(_, at)| at);
        for stream in &mut self.streams {
            stream.elementary.clear_tail();
        }
        while let Some(packet) = packets::next(bytes, &mut at, size) {
            if packet.scrambled {
                continue;
            }
            if !packet.starts {
                if let Some(index) = self.find(packet.pid, None) {
                    self.streams[index].elementary.push_tail(packet.payload);
                }
                continue;
            }
            let Some(header) = pes::header(packet.payload) else { continue };
            let beside = header.extension.and_then(|id| self.find(packet.pid, Some(id)));
            let Some(index) = beside.or_else(|| self.find(packet.pid, None)) else { continue };
            if let Some(pts) = header.pts {
                let ticks = self.clock.ticks(pts);
                self.streams[index].elementary.ends_after(ticks);
            }
            let payload = packet.payload.get(header.payload..).unwrap_or_default();
            self.streams[index].elementary.push_tail(payload);
        }
    }

    fn finish(mut self, length: u64, at_end: bool) -> Media {
        let mut media = Media::new("mpegts");
        let streams: Vec<&Elementary> = self.streams.iter().map(|one| &one.elementary).collect();
        let mut main = self.streams.iter().filter(|one| one.extension.is_none());
        let incomplete = main.any(|one| one.elementary.is_incomplete());
        media.tracks = streams.iter().map(|one| one.track.clone()).collect();
        let programs: Vec<Vec<usize>> =
            self.programs.iter_mut().map(|one| std::mem::take(&mut one.streams)).collect();
        elementary::set_durations(&mut media, &streams, &programs, length);
        if self.scrambled {
            media.warn("the content is scrambled");
        } else if incomplete && !at_end {
            media.doubt("tracks that begin late");
        }
        if media.tracks.is_empty() {
            media.warn("no streams were found at the beginning");
        }
        media
    }
}
