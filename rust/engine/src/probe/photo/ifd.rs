//! TIFF's directories (TIFF 6.0 section 2, BigTIFF), wherever they are.
//!
//! A [`Tiff`] reads from a slice (EXIF in a JPEG) or from a file (a raw image of 100 MB whose
//! directories take a few kilobytes). Only entries are read in advance; a value is read when
//! it is needed. Directories may refer to each other in circles, so code that follows them
//! must count them.

use crate::probe::problem::Problem;
use crate::probe::source::Source;
use crate::probe::text;

/// No directory has more entries unless it is malicious.
const MOST_ENTRIES: usize = 2048;

/// The most directories of a structure that are read.
const MOST_DIRECTORIES: usize = 64;

/// The bytes that are read at a time. Directories and their values are close to each other,
/// in either order.
const WINDOW: usize = 32 * 1024;
const BEFORE_MASK: u64 = 0x0fff;

/// Bytes with offsets from the beginning of a TIFF structure.
pub trait Bytes {
    /// The number of bytes.
    fn len(&self) -> u64;
    /// The `length` bytes at `offset`, or fewer at the end.
    fn up_to(&mut self, offset: u64, length: usize) -> &[u8];
}

impl Bytes for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn up_to(&mut self, offset: u64, length: usize) -> &[u8] {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or(&[]);
        &rest[..length.min(rest.len())]
    }
}

/// The bytes of a file from `base` on, read in windows.
pub struct Windows<'s, 'a> {
    source: &'s mut Source<'a>,
    base: u64,
    read: Vec<(u64, u64)>,
    /// Why bytes could not be read; the first problem counts.
    pub problem: Option<Problem>,
}

impl<'s, 'a> Windows<'s, 'a> {
    /// A structure that begins at `base`.
    pub fn new(source: &'s mut Source<'a>, base: u64) -> Self {
        Self { source, base, read: Vec::new(), problem: None }
    }
}

impl Bytes for Windows<'_, '_> {
    fn len(&self) -> u64 {
        self.source.len().saturating_sub(self.base)
    }

    fn up_to(&mut self, offset: u64, length: usize) -> &[u8] {
        let Some(offset) = offset.checked_add(self.base).filter(|&it| it < self.source.len())
        else {
            return &[];
        };
        let there = usize::try_from(self.source.len() - offset).unwrap_or(usize::MAX);
        let length = length.min(there);
        let end = offset + length as u64;
        if !self.read.iter().any(|&(from, to)| from <= offset && end <= to) {
            let start = if offset < WINDOW as u64 { 0 } else { offset & !BEFORE_MASK };
            let ahead = WINDOW.max(length + (offset - start) as usize);
            match self.source.up_to(start, ahead) {
                Ok(bytes) => self.read.push((start, start + bytes.len() as u64)),
                Err(problem) => {
                    self.problem.get_or_insert(problem);
                    return &[];
                }
            }
        }
        match self.source.up_to(offset, length) {
            Ok(bytes) => bytes,
            Err(problem) => {
                self.problem.get_or_insert(problem);
                &[]
            }
        }
    }
}

/// A byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `II`: least significant byte first.
    Little,
    /// `MM`: most significant byte first.
    Big,
}

impl Order {
    /// The byte order that `II` or `MM` stands for.
    pub fn of(mark: &[u8]) -> Option<Self> {
        match mark.get(..2)? {
            b"II" => Some(Order::Little),
            b"MM" => Some(Order::Big),
            _ => None,
        }
    }

    /// The number in up to eight bytes.
    fn number(self, bytes: &[u8]) -> u64 {
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            Order::Little => bytes.iter().rev().take(8).fold(0, add),
            Order::Big => bytes.iter().take(8).fold(0, add),
        }
    }
}

/// A TIFF structure.
pub struct Tiff<'b> {
    bytes: &'b mut dyn Bytes,
    base: u64,
    order: Order,
    big: bool,
    directories: usize,
    /// Where the first directory is.
    pub first: u64,
}

