//! IPTC's Information Interchange Model (IIM 4.1), and Photoshop's resources, which contain
//! it.

use super::date::{self, Date};
use super::fill::{add_keywords, fill};
use super::{exif, xmp};
use crate::probe::model::Photo;
use crate::probe::text;

/// The ids of the resources that are read.
const IPTC: u16 = 0x0404;
const EXIF: u16 = 0x0422;
const XMP: u16 = 0x0424;

/// Fills in the fields that are in the IPTC of Photoshop's resources (`8BIM`, an id, a name,
/// a length, data). In Photoshop's own files, these also contain EXIF and XMP.
pub fn read_resources(resources: &[u8], photo: &mut Photo) {
    let mut iptc: &[u8] = &[];
    let mut packet: &[u8] = &[];
    let mut rest = resources;
    while let Some((id, data, after)) = resource(rest) {
        match id {
            IPTC => iptc = data,
            EXIF => exif::read(data, photo),
            XMP => packet = data,
            _ => {}
        }
        rest = after;
    }
    if !packet.is_empty() {
        xmp::fill(packet, photo);
    }
    read(iptc, photo);
}

/// The first resource: its id, its data, and the bytes after it.
fn resource(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    if !matches!(bytes.get(..4)?, b"8BIM" | b"PHUT" | b"DCSR" | b"AgHg" | b"MeSa") {
        return None;
    }
    let id = u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]);
    // The name is a length and text, padded to an even length; so is the data.
    let name = 1 + usize::from(*bytes.get(6)?);
    let header = 6 + name + name % 2;
    let length: [u8; 4] = bytes.get(header..header + 4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let rest = bytes.get(header + 4..)?;
    let data = rest.get(..length)?;
    Some((id, data, rest.get(length.checked_add(length % 2)?..).unwrap_or(&[])))
}

/// Fills in the fields that are in datasets.
pub fn read(mut datasets: &[u8], photo: &mut Photo) {
    let mut dates = [None, None];
    let mut times = [None, None];
    let mut authors: Vec<String> = Vec::new();
    let mut keywords: Vec<String> = Vec::new();
    let mut utf8 = false;
    while let Some((record, number, data, rest)) = dataset(datasets) {
        datasets = rest;
        let text = || text(data, utf8);
        match (record, number) {
            // ISO 2022's escape sequence for UTF-8.
            (1, 90) => utf8 = data == b"\x1b%G",
            (2, 25) => keywords.push(text()),
            (2, 55) => dates[0] = date::parse(&text()),
            (2, 60) => times[0] = Some(text()),
            (2, 62) => dates[1] = date::parse(&text()),
            (2, 63) => times[1] = Some(text()),
            (2, 65) => fill(&mut photo.software, || Some(text())),
            (2, 80) => authors.push(text()),
            (2, 116) => fill(&mut photo.copyright, || Some(text())),
            (2, 120) => fill(&mut photo.description, || Some(text())),
            _ => {}
        }
    }
    fill(&mut photo.artist, || Some(authors.join("; ")).filter(|it| !it.is_empty()));
    // Programs that write XMP write their keywords twice.
    if photo.keywords.is_empty() {
        add_keywords(photo, keywords.iter().map(String::as_str));
    }
    let dated = dates.into_iter().zip(times).find_map(|(date, time)| Some((date?, time)));
    if let Some((date, time)) = dated {
        with_time(date, time).fill(photo);
    }
}

fn with_time(mut date: Date, time: Option<String>) -> Date {
    if let Some(time) = time {
        date.add_time(&time);
    }
    date
}

/// The first dataset: its record and number, its data, and the bytes after it.
fn dataset(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let &[0x1c, record, number, high, low, ref rest @ ..] = bytes else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    // If the high bit is set, this is the size of the length. No text here is so long.
    (length < 0x8000).then_some(())?;
    Some((record, number, rest.get(..length)?, &rest[length..]))
}

/// Decodes UTF-8 if the data is marked as such or is valid; otherwise ISO 8859-1, which most
/// programs wrote.
fn text(data: &[u8], utf8: bool) -> String {
    let text = if utf8 { String::from_utf8_lossy(data) } else { text::utf8_or_latin1(data) };
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn datasets_in_resources_are_read() {
        let mut photo = Photo::default();
        read_resources(&testing::resources(), &mut photo);
        assert_eq!(photo.keywords, ["sea", "sun"]);
        assert_eq!(photo.artist.as_deref(), Some("Ann"));
        assert_eq!(photo.description.as_deref(), Some("\u{c9}t\u{e9}"));
        assert_eq!(photo.taken_at.as_deref(), Some("2015-05-06T11:22:33"));
        assert_eq!(photo.taken_at_offset.as_deref(), Some("+01:00"));
    }

    #[test]
    fn text_that_is_not_utf8_is_decoded_as_latin_1() {
        let mut photo = Photo::default();
        read(b"\x1c\x02\x78\0\x03\xc9t\xe9", &mut photo);
        assert_eq!(photo.description.as_deref(), Some("\u{c9}t\u{e9}"));
        let mut photo = Photo::default();
        read(b"\x1c\x01\x5a\0\x03\x1b%G\x1c\x02\x78\0\x03\xc9t\xe9", &mut photo);
        assert_eq!(photo.description.as_deref(), Some("\u{fffd}t\u{fffd}"));
    }

    #[test]
    fn a_length_beyond_the_end_stops_the_parser() {
        let mut photo = Photo::default();
        read(b"\x1c\x02\x19\0\x03sea\x1c\x02\x19\x7f\xffsun", &mut photo);
        assert_eq!(photo.keywords, ["sea"]);
        read_resources(b"8BIM\x04\x04\0\0\xff\xff\xff\xffxx", &mut photo);
        assert_eq!(photo.keywords, ["sea"]);
    }
}
