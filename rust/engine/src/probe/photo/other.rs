//! GIF, BMP, Photoshop's PSD, JPEG XL and JPEG 2000: their size, and the metadata near it.

use super::{exif, iptc, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most bytes of metadata that are read.
const LONGEST: usize = 1024 * 1024;

/// The most boxes that are read.
const MOST_BOXES: usize = 64;

/// The UUIDs of boxes in JPEG 2000: XMP, and EXIF in Adobe's form.
const UUID_XMP: &[u8] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
const UUID_EXIF: &[u8] = b"JpgTiffExif->JP2";

/// Whether a file with this beginning has one of these formats.
pub fn is_one(head: &[u8]) -> bool {
    container(head).is_some()
}

fn container(head: &[u8]) -> Option<&'static str> {
    let starts = |signature: &[u8]| head.starts_with(signature);
    // BMP's signature is too short, so the size of its second header is checked, too.
    let bmp_header = || head.get(15..18) == Some(&[0; 3]) && matches!(head[14], 12..=124);
    if starts(b"GIF87a") || starts(b"GIF89a") {
        Some("gif")
    } else if starts(b"8BPS\0\x01") || starts(b"8BPS\0\x02") {
        Some("psd")
    } else if starts(b"\0\0\0\x0cJXL \r\n\x87\n") || starts(b"\xff\x0a") {
        Some("jxl")
    } else if starts(b"\0\0\0\x0cjP  \r\n\x87\n") {
        Some("jp2")
    } else if starts(b"BM") && bmp_header() {
        Some("bmp")
    } else {
        None
    }
}

/// Reads the properties of a file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let head = source.up_to(0, 64)?.to_vec();
    let container = container(&head).ok_or(Problem::Unknown)?;
    let mut media = Media::new(container);
    let mut photo = Photo::default();
    let complete = match container {
        "gif" => {
            gif_packet(source, &mut photo)?;
            gif(&head, &mut photo)
        }
        "bmp" => bmp(&head, &mut photo),
        "psd" => {
            let complete = psd(&head, &mut photo);
            resources(source, &mut photo)?;
            complete
        }
        _ if head.starts_with(b"\xff\x0a") => codestream(&head[2..], &mut photo),
        _ => match boxes(source, &mut photo) {
            Err(Problem::Limit(limit)) => {
                media.warn(limit);
                Some(())
            }
            done => done?,
        },
    };
    if complete.is_none() || photo.width.is_none() {
        media.warn("the width and height of the picture are missing");
    }
    media.photo = Some(photo);
    Ok(media)
}

fn gif(head: &[u8], photo: &mut Photo) -> Option<()> {
    photo.width = Some(u32::from(u16::from_le_bytes(array(head, 6)?)));
    photo.height = Some(u32::from(u16::from_le_bytes(array(head, 8)?)));
    photo.bit_depth = Some(u32::from(head.get(10)? & 7) + 1);
    Some(())
}

/// Reads XMP in an application extension: the packet, then 258 bytes that end it for programs
/// that take it for a list of blocks (XMP part 3, 1.1.2). It comes before the picture or at the
/// end of the file.
fn gif_packet(source: &mut Source<'_>, photo: &mut Photo) -> Result<()> {
    let find = |bytes: &[u8]| {
        let mut windows = bytes.windows(GIF_XMP.len());
        windows.position(|window| window == GIF_XMP).map(|at| (at + GIF_XMP.len()) as u64)
    };
    let mut place = find(source.up_to(0, GIF_HEAD)?);
    if place.is_none() {
        let (start, bytes) = source.ending()?;
        place = find(&bytes).map(|at| start + at);
    }
    if let Some(place) = place {
        let packet = source.up_to(place, LONGEST)?;
        let end = packet.windows(3).position(|end| end == [1, 0xff, 0xfe]);
        xmp::fill(&packet[..end.unwrap_or(packet.len())], photo);
    }
    Ok(())
}

/// The bytes at the beginning of a GIF in which XMP is searched for: the first read.
const GIF_HEAD: usize = 64 * 1024;

const GIF_XMP: &[u8] = b"\x21\xff\x0bXMP DataXMP";