/// A directory: its entries, and the place of the next directory.
#[derive(Clone, Debug, Default)]
pub struct Ifd {
    entries: Vec<Entry>,
    /// The place of the next directory; 0 if there is none.
    pub next: u64,
}

/// An entry of a directory: a tag, and the place of its value.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The tag.
    pub tag: u16,
    kind: u16,
    count: u64,
    /// The place of the value, relative to the base of the structure.
    pub place: u64,
}

/// A value that was read.
#[derive(Clone, Debug)]
pub struct Value {
    kind: u16,
    order: Order,
    bytes: Vec<u8>,
}

impl<'b> Tiff<'b> {
    /// The structure at the beginning of `bytes`, which starts with `II` or `MM`.
    pub fn open(bytes: &'b mut dyn Bytes) -> Option<Self> {
        let head = bytes.up_to(0, 16).to_vec();
        let order = Order::of(&head)?;
        let big = order.number(head.get(2..4)?) == 43;
        let first = if big {
            // The size of offsets, which is 8, and two zero bytes.
            order.number(head.get(8..16)?)
        } else {
            order.number(head.get(4..8)?)
        };
        Some(Self { bytes, base: 0, order, big, directories: 0, first })
    }

    /// A directory structure inside this one, as makers have it, with offsets relative to
    /// `base`.
    pub fn within(&mut self, base: u64, order: Order) -> Tiff<'_> {
        let base = self.base.saturating_add(base);
        let directories = self.directories;
        Tiff { bytes: &mut *self.bytes, base, order, big: false, directories, first: 0 }
    }

    /// The byte order.
    pub fn order(&self) -> Order {
        self.order
    }

    /// The `length` bytes at `offset`, or fewer at the end.
    pub fn up_to(&mut self, offset: u64, length: usize) -> &[u8] {
        self.bytes.up_to(self.base.saturating_add(offset), length)
    }

    /// The directory at `offset`, which may be cut off.
    pub fn directory(&mut self, offset: u64) -> Option<Ifd> {
        self.directories += 1;
        if self.directories > MOST_DIRECTORIES || offset == 0 {
            return None;
        }
        let (order, big) = (self.order, self.big);
        let (count_size, entry_size) = if big { (8, 20) } else { (2, 12) };
        let count = self.up_to(offset, count_size);
        if count.len() < count_size {
            return None;
        }
        let count = order.number(count);
        let first = offset.checked_add(count_size as u64)?;
        let read = usize::try_from(count).unwrap_or(usize::MAX).min(MOST_ENTRIES);
        let bytes = self.up_to(first, read * entry_size + count_size.max(4)).to_vec();
        let entries = bytes
            .chunks_exact(entry_size)
            .take(read)
            .zip((first..).step_by(entry_size))
            .filter_map(|(entry, place)| Entry::read(entry, place, order, big))
            .collect();
        let next = bytes.get(read * entry_size..).filter(|_| read as u64 == count);
        let next = next.and_then(|rest| rest.get(..if big { 8 } else { 4 }));
        Some(Ifd { entries, next: next.map_or(0, |bytes| order.number(bytes)) })
    }

    /// At most the first `most` bytes of an entry's value. None if its place is beyond the
    /// end of the structure.
    pub fn value(&mut self, entry: &Entry, most: usize) -> Option<Value> {
        let size = entry.size()?;
        let end = self.base.checked_add(entry.place)?.checked_add(size)?;
        if end > self.bytes.len() {
            return None;
        }
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(most);
        let bytes = self.up_to(entry.place, length).to_vec();
        let order = self.order;
        (bytes.len() == length).then_some(Value { kind: entry.kind, order, bytes })
    }

    /// The value of a tag in a directory, if it is no longer than values that people read.
    pub fn get(&mut self, ifd: &Ifd, tag: u16) -> Option<Value> {
        self.value(ifd.entry(tag)?, 8192)
    }

    /// The first number of a tag's value.
    pub fn number(&mut self, ifd: &Ifd, tag: u16) -> Option<f64> {
        self.get(ifd, tag)?.number(0)
    }

    /// The first number of a tag's value, if it is a natural number.
    pub fn natural(&mut self, ifd: &Ifd, tag: u16) -> Option<u64> {
        self.get(ifd, tag)?.natural(0)
    }

    /// The text of a tag, if it is not empty.
    pub fn text(&mut self, ifd: &Ifd, tag: u16) -> Option<String> {
        self.get(ifd, tag)?.text()
    }
}

