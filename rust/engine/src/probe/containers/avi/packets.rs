//! The `movi` list: the first packets of streams, and the bit rates that follow from the
//! index.

use super::headers::{Chunk, File, Stream};
use crate::probe::codec;
use crate::probe::model::TrackType;
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The most chunks that are read, and the most requests to the file system.
const MOST_CHUNKS: usize = 1024;
const MOST_REQUESTS: u32 = 6;

/// The most packets of a stream that are read, and the most bytes of one packet.
const MOST_PACKETS: u8 = 3;
const MOST_OF_PACKET: usize = 32 * 1024;

/// A longer index, as films have it, is not read.
const LONGEST_INDEX: u64 = 512 * 1024;

/// The size of an entry of `idx1`: name, flags, offset, size.
const ENTRY: usize = 16;

/// Reads packets of the streams that need them, and the index.
pub fn read(source: &mut Source<'_>, file: &mut File) -> Result<()> {
    let Some(movi) = file.movi else { return Ok(()) };
    first_packets(source, movi, &mut file.streams)?;
    if movi.next() < source.len() && !file.open_dml {
        // If only an index follows that is read anyway, one request is enough.
        let rest = source.len() - movi.next();
        if rest <= LONGEST_INDEX + 8 {
            source.up_to(movi.next(), rest as usize)?;
        }
        let index = Chunk::read(source, movi.next())?;
        if let Some(index) = index.filter(|index| &index.id == b"idx1") {
            if index.size <= LONGEST_INDEX {
                let entries = source.up_to(index.data, index.size as usize)?.to_vec();
                bit_rates(&entries, movi, source.len(), &mut file.streams);
            } else {
                estimate(movi.size, index.size / ENTRY as u64, &mut file.streams);
            }
            return Ok(());
        }
    }
    if file.riff_end <= source.len() && file.open_dml {
        let size = source.len().saturating_sub(movi.data);
        estimate(size, 0, &mut file.streams);
    }
    Ok(())
}

fn first_packets(source: &mut Source<'_>, movi: Chunk, streams: &mut [Stream]) -> Result<()> {
    let mut wanted: Vec<u8> = streams
        .iter()
        .map(|stream| if codec::wants_packet(&stream.track) { MOST_PACKETS } else { 0 })
        .collect();
    let last_request = source.requests() + MOST_REQUESTS;
    let mut position = movi.data + 4;
    for _ in 0..MOST_CHUNKS {
        if wanted.iter().all(|&packets| packets == 0) || source.requests() >= last_request {
            break;
        }
        let Some(chunk) = Chunk::read(source, position)? else { break };
        if &chunk.id == b"LIST" {
            // Packets may be grouped (`rec `).
            position = chunk.data + 4;
            continue;
        }
        position = chunk.next();
        let Some(number) = stream_number(chunk.id) else { continue };
        let (Some(stream), Some(left)) = (streams.get_mut(number), wanted.get_mut(number)) else {
            continue;
        };
        if *left > 0 && chunk.size > 0 {
            let length = chunk.size.min(MOST_OF_PACKET as u64) as usize;
            let packet = source.up_to(chunk.data, length)?;
            let by_container = stream.track.frame_rate.clone();
            codec::read_packet(&mut stream.track, packet, stream.framing);
            stream.track.frame_rate = by_container.or(stream.track.frame_rate.take());
            *left = if codec::wants_packet(&stream.track) { *left - 1 } else { 0 };
        }
    }
    Ok(())
}

/// The number of the stream whose chunk has a name such as `01wb`.
fn stream_number(id: [u8; 4]) -> Option<usize> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| usize::from(byte - b'0'));
    Some(digit(id[0])? * 10 + digit(id[1])?)
}

/// Sets the bit rates of streams whose headers do not contain them, from the sizes of all
/// packets.
fn bit_rates(index: &[u8], movi: Chunk, length: u64, streams: &mut [Stream]) {
    let mut sums = vec![(0_u64, 0_u64); streams.len()];
    let (mut first, mut last) = (None, 0);
    for entry in index.chunks_exact(ENTRY) {
        let number = entry.first_chunk().copied().and_then(stream_number);
        let [.., o0, o1, o2, o3, s0, s1, s2, s3] = *entry else { continue };
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        if let Some((packets, bytes)) = number.and_then(|number| sums.get_mut(number)) {
            *packets += 1;
            *bytes += u64::from(size);
            let place = u64::from(u32::from_le_bytes([o0, o1, o2, o3]));
            first.get_or_insert(place);
            last = last.max(place);
        }
    }
    let total: u64 = sums.iter().map(|(_, bytes)| bytes).sum();
    // Places count from the name of the list or, in some programs, from the beginning of the
    // file.
    if first.is_some_and(|first| first < movi.data) {
        last += movi.data;
    }
    // This is how `ffprobe` decides whether the index covers the whole file.
    if last < length / 10 * 9 || total / 10 * 9 > last || total < last / 10 * 9 {
        return;
    }
    for (stream, (packets, bytes)) in streams.iter_mut().zip(sums) {
        if !stream.has_bit_rate && stream.sample_size == 0 && packets > 1 {
            // The last packet begins one packet's duration before the end.
            let seconds = stream.seconds((packets - 1) as f64);
            stream.track.bit_rate = seconds
                .filter(|&seconds| seconds > 0.0)
                .map(|time| (bytes as f64 * 8.0 / time).round() as u64);
        }
    }
}

/// Estimates the bit rate of the only video stream: the size of the list, minus the other
/// streams, whose rates are known, and minus the headers of packets.
fn estimate(movi: u64, packets: u64, streams: &mut [Stream]) {
    let others: Option<f64> = streams
        .iter()
        .filter(|stream| stream.track.track_type == TrackType::Audio)
        .map(|stream| {
            let seconds = stream.seconds(f64::from(stream.length))?;
            Some(stream.track.bit_rate? as f64 * seconds / 8.0)
        })
        .sum();
    let mut videos =
        streams.iter_mut().filter(|stream| stream.track.track_type == TrackType::Video);
    let (Some(others), Some(video), None) = (others, videos.next(), videos.next()) else { return };
    // Some packets are padded to even lengths.
    let bytes = movi as f64 - packets as f64 * 8.25 - others;
    let seconds = video.seconds(f64::from(video.length)).filter(|&seconds| seconds > 0.0);
    if video.track.bit_rate.is_none() && bytes > 0.0 {
        video.track.bit_rate = seconds.map(|seconds| (bytes * 8.0 / seconds) as u64);
    }
}
