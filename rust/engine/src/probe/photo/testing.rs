//! Small files and helpers for the tests of all formats.

use super::ifd::Order;
use crate::probe::{Limits, Media, Photo, Problem, Source, probe_source};

/// A value in a directory.
#[derive(Clone)]
pub enum Value {
    Text(&'static str),
    Byte(&'static [u8]),
    Short(&'static [u16]),
    Long(&'static [u32]),
    Rational(&'static [(u32, u32)]),
    Undefined(Vec<u8>),
    Directories(Vec<Directory>),
}

pub type Directory = Vec<(u16, Value)>;

/// A TIFF structure with a chain of directories.
pub fn tiff(order: Order, chain: &[Directory]) -> Vec<u8> {
    let head: &[u8] = if order == Order::Big { b"MM\0*\0\0\0\x08" } else { b"II*\0\x08\0\0\0" };
    let mut bytes = head.to_vec();
    add(&mut bytes, order, chain);
    bytes
}

fn add(bytes: &mut Vec<u8>, order: Order, chain: &[Directory]) -> u32 {
    let first = bytes.len() as u32;
    for (index, directory) in chain.iter().enumerate() {
        let start = bytes.len();
        bytes.extend(short(order, directory.len() as u16));
        bytes.resize(start + 2 + directory.len() * 12 + 4, 0);
        for (entry, (tag, value)) in directory.iter().enumerate() {
            let (kind, count, data) = encode(bytes, order, value);
            let mut field = [short(order, *tag), short(order, kind)].concat();
            field.extend(long(order, count));
            if data.len() > 4 {
                field.extend(long(order, bytes.len() as u32));
                bytes.extend(data);
            } else {
                field.extend(data);
                field.resize(12, 0);
            }
            let at = start + 2 + entry * 12;
            bytes[at..at + 12].copy_from_slice(&field);
        }
        if index + 1 < chain.len() {
            let next = long(order, bytes.len() as u32);
            let at = start + 2 + directory.len() * 12;
            bytes[at..at + 4].copy_from_slice(&next);
        }
    }
    first
}

fn encode(bytes: &mut Vec<u8>, order: Order, value: &Value) -> (u16, u32, Vec<u8>) {
    let (kind, unit, data) = match value {
        Value::Text(text) => (2, 1, [text.as_bytes(), b"\0"].concat()),
        Value::Byte(values) => (1, 1, values.to_vec()),
        Value::Short(values) => (3, 2, values.iter().flat_map(|&it| short(order, it)).collect()),
        Value::Long(values) => (4, 4, values.iter().flat_map(|&it| long(order, it)).collect()),
        Value::Rational(values) => {
            let halves = values.iter().flat_map(|&(above, below)| [above, below]);
            (5, 8, halves.flat_map(|it| long(order, it)).collect())
        }
        Value::Undefined(values) => (7, 1, values.clone()),
        Value::Directories(directories) => {
            let offsets: Vec<u8> = directories
                .iter()
                .flat_map(|it| {
                    let offset = add(bytes, order, std::slice::from_ref(it));
                    long(order, offset)
                })
                .collect();
            (4, 4, offsets)
        }
    };
    (kind, (data.len() / unit) as u32, data)
}

fn short(order: Order, value: u16) -> Vec<u8> {
    if order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() }.to_vec()
}

fn long(order: Order, value: u32) -> Vec<u8> {
    if order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() }.to_vec()
}

/// The tags that a camera writes.
pub fn camera() -> Directory {
    vec![
        (0x010e, Value::Text("At the sea")),
        (0x010f, Value::Text("Acme   ")),
        (0x0110, Value::Text("Cam 1")),
        (0x0112, Value::Short(&[6])),
        (0x8769, Value::Directories(vec![exposure()])),
        (0x8825, Value::Directories(vec![place()])),
    ]
}

fn exposure() -> Directory {
    vec![
        (0x829a, Value::Rational(&[(1, 250)])),
        (0x829d, Value::Rational(&[(28, 10)])),
        (0x8827, Value::Short(&[400])),
        (0x9003, Value::Text("2019:05:04 12:33:01")),
        (0x9011, Value::Text("+02:00")),
        (0x9209, Value::Short(&[25])),
        (0x920a, Value::Rational(&[(50, 1)])),
        (0x9291, Value::Text("05 ")),
        (0xa405, Value::Short(&[75])),
        (0xa434, Value::Text("Lens 50")),
    ]
}

fn place() -> Directory {
    vec![
        (1, Value::Text("S")),
        (2, Value::Rational(&[(10, 1), (3000, 100), (0, 0)])),
        (3, Value::Text("W")),
        (4, Value::Rational(&[(20, 1), (15, 1), (36, 1)])),
        (5, Value::Byte(&[1])),
        (6, Value::Rational(&[(125, 10)])),
    ]
}

/// An EXIF block with the tags that a camera writes.
pub fn exif() -> Vec<u8> {
    tiff(Order::Little, &[camera()])
}

/// Asserts that a photo has the properties in [`exif`].
pub fn assert_is_camera(photo: &Photo) {
    assert_eq!(photo.camera_make.as_deref().map(str::trim), Some("Acme"));
    assert_eq!(photo.camera_model.as_deref(), Some("Cam 1"));
    assert_eq!(photo.orientation, Some(6));
    assert_eq!(photo.taken_at.as_deref(), Some("2019-05-04T12:33:01.05"));
    assert_eq!(photo.taken_at_offset.as_deref(), Some("+02:00"));
    assert_eq!(photo.exposure_seconds, Some(1.0 / 250.0));
    assert_eq!(photo.f_number, Some(2.8));
    assert_eq!(photo.iso, Some(400));
    assert_eq!(photo.focal_length, Some(50.0));
    assert_eq!(photo.focal_length_35mm, Some(75.0));
    assert_eq!(photo.flash, Some(true));
    assert_eq!(photo.lens_model.as_deref(), Some("Lens 50"));
    assert_eq!(photo.latitude, Some(-10.5));
    assert!((photo.longitude.unwrap() + 20.26).abs() < 1e-9);
    assert_eq!(photo.altitude, Some(-12.5));
}

/// An XMP packet with properties.
pub fn packet(attributes: &str, elements: &str) -> String {
    format!(
        r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:xmpNote="http://ns.adobe.com/xmp/note/" {attributes}>{elements}</rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#
    )
}

/// Keywords and a description in Photoshop's resources.
pub fn resources() -> Vec<u8> {
    let mut datasets = Vec::new();
    for (number, text) in [(25, "sea"), (25, "sun"), (80, "Ann"), (120, "\u{c9}t\u{e9}")] {
        datasets.extend([0x1c, 2, number, 0, text.len() as u8]);
        datasets.extend(text.as_bytes());
    }
    for (number, text) in [(55, "20150506"), (60, "112233+0100")] {
        datasets.extend([0x1c, 2, number, 0, text.len() as u8]);
        datasets.extend(text.as_bytes());
    }
    let mut resources = b"8BIM\x04\x25\0\0\0\0\0\x01x\08BIM\x04\x04\0\0".to_vec();
    resources.extend((datasets.len() as u32).to_be_bytes());
    resources.extend(datasets);
    resources
}

/// Probes bytes.
pub fn probe(bytes: &[u8]) -> crate::probe::Result<Media> {
    let mut source = Source::new(&bytes, bytes.len() as u64, Limits::default());
    probe_source(&mut source, "")
}

/// Probes bytes that contain a photo.
pub fn probe_photo(bytes: &[u8]) -> (Media, Photo) {
    let mut media = probe(bytes).unwrap();
    let photo = media.photo.take().unwrap();
    (media, photo)
}

/// Asserts that a file that is cut off anywhere, or that has flipped bits, never causes a
/// panic.
pub fn assert_damage_is_survived(bytes: &[u8]) {
    let survives = |bytes: &[u8]| {
        let answer = probe(bytes);
        assert!(!matches!(answer, Err(Problem::Panic(_))), "{answer:?}");
    };
    for end in 0..bytes.len() {
        survives(&bytes[..end]);
    }
    let mut random = 1_u64;
    for _ in 0..1000 {
        let mut damaged = bytes.to_vec();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (random >> 33) as usize % damaged.len();
            damaged[at] ^= 1 << (random >> 61);
        }
        survives(&damaged);
    }
}