impl Ifd {
    /// The entry with a tag.
    pub fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn read(bytes: &[u8], at: u64, order: Order, big: bool) -> Option<Self> {
        let field = if big { 8 } else { 4 };
        let tag = order.number(bytes.get(..2)?) as u16;
        let kind = order.number(bytes.get(2..4)?) as u16;
        let count = order.number(bytes.get(4..4 + field)?);
        let value = bytes.get(4 + field..4 + 2 * field)?;
        let mut entry = Self { tag, kind, count, place: at + 4 + field as u64 };
        if entry.size()? > field as u64 {
            entry.place = order.number(value);
        }
        Some(entry)
    }

    /// The size of its value in bytes.
    pub fn size(&self) -> Option<u64> {
        self.count.checked_mul(unit(self.kind)? as u64)
    }
}

/// The size of one value of this type.
fn unit(kind: u16) -> Option<usize> {
    match kind {
        // Bytes, text, undefined, UTF-8.
        1 | 2 | 6 | 7 | 129 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

impl Value {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, 2 | 129)
    }

    /// Like [`Value::number`], but None if all bits of the number or its numerator are set, which
    /// stands for an unknown value. Of signed numbers, that is -1.
    pub fn measured(&self, index: usize) -> Option<f64> {
        let (size, length) = match self.kind {
            3 => (2, 2),
            4 => (4, 4),
            5 => (8, 4),
            _ => return self.number(index),
        };
        let bytes = self.bytes.chunks_exact(size).nth(index)?;
        self.number(index).filter(|_| bytes[..length].iter().any(|&byte| byte != 0xff))
    }

    /// The number of numbers.
    pub fn count(&self) -> usize {
        unit(self.kind).map_or(0, |size| self.bytes.len() / size)
    }

    /// One of its numbers; None for `1/0` and `0/0`.
    pub fn number(&self, index: usize) -> Option<f64> {
        let size = unit(self.kind)?;
        let bytes = self.bytes.chunks_exact(size).nth(index)?;
        let number = self.order.number(bytes);
        let halves = || Some((self.order.number(&bytes[..4]), self.order.number(bytes.get(4..)?)));
        let value = match self.kind {
            5 => halves().map(|(above, below)| above as f64 / below as f64)?,
            10 => {
                halves().map(|(above, below)| f64::from(above as i32) / f64::from(below as i32))?
            }
            6 => f64::from(number as i8),
            8 => f64::from(number as i16),
            9 => f64::from(number as i32),
            11 => f64::from(f32::from_bits(number as u32)),
            12 => f64::from_bits(number),
            17 => number as i64 as f64,
            // Scripts often write numbers as text.
            2 => self.text()?.split_whitespace().nth(index)?.parse().ok()?,
            _ => number as f64,
        };
        value.is_finite().then_some(value)
    }

    /// One of its numbers, if it is a natural number.
    pub fn natural(&self, index: usize) -> Option<u64> {
        self.number(index).filter(|it| (0.0..1e18).contains(it)).map(|it| it as u64)
    }

    /// The whole value as text, up to the first zero byte and without padding. None if it is
    /// empty.
    pub fn text(&self) -> Option<String> {
        let text = self.bytes.split(|&byte| byte == 0).next()?;
        let text = String::from_utf8_lossy(text).trim().to_owned();
        Some(text).filter(|it| !it.is_empty())
    }

    /// The text in Windows' own tags: UTF-16, whatever the type is.
    pub fn wide_text(&self) -> Option<String> {
        let text = text::utf16(&self.bytes, u16::from_le_bytes).trim().to_owned();
        Some(text).filter(|it| !it.is_empty())
    }
}
