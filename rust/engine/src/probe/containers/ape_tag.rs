//! APE tags (version 1 and 2) at the end of a file, before an ID3 tag of version 1 if there is
//! one. Monkey's Audio introduced them; programs also write them into MP3 and AAC.

use std::collections::BTreeMap;

use super::{id3, picture};
use crate::probe::codec::bits::le32;
use crate::probe::model::{Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The size of a header or footer.
const FOOTER: u64 = 32;

/// The size of an ID3 tag of version 1.
const ID3: u64 = 128;

/// No tag has more items unless it is malicious.
const MOST_ITEMS: u32 = 256;

/// The most bytes of an item that are read, except of a picture.
const TEXT: u64 = 16 * 1024;

/// The longest name of an item.
const LONGEST_NAME: usize = 255;

/// The content of a tag.
#[derive(Clone, Debug, Default)]
pub struct ApeTag {
    /// The first item of each name. Names are the usual ones, in lower case.
    pub tags: BTreeMap<String, String>,
    /// Pictures as attachments, whose track numbers are not set.
    pub pictures: Vec<Track>,
    /// Where the tag begins.
    pub start: u64,
}

impl ApeTag {
    /// Numbers the pictures from `first` on, and returns them.
    pub fn take_pictures(&mut self, first: usize) -> Vec<Track> {
        let mut pictures = std::mem::take(&mut self.pictures);
        for (index, track) in pictures.iter_mut().enumerate() {
            track.index = (first + index) as u32;
        }
        pictures
    }
}

/// Reads the tag at the end of a file or, without one, that of ID3 version 1. The start is the
/// end of the sound, also without tags.
///
/// # Errors
/// If the file cannot be read.
pub fn read_or_id3(source: &mut Source<'_>) -> Result<ApeTag> {
    let found = read(source)?;
    let (_, last) = source.ending()?;
    let tags = id3::read_last(&last);
    let has_id3 = last.last_chunk::<128>().is_some_and(|tag| tag.starts_with(b"TAG"));
    match found {
        Some(mut tag) if tag.tags.is_empty() => {
            tag.tags = tags;
            Ok(tag)
        }
        Some(tag) => Ok(tag),
        None => {
            let start = source.len() - if has_id3 { ID3 } else { 0 };
            Ok(ApeTag { tags, start, ..ApeTag::default() })
        }
    }
}

/// Reads the tag at the end of a file; None if there is none.
///
/// # Errors
/// If the file cannot be read.
pub fn read(source: &mut Source<'_>) -> Result<Option<ApeTag>> {
    let length = source.len();
    let (begin, ending) = source.ending()?;
    let skipped = ending.len().saturating_sub((FOOTER + ID3) as usize);
    let (start, last) = (begin + skipped as u64, ending[skipped..].to_vec());
    let has_id3 = last.last_chunk::<128>().is_some_and(|tag| tag.starts_with(b"TAG"));
    for end in [length, length.saturating_sub(ID3)] {
        if end < length && !has_id3 {
            break;
        }
        let Some(at) = end.checked_sub(FOOTER).filter(|&at| at >= start) else { break };
        let footer = last.get((at - start) as usize..).unwrap_or_default();
        if let Some((size, count, has_header)) = parse_footer(footer) {
            let begin = end.saturating_sub(size);
            let mut tag = read_items(source, begin, at, count)?;
            tag.start = begin.saturating_sub(if has_header { FOOTER } else { 0 });
            return Ok(Some(tag));
        }
    }
    Ok(None)
}

/// The size of the items and the footer, the number of items, and whether there is a header.
fn parse_footer(footer: &[u8]) -> Option<(u64, u32, bool)> {
    let rest = footer.strip_prefix(b"APETAGEX")?;
    let size = u64::from(le32(rest, 4)?);
    let has_header = le32(rest, 12)? >> 31 == 1;
    let is_valid = matches!(le32(rest, 0)?, 1000 | 2000) && size >= FOOTER;
    is_valid.then_some((size, le32(rest, 8)?, has_header))
}

fn read_items(source: &mut Source<'_>, mut at: u64, end: u64, count: u32) -> Result<ApeTag> {
    let mut tag = ApeTag::default();
    for _ in 0..count.min(MOST_ITEMS) {
        let head = source.up_to(at, 8 + LONGEST_NAME + 1)?;
        let (Some(size), Some(flags)) = (le32(head, 0), le32(head, 4)) else { break };
        let name = head.get(8..).unwrap_or_default();
        let Some(length) = name.iter().position(|&byte| byte == 0) else { break };
        let name = String::from_utf8_lossy(&name[..length]).to_lowercase();
        let start = at + 8 + length as u64 + 1;
        let size = u64::from(size);
        at = start.saturating_add(size);
        if at > end {
            break;
        }
        let bytes = source.up_to(start, size.min(TEXT) as usize)?;
        match flags >> 1 & 3 {
            // Text in UTF-8; version 1 has no flags. Several values are divided by zeros.
            0 => {
                let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
                let text = String::from_utf8_lossy(text).into_owned();
                if !text.is_empty() {
                    tag.tags.entry(usual_name(name)).or_insert(text);
                }
            }
            // Binary: a file name and its content.
            1 => {
                let Some(length) = bytes.iter().position(|&byte| byte == 0) else { continue };
                let mime = mime_of(&bytes[..length]);
                let skipped = length as u64 + 1;
                let (start, size) = (start + skipped, size - skipped);
                let track = picture::track_at(source, mime, start, size)?;
                let is_cover = name.starts_with("cover art");
                if size > 0 && (is_cover || track.is_some()) {
                    let other = || Track::new(0, TrackType::Attachment);
                    tag.pictures.push(track.unwrap_or_else(other));
                }
            }
            _ => {}
        }
    }
    Ok(tag)
}

/// The MIME type that belongs to the extension of a file name.
fn mime_of(name: &[u8]) -> &'static str {
    let name = String::from_utf8_lossy(name).to_lowercase();
    match name.rsplit('.').next() {
        Some("jpg" | "jpeg" | "jfif") => "image/jpeg",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("bmp") => "image/bmp",
        Some("webp") => "image/webp",
        _ => "",
    }
}

