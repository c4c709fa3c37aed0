//! The headers of an AVI file, which describe its streams.

use crate::probe::codec::{self, Framing};
use crate::probe::containers::riff;
use crate::probe::model::{Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::rational;
use crate::probe::source::Source;

/// The most chunks before the `movi` list that are read.
const MOST_CHUNKS: usize = 256;

/// The most chunks after that list that are read: an index and tags.
const MOST_CHUNKS_AT_END: usize = 16;

/// The most bytes of a list of headers or tags that are read.
const MOST_OF_LIST: u64 = 512 * 1024;

/// The most streams of a file: their chunks are numbered with two digits.
const MOST_STREAMS: usize = 100;

/// The size of a `BITMAPINFOHEADER`.
const BITMAP_INFO_HEADER: usize = 40;

/// The names in `ffprobe` of the tags in an `INFO` list.
const TAGS: &[(&[u8; 4], &str)] = &[
    (b"IART", "artist"),
    (b"ICMT", "comment"),
    (b"ICOP", "copyright"),
    (b"ICRD", "date"),
    (b"IGNR", "genre"),
    (b"ILNG", "language"),
    (b"INAM", "title"),
    (b"IPRD", "product"),
    (b"IPRT", "track"),
    (b"ITRK", "track"),
    (b"ISFT", "software"),
    (b"ISBJ", "subject"),
    (b"ISMP", "timecode"),
    (b"ITCH", "encoded_by"),
];

/// A chunk's name, and the place of its data.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    pub id: [u8; 4],
    pub data: u64,
    pub size: u64,
}

impl Chunk {
    pub fn read(source: &mut Source<'_>, position: u64) -> Result<Option<Self>> {
        let head = source.up_to(position, 8)?;
        let Some(([a, b, c, d], size)) = head.split_first_chunk() else { return Ok(None) };
        let Ok(size) = <[u8; 4]>::try_from(size) else { return Ok(None) };
        let size = u32::from_le_bytes(size).into();
        Ok(Some(Self { id: [*a, *b, *c, *d], data: position + 8, size }))
    }

    /// Where the next chunk begins: chunks are padded to even lengths.
    pub fn next(&self) -> u64 {
        self.data + self.size + self.size % 2
    }
}

/// One stream, as its `strh` describes it.
#[derive(Debug, Default)]
pub struct Stream {
    pub track: Track,
    pub framing: Framing,
    pub scale: u32,
    pub rate: u32,
    pub length: u32,
    /// The size of a sample, if chunks contain any number of samples; otherwise 0.
    pub sample_size: u32,
    pub handler: [u8; 4],
    /// Whether the headers contain its bit rate, which is used instead of the one from the
    /// index.
    pub has_bit_rate: bool,
}

impl Stream {
    pub fn seconds(&self, length: f64) -> Option<f64> {
        (self.rate > 0 && self.scale > 0)
            .then(|| length * f64::from(self.scale) / f64::from(self.rate))
    }
}

/// What is known of the file so far.
#[derive(Debug, Default)]
pub struct File {
    pub media: Media,
    pub streams: Vec<Stream>,
    /// Where the first RIFF chunk claims to end.
    pub riff_end: u64,
    /// The list of packets.
    pub movi: Option<Chunk>,
    /// Whether there is an OpenDML index, so that more RIFF chunks may follow.
    pub open_dml: bool,
    /// From `avih`: microseconds per frame, frames in the first RIFF chunk, and OpenDML's
    /// number of all frames.
    pub frame_duration: u32,
    pub frames: u32,
    pub all_frames: u32,
}

impl File {
    pub fn read_headers(&mut self, source: &mut Source<'_>) -> Result<()> {
        let Some(riff) = Chunk::read(source, 0)? else {
            return Err(Problem::damaged("the file ends within its headers"));
        };
        self.riff_end = riff.data + riff.size;
        let mut position = riff.data + 4;
        for _ in 0..MOST_CHUNKS {
            let Some(chunk) = Chunk::read(source, position)? else { break };
            if &chunk.id == b"LIST" {
                let kind = source.up_to(chunk.data, 4)?.to_vec();
                let size = chunk.size.saturating_sub(4).min(MOST_OF_LIST) as usize;
                match kind.as_slice() {
                    b"movi" => {
                        self.movi = Some(chunk);
                        return Ok(());
                    }
                    b"hdrl" => {
                        let data = source.up_to(chunk.data + 4, size)?.to_vec();
                        self.read_header_list(&data);
                    }
                    b"INFO" => {
                        let data = source.up_to(chunk.data + 4, size)?.to_vec();
                        self.read_tags(&data);
                    }
                    _ => {}
                }
            }
            position = chunk.next();
        }
        self.media.warn("the file contains no packets");
        Ok(())
    }

