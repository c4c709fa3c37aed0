//! ID3: tags before the sound (versions 2.2 to 2.4) and at the end of the file (version 1).
//!
//! Frames are skipped by their headers, so of a picture of several megabytes only the few
//! bytes that describe it are read.

use std::collections::BTreeMap;

use super::{genre, picture};
use crate::probe::model::{Chapter, Track};
use crate::probe::problem::Result;
use crate::probe::source::Source;
use crate::probe::text::latin1;

/// No tag has more frames unless it is malicious.
const MOST_FRAMES: usize = 200;

/// The most bytes of a text that are read.
const TEXT: usize = 16 * 1024;

/// The most bytes of a picture that are read, to get its size: of one in a tag that is decoded
/// in memory, more are kept.
const PICTURE: usize = picture::HEAD;
const DECODED_PICTURE: usize = 256 * 1024;

/// No tag has more pictures: there are 21 kinds, each at most once or twice.
const MOST_PICTURES: usize = 64;

/// The most bytes of an unsynchronised tag that are read. Such a tag is decoded in memory.
const UNSYNCHRONISED: usize = 512 * 1024;

/// The content of tags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Id3 {
    /// The first tag of each name. Names are the usual ones, in lower case.
    pub tags: BTreeMap<String, String>,
    /// Pictures as attachments, whose track numbers are not set.
    pub pictures: Vec<Track>,
    /// In the order of the file.
    pub chapters: Vec<Chapter>,
    /// The position after the tags.
    pub end: u64,
}

impl Id3 {
    /// Numbers the pictures from `first` on, and returns them.
    pub fn take_pictures(&mut self, first: usize) -> Vec<Track> {
        let mut pictures = std::mem::take(&mut self.pictures);
        for (index, track) in pictures.iter_mut().enumerate() {
            track.index = (first + index) as u32;
        }
        pictures
    }

    fn insert(&mut self, key: &str, value: String) {
        let key = key.to_lowercase();
        if !key.is_empty() && !value.is_empty() {
            self.tags.entry(key).or_insert(value);
        }
    }
}

/// Reads the tags of version 2 at `offset`. Usually there is one or none.
///
/// # Errors
/// If the file cannot be read.
pub fn read(source: &mut Source<'_>, offset: u64) -> Result<Id3> {
    let mut id3 = Id3 { end: offset, ..Id3::default() };
    for _ in 0..4 {
        let header = source.up_to(id3.end, 10)?.to_vec();
        let Some(size) = tag_size(&header) else { break };
        let (version, flags) = (header[3], header[5]);
        let (start, end) = (id3.end + 10, id3.end + 10 + size);
        id3.end = end + if flags & 0x10 != 0 { 10 } else { 0 };
        if flags & 0x80 != 0 && version < 4 {
            let length = usize::try_from(size).unwrap_or(usize::MAX).min(UNSYNCHRONISED);
            let bytes = synchronise(source.up_to(start, length)?);
            let mut memory = Source::new(&bytes, bytes.len() as u64, Default::default());
            read_frames(&mut memory, 0, bytes.len() as u64, version, flags, &mut id3)?;
        } else {
            read_frames(source, start, end, version, flags, &mut id3)?;
        }
    }
    join_date(&mut id3);
    Ok(id3)
}

/// The size of a tag without its header; None if there is no tag.
fn tag_size(header: &[u8]) -> Option<u64> {
    let header = header.first_chunk::<10>().filter(|header| header.starts_with(b"ID3"))?;
    let sane = header[3] != 0xff && header[4] != 0xff && header[6..].iter().all(|&byte| byte < 128);
    sane.then(|| seven_bits(&header[6..]))
}

fn seven_bits(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f))
}

fn eight_bits(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |size, &byte| size << 8 | u64::from(byte))
}

/// Removes the zeros that keep 0xff from looking like a frame of MPEG audio.
fn synchronise(bytes: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for &byte in bytes {
        if !(last == 0xff && byte == 0) {
            clean.push(byte);
        }
        last = byte;
    }
    clean
}

