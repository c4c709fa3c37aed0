//! VC-1 (SMPTE ST 421), and its older profiles as WMV3: the sequence header.

use super::nal;
use super::set;
use crate::probe::codec::bits::Bits;
use crate::probe::model::Track;

const SEQUENCE: u8 = 0x0f;

/// Reads WMV3's four bytes, of which the first is the profile.
pub fn read_wmv3_config(track: &mut Track, config: &[u8]) {
    if let Some(first) = config.first() {
        apply_profile(track, first >> 6);
    }
}

/// Reads a configuration or packets of the advanced profile.
pub fn read(track: &mut Track, data: &[u8]) {
    for unit in nal::start_code_units(data) {
        if let Some((&SEQUENCE, payload)) = unit.split_first() {
            let _understood = read_sequence(track, &nal::unescape(payload));
            return;
        }
    }
}

fn apply_profile(track: &mut Track, profile: u8) {
    let name = match profile {
        0 => "Simple",
        1 => "Main",
        2 => "Complex",
        _ => "Advanced",
    };
    set::profile(track, name);
    set::pixel_format(track, "yuv420p", 8);
}

/// Reads the sequence header of the advanced profile (6.1).
fn read_sequence(track: &mut Track, payload: &[u8]) -> Option<()> {
    let bits = &mut Bits::new(payload);
    let profile = bits.get(2)? as u8;
    apply_profile(track, profile);
    if profile != 3 {
        return None;
    }
    bits.skip(3 + 2 + 3 + 5 + 1)?;
    let (width, height) = (bits.get(12)? * 2 + 2, bits.get(12)? * 2 + 2);
    set::size_if_unknown(track, width, height);
    bits.skip(6)?;
    if !bits.flag()? {
        return None;
    }
    bits.skip(28)?;
    if bits.flag()? && bits.get(4)? == 15 {
        bits.skip(16)?;
    }
    if bits.flag()? {
        if bits.flag()? {
            set::frame_rate(track, u64::from(bits.get(16)?) + 1, 32);
        } else {
            let (numerator, denominator) = (bits.get(8)?, bits.get(4)?);
            let numerator = match numerator {
                1 => 24,
                2 => 25,
                3 => 30,
                4 => 50,
                5 => 60,
                6 => 48,
                7 => 72,
                _ => return None,
            };
            match denominator {
                1 => set::frame_rate(track, numerator, 1),
                2 => set::frame_rate(track, numerator * 1000, 1001),
                _ => {}
            }
        }
    }
    Some(())
}
