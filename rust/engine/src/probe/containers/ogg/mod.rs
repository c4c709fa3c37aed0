//! Ogg (RFC 3533): the first packets of each stream describe it, and its last page contains
//! its duration.

mod page;
mod stream;

use self::page::{LONGEST, Packets, Page};
use self::stream::Stream;
use super::vorbis_comment::{self, Comments, close_chapters};
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most pages in which headers are searched for: long comments take many.
const MOST_PAGES: usize = 200;

/// The bytes that were read to recognise the format.
const AHEAD: u64 = 64 * 1024;

/// The most streams of a file.
const MOST_STREAMS: usize = 64;

/// The longest time in seconds that the first page of sound may contain. If it ends later,
/// the stream does not begin at zero.
const FIRST_PAGE: f64 = 30.0;

/// A stream that begins later than this does not begin at zero.
const LATE_SECONDS: f64 = 1.0;

/// The state of a stream.
#[derive(Clone, Debug)]
struct StreamState {
    serial: u32,
    packets: Packets,
    /// The first time, and the packets that end before it.
    first: Option<u64>,
    first_packets: Vec<u8>,
    last: Option<u64>,
}

/// Reads the properties of an Ogg file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("ogg");
    let mut streams: Vec<StreamState> = Vec::new();
    read_beginning(source, &mut streams)?;
    if streams.is_empty() {
        return Err(Problem::damaged("there is no Ogg stream at the beginning"));
    }
    let end = read_end(source, &mut streams)?;
    if end.chained {
        media.doubt("duration");
    }
    if end.cut {
        media.warn("the file is cut off");
    }
    let (mut attachments, mut spans) = (Vec::new(), Vec::new());
    for (index, state) in streams.iter().enumerate() {
        let mut stream = stream::read(state.packets.whole.first().map_or(&[], |one| &one[..]));
        stream.track.index = index as u32;
        if let Some(before) = stream.comments {
            let whole = state.packets.whole.get(1);
            let packet = whole.unwrap_or(&state.packets.begun);
            let comments = vorbis_comment::parse(packet.get(before..).unwrap_or_default());
            match whole {
                Some(_) if comments.cut => media.warn("the comments are damaged"),
                None if comments.cut => media.doubt("tags"),
                _ => {}
            }
            attachments.extend(take_comments(&mut media, &mut stream.track, comments));
        }
        spans.extend(set_duration(&mut stream, state, &mut media));
        media.tracks.push(stream.track);
    }
    for mut picture in attachments {
        picture.index = media.tracks.len() as u32;
        media.tracks.push(picture);
    }
    let start = spans.iter().map(|span| span.0).reduce(f64::min);
    let end = spans.iter().map(|span| span.1).reduce(f64::max);
    media.duration_seconds = start.zip(end).map(|(start, end)| end - start);
    if media.duration_seconds.is_none() {
        media.doubt("duration");
    }
    let length = source.len() as f64;
    media.bit_rate = media
        .duration_seconds
        .filter(|&seconds| seconds > 0.0)
        .map(|seconds| (length * 8.0 / seconds) as u64);
    close_chapters(&mut media.chapters, media.duration_seconds);
    Ok(media)
}

/// Reads pages from the first on, until all streams have begun and are described.
fn read_beginning(source: &mut Source<'_>, streams: &mut Vec<StreamState>) -> Result<()> {
    let mut at = 0u64;
    let mut ahead = AHEAD;
    let mut known = AHEAD;
    for _ in 0..MOST_PAGES {
        // Reads the header first: asking for the longest page would read the same bytes again.
        let Some(page) = page::parse(source.up_to(at, page::LONGEST_HEADER)?) else { break };
        let start = at + page.header_length() as u64;
        let end = start + page.body_length() as u64;
        if end > known {
            // Pictures in comments take many pages, so each request is larger than the one
            // before.
            ahead = ahead.saturating_mul(2);
            source.up_to(start, ahead as usize)?;
            known = start + ahead;
        }
        take_page(&page, source.up_to(start, page.body_length())?, streams);
        at = end;
        let is_described = |one: &StreamState| {
            let has_comments = one
                .packets
                .whole
                .first()
                .is_some_and(|first| stream::read(first).comments.is_some());
            !has_comments || one.packets.whole.len() >= 2 && one.first.is_some()
        };
        if !page.first && streams.iter().all(is_described) {
            break;
        }
    }
    Ok(())
}

