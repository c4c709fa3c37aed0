//! XMP (ISO 16684-1): packets in pictures, and sidecar files that hold nothing else.
//!
//! Properties are attributes or elements, plain, in lists or in structures; all
//! forms come down to a name and its values. Entities that a document defines
//! for itself are not expanded, so it cannot grow while it is read.

use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

use super::date;
use super::exif::{add_keywords, fill as set, positive, rating};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// Sidecars with the masks of an editor in them can be megabytes; the properties
/// stand at the beginning.
const LONGEST: usize = 2 * 1024 * 1024;

/// No packet nests deeper, unless it means harm.
const DEEPEST: usize = 64;

/// Values that are kept.
const MOST_VALUES: usize = 4096;

/// Reads a sidecar.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("xmp");
    if source.len() > LONGEST as u64 {
        media.warn("only the beginning was read: it is very long");
    }
    let text = decode(source.up_to(0, LONGEST)?).into_owned();
    let (properties, whole) = Properties::read(&text);
    if !whole {
        media.warn("the XML is damaged");
    }
    let mut photo = Photo::default();
    let size = |space, name| properties.number(space, name).map(|it| it as u32);
    photo.width = size(Space::Tiff, "ImageWidth").or(size(Space::Exif, "PixelXDimension"));
    photo.height = size(Space::Tiff, "ImageLength").or(size(Space::Exif, "PixelYDimension"));
    photo.bit_depth = size(Space::Tiff, "BitsPerSample");
    properties.fill(&mut photo);
    media.photo = Some(photo);
    Ok(media)
}

/// Fills in what an XMP packet says, where `photo` does not have it yet.
pub fn fill(packet: &[u8], photo: &mut Photo) {
    let text = decode(&packet[..packet.len().min(LONGEST)]);
    Properties::read(&text).0.fill(photo);
}

/// The name of the extended packet that belongs to a packet, in JPEG.
pub(super) fn extension_of(packet: &[u8]) -> Option<String> {
    let text = decode(&packet[..packet.len().min(LONGEST)]);
    Properties::read(&text).0.text(Space::Note, "HasExtendedXMP")
}

/// Packets are UTF-8, seldom UTF-16.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).skip(1).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] => String::from_utf8_lossy(text),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// The vocabularies that say something of interest here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Rdf,
    Exif,
    ExifEx,
    Tiff,
    Xmp,
    Dc,
    Aux,
    Photoshop,
    Note,
    /// Any other; its properties are not kept.
    Other,
}

impl Space {
    fn of(resolved: &ResolveResult<'_>) -> Self {
        let ResolveResult::Bound(namespace) = resolved else { return Space::Other };
        match namespace.as_ref() {
            "http://www.w3.org/1999/02/22-rdf-syntax-ns#" => Space::Rdf,
            "http://ns.adobe.com/exif/1.0/" => Space::Exif,
            "http://cipa.jp/exif/1.0/" | "http://cipa.jp/exif/1.0" => Space::ExifEx,
            "http://ns.adobe.com/tiff/1.0/" => Space::Tiff,
            "http://ns.adobe.com/xap/1.0/" => Space::Xmp,
            "http://purl.org/dc/elements/1.1/" => Space::Dc,
            "http://ns.adobe.com/exif/1.0/aux/" => Space::Aux,
            "http://ns.adobe.com/photoshop/1.0/" => Space::Photoshop,
            "http://ns.adobe.com/xmp/note/" => Space::Note,
            _ => Space::Other,
        }
    }
}

/// A value, and the property (and its field) that has it.
struct Property {
    space: Space,
    name: String,
    field: Option<String>,
    value: String,
}

/// What a packet says, in its order.
#[derive(Default)]
struct Properties(Vec<Property>);

/// An element that is open.
struct Open {
    space: Space,
    name: String,
    /// Whether its text is the default among those in several languages.
    is_default: bool,
    has_children: bool,
}

