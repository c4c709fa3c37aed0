//! TIFF 6.0, BigTIFF, and the raw formats that are based on them.
//!
//! A file has several directories: the picture, previews and masks. Which one is the picture,
//! and which container the file has, is decided by the directories alone.

use super::ifd::{Bytes, Ifd, Tiff, Windows};
use super::{exif, fill, iptc, jpeg, makernote, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most pictures in a file that are read: the first one, and those that raw formats add.
const MOST_PICTURES: usize = 16;

/// The most bytes of an embedded packet that are read.
const LONGEST: usize = 1024 * 1024;

/// The photometric interpretation of raw sensor data: a colour filter array.
const COLOR_FILTER_ARRAY: u64 = 32803;

/// Reads the properties of a TIFF file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("tiff");
    let mut bytes = Windows::new(source, 0);
    let known = read_structure(&mut bytes, &mut media);
    match bytes.problem {
        Some(problem @ (Problem::Io(_) | Problem::Panic(_))) => return Err(problem),
        Some(problem) => media.warn(problem.to_string()),
        None if known.is_none() => {
            return Err(Problem::damaged("the file contains no image directory (IFD)"));
        }
        None => {}
    }
    Ok(media)
}

fn read_structure(bytes: &mut dyn Bytes, media: &mut Media) -> Option<()> {
    let length = bytes.len();
    let head = bytes.up_to(0, 16).to_vec();
    let mut photo = Photo::default();
    let mut tiff = Tiff::open(bytes)?;
    let main = tiff.directory(tiff.first)?;
    if main.is_empty() {
        return None;
    }
    exif::main_directory(&mut tiff, &main, &mut photo);
    let pictures = pictures(&mut tiff, main.clone());
    media.container = container(&mut tiff, &head, &pictures, &photo).into();
    if head.starts_with(b"IIU\0") {
        panasonic(&mut tiff, &main, &mut photo);
    }
    if media.container == "cr2" {
        // The raw directory includes the sensor's borders; EXIF has the size that is shown.
        let exif = tiff.natural(&main, 0x8769).and_then(|offset| tiff.directory(offset));
        if let Some(exif) = exif {
            let size = (natural(&mut tiff, &exif, 0xa002), natural(&mut tiff, &exif, 0xa003));
            if let (Some(width), Some(height)) = size {
                (photo.width, photo.height) = (Some(width), Some(height));
            }
        }
    }
    if photo.width.is_none() {
        size(&mut tiff, &pictures, &mut photo);
    }
    packets(&mut tiff, &main, &mut photo);
    if is_cut_off(&mut tiff, &pictures, length) {
        media.warn("the file is cut off within its picture");
    }
    media.photo = Some(photo);
    Some(())
}

/// The main directory, the directories inside it, and the ones after it.
fn pictures(tiff: &mut Tiff<'_>, main: Ifd) -> Vec<Ifd> {
    let mut pictures: Vec<Ifd> = Vec::new();
    let mut seen = vec![tiff.first];
    let mut next = Some(main);
    while let Some(picture) = next.take() {
        let within = tiff.get(&picture, 0x014a);
        let following = picture.next;
        pictures.push(picture);
        let offsets = (0..MOST_PICTURES).map_while(|index| within.as_ref()?.natural(index));
        for offset in offsets {
            if pictures.len() < MOST_PICTURES && !seen.contains(&offset) {
                seen.push(offset);
                pictures.extend(tiff.directory(offset));
            }
        }
        if pictures.len() < MOST_PICTURES && following != 0 && !seen.contains(&following) {
            seen.push(following);
            next = tiff.directory(following);
        }
    }
    pictures
}

/// Sets the size of the picture that is marked as the full one, or else of the first one.
fn size(tiff: &mut Tiff<'_>, pictures: &[Ifd], photo: &mut Photo) {
    let mut first = None;
    for picture in pictures {
        let (Some(width), Some(height)) =
            (natural(tiff, picture, 0x0100), natural(tiff, picture, 0x0101))
        else {
            continue;
        };
        let found = (width, height, natural(tiff, picture, 0x0102));
        let is_full =
            tiff.natural(picture, 0x00fe) == Some(0) || tiff.natural(picture, 0x00ff) == Some(1);
        if is_full {
            first = Some(found);
            break;
        }
        first.get_or_insert(found);
    }
    if let Some((width, height, depth)) = first {
        photo.width = Some(width);
        photo.height = Some(height);
        photo.bit_depth = depth;
    }
    if photo.bit_depth.is_none() {
        photo.bit_depth = pictures.iter().find_map(|picture| natural(tiff, picture, 0x0102));
    }
}

