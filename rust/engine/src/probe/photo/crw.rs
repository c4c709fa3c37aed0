//! CRW, the raw format of Canon's first digital cameras (CIFF, version 1.0): heaps, each of which
//! has its directory at its end.

use crate::probe::codec::bits::{le16, le32};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use crate::probe::text::latin1;

/// No file has more heaps, deeper ones or more entries unless it is malicious.
const MOST_HEAPS: usize = 32;
const DEEPEST: u8 = 4;
const MOST_ENTRIES: u16 = 256;

/// The most bytes of a value that are read.
const VALUE: usize = 4096;

/// The types of entries, which are a part of the tag.
const STORAGE: u16 = 0xc000;
const IN_DIRECTORY: u16 = 0x4000;
const KIND: u16 = 0x3800;
const HEAP_1: u16 = 0x2800;
const HEAP_2: u16 = 0x3000;

const SECONDS_PER_DAY: i64 = 86_400;

/// Reads the properties of a CRW file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("crw");
    let mut photo = Photo::default();
    let start = u64::from(u32::from_le_bytes(source.array(2)?));
    let mut heaps = vec![(start, source.len(), 0)];
    let mut at = 0;
    let mut is_cut = false;
    while let Some(&(start, end, depth)) = heaps.get(at) {
        at += 1;
        let Some(entries) = directory(source, start, end)? else {
            is_cut = true;
            continue;
        };
        for entry in entries.chunks_exact(10) {
            let tag = le16(entry, 0).unwrap_or(0);
            if tag & STORAGE == IN_DIRECTORY {
                apply(tag & !STORAGE, &entry[2..], &mut photo);
                continue;
            }
            let size = u64::from(le32(entry, 2).unwrap_or(0));
            let place = start + u64::from(le32(entry, 6).unwrap_or(0));
            if place + size > end {
                is_cut = true;
            } else if matches!(tag & KIND, HEAP_1 | HEAP_2) {
                if heaps.len() < MOST_HEAPS && depth < DEEPEST {
                    heaps.push((place, place + size, depth + 1));
                }
            } else if is_known(tag) {
                let value = source.up_to(place, (size as usize).min(VALUE))?;
                apply(tag & !STORAGE, value, &mut photo);
            }
        }
    }
    if is_cut {
        media.warn("the file is cut off or damaged");
    }
    if photo == Photo::default() {
        return Err(Problem::damaged("the directory of the properties is missing"));
    }
    media.photo = Some(photo);
    Ok(media)
}

/// The entries of a heap's directory, whose place is in the heap's last four bytes.
fn directory(source: &mut Source<'_>, start: u64, end: u64) -> Result<Option<Vec<u8>>> {
    let Some(last) = end.checked_sub(4).filter(|last| *last > start) else { return Ok(None) };
    let place = start + u64::from(u32::from_le_bytes(source.array(last)?));
    let Some(count) = le16(source.up_to(place, 2)?, 0).filter(|_| place < last) else {
        return Ok(None);
    };
    let length = usize::from(count.min(MOST_ENTRIES)) * 10;
    let entries = source.up_to(place + 2, length)?;
    Ok((entries.len() == length && count <= MOST_ENTRIES).then(|| entries.to_vec()))
}

fn is_known(tag: u16) -> bool {
    matches!(tag, 0x080a | 0x101c | 0x1029 | 0x102a | 0x180e | 0x1810 | 0x1818)
}

fn apply(tag: u16, value: &[u8], photo: &mut Photo) {
    match tag {
        0x080a => {
            let mut texts = value.split(|&byte| byte == 0).map(latin1);
            (photo.camera_make, photo.camera_model) = (texts.next(), texts.next());
        }
        0x101c => photo.iso = le16(value, 0).map(u32::from).filter(|&iso| iso > 0),
        0x1029 => photo.focal_length = focal_length(value),
        0x102a => read_shot(value, photo),
        0x180e => photo.taken_at = le32(value, 0).filter(|&time| time > 0).map(date),
        0x1810 => {
            photo.width = le32(value, 0).filter(|&width| width > 0);
            photo.height = le32(value, 4).filter(|&height| height > 0);
            photo.orientation = match le32(value, 12) {
                Some(0) => Some(1),
                Some(90) => Some(6),
                Some(180) => Some(3),
                Some(270) => Some(8),
                _ => None,
            };
        }
        // The exposure as powers of two, in older files.
        0x1818 => {
            let power = |at| le32(value, at).map(|bits| f64::from(f32::from_bits(bits)));
            let exposure = power(4).map(|power| (-power).exp2());
            photo.exposure_seconds = photo.exposure_seconds.or(exposure);
            photo.f_number = photo.f_number.or(power(8).map(|power| (power / 2.0).exp2()));
        }
        _ => {}
    }
}

