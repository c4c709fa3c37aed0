//! Video usability information: the parts that H.264 (E.1.1) and HEVC (E.2.1) share.

use super::set::Colors;
use crate::probe::codec::bits::Bits;

/// The fields of the video usability information that are needed.
#[derive(Debug, Default)]
pub struct Vui {
    /// Whether it has full range; None if the signal type is not described.
    pub full_range: Option<bool>,
    /// The colour description.
    pub colors: Option<Colors>,
    /// `num_units_in_tick` and `time_scale`.
    pub timing: Option<(u32, u32)>,
}

impl Vui {
    /// Reads the part on the video signal; None if the data ends in it.
    pub fn read_signal(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if bits.flag()? && bits.byte()? == 255 {
            bits.skip(32)?;
        }
        if bits.flag()? {
            bits.flag()?;
        }
        if bits.flag()? {
            bits.skip(3)?;
            self.full_range = Some(bits.flag()?);
            if bits.flag()? {
                let (primaries, transfer, matrix) = (bits.byte()?, bits.byte()?, bits.byte()?);
                self.colors = Some(Colors { primaries, transfer, matrix });
            }
        }
        if bits.flag()? {
            bits.ue()?;
            bits.ue()?;
        }
        Some(())
    }

    /// Reads the part on timing.
    pub fn read_timing(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if bits.flag()? {
            self.timing = Some((bits.get(32)?, bits.get(32)?));
        }
        Some(())
    }

    /// The frame rate, if each frame lasts this number of ticks. None if the ticks are
    /// probably only the clock of a recording with a variable frame rate.
    pub fn frame_rate(&self, ticks: u32) -> Option<(u64, u64)> {
        let (units, scale) = self.timing?;
        let (numerator, denominator) = (u64::from(scale), u64::from(units) * u64::from(ticks));
        let plausible = denominator * 5 <= numerator && numerator <= denominator * 240;
        plausible.then_some((numerator, denominator))
    }
}
