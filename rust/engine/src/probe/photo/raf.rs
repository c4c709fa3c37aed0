//! RAF, Fujifilm's raw format: a header with the place of a JPEG that contains EXIF, and a
//! directory of Fujifilm's own with the size of the raw image.

use super::ifd::{Bytes, Windows};
use super::jpeg;
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// Where the header contains the places of the JPEG and of the directory, each as an offset
/// and a length.
const PLACES: u64 = 84;

/// No directory has more entries unless it is malicious.
const MOST_ENTRIES: u32 = 255;

/// Reads the properties of a RAF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("raf");
    let mut photo = Photo::default();
    let places = source.array::<16>(PLACES)?;
    let place = |at: usize| u64::from(number(&places, at));
    let (picture, directory) = (place(0), place(8));
    if picture == 0 || picture >= source.len() {
        return Err(Problem::damaged("the file contains no picture"));
    }
    let mut bytes = Windows::new(source, picture);
    for warning in jpeg::read_picture(&mut bytes, &mut photo) {
        media.warn(warning);
    }
    let problem = bytes.problem.take();
    let mut bytes = Windows::new(source, 0);
    if let Some((width, height)) = raw_size(&mut bytes, directory) {
        (photo.width, photo.height) = (Some(width), Some(height));
    }
    match problem.or(bytes.problem) {
        Some(problem @ (Problem::Io(_) | Problem::Panic(_))) => return Err(problem),
        Some(problem) => media.warn(problem.to_string()),
        None => {}
    }
    media.photo = Some(photo);
    Ok(media)
}

/// The size of the raw image without its borders or, if that is missing, with them.
fn raw_size(bytes: &mut dyn Bytes, directory: u64) -> Option<(u32, u32)> {
    if directory == 0 {
        return None;
    }
    let count = number(bytes.up_to(directory, 4).get(..4)?, 0).min(MOST_ENTRIES);
    let mut place = directory + 4;
    let mut full = None;
    for _ in 0..count {
        let &[t1, t0, s1, s0, ref data @ ..] = bytes.up_to(place, 8) else { break };
        let size = u16::from_be_bytes([s1, s0]);
        if let &[h1, h0, w1, w0] = data {
            let height = u32::from(u16::from_be_bytes([h1, h0]));
            let width = u32::from(u16::from_be_bytes([w1, w0]));
            match u16::from_be_bytes([t1, t0]) {
                0x0111 if width > 0 && height > 0 => return Some((width, height)),
                0x0100 if width > 0 && height > 0 => full = Some((width, height)),
                _ => {}
            }
        }
        place += 4 + u64::from(size);
    }
    full
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..at + 4).and_then(|it| it.try_into().ok());
    bytes.map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_damage_is_survived, assert_is_camera, exif, probe_photo};

    fn file() -> Vec<u8> {
        let exif = [b"Exif\0\0", &exif()[..]].concat();
        let mut picture = vec![0xff, 0xd8, 0xff, 0xe1];
        picture.extend((exif.len() as u16 + 2).to_be_bytes());
        picture.extend(exif);
        picture.extend(b"\xff\xc0\0\x0b\x08\0\x0a\0\x14\x01\x01\x11\0\xff\xda\0\x02\xff\xd9");
        let mut directory = 2_u32.to_be_bytes().to_vec();
        directory.extend([1, 0, 0, 4, 0x0c, 0xe0, 0x13, 0x46]);
        directory.extend([1, 0x11, 0, 4, 0x0c, 0xc0, 0x13, 0x20]);
        let mut bytes = b"FUJIFILMCCD-RAW 0201FF383501X-T1".to_vec();
        bytes.resize(84, 0);
        let (start, length) = (100_u32, picture.len() as u32);
        for number in [start, length, start + length, directory.len() as u32] {
            bytes.extend(number.to_be_bytes());
        }
        [bytes, picture, directory].concat()
    }

    #[test]
    fn the_size_is_that_of_the_raw_picture_and_the_rest_is_in_the_jpeg() {
        let (media, photo) = probe_photo(&file());
        assert_eq!(media.container, "raf");
        assert_eq!((photo.width, photo.height), (Some(4896), Some(3264)));
        assert_is_camera(&photo);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        assert_damage_is_survived(&file());
    }
}
