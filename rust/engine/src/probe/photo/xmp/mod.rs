//! XMP (ISO 16684-1): packets in pictures, and sidecar files, which contain nothing else.
//!
//! Properties are attributes or elements, and plain or in lists or structures. All these
//! forms become a name and its values. Entities that a document defines are not expanded, so
//! that it cannot grow while it is read.

mod properties;
mod tags;

pub(super) use properties::number;
use properties::{Properties, Space};
pub use tags::{TagValue, Tags, tags};

use super::date;
use super::fill::{add_keywords, fill as set, positive, rating};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::Result;
use crate::probe::source::Source;
use crate::probe::text;

/// The most bytes of a sidecar that are read. With an editor's masks it can have megabytes,
/// but the properties are at the beginning.
const LONGEST: usize = 2 * 1024 * 1024;

/// Reads the properties in a sidecar.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("xmp");
    if source.len() > LONGEST as u64 {
        media.warn("the file is very long; only its beginning was read");
    }
    let text = text::by_mark(source.up_to(0, LONGEST)?).into_owned();
    let (properties, whole) = Properties::read(&text);
    if !whole {
        media.warn("the XML is damaged or too large");
    }
    let mut photo = Photo::default();
    // Without the size: a sidecar has none, and the picture file contains its own.
    properties.fill(&mut photo);
    media.photo = Some(photo);
    Ok(media)
}

/// Fills in the fields of an XMP packet that are not set in `photo`. Its rating and keywords
/// replace those of EXIF.
pub fn fill(packet: &[u8], photo: &mut Photo) {
    let text = text::by_mark(&packet[..packet.len().min(LONGEST)]);
    Properties::read(&text).0.fill(photo);
}

/// The name of the extended packet that belongs to a packet in a JPEG.
pub(super) fn extension_of(packet: &[u8]) -> Option<String> {
    let text = text::by_mark(&packet[..packet.len().min(LONGEST)]);
    Properties::read(&text).0.text(Space::Note, "HasExtendedXMP")
}

impl Properties {
    fn fill(&self, photo: &mut Photo) {
        set(&mut photo.camera_make, || self.text(Space::Tiff, "Make"));
        set(&mut photo.camera_model, || self.text(Space::Tiff, "Model"));
        set(&mut photo.orientation, || Some(self.number(Space::Tiff, "Orientation")? as u8));
        set(&mut photo.lens_make, || self.text(Space::ExifEx, "LensMake"));
        set(&mut photo.lens_model, || self.text(Space::ExifEx, "LensModel"));
        set(&mut photo.lens_model, || self.text(Space::Aux, "Lens"));
        self.fill_taken_at(photo);
        self.fill_exposure(photo);
        self.fill_place(photo);
        set(&mut photo.software, || self.text(Space::Tiff, "Software"));
        set(&mut photo.software, || self.text(Space::Xmp, "CreatorTool"));
        set(&mut photo.artist, || self.list(Space::Dc, "creator"));
        set(&mut photo.artist, || self.list(Space::Tiff, "Artist"));
        set(&mut photo.copyright, || self.text(Space::Dc, "rights"));
        set(&mut photo.copyright, || self.text(Space::Tiff, "Copyright"));
        set(&mut photo.description, || self.text(Space::Dc, "description"));
        set(&mut photo.description, || self.text(Space::Tiff, "ImageDescription"));
        // Programs keep ratings and keywords up to date in XMP. EXIF may have older ones, written
        // by the file manager of an operating system.
        photo.rating = self.number(Space::Xmp, "Rating").and_then(rating).or(photo.rating);
        if self.values(Space::Dc, "subject").next().is_some() {
            photo.keywords.clear();
            add_keywords(photo, self.values(Space::Dc, "subject"));
        }
    }

    fn fill_taken_at(&self, photo: &mut Photo) {
        let dates = [
            (Space::Exif, "DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal"),
            (Space::Photoshop, "DateCreated", "", ""),
            (Space::Exif, "DateTimeDigitized", "SubSecTimeDigitized", "OffsetTimeDigitized"),
            (Space::Xmp, "CreateDate", "", ""),
        ];
        for (space, name, fraction, offset) in dates {
            let Some(mut date) = self.values(space, name).next().and_then(date::parse) else {
                continue;
            };
            if let Some(fraction) = self.values(Space::Exif, fraction).next() {
                date.add_fraction(fraction);
            }
            for space in [Space::Exif, Space::ExifEx] {
                if let Some(offset) = self.values(space, offset).next() {
                    date.add_offset(offset);
                }
            }
            return date.fill(photo);
        }
    }