fn take_page(page: &Page, body: &[u8], streams: &mut Vec<StreamState>) {
    let known = streams.iter().position(|one| one.serial == page.serial);
    let index = match known {
        Some(index) => index,
        None if page.first && streams.len() < MOST_STREAMS => {
            let (serial, packets) = (page.serial, Packets::default());
            let first_packets = Vec::new();
            streams.push(StreamState { serial, packets, first: None, first_packets, last: None });
            streams.len() - 1
        }
        None => return,
    };
    let Some(stream) = streams.get_mut(index) else { return };
    stream.packets.add(page, body, 2);
    // Pages with headers have no time, or zero.
    if stream.first.is_none() {
        stream.first = page.granule.filter(|&granule| granule != 0);
        if stream.first.is_some() {
            stream.first_packets = page::first_bytes(page, body);
        }
    }
}

/// How a file ends.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// With streams that are not at its beginning.
    chained: bool,
    /// In the middle of a page.
    cut: bool,
}

/// Finds the last page of each stream in the last bytes of the file.
fn read_end(source: &mut Source<'_>, streams: &mut [StreamState]) -> Result<End> {
    let start = source.len().saturating_sub(LONGEST as u64);
    let bytes = source.up_to(start, LONGEST)?;
    let mut end = End::default();
    let mut at = 0;
    while let Some(next) = find(bytes, at) {
        at = next + 4;
        let Some(page) = bytes.get(next..).and_then(page::parse) else { continue };
        at = next + page.header_length();
        if at + page.body_length() > bytes.len() {
            end.cut = true;
            continue;
        }
        match streams.iter_mut().find(|one| one.serial == page.serial) {
            Some(stream) => stream.last = page.granule.or(stream.last),
            None => end.chained = true,
        }
    }
    Ok(end)
}

fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(5).position(|window| window == b"OggS\0").map(|place| from + place)
}

/// Sets the duration of a track, and returns when it begins and ends.
fn set_duration(stream: &mut Stream, state: &StreamState, media: &mut Media) -> Option<(f64, f64)> {
    let (track, clock) = (&mut stream.track, stream.clock);
    let end = state.last.and_then(|granule| clock.seconds(granule))?;
    let first = state.first.and_then(|granule| clock.seconds(granule)).unwrap_or(0.0);
    let longest = stream.packet_lengths.longest(&state.first_packets);
    if let Some(longest) = longest.filter(|_| state.first.is_some()) {
        let start = first - clock.length(longest);
        // A piece of a longer recording, unless its packets are shorter than they can be.
        let start = if start < LATE_SECONDS { 0.0 } else { start };
        track.duration_seconds = Some(end - start).filter(|&seconds| seconds > 0.0);
    } else if first > FIRST_PAGE && track.track_type == TrackType::Audio {
        // A recording of a broadcast, whose clock was running before.
        media.doubt("duration");
        track.duration_seconds = Some(end - first).filter(|&seconds| seconds > 0.0);
    } else {
        track.duration_seconds = Some(end);
    }
    track.duration_seconds.map(|seconds| (end - seconds, end))
}

/// Copies comments into the track and, for the first stream, into the file. Returns pictures.
fn take_comments(media: &mut Media, track: &mut Track, comments: Comments) -> Vec<Track> {
    track.title = comments.tags.get("title").cloned();
    if let Some(language) = comments.tags.get("language") {
        track.language.clone_from(language);
    }
    for (key, value) in comments.tags {
        media.tags.entry(key).or_insert(value);
    }
    if media.chapters.is_empty() {
        media.chapters = comments.chapters;
    }
    comments.pictures
}

#[cfg(test)]
mod tests {
    use crate::probe::containers::testing;
    use crate::probe::containers::vorbis_comment::tests::build;
    use crate::probe::source::Source;

    fn page(serial: u32, kind: u8, granule: u64, packet: &[u8]) -> Vec<u8> {
        let mut lacing = vec![255; packet.len() / 255];
        lacing.push((packet.len() % 255) as u8);
        let mut page = vec![b'O', b'g', b'g', b'S', 0, kind];
        page.extend(granule.to_le_bytes());
        page.extend(serial.to_le_bytes());
        page.extend([0; 8]);
        page.push(lacing.len() as u8);
        [&page[..], &lacing, packet].concat()
    }

    fn vorbis() -> Vec<u8> {
        let mut header = b"\x01vorbis\0\0\0\0\x02\x80\xbb\0\0\0\0\0\0\x80\xb5\x01\0".to_vec();
        header.extend([0, 0, 0, 0, 0xb8, 1]);
        header
    }

