//! Boxes (ISO/IEC 14496-12, 4.2): their place in a file, and their fields.

use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The type of a box: its four-character name.
pub type Kind = [u8; 4];

/// No box contains more boxes than this unless it is malicious.
const MOST_CHILDREN: usize = 4096;

/// A box in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxAt {
    /// Its type.
    pub kind: Kind,
    /// Where its header begins.
    pub start: u64,
    /// Where its content begins.
    pub content: u64,
    /// Where it ends: at the end of its parent at the latest.
    pub end: u64,
    /// Whether it claims to extend beyond the end of its parent.
    pub cut: bool,
}

impl BoxAt {
    /// The length of the content.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.content)
    }
}

/// The box whose header is at `offset`, in a parent that ends at `limit`.
pub fn box_at(source: &mut Source<'_>, offset: u64, limit: u64) -> Result<Option<BoxAt>> {
    if offset.checked_add(8).is_none_or(|end| end > limit) {
        return Ok(None);
    }
    let header = source.up_to(offset, 16)?;
    let mut fields = Fields::new(header);
    let (Some(size), Some(kind)) = (fields.u32(), fields.kind()) else {
        return Ok(None);
    };
    let (header, size) = match size {
        0 => (8, limit - offset),
        1 => match fields.u64() {
            Some(size) => (16, size),
            None => return Ok(None),
        },
        size => (8, u64::from(size)),
    };
    if size < header || offset + header > limit {
        return Ok(None);
    }
    let end = offset.saturating_add(size);
    let cut = end > limit;
    let end = end.min(limit);
    Ok(Some(BoxAt { kind, start: offset, content: offset + header, end, cut }))
}

/// The boxes from `start` to `end`, up to bytes that cannot be a box.
pub fn boxes_between(source: &mut Source<'_>, start: u64, end: u64) -> Result<Vec<BoxAt>> {
    let mut boxes = Vec::new();
    let mut offset = start;
    while boxes.len() < MOST_CHILDREN {
        let Some(found) = box_at(source, offset, end)? else { break };
        offset = found.end;
        boxes.push(found);
    }
    Ok(boxes)
}

/// The boxes inside a box.
pub fn children(source: &mut Source<'_>, parent: &BoxAt) -> Result<Vec<BoxAt>> {
    boxes_between(source, parent.content, parent.end)
}

/// The first `most` bytes of a box's content.
pub fn content(source: &mut Source<'_>, of: &BoxAt, most: usize) -> Result<Vec<u8>> {
    let length = usize::try_from(of.len()).unwrap_or(usize::MAX).min(most);
    Ok(source.up_to(of.content, length)?.to_vec())
}

/// The boxes in `bytes`: the type and the content of each. A box that extends beyond the end
/// is cut off there.
pub fn boxes_in(bytes: &[u8]) -> BoxesIn<'_> {
    BoxesIn { rest: bytes }
}

/// See [`boxes_in`].
pub struct BoxesIn<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for BoxesIn<'a> {
    type Item = (Kind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = Fields::new(self.rest);
        let size = fields.u32()?;
        let kind = fields.kind()?;
        let (header, size) = match size {
            0 => (8, self.rest.len()),
            1 => (16, usize::try_from(fields.u64()?).unwrap_or(usize::MAX)),
            size => (8, usize::try_from(size).unwrap_or(usize::MAX)),
        };
        let end = size.min(self.rest.len());
        let content = self.rest.get(header..end)?;
        self.rest = self.rest.get(end..)?;
        Some((kind, content))
    }
}

/// The content of the first box of a type in `bytes`.
pub fn find_in<'a>(bytes: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    boxes_in(bytes).find(|(found, _)| found == kind).map(|(_, content)| content)
}

/// The fields of a box, one after the other; None when there are no more.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Fields from the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that have not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next bytes up to a zero, or all of them.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| byte == 0);
        let text = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = self.rest.get(text.len() + 1..).unwrap_or(&[]);
        text
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// An 8-bit number.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// A 16-bit number.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 24-bit number.
    pub fn u24(&mut self) -> Option<u32> {
        let [high, middle, low] = self.array()?;
        Some(u32::from_be_bytes([0, high, middle, low]))
    }

    /// A 32-bit number.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A signed 32-bit number.
    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A 64-bit number.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A 32-bit number, or a 64-bit number if `wide`.
    pub fn u32_or_u64(&mut self, wide: bool) -> Option<u64> {
        if wide { self.u64() } else { self.u32().map(u64::from) }
    }

    /// A number of `size` bytes, from 0 to 8.
    pub fn sized(&mut self, size: u8) -> Option<u64> {
        let bytes = self.take(usize::from(size.min(8)))?;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A name of four bytes.
    pub fn kind(&mut self) -> Option<Kind> {
        self.array()
    }

    /// The version and flags of a full box.
    pub fn version(&mut self) -> Option<(u8, u32)> {
        Some((self.u8()?, self.u24()?))
    }
}
