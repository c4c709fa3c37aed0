//! Lenses in the makers' own tags, if these contain plain text or four numbers. Ids that need
//! a table of lenses are ignored.

use super::fill::fill;
use super::ifd::{Ifd, Order, Tiff, Value};
use super::lens::{lens_info, lens_range as range};
use crate::probe::model::Photo;

/// Fills in the lens that is in the maker's note of an EXIF directory.
pub(super) fn read(tiff: &mut Tiff<'_>, exif: &Ifd, photo: &mut Photo) {
    if photo.lens_model.is_some() && photo.iso.is_some() {
        return;
    }
    let Some(note) = exif.entry(0x927c).copied().filter(|note| note.size() > Some(16)) else {
        return;
    };
    let head = tiff.up_to(note.place, 20).to_vec();
    let (order, at) = (tiff.order(), note.place);
    let own_order = |at: usize| head.get(at..).and_then(Order::of);
    if head.starts_with(b"OLYMPUS\0") {
        let mut maker = tiff.within(at, own_order(8).unwrap_or(order));
        olympus(&mut maker, 12, photo);
    } else if head.starts_with(b"OM SYSTEM\0") {
        let mut maker = tiff.within(at, own_order(12).unwrap_or(order));
        olympus(&mut maker, 16, photo);
    } else if head.starts_with(b"OLYMP\0") {
        olympus(&mut tiff.within(0, order), at.saturating_add(8), photo);
    } else if head.starts_with(b"Panasonic\0\0\0") {
        let mut maker = tiff.within(0, order);
        let Some(ifd) = maker.directory(at.saturating_add(12)) else { return };
        fill(&mut photo.lens_model, || named(maker.text(&ifd, 0x0051)));
    } else if head.starts_with(b"SONY DSC ") || head.starts_with(b"SONY CAM ") {
        let mut maker = tiff.within(0, order);
        let Some(ifd) = maker.directory(at.saturating_add(12)) else { return };
        fill(&mut photo.lens_model, || sony_lens(maker.get(&ifd, 0xb02a)?.bytes()));
    } else if head.starts_with(b"Nikon\0\x02") {
        // A complete TIFF structure of its own.
        let Some(own) = own_order(10) else { return };
        let mut maker = tiff.within(at.saturating_add(10), own);
        let Some(ifd) = maker.directory(8) else { return };
        fill(&mut photo.lens_model, || lens_info(&mut maker, &ifd, 0x0084));
    } else if photo.camera_make.as_deref().is_some_and(|make| make.starts_with("Canon")) {
        let mut maker = tiff.within(0, order);
        let Some(ifd) = maker.directory(at) else { return };
        canon(&mut maker, &ifd, photo);
    }
}

/// The settings of Canon's cameras.
const SETTINGS: u16 = 0x0001;

/// Fills in the fields that are in Canon's directory, unless a program moved it without its
/// values.
pub(super) fn canon(tiff: &mut Tiff<'_>, ifd: &Ifd, photo: &mut Photo) {
    if ifd.entry(SETTINGS).is_some() && record(tiff, ifd, SETTINGS).is_none() {
        return;
    }
    fill(&mut photo.lens_model, || named(tiff.text(ifd, 0x0095)));
    fill(&mut photo.iso, || canon_sensitivity(tiff, ifd));
}

/// The sensitivity of Canon's cameras before 2004, which is only in their own tags: the
/// number that was set or, if the camera chose it, the product of the base and a factor, both
/// in steps of 1/32.
fn canon_sensitivity(tiff: &mut Tiff<'_>, ifd: &Ifd) -> Option<u32> {
    match record(tiff, ifd, SETTINGS).and_then(|settings| settings.natural(16)) {
        Some(16) => return Some(50),
        Some(17) => return Some(100),
        Some(18) => return Some(200),
        Some(19) => return Some(400),
        Some(20) => return Some(800),
        Some(set @ 0x4001..0x8000) => return Some((set & 0x3fff) as u32),
        _ => {}
    }
    let shot = record(tiff, ifd, 0x0004)?;
    let auto = 2f64.powf(shot.number(1)? / 32.0);
    let base = 100.0 / 32.0 * 2f64.powf(shot.number(2).filter(|&base| base > 0.0)? / 32.0);
    Some((auto * base).round() as u32).filter(|iso| (1..10_000_000).contains(iso))
}

/// A record of numbers, which begins with its length in bytes. If that is wrong, a program moved
/// the note without its values, and something else is at their place.
fn record(tiff: &mut Tiff<'_>, ifd: &Ifd, tag: u16) -> Option<Value> {
    let value = tiff.get(ifd, tag)?;
    let length = value.bytes().len() as u64;
    (value.natural(0) == Some(length)).then_some(value)
}