fn usual_name(name: String) -> String {
    match &*name {
        "year" => "date".to_owned(),
        "album artist" | "albumartist" => "album_artist".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn item(name: &str, flags: u32, value: &[u8]) -> Vec<u8> {
        let size = value.len() as u32;
        [&size.to_le_bytes()[..], &flags.to_le_bytes(), name.as_bytes(), b"\0", value].concat()
    }

    /// A tag with a title, an artist, a year and a cover of 5 by 6 pixels.
    pub fn tag() -> Vec<u8> {
        let image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x06";
        let cover = [&b"front.png\0"[..], image].concat();
        let items = [
            item("Title", 0, b"One"),
            item("Artist", 0, "Étoile\0Other".as_bytes()),
            item("Year", 0, b"1999"),
            item("Cover Art (Front)", 2, &cover),
        ]
        .concat();
        let mut footer = b"APETAGEX".to_vec();
        for number in [2000, items.len() as u32 + 32, 4, 0, 0, 0] {
            footer.extend(number.to_le_bytes());
        }
        [items, footer].concat()
    }

    #[test]
    fn items_are_read_also_before_an_id3_tag() {
        let id3 = [&b"TAG"[..], &[0; 125]].concat();
        for end in [&[][..], &id3] {
            let data = [&b"sound"[..], &tag(), end].concat();
            let mut source = Source::new(&data, data.len() as u64, Default::default());
            let tag = read(&mut source).unwrap().unwrap();
            assert_eq!((&*tag.tags["title"], &*tag.tags["artist"]), ("One", "Étoile"));
            assert_eq!(tag.tags["date"], "1999");
            let cover = &tag.pictures[0];
            assert_eq!((cover.codec.as_deref(), cover.width), (Some("png"), Some(5)));
        }
    }

    #[test]
    fn without_a_tag_one_of_id3_counts() {
        let id3 = [&b"TAGOld"[..], &[0; 122]].concat();
        let read_all = |data: &[u8]| {
            let mut source = Source::new(&data, data.len() as u64, Default::default());
            read_or_id3(&mut source).unwrap()
        };
        let found = read_all(&[b"sound", &id3[..]].concat());
        assert_eq!((&*found.tags["title"], found.start), ("Old", 5));
        let mut found = read_all(&[b"sound", &tag()[..], &id3].concat());
        assert_eq!((&*found.tags["title"], found.start), ("One", 5));
        let cover = &found.take_pictures(1)[0];
        assert_eq!((cover.index, cover.mime_type.as_deref()), (1, Some("image/png")));
        assert_eq!(read_all(b"sound").start, 5);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let data = tag();
        for place in 0..data.len() {
            let mut copy = data.clone();
            copy[place] ^= 0xff;
            let mut source = Source::new(&copy, copy.len() as u64, Default::default());
            let _read = read(&mut source).unwrap();
            let mut source = Source::new(&data, place as u64, Default::default());
            let _read = read(&mut source).unwrap();
        }
    }
}
