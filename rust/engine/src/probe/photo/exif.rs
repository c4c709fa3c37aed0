//! EXIF (CIPA DC-008): the metadata that cameras write, in a TIFF structure.
//!
//! Fields that are already set are not replaced. So callers read the sources in the order in
//! which they trust them: EXIF, XMP, IPTC.

use super::fill::{add_keywords, fill, positive, rating};
use super::ifd::{Ifd, Tiff};
use super::lens::lens_info;
use super::xmp::number;
use super::{date, makernote};
use crate::probe::model::Photo;

/// The kind of directory in a TIFF structure that has only one, as in CR3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The main directory, which may refer to the others.
    Ifd0,
    /// The EXIF directory.
    Exif,
    /// Canon's own tags.
    CanonMakerNote,
    /// The GPS directory.
    Gps,
}

/// Fills in the fields that are in a TIFF structure, which begins with `II` or `MM`. Damaged
/// parts are ignored.
pub fn read(tiff: &[u8], photo: &mut Photo) {
    read_part(tiff, Part::Ifd0, photo);
}

/// Fills in the fields that are in a TIFF structure whose first directory is `part`.
pub fn read_part(tiff: &[u8], part: Part, photo: &mut Photo) {
    let mut bytes = tiff;
    let Some(mut tiff) = Tiff::open(&mut bytes) else { return };
    let Some(ifd) = tiff.directory(tiff.first) else { return };
    match part {
        Part::Ifd0 => main_directory(&mut tiff, &ifd, photo),
        Part::Exif => exif_directory(&mut tiff, &ifd, photo),
        Part::CanonMakerNote => makernote::canon(&mut tiff, &ifd, photo),
        Part::Gps => gps_directory(&mut tiff, &ifd, photo),
    }
}

/// Fills in the fields that are in a main directory, and in the directories to which it
/// refers.
pub(super) fn main_directory(tiff: &mut Tiff<'_>, ifd: &Ifd, photo: &mut Photo) {
    fill(&mut photo.camera_make, || tiff.text(ifd, 0x010f));
    fill(&mut photo.camera_model, || tiff.text(ifd, 0x0110));
    fill(&mut photo.orientation, || small(tiff.natural(ifd, 0x0112)));
    fill(&mut photo.software, || tiff.text(ifd, 0x0131));
    fill(&mut photo.artist, || tiff.text(ifd, 0x013b));
    fill(&mut photo.description, || tiff.text(ifd, 0x010e));
    fill(&mut photo.copyright, || copyright(tiff, ifd));
    fill(&mut photo.rating, || rating(tiff.number(ifd, 0x4746)?));
    let exif = tiff.natural(ifd, 0x8769).and_then(|offset| tiff.directory(offset));
    if let Some(exif) = &exif {
        exif_directory(tiff, exif, photo);
    }
    // Cameras before EXIF 2, TIFF/EP and DNG have these fields in the main directory.
    exif_directory(tiff, ifd, photo);
    if let Some(gps) = tiff.natural(ifd, 0x8825).and_then(|offset| tiff.directory(offset)) {
        gps_directory(tiff, &gps, photo);
    }
    if let Some(words) = tiff.get(ifd, 0x9c9e).and_then(|value| value.wide_text()) {
        add_keywords(photo, words.split(';'));
    }
    fill(&mut photo.artist, || tiff.get(ifd, 0x9c9d)?.wide_text());
    fill(&mut photo.description, || tiff.get(ifd, 0x9c9c)?.wide_text());
    fill(&mut photo.lens_model, || lens_info(tiff, ifd, 0xc630));
    if let Some(exif) = &exif {
        fill(&mut photo.lens_model, || lens_info(tiff, exif, 0xa432));
    }
}

