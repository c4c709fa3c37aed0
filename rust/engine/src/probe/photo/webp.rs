//! WebP (RFC 9649): RIFF chunks. The first one contains the size, and the last ones EXIF and
//! XMP.

use super::{exif, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most chunks that are read; an animation has one per frame.
const MOST_CHUNKS: usize = 100;

/// The most bytes of a packet that are read.
const LONGEST: usize = 1024 * 1024;

/// Flags of `VP8X`: metadata follows.
const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;

/// Reads the properties of a WebP file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("webp");
    let mut photo = Photo { bit_depth: Some(8), ..Photo::default() };
    let claimed = u64::from(u32::from_le_bytes(source.array(4)?)).saturating_add(8);
    if claimed > source.len() {
        media.warn("the file is cut off");
    }
    let end = claimed.min(source.len());
    let mut packet = Vec::new();
    match chunks(source, end, &mut photo, &mut packet) {
        Err(Problem::Limit(limit)) => media.warn(limit),
        done => done?,
    }
    if photo.width.is_none() {
        media.warn("the width and height of the picture are missing");
    }
    if !packet.is_empty() {
        xmp::fill(&packet, &mut photo);
    }
    media.photo = Some(photo);
    Ok(media)
}

/// Fills in the fields that are in chunks. XMP is stored in `packet`, because EXIF must be
/// read before it.
fn chunks(
    source: &mut Source<'_>,
    end: u64,
    photo: &mut Photo,
    packet: &mut Vec<u8>,
) -> Result<()> {
    let mut position = 12;
    for _ in 0..MOST_CHUNKS {
        if position + 8 > end {
            break;
        }
        let [name @ .., s0, s1, s2, s3] = source.array::<8>(position)?;
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
            // Without VP8X, nothing follows the picture.
            b"VP8 " if photo.width.is_none() => {
                lossy_size(source.up_to(start, 10)?, photo);
                break;
            }
            b"VP8L" if photo.width.is_none() => {
                lossless_size(source.up_to(start, 5)?, photo);
                break;
            }
            b"EXIF" => {
                let data = source.up_to(start, LONGEST.min(size as usize))?;
                exif::read(data.strip_prefix(b"Exif\0\0").unwrap_or(data), photo);
            }
            b"XMP " => *packet = source.up_to(start, LONGEST.min(size as usize))?.to_vec(),
            _ => {}
        }
        // Chunks are padded to an even length.
        position = start + u64::from(size) + u64::from(size % 2);
    }
    Ok(())
}

/// Reads the header of a VP8 key frame (RFC 6386, 9.1): 14 bits each for width and height,
/// then scaling.
fn lossy_size(head: &[u8], photo: &mut Photo) {
    if let &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = head {
        photo.width = Some(u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff));
        photo.height = Some(u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff));
    }
}

/// Reads the header of VP8L: 14 bits each for width and height, minus one.
fn lossless_size(head: &[u8], photo: &mut Photo) {
    if let &[0x2f, b0, b1, b2, b3] = head {
        let bits = u32::from_le_bytes([b0, b1, b2, b3]);
        photo.width = Some((bits & 0x3fff) + 1);
        photo.height = Some((bits >> 14 & 0x3fff) + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, assert_damage_is_survived, assert_is_camera, probe_photo};

    fn file(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (name, data) in chunks {
            body.extend(*name);
            body.extend((data.len() as u32).to_le_bytes());
            body.extend(data);
            body.resize(body.len().next_multiple_of(2), 0);
        }
        [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
    }

    fn extended() -> Vec<u8> {
        let packet = testing::packet("xmp:Rating='4'", "");
        file(&[
            (b"VP8X", vec![0x0c, 0, 0, 0, 0x3f, 1, 0, 199, 0, 0]),
            (b"VP8 ", vec![0; 11]),
            (b"EXIF", testing::exif()),
            (b"XMP ", packet.into_bytes()),
        ])
    }

    #[test]
    fn all_three_kinds_contain_the_size() {
        let lossy = vec![0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 200, 0];
        let lossless = vec![0x2f, 0x3f, 0xc1, 0x31, 0];
        for chunks in [vec![(b"VP8 ", lossy)], vec![(b"VP8L", lossless)]] {
            let (media, photo) = probe_photo(&file(&chunks));
            assert_eq!((photo.width, photo.height), (Some(320), Some(200)));
            assert!(media.warnings.is_empty());
        }
        let (_, photo) = probe_photo(&extended());
        assert_eq!((photo.width, photo.height), (Some(320), Some(200)));
        assert_eq!(photo.rating, Some(4));
        assert_is_camera(&photo);
    }

    #[test]
    fn a_file_that_is_cut_off_has_metadata() {
        let bytes = extended();
        let (media, photo) = probe_photo(&bytes[..60]);
        assert_eq!(photo.width, Some(320));
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        assert_damage_is_survived(&extended());
    }
}
