//! WebP (RFC 9649): RIFF chunks, of which the first says the size and the last
//! are EXIF and XMP.

use super::{exif, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// Chunks that are looked at: an animation has one a frame.
const MOST_CHUNKS: usize = 100;

/// What is read of a packet.
const LONGEST: usize = 1024 * 1024;

/// Flags of `VP8X`: metadata follows.
const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;

/// Reads what the file says of itself.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("webp");
    let mut photo = Photo { bit_depth: Some(8), ..Photo::default() };
    let claimed = u64::from(u32::from_le_bytes(source.array(4)?)).saturating_add(8);
    if claimed > source.len() {
        media.warn("it ends before it should");
    }
    let end = claimed.min(source.len());
    let mut packet = Vec::new();
    let mut position = 12;
    for _ in 0..MOST_CHUNKS {
        if position + 8 > end {
            break;
        }
        let header = match source.array::<8>(position) {
            Err(Problem::Limit(limit)) => {
                media.warn(limit);
                break;
            }
            header => header?,
        };
        let [name @ .., s0, s1, s2, s3] = header;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        let start = position + 8;
        match &name {
            b"VP8X" => {
                let head = source.up_to(start, 10)?;
                if let &[flags, _, _, _, w0, w1, w2, h0, h1, h2] = head {
                    photo.width = Some(u32::from_le_bytes([w0, w1, w2, 0]) + 1);
                    photo.height = Some(u32::from_le_bytes([h0, h1, h2, 0]) + 1);
                    if flags & (HAS_XMP | HAS_EXIF) == 0 {
                        break;
                    }
                }
            }
            // Without VP8X nothing follows the picture.
            b"VP8 " if photo.width.is_none() => {
                lossy_size(source.up_to(start, 10)?, &mut photo);
                break;
            }
            b"VP8L" if photo.width.is_none() => {
                lossless_size(source.up_to(start, 5)?, &mut photo);
                break;
            }
            b"EXIF" => {
                let data = source.up_to(start, LONGEST.min(size as usize))?;
                exif::read(data.strip_prefix(b"Exif\0\0").unwrap_or(data), &mut photo);
            }
            b"XMP " => packet = source.up_to(start, LONGEST.min(size as usize))?.to_vec(),
            _ => {}
        }
        // Chunks are padded to an even length.
        position = start + u64::from(size) + u64::from(size % 2);
    }
    if photo.width.is_none() {
        media.warn("the picture has no size");
    }
    if !packet.is_empty() {
        xmp::fill(&packet, &mut photo);
    }
    media.photo = Some(photo);
    Ok(media)
}

/// The header of a key frame of VP8 (RFC 6386, 9.1): 14 bits each, then scaling.
fn lossy_size(head: &[u8], photo: &mut Photo) {
    if let &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = head {
        photo.width = Some(u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff));
        photo.height = Some(u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff));
    }
}

/// The header of VP8L: 14 bits each, less one.
fn lossless_size(head: &[u8], photo: &mut Photo) {
    if let &[0x2f, b0, b1, b2, b3] = head {
        let bits = u32::from_le_bytes([b0, b1, b2, b3]);
        photo.width = Some((bits & 0x3fff) + 1);
        photo.height = Some((bits >> 14 & 0x3fff) + 1);
    }
}