fn exif_directory(tiff: &mut Tiff<'_>, ifd: &Ifd, photo: &mut Photo) {
    if photo.taken_at.is_none() {
        // The time when the photo was taken or, if that is missing, digitised.
        for (tag, fraction, offset) in [(0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012)] {
            let Some(mut date) = tiff.text(ifd, tag).and_then(|text| date::parse(&text)) else {
                continue;
            };
            if let Some(digits) = tiff.text(ifd, fraction) {
                date.add_fraction(&digits);
            }
            if let Some(offset) = tiff.text(ifd, offset) {
                date.add_offset(&offset);
            }
            date.fill(photo);
            break;
        }
    }
    fill(&mut photo.exposure_seconds, || positive(measured(tiff, ifd, 0x829a)));
    fill(&mut photo.exposure_seconds, || Some(0.5f64.powf(tiff.number(ifd, 0x9201)?)));
    fill(&mut photo.f_number, || positive(measured(tiff, ifd, 0x829d)));
    fill(&mut photo.f_number, || Some(2f64.powf(measured(tiff, ifd, 0x9202)? / 2.0)));
    fill(&mut photo.iso, || sensitivity(tiff, ifd));
    fill(&mut photo.focal_length, || positive(measured(tiff, ifd, 0x920a)));
    fill(&mut photo.focal_length_35mm, || positive(measured(tiff, ifd, 0xa405)));
    fill(&mut photo.flash, || Some(measured(tiff, ifd, 0x9209)? as u64 & 1 != 0));
    fill(&mut photo.lens_make, || tiff.text(ifd, 0xa433));
    fill(&mut photo.lens_model, || lens_model(tiff, ifd));
    makernote::read(tiff, ifd, photo);
}

/// A number; None if all its bits are set, which stands for an unknown value.
fn measured(tiff: &mut Tiff<'_>, ifd: &Ifd, tag: u16) -> Option<f64> {
    tiff.get(ifd, tag)?.measured(0)
}

/// The lens model. Cameras write `----` or similar if the lens did not report its name.
fn lens_model(tiff: &mut Tiff<'_>, ifd: &Ifd) -> Option<String> {
    tiff.text(ifd, 0xa434).filter(|text| text.chars().any(char::is_alphanumeric))
}

/// The sensitivity in EXIF 2.3. The old tag is 65535 if the value does not fit into it, and any
/// of them may have all bits set if it is unknown.
fn sensitivity(tiff: &mut Tiff<'_>, ifd: &Ifd) -> Option<u32> {
    // Also the recommended exposure index, standard output sensitivity, and ISO speed.
    [0x8827, 0x8832, 0x8831, 0x8833].into_iter().find_map(|tag| {
        let value = tiff.natural(ifd, tag).filter(|&it| it > 0 && it != 65535)?;
        u32::try_from(value).ok().filter(|&it| it != u32::MAX)
    })
}

fn gps_directory(tiff: &mut Tiff<'_>, ifd: &Ifd, photo: &mut Photo) {
    let latitude = degrees(tiff, ifd, 2, 1, "S");
    let longitude = degrees(tiff, ifd, 4, 3, "W");
    if photo.latitude.is_none() && photo.longitude.is_none() {
        (photo.latitude, photo.longitude) = (latitude, longitude);
    }
    fill(&mut photo.altitude, || {
        let altitude = measured(tiff, ifd, 6)?;
        let below = tiff.get(ifd, 5).is_some_and(|it| matches!(it.bytes().first(), Some(1 | b'1')));
        Some(if below { -altitude } else { altitude })
    });
}

/// Degrees, minutes and seconds. Minutes and seconds may be missing or 0/0.
fn degrees(tiff: &mut Tiff<'_>, ifd: &Ifd, tag: u16, side_tag: u16, minus: &str) -> Option<f64> {
    let value = tiff.get(ifd, tag)?;
    let mut side = tiff.text(ifd, side_tag).unwrap_or_default();
    let parts = match value.text().filter(|_| value.is_text()) {
        Some(text) => {
            let letter = |it: &char| matches!(it, 'N' | 'S' | 'E' | 'W' | 'n' | 's' | 'e' | 'w');
            if side.is_empty() {
                side.extend(text.chars().find(letter));
            }
            numbers_in(&text)
        }
        None => (0..3).map(|index| value.measured(index)).collect(),
    };
    let part = |index: usize| parts.get(index).copied().flatten();
    let degrees = part(0)? + part(1).unwrap_or(0.0) / 60.0 + part(2).unwrap_or(0.0) / 3600.0;
    let negative = side.get(..1).is_some_and(|first| first.eq_ignore_ascii_case(minus));
    Some(if negative { -degrees.abs() } else { degrees })
}

