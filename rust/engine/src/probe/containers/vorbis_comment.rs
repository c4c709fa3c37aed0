//! Vorbis comments: the tags of Ogg and FLAC, which may contain chapters and pictures.

use std::collections::BTreeMap;

use super::picture;
use crate::probe::codec::bits::{be32, le32};
use crate::probe::model::{Chapter, Track};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// No file has more comments unless it is malicious.
const MOST_COMMENTS: u64 = 4096;

/// The most bytes of a comment that are read, except of a picture.
const TEXT: usize = 16 * 1024;

/// The most bytes of a picture in base 64 that are read, if its size is not near its beginning.
const LONG_PICTURE: usize = 512 * 1024;

/// The name of comments that contain a picture.
const PICTURE_NAME: &[u8] = b"metadata_block_picture=";

/// The content of comments.
#[derive(Clone, Debug, Default)]
pub struct Comments {
    /// The first tag of each name. Names are the usual ones, in lower case.
    pub tags: BTreeMap<String, String>,
    /// In order.
    pub chapters: Vec<Chapter>,
    /// Pictures as attachments, whose track numbers are not set.
    pub pictures: Vec<Track>,
    /// Whether the data ended before the comments did.
    pub cut: bool,
}

/// Parses comments: the vendor, a count, and that many times `NAME=value`.
pub fn parse(data: &[u8]) -> Comments {
    let bytes = |at: u64, length: usize| {
        let rest = usize::try_from(at).ok().and_then(|at| data.get(at..)).unwrap_or_default();
        Ok(rest[..length.min(rest.len())].to_vec())
    };
    let mut comments = Comments::default();
    // Bytes in memory can always be read.
    let _read = parse_into(data.len() as u64, bytes, &mut comments);
    comments
}

/// Like [`parse`], for the comments in a file from `start` on, which have `length` bytes. Large
/// pictures among them are skipped. What was read before an error is in `comments`.
///
/// # Errors
/// If the file cannot be read, or reading takes too much.
pub fn read(
    source: &mut Source<'_>,
    start: u64,
    length: u64,
    comments: &mut Comments,
) -> Result<()> {
    let length = length.min(source.len().saturating_sub(start));
    // Usually these are all of them.
    source.up_to(start, usize::try_from(length).unwrap_or(usize::MAX).min(TEXT))?;
    let bytes = |at: u64, length: usize| Ok(source.up_to(start + at, length)?.to_vec());
    parse_into(length, bytes, comments)
}

/// Parses comments of `end` bytes. `bytes` returns the ones at a place, or fewer at the end.
fn parse_into(
    end: u64,
    mut bytes: impl FnMut(u64, usize) -> Result<Vec<u8>>,
    comments: &mut Comments,
) -> Result<()> {
    let mut chapters: BTreeMap<String, Chapter> = BTreeMap::new();
    let whole = walk(end, &mut bytes, comments, &mut chapters);
    comments.chapters.extend(chapters.into_values());
    comments.chapters.sort_by(|one, other| one.start_seconds.total_cmp(&other.start_seconds));
    comments.cut = !matches!(whole, Ok(Some(())));
    whole.map(|_| ())
}

/// Reads comments one after the other; None if there are fewer than they should be.
fn walk(
    end: u64,
    bytes: &mut impl FnMut(u64, usize) -> Result<Vec<u8>>,
    comments: &mut Comments,
    chapters: &mut BTreeMap<String, Chapter>,
) -> Result<Option<()>> {
    let Some(vendor) = number(end, bytes, 0)? else { return Ok(None) };
    let Some(count) = number(end, bytes, 4 + vendor)? else { return Ok(None) };
    let mut at = vendor + 8;
    for _ in 0..count.min(MOST_COMMENTS) {
        let Some(length) = number(end, bytes, at)? else { return Ok(None) };
        at += 4;
        let there = length.min(end - at);
        let part = |most: usize| usize::try_from(there).unwrap_or(usize::MAX).min(most);
        let comment = bytes(at, part(TEXT))?;
        let name = comment.get(..PICTURE_NAME.len());
        if name.is_some_and(|name| name.eq_ignore_ascii_case(PICTURE_NAME)) {
            let mut picture = picture_in(&comment);
            if comment.len() < part(LONG_PICTURE) && picture.as_ref().is_none_or(has_no_size) {
                picture = picture_in(&bytes(at, part(LONG_PICTURE))?);
            }
            comments.pictures.extend(picture);
        } else {
            add(&comment, comments, chapters);
        }
        if there < length {
            return Ok(None);
        }
        at += length;
    }
    Ok(Some(()))
}

/// The number at a place, if it is before the end.
fn number(
    end: u64,
    bytes: &mut impl FnMut(u64, usize) -> Result<Vec<u8>>,
    at: u64,
) -> Result<Option<u64>> {
    if at.checked_add(4).is_none_or(|behind| behind > end) {
        return Ok(None);
    }
    Ok(le32(&bytes(at, 4)?, 0).map(u64::from))
}

fn has_no_size(picture: &Track) -> bool {
    picture.width.is_none()
}

/// The picture in a comment, whose end may be missing.
fn picture_in(comment: &[u8]) -> Option<Track> {
    let block = from_base64(comment.get(PICTURE_NAME.len()..)?);
    picture_block(&block).map(|(picture, _)| picture)
}