impl Properties {
    /// What there is up to where the XML breaks, and whether it does not.
    fn read(text: &str) -> (Self, bool) {
        let mut properties = Self::default();
        let mut reader = NsReader::from_str(text);
        let mut path: Vec<Open> = Vec::new();
        let mut content = String::new();
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(_) => return (properties, false),
            };
            match event {
                Event::Start(element) => {
                    if path.len() >= DEEPEST {
                        return (properties, false);
                    }
                    properties.open(&reader, &element, &mut path);
                    content.clear();
                }
                Event::Empty(element) => {
                    properties.open(&reader, &element, &mut path);
                    path.pop();
                    content.clear();
                }
                Event::End(_) => {
                    if path.last().is_some_and(|element| !element.has_children) {
                        properties.add(&path, None, content.trim());
                    }
                    path.pop();
                    content.clear();
                }
                Event::Text(text) => content.push_str(&text.xml10_content()),
                Event::CData(text) => content.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => content.push(character),
                    Ok(None) => content.push_str(predefined(&reference)),
                    Err(_) => {}
                },
                Event::Eof => return (properties, path.is_empty()),
                _ => {}
            }
        }
    }

    /// Opens an element, and adds the properties that are its attributes.
    fn open(&mut self, reader: &NsReader<&[u8]>, element: &BytesStart<'_>, path: &mut Vec<Open>) {
        if let Some(parent) = path.last_mut() {
            parent.has_children = true;
        }
        let (space, name) = reader.resolver().resolve_element(element.name());
        path.push(Open {
            space: Space::of(&space),
            name: name.as_ref().to_owned(),
            is_default: false,
            has_children: false,
        });
        let mut attributes = element.attributes();
        // Whether a name comes twice is not worth looking at all names for.
        for attribute in attributes.with_checks(false).flatten().take(MOST_VALUES) {
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { continue };
            if attribute.key == QName("xml:lang") {
                let is_default = value == "x-default";
                if let Some(element) = path.last_mut() {
                    element.is_default = is_default;
                }
                continue;
            }
            let (space, name) = reader.resolver().resolve_attribute(attribute.key);
            let space = Space::of(&space);
            if !matches!(space, Space::Rdf | Space::Other) {
                self.add(path, Some((space, name.as_ref())), value.trim());
            }
        }
    }

    /// Adds a value of the property that `path` and `attribute` lead to.
    fn add(&mut self, path: &[Open], attribute: Option<(Space, &str)>, value: &str) {
        let Some(root) = path.iter().position(|it| it.space == Space::Rdf && it.name == "RDF")
        else {
            return;
        };
        let elements = path[root..].iter().filter(|it| it.space != Space::Rdf);
        let mut names = elements.map(|it| (it.space, it.name.as_str())).chain(attribute);
        let (Some((space, name)), field, None) = (names.next(), names.next(), names.next()) else {
            return;
        };
        if value.is_empty() || space == Space::Other || self.0.len() >= MOST_VALUES {
            return;
        }
        let field = field.map(|(_, name)| name.to_owned());
        let property = Property { space, name: name.to_owned(), field, value: value.to_owned() };
        let is_default = path.last().is_some_and(|it| it.is_default);
        let first = self.0.iter().position(|it| it.is(space, name)).filter(|_| is_default);
        self.0.insert(first.unwrap_or(self.0.len()), property);
    }

    fn text(&self, space: Space, name: &str) -> Option<String> {
        self.values(space, name).next().map(str::to_owned)
    }

    fn values(&self, space: Space, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |it| it.is(space, name)).map(|it| it.value.as_str())
    }

    fn number(&self, space: Space, name: &str) -> Option<f64> {
        number(self.values(space, name).next()?)
    }

    /// Several authors are one string here.
    fn list(&self, space: Space, name: &str) -> Option<String> {
        let values: Vec<&str> = self.values(space, name).collect();
        Some(values.join(", ")).filter(|it| !it.is_empty())
    }

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
        set(&mut photo.rating, || rating(self.number(Space::Xmp, "Rating")?));
        add_keywords(photo, self.values(Space::Dc, "subject"));
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
            Some(positive(exif("ISOSpeedRatings").or_else(new))? as u32)
        });
        set(&mut photo.focal_length, || positive(exif("FocalLength")));
        set(&mut photo.focal_length_35mm, || positive(exif("FocalLengthIn35mmFilm")));
        set(&mut photo.flash, || {
            let is_fired = |it: &&Property| {
                it.space == Space::Exif
                    && it.name == "Flash"
                    && it.field.as_deref() == Some("Fired")
            };
            Some(self.0.iter().find(is_fired)?.value.eq_ignore_ascii_case("true"))
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

impl Property {
    /// Whether it is a property itself, not a field of one.
    fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name && self.field.is_none()
    }
}

fn predefined(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

/// A number or a fraction.
fn number(text: &str) -> Option<f64> {
    let value: f64 = match text.split_once('/') {
        Some((above, below)) => {
            above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?
        }
        None => text.trim().parse().ok()?,
    };
    value.is_finite().then_some(value)
}

/// `57,34.93N`, `57,34,56N`, or decimal degrees.
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
            width: Some(320),
            height: Some(200),
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
            artist: Some("Ann, Bob".into()),
            description: Some("Two <2>".into()),
            rating: Some(-1),
            keywords: vec!["sea".into(), "a & b".into()],
            ..Photo::default()
        };
        assert_eq!(photo, expected);
    }

    #[test]
    fn names_count_not_their_prefixes() {
        let renamed = packet("xmp:Rating='3'", "").replace("xmp:", "q:").replace(":xmp=", ":q=");
        assert_eq!(probe_photo(renamed.as_bytes()).1.rating, Some(3));
        let foreign = packet("xmp:Rating='3'", "").replace("xap/1.0", "other/1.0");
        assert_eq!(probe_photo(foreign.as_bytes()).1.rating, None);
    }

    #[test]
    fn what_is_known_is_not_replaced() {
        let mut photo = Photo { rating: Some(1), ..Photo::default() };
        fill(packet("xmp:Rating='3' tiff:Model='A'", "").as_bytes(), &mut photo);
        assert_eq!((photo.rating, photo.camera_model.as_deref()), (Some(1), Some("A")));
    }

    #[test]
    fn broken_xml_tells_what_stands_before() {
        let text = packet("xmp:Rating='3'", "<dc:subject><rdf:Bag></dc:subject>");
        let (media, photo) = probe_photo(text.as_bytes());
        assert_eq!(photo.rating, Some(3));
        assert_eq!(media.warnings, ["the XML is damaged"]);
    }

    #[test]
    fn entities_of_a_document_are_not_expanded_and_depth_ends() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>";
        let text = packet("", "<dc:subject><rdf:Bag><rdf:li>x&b;y</rdf:li></rdf:Bag></dc:subject>");
        let text = text.replacen("<x:xmpmeta", &format!("{bomb}<x:xmpmeta"), 1);
        assert_eq!(probe_photo(text.as_bytes()).1.keywords, ["xy"]);
        let deep = packet("xmp:Rating='3'", &"<dc:a>".repeat(100_000));
        let (media, photo) = probe_photo(deep.as_bytes());
        assert_eq!(photo.rating, Some(3));
        assert_eq!(media.warnings, ["the XML is damaged"]);
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
    fn damage_is_survived() {
        assert_damage_is_survived(packet(ATTRIBUTES, ELEMENTS).as_bytes());
    }
}
