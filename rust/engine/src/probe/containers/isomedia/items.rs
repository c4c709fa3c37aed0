//! Image items (ISO/IEC 23008-12): HEIF and AVIF.

use super::boxes::{BoxAt, Fields, Kind, boxes_in, content, find_in};
use crate::probe::model::{Media, Photo, TrackType};
use crate::probe::photo::{exif, xmp};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The longest headers of a picture that are read.
const LONGEST_META: usize = 1024 * 1024;

/// The longest metadata of a picture that is read.
const LONGEST_ITEM: usize = 512 * 1024;

/// No file has more items, and no item more pieces or properties, unless it is malicious.
const MOST_ITEMS: usize = 65_536;
const MOST_EXTENTS: usize = 64;

/// An item: a picture, a tile of one, or its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item<'a> {
    id: u32,
    kind: Kind,
    /// The MIME type of an item of type `mime`.
    mime: &'a [u8],
}

/// Where the data of an item is.
#[derive(Debug, Default)]
struct Location {
    /// Whether it is in `idat` and not in the file.
    inside: bool,
    extents: Vec<(u64, u64)>,
}

/// Reads the `meta` box of a file with pictures. Returns whether there is a picture.
pub fn read(source: &mut Source<'_>, meta: &BoxAt, media: &mut Media) -> Result<bool> {
    if meta.cut {
        media.warn("the file is cut off within its headers");
    }
    let bytes = content(source, meta, LONGEST_META)?;
    // It is a full box, but some old programs write a plain one.
    let inner = if bytes.get(4..8) == Some(b"hdlr") { Some(&*bytes) } else { bytes.get(4..) };
    let inner = inner.unwrap_or(&[]);
    let items = find_in(inner, b"iinf").map(items_in).unwrap_or_default();
    let first = items.iter().find(|item| is_picture(&item.kind)).map(|item| item.id);
    let Some(primary) = find_in(inner, b"pitm").and_then(number_in).or(first) else {
        media.photo = Some(Photo::default());
        return Ok(false);
    };
    let mut photo = Photo::default();
    let turned = properties(inner, primary, &mut photo);
    for (kind, mime) in [(b"Exif", &b""[..]), (b"mime", b"application/rdf+xml")] {
        let described = |item: &&Item<'_>| refers(inner, item.id, primary);
        let mut fitting = items.iter().filter(|item| &item.kind == kind && item.mime == mime);
        let item = fitting.clone().find(described).or_else(|| fitting.next());
        let Some(location) = item.and_then(|item| locate(inner, item.id)) else { continue };
        let data = data_of(source, inner, &location)?;
        if kind == b"mime" {
            xmp::fill(&data, &mut photo);
        } else if let Some(tiff) = tiff_in(&data) {
            exif::read(tiff, &mut photo);
        }
    }
    photo.orientation = photo.orientation.or(turned);
    media.photo = Some(photo);
    Ok(true)
}

/// Makes a photo of a sequence of pictures that has no item for one.
pub fn from_movie(media: &mut Media) {
    let video = media.tracks.iter().find(|track| track.track_type == TrackType::Video);
    media.photo = Some(video.map_or_else(Photo::default, |track| Photo {
        width: track.width,
        height: track.height,
        bit_depth: track.bit_depth,
        ..Photo::default()
    }));
    media.tracks.clear();
    media.chapters.clear();
    (media.duration_seconds, media.bit_rate) = (None, None);
}

fn is_picture(kind: &Kind) -> bool {
    matches!(
        kind,
        b"hvc1" | b"hev1" | b"av01" | b"grid" | b"iovl" | b"iden" | b"jpeg" | b"avc1" | b"unci"
    )
}

/// The number in a full box: 16 bits in version 0, otherwise 32.
fn number_in(content: &[u8]) -> Option<u32> {
    let mut fields = Fields::new(content);
    let (version, _) = fields.version()?;
    if version == 0 { fields.u16().map(u32::from) } else { fields.u32() }
}

fn items_in(iinf: &[u8]) -> Vec<Item<'_>> {
    let mut fields = Fields::new(iinf);
    let count = match fields.version() {
        Some((0, _)) => fields.u16().map(u32::from),
        _ => fields.u32(),
    };
    boxes_in(fields.rest())
        .filter(|(kind, _)| kind == b"infe")
        .filter_map(|(_, infe)| item_in(infe))
        .take((count.unwrap_or(0) as usize).min(MOST_ITEMS))
        .collect()
}

