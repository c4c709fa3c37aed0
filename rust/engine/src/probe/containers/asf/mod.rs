//! ASF: WMA and WMV (Microsoft's ASF specification, revision 01.20). Objects that are named by
//! GUIDs, then packets of one size.
//!
//! As in `ffprobe`, the objects in the header extension and the stream properties inside
//! extended stream properties are read as if they were in one list.

mod packets;
#[cfg(test)]
mod tests;

use super::usual_rates::USUAL_RATES;
use super::vorbis_comment::close_chapters;
use super::{duration, picture, riff};
use crate::probe::codec;
use crate::probe::codec::bits::{le16, le32};
use crate::probe::model::{Chapter, Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::rational;
use crate::probe::source::Source;
use crate::probe::text::utf16;
use packets::Stream;

/// The limits of what is read: no file has more unless it is malicious.
const MOST_OBJECTS: usize = 512;
const MOST_STREAMS: usize = 127;
const MOST_VALUES: u64 = 1024;
const MOST_LANGUAGES: usize = 128;

/// The most bytes of an object that are read, unless it contains tags.
const LONGEST: usize = 64 * 1024;

/// The most bytes of a name, of a text and of a picture that are read.
const NAME: usize = 1024;
const TEXT: usize = 16 * 1024;
const PICTURE: usize = 16 * 1024;

/// The bytes of packets that are read at first, and if the frame rate needs more of them.
const PACKETS: [u64; 3] = [32 << 10, 128 << 10, 512 << 10];

const OBJECT_HEADER: u64 = 24;

type Guid = [u8; 16];

const DATA: Guid = *b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const FILE: Guid = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
const STREAM: Guid = *b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
const EXTENSION: Guid = *b"\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65";
const EXTENDED_STREAM: Guid = *b"\xcb\xa5\xe6\x14\x72\xc6\x32\x43\x83\x99\xa9\x69\x52\x06\x5b\x5a";
const DESCRIPTION: Guid = *b"\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const EXTENDED_DESCRIPTION: Guid =
    *b"\x40\xa4\xd0\xd2\x07\xe3\xd2\x11\x97\xf0\x00\xa0\xc9\x5e\xa8\x50";
const METADATA: Guid = *b"\xea\xcb\xf8\xc5\xaf\x5b\x77\x48\x84\x67\xaa\x8c\x44\xfa\x4c\xca";
const LIBRARY: Guid = *b"\x94\x1c\x23\x44\x98\x94\xd1\x49\xa1\x41\x1d\x13\x4e\x45\x70\x54";
const LANGUAGES: Guid = *b"\xa9\x46\x43\x7c\xe0\xef\xfc\x4b\xb2\x29\x39\x3e\xde\x41\x5c\x85";
const MARKERS: Guid = *b"\x01\xcd\x87\xf4\x51\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
const ENCRYPTION: Guid = *b"\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e";
const EXTENDED_ENCRYPTION: Guid =
    *b"\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c";

const AUDIO_STREAM: Guid = *b"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
const VIDEO_STREAM: Guid = *b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
const JPEG_STREAM: Guid = *b"\x00\xe1\x1b\xb6\x4e\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";

/// The fields of the file properties.
#[derive(Clone, Copy, Debug, Default)]
struct File {
    length: u64,
    /// In milliseconds, without the preroll.
    duration: u64,
    preroll: u64,
    is_broadcast: bool,
    packet_size: u64,
}

/// What extended stream properties say about a stream, which may come before the stream.
#[derive(Clone, Copy, Debug)]
struct Extended {
    number: u8,
    bit_rate: u32,
    language: usize,
    /// In units of 100 ns; 0 if it is unknown.
    frame_time: u64,
}

#[derive(Default)]
struct Asf {
    media: Media,
    file: File,
    /// The stream numbers of the tracks. Pictures have none.
    numbers: Vec<Option<u8>>,
    framings: Vec<codec::Framing>,
    extended: Vec<Extended>,
    languages: Vec<String>,
}

/// Reads the properties of an ASF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut asf = Asf { media: Media::new("asf"), ..Asf::default() };
    let packets = asf.read_header(source);
    let packets = match packets {
        Ok(at) => at,
        Err(Problem::Damaged(_)) if !asf.numbers.is_empty() => None,
        Err(problem) => return Err(problem),
    };
    asf.apply_extended();
    if let Some(at) = packets {
        let result = asf.read_packets(source, at);
        asf.media.note_problem(result)?;
    } else {
        asf.media.warn("the file ends before its sound or pictures begin");
    }
    Ok(asf.finish(source.len()))
}