fn read_frames(
    source: &mut Source<'_>,
    mut at: u64,
    end: u64,
    version: u8,
    flags: u8,
    id3: &mut Id3,
) -> Result<()> {
    let header_length: u64 = if version == 2 { 6 } else { 10 };
    if flags & 0x40 != 0 && version > 2 {
        let size = source.up_to(at, 4)?;
        at += if version == 3 { 4 + eight_bits(size) } else { seven_bits(size) };
    }
    for _ in 0..MOST_FRAMES {
        if at.saturating_add(header_length) >= end {
            break;
        }
        let header = source.up_to(at, header_length as usize)?.to_vec();
        let name_length = if version == 2 { 3 } else { 4 };
        let (Some(name), Some(size)) =
            (header.get(..name_length), header.get(name_length..name_length * 2))
        else {
            break;
        };
        // Some programs write the names of version 2.2 into newer tags, with a zero behind them.
        let name = match name {
            [short @ .., 0] if short.len() == 3 => short,
            name => name,
        };
        if !name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            break;
        }
        let mut size =
            if version == 4 { frame_size_4(source, at, end, size)? } else { eight_bits(size) };
        let name = String::from_utf8_lossy(name).into_owned();
        let mut start = at + header_length;
        at = start.saturating_add(size);
        if at > end {
            break;
        }
        let frame_flags = header.get(9).copied().unwrap_or(0);
        let packed = match version {
            3 => frame_flags & 0xc0 != 0,
            4 => frame_flags & 0x0c != 0,
            _ => false,
        };
        if version == 4 && frame_flags & 1 != 0 {
            // The length of the decompressed data.
            start += 4;
            size = size.saturating_sub(4);
        }
        if packed {
            continue;
        }
        let is_picture = matches!(&*name, "APIC" | "PIC");
        let is_decoded = version == 4 && (frame_flags & 2 != 0 || flags & 0x80 != 0);
        let most = match (is_picture, is_decoded) {
            (true, true) => DECODED_PICTURE,
            (true, false) => PICTURE,
            (false, _) => TEXT,
        };
        let wanted = usize::try_from(size).unwrap_or(usize::MAX).min(most);
        if start.saturating_add(wanted as u64) > source.len() {
            break;
        }
        let mut content = source.up_to(start, wanted)?.to_vec();
        if is_decoded {
            content = synchronise(&content);
        }
        if is_picture {
            if id3.pictures.len() < MOST_PICTURES
                && let Some((mime, image)) = read_picture(&content, version)
            {
                id3.pictures.extend(if is_decoded {
                    picture::track(&mime, content.get(image..).unwrap_or_default())
                } else {
                    let length = size.saturating_sub(image as u64);
                    picture::track_at(source, &mime, start + image as u64, length)?
                });
            }
            continue;
        }
        read_frame(&name, &content, version, id3);
    }
    Ok(())
}

/// In version 2.4, sizes have seven bits per byte, but some programs write eight. If the two
/// readings differ, the one that leads to another frame is right.
fn frame_size_4(source: &mut Source<'_>, at: u64, end: u64, size: &[u8]) -> Result<u64> {
    let (seven, eight) = (seven_bits(size), eight_bits(size));
    if seven == eight || size.iter().any(|&byte| byte > 127) {
        return Ok(eight);
    }
    let follows = |bytes: &[u8]| {
        bytes.len() < 4
            || bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            || bytes == [0; 4]
    };
    let after = at + 10 + seven;
    let is_last = (end.saturating_sub(10)..=end).contains(&after);
    if is_last || after < end && follows(source.up_to(after, 4)?) {
        return Ok(seven);
    }
    let wide = at + 10 + eight <= end && follows(source.up_to(at + 10 + eight, 4)?);
    Ok(if wide { eight } else { seven })
}

