//! Vorbis comments: the tags of Ogg and FLAC, which may contain chapters and pictures.

use std::collections::BTreeMap;

use super::picture;
use crate::probe::codec::bits::{be32, le32};
use crate::probe::model::{Chapter, Track};

/// No file has more comments unless it is malicious.
const MOST_COMMENTS: usize = 4096;

/// The most characters of a picture in base 64 that are read.
const PICTURE: usize = 8 * 1024;

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
    let mut comments = Comments::default();
    comments.cut = parse_into(data, &mut comments).is_none();
    comments.chapters.sort_by(|one, other| one.start_seconds.total_cmp(&other.start_seconds));
    comments
}

fn parse_into(data: &[u8], comments: &mut Comments) -> Option<()> {
    let mut chapters: BTreeMap<String, Chapter> = BTreeMap::new();
    let mut rest = data.get(4 + le32(data, 0)? as usize..)?;
    let count = le32(rest, 0)? as usize;
    rest = rest.get(4..)?;
    let mut whole = Some(());
    for _ in 0..count.min(MOST_COMMENTS) {
        let Some(length) = le32(rest, 0) else {
            whole = None;
            break;
        };
        let body = rest.get(4..).unwrap_or_default();
        let comment = body.get(..length as usize);
        add(comment.unwrap_or(body), comments, &mut chapters);
        match comment {
            Some(_) => rest = body.get(length as usize..).unwrap_or_default(),
            None => {
                whole = None;
                break;
            }
        }
    }
    comments.chapters.extend(chapters.into_values());
    whole
}

fn add(comment: &[u8], comments: &mut Comments, chapters: &mut BTreeMap<String, Chapter>) {
    let Some(equals) = comment.iter().position(|&byte| byte == b'=') else { return };
    let name = String::from_utf8_lossy(&comment[..equals]).to_lowercase();
    let value = &comment[equals + 1..];
    if name == "metadata_block_picture" {
        let start = &value[..value.len().min(PICTURE)];
        comments.pictures.extend(picture_block(&from_base64(start)));
        return;
    }
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

/// Reads a picture block of FLAC. `block` may be only its beginning.
pub fn picture_block(block: &[u8]) -> Option<Track> {
    let mime_end = 8usize.checked_add(be32(block, 4)? as usize)?;
    let mime = String::from_utf8_lossy(block.get(8..mime_end)?).into_owned();
    let description = be32(block, mime_end)? as usize;
    let fields = block.get(mime_end.checked_add(4)?.checked_add(description)?..)?;
    let image = fields.get(20..).unwrap_or_default();
    let mut track = picture::track(&mime, image)?;
    if track.width.is_none() {
        let field = |at| be32(fields, at).filter(|&value| value != 0);
        (track.width, track.height) = (field(0), field(4));
    }
    Some(track)
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
}
