//! Turns a movie's headers, its fragments and its first samples into a [`Media`].

use super::boxes::box_at;
use super::chapters;
use super::fragments::{self, FirstSamples, MOST_SAMPLES};
use super::movie::{Movie, Stream};
use crate::probe::codec;
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The most bytes of a packet that are read: the headers of codecs are at its beginning.
const PACKET_HEAD: usize = 16 * 1024;

/// Fills in the properties that are in the movie's headers, in the fragments after `end` and
/// in the first samples.
pub fn into_media(
    mut movie: Movie,
    source: &mut Source<'_>,
    end: u64,
    media: &mut Media,
) -> Result<()> {
    let (timescale, matrix) = (movie.timescale, movie.matrix);
    for trak in movie.traks_mut() {
        trak.conclude(timescale, &matrix);
    }
    let firsts = if movie.defaults.is_empty() {
        media.duration_seconds = movie.duration();
        let length = source.len();
        if box_at(source, end, length)?.is_some_and(|next| &next.kind == b"mdat" && next.cut) {
            media.warn("the file is cut off within its data");
        }
        Vec::new()
    } else {
        fragments::read(source, end, &mut movie, media)?
    };
    if let Some(duration) = media.duration_seconds.filter(|&duration| duration > 0.0) {
        let micros = (duration * 1e6).round();
        let rate = source.len() as f64 * 8.0 * 1e6 / micros;
        media.bit_rate = (rate < 1e18).then_some(rate as u64);
    }
    chapters::read(&mut movie, source, media)?;
    read_packets(&mut movie, source, &firsts)?;
    for trak in movie.traks_mut() {
        trak.track.duration_seconds = Some(trak.duration as f64 / f64::from(trak.timescale.max(1)));
        if trak.track.track_type == TrackType::Video {
            trak.track.frame_rate = trak.frame_rate();
            let is_readable = trak.times.samples > 0 && !trak.description.encrypted;
            if is_readable && trak.track.pixel_format.is_none() {
                media.doubt("pixel format");
            }
        }
    }
    media.tags = movie.metadata.tags;
    media.tracks = movie
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

fn read_packets(movie: &mut Movie, source: &mut Source<'_>, firsts: &FirstSamples) -> Result<()> {
    for (position, trak) in movie.traks_mut().enumerate() {
        let is_read = codec::wants_packet(&trak.track) || codec::is_in_packet(&trak.track);
        if trak.description.encrypted || !is_read {
            continue;
        }
        let in_fragments = || firsts.get(position).copied().unwrap_or_default();
        let [first, second, third] = if trak.track.unchecked_packets > 0 {
            match *trak.tables.list(source, MOST_SAMPLES)? {
                [] => in_fragments(),
                ref list => [0, 1, 2].map(|index| list.get(index).copied()),
            }
        } else {
            match trak.tables.first(source, trak.sizes.first)? {
                Some(sample) => [Some(sample), None, None],
                None => in_fragments(),
            }
        };
        let Some(sample) = first else { continue };
        // DTS:X comes at the end of a packet.
        let is_dts = trak.track.codec.as_deref() == Some("dts");
        let most = if is_dts { PACKET_HEAD * 2 } else { PACKET_HEAD };
        let length = usize::try_from(sample.size).unwrap_or(usize::MAX).min(most);
        let packet = source.up_to(sample.offset, length)?;
        if !packet.is_empty() {
            let in_container = trak.track.codec.clone();
            codec::read_packet(&mut trak.track, packet, trak.description.framing);
            // `ffprobe` uses the layer of MPEG audio in the container's header.
            trak.track.codec = in_container;
        }
        for sample in [second, third].into_iter().flatten() {
            if trak.track.unchecked_packets == 0 {
                break;
            }
            let length = usize::try_from(sample.size).unwrap_or(usize::MAX).min(PACKET_HEAD);
            let packet = source.up_to(sample.offset, length)?;
            codec::read_packet(&mut trak.track, packet, trak.description.framing);
        }
    }
    Ok(())
}
