//! NAL units and other units with start codes: where they begin, and their bytes without
//! emulation prevention.

use crate::probe::codec::framing::Framing;

/// No parameter set or message that is needed is longer than this.
const LONGEST_UNIT: usize = 16 * 1024;

/// The bytes after each start code `00 00 01`, up to the next one or the end of the data.
pub fn start_code_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(data);
    std::iter::from_fn(move || {
        let unit = rest?;
        rest = after_start_code(unit);
        let length = match rest {
            Some(next) => unit.len().saturating_sub(next.len() + 3),
            None => unit.len(),
        };
        unit.get(..length)
    })
}

/// The data after the first start code.
fn after_start_code(data: &[u8]) -> Option<&[u8]> {
    let at = data.windows(3).position(|bytes| bytes == [0, 0, 1])?;
    data.get(at + 3..)
}

/// The units of a packet; the last may be cut off.
pub fn units(data: &[u8], framing: Framing) -> Box<dyn Iterator<Item = &[u8]> + '_> {
    match framing {
        Framing::StartCodes => Box::new(start_code_units(data)),
        Framing::Lengths(size) => Box::new(length_units(data, usize::from(size))),
    }
}

fn length_units(data: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_at_checked(size).filter(|_| (1..=4).contains(&size))?;
        let length = length.iter().fold(0usize, |value, &byte| value << 8 | usize::from(byte));
        let (unit, next) = behind.split_at(length.min(behind.len()));
        rest = next;
        Some(unit)
    })
}

/// Whether a configuration consists of units with start codes and is not a box's record.
pub fn has_start_codes(config: &[u8]) -> bool {
    matches!(config, [0, 0, 1, ..] | [0, 0, 0, 1, ..])
}

/// The payload of a unit: without the 03 of each 00 00 03.
pub fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut rest = unit.get(..LONGEST_UNIT).unwrap_or(unit);
    let mut payload = Vec::with_capacity(rest.len());
    while let Some(place) = rest.windows(3).position(|bytes| bytes == [0, 0, 3]) {
        let (before, after) = rest.split_at(place + 2);
        payload.extend_from_slice(before);
        rest = after.get(1..).unwrap_or(&[]);
    }
    payload.extend_from_slice(rest);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_end_where_the_next_begins_or_the_data_ends() {
        let data = [9, 0, 0, 1, 7, 8, 0, 0, 1, 0, 0, 1, 5];
        let units: Vec<_> = start_code_units(&data).collect();
        assert_eq!(units, [&[7, 8][..], &[], &[5]]);
        let data = [0, 2, 7, 8, 0, 0, 255, 255, 5];
        let units: Vec<_> = units_of_two(&data);
        assert_eq!(units, [&[7, 8][..], &[], &[5]]);
    }

    fn units_of_two(data: &[u8]) -> Vec<&[u8]> {
        units(data, Framing::Lengths(2)).collect()
    }

    #[test]
    fn emulation_prevention_is_removed() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [1, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(unescape(&[0, 3, 0, 0, 0, 3]), [0, 3, 0, 0, 0]);
    }
}