    fn fill_exposure(&self, photo: &mut Photo) {
        let exif = |name| self.number(Space::Exif, name);
        set(&mut photo.exposure_seconds, || positive(exif("ExposureTime")));
        set(&mut photo.exposure_seconds, || Some(0.5f64.powf(exif("ShutterSpeedValue")?)));
        set(&mut photo.f_number, || positive(exif("FNumber")));
        set(&mut photo.f_number, || Some(2f64.powf(exif("ApertureValue")? / 2.0)));
        set(&mut photo.iso, || {
            let new = || self.number(Space::ExifEx, "PhotographicSensitivity");
            let known = |iso: Option<f64>| iso.filter(|&iso| iso != 65535.0);
            Some(positive(known(exif("ISOSpeedRatings")).or_else(|| known(new())))? as u32)
        });
        set(&mut photo.focal_length, || positive(exif("FocalLength")));
        set(&mut photo.focal_length_35mm, || positive(exif("FocalLengthIn35mmFilm")));
        set(&mut photo.flash, || {
            Some(self.field(Space::Exif, "Flash", "Fired")?.eq_ignore_ascii_case("true"))
        });
    }

    fn fill_place(&self, photo: &mut Photo) {
        let degrees = |name| degrees(self.values(Space::Exif, name).next()?);
        if photo.latitude.is_none() && photo.longitude.is_none() {
            photo.latitude = degrees("GPSLatitude");
            photo.longitude = degrees("GPSLongitude");
        }
        set(&mut photo.altitude, || {
            let altitude = self.number(Space::Exif, "GPSAltitude")?;
            let below = self.number(Space::Exif, "GPSAltitudeRef") == Some(1.0);
            Some(if below { -altitude } else { altitude })
        });
    }
}

