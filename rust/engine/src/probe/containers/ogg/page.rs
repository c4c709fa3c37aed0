//! Ogg pages (RFC 3533): their headers, and the packets that they carry.

use crate::probe::codec::bits::le32;

/// The most bytes of a page.
pub const LONGEST: usize = LONGEST_HEADER + 255 * 255;

/// The most bytes of a page's header.
pub const LONGEST_HEADER: usize = 27 + 255;

/// A page's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The stream that it belongs to.
    pub serial: u32,
    /// A time in the stream's units; None if no packet ends on the page.
    pub granule: Option<u64>,
    /// Whether its first bytes continue a packet.
    pub continued: bool,
    /// Whether it is the first page of its stream.
    pub first: bool,
    /// The lengths of the pieces of its body.
    pub lacing: Vec<u8>,
}

impl Page {
    /// The length of the header.
    pub fn header_length(&self) -> usize {
        27 + self.lacing.len()
    }

    /// The length of the body.
    pub fn body_length(&self) -> usize {
        self.lacing.iter().map(|&length| usize::from(length)).sum()
    }
}

/// Parses the page header at the beginning of `bytes`.
pub fn parse(bytes: &[u8]) -> Option<Page> {
    let header = bytes.first_chunk::<27>().filter(|header| header.starts_with(b"OggS\0"))?;
    let lacing = bytes.get(27..27 + usize::from(header[26]))?.to_vec();
    let granule = u64::from_le_bytes(*header[6..].first_chunk()?);
    Some(Page {
        serial: le32(header, 14)?,
        granule: (granule != u64::MAX).then_some(granule),
        continued: header[5] & 1 != 0,
        first: header[5] & 2 != 0,
        lacing,
    })
}

/// The first two bytes of each packet that begins and ends on a page, one after the other; 0
/// stands for a byte that a packet does not have.
pub fn first_bytes(page: &Page, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut at, mut start) = (0, 0);
    for &length in &page.lacing {
        at += usize::from(length);
        if length < 255 {
            let packet = body.get(start..at).unwrap_or_default();
            bytes.extend([0, 1].map(|index| packet.get(index).copied().unwrap_or(0)));
            start = at;
        }
    }
    bytes
}

/// Joins the pieces of a stream's first packets.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// The complete packets.
    pub whole: Vec<Vec<u8>>,
    /// The beginning of the next packet.
    pub begun: Vec<u8>,
}

impl Packets {
    /// Adds the body of a page, which may be cut off, until there are `most` packets.
    pub fn add(&mut self, page: &Page, body: &[u8], most: usize) {
        let mut rest = body;
        for &length in &page.lacing {
            if self.whole.len() >= most {
                return;
            }
            let piece = rest.get(..usize::from(length)).unwrap_or(rest);
            self.begun.extend_from_slice(piece);
            if piece.len() < usize::from(length) {
                return;
            }
            rest = rest.get(usize::from(length)..).unwrap_or_default();
            if length < 255 {
                self.whole.push(std::mem::take(&mut self.begun));
            }
        }
    }
}