fn item_in(infe: &[u8]) -> Option<Item<'_>> {
    let mut fields = Fields::new(infe);
    let id = match fields.version()? {
        (2, _) => u32::from(fields.u16()?),
        (3, _) => fields.u32()?,
        _ => return None,
    };
    fields.u16()?;
    let kind = fields.kind()?;
    let _name = fields.text();
    let mime = if &kind == b"mime" { fields.text() } else { &[] };
    Some(Item { id, kind, mime })
}

/// Whether an item describes another one.
fn refers(meta: &[u8], from: u32, to: u32) -> bool {
    let Some(iref) = find_in(meta, b"iref") else { return false };
    let mut fields = Fields::new(iref);
    let Some((version, _)) = fields.version() else { return false };
    boxes_in(fields.rest()).filter(|(kind, _)| kind == b"cdsc").any(|(_, content)| {
        let mut fields = Fields::new(content);
        let mut id = || if version == 0 { fields.u16().map(u32::from) } else { fields.u32() };
        let of = id();
        let _count = fields.u16();
        let mut id = || if version == 0 { fields.u16().map(u32::from) } else { fields.u32() };
        of == Some(from) && std::iter::from_fn(&mut id).any(|id| id == to)
    })
}

/// Fills in the fields that are in the properties of the picture. Returns the orientation in
/// which it is shown, if it differs from the stored one.
fn properties(meta: &[u8], primary: u32, photo: &mut Photo) -> Option<u8> {
    let iprp = find_in(meta, b"iprp")?;
    let all: Vec<(Kind, &[u8])> = boxes_in(find_in(iprp, b"ipco")?).take(MOST_ITEMS).collect();
    let own: Vec<(Kind, &[u8])> = boxes_in(iprp)
        .filter(|(kind, _)| kind == b"ipma")
        .find_map(|(_, ipma)| associated(ipma, primary))
        .unwrap_or_default()
        .iter()
        .filter_map(|&index| all.get(index.checked_sub(1)?).copied())
        .collect();
    let of = |kind: &Kind| own.iter().find(|(found, _)| found == kind).map(|(_, content)| *content);
    if let Some(ispe) = of(b"ispe").or_else(|| largest(&all)) {
        let mut fields = Fields::new(ispe.get(4..).unwrap_or(&[]));
        photo.width = fields.u32();
        photo.height = fields.u32();
    }
    // A picture that consists of tiles has the depth of the tiles.
    let tile =
        |kind: &Kind| all.iter().find(|(found, _)| found == kind).map(|(_, content)| *content);
    photo.bit_depth = of(b"pixi")
        .and_then(|pixi| pixi.get(5).copied().map(u32::from))
        .or_else(|| of(b"hvcC").or(tile(b"hvcC")).and_then(depth_of_hevc))
        .or_else(|| of(b"av1C").or(tile(b"av1C")).and_then(depth_of_av1));
    let quarters = of(b"irot").and_then(|irot| irot.first()).map_or(0, |angle| angle & 3);
    // Mode 0 exchanges top and bottom (ISO/IEC 23008-12:2022, 6.5.12): the axis is horizontal.
    let mirror = of(b"imir").and_then(|imir| imir.first()).map(|mode| (mode & 1) ^ 1);
    orientation(quarters, mirror)
}

/// EXIF's orientation for quarter turns counter-clockwise, after which the picture is
/// mirrored about the vertical axis (0) or the horizontal axis (1).
fn orientation(quarters: u8, mirror: Option<u8>) -> Option<u8> {
    Some(match (quarters, mirror) {
        (0, None) => return None,
        (1, None) => 8,
        (2, None) => 3,
        (3, None) => 6,
        (0, Some(0)) | (2, Some(1)) => 2,
        (0, Some(1)) | (2, Some(0)) => 4,
        (1, Some(0)) | (3, Some(1)) => 7,
        (1, Some(1)) | (3, Some(0)) => 5,
        _ => return None,
    })
}

fn largest<'a>(all: &[(Kind, &'a [u8])]) -> Option<&'a [u8]> {
    all.iter()
        .filter(|(kind, _)| kind == b"ispe")
        .map(|(_, content)| *content)
        .max_by_key(|content| Fields::new(content.get(4..).unwrap_or(&[])).u64())
}

fn depth_of_hevc(hvcc: &[u8]) -> Option<u32> {
    Some(u32::from(hvcc.get(17)? & 7) + 8)
}