/// Parses `57,34.93N`, `57,34,56N`, or decimal degrees.
fn degrees(text: &str) -> Option<f64> {
    let text = text.trim();
    let numbers = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let mut parts = numbers.splitn(3, ',').map(number);
    let mut part = || parts.next().unwrap_or(Some(0.0));
    let degrees = part()? + part()? / 60.0 + part()? / 3600.0;
    let side = text[numbers.len()..].chars().next();
    Some(if matches!(side, Some('S' | 's' | 'W' | 'w')) { -degrees } else { degrees })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_damage_is_survived, packet, probe_photo};
    use super::*;

    const ELEMENTS: &str = r#"
        <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>a &amp; b</rdf:li></rdf:Bag></dc:subject>
        <dc:description><rdf:Alt><rdf:li xml:lang="fr">Deux</rdf:li>
            <rdf:li xml:lang="x-default">Two &lt;2&#62;</rdf:li></rdf:Alt></dc:description>
        <dc:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>
        <exif:ISOSpeedRatings><rdf:Seq><rdf:li>400</rdf:li></rdf:Seq></exif:ISOSpeedRatings>
        <exif:Flash rdf:parseType="Resource"><exif:Fired>True</exif:Fired></exif:Flash>
        <exif:ExposureTime>1/250</exif:ExposureTime>
        <tiff:Make>Acme</tiff:Make>"#;
    const ATTRIBUTES: &str = r#"xmp:Rating="-1" tiff:Model="Cam &quot;1&quot;" aux:Lens="Lens 50"
        exif:FNumber="28/10" exif:GPSLatitude="57,34.5S" exif:GPSLongitude="12,30,36E"
        exif:GPSAltitude="125/10" exif:GPSAltitudeRef="1" tiff:Orientation="6"
        exif:DateTimeOriginal="2019-05-04T12:33:01.05+02:00" xmp:CreateDate="2020-01-01"
        tiff:ImageWidth="320" tiff:ImageLength="200""#;

    #[test]
    fn attributes_elements_lists_and_structures_are_read() {
        let (media, photo) = probe_photo(packet(ATTRIBUTES, ELEMENTS).as_bytes());
        assert_eq!(media.container, "xmp");
        assert!(media.warnings.is_empty());
        let expected = Photo {
            orientation: Some(6),
            camera_make: Some("Acme".into()),
            camera_model: Some("Cam \"1\"".into()),
            lens_model: Some("Lens 50".into()),
            taken_at: Some("2019-05-04T12:33:01.05".into()),
            taken_at_offset: Some("+02:00".into()),
            latitude: Some(-57.575),
            longitude: Some(12.51),
            altitude: Some(-12.5),
            exposure_seconds: Some(1.0 / 250.0),
            f_number: Some(2.8),
            iso: Some(400),
            flash: Some(true),
            artist: Some("Ann; Bob".into()),
            description: Some("Two <2>".into()),
            rating: Some(-1),
            keywords: vec!["sea".into(), "a & b".into()],
            ..Photo::default()
        };
        assert_eq!(photo, expected);
    }

    #[test]
    fn namespaces_count_and_not_their_prefixes() {
        let renamed = packet("xmp:Rating='3'", "").replace("xmp:", "q:").replace(":xmp=", ":q=");
        assert_eq!(probe_photo(renamed.as_bytes()).1.rating, Some(3));
        let foreign = packet("xmp:Rating='3'", "").replace("xap/1.0", "other/1.0");
        assert_eq!(probe_photo(foreign.as_bytes()).1.rating, None);
    }

    #[test]
    fn known_fields_are_kept_except_ratings_and_keywords() {
        let mut photo = Photo {
            iso: Some(100),
            rating: Some(1),
            keywords: vec!["a".into()],
            ..Photo::default()
        };
        let text = packet("xmp:Rating='3' tiff:Model='A' exif:ISOSpeedRatings='200'", "");
        fill(text.as_bytes(), &mut photo);
        assert_eq!((photo.iso, photo.camera_model.as_deref()), (Some(100), Some("A")));
        // But ratings and keywords in XMP are newer than those in EXIF.
        assert_eq!((photo.rating, &photo.keywords[..]), (Some(3), &["a".to_owned()][..]));
        fill(packet("", ELEMENTS).as_bytes(), &mut photo);
        assert_eq!(photo.keywords, ["sea", "a & b"]);
    }

    #[test]
    fn values_may_be_in_a_node_elsewhere() {
        let text = packet("", "<dc:subject rdf:nodeID='n1'/><exif:Flash rdf:nodeID='n2'/>")
            .replace(
                "</rdf:RDF>",
                "<rdf:Bag rdf:nodeID='n1'><rdf:li>sea</rdf:li><rdf:li>sun</rdf:li></rdf:Bag>\
             <rdf:Description rdf:nodeID='n2' xmlns:e='http://ns.adobe.com/exif/1.0/' \
             e:Fired='True'/></rdf:RDF>",
            );
        let (_, photo) = probe_photo(text.as_bytes());
        assert_eq!(photo.keywords, ["sea", "sun"]);
        assert_eq!(photo.flash, Some(true));
    }

    #[test]
    fn sidecars_in_utf_16_are_recognised_with_and_without_a_mark() {
        let text = packet("xmp:Rating='3'", "");
        for (mark, little) in [(&[0xff, 0xfe][..], true), (&[0xfe, 0xff], false), (&[], true)] {
            let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
            let data: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
            let (media, photo) = probe_photo(&[mark, &data].concat());
            assert_eq!((&*media.container, photo.rating), ("xmp", Some(3)));
        }
    }

    #[test]
    fn damaged_xml_is_read_up_to_the_damage() {
        let text = packet("xmp:Rating='3'", "<dc:subject><rdf:Bag></dc:subject>");
        let (media, photo) = probe_photo(text.as_bytes());
        assert_eq!(photo.rating, Some(3));
        assert_eq!(media.warnings, ["the XML is damaged or too large"]);
    }

    #[test]
    fn entities_of_a_document_are_not_expanded_and_depth_is_limited() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>";
        let text = packet("", "<dc:subject><rdf:Bag><rdf:li>x&b;y</rdf:li></rdf:Bag></dc:subject>");
        let text = text.replacen("<x:xmpmeta", &format!("{bomb}<x:xmpmeta"), 1);
        assert_eq!(probe_photo(text.as_bytes()).1.keywords, ["xy"]);
        let deep = packet("xmp:Rating='3'", &"<dc:a>".repeat(100_000));
        let (media, photo) = probe_photo(deep.as_bytes());
        assert_eq!(photo.rating, Some(3));
        assert_eq!(media.warnings, ["the XML is damaged or too large"]);
    }

    #[test]
    fn utf16_is_read() {
        let text = packet("xmp:Rating='3'", "");
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let mut photo = Photo::default();
        fill(&bytes, &mut photo);
        assert_eq!(photo.rating, Some(3));
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        assert_damage_is_survived(packet(ATTRIBUTES, ELEMENTS).as_bytes());
    }
}
