//! MPEG program streams: ISO/IEC 13818-1, 2.5, and ISO/IEC 11172-1 for MPEG-1, with the
//! contents of private streams on DVDs. Also raw MPEG video.
//!
//! Most files have no table of streams: a stream exists when its first packet is found, and
//! streams are numbered in this order.

#[cfg(test)]
mod tests;

use super::elementary::{self, Clock, Elementary};
use super::pes::{self, Header};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

use TrackType::{Audio, Other, Subtitle, Video};

/// The sizes up to which the beginning is read, step by step, until all is known.
const HEADS: [usize; 5] = [64 << 10, 256 << 10, 1 << 20, 2 << 20, MOST_HEAD];

/// The part of the beginning that is always read: without a table, some streams begin a
/// little later than others.
const LEAST_HEAD: usize = 256 << 10;

/// The most that is read of the beginning, as in `ffprobe`.
const MOST_HEAD: usize = 5_000_000;

/// The same for DVDs, whose subtitles begin only when somebody speaks.
const DVD_HEAD: usize = MOST_HEAD;

/// The sizes that are read at the end: the size that `ffprobe` reads, and more if a stream
/// has no packet in it.
const TAILS: [u64; 2] = [250_000, 1_500_000];

/// No file has more streams unless it is malicious.
const MOST_STREAMS: usize = 128;

const PACK: u8 = 0xba;
const SYSTEM_HEADER: u8 = 0xbb;
const MAP: u8 = 0xbc;
const END: u8 = 0xb9;
const SEQUENCE: u8 = 0xb3;

/// Reads the properties of a program stream.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut head = source.up_to(0, HEADS[0])?.to_vec();
    if head.get(3) == Some(&SEQUENCE) {
        return Ok(raw_video(source.len(), &head));
    }
    let mut demuxer = Demuxer::default();
    let mut at = 0;
    for length in HEADS {
        let missing = length.saturating_sub(head.len());
        let more = source.up_to(head.len() as u64, missing)?;
        head.extend_from_slice(more);
        demuxer.read_head(&head, &mut at);
        let enough = if demuxer.is_dvd() { DVD_HEAD } else { LEAST_HEAD };
        if length >= enough && demuxer.is_done() {
            break;
        }
    }
    for stream in &mut demuxer.streams {
        stream.elementary.set_rates();
    }
    for length in TAILS {
        let (start, bytes) = elementary::tail(source, &head, length)?;
        demuxer.read_tail(&bytes);
        if start == 0 || demuxer.streams.iter().all(|one| one.elementary.has_end()) {
            break;
        }
    }
    let at_end = head.len() as u64 >= source.len();
    Ok(demuxer.finish(source.len(), at_end))
}

/// Reads raw video, which has no times but only its headers.
fn raw_video(length: u64, head: &[u8]) -> Media {
    let mut media = Media::new("mpeg");
    let mut track = Track::new(0, Video);
    track.codec = Some("mpeg2video".into());
    let mut stream = Elementary::new(track);
    stream.push(head);
    stream.read_with_codec();
    stream.set_rates();
    let track = stream.track;
    // In MPEG-2 this is only the maximum.
    if let Some(rate) = track.bit_rate.filter(|_| track.codec.as_deref() == Some("mpeg1video")) {
        media.bit_rate = Some(rate);
        media.duration_seconds = Some(length as f64 * 8.0 / rate as f64);
    }
    media.tracks.push(track);
    media
}

#[derive(Default)]
struct Demuxer {
    streams: Vec<Stream>,
    clock: Clock,
    /// Stream types by stream id, from a program stream map.
    types: Vec<(u8, u8)>,
    /// Whether private streams lack the header that they have on DVDs.
    plain_ac3: bool,
}

struct Stream {
    id: Id,
    elementary: Elementary,
}

/// Distinguishes streams: the stream id and, for private streams, the first byte of the
/// payload or the extension.
type Id = (u8, u8);

/// A packet: its stream, its time and its content.
struct Packet<'a> {
    id: Id,
    pts: Option<u64>,
    payload: &'a [u8],
    /// The header of the sound in private streams.
    lpcm_header: u16,
}