fn depth_of_av1(av1c: &[u8]) -> Option<u32> {
    let flags = av1c.get(2)?;
    Some(match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    })
}

/// The numbers of an item's properties, counted from 1.
fn associated(ipma: &[u8], id: u32) -> Option<Vec<usize>> {
    let mut fields = Fields::new(ipma);
    let (version, flags) = fields.version()?;
    let count = fields.u32()?;
    for _ in 0..count {
        let item = if version == 0 { u32::from(fields.u16()?) } else { fields.u32()? };
        let length = fields.u8()?;
        let mut indices = Vec::new();
        for _ in 0..length {
            indices.push(usize::from(match flags & 1 {
                0 => u16::from(fields.u8()? & 0x7f),
                _ => fields.u16()? & 0x7fff,
            }));
        }
        if item == id {
            return Some(indices);
        }
    }
    None
}

fn locate(meta: &[u8], id: u32) -> Option<Location> {
    let mut fields = Fields::new(find_in(meta, b"iloc")?);
    let (version, _) = fields.version()?;
    let sizes = fields.u16()?;
    let [offset_size, length_size, base_size, index_size] =
        [12, 8, 4, 0].map(|by| (sizes >> by & 0xf) as u8);
    let index_size = if version == 0 { 0 } else { index_size };
    let count = if version < 2 { u32::from(fields.u16()?) } else { fields.u32()? };
    for _ in 0..count {
        let item = if version < 2 { u32::from(fields.u16()?) } else { fields.u32()? };
        let method = if version == 0 { 0 } else { fields.u16()? & 0xf };
        fields.u16()?;
        let base = fields.sized(base_size)?;
        let extents = fields.u16()?;
        let mut location = Location { inside: method == 1, extents: Vec::new() };
        for _ in 0..extents {
            fields.sized(index_size)?;
            let offset = base.checked_add(fields.sized(offset_size)?)?;
            let length = fields.sized(length_size)?;
            if location.extents.len() < MOST_EXTENTS {
                location.extents.push((offset, length));
            }
            if offset_size == 0 && length_size == 0 && index_size == 0 {
                // All extents are the same one: the whole.
                break;
            }
        }
        if item == id {
            return (method < 2).then_some(location);
        }
    }
    None
}

fn data_of(source: &mut Source<'_>, meta: &[u8], location: &Location) -> Result<Vec<u8>> {
    let idat = find_in(meta, b"idat").unwrap_or(&[]);
    let mut data = Vec::new();
    for &(offset, length) in &location.extents {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // A length of 0 means up to the end.
        let length = if length == 0 { usize::MAX } else { length };
        let length = length.min(LONGEST_ITEM - data.len());
        if location.inside {
            let rest = usize::try_from(offset).ok().and_then(|offset| idat.get(offset..));
            let rest = rest.unwrap_or(&[]);
            data.extend_from_slice(&rest[..length.min(rest.len())]);
        } else {
            data.extend_from_slice(source.up_to(offset, length)?);
        }
    }
    Ok(data)
}

/// The TIFF structure in an `Exif` item, which begins with an offset to it.
fn tiff_in(data: &[u8]) -> Option<&[u8]> {
    let is_tiff = |bytes: &&[u8]| bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*");
    let offset = Fields::new(data).u32()? as usize;
    let at_offset = offset.checked_add(4).and_then(|offset| data.get(offset..)).filter(is_tiff);
    // Some programs count the offset from another position.
    at_offset
        .or_else(|| (0..data.len().min(32)).filter_map(|start| data.get(start..)).find(is_tiff))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn turns_and_mirrors_become_exif_orientations() {
        assert_eq!(orientation(0, None), None);
        assert_eq!(orientation(3, None), Some(6));
        assert_eq!(orientation(0, Some(0)), Some(2));
    }

    #[test]
    fn exif_begins_at_the_offset() {
        assert_eq!(tiff_in(b"\0\0\0\x06Exif\0\0II*\0"), Some(&b"II*\0"[..]));
        assert_eq!(tiff_in(b"\0\0\0\0MM\0*"), Some(&b"MM\0*"[..]));
        assert_eq!(tiff_in(b"\0\0\0\x63Exif\0\0II*\0"), Some(&b"II*\0"[..]));
        assert_eq!(tiff_in(b"\xff\xff\xff\xffII"), None);
    }
}
