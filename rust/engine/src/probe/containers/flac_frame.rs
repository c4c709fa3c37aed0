//! The headers of FLAC's frames (RFC 9639, 9.1), to find out where the sound ends.

use crate::probe::codec::bits::Bits;

/// The last sample of the last frame that begins in `data`; None if none does. `block` is the
/// size of all frames but the last, if their headers count frames. Of the places that look like
/// a header, those beyond `most` samples are none.
pub fn last_sample(data: &[u8], block: u64, most: Option<u64>) -> Option<u64> {
    let syncs = data.windows(2).enumerate();
    let starts = syncs.filter(|(_, pair)| pair[0] == 0xff && pair[1] & 0xfe == 0xf8);
    let ends = starts.filter_map(|(at, _)| end_of_frame(data.get(at..)?, block));
    ends.filter(|&end| most.is_none_or(|most| end <= most)).max()
}

/// The last sample of the frame whose header begins `data`.
fn end_of_frame(data: &[u8], block: u64) -> Option<u64> {
    let bits = &mut Bits::new(data);
    bits.skip(15)?;
    let counts_samples = bits.flag()?;
    let size_code = bits.get(4)?;
    let rate_code = bits.get(4)?;
    let channels = bits.get(4)?;
    let depth_code = bits.get(3)?;
    if bits.flag()? || size_code == 0 || rate_code == 15 || channels > 10 || depth_code == 3 {
        return None;
    }
    let number = coded_number(bits)?;
    let size = match size_code {
        1 => 192,
        2..=5 => 144 << size_code,
        6 => u64::from(bits.get(8)?) + 1,
        7 => u64::from(bits.get(16)?) + 1,
        _ => 1 << size_code,
    };
    match rate_code {
        12 => bits.skip(8)?,
        13 | 14 => bits.skip(16)?,
        _ => {}
    }
    let length = data.len() - bits.left() / 8;
    if crc8(data.get(..length)?) != *data.get(length)? {
        return None;
    }
    let first = if counts_samples { number } else { number.checked_mul(block)? };
    first.checked_add(size)
}

/// A number in the form of UTF-8, extended to 36 bits.
fn coded_number(bits: &mut Bits<'_>) -> Option<u64> {
    let first = bits.byte()?;
    let more = match first.leading_ones() {
        0 => return Some(first.into()),
        ones @ 2..=7 => ones - 1,
        _ => return None,
    };
    let mut number = u64::from(first & (0x3f >> more));
    for _ in 0..more {
        let byte = bits.byte().filter(|byte| byte & 0xc0 == 0x80)?;
        number = number << 6 | u64::from(byte & 0x3f);
    }
    Some(number)
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ byte, |sum, _| sum << 1 ^ if sum & 0x80 != 0 { 7 } else { 0 })
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The header of a frame of 4096 samples, and some sound.
    pub fn frame(number: u8) -> Vec<u8> {
        let mut frame = vec![0xff, 0xf8, 0xc9, 0x18, number];
        frame.push(crc8(&frame));
        frame.extend([0x55; 100]);
        frame
    }

    #[test]
    fn the_last_frame_ends_the_sound() {
        let data = [frame(6), frame(7)].concat();
        assert_eq!(last_sample(&data, 4096, None), Some(8 * 4096));
        assert_eq!(last_sample(&data, 4096, Some(7 * 4096)), Some(7 * 4096));
        assert_eq!(last_sample(&data[..50], 4096, None), Some(7 * 4096));
        assert_eq!(last_sample(&data[10..50], 4096, None), None);
        // A number of two bytes.
        let mut long = vec![0xff, 0xf8, 0xc9, 0x18, 0xc4, 0x80];
        long.push(crc8(&long));
        assert_eq!(last_sample(&long, 4096, None), Some(257 * 4096));
        long[4] = 0xff;
        assert_eq!(last_sample(&long, 4096, None), None);
    }
}
