//! JPEG (ITU-T T.81): the segments before the picture, and the metadata of applications in
//! them.

use super::ifd::{Bytes, Windows};
use super::{exif, iptc, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// No file has more segments before its picture unless it is malicious.
const MOST_SEGMENTS: usize = 1000;

/// The most bytes that are kept of metadata that is split over segments.
const LONGEST: usize = 2 * 1024 * 1024;

/// How far the next marker is searched for if there is none at the expected place.
const FARTHEST: usize = 64 * 1024;

const EXIF: &[u8] = b"Exif\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// As some programs write it.
const SPACED_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/ \0";
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// Reads the properties of a JPEG.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("jpeg");
    let mut bytes = Windows::new(source, 0);
    let mut photo = Photo::default();
    let mut segments = Segments::default();
    segments.read(&mut bytes, &mut photo);
    segments.fill(&mut photo);
    match bytes.problem {
        Some(problem @ (Problem::Io(_) | Problem::Panic(_))) => return Err(problem),
        Some(problem) => media.warn(problem.to_string()),
        None => {}
    }
    for warning in segments.warnings {
        media.warn(warning);
    }
    if let Some(scan) = segments.scan
        && is_cut(source, scan)?
    {
        media.warn("the file is cut off within the picture");
    }
    media.photo = Some(photo);
    Ok(media)
}

/// Whether the picture that begins at `scan` has no end: the file ends with data of the picture,
/// in which 0xff comes only before a zero and in the markers that are allowed there. Other data
/// may follow a picture.
fn is_cut(source: &mut Source<'_>, scan: u64) -> Result<bool> {
    let (start, bytes) = source.ending()?;
    let skipped = usize::try_from(scan.saturating_sub(start)).unwrap_or(usize::MAX);
    let data = bytes.get(skipped..).unwrap_or_default();
    if data.ends_with(b"\xff\xd9") {
        return Ok(false);
    }
    let mut is_picture = scan >= start;
    for pair in data.windows(2).filter(|pair| pair[0] == 0xff) {
        match pair[1] {
            // Also tables and scans, which follow each other in progressive pictures.
            0 | 0xd0..=0xd7 | 0xc4 | 0xda | 0xdb..=0xdd => is_picture = true,
            0xff => {}
            _ => return Ok(false),
        }
    }
    Ok(is_picture)
}

/// Fills in the fields that are in the JPEG at the beginning of `bytes`. Returns warnings.
pub(super) fn read_picture(bytes: &mut dyn Bytes, photo: &mut Photo) -> Vec<&'static str> {
    let mut segments = Segments::default();
    segments.read(bytes, photo);
    segments.fill(photo);
    segments.warnings
}

/// The metadata that was collected from segments.
#[derive(Default)]
struct Segments {
    exif: Vec<u8>,
    xmp: Vec<u8>,
    /// The parts of extended packets: the name of the packet, the offset of the part, and its
    /// data.
    extended: Vec<(Vec<u8>, u32, Vec<u8>)>,
    photoshop: Vec<u8>,
    size: usize,
    /// Where the first scan of the picture begins.
    scan: Option<u64>,
    warnings: Vec<&'static str>,
}

