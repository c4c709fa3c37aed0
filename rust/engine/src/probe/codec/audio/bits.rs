//! Fields of some bits, most significant bit first.

/// A place among the bits of a slice.
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    /// At the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next `count` (at most 32) bits as a number; None if there are not so many.
    pub fn get(&mut self, count: usize) -> Option<u32> {
        if count > 32 || count > self.left() {
            return None;
        }
        let mut value = 0;
        for position in self.position..self.position + count {
            let bit = self.bytes.get(position / 8)? >> (7 - position % 8) & 1;
            value = value << 1 | u32::from(bit);
        }
        self.position += count;
        Some(value)
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.get(1).map(|bit| bit == 1)
    }

    /// What [`Bits::get`] would give, without moving.
    pub fn peek(&self, count: usize) -> Option<u32> {
        self.clone().get(count)
    }

    /// Moves over bits; None if there are not so many.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        if count > self.left() {
            return None;
        }
        self.position += count;
        Some(())
    }

    /// Moves to the next byte, if not at one.
    pub fn align(&mut self) {
        self.position = self.position.next_multiple_of(8).min(self.bytes.len() * 8);
    }

    /// How many bits there are still.
    pub fn left(&self) -> usize {
        self.bytes.len() * 8 - self.position
    }

    /// How many bits were read.
    pub fn position(&self) -> usize {
        self.position
    }
}

/// A big-endian number at an offset.
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A big-endian number at an offset.
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A little-endian number at an offset.
pub fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A little-endian number at an offset.
pub fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
