//! Canon's CR3: TIFF structures in a box inside `moov`.

use super::boxes::{BoxAt, children, content};
use crate::probe::model::{Media, Photo};
use crate::probe::photo::exif::{self, Part};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The UUID of Canon's box.
const CANON: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";

/// The longest TIFF structure that is read.
const LONGEST: usize = 256 * 1024;

/// Reads the structures: `CMT1` is the main directory, `CMT2` EXIF's, `CMT3` the maker's, and
/// `CMT4` that of the GPS.
pub fn read(source: &mut Source<'_>, moov: &BoxAt, media: &mut Media) -> Result<()> {
    let mut photo = Photo::default();
    for found in children(source, moov)? {
        if &found.kind != b"uuid" || content(source, &found, 16)? != CANON {
            continue;
        }
        let inner = BoxAt { content: (found.content + 16).min(found.end), ..found };
        for found in children(source, &inner)? {
            let part = match &found.kind {
                b"CMT1" => Part::Ifd0,
                b"CMT2" => Part::Exif,
                b"CMT3" => Part::CanonMakerNote,
                b"CMT4" => Part::Gps,
                _ => continue,
            };
            let tiff = content(source, &found, LONGEST)?;
            if part == Part::Ifd0 {
                photo.width = natural(&tiff, 0x0100);
                photo.height = natural(&tiff, 0x0101);
            }
            exif::read_part(&tiff, part, &mut photo);
        }
    }
    media.photo = Some(photo);
    Ok(())
}

/// A number in the first directory of a TIFF structure.
fn natural(tiff: &[u8], wanted: u16) -> Option<u32> {
    let is_little = tiff.starts_with(b"II");
    let bytes = |at: usize, length: usize| tiff.get(at..at.checked_add(length)?);
    let short = |at: usize| {
        let bytes = bytes(at, 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = bytes(at, 4)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let count = short(directory)?;
    for entry in 0..usize::from(count) {
        let at = directory.checked_add(2 + entry * 12)?;
        if short(at)? == wanted {
            return match short(at + 2)? {
                3 => short(at + 8).map(u32::from),
                4 => long(at + 8),
                _ => None,
            };
        }
    }
    None
}

#[cfg(test)]
mod unit {
    use super::natural;

    #[test]
    fn numbers_of_a_directory_are_found_in_both_byte_orders() {
        let little = b"II*\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x70\x17\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x01\0\x04\0\0\0\x01\0\0\x0f\xa0";
        assert_eq!(natural(little, 0x100), Some(6000));
        assert_eq!(natural(big, 0x101), Some(4000));
        assert_eq!(natural(big, 0x100), None);
        assert_eq!(natural(b"II*\0\xff\xff\xff\xff", 0x100), None);
    }
}
