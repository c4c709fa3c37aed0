//! TIFF 6.0, BigTIFF, and the raw formats that are made of them.
//!
//! Which directory is the picture (others are previews and masks) and what the
//! file is called is told from the directories alone, as cameras write them.

use super::ifd::{Bytes, Ifd, Tiff, Windows};
use super::{exif, iptc, jpeg, makernote, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// Pictures in one file that are looked at: the first, and what raw formats add.
const MOST_PICTURES: usize = 16;

/// What is read of a packet within.
const LONGEST: usize = 1024 * 1024;

/// The photometric interpretation of what a sensor sees: a colour filter array.
const COLOR_FILTER_ARRAY: u64 = 32803;

/// Reads what the file says of itself.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("tiff");
    let mut bytes = Windows::new(source, 0);
    let known = read_structure(&mut bytes, &mut media);
    match bytes.problem {
        Some(problem @ (Problem::Io(_) | Problem::Panic(_))) => return Err(problem),
        Some(problem) => media.warn(problem.to_string()),
        None if known.is_none() => return Err(Problem::damaged("no directory is there")),
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
        // The raw directory has the sensor's borders in; EXIF says what is shown.
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
        media.warn("it ends before its picture does");
    }
    media.photo = Some(photo);
    Some(())
}

/// The main directory, those within it, and those that follow.
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

/// The size of the picture that is said to be the full one; else of the first.
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

/// What the file is called: by its signature; else, if it holds what a sensor
/// saw, by who made it.
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

/// Panasonic's and Leica's raw files: tags of their own, and all that cameras say
/// besides in a JPEG within.
fn panasonic(tiff: &mut Tiff<'_>, main: &Ifd, photo: &mut Photo) {
    let mut border = |tag| tiff.natural(main, tag).and_then(|it| u32::try_from(it).ok());
    let (top, left, bottom, right) = (border(4), border(5), border(6), border(7));
    let span = |from: Option<u32>, to: Option<u32>| to?.checked_sub(from?).filter(|&it| it > 0);
    photo.width = span(left, right);
    photo.height = span(top, bottom);
    photo.bit_depth = natural(tiff, main, 0x000a);
    exif::fill(&mut photo.iso, || natural(tiff, main, 0x0017));
    if let Some(picture) = main.entry(0x002e).copied() {
        let mut within = Photo::default();
        let mut part = Part { tiff, start: picture.place, length: picture.size().unwrap_or(0) };
        jpeg::read_picture(&mut part, &mut within);
        exif::fill_from(photo, within);
    }
    makernote::read(tiff, main, photo);
}

/// A part of a structure, for what is embedded there.
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

/// XMP and IPTC, of the main directory.
fn packets(tiff: &mut Tiff<'_>, main: &Ifd, photo: &mut Photo) {
    let mut packet = |tag| {
        let entry = *main.entry(tag)?;
        tiff.value(&entry, LONGEST)
    };
    if let Some(packet) = packet(0x02bc) {
        xmp::fill(packet.bytes(), photo);
    }
    if let Some(datasets) = packet(0x83bb) {
        // Some say that they are numbers of four bytes, and swap those.
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

/// Whether the first strip or tile of a picture lies beyond the end.
fn is_cut_off(tiff: &mut Tiff<'_>, pictures: &[Ifd], length: u64) -> bool {
    pictures.iter().any(|picture| {
        [0x0111, 0x0144].into_iter().any(|tag| {
            let first = tiff.get(picture, tag).and_then(|offsets| offsets.natural(0));
            first.is_some_and(|offset| offset > length && offset < u64::from(u32::MAX))
        })
    })
}