fn bmp(head: &[u8], photo: &mut Photo) -> Option<()> {
    if *head.get(14)? == 12 {
        // The first header of OS/2.
        photo.width = Some(u32::from(u16::from_le_bytes(array(head, 18)?)));
        photo.height = Some(u32::from(u16::from_le_bytes(array(head, 20)?)));
    } else {
        photo.width = Some(u32::from_le_bytes(array(head, 18)?));
        // It is negative if the first line is at the top.
        photo.height = Some(i32::from_le_bytes(array(head, 22)?).unsigned_abs());
    }
    Some(())
}

fn psd(head: &[u8], photo: &mut Photo) -> Option<()> {
    photo.height = Some(u32::from_be_bytes(array(head, 14)?));
    photo.width = Some(u32::from_be_bytes(array(head, 18)?));
    photo.bit_depth = Some(u32::from(u16::from_be_bytes(array(head, 22)?)));
    Some(())
}

/// Reads Photoshop's resources, which come after the colour table. Both have a length before
/// them.
fn resources(source: &mut Source<'_>, photo: &mut Photo) -> Result<()> {
    let colors = u64::from(u32::from_be_bytes(source.array(26)?));
    let length = u32::from_be_bytes(source.array(30 + colors)?) as usize;
    let resources = source.up_to(34 + colors, length.min(LONGEST))?;
    iptc::read_resources(resources, photo);
    Ok(())
}

/// Reads the boxes of JPEG XL and JPEG 2000.
fn boxes(source: &mut Source<'_>, photo: &mut Photo) -> Result<Option<()>> {
    let mut position = 12;
    let mut packet = Vec::new();
    for _ in 0..MOST_BOXES {
        let header = source.up_to(position, 16)?;
        let Some((length, name)) = array(header, 0).zip(array::<4>(header, 4)) else { break };
        let (header_length, length) = match (u32::from_be_bytes(length), array(header, 8)) {
            (0, _) => (8, u64::MAX),
            (1, Some(length)) => (16, u64::from_be_bytes(length)),
            (length, _) => (8, u64::from(length)),
        };
        let start = position + header_length;
        let Some(size) = length.checked_sub(header_length) else { break };
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(LONGEST);
        match &name {
            // The header of JPEG 2000, which begins with the size.
            b"jp2h" => {
                let data = source.up_to(start, size.min(64))?;
                if data.get(4..8) == Some(b"ihdr") {
                    photo.height = array(data, 8).map(u32::from_be_bytes);
                    photo.width = array(data, 12).map(u32::from_be_bytes);
                    let depth = data.get(18).filter(|&&depth| depth != 0xff);
                    photo.bit_depth = depth.map(|depth| u32::from(depth & 0x7f) + 1);
                }
            }
            // The codestream of JPEG XL, complete or in parts.
            b"jxlc" | b"jxlp" if photo.width.is_none() => {
                let data = source.up_to(start, size.min(32))?;
                let data = if &name == b"jxlp" { data.get(4..).unwrap_or_default() } else { data };
                if let Some(data) = data.strip_prefix(b"\xff\x0a") {
                    codestream(data, photo);
                }
            }
            b"Exif" => {
                // The distance to the TIFF structure.
                let data = source.up_to(start, size)?;
                let offset = array(data, 0).map_or(0, u32::from_be_bytes) as usize;
                exif::read(data.get(offset.saturating_add(4)..).unwrap_or_default(), photo);
            }
            b"xml " => packet = source.up_to(start, size)?.to_vec(),
            b"uuid" => {
                let data = source.up_to(start, size)?;
                if let Some(data) = data.strip_prefix(UUID_XMP) {
                    packet = data.to_vec();
                } else if let Some(data) = data.strip_prefix(UUID_EXIF) {
                    exif::read(data.strip_prefix(b"Exif\0\0").unwrap_or(data), photo);
                }
            }
            _ => {}
        }
        match position.checked_add(length) {
            Some(next) if next < source.len() => position = next,
            _ => break,
        }
    }
    xmp::fill(&packet, photo);
    Ok(photo.width.map(|_| ()))
}