/// The numbers in a text such as `10 deg 50' 34.01"` or `10/1, 50/1, 3401/100`. Where commas
/// divide it into six parts, each second comma is a decimal one: `10,00000,50,00000,34,01180`.
fn numbers_in(text: &str) -> Vec<Option<f64>> {
    let commas: Vec<&str> = text.split(',').map(str::trim).collect();
    if let [_, _, _, _, _, _] = commas[..]
        && commas.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let pairs = commas.chunks_exact(2).map(|pair| format!("{}.{}", pair[0], pair[1]));
        return pairs.map(|number| number.parse().ok()).collect();
    }
    let is_part = |it: char| it.is_ascii_digit() || matches!(it, '.' | '/' | '-');
    let parts = text.split(|it| !is_part(it)).filter(|part| !part.is_empty());
    parts.take(3).map(number).collect()
}

/// The photographer's and the editor's copyright, one per line.
fn copyright(tiff: &mut Tiff<'_>, ifd: &Ifd) -> Option<String> {
    let value = tiff.get(ifd, 0x8298)?;
    let text = String::from_utf8_lossy(value.bytes()).into_owned();
    let owners: Vec<&str> =
        text.split('\0').map(str::trim).filter(|owner| !owner.is_empty()).take(2).collect();
    Some(owners.join("\n")).filter(|it| !it.is_empty())
}