fn natural(tiff: &mut Tiff<'_>, ifd: &Ifd, tag: u16) -> Option<u32> {
    tiff.natural(ifd, tag).filter(|&it| it > 0).and_then(|it| it.try_into().ok())
}

/// The container, by its signature or, if the file contains raw sensor data, by the maker.
fn container(tiff: &mut Tiff<'_>, head: &[u8], pictures: &[Ifd], photo: &Photo) -> &'static str {
    if matches!(head.get(..4), Some(b"IIRO" | b"IIRS" | b"MMOR")) {
        return "orf";
    }
    if head.starts_with(b"IIU\0") {
        return "rw2";
    }
    if head.get(8..10) == Some(b"CR") && head.get(10) == Some(&2) {
        return "cr2";
    }
    if pictures.first().is_some_and(|main| main.entry(0xc612).is_some()) {
        return "dng";
    }
    let is_raw = pictures.iter().any(|picture| {
        tiff.natural(picture, 0x0106) == Some(COLOR_FILTER_ARRAY)
            // Compressions of Sony, Samsung, Nikon and Pentax.
            || matches!(tiff.natural(picture, 0x0103), Some(32767 | 32770 | 32772 | 34713 | 65535))
    });
    let make = photo.camera_make.as_deref().unwrap_or_default().to_uppercase();
    let names = [
        ("SONY", "arw"),
        ("NIKON", "nef"),
        ("PENTAX", "pef"),
        ("RICOH", "pef"),
        ("ASAHI", "pef"),
        ("SAMSUNG", "srw"),
    ];
    let name = names.iter().find(|(maker, _)| make.starts_with(maker));
    name.filter(|_| is_raw).map_or("tiff", |(_, name)| name)
}

/// Reads the raw files of Panasonic and Leica: tags of their own, and a JPEG with all other
/// metadata.
fn panasonic(tiff: &mut Tiff<'_>, main: &Ifd, photo: &mut Photo) {
    let mut border = |tag| tiff.natural(main, tag).and_then(|it| u32::try_from(it).ok());
    let (top, left, bottom, right) = (border(4), border(5), border(6), border(7));
    let span = |from: Option<u32>, to: Option<u32>| to?.checked_sub(from?).filter(|&it| it > 0);
    photo.width = span(left, right);
    photo.height = span(top, bottom);
    photo.bit_depth = natural(tiff, main, 0x000a);
    fill::fill(&mut photo.iso, || natural(tiff, main, 0x0017));
    if let Some(picture) = main.entry(0x002e).copied() {
        let mut within = Photo::default();
        let mut part = Part { tiff, start: picture.place, length: picture.size().unwrap_or(0) };
        jpeg::read_picture(&mut part, &mut within);
        fill::fill_from(photo, within);
    }
    makernote::read(tiff, main, photo);
}

/// A part of a structure, in which something is embedded.
struct Part<'t, 'b> {
    tiff: &'t mut Tiff<'b>,
    start: u64,
    length: u64,
}

impl Bytes for Part<'_, '_> {
    fn len(&self) -> u64 {
        self.length
    }

    fn up_to(&mut self, offset: u64, length: usize) -> &[u8] {
        let there = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.tiff.up_to(self.start.saturating_add(offset), length.min(there))
    }
}

/// Reads XMP and IPTC in the main directory.
fn packets(tiff: &mut Tiff<'_>, main: &Ifd, photo: &mut Photo) {
    let mut packet = |tag| {
        let entry = *main.entry(tag)?;
        tiff.value(&entry, LONGEST)
    };
    if let Some(packet) = packet(0x02bc) {
        xmp::fill(packet.bytes(), photo);
    }
    if let Some(datasets) = packet(0x83bb) {
        // Some files declare it as four-byte numbers, and swap those.
        let mut bytes = datasets.bytes().to_vec();
        if bytes.first() != Some(&0x1c) && bytes.get(3) == Some(&0x1c) {
            bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
        }
        iptc::read(&bytes, photo);
    }
    if let Some(resources) = packet(0x8649) {
        iptc::read_resources(resources.bytes(), photo);
    }
}

/// Whether strips or tiles of a picture are beyond the end of the file. Only the first and
/// the last of those whose places were read are checked.
fn is_cut_off(tiff: &mut Tiff<'_>, pictures: &[Ifd], length: u64) -> bool {
    pictures.iter().any(|picture| {
        [(0x0111, 0x0117), (0x0144, 0x0145)].into_iter().any(|(offsets, sizes)| {
            let (Some(offsets), sizes) = (tiff.get(picture, offsets), tiff.get(picture, sizes))
            else {
                return false;
            };
            [0, offsets.count().saturating_sub(1)].into_iter().any(|index| {
                let size = sizes.as_ref().and_then(|sizes| sizes.natural(index)).unwrap_or(0);
                offsets.natural(index).is_some_and(|offset| offset.saturating_add(size) > length)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::ifd::Order;
    use super::super::testing::{
        self, Directory, Value, assert_damage_is_survived, assert_is_camera, probe, probe_photo,
    };
    use super::*;
    use crate::probe::Limits;

    fn picture(width: &'static [u32], height: &'static [u32], more: Directory) -> Directory {
        let mut picture = vec![(0x0100, Value::Long(width)), (0x0101, Value::Long(height))];
        picture.extend(more);
        picture
    }

    fn made_by(make: &'static str, within: Directory) -> Vec<u8> {
        let preview = vec![
            (0x00fe, Value::Long(&[1])),
            (0x010f, Value::Text(make)),
            (0x014a, Value::Directories(vec![within])),
        ];
        testing::tiff(Order::Little, &[picture(&[160], &[120], preview)])
    }

    fn raw(compression: &'static [u16]) -> Directory {
        let kind = vec![
            (0x00fe, Value::Long(&[0])),
            (0x0102, Value::Short(&[14])),
            (0x0103, Value::Short(compression)),
            (0x0106, Value::Short(&[32803])),
        ];
        picture(&[6000], &[4000], kind)
    }

    #[test]
    fn raw_files_are_named_after_their_makers_and_have_the_size_of_the_raw_picture() {
        for (make, compression, name) in [
            ("SONY", &[32767], "arw"),
            ("NIKON CORPORATION", &[34713], "nef"),
            ("PENTAX", &[65535], "pef"),
            ("SAMSUNG", &[32770], "srw"),
            ("Hasselblad", &[1], "tiff"),
        ] {
            let (media, photo) = probe_photo(&made_by(make, raw(compression)));
            assert_eq!(media.container, name);
            assert_eq!((photo.width, photo.height), (Some(6000), Some(4000)), "{name}");
            assert_eq!(photo.bit_depth, Some(14));
        }
        let scan = picture(&[160], &[120], vec![(0x010f, Value::Text("NIKON"))]);
        let (media, _) = probe_photo(&testing::tiff(Order::Big, &[scan]));
        assert_eq!(media.container, "tiff");
    }

    #[test]
    fn dng_and_cr2_are_recognised_by_their_marks() {
        let mut main = testing::camera();
        main.push((0xc612, Value::Byte(&[1, 4, 0, 0])));
        main.push((0x014a, Value::Directories(vec![raw(&[7])])));
        let (media, photo) = probe_photo(&testing::tiff(Order::Big, &[main]));
        assert_eq!(media.container, "dng");
        assert_eq!(photo.width, Some(6000));
        assert_is_camera(&photo);

        let exif = vec![(0xa002, Value::Short(&[5616])), (0xa003, Value::Short(&[3744]))];
        let more = vec![(0x8769, Value::Directories(vec![exif]))];
        let structure = testing::tiff(Order::Little, &[vec![], picture(&[384], &[256], more)]);
        // The second directory becomes the first one, after Canon's mark.
        let mut bytes = structure.clone();
        bytes[4] = 14;
        bytes[8..11].copy_from_slice(b"CR\x02");
        let (media, photo) = probe_photo(&bytes);
        assert_eq!(media.container, "cr2");
        assert_eq!((photo.width, photo.height), (Some(5616), Some(3744)));
    }

    #[test]
    fn the_size_of_panasonics_pictures_excludes_the_borders() {
        let main = vec![
            (4, Value::Short(&[4])),
            (5, Value::Short(&[8])),
            (6, Value::Short(&[3460])),
            (7, Value::Short(&[4624])),
            (0x17, Value::Short(&[200])),
        ];
        let mut bytes = testing::tiff(Order::Little, &[main]);
        bytes[2] = b'U';
        let (media, photo) = probe_photo(&bytes);
        assert_eq!(media.container, "rw2");
        assert_eq!((photo.width, photo.height), (Some(4616), Some(3456)));
        assert_eq!(photo.iso, Some(200));
    }

    #[test]
    fn the_first_page_counts_unless_another_is_marked_as_the_picture() {
        let page = |size, kind| picture(size, &[50], vec![(0x00fe, Value::Long(kind))]);
        let pages = testing::tiff(Order::Big, &[page(&[100], &[2]), page(&[200], &[2])]);
        assert_eq!(probe_photo(&pages).1.width, Some(100));
        let preview = testing::tiff(Order::Big, &[page(&[100], &[1]), page(&[200], &[0])]);
        assert_eq!(probe_photo(&preview).1.width, Some(200));
    }

    #[test]
    fn big_tiff_is_read() {
        let mut bytes = b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10".to_vec();
        bytes.extend(2_u64.to_be_bytes());
        for (tag, value) in [(0x0100_u16, 70_000_u32), (0x0101, 50)] {
            bytes.extend(tag.to_be_bytes());
            bytes.extend([0, 4, 0, 0, 0, 0, 0, 0, 0, 1]);
            bytes.extend(value.to_be_bytes());
            bytes.extend([0; 4]);
        }
        bytes.extend([0; 8]);
        let (_, photo) = probe_photo(&bytes);
        assert_eq!((photo.width, photo.height), (Some(70_000), Some(50)));
        // 2^63 entries, and a value of this length.
        bytes[16] = 0x80;
        assert_eq!(probe_photo(&bytes).1.width, Some(70_000));
        bytes[28..36].fill(0xff);
        assert!(probe(&bytes).is_ok());
        assert_damage_is_survived(&bytes);
    }

    #[test]
    fn circles_of_directories_end() {
        let mut within: Directory = vec![(0x014a, Value::Long(&[8, 8, 8, 8]))];
        within.push((0x8769, Value::Long(&[8])));
        let mut bytes = testing::tiff(Order::Little, &[within]);
        let next = 8 + 2 + 24;
        bytes[next] = 8;
        assert!(probe(&bytes).is_ok());
    }

    #[test]
    fn directories_at_the_end_of_a_large_file_take_few_reads() {
        let mut bytes = b"II*\0".to_vec();
        bytes.extend(900_000_u32.to_le_bytes());
        let structure = testing::tiff(Order::Little, &[testing::camera()]);
        bytes.resize(900_000 - structure.len(), 0);
        // Values before the directory, as some programs write them.
        let text = bytes.len() as u32;
        bytes.extend(b"Acme Cameras\0");
        bytes.resize(900_000, 0);
        bytes.extend([2, 0]);
        for (tag, kind, count, value) in [(0x0100_u16, 4_u16, 1_u32, 320), (0x010f, 2, 13, text)] {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 200_000]);
        let mut source = Source::new(&bytes, bytes.len() as u64, Limits::default());
        let photo = read(&mut source).unwrap().photo.unwrap();
        assert_eq!(photo.camera_make.as_deref(), Some("Acme Cameras"));
        assert!(source.requests() <= 2, "{}", source.requests());
    }

    #[test]
    fn a_picture_that_is_cut_off_is_noticed() {
        for (size, is_whole) in [(&[100, 20], true), (&[100, 2000], false)] {
            let strips = vec![(0x0111, Value::Long(&[8, 200])), (0x0117, Value::Long(size))];
            let mut bytes = testing::tiff(Order::Big, &[picture(&[10], &[10], strips)]);
            bytes.resize(300, 0);
            assert_eq!(probe_photo(&bytes).0.warnings.is_empty(), is_whole);
        }
    }

    #[test]
    fn embedded_packets_are_read() {
        let packet = testing::packet("xmp:Rating='2'", "");
        let main = vec![
            (0x0100, Value::Long(&[10])),
            (0x02bc, Value::Undefined(packet.into_bytes())),
            (0x8649, Value::Undefined(testing::resources())),
        ];
        let (_, photo) = probe_photo(&testing::tiff(Order::Big, &[main]));
        assert_eq!(photo.rating, Some(2));
        assert_eq!(photo.keywords, ["sea", "sun"]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let mut main = testing::camera();
        main.push((0x014a, Value::Directories(vec![raw(&[7]), raw(&[7])])));
        main.push((0x8649, Value::Undefined(testing::resources())));
        assert_damage_is_survived(&testing::tiff(Order::Big, &[main, raw(&[1])]));
    }
}
