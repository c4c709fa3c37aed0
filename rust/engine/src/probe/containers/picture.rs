//! Cover pictures: attachments whose first bytes contain their size.

use crate::probe::codec::bits::be16;
use crate::probe::codec::bits::{be32, le32};
use crate::probe::model::{Name, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The bytes at the beginning of a picture that are read. Most contain the size there.
pub const HEAD: usize = 8 * 1024;

/// The most segments of a JPEG before its size. Profiles and previews take some hundred.
const MOST_SEGMENTS: usize = 512;

/// A picture as a track whose number is not set. None if its kind is unknown. `image` is the
/// beginning of the picture.
pub fn track(mime: &str, image: &[u8]) -> Option<Track> {
    let codec = by_content(image).or_else(|| by_mime(mime))?;
    let mut track = Track::new(0, TrackType::Attachment);
    track.codec = Some(Name::Borrowed(codec));
    track.mime_type = Some(mime.to_owned()).filter(|mime| mime.contains('/'));
    if let Some((width, height)) = size(codec, image) {
        (track.width, track.height) = (Some(width), Some(height));
    }
    Some(track)
}

/// Like [`track`], for the picture in a file from `start` on, which has `length` bytes. If its
/// size is not near its beginning, the segments before it are skipped one by one.
///
/// # Errors
/// If the file cannot be read.
pub fn track_at(
    source: &mut Source<'_>,
    mime: &str,
    start: u64,
    length: u64,
) -> Result<Option<Track>> {
    let head = usize::try_from(length).unwrap_or(usize::MAX).min(HEAD);
    let Some(mut track) = track(mime, source.up_to(start, head)?) else { return Ok(None) };
    if track.width.is_none() && track.codec.as_deref() == Some("mjpeg") {
        set_size_at(&mut track, source, start, length)?;
    }
    Ok(Some(track))
}

/// Sets the size of a JPEG, wherever in the file its frame header is.
///
/// # Errors
/// If the file cannot be read.
pub fn set_size_at(
    track: &mut Track,
    source: &mut Source<'_>,
    start: u64,
    length: u64,
) -> Result<()> {
    let end = start.saturating_add(length).min(source.len());
    let mut at = start.saturating_add(2);
    for _ in 0..MOST_SEGMENTS {
        if at.saturating_add(9) > end {
            break;
        }
        match segment(source.up_to(at, 9)?) {
            Segment::Frame(width, height) => {
                (track.width, track.height) = (Some(width), Some(height));
                break;
            }
            Segment::Other(length) => at += length as u64,
            Segment::None => break,
        }
    }
    Ok(())
}

fn by_content(image: &[u8]) -> Option<&'static str> {
    if image.starts_with(b"\xff\xd8\xff") {
        Some("mjpeg")
    } else if image.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("png")
    } else if image.starts_with(b"GIF8") {
        Some("gif")
    } else if image.starts_with(b"RIFF") && image.get(8..12) == Some(b"WEBP") {
        Some("webp")
    } else {
        None
    }
}

fn by_mime(mime: &str) -> Option<&'static str> {
    match mime.to_lowercase().trim_start_matches("image/") {
        "jpeg" | "jpg" => Some("mjpeg"),
        "png" => Some("png"),
        "gif" => Some("gif"),
        "bmp" => Some("bmp"),
        "tiff" => Some("tiff"),
        "webp" => Some("webp"),
        _ => None,
    }
}

fn size(codec: &str, image: &[u8]) -> Option<(u32, u32)> {
    match codec {
        "png" => Some((be32(image, 16)?, be32(image, 20)?)),
        "mjpeg" => jpeg_size(image),
        "gif" => {
            let field = |at| be16(image, at).map(|value| u32::from(value.swap_bytes()));
            Some((field(6)?, field(8)?))
        }
        // Negative if the first line is at the top.
        "bmp" if image.starts_with(b"BM") => {
            Some((le32(image, 18)?, (le32(image, 22)? as i32).unsigned_abs()))
        }
        "webp" => webp_size(image),
        _ => None,
    }
}

/// The size in the first chunk, which has one of three forms.
fn webp_size(image: &[u8]) -> Option<(u32, u32)> {
    let three = |at: usize| Some(le32(image, at)? & 0xff_ffff);
    match image.get(12..16)? {
        b"VP8X" => Some((three(24)? + 1, (le32(image, 26)? >> 8) + 1)),
        b"VP8L" => {
            let bits = le32(image, 21)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8 " => {
            let bits = le32(image, 26)?;
            Some((bits & 0x3fff, bits >> 16 & 0x3fff))
        }
        _ => None,
    }
}

/// The size in the frame header, before which there are tables and metadata.
fn jpeg_size(image: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    for _ in 0..MOST_SEGMENTS {
        match segment(image.get(at..)?) {
            Segment::Frame(width, height) => return Some((width, height)),
            Segment::Other(length) => at += length,
            Segment::None => break,
        }
    }
    None
}

/// What is at a place of a JPEG.
enum Segment {
    /// The frame header, which contains the width and the height.
    Frame(u32, u32),
    /// Something else of this length.
    Other(usize),
    /// No segment, or not all of it.
    None,
}

fn segment(bytes: &[u8]) -> Segment {
    let read = || {
        let (&mark, &kind) = (bytes.first()?, bytes.get(1)?);
        if mark != 0xff {
            return None;
        }
        if matches!(kind, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) {
            return Some(Segment::Frame(be16(bytes, 7)?.into(), be16(bytes, 5)?.into()));
        }
        Some(Segment::Other(if kind == 0xff { 1 } else { 2 + usize::from(be16(bytes, 2)?) }))
    };
    read().unwrap_or(Segment::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_the_frame_header() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\xf0\x01\x40\x03";
        let cover = track("image/jpg", jpeg).unwrap();
        assert_eq!(cover.codec.as_deref(), Some("mjpeg"));
        assert_eq!((cover.width, cover.height), (Some(320), Some(240)));
        assert_eq!(track("-->", b"http://"), None);
        for image in [
            &b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0"[..],
            b"RIFF\0\0\0\0WEBPVP8L\x0a\0\0\0\x2f\x3f\xc1\x3b\0",
            b"RIFF\0\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x40\x01\xf0\0",
            b"GIF89a\x40\x01\xf0\0",
            b"BM\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\x01\0\0\x10\xff\xff\xff",
        ] {
            let cover = track("image/bmp", image).unwrap();
            assert_eq!((cover.width, cover.height), (Some(320), Some(240)), "{image:?}");
        }
    }

    #[test]
    fn sizes_are_found_behind_large_profiles() {
        let profile = [&b"\xff\xe2\xff\xff"[..], &vec![0; 65_533]].concat();
        let frame = b"\xff\xc0\0\x11\x08\0\xf0\x01\x40\x03";
        let data = [&b"before\xff\xd8"[..], &profile.repeat(4), frame, &[0; 20]].concat();
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        let cover = track_at(&mut source, "image/jpeg", 6, data.len() as u64 - 6);
        let cover = cover.unwrap().unwrap();
        assert_eq!((cover.width, cover.height), (Some(320), Some(240)));
        // Not beyond the end of the picture.
        let cover = track_at(&mut source, "image/jpeg", 6, 100_000).unwrap().unwrap();
        assert_eq!(cover.width, None);
    }
}