fn small(value: Option<u64>) -> Option<u8> {
    value.filter(|it| (1..=8).contains(it)).map(|it| it as u8)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, Value, assert_is_camera, tiff};
    use super::*;
    use crate::probe::photo::ifd::Order;

    fn photo(directory: testing::Directory) -> Photo {
        let mut photo = Photo::default();
        read(&tiff(Order::Big, &[directory]), &mut photo);
        photo
    }

    fn exif_photo(directory: testing::Directory) -> Photo {
        photo(vec![(0x8769, Value::Directories(vec![directory]))])
    }

    #[test]
    fn the_fields_of_a_camera_are_read_in_both_byte_orders() {
        for order in [Order::Little, Order::Big] {
            let mut photo = Photo::default();
            read(&tiff(order, &[testing::camera()]), &mut photo);
            assert_is_camera(&photo);
        }
    }

    #[test]
    fn separate_directories_are_read_as_parts() {
        let mut photo = Photo::default();
        let note = tiff(Order::Little, &[vec![(0x0095, Value::Text("RF50mm F1.2 L USM"))]]);
        read_part(&note, Part::CanonMakerNote, &mut photo);
        let gps = vec![
            (2, Value::Rational(&[(1, 1), (30, 1), (0, 1)])),
            (4, Value::Rational(&[(2, 1), (0, 1), (0, 1)])),
        ];
        read_part(&tiff(Order::Little, &[gps]), Part::Gps, &mut photo);
        let exif = vec![(0x9004, Value::Text("2020:01:02 03:04:05"))];
        read_part(&tiff(Order::Little, &[exif]), Part::Exif, &mut photo);
        assert_eq!(photo.lens_model.as_deref(), Some("RF50mm F1.2 L USM"));
        assert_eq!((photo.latitude, photo.longitude), (Some(1.5), Some(2.0)));
        assert_eq!(photo.taken_at.as_deref(), Some("2020-01-02T03:04:05"));
    }

    #[test]
    fn dates_that_were_not_set_are_ignored() {
        for text in ["0000:00:00 00:00:00", "    :  :     :  :  ", "", "2019:13:01 00:00:00", "now"]
        {
            let photo = exif_photo(vec![(0x9003, Value::Text(text))]);
            assert_eq!(photo.taken_at, None, "{text}");
        }
        let both = vec![
            (0x9003, Value::Text("0000:00:00 00:00:00")),
            (0x9004, Value::Text("2001:02:03 04:05:06")),
            (0x9292, Value::Text("7")),
        ];
        let photo = exif_photo(both);
        assert_eq!(photo.taken_at.as_deref(), Some("2001-02-03T04:05:06.7"));
    }

    #[test]
    fn sensitivities_above_65534_are_in_the_newer_tag() {
        let new = vec![(0x8827, Value::Short(&[65535])), (0x8832, Value::Long(&[102_400]))];
        assert_eq!(exif_photo(new).iso, Some(102_400));
        let old = vec![(0x8827, Value::Short(&[100])), (0x8832, Value::Long(&[125]))];
        assert_eq!(exif_photo(old).iso, Some(100));
    }

    #[test]
    fn zeros_and_zero_denominators_are_not_values() {
        let photo = exif_photo(vec![
            (0x829a, Value::Rational(&[(1, 0)])),
            (0x829d, Value::Rational(&[(0, 1)])),
            (0x920a, Value::Rational(&[(0, 0)])),
            (0xa405, Value::Short(&[0])),
            (0xa434, Value::Text("----")),
        ]);
        assert_eq!(photo, Photo::default());
    }

    #[test]
    fn exposures_are_also_read_from_logarithms() {
        let photo = exif_photo(vec![
            (0x9201, Value::Rational(&[(3, 1)])),
            (0x9202, Value::Rational(&[(4, 1)])),
        ]);
        assert_eq!((photo.exposure_seconds, photo.f_number), (Some(0.125), Some(4.0)));
    }

    #[test]
    fn a_lens_without_a_name_is_described_by_its_range() {
        let exif = vec![(0xa432, Value::Rational(&[(24, 1), (70, 1), (28, 10), (28, 10)]))];
        assert_eq!(exif_photo(exif).lens_model.as_deref(), Some("24-70mm f/2.8"));
        let dng = vec![(0xc630, Value::Rational(&[(50, 1), (50, 1), (0, 0), (0, 0)]))];
        assert_eq!(photo(dng).lens_model.as_deref(), Some("50mm"));
    }

    #[test]
    fn the_tags_of_windows_are_read() {
        let wide = |text: &str| {
            Value::Undefined(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect())
        };
        let photo = photo(vec![
            (0x4746, Value::Short(&[4])),
            (0x8298, Value::Text("Ann \0 Bob")),
            (0x9c9d, wide("J\u{f6}rg")),
            (0x9c9e, wide("sea;sun; sea")),
        ]);
        assert_eq!(photo.rating, Some(4));
        assert_eq!(photo.copyright.as_deref(), Some("Ann\nBob"));
        assert_eq!(photo.artist.as_deref(), Some("J\u{f6}rg"));
        assert_eq!(photo.keywords, ["sea", "sun"]);
    }

    #[test]
    fn values_beyond_the_end_and_circles_are_ignored() {
        let mut bytes = tiff(Order::Big, &[vec![(0x010f, Value::Text("Acme Corporation"))]]);
        bytes.truncate(bytes.len() - 1);
        let mut photo = Photo::default();
        read(&bytes, &mut photo);
        assert_eq!(photo, Photo::default());
        // The EXIF, GPS and next directories are all the main directory.
        let circle = vec![(0x8769, Value::Long(&[8])), (0x8825, Value::Long(&[8]))];
        let mut bytes = tiff(Order::Big, &[circle]);
        let next = bytes.len() - 1;
        bytes[next] = 8;
        read(&bytes, &mut photo);
        assert_eq!(photo, Photo::default());
    }
}