impl Demuxer {
    fn read_head(&mut self, head: &[u8], at: &mut usize) {
        while let Some(packet) = self.next(head, at, false) {
            let Some(index) = self.find(&packet) else { continue };
            let stream = &mut self.streams[index].elementary;
            if let Some(pts) = packet.pts {
                stream.starts_at(self.clock.ticks(pts));
            }
            stream.push(packet.payload);
        }
        for stream in &mut self.streams {
            stream.elementary.read_with_codec();
        }
    }

    fn read_tail(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while let Some(packet) = self.next(bytes, &mut at, true) {
            let Some(stream) = self.streams.iter_mut().find(|one| one.id == packet.id) else {
                continue;
            };
            if let Some(pts) = packet.pts {
                stream.elementary.ends_after(self.clock.ticks(pts));
            }
        }
    }

    /// The next packet of a stream from `*at` on; `*at` moves behind it. None if the bytes
    /// end before the packet does; then `*at` stays at its beginning. At the end of the file
    /// the last packet may be cut off.
    fn next<'a>(&mut self, bytes: &'a [u8], at: &mut usize, at_end: bool) -> Option<Packet<'a>> {
        loop {
            let rest = bytes.get(*at..)?;
            let found = rest.windows(4).position(|code| code[..3] == [0, 0, 1] && code[3] >= END);
            let Some(found) = found else {
                *at += rest.len().saturating_sub(3);
                return None;
            };
            *at += found;
            let rest = &bytes[*at..];
            match rest[3] {
                PACK => *at += pack_length(rest)?,
                END => *at += 4,
                SYSTEM_HEADER | MAP => {
                    let length =
                        6 + usize::from(u16::from_be_bytes([*rest.get(4)?, *rest.get(5)?]));
                    let table = rest.get(..length)?;
                    if table[3] == MAP {
                        self.read_map(table);
                    }
                    *at += length;
                }
                _ => {
                    let Some(header) = pes::header(rest) else {
                        if rest.len() < 300 {
                            return None;
                        }
                        *at += 4;
                        continue;
                    };
                    // Packets have lengths here. One without a length extends to the next.
                    let end = header.end.unwrap_or(header.payload);
                    let packet = rest.get(..end).or_else(|| at_end.then_some(rest))?;
                    *at += end.max(4);
                    let payload = packet.get(header.payload..).unwrap_or_default();
                    if let Some(packet) = self.packet(&header, payload) {
                        return Some(packet);
                    }
                }
            }
        }
    }

    /// Finds out the stream of a packet.
    fn packet<'a>(&mut self, header: &Header, payload: &'a [u8]) -> Option<Packet<'a>> {
        let mut packet =
            Packet { id: (header.stream_id, 0), pts: header.pts, payload, lpcm_header: 0 };
        match header.stream_id {
            pes::PRIVATE_1 => {
                self.plain_ac3 |= payload.starts_with(&[0x0b, 0x77]);
                if self.plain_ac3 {
                    packet.id.1 = 0x80;
                    return Some(packet);
                }
                let (&first, rest) = payload.split_first()?;
                packet.id.1 = first;
                packet.payload = rest;
                if let 0x80..=0xcf = first {
                    // The number of frames, and where the first of them begins.
                    packet.lpcm_header = u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]);
                    let more = if let 0xb0..=0xbf = first { 4 } else { 3 };
                    packet.payload = rest.get(more..)?;
                }
            }
            // Navigation on DVDs. Other private data is not a stream.
            pes::PRIVATE_2 => {
                let is_dvd = payload.len() == 980 && payload[0] == 0
                    || payload.len() == 1018 && payload[0] == 1 && !self.streams.is_empty();
                if !is_dvd {
                    return None;
                }
            }
            0xfd => packet.id.1 = header.extension?,
            0xc0..=0xef => {}
            _ => return None,
        }
        Some(packet)
    }

    /// The stream of a packet, which is added if it is new.
    fn find(&mut self, packet: &Packet<'_>) -> Option<usize> {
        let known = self.streams.iter().position(|one| one.id == packet.id);
        if known.is_some() || self.streams.len() >= MOST_STREAMS {
            return known;
        }
        let (track_type, codec) = self.kind(packet)?;
        let index = self.streams.len();
        let mut track = Track::new(index as u32, track_type);
        track.codec = codec.map(Into::into);
        self.streams.push(Stream { id: packet.id, elementary: Elementary::new(track) });
        Some(index)
    }

    fn kind(&self, packet: &Packet<'_>) -> Option<(TrackType, Option<&'static str>)> {
        let (stream_id, sub) = packet.id;
        let mapped = self.types.iter().find(|(id, _)| *id == stream_id).and_then(|(_, kind)| {
            Some(match kind {
                0x01 | 0x02 => (Video, "mpeg2video"),
                0x03 | 0x04 => (Audio, "mp3"),
                0x0f => (Audio, "aac"),
                0x10 => (Video, "mpeg4"),
                0x1b => (Video, "h264"),
                0x24 => (Video, "hevc"),
                0x81 => (Audio, "ac3"),
                _ => return None,
            })
        });
        if let Some((track_type, codec)) = mapped {
            return Some((track_type, Some(codec)));
        }
        let (track_type, codec) = match (stream_id, sub) {
            (0xe0..=0xef, _) => return Some((Video, None)),
            (0xc0..=0xdf, _) => (Audio, "mp2"),
            (pes::PRIVATE_2, _) => (Other, "dvd_nav_packet"),
            (0xfd, 0x55..=0x5f) => (Video, "vc1"),
            (pes::PRIVATE_1, 0x80..=0x87 | 0xc0..=0xcf) => (Audio, "ac3"),
            (pes::PRIVATE_1, 0x88..=0x8f | 0x98..=0x9f) => (Audio, "dts"),
            (pes::PRIVATE_1, 0xa1) => (Audio, "mlp"),
            (pes::PRIVATE_1, 0xa0..=0xaf) if packet.lpcm_header == 6 => (Audio, "mlp"),
            (pes::PRIVATE_1, 0xa0..=0xaf) => (Audio, "pcm_dvd"),
            (pes::PRIVATE_1, 0xb0..=0xbf) => (Audio, "truehd"),
            (pes::PRIVATE_1, 0x20..=0x3f) => (Subtitle, "dvd_subtitle"),
            _ => return None,
        };
        Some((track_type, Some(codec)))
    }

    /// Reads a program stream map (ISO/IEC 13818-1, 2.5.4).
    fn read_map(&mut self, map: &[u8]) -> Option<()> {
        let length =
            |at: usize| Some(usize::from(u16::from_be_bytes([*map.get(at)?, *map.get(at + 1)?])));
        let at = 10 + length(8)?;
        let mut entries = map.get(at + 2..)?;
        entries = &entries[..length(at)?.min(entries.len())];
        self.types.clear();
        while let [kind, id, high, low, ref rest @ ..] = *entries {
            self.types.push((id, kind));
            let info = usize::from(u16::from_be_bytes([high, low]));
            entries = rest.get(info..)?;
            if self.types.len() >= MOST_STREAMS {
                break;
            }
        }
        Some(())
    }

    /// Whether there is DVD navigation between the streams.
    fn is_dvd(&self) -> bool {
        self.streams.iter().any(|one| one.id.0 == pes::PRIVATE_2)
    }

    fn is_done(&self) -> bool {
        !self.streams.is_empty() && self.streams.iter().all(|one| !one.elementary.wants_more())
    }

    fn finish(self, length: u64, at_end: bool) -> Media {
        let mut media = Media::new("mpeg");
        let streams: Vec<&Elementary> = self.streams.iter().map(|one| &one.elementary).collect();
        media.tracks = streams.iter().map(|one| one.track.clone()).collect();
        elementary::set_durations(&mut media, &streams, &[], length);
        if media.tracks.is_empty() {
            media.warn("no streams were found at the beginning");
        } else if !at_end && streams.iter().any(|one| one.is_incomplete()) {
            media.doubt("tracks that begin late");
        }
        media
    }
}

/// The length of a pack header; MPEG-2's has stuffing.
fn pack_length(bytes: &[u8]) -> Option<usize> {
    if bytes.get(4)? & 0xc0 == 0x40 { Some(14 + usize::from(bytes.get(13)? & 7)) } else { Some(12) }
}
