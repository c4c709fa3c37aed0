//! Reading headers bit by bit, most significant first.
//!
//! Every read past the end is None, so that a header that is cut off ends its
//! parser and nothing else.

/// A position in bytes.
#[derive(Clone)]
pub struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    /// Begins at the first bit.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// One bit.
    pub fn flag(&mut self) -> Option<bool> {
        let byte = self.data.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// Up to 32 bits.
    pub fn read(&mut self, count: u32) -> Option<u32> {
        debug_assert!(count <= 32);
        let mut value = 0u32;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    /// Eight bits.
    pub fn byte(&mut self) -> Option<u8> {
        self.read(8).map(|value| value as u8)
    }

    /// Passes over bits, whether they are there or not.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.position = self.position.checked_add(count)?;
        Some(())
    }

    /// `ue(v)`: an unsigned Exp-Golomb number.
    pub fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.read(zeros)?)
    }

    /// `ue(v)`, of which no valid header has more than `most`.
    pub fn ue_to(&mut self, most: u32) -> Option<u32> {
        self.ue().filter(|&value| value <= most)
    }

    /// `se(v)`: a signed Exp-Golomb number.
    pub fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let half = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { half } else { -half })
    }
}