    /// Reads the tags that come after the packets.
    pub fn read_tags_at_end(&mut self, source: &mut Source<'_>) -> Result<()> {
        let Some(movi) = self.movi else { return Ok(()) };
        let end = self.riff_end.min(source.len());
        let mut position = movi.next();
        for _ in 0..MOST_CHUNKS_AT_END {
            if position >= end {
                break;
            }
            let Some(chunk) = Chunk::read(source, position)? else { break };
            if &chunk.id == b"LIST" && source.up_to(chunk.data, 4)? == b"INFO" {
                let size = chunk.size.saturating_sub(4).min(MOST_OF_LIST) as usize;
                let data = source.up_to(chunk.data + 4, size)?.to_vec();
                self.read_tags(&data);
            }
            position = chunk.next();
        }
        Ok(())
    }

    /// Reads the chunks of the list and of the lists inside it.
    fn read_header_list(&mut self, data: &[u8]) {
        for (id, data) in chunks(data, true) {
            match &id {
                b"avih" => {
                    self.frame_duration = u32_at(data, 0).unwrap_or(0);
                    self.frames = u32_at(data, 16).unwrap_or(0);
                }
                b"strh" if self.streams.len() < MOST_STREAMS => self.read_stream_header(data),
                b"strf" => {
                    if let Some(stream) = self.streams.last_mut() {
                        read_stream_format(stream, data);
                    }
                }
                b"strn" => {
                    if let Some(stream) = self.streams.last_mut() {
                        stream.track.title = Some(text(data));
                    }
                }
                b"indx" => self.open_dml = true,
                b"dmlh" => self.all_frames = u32_at(data, 0).unwrap_or(0),
                b"IDIT" => {
                    let moment = text(data);
                    let moment = iso_moment(&moment).unwrap_or(moment);
                    self.media.tags.insert("creation_time".to_owned(), moment);
                }
                _ => {}
            }
        }
    }

    fn read_stream_header(&mut self, data: &[u8]) {
        let track_type = match data.get(..4) {
            Some(b"vids" | b"iavs") => TrackType::Video,
            Some(b"auds") => TrackType::Audio,
            Some(b"txts") => TrackType::Subtitle,
            _ => TrackType::Other,
        };
        let mut stream = Stream {
            track: Track::new(self.streams.len() as u32, track_type),
            handler: data.get(4..8).and_then(|tag| tag.try_into().ok()).unwrap_or_default(),
            scale: u32_at(data, 20).unwrap_or(0),
            rate: u32_at(data, 24).unwrap_or(0),
            length: u32_at(data, 32).unwrap_or(0),
            sample_size: u32_at(data, 44).unwrap_or(0),
            ..Stream::default()
        };
        if data.starts_with(b"iavs") {
            // Digital video and its sound in one stream, which `ffprobe` separates.
            stream.track.codec = Some("dvvideo".into());
            self.media.doubt("interleaved digital video");
        }
        if track_type == TrackType::Video {
            stream.track.frame_rate = rational::rate(stream.rate.into(), stream.scale.into());
        }
        self.streams.push(stream);
    }

    fn read_tags(&mut self, data: &[u8]) {
        for (id, data) in chunks(data, false) {
            let known = TAGS.iter().find(|(known, _)| **known == id);
            let name = known.map_or_else(
                || String::from_utf8_lossy(&id).trim().to_lowercase(),
                |(_, name)| (*name).to_owned(),
            );
            self.media.tags.entry(name).or_insert_with(|| text(data));
        }
    }

    pub fn finish(mut self, source: &Source<'_>) -> Media {
        let mut media = self.media;
        // If the file was cut off, only this part of it is left.
        let cut = self.riff_end > source.len();
        let part = if cut { source.len() as f64 / self.riff_end as f64 } else { 1.0 };
        if cut {
            media.warn("the file is cut off");
        }
        for stream in &mut self.streams {
            let length = (f64::from(stream.length) * part).round();
            stream.track.duration_seconds = stream.seconds(length).filter(|&time| time > 0.0);
        }
        let longest = |fixed: bool| {
            let streams = self.streams.iter().filter(|stream| !fixed || stream.sample_size == 0);
            streams.filter_map(|stream| stream.track.duration_seconds).reduce(f64::max)
        };
        let frames = f64::from(self.frames.max(self.all_frames));
        let by_frames = Some(frames * f64::from(self.frame_duration) / 1e6 * part);
        media.duration_seconds = longest(true)
            .or_else(|| longest(false))
            .or(by_frames.filter(|&time| time > 0.0))
            .map(|seconds| (seconds * 1e6).round() / 1e6);
        if media.duration_seconds.is_none() {
            media.warn("the duration is unknown");
        }
        media.bit_rate = media
            .duration_seconds
            .filter(|&seconds| seconds > 0.0)
            .map(|seconds| (source.len() as f64 * 8.0 / seconds) as u64);
        media.tracks = self.streams.into_iter().map(|stream| stream.track).collect();
        media
    }
}