    fn theora() -> Vec<u8> {
        let mut header = b"\x80theora\x03\x02\x01\0\x14\0\x0f\0\x01\x40\0\0\xf0\0\0".to_vec();
        header.extend([0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0xc0, 0xc0]);
        header
    }

    fn comments() -> Vec<u8> {
        let texts = ["TITLE=One", "LANGUAGE=de", "CHAPTER001=00:00:00.5", "CHAPTER001NAME=A"];
        [&b"\x03vorbis"[..], &build(&texts), &[1]].concat()
    }

    fn file() -> Vec<u8> {
        [
            page(1, 2, 0, &vorbis()),
            page(1, 0, 0, &comments()),
            page(1, 0, 48_000, &[0; 300]),
            page(1, 4, 96_000, &[0; 300]),
        ]
        .concat()
    }

    #[test]
    fn first_packets_and_last_pages_contain_all_properties() {
        let media = testing::probe(&file(), "ogg").unwrap();
        let track = &media.tracks[0];
        assert_eq!((track.codec.as_deref(), track.bit_rate), (Some("vorbis"), Some(112_000)));
        assert_eq!((track.title.as_deref(), &*track.language), (Some("One"), "ger"));
        assert_eq!(media.duration_seconds, Some(2.0));
        assert_eq!(media.chapters[0].end_seconds, Some(2.0));
        assert!(media.unsure.is_empty());
    }

    #[test]
    fn a_long_file_takes_two_reads() {
        let data = [file(), page(1, 0, 0, &[0; 60_000]).repeat(20), file().split_off(200)].concat();
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        super::read(&mut source).unwrap();
        assert_eq!(source.requests(), 2);
    }

    #[test]
    fn a_large_picture_takes_few_reads() {
        let picture = format!("METADATA_BLOCK_PICTURE={}", "A".repeat(1_500_000));
        let packet = [&b"\x03vorbis"[..], &build(&[&picture, "TITLE=After"])].concat();
        let mut data = page(1, 2, 0, &vorbis());
        let mut pieces = packet.chunks(255 * 254).peekable();
        while let Some(piece) = pieces.next() {
            let mut page = page(1, 0, 0, piece);
            if pieces.peek().is_some() {
                // The packet continues on the next page, so the piece of length 0 is removed.
                let count = usize::from(page[26]);
                page.remove(26 + count);
                page[26] -= 1;
            }
            data.extend(page);
        }
        data.extend(file().split_off(200));
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        let media = super::read(&mut source).unwrap();
        assert_eq!(media.tags["title"], "After");
        assert!(source.requests() <= 8);
    }

    #[test]
    fn streams_are_distinguished() {
        let data = [
            page(1, 2, 0, &theora()),
            page(2, 2, 0, &vorbis()),
            page(2, 0, 0, &comments()),
            page(1, 0, 0, &[&b"\x81theora"[..], &build(&["TITLE=Film"])].concat()),
            page(2, 0, 48_000, &[0; 30]),
            page(1, 4, 1 << 6 | 24, &[0; 300]),
            page(2, 4, 96_000, &[0; 30]),
        ]
        .concat();
        let media = testing::probe(&data, "ogv").unwrap();
        let codecs: Vec<_> = media.tracks.iter().map(|track| track.codec.as_deref()).collect();
        assert_eq!(codecs, [Some("theora"), Some("vorbis")]);
        assert_eq!(media.tracks[0].frame_rate.as_deref(), Some("25/1"));
        assert_eq!(media.tracks[0].duration_seconds, Some(1.0));
        assert_eq!(media.duration_seconds, Some(2.0));
    }

    #[test]
    fn the_duration_of_joined_files_is_unsure() {
        let mut data = file();
        data.extend(page(9, 2, 0, &vorbis()));
        assert_eq!(testing::probe(&data, "ogg").unwrap().unsure, ["duration"]);
    }

    #[test]
    fn a_stream_that_begins_late_is_as_long_as_its_sound() {
        let data = [
            page(1, 2, 0, &vorbis()),
            page(1, 0, 0, &comments()),
            page(1, 0, 480_000 + 1024, &[0; 300]),
            page(1, 4, 576_000, &[0; 300]),
        ];
        let media = testing::probe(&data.concat(), "ogg").unwrap();
        assert_eq!(media.duration_seconds, Some(2.0));
        assert!(media.unsure.is_empty());
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(), "ogg");
    }
}
