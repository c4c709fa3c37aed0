//! Canon's CR3: TIFF structures in a box of `moov`.

use super::boxes::{BoxAt, children, content};
use crate::probe::model::{Media, Photo};
use crate::probe::photo::exif::{self, Part};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The box that Canon's are in.
const CANON: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";

/// What a camera writes about a picture is no longer than this.
const LONGEST: usize = 256 * 1024;

/// Reads the structures: `CMT1` is what is the first directory elsewhere,
/// `CMT2` Exif's, `CMT3` the maker's, `CMT4` that of the place.
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
            exif::read_part(&tiff, part, &mut photo);
        }
    }
    media.photo = Some(photo);
    Ok(())
}
