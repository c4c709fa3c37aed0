//! Reads fields of single bits, most significant bit first, and numbers of whole bytes.
//!
//! Reading past the end returns None. So if a header is cut off, only its own parser ends.

/// A position among the bits of a slice.
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    /// Begins at the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Reads the next `count` (at most 32) bits as a number; None if there are fewer.
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

    /// Reads the next eight bits.
    pub fn byte(&mut self) -> Option<u8> {
        self.get(8).map(|value| value as u8)
    }

    /// Reads the next bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.get(1).map(|bit| bit == 1)
    }

    /// The number that [`Bits::get`] would return, without moving.
    pub fn peek(&self, count: usize) -> Option<u32> {
        self.clone().get(count)
    }

    /// Moves over `count` bits; None if there are fewer.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        if count > self.left() {
            return None;
        }
        self.position += count;
        Some(())
    }

    /// Moves to the start of the next byte, unless at the start of one.
    pub fn align(&mut self) {
        self.position = self.position.next_multiple_of(8).min(self.bytes.len() * 8);
    }

    /// The number of bits that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() * 8 - self.position
    }

    /// Reads `ue(v)` of the ITU's video codecs: an unsigned Exp-Golomb number.
    pub fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.get(zeros)?)
    }

    /// Reads `ue(v)`; None if it is greater than `most`, which no valid header has.
    pub fn ue_to(&mut self, most: u32) -> Option<u32> {
        self.ue().filter(|&value| value <= most)
    }

    /// Reads `se(v)`: a signed Exp-Golomb number.
    pub fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let half = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { half } else { -half })
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
