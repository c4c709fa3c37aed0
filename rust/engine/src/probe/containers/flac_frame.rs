//! The headers of FLAC's frames (RFC 9639, 9.1), to find out where the sound ends.

use crate::probe::codec::bits::Bits;

/// The most frames that are looked at.
const MOST_FRAMES: usize = 512;

/// A frame's first sample, and the one after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    first: u64,
    end: u64,
}

/// The end of the last frame that begins in `data`, in samples; None if it cannot be told. `block`
/// is the size of all frames but the last, if their headers count frames, and `most` the number
/// of samples that there should be. Other data may look like a header, so the frame before
/// must be there, too, unless the last one ends at `most`.
pub fn last_sample(data: &[u8], block: u64, most: Option<u64>) -> Option<u64> {
    let mut frames = Vec::new();
    for at in (0..data.len().saturating_sub(1)).rev() {
        if data[at] != 0xff || data[at + 1] & 0xfe != 0xf8 {
            continue;
        }
        let Some(frame) = frame(&data[at..], block) else { continue };
        if Some(frame.end) == most {
            return most;
        }
        frames.push(frame);
        if frames.len() == MOST_FRAMES {
            break;
        }
    }
    let follows = |one: &&Frame| frames.iter().any(|other| other.end == one.first);
    let plausible = frames.iter().filter(|one| most.is_none_or(|most| one.end < most));
    plausible.filter(follows).map(|one| one.end).max()
}

/// The frame whose header begins `data`.
fn frame(data: &[u8], block: u64) -> Option<Frame> {
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
    Some(Frame { first, end: first.checked_add(size)? })
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
    pub fn sound(number: u8) -> Vec<u8> {
        let mut frame = vec![0xff, 0xf8, 0xc9, 0x18, number];
        frame.push(crc8(&frame));
        frame.extend([0x55; 100]);
        frame
    }

    #[test]
    fn the_last_of_successive_frames_ends_the_sound() {
        let data = [sound(5), sound(6), sound(7)].concat();
        assert_eq!(last_sample(&data, 4096, None), Some(8 * 4096));
        assert_eq!(last_sample(&data, 4096, Some(8 * 4096)), Some(8 * 4096));
        assert_eq!(last_sample(&data, 4096, Some(7 * 4096)), Some(7 * 4096));
        assert_eq!(last_sample(&data[..220], 4096, None), Some(8 * 4096));
        // What looks like one frame may be something else, unless it is the last one.
        assert_eq!(last_sample(&data[212..], 4096, None), None);
        assert_eq!(last_sample(&data[212..], 4096, Some(8 * 4096)), Some(8 * 4096));
        // A number of two bytes.
        let mut long = vec![0xff, 0xf8, 0xc9, 0x18, 0xc4, 0x80];
        long.push(crc8(&long));
        assert_eq!(frame(&long, 4096), Some(Frame { first: 256 * 4096, end: 257 * 4096 }));
        long[4] = 0xff;
        assert_eq!(frame(&long, 4096), None);
    }
}
