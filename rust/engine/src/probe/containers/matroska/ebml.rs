//! EBML (RFC 8794): elements in bytes that were read, and elements in the file.
//!
//! Element identifiers include their length marker, as Matroska's specification prints them:
//! `0x1A45DFA3`. `EBMLMaxIDLength` and `EBMLMaxSizeLength` are ignored: identifiers may have
//! up to four bytes, and sizes up to eight.

use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The longest head of an element.
const LONGEST_HEAD: usize = 12;

/// The head of an element: its identifier, and the place of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The identifier with its length marker.
    pub id: u32,
    /// The bytes before the data.
    pub length: usize,
    /// The size of the data; None if it is unknown (live streams).
    pub size: Option<u64>,
}

impl Head {
    /// Parses the head at the beginning of `bytes`; None if there is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let id_length = bytes.first()?.leading_zeros() as usize + 1;
        if id_length > 4 {
            return None;
        }
        let id = bytes.get(..id_length)?.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
        let (size, size_length) = variable_integer(bytes.get(id_length..)?)?;
        Some(Self { id, length: id_length + size_length, size })
    }

    /// Reads the head of the element at `offset` of a file; None at the end of the file, or
    /// if there is no element.
    pub fn read(source: &mut Source<'_>, offset: u64) -> Result<Option<Self>> {
        Ok(Self::parse(source.up_to(offset, LONGEST_HEAD)?))
    }
}

/// A variable-size integer without its length marker, and its length in bytes. The value is
/// None if all its bits are set, which means "unknown".
pub fn variable_integer(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let bytes = bytes.get(..length).filter(|_| length <= 8)?;
    let all = bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
    let mask = (1_u64 << (7 * length)) - 1;
    let value = all & mask;
    Some(((value != mask).then_some(value), length))
}

/// An element in bytes that were read.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// The identifier with its length marker.
    pub id: u32,
    /// The data, which may be cut off.
    pub data: &'a [u8],
}

impl<'a> Element<'a> {
    /// Its child elements.
    pub fn children(&self) -> Children<'a> {
        children(self.data)
    }

    /// Its first child with this identifier.
    pub fn child(&self, id: u32) -> Option<Element<'a>> {
        self.children().find(|child| child.id == id)
    }

    /// The value as an unsigned integer. None if it has no bytes, which stands for the
    /// default, or too many.
    pub fn uint(&self) -> Option<u64> {
        let bytes = Some(self.data).filter(|data| (1..=8).contains(&data.len()))?;
        Some(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// The value as a small unsigned integer.
    pub fn small(&self) -> Option<u32> {
        self.uint().and_then(|value| value.try_into().ok())
    }

    /// The value as a flag.
    pub fn flag(&self) -> Option<bool> {
        self.uint().map(|value| value != 0)
    }

    /// The value as a floating-point number.
    pub fn float(&self) -> Option<f64> {
        if let Ok(bytes) = <[u8; 4]>::try_from(self.data) {
            Some(f32::from_be_bytes(bytes).into())
        } else {
            <[u8; 8]>::try_from(self.data).ok().map(f64::from_be_bytes)
        }
    }

    /// The value as a string, without padding.
    pub fn text(&self) -> String {
        let end = self.data.iter().position(|&byte| byte == 0).unwrap_or(self.data.len());
        String::from_utf8_lossy(&self.data[..end]).into_owned()
    }
}

/// The elements in `data`, up to bytes that are not an element. An element that extends
/// beyond `data`, or whose size is unknown, is cut off at the end of `data`.
pub fn children(data: &[u8]) -> Children<'_> {
    Children { rest: data }
}

/// See [`children`].
#[derive(Clone, Debug)]
pub struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Children<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let head = Head::parse(self.rest)?;
        let body = self.rest.get(head.length..)?;
        let size = head.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let (data, rest) = body.split_at(size.min(body.len()));
        self.rest = rest;
        Some(Element { id: head.id, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_variable_size_lose_their_marker() {
        assert_eq!(variable_integer(b"\x81"), Some((Some(1), 1)));
        assert_eq!(variable_integer(b"\x40\x02"), Some((Some(2), 2)));
        assert_eq!(variable_integer(b"\x01\0\0\0\0\0\0\x05"), Some((Some(5), 8)));
        assert_eq!(variable_integer(b"\xff"), Some((None, 1)));
        assert_eq!(variable_integer(b"\x01\xff\xff\xff\xff\xff\xff\xff"), Some((None, 8)));
        assert_eq!(variable_integer(b"\x40"), None);
        assert_eq!(variable_integer(&[0; 16]), None);
    }

    #[test]
    fn a_child_that_extends_beyond_the_data_is_cut_off() {
        let data = b"\x86\x82ab\x53\x6e\x84xyz";
        let found: Vec<_> = children(data).map(|child| (child.id, child.data)).collect();
        assert_eq!(found, [(0x86, &b"ab"[..]), (0x536e, b"xyz")]);
        assert_eq!(children(b"\x86\xff\x01").next().unwrap().data, b"\x01");
        assert_eq!(children(b"\0\0\0\0").count(), 0);
    }

    #[test]
    fn values_without_bytes_are_defaults() {
        fn element(data: &[u8]) -> Element<'_> {
            Element { id: 0, data }
        }
        assert_eq!(element(b"").uint(), None);
        assert_eq!(element(b"\x01\x00").uint(), Some(256));
        assert_eq!(element(&[1; 9]).uint(), None);
        assert_eq!(element(&1.5_f32.to_be_bytes()).float(), Some(1.5));
        assert_eq!(element(&1.5_f64.to_be_bytes()).float(), Some(1.5));
        assert_eq!(element(b"a\0b").text(), "a");
    }
}
