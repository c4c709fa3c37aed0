//! Channel layouts: which channels a track has, with the names that `ffprobe` uses.
//!
//! The low 18 bits of a mask are those of WAVEFORMATEXTENSIBLE (`dwChannelMask`). The bits
//! above follow `ffprobe`, for channels that WAVE does not have.

use crate::probe::model::{Name, Track};

/// Front left.
pub const FL: u64 = 1;
/// Front right.
pub const FR: u64 = 1 << 1;
/// Front centre.
pub const FC: u64 = 1 << 2;
/// Low frequency.
pub const LFE: u64 = 1 << 3;
/// Back left.
pub const BL: u64 = 1 << 4;
/// Back right.
pub const BR: u64 = 1 << 5;
/// Front left of centre.
pub const FLC: u64 = 1 << 6;
/// Front right of centre.
pub const FRC: u64 = 1 << 7;
/// Back centre.
pub const BC: u64 = 1 << 8;
/// Side left.
pub const SL: u64 = 1 << 9;
/// Side right.
pub const SR: u64 = 1 << 10;
/// Top centre.
pub const TC: u64 = 1 << 11;
/// Top front left.
pub const TFL: u64 = 1 << 12;
/// Top front centre.
pub const TFC: u64 = 1 << 13;
/// Top front right.
pub const TFR: u64 = 1 << 14;
/// Top back left.
pub const TBL: u64 = 1 << 15;
/// Top back centre.
pub const TBC: u64 = 1 << 16;
/// Top back right.
pub const TBR: u64 = 1 << 17;
/// Left of a stereo downmix.
pub const DL: u64 = 1 << 29;
/// Right of a stereo downmix.
pub const DR: u64 = 1 << 30;
/// Wide left.
pub const WL: u64 = 1 << 31;
/// Wide right.
pub const WR: u64 = 1 << 32;
/// Surround direct left.
pub const SDL: u64 = 1 << 33;
/// Surround direct right.
pub const SDR: u64 = 1 << 34;
/// A second low frequency channel.
pub const LFE2: u64 = 1 << 35;
/// Top side left.
pub const TSL: u64 = 1 << 36;
/// Top side right.
pub const TSR: u64 = 1 << 37;
/// Bottom front centre.
pub const BFC: u64 = 1 << 38;
/// Bottom front left.
pub const BFL: u64 = 1 << 39;
/// Bottom front right.
pub const BFR: u64 = 1 << 40;

/// One channel in the centre.
pub const MONO: u64 = FC;
/// Left and right.
pub const STEREO: u64 = FL | FR;
/// Five channels, with the surrounds at the back.
pub const FIVE_BACK: u64 = STEREO | FC | BL | BR;
/// Five channels, with the surrounds at the sides.
pub const FIVE_SIDE: u64 = STEREO | FC | SL | SR;

/// The layouts that have names. The first one with a number of channels is the default for
/// it.
const NAMED: &[(&str, u64)] = &[
    ("mono", MONO),
    ("stereo", STEREO),
    ("2.1", STEREO | LFE),
    ("3.0", STEREO | FC),
    ("3.0(back)", STEREO | BC),
    ("4.0", STEREO | FC | BC),
    ("quad", STEREO | BL | BR),
    ("quad(side)", STEREO | SL | SR),
    ("3.1", STEREO | FC | LFE),
    ("5.0", FIVE_BACK),
    ("5.0(side)", FIVE_SIDE),
    ("4.1", STEREO | FC | LFE | BC),
    ("5.1", FIVE_BACK | LFE),
    ("5.1(side)", FIVE_SIDE | LFE),
    ("6.0", FIVE_SIDE | BC),
    ("6.0(front)", STEREO | FLC | FRC | SL | SR),
    ("hexagonal", FIVE_BACK | BC),
    ("6.1", FIVE_SIDE | LFE | BC),
    ("6.1(back)", FIVE_BACK | LFE | BC),
    ("6.1(front)", STEREO | LFE | FLC | FRC | SL | SR),
    ("7.0", FIVE_SIDE | BL | BR),
    ("7.0(front)", FIVE_SIDE | FLC | FRC),
    ("7.1", FIVE_SIDE | LFE | BL | BR),
    ("7.1(wide)", FIVE_BACK | LFE | FLC | FRC),
    ("7.1(wide-side)", FIVE_SIDE | LFE | FLC | FRC),
    ("octagonal", FIVE_SIDE | BL | BR | BC),
    ("hexadecagonal", FIVE_SIDE | BL | BR | BC | TFL | TFC | TFR | TBL | TBC | TBR | WL | WR),
    ("downmix", DL | DR),
    (
        "22.2",
        FIVE_SIDE
            | LFE
            | BL
            | BR
            | FLC
            | FRC
            | BC
            | TC
            | TFL
            | TFC
            | TFR
            | TBL
            | TBC
            | TBR
            | LFE2
            | TSL
            | TSR
            | BFC
            | BFL
            | BFR,
    ),
];