/// The focal length in millimetres. The first number says whether a lens has several.
fn focal_length(value: &[u8]) -> Option<f64> {
    le16(value, 2).filter(|&length| length > 0).map(f64::from)
}

/// Reads the numbers of one shot, of which some count in parts of 32 of a power of two.
fn read_shot(value: &[u8], photo: &mut Photo) {
    let number = |index: usize| le16(value, index * 2).map(u16::cast_signed);
    let nonzero = |index| number(index).filter(|&number| number != 0);
    if let Some(value) = nonzero(21) {
        photo.f_number = Some((stops(value) / 2.0).exp2());
    }
    if let Some(value) = nonzero(22) {
        photo.exposure_seconds = Some((-stops(value)).exp2());
    }
}

/// Converts to stops. Thirds of stops are rounded in files.
fn stops(value: i16) -> f64 {
    let magnitude = f64::from(value.unsigned_abs());
    let part = match value.unsigned_abs() & 0x1f {
        0x0c => 32.0 / 3.0 - 12.0,
        0x14 => 64.0 / 3.0 - 20.0,
        _ => 0.0,
    };
    (magnitude + part) / 32.0 * f64::from(value.signum())
}

/// The local time that a number of seconds since 1970 stands for.
fn date(seconds: u32) -> String {
    let (days, rest) = (i64::from(seconds) / SECONDS_PER_DAY, i64::from(seconds) % SECONDS_PER_DAY);
    // Days in years that begin in March, from the year 0 on.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_damage_is_survived, probe_photo};
    use super::*;

    /// A heap with these entries, then its directory.
    fn heap(entries: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let (mut values, mut directory) = (Vec::new(), Vec::new());
        for (tag, value) in entries {
            directory.extend(tag.to_le_bytes());
            if tag & STORAGE == IN_DIRECTORY {
                directory.extend(value);
            } else {
                directory.extend((value.len() as u32).to_le_bytes());
                directory.extend((values.len() as u32).to_le_bytes());
                values.extend(value);
            }
        }
        let place = (values.len() as u32).to_le_bytes();
        let count = (entries.len() as u16).to_le_bytes();
        [values, count.to_vec(), directory, place.to_vec()].concat()
    }

    fn numbers(all: &[u32]) -> Vec<u8> {
        all.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn file() -> Vec<u8> {
        let mut shot = vec![0; 66];
        shot[42..46].copy_from_slice(&[0x80, 0, 0xc0, 0]);
        let camera = heap(&[(0x080a, b"Canon\0Canon EOS 10D\0".to_vec())]);
        let exposure = heap(&[
            (0x180e, numbers(&[1_068_485_966, 0, 0])),
            (0x1810, numbers(&[3072, 2048, 0, 90, 8, 24, 0])),
            (0x102a, shot),
            (0x5029, [1_u16, 24, 0, 0].iter().flat_map(|number| number.to_le_bytes()).collect()),
            (0x501c, vec![200, 0, 0, 0, 0, 0, 0, 0]),
            (0x2807, camera),
        ]);
        let root = heap(&[(0x2005, vec![0; 100]), (0x300a, exposure)]);
        [b"II\x1a\0\0\0HEAPCCDR\x02\0\x01\0\0\0\0\0\0\0\0\0", &root[..]].concat()
    }

    #[test]
    fn heaps_contain_the_properties() {
        let (media, photo) = probe_photo(&file());
        assert_eq!(media.container, "crw");
        assert_eq!(photo.camera_make.as_deref(), Some("Canon"));
        assert_eq!(photo.camera_model.as_deref(), Some("Canon EOS 10D"));
        assert_eq!((photo.width, photo.height), (Some(3072), Some(2048)));
        assert_eq!(photo.taken_at.as_deref(), Some("2003-11-10T17:39:26"));
        assert_eq!((photo.orientation, photo.iso), (Some(6), Some(200)));
        assert_eq!((photo.f_number, photo.exposure_seconds), (Some(4.0), Some(1.0 / 64.0)));
        assert_eq!(photo.focal_length, Some(24.0));
        assert!(media.warnings.is_empty());
    }

    #[test]
    fn thirds_of_stops_are_exact() {
        for (value, stops_of_it) in
            [(0x20, 1.0), (0x0c, 1.0 / 3.0), (0x34, 5.0 / 3.0), (-0x20, -1.0)]
        {
            assert!((stops(value) - stops_of_it).abs() < 1e-9);
        }
    }

    #[test]
    fn seconds_become_dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00");
        assert_eq!(date(4_102_444_799), "2099-12-31T23:59:59");
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        assert_damage_is_survived(&file());
    }
}