fn read_frame(name: &str, content: &[u8], version: u8, id3: &mut Id3) {
    let Some((&encoding, text)) = content.split_first() else { return };
    match name {
        "TXXX" | "TXX" => {
            let (key, rest) = decode(encoding, text);
            let (value, _) = decode(encoding, rest);
            id3.insert(&key, value);
        }
        "COMM" | "COM" => {
            let (key, rest) = decode(encoding, text.get(3..).unwrap_or_default());
            let (value, _) = decode(encoding, rest);
            id3.insert(if key.is_empty() { "comment" } else { &key }, value);
        }
        "USLT" | "ULT" => {
            let (_, rest) = decode(encoding, text.get(3..).unwrap_or_default());
            let (value, _) = decode(encoding, rest);
            let language = String::from_utf8_lossy(text.get(..3).unwrap_or_default());
            id3.insert(&format!("lyrics-{}", language.trim_end_matches('\0')), value);
        }
        "CHAP" => id3.chapters.extend(read_chapter(content, version)),
        "TCON" | "TCO" => {
            let (value, _) = decode(encoding, text);
            id3.insert("genre", genre_name(value));
        }
        _ if name.starts_with('T') => {
            let (value, _) = decode(encoding, text);
            id3.insert(tag_name(name), value);
        }
        _ => {}
    }
}

/// Decodes the first string. Returns it and the bytes after it.
fn decode(encoding: u8, bytes: &[u8]) -> (String, &[u8]) {
    if encoding == 0 || encoding == 3 {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let (text, rest) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
        let text =
            if encoding == 3 { String::from_utf8_lossy(text).into_owned() } else { latin1(text) };
        return (text, rest);
    }
    let mut units: Vec<u16> = Vec::new();
    let mut rest: &[u8] = &[];
    let mut little = encoding == 1 && seems_little_endian(bytes);
    for (index, pair) in bytes.chunks_exact(2).enumerate() {
        let unit = u16::from_be_bytes([pair[0], pair[1]]);
        if unit == 0 {
            rest = bytes.get(index * 2 + 2..).unwrap_or_default();
            break;
        }
        match unit {
            0xfffe if index == 0 => little = true,
            0xfeff if index == 0 => little = false,
            _ => units.push(if little { unit.swap_bytes() } else { unit }),
        }
    }
    (String::from_utf16_lossy(&units), rest)
}

/// Whether UTF-16 without the byte order mark that it should have is likely to be little-endian:
/// most scripts have more zeros in the upper bytes.
fn seems_little_endian(bytes: &[u8]) -> bool {
    let pairs = || bytes.chunks_exact(2).take_while(|pair| *pair != [0, 0]);
    let zeros = |at: usize| pairs().filter(|pair| pair[at] == 0).count();
    zeros(1) > zeros(0)
}

fn tag_name(frame: &str) -> &str {
    match frame {
        "TALB" | "TAL" => "album",
        "TCOM" | "TCM" => "composer",
        "TCOP" | "TCR" => "copyright",
        "TENC" | "TEN" => "encoded_by",
        "TIT2" | "TT2" => "title",
        "TIT1" => "grouping",
        "TLAN" => "language",
        "TPE1" | "TP1" => "artist",
        "TPE2" | "TP2" => "album_artist",
        "TPE3" | "TP3" => "performer",
        "TPOS" => "disc",
        "TPUB" => "publisher",
        "TRCK" | "TRK" => "track",
        "TSSE" => "encoder",
        "TCMP" | "TCP" => "compilation",
        "TDRC" | "TDRL" => "date",
        "TDEN" => "creation_time",
        "TSOA" => "album-sort",
        "TSOP" => "artist-sort",
        "TSOT" => "title-sort",
        other => other,
    }
}

/// Replaces a genre's number, with or without parentheses, by its name.
fn genre_name(text: String) -> String {
    let number = text.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or(&text);
    let name = number.trim().parse().ok().and_then(genre::name);
    name.map_or(text, str::to_owned)
}

/// The type of a picture, and where the picture begins in a frame.
fn read_picture(content: &[u8], version: u8) -> Option<(String, usize)> {
    let (&encoding, text) = content.split_first()?;
    let (mime, rest) = if version == 2 {
        let kind = String::from_utf8_lossy(text.get(..3)?).to_lowercase();
        (format!("image/{}", if kind == "jpg" { "jpeg" } else { &kind }), text.get(3..)?)
    } else {
        decode(0, text)
    };
    let (_, image) = decode(encoding, rest.get(1..)?);
    Some((mime, content.len() - image.len()))
}