/// Reads the lens in the directory `Equipment`.
fn olympus(tiff: &mut Tiff<'_>, at: u64, photo: &mut Photo) {
    let Some(ifd) = tiff.directory(at) else { return };
    let Some(entry) = ifd.entry(0x2010).copied() else { return };
    // The entry contains the directory itself (undefined bytes), or its place (a number).
    let place = if entry.size() > Some(4) { Some(entry.place) } else { tiff.natural(&ifd, 0x2010) };
    let Some(equipment) = place.and_then(|place| tiff.directory(place)) else { return };
    fill(&mut photo.lens_model, || named(tiff.text(&equipment, 0x0203)));
}

/// Decodes decimal digits, two per byte: flags, two focal lengths of four digits each, two
/// apertures in tenths, flags.
fn sony_lens(bytes: &[u8]) -> Option<String> {
    let &[_, s1, s0, l1, l0, wide, narrow, _] = bytes else { return None };
    let digits = |bytes: &[u8]| {
        bytes.iter().try_fold(0, |value: u32, &byte| {
            let (high, low) = (byte >> 4, byte & 15);
            (high < 10 && low < 10).then(|| value * 100 + u32::from(high * 10 + low))
        })
    };
    let focal = [digits(&[s1, s0])?, digits(&[l1, l0])?].map(f64::from);
    let aperture = [digits(&[wide])?, digits(&[narrow])?].map(|it| f64::from(it) / 10.0);
    range(Some(focal[0]), Some(focal[1]), Some(aperture[0]), Some(aperture[1]))
}

/// A name; None for dashes or zeros, which stand for an unknown lens.
fn named(text: Option<String>) -> Option<String> {
    text.filter(|name| name.chars().any(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::super::exif;
    use super::super::testing::{Directory, Value, tiff};
    use super::{Order, Photo, Tiff, canon, sony_lens};

    fn lens(make: &'static str, note: Vec<u8>) -> Option<String> {
        photo(make, note).lens_model
    }

    fn photo(make: &'static str, note: Vec<u8>) -> Photo {
        let exif: Directory = vec![(0x927c, Value::Undefined(note))];
        let main = vec![(0x010f, Value::Text(make)), (0x8769, Value::Directories(vec![exif]))];
        let mut photo = Photo::default();
        exif::read(&tiff(Order::Little, &[main]), &mut photo);
        photo
    }

    #[test]
    fn lenses_that_the_makers_note_names_are_read() {
        let equipment = vec![(0x0203, Value::Text("OLYMPUS M.12-40mm F2.8"))];
        let structure = tiff(Order::Little, &[vec![(0x2010, Value::Directories(vec![equipment]))]]);
        // Offsets count from the note, whose header is four bytes longer than TIFF's.
        let mut note = b"OLYMPUS\0II\x03\0".to_vec();
        note.extend(&structure[8..]);
        let moved = note.len() - structure.len();
        note[12 + 10] += moved as u8;
        let entry = usize::from(note[12 + 10]);
        note[entry + 10] += moved as u8;
        assert_eq!(lens("OLYMPUS", note).as_deref(), Some("OLYMPUS M.12-40mm F2.8"));

        assert_eq!(sony_lens(b"\x10\0\x18\0\x55\x35\x56\0").as_deref(), Some("18-55mm f/3.5-5.6"));
        assert_eq!(sony_lens(b"\0\0\0\0\0\0\0\0"), None);
        assert_eq!(sony_lens(b"\0\0\xff\0\0\0\0\0"), None);

        let range = Value::Rational(&[(240, 10), (700, 10), (28, 10), (40, 10)]);
        let mut note = b"Nikon\0\x02\x10\0\0".to_vec();
        note.extend(tiff(Order::Big, &[vec![(0x0084, range)]]));
        assert_eq!(lens("NIKON", note).as_deref(), Some("24-70mm f/2.8-4"));
    }

    #[test]
    fn the_sensitivity_in_canons_tags_is_read() {
        assert_eq!(canon_iso(48), Some(400));
        // Something else is at the place of the record.
        assert_eq!(canon_iso(0x4141), None);
    }

    fn canon_iso(length: u16) -> Option<u32> {
        let mut settings = [0; 24];
        settings[0] = length;
        settings[16] = 19;
        let mut bytes = tiff(Order::Little, &[vec![]]);
        // The place of the note. Its only value comes after it, at the end.
        let entry = [1, 0, 1, 0, 3, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(entry);
        let place = bytes.len() as u32;
        bytes[14 + 10..14 + 14].copy_from_slice(&place.to_le_bytes());
        bytes.extend(settings.iter().flat_map(|value: &u16| value.to_le_bytes()));
        let mut structure: &[u8] = &bytes;
        let mut tiff = Tiff::open(&mut structure).unwrap();
        let ifd = tiff.directory(14).unwrap();
        let mut photo = Photo::default();
        canon(&mut tiff, &ifd, &mut photo);
        photo.iso
    }
}
