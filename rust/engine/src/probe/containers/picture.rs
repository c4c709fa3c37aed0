//! Cover pictures: attachments whose first bytes contain their size.

use crate::probe::codec::bits::be16;
use crate::probe::codec::bits::be32;
use crate::probe::model::{Name, Track, TrackType};

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

fn by_content(image: &[u8]) -> Option<&'static str> {
    if image.starts_with(b"\xff\xd8\xff") {
        Some("mjpeg")
    } else if image.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("png")
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
        _ => None,
    }
}

/// The size in the frame header, before which there are tables and metadata.
fn jpeg_size(image: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    for _ in 0..64 {
        let (&mark, &kind) = (image.get(at)?, image.get(at + 1)?);
        if mark != 0xff {
            return None;
        }
        if matches!(kind, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) {
            return Some((be16(image, at + 7)?.into(), be16(image, at + 5)?.into()));
        }
        at += if kind == 0xff { 1 } else { 2 + usize::from(be16(image, at + 2)?) };
    }
    None
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
    }
}