impl Segments {
    fn read(&mut self, bytes: &mut dyn Bytes, photo: &mut Photo) {
        let mut position = 2;
        for _ in 0..MOST_SEGMENTS {
            let Some((marker, after)) = self.marker(bytes, position) else {
                self.warnings.push("the file is cut off before the picture");
                return;
            };
            position = after;
            match marker {
                // The picture, or the end of the file.
                0xda | 0xd9 => {
                    self.scan = (marker == 0xda).then_some(position);
                    if photo.width.is_none() {
                        self.warnings.push("the width and height of the picture are missing");
                    }
                    return;
                }
                // Markers without a length: TEM, RST, SOI.
                0x01 | 0xd0..=0xd8 => continue,
                _ => {}
            }
            let length = bytes.up_to(position, 2);
            let &[high, low] = length else {
                self.warnings.push("the file is cut off before the picture");
                return;
            };
            let length = u16::from_be_bytes([high, low]);
            if length < 2 {
                self.warnings.push("a segment is too short");
                position += 2;
                continue;
            }
            let start = position + 2;
            let payload = usize::from(length) - 2;
            position += u64::from(length);
            match marker {
                0xe1 | 0xed => {
                    let payload = bytes.up_to(start, payload);
                    self.size += payload.len();
                    if self.size <= LONGEST {
                        self.application(marker, payload);
                    }
                }
                // All kinds of SOF. DHT, JPG and DAC have numbers between them.
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                    if let &[depth, h1, h0, w1, w0, ..] = bytes.up_to(start, 6)
                        && photo.width.is_none()
                    {
                        let known = |value| Some(u32::from(value)).filter(|&it| it > 0);
                        photo.bit_depth = Some(depth.into());
                        photo.height = known(u16::from_be_bytes([h1, h0]));
                        photo.width = known(u16::from_be_bytes([w1, w0]));
                    }
                }
                _ => {}
            }
        }
        self.warnings.push("the file contains too many segments");
    }

    /// The marker at `position`, or the next one if there is something else. Also returns its
    /// end.
    fn marker(&mut self, bytes: &mut dyn Bytes, position: u64) -> Option<(u8, u64)> {
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
        let here = bytes.up_to(position, 2);
        if here.len() == 2 && is_marker(here) {
            return Some((here[1], position + 2));
        }
        let rest = bytes.up_to(position, FARTHEST);
        let skipped = rest.windows(2).position(is_marker)?;
        // Markers may be padded with 0xff.
        if rest[..skipped].iter().any(|&byte| byte != 0xff) {
            self.warnings.push("there are unexpected bytes between segments");
        }
        Some((rest[skipped + 1], position + skipped as u64 + 2))
    }

    fn application(&mut self, marker: u8, payload: &[u8]) {
        if marker == 0xed {
            if let Some(resources) = payload.strip_prefix(PHOTOSHOP) {
                self.photoshop.extend_from_slice(resources);
            }
        } else if let Some(part) = payload.strip_prefix(EXIF) {
            // A padding byte, which is not zero in all files.
            let part = part.get(1..).unwrap_or_default();
            // EXIF that is longer than a segment continues in the next one.
            if self.exif.is_empty() || !(part.starts_with(b"II*\0") || part.starts_with(b"MM\0*")) {
                self.exif.extend_from_slice(part);
            }
        } else if let Some(packet) =
            payload.strip_prefix(XMP).or_else(|| payload.strip_prefix(SPACED_XMP))
        {
            if self.xmp.is_empty() {
                self.xmp = packet.to_vec();
            }
        } else if let Some(part) = payload.strip_prefix(EXTENDED_XMP) {
            // A name of 32 digits, the length of the whole packet, and the offset of this part.
            let (Some(name), Some(offset), Some(data)) =
                (part.get(..32), part.get(36..40), part.get(40..))
            else {
                return;
            };
            let offset = offset.try_into().map(u32::from_be_bytes).unwrap_or_default();
            self.extended.push((name.to_vec(), offset, data.to_vec()));
        }
    }

    fn fill(&mut self, photo: &mut Photo) {
        exif::read(&self.exif, photo);
        if !self.xmp.is_empty() {
            xmp::fill(&self.xmp, photo);
            if !self.extended.is_empty()
                && let Some(name) = xmp::extension_of(&self.xmp)
            {
                self.extended.retain(|part| part.0 == name.as_bytes());
                self.extended.sort_by_key(|part| part.1);
                let packet: Vec<u8> =
                    self.extended.iter().flat_map(|part| part.2.iter().copied()).collect();
                xmp::fill(&packet, photo);
            }
        }
        iptc::read_resources(&self.photoshop, photo);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, assert_damage_is_survived, assert_is_camera, probe_photo};
    use super::*;

    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker], &length[..], payload].concat()
    }

    fn frame() -> Vec<u8> {
        segment(0xc2, &[8, 0, 200, 1, 64, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1])
    }

    fn picture(segments: &[Vec<u8>]) -> Vec<u8> {
        let scan = segment(0xda, &[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
        [vec![0xff, 0xd8], segments.concat(), frame(), scan, vec![1, 2, 3, 0xff, 0xd9]].concat()
    }

    fn exif() -> Vec<u8> {
        segment(0xe1, &[b"Exif\0\0", &testing::exif()[..]].concat())
    }

    fn xmp(packet: &str) -> Vec<u8> {
        segment(0xe1, &[XMP, packet.as_bytes()].concat())
    }

    fn full() -> Vec<u8> {
        let rating = testing::packet("xmp:Rating='3' xmpNote:HasExtendedXMP='0123'", "");
        let iptc = segment(0xed, &[PHOTOSHOP, &testing::resources()[..]].concat());
        picture(&[segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), exif(), xmp(&rating), iptc])
    }

    #[test]
    fn a_picture_without_an_end_is_cut_off() {
        let cut_off = ["the file is cut off within the picture"];
        let whole = full();
        for rest in [&[][..], b"\xff\0\x12\xff\xd0\x34", &[0x55; 200_000], &[0; 10]] {
            let data = [&whole[..whole.len() - 2], rest].concat();
            let warnings = probe_photo(&data).0.warnings;
            assert_eq!(warnings, if rest.len() < 200_000 { &cut_off[..] } else { &[] });
        }
        let long = b"\x12\x34\xff\0".repeat(50_000);
        let data = [&whole[..whole.len() - 2], &long].concat();
        assert_eq!(probe_photo(&data).0.warnings, cut_off);
        // A trailer of a program, with and without the byte 0xff.
        for trailer in [&b"\xff\xd9"[..], b"\xff\xd9 and \xff more", b"\xff\xd9 and more"] {
            let data = [&whole[..whole.len() - 2], &long, trailer].concat();
            assert!(probe_photo(&data).0.warnings.is_empty());
            let data = [&data[..], &[1; 200_000]].concat();
            assert!(probe_photo(&data).0.warnings.is_empty());
        }
    }

    #[test]
    fn xmp_is_read_whether_or_not_there_is_a_space_behind_its_name() {
        for name in [XMP, SPACED_XMP] {
            let packet = testing::packet("xmp:Rating='4'", "");
            let data = picture(&[segment(0xe1, &[name, packet.as_bytes()].concat())]);
            assert_eq!(probe_photo(&data).1.rating, Some(4));
        }
    }

    #[test]
    fn the_metadata_of_all_applications_is_read() {
        let (media, photo) = probe_photo(&full());
        assert_eq!(media.container, "jpeg");
        assert!(media.warnings.is_empty(), "{:?}", media.warnings);
        assert_eq!((photo.width, photo.height), (Some(320), Some(200)));
        assert_eq!(photo.bit_depth, Some(8));
        assert_is_camera(&photo);
        assert_eq!(photo.rating, Some(3));
        assert_eq!(photo.keywords, ["sea", "sun"]);
        // EXIF is trusted more than IPTC, which also has a caption.
        assert_eq!(photo.description.as_deref(), Some("At the sea"));
        assert_eq!(photo.artist.as_deref(), Some("Ann"));
    }

    #[test]
    fn markers_inside_segments_are_ignored() {
        let thumbnail = segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
        let (_, photo) = probe_photo(&picture(&[segment(0xe2, &thumbnail)]));
        assert_eq!((photo.width, photo.height), (Some(320), Some(200)));
    }

    #[test]
    fn exif_continues_in_the_next_segment_and_a_second_one_is_ignored() {
        let bytes = testing::exif();
        let (first, second) = bytes.split_at(100);
        let parts = [first, second].map(|part| segment(0xe1, &[b"Exif\0\0", part].concat()));
        let (_, photo) = probe_photo(&picture(&[parts[0].clone(), parts[1].clone(), exif()]));
        assert_is_camera(&photo);
    }

    #[test]
    fn extended_xmp_is_joined_by_name_and_offset() {
        let name = "0123456789ABCDEF0123456789ABCDEF";
        let main = testing::packet(&format!("xmpNote:HasExtendedXMP='{name}'"), "");
        let packet = testing::packet("xmp:Rating='5'", "");
        let part = |name: &str, offset: usize, data: &str| {
            let head = [(packet.len() as u32).to_be_bytes(), (offset as u32).to_be_bytes()];
            let head = head.concat();
            segment(0xe1, &[EXTENDED_XMP, name.as_bytes(), &head, data.as_bytes()].concat())
        };
        let (first, second) = packet.split_at(150);
        let foreign = part(&"F".repeat(32), 0, "<other/>");
        let parts = [xmp(&main), part(name, 150, second), foreign, part(name, 0, first)];
        let (_, photo) = probe_photo(&picture(&parts));
        assert_eq!(photo.rating, Some(5));
    }

    #[test]
    fn bytes_between_segments_are_skipped() {
        let (media, photo) = probe_photo(&picture(&[vec![0xff, 0xff], exif(), vec![0, 1, 2]]));
        assert_is_camera(&photo);
        assert_eq!(photo.width, Some(320));
        assert_eq!(media.warnings, ["there are unexpected bytes between segments"]);
    }

    #[test]
    fn a_file_that_is_cut_off_before_its_picture_has_metadata() {
        let bytes = picture(&[exif()]);
        let (media, photo) = probe_photo(&bytes[..testing::exif().len() + 20]);
        assert_is_camera(&photo);
        assert_eq!(media.warnings, ["the file is cut off before the picture"]);
    }

    #[test]
    fn a_file_with_large_segments_before_its_picture_takes_few_reads() {
        let profile = segment(0xe2, &vec![0; 65_000]);
        let bytes = picture(&[exif(), profile.clone(), profile.clone(), profile]);
        let mut source = Source::new(&bytes, bytes.len() as u64, crate::probe::Limits::default());
        let photo = read(&mut source).unwrap().photo.unwrap();
        assert_eq!(photo.width, Some(320));
        // One of them for the end, which is read for the quick hash in any case.
        assert!(source.requests() <= 5, "{}", source.requests());
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        assert_damage_is_survived(&full());
    }
}