/// Fills in the fields that are in a `BITMAPINFOHEADER` or a `WAVEFORMATEX`.
fn read_stream_format(stream: &mut Stream, data: &[u8]) {
    let track = &mut stream.track;
    match track.track_type {
        TrackType::Video if track.codec.is_none() => {
            track.width = u32_at(data, 4).filter(|&width| width > 0);
            // It is negative if the rows go from top to bottom.
            track.height = u32_at(data, 8)
                .map(|height| (height as i32).unsigned_abs())
                .filter(|&height| height > 0);
            let Some(fourcc) = data.get(16..20).and_then(|tag| <[u8; 4]>::try_from(tag).ok())
            else {
                return;
            };
            if &fourcc == b"DXSB" || &stream.handler == b"DXSB" {
                track.track_type = TrackType::Subtitle;
                track.codec = Some("xsub".into());
                track.frame_rate = None;
                return;
            }
            let codec = riff::video_codec(fourcc);
            track.codec = codec.map(Name::Borrowed);
            if codec == Some("rawvideo") {
                track.pixel_format = match fourcc {
                    [0..=3, 0, 0, 0] => rgb_pixel_format(data).map(Name::Borrowed),
                    _ => riff::raw_pixel_format(&fourcc).map(Name::Borrowed),
                };
            }
            if codec == Some("utvideo") {
                codec::video::read_utvideo(track, &fourcc);
            }
            let config = data.get(BITMAP_INFO_HEADER..).unwrap_or_default();
            let by_container = track.frame_rate.clone();
            stream.framing = codec::read_config(track, config);
            stream.track.frame_rate = by_container.or(stream.track.frame_rate.take());
        }
        TrackType::Audio => {
            let config = riff::read_wave_format(track, data);
            stream.has_bit_rate = track.bit_rate.is_some();
            if track.codec.is_some() {
                stream.framing = codec::read_config(track, config);
            }
            riff::read_pcm(&mut stream.track);
        }
        _ => {}
    }
}

/// The pixel format of uncompressed pictures, by the bits per pixel.
fn rgb_pixel_format(header: &[u8]) -> Option<&'static str> {
    match u32_at(header, 12)? >> 16 {
        8 => Some("pal8"),
        16 => Some("rgb555le"),
        24 => Some("bgr24"),
        32 => Some("bgra"),
        _ => None,
    }
}

/// The chunks in `data`; the last may be cut off. `enter` is whether to return the chunks
/// inside lists.
fn chunks(data: &[u8], enter: bool) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        loop {
            let (&id, body) = rest.split_first_chunk::<4>()?;
            let (&size, body) = body.split_first_chunk::<4>()?;
            if enter && &id == b"LIST" {
                rest = body.get(4..)?;
                continue;
            }
            let size = usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX);
            let (data, after) = body.split_at(size.min(body.len()));
            rest = after.get(size % 2..).unwrap_or_default();
            return Some((id, data));
        }
    })
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

fn text(data: &[u8]) -> String {
    let end = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    String::from_utf8_lossy(&data[..end]).into_owned()
}

/// `MON SEP 10 20:52:00 2012`, as asctime(3) writes a moment and cameras do, in the form of ISO
/// 8601. None if it is another text.
fn iso_moment(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[_, month, day, time, year] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name))? + 1;
    let (day, year): (u8, u16) = (day.parse().ok()?, year.parse().ok()?);
    let is_time = time.len() == 8 && time.bytes().all(|it| it.is_ascii_digit() || it == b':');
    (is_time && (1..=31).contains(&day)).then(|| format!("{year:04}-{month:02}-{day:02}T{time}"))
}

#[cfg(test)]
mod tests {
    use super::iso_moment;

    #[test]
    fn moments_as_cameras_write_them_become_those_of_iso_8601() {
        let found = iso_moment("MON SEP 10 20:52:00 2012");
        assert_eq!(found.as_deref(), Some("2012-09-10T20:52:00"));
        let found = iso_moment("Wed Jan  2 02:03:55 2008\n");
        assert_eq!(found.as_deref(), Some("2008-01-02T02:03:55"));
        for text in ["", "2012:09:10 20:52:00", "Mon Xxx 10 20:52:00 2012", "a b c d e"] {
            assert_eq!(iso_moment(text), None);
        }
    }
}