fn read_chapter(content: &[u8], version: u8) -> Option<Chapter> {
    let (_, rest) = decode(0, content);
    let seconds = |at: usize| Some(eight_bits(rest.get(at..at + 4)?) as f64 / 1000.0);
    let mut chapter = Chapter { start_seconds: seconds(0)?, end_seconds: seconds(4), title: None };
    let mut frames = rest.get(16..).unwrap_or_default();
    for _ in 0..8 {
        let (Some(name), Some(size)) = (frames.get(..4), frames.get(4..8)) else { break };
        let size = if version == 4 { seven_bits(size) } else { eight_bits(size) };
        let body = frames.get(10..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(body.len());
        if let (b"TIT2", Some((&encoding, text))) = (name, body[..size].split_first()) {
            chapter.title = Some(decode(encoding, text).0);
        }
        frames = &body[size..];
    }
    Some(chapter)
}

/// Joins the parts of a date in version 2.3: year, day and month, time.
fn join_date(id3: &mut Id3) {
    let year = id3.tags.remove("tyer").or_else(|| id3.tags.remove("tye"));
    let day = id3.tags.remove("tdat").or_else(|| id3.tags.remove("tda"));
    let time = id3.tags.remove("time").or_else(|| id3.tags.remove("tim"));
    let Some(mut date) = year else { return };
    let four = |text: &String| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(day) = day.filter(|day| four(day) && date.len() == 4) {
        date = format!("{date}-{}-{}", &day[2..], &day[..2]);
        if let Some(time) = time.filter(four) {
            date = format!("{date} {}:{}", &time[..2], &time[2..]);
        }
    }
    id3.tags.entry("date".into()).or_insert(date);
}

/// Reads a tag of version 1 from the last 128 bytes of a file.
pub fn read_last(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Some(tag) = bytes.last_chunk::<128>().filter(|tag| tag.starts_with(b"TAG")) else {
        return tags;
    };
    let fields = [("title", 3..33), ("artist", 33..63), ("album", 63..93), ("date", 93..97)];
    for (key, range) in fields.into_iter().chain([("comment", 97..127)]) {
        let text = text_of_version_1(&tag[range]);
        if !text.trim().is_empty() {
            tags.insert(key.to_owned(), text.trim().to_owned());
        }
    }
    if tag[125] == 0 && tag[126] != 0 {
        tags.insert("track".to_owned(), tag[126].to_string());
    }
    if let Some(genre) = genre::name(usize::from(tag[127])) {
        tags.insert("genre".to_owned(), genre.to_owned());
    }
    tags
}

/// A text of version 1. It should be Latin-1, but much of what is not ASCII is UTF-8, whose last
/// character may be cut.
fn text_of_version_1(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = &bytes[..end];
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(error) if error.error_len().is_none() && !text[..error.valid_up_to()].is_ascii() => {
            String::from_utf8_lossy(&text[..error.valid_up_to()]).into_owned()
        }
        Err(_) => latin1(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, content: &[u8]) -> Vec<u8> {
        let size = content.len() as u32;
        [name.as_bytes(), &size.to_be_bytes(), &[0, 0], content].concat()
    }

    fn tag(version: u8, flags: u8, frames: &[Vec<u8>]) -> Vec<u8> {
        let frames = frames.concat();
        let size = frames.len();
        let size = [size >> 21, size >> 14, size >> 7, size].map(|part| part as u8 & 0x7f);
        [&b"ID3"[..], &[version, 0, flags], &size, &frames].concat()
    }

    fn read_all(data: &[u8]) -> Id3 {
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        read(&mut source, 0).unwrap()
    }

    #[test]
    fn text_is_decoded_and_gets_its_usual_name() {
        let data = tag(
            3,
            0,
            &[
                frame("TIT2", b"\x00T\xedtle"),
                frame("TPE1", b"\x01\xff\xfeA\0\x3c\x04\0\0"),
                frame("TCON", b"\x00(17)"),
                frame("TYER", b"\x002001"),
                frame("TDAT", b"\x003112"),
                frame("TXXX", b"\x00Some Key\0value"),
                frame("COMM", b"\x03eng\0words"),
                frame("TBPM", b"\x00120\0"),
            ],
        );
        let id3 = read_all(&data);
        assert_eq!(id3.end, data.len() as u64);
        for (key, value) in [
            ("title", "Títle"),
            ("artist", "Aм"),
            ("genre", "Rock"),
            ("date", "2001-12-31"),
            ("some key", "value"),
            ("comment", "words"),
            ("tbpm", "120"),
        ] {
            assert_eq!(id3.tags.get(key).map(String::as_str), Some(value), "{key}");
        }
    }

    #[test]
    fn short_frames_of_version_2_are_read() {
        let content = b"\0Title";
        let frames = [&b"TT2\0\0\x06"[..], content].concat();
        assert_eq!(read_all(&tag(2, 0, &[frames])).tags["title"], "Title");
    }

    #[test]
    fn zeros_of_the_unsynchronisation_are_removed() {
        let mut content = b"\x01\xff\0\xfeA\0".to_vec();
        let mut frames = frame("TIT2", &content);
        // The size does not include the zero.
        frames[7] -= 1;
        content.clear();
        let id3 = read_all(&tag(3, 0x80, &[frames, frame("TALB", b"\0Album")]));
        assert_eq!((&*id3.tags["title"], &*id3.tags["album"]), ("A", "Album"));
    }

    #[test]
    fn what_programs_get_wrong_is_understood() {
        let data = tag(
            3,
            0,
            &[
                // The name of version 2.2, and UTF-16 without a byte order mark.
                frame("TP1\0", b"\0Artist"),
                frame("TIT2", b"\x01T\0i\0t\0l\0e\0"),
                frame("TALB", b"\x01\0A\0l\0b\0u\0m"),
            ],
        );
        let id3 = read_all(&data);
        let found = ["artist", "title", "album"].map(|name| id3.tags[name].as_str());
        assert_eq!(found, ["Artist", "Title", "Album"]);
        let mut tag = vec![0; 128];
        tag[..3].copy_from_slice(b"TAG");
        tag[3..33]
            .copy_from_slice("サンプルのアーティスト".as_bytes().first_chunk::<30>().unwrap());
        tag[33..37].copy_from_slice(b"Caf\xe9");
        tag[63..65].copy_from_slice("Ü".as_bytes());
        let tags = read_last(&tag);
        let found = ["title", "artist", "album"].map(|name| tags[name].as_str());
        assert_eq!(found, ["サンプルのアーティス", "Café", "Ü"]);
    }

    #[test]
    fn a_huge_picture_takes_two_reads() {
        let mut image = b"\0image/png\0\x03\0\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        image.extend([0, 0, 2, 0, 0, 0, 1, 0]);
        image.resize(3_000_000, 7);
        let data = tag(3, 0, &[frame("APIC", &image), frame("TIT2", b"\0After")]);
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        let mut id3 = read(&mut source, 0).unwrap();
        assert_eq!(id3.tags["title"], "After");
        assert!(source.requests() <= 3);
        let cover = &id3.take_pictures(1)[0];
        assert_eq!((cover.index, cover.codec.as_deref()), (1, Some("png")));
        assert_eq!((cover.width, cover.height), (Some(512), Some(256)));
    }

    #[test]
    fn chapters_have_times_and_titles() {
        let inner = frame("TIT2", b"\0One");
        let content =
            [b"c0\0\0\0\0\0\0\0\x0b\xb8\xff\xff\xff\xff\xff\xff\xff\xff", &inner[..]].concat();
        let id3 = read_all(&tag(3, 0, &[frame("CHAP", &content)]));
        let one = Chapter { start_seconds: 0.0, end_seconds: Some(3.0), title: Some("One".into()) };
        assert_eq!(id3.chapters, [one]);
    }

    #[test]
    fn a_tag_of_version_1_is_at_the_end_of_the_file() {
        let mut tag = vec![0; 128];
        tag[..8].copy_from_slice(b"TAGTitle");
        (tag[126], tag[127]) = (7, 17);
        let tags = read_last(&tag);
        assert_eq!((&*tags["title"], &*tags["track"], &*tags["genre"]), ("Title", "7", "Rock"));
        assert!(read_last(b"TAG").is_empty());
    }
}