/// The names of single channels, by the bit of the mask.
const CHANNELS: [&str; 41] = [
    "FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR",
    "TBL", "TBC", "TBR", "", "", "", "", "", "", "", "", "", "", "", "DL", "DR", "WL", "WR", "SDL",
    "SDR", "LFE2", "TSL", "TSR", "BFC", "BFL", "BFR",
];

/// The name of the layout with these channels; None if there are no channels.
pub fn from_mask(mask: u64) -> Option<Name> {
    if mask == 0 {
        return None;
    }
    if let Some((name, _)) = NAMED.iter().find(|(_, channels)| *channels == mask) {
        return Some(Name::Borrowed(name));
    }
    let names: Vec<Name> = (0..64)
        .filter(|bit| mask >> bit & 1 == 1)
        .map(|bit| match CHANNELS.get(bit) {
            Some(&name) if !name.is_empty() => Name::Borrowed(name),
            _ => Name::Owned(format!("USR{bit}")),
        })
        .collect();
    Some(Name::Owned(format!("{} channels ({})", names.len(), names.join("+"))))
}

/// The name of the default layout for a number of channels, for codecs that define an order
/// of channels for each number. None if there is no default.
pub fn from_count(channels: u32) -> Option<Name> {
    let named = NAMED.iter().find(|(_, mask)| mask.count_ones() == channels);
    named.map(|(name, _)| Name::Borrowed(*name))
}

/// Sets the channels and their layout from a mask.
pub fn set_mask(track: &mut Track, mask: u64) {
    if mask != 0 {
        track.channels = Some(mask.count_ones());
        track.channel_layout = from_mask(mask);
    }
}

/// Sets the number of channels, and the default layout for it if there is one.
pub fn set_count(track: &mut Track, channels: u32) {
    if channels != 0 {
        track.channels = Some(channels);
        track.channel_layout = from_count(channels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_names_or_a_list_of_channels() {
        for (mask, name) in [
            (0x4, "mono"),
            (0x3, "stereo"),
            (0xb, "2.1"),
            (0x33, "quad"),
            (0x3f, "5.1"),
            (0x60f, "5.1(side)"),
            (0x70f, "6.1"),
            (0x63f, "7.1"),
            (0xff, "7.1(wide)"),
            (0x1, "1 channels (FL)"),
            (0x2_d63f, "12 channels (FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR)"),
            (1 << 63 | 1 << 20, "2 channels (USR20+USR63)"),
        ] {
            assert_eq!(from_mask(mask).as_deref(), Some(name));
        }
        assert_eq!(from_mask(0), None);
    }

    #[test]
    fn counts_have_a_usual_layout_up_to_eight() {
        let names: Vec<_> = (1..=9).map(|count| from_count(count).unwrap_or_default()).collect();
        let expected = ["mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1", ""];
        assert_eq!(names, expected);
    }
}