fn add(comment: &[u8], comments: &mut Comments, chapters: &mut BTreeMap<String, Chapter>) {
    let Some(equals) = comment.iter().position(|&byte| byte == b'=') else { return };
    let name = String::from_utf8_lossy(&comment[..equals]).to_lowercase();
    let value = &comment[equals + 1..];
    let text = String::from_utf8_lossy(value).into_owned();
    if let Some((number, is_name)) = chapter_key(&name) {
        let chapter = chapters.entry(number.to_owned());
        if is_name {
            chapter.and_modify(|chapter| chapter.title = Some(text));
            return;
        } else if let Some(start_seconds) = clock(&text) {
            chapter.or_insert(Chapter { start_seconds, ..Chapter::default() });
            return;
        }
    }
    let name = match &*name {
        "albumartist" => "album_artist",
        "tracknumber" => "track",
        "discnumber" => "disc",
        "description" => "comment",
        other => other,
    };
    comments.tags.entry(name.to_owned()).or_insert(text);
}

/// The number of `CHAPTER001` or `CHAPTER001NAME`, and whether it is the second form.
fn chapter_key(name: &str) -> Option<(&str, bool)> {
    let rest = name.strip_prefix("chapter")?;
    let (number, is_name) = match rest.strip_suffix("name") {
        Some(number) => (number, true),
        None => (rest, false),
    };
    let digits = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some((number, is_name))
}

/// Parses `01:02:03.456` to seconds.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.trim().splitn(3, ':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

/// Reads a picture block of FLAC, and returns the place of the picture in it. `block` may be only
/// its beginning.
pub fn picture_block(block: &[u8]) -> Option<(Track, usize)> {
    let mime_end = 8usize.checked_add(be32(block, 4)? as usize)?;
    let mime = String::from_utf8_lossy(block.get(8..mime_end)?).into_owned();
    let description = be32(block, mime_end)? as usize;
    let place = mime_end.checked_add(4)?.checked_add(description)?;
    let fields = block.get(place..)?;
    let image = fields.get(20..).unwrap_or_default();
    let mut track = picture::track(&mime, image)?;
    if track.width.is_none() {
        let field = |at| be32(fields, at).filter(|&value| value != 0);
        (track.width, track.height) = (field(0), field(4));
    }
    Some((track, place.saturating_add(20)))
}

/// Decodes base 64 up to the first character that does not belong to it.
fn from_base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut value, mut count) = (0u32, 0);
    for &character in text {
        let six = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        value = (value << 6 | u32::from(six)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((value >> count) as u8);
        }
    }
    bytes
}

/// Sets missing ends of chapters to the start of the next one, or to the end of the file.
pub fn close_chapters(chapters: &mut [Chapter], duration: Option<f64>) {
    let starts: Vec<f64> = chapters.iter().map(|chapter| chapter.start_seconds).collect();
    for (index, chapter) in chapters.iter_mut().enumerate() {
        let next = starts.get(index + 1).copied().or(duration);
        chapter.end_seconds = chapter.end_seconds.or(next);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Builds comments in the form in which files contain them.
    pub fn build(comments: &[&str]) -> Vec<u8> {
        let mut data = b"\x03\0\0\0abc".to_vec();
        data.extend((comments.len() as u32).to_le_bytes());
        for comment in comments {
            data.extend((comment.len() as u32).to_le_bytes());
            data.extend(comment.as_bytes());
        }
        data
    }

    #[test]
    fn names_are_the_usual_ones_and_chapters_are_not_tags() {
        let data = build(&[
            "TITLE=One",
            "title=Two",
            "TRACKNUMBER=3",
            "CHAPTER001=00:01:02.500",
            "CHAPTER001NAME=Start",
            "no equals sign",
        ]);
        let comments = parse(&data);
        assert_eq!((&*comments.tags["title"], &*comments.tags["track"]), ("One", "3"));
        assert_eq!(comments.tags.len(), 2);
        assert_eq!(comments.chapters[0].start_seconds, 62.5);
        assert_eq!(comments.chapters[0].title.as_deref(), Some("Start"));
        assert!(!comments.cut);
        assert!(parse(&data[..data.len() - 1]).cut);
    }

    #[test]
    fn pictures_in_base_64_are_read() {
        // A block: kind 3, image/png, no description, 512 by 256.
        let text =
            "METADATA_BLOCK_PICTURE=AAAAAwAAAAlpbWFnZS9wbmcAAAAAAAACAAAAAQAAAAAYAAAAAAAAAAA=";
        let comments = parse(&build(&[text]));
        let cover = &comments.pictures[0];
        assert_eq!(cover.codec.as_deref(), Some("png"));
        assert_eq!((cover.width, cover.height), (Some(512), Some(256)));
    }

    #[test]
    fn large_pictures_do_not_hide_the_comments_behind_them() {
        let large = format!("METADATA_BLOCK_PICTURE={}", "A".repeat(3_000_000));
        let data = build(&[&large, "TITLE=After"]);
        assert_eq!(parse(&data).tags["title"], "After");
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        let mut comments = Comments::default();
        read(&mut source, 0, data.len() as u64, &mut comments).unwrap();
        assert_eq!(comments.tags["title"], "After");
        assert!(!comments.cut);
        assert!(source.requests() <= 4);
    }
}