impl Asf {
    /// Reads the objects up to the packets. Returns where the packets begin.
    fn read_header(&mut self, source: &mut Source<'_>) -> Result<Option<u64>> {
        let mut at = 30;
        for _ in 0..MOST_OBJECTS {
            let header: [u8; 24] = source.array(at)?;
            let (guid, size) = header.split_first_chunk::<16>().expect("24 bytes");
            let size = u64::from_le_bytes(size.try_into().expect("8 bytes"));
            let body = at + OBJECT_HEADER;
            if *guid == DATA {
                if !self.file.is_broadcast && at.saturating_add(size) > source.len() {
                    self.media.warn("the file is cut off");
                }
                return Ok(Some(body + 26));
            }
            let Some(length) = size.checked_sub(OBJECT_HEADER) else {
                return Err(Problem::damaged("an object in the header has no valid size"));
            };
            let end = body.saturating_add(length);
            let most = usize::try_from(length).unwrap_or(usize::MAX).min(LONGEST);
            at = end;
            match *guid {
                FILE => self.read_file(source.up_to(body, most)?),
                STREAM => self.read_stream(source.up_to(body, most)?),
                EXTENSION => at = body + 22,
                EXTENDED_STREAM => {
                    let fields = source.up_to(body, most)?;
                    at = body.saturating_add(self.read_extended(fields).unwrap_or(length));
                }
                DESCRIPTION => self.read_description(source, body)?,
                EXTENDED_DESCRIPTION => self.read_values(source, body, end, false)?,
                METADATA | LIBRARY => self.read_values(source, body, end, true)?,
                LANGUAGES => self.read_languages(source.up_to(body, most)?),
                MARKERS => _ = self.read_markers(source.up_to(body, most)?),
                ENCRYPTION | EXTENDED_ENCRYPTION => {
                    self.media.warn("the content is protected (DRM)");
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn read_file(&mut self, fields: &[u8]) {
        let long = |at| le64(fields, at).unwrap_or(0);
        let preroll = long(56);
        self.file = File {
            length: long(16),
            duration: (long(40) / 10_000).saturating_sub(preroll),
            preroll,
            is_broadcast: le32(fields, 64).unwrap_or(0) & 1 == 1,
            packet_size: le32(fields, 72).unwrap_or(0).into(),
        };
    }

    fn read_stream(&mut self, fields: &[u8]) {
        let (Some(kind), Some(number), Some(length)) =
            (fields.first_chunk::<16>(), le16(fields, 48), le32(fields, 40))
        else {
            return;
        };
        let format = fields.get(54..).unwrap_or_default();
        let format = &format[..format.len().min(length as usize)];
        let track_type = match *kind {
            AUDIO_STREAM => TrackType::Audio,
            VIDEO_STREAM | JPEG_STREAM => TrackType::Video,
            _ => TrackType::Other,
        };
        let mut track = Track::new(0, track_type);
        let framing = match *kind {
            AUDIO_STREAM => read_audio(&mut track, format),
            VIDEO_STREAM => read_video(&mut track, format),
            JPEG_STREAM => {
                track.codec = Some("mjpeg".into());
                codec::Framing::StartCodes
            }
            _ => codec::Framing::StartCodes,
        };
        // It fits in eight bits.
        self.push(track, Some((number & 0x7f) as u8), framing);
    }

    fn push(&mut self, mut track: Track, number: Option<u8>, framing: codec::Framing) {
        if self.numbers.len() < MOST_STREAMS {
            track.index = self.numbers.len() as u32;
            self.media.tracks.push(track);
            self.numbers.push(number);
            self.framings.push(framing);
        }
    }

    /// Reads extended stream properties. Returns their length, behind which there may be the
    /// properties of the stream.
    fn read_extended(&mut self, fields: &[u8]) -> Option<u64> {
        let number = le16(fields, 48)?;
        if self.extended.len() < MOST_STREAMS {
            self.extended.push(Extended {
                number: (number & 0x7f) as u8,
                bit_rate: le32(fields, 16)?,
                language: le16(fields, 50)?.into(),
                frame_time: le64(fields, 52)?,
            });
        }
        let (names, systems) = (le16(fields, 60)?, le16(fields, 62)?);
        let mut at = 64;
        for _ in 0..names {
            at += 4 + usize::from(le16(fields, at + 2)?);
        }
        for _ in 0..systems {
            at = at.checked_add(22)?.checked_add(le32(fields, at + 18)? as usize)?;
        }
        Some(at as u64)
    }

    /// Applies what extended stream properties say about streams.
    fn apply_extended(&mut self) {
        for extended in &self.extended {
            let is_it = |number: &Option<u8>| *number == Some(extended.number);
            let Some(index) = self.numbers.iter().position(is_it) else { continue };
            let track = &mut self.media.tracks[index];
            track.bit_rate = track.bit_rate.or(Some(extended.bit_rate.into()));
            if let Some(language) = self.languages.get(extended.language) {
                track.language.clone_from(language);
            }
            if track.track_type == TrackType::Video && extended.frame_time > 0 {
                track.frame_rate = rate_of(extended.frame_time);
            }
        }
    }

    /// Reads the five texts of the content description, whose lengths come before them.
    fn read_description(&mut self, source: &mut Source<'_>, body: u64) -> Result<()> {
        let lengths: [u8; 10] = source.array(body)?;
        let mut at = body + 10;
        for (index, name) in ["title", "artist", "copyright", "comment"].iter().enumerate() {
            let length = u16::from_le_bytes([lengths[index * 2], lengths[index * 2 + 1]]);
            self.tag(name, text(source, at, length.into())?);
            at += u64::from(length);
        }
        Ok(())
    }

    /// Reads names and values: those of the extended content description or, with numbers of
    /// streams and longer values, those of the metadata and the metadata library.
    fn read_values(
        &mut self,
        source: &mut Source<'_>,
        body: u64,
        end: u64,
        is_metadata: bool,
    ) -> Result<()> {
        let count = u64::from(u16::from_le_bytes(source.array(body)?));
        let mut at = body + 2;
        for _ in 0..count.min(MOST_VALUES) {
            if at >= end {
                break;
            }
            let (name, kind, length);
            if is_metadata {
                let header: [u8; 12] = source.array(at)?;
                let name_length = le16(&header, 4).unwrap_or(0).into();
                kind = le16(&header, 6).unwrap_or(0);
                length = u64::from(le32(&header, 8).unwrap_or(0));
                name = text(source, at + 12, name_length)?;
                at += 12 + u64::from(name_length);
            } else {
                // Some programs write lengths without the upper half of the final zero.
                let name_length = u32::from(u16::from_le_bytes(source.array(at)?));
                let name_length = name_length.next_multiple_of(2);
                name = text(source, at + 2, name_length)?;
                at += 2 + u64::from(name_length);
                let header: [u8; 4] = source.array(at)?;
                kind = u16::from_le_bytes([header[0], header[1]]);
                let value = u64::from(u16::from_le_bytes([header[2], header[3]]));
                length = if kind == 0 { value.next_multiple_of(2) } else { value };
                at += 4;
            }
            self.read_value(source, &name, (kind, at, length), is_metadata)?;
            at = at.saturating_add(length);
        }
        Ok(())
    }

    /// Reads a value, given its type, its place and its length.
    fn read_value(
        &mut self,
        source: &mut Source<'_>,
        name: &str,
        (kind, at, length): (u16, u64, u64),
        is_metadata: bool,
    ) -> Result<()> {
        let value = match kind {
            0 => text(source, at, u32::try_from(length).unwrap_or(u32::MAX))?,
            1 if name == "WM/Picture" => {
                let most = usize::try_from(length).unwrap_or(usize::MAX).min(PICTURE);
                if let Some(cover) = read_picture(source.up_to(at, most)?) {
                    self.push(cover, None, codec::Framing::StartCodes);
                }
                return Ok(());
            }
            2 if is_metadata => u16::from_le_bytes(source.array(at)?).to_string(),
            2 | 3 => u32::from_le_bytes(source.array(at)?).to_string(),
            4 => u64::from_le_bytes(source.array(at)?).to_string(),
            5 => u16::from_le_bytes(source.array(at)?).to_string(),
            _ => return Ok(()),
        };
        if !matches!(name, "AspectRatioX" | "AspectRatioY") && !name.starts_with("xmp") {
            self.tag(&tag_name(name), value);
        }
        Ok(())
    }

    /// Sets a tag. The last one in the file counts.
    fn tag(&mut self, name: &str, value: String) {
        if !name.is_empty() && !value.trim().is_empty() {
            self.media.tags.insert(name.to_owned(), value);
        }
    }

    fn read_languages(&mut self, fields: &[u8]) {
        let mut rest = fields.get(2..).unwrap_or_default();
        while let Some((&length, behind)) = rest.split_first() {
            let Some((name, next)) = behind.split_at_checked(length.into()) else { break };
            self.languages.push(utf16(name, u16::from_le_bytes));
            rest = next;
            if self.languages.len() >= MOST_LANGUAGES {
                break;
            }
        }
    }

    /// Reads markers, which are chapters.
    fn read_markers(&mut self, fields: &[u8]) -> Option<()> {
        let count = le32(fields, 16)?;
        let mut at = 24 + usize::from(le16(fields, 22)?);
        for _ in 0..u64::from(count).min(MOST_VALUES) {
            let start =
                le64(fields, at + 8)?.saturating_sub(self.file.preroll.saturating_mul(10_000));
            let length = le32(fields, at + 26)? as usize * 2;
            let name = fields.get(at + 30..at.checked_add(30)?.checked_add(length)?)?;
            self.media.chapters.push(Chapter {
                start_seconds: start as f64 / 1e7,
                end_seconds: None,
                title: Some(utf16(name, u16::from_le_bytes)),
            });
            at += 30 + length;
        }
        Some(())
    }

    /// Reads as many packets as the tracks need: for frame rates, and for codecs whose
    /// description is in their own data.
    fn read_packets(&mut self, source: &mut Source<'_>, start: u64) -> Result<()> {
        let needs = |track: &Track| {
            codec::wants_packet(track)
                || track.track_type == TrackType::Video && track.frame_rate.is_none()
        };
        let size = self.file.packet_size;
        if !(32..=LONGEST as u64).contains(&size) || !self.media.tracks.iter().any(needs) {
            return Ok(());
        }
        let mut streams: Vec<Stream> = self
            .numbers
            .iter()
            .map(|number| Stream { number: number.unwrap_or(0), ..Stream::default() })
            .collect();
        let mut at = start;
        for most in PACKETS {
            while at + size <= source.len() && at - start < most {
                packets::read(source.bytes(at, size as usize)?, &mut streams);
                at += size;
            }
            let all = self.media.tracks.iter().zip(&streams);
            if all.filter(|(track, _)| needs(track)).all(|(_, stream)| stream.is_full()) {
                break;
            }
        }
        for (index, stream) in streams.iter().enumerate() {
            let track = &mut self.media.tracks[index];
            if codec::wants_packet(track) {
                codec::read_packet(track, &stream.data, self.framings[index]);
            }
            if track.track_type == TrackType::Video && track.frame_rate.is_none() {
                track.frame_rate = packets::frame_rate(&stream.times)
                    .and_then(|(above, below)| rational::rate(above, below));
            }
        }
        Ok(())
    }

    fn finish(self, length: u64) -> Media {
        let mut media = self.media;
        let file = self.file;
        if file.is_broadcast || file.duration == 0 {
            media.doubt("duration");
        } else {
            let seconds = file.duration as f64 / 1000.0;
            duration::set(&mut media, Some(seconds), length);
            for (track, number) in media.tracks.iter_mut().zip(&self.numbers) {
                track.duration_seconds = number.map(|_| seconds);
            }
        }
        if !file.is_broadcast && file.length > length {
            media.warn("the file is cut off");
        }
        if media.tracks.iter().any(|track| {
            track.codec.is_none() && matches!(track.track_type, TrackType::Audio | TrackType::Video)
        }) {
            media.doubt("codec");
        }
        close_chapters(&mut media.chapters, media.duration_seconds);
        media
    }
}

/// The frame rate for a time of 100 ns per frame. Usual rates are recognised although their
/// times are rounded.
fn rate_of(frame_time: u64) -> Option<String> {
    for (above, below) in USUAL_RATES {
        let exact = 10_000_000.0 * f64::from(below) / f64::from(above);
        if (exact - frame_time as f64).abs() < 3.0 {
            return rational::rate(above.into(), below.into());
        }
    }
    rational::rate(10_000_000, frame_time)
}

/// Reads a `WAVEFORMATEX`.
fn read_audio(track: &mut Track, format: &[u8]) -> codec::Framing {
    let config = riff::read_wave_format(track, format);
    let length = usize::from(le16(format, 16).unwrap_or(0)).min(config.len());
    codec::read_config(track, &config[..length])
}

/// Reads the size in the window, then a `BITMAPINFOHEADER` with the codec's configuration.
fn read_video(track: &mut Track, format: &[u8]) -> codec::Framing {
    let header = format.get(11..).unwrap_or_default();
    let Some(&code) = header.get(16..).and_then(|rest| rest.first_chunk::<4>()) else {
        return codec::Framing::StartCodes;
    };
    track.width = le32(header, 4).filter(|&width| width != 0);
    track.height = le32(header, 8).map(|height| height.cast_signed().unsigned_abs());
    track.codec = riff::video_codec(code).map(Name::Borrowed);
    let end = le32(header, 0).map_or(40, |size| size as usize).min(header.len());
    codec::read_config(track, header.get(40..end).unwrap_or_default())
}

/// Reads the value of `WM/Picture`: a kind, a length, the MIME type, a description, and the
/// picture. It may be only the beginning of the value.
fn read_picture(value: &[u8]) -> Option<Track> {
    let mime = utf16(value.get(5..)?, u16::from_le_bytes);
    let rest = after_zero(value.get(5..)?)?;
    picture::track(&mime, after_zero(rest)?)
}

/// The bytes after a text in UTF-16 that a zero ends.
fn after_zero(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.chunks_exact(2).position(|unit| unit == [0, 0])?;
    bytes.get(end * 2 + 2..)
}

fn text(source: &mut Source<'_>, at: u64, length: u32) -> Result<String> {
    let most = if length as usize > NAME { TEXT } else { NAME };
    Ok(utf16(source.up_to(at, most.min(length as usize))?, u16::from_le_bytes))
}

/// The usual name of a tag, in lower case.
fn tag_name(name: &str) -> String {
    let name = name.to_lowercase();
    let usual = match &*name {
        "wm/albumartist" => "album_artist",
        "wm/albumtitle" => "album",
        "author" => "artist",
        "description" => "comment",
        "wm/composer" => "composer",
        "wm/encodedby" => "encoded_by",
        "wm/encodingsettings" | "wm/tool" => "encoder",
        "wm/genre" => "genre",
        "wm/language" => "language",
        "wm/mediastationcallsign" => "service_provider",
        "wm/mediastationname" => "service_name",
        "wm/originalfilename" => "filename",
        "wm/partofset" => "disc",
        "wm/publisher" => "publisher",
        "wm/tracknumber" => "track",
        _ => return name,
    };
    usual.to_owned()
}

fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