/// Reads the size at the beginning of a codestream of JPEG XL (ISO 18181-1, C.3).
fn codestream(data: &[u8], photo: &mut Photo) -> Option<()> {
    let mut bits = Bits(u128::from_le_bytes({
        let mut bytes = [0; 16];
        let length = data.len().min(16);
        bytes[..length].copy_from_slice(&data[..length]);
        bytes
    }));
    let small = bits.take(1) == 1;
    let side = |bits: &mut Bits| {
        if small {
            return (bits.take(5) + 1) * 8;
        }
        let length = [9, 13, 18, 30][bits.take(2) as usize];
        bits.take(length) + 1
    };
    let height = side(&mut bits);
    let (above, below) = match bits.take(3) {
        0 => (0, 1),
        1 => (1, 1),
        2 => (12, 10),
        3 => (4, 3),
        4 => (3, 2),
        5 => (16, 9),
        6 => (5, 4),
        _ => (2, 1),
    };
    let width = if above == 0 { side(&mut bits) } else { height * above / below };
    if data.len() < 5 {
        return None;
    }
    photo.width = u32::try_from(width).ok();
    photo.height = u32::try_from(height).ok();
    Some(())
}

/// Bits, least significant first.
struct Bits(u128);

impl Bits {
    fn take(&mut self, count: u32) -> u64 {
        let value = self.0 & ((1 << count) - 1);
        self.0 >>= count;
        value as u64
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, assert_damage_is_survived, assert_is_camera, probe_photo};

    fn bare_box(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32 + 8).to_be_bytes()[..], name, data].concat()
    }

    fn jxl() -> Vec<u8> {
        let mut bytes = b"\0\0\0\x0cJXL \r\n\x87\n".to_vec();
        bytes.extend(bare_box(b"Exif", &[&[0; 4], &testing::exif()[..]].concat()));
        bytes.extend(bare_box(b"xml ", testing::packet("xmp:Rating='2'", "").as_bytes()));
        // 75 lines in 9 bits, 12:10.
        bytes.extend(bare_box(b"jxlc", b"\xff\x0a\x50\x22\0\0\0\0"));
        bytes
    }

    fn jp2() -> Vec<u8> {
        let mut bytes = b"\0\0\0\x0cjP  \r\n\x87\n".to_vec();
        let header = bare_box(b"ihdr", &[0, 0, 0, 77, 0, 0, 0, 123, 0, 3, 7, 7, 0, 0]);
        bytes.extend(bare_box(b"ftyp", b"jp2 \0\0\0\0jp2 "));
        bytes.extend(bare_box(b"jp2h", &header));
        bytes
    }

    fn psd() -> Vec<u8> {
        let mut bytes = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x4d\0\0\0\x7b\0\x10\0\x03".to_vec();
        bytes.extend([0; 4]);
        let resources = testing::resources();
        bytes.extend((resources.len() as u32).to_be_bytes());
        bytes.extend(resources);
        bytes
    }

    #[test]
    fn sizes_are_read_in_all_formats() {
        let gif = b"GIF89a\x7b\0\x4d\0\xf7\0\0\0\0\0";
        let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x7b\0\0\0".to_vec();
        bmp.extend((-77_i32).to_le_bytes());
        for (bytes, name) in [(gif.to_vec(), "gif"), (bmp, "bmp"), (psd(), "psd"), (jp2(), "jp2")] {
            let (media, photo) = probe_photo(&bytes);
            assert_eq!(media.container, name);
            assert_eq!((photo.width, photo.height), (Some(123), Some(77)), "{name}");
            assert!(media.warnings.is_empty());
        }
    }

    #[test]
    fn metadata_near_the_size_is_read() {
        let (_, photo) = probe_photo(&jxl());
        assert_is_camera(&photo);
        assert_eq!(photo.rating, Some(2));
        assert_eq!((photo.width, photo.height), (Some(90), Some(75)));
        assert_eq!(probe_photo(&psd()).1.keywords, ["sea", "sun"]);
    }

    fn gif() -> Vec<u8> {
        let head = b"GIF89a\x7b\0\x4d\0\x70\0\0";
        let packet = testing::packet("xmp:Rating='2'", "");
        let end: Vec<u8> = [1].into_iter().chain((0..=255).rev()).chain([0, 0]).collect();
        [head, super::GIF_XMP, packet.as_bytes(), &end, b";"].concat()
    }

    #[test]
    fn xmp_in_a_gif_is_read() {
        assert_eq!(probe_photo(&gif()).1.rating, Some(2));
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        for bytes in [jxl(), jp2(), psd(), gif()] {
            assert_damage_is_survived(&bytes);
        }
    }
}
