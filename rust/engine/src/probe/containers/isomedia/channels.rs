//! QuickTime's channel layouts: the `chan` box.

use super::boxes::Fields;
use crate::probe::codec::audio::layout::{self, *};
use crate::probe::model::Track;

/// No sound has more channels.
const MOST_CHANNELS: u32 = 64;

/// Sets the layout that is in a `chan` box, if it has a name.
pub fn read(chan: &[u8], track: &mut Track) {
    if let Some(mask) = mask(chan) {
        track.channel_layout = layout::from_mask(mask);
        track.channels = Some(mask.count_ones());
    }
}

fn mask(chan: &[u8]) -> Option<u64> {
    let mut fields = Fields::new(chan);
    fields.version()?;
    let tag = fields.u32()?;
    let bitmap = fields.u32()?;
    let count = fields.u32()?;
    let mask = match tag {
        0 => {
            let mut mask = 0;
            for _ in 0..count.min(MOST_CHANNELS) {
                let label = fields.u32()?;
                // Flags and coordinates.
                fields.take(16)?;
                let bit = of_label(label)?;
                if mask & bit != 0 {
                    return None;
                }
                mask |= bit;
            }
            mask
        }
        0x1_0000 => u64::from(bitmap & 0x3_ffff),
        tag => of_tag(tag >> 16)?,
    };
    (mask != 0).then_some(mask)
}

fn of_label(label: u32) -> Option<u64> {
    Some(match label {
        1..=18 => 1 << (label - 1),
        35 => WL,
        36 => WR,
        37 => LFE2,
        38 => DL,
        39 => DR,
        _ => return None,
    })
}

/// The channels of Core Audio's layouts, by the upper half of their tags.
fn of_tag(number: u32) -> Option<u64> {
    const SURROUND: u64 = STEREO | FC;
    Some(match number {
        100 => MONO,
        101 | 102 | 104..=106 => STEREO,
        103 => DL | DR,
        149 => FC | LFE,
        113 | 114 | 150 => SURROUND,
        131 => STEREO | BC,
        133 => STEREO | LFE,
        108 => STEREO | BL | BR,
        115 | 116 | 151 => SURROUND | BC,
        132 => STEREO | SL | SR,
        134 | 153 => STEREO | BC | LFE,
        136 | 152 | 168 => SURROUND | LFE,
        109 => FIVE_BACK,
        117..=120 => FIVE_SIDE,
        135 | 138 => STEREO | SL | SR | LFE,
        137 | 154 | 169 => SURROUND | LFE | BC,
        110 | 172 => FIVE_BACK | BC,
        121..=124 => FIVE_SIDE | LFE,
        139 | 141 | 155 => FIVE_SIDE | BC,
        170 => STEREO | FLC | FRC | SL | SR,
        171 => FIVE_BACK | TC,
        125 | 142 | 157 | 182 => FIVE_SIDE | LFE | BC,
        140 | 143 | 156 => FIVE_SIDE | BL | BR,
        148 | 176 => FIVE_SIDE | FLC | FRC,
        158 => FIVE_SIDE | LFE | TC,
        159 => FIVE_SIDE | LFE | TFC,
        173 => STEREO | LFE | FLC | FRC | SL | SR,
        174 => FIVE_BACK | LFE | TC,
        175 => FIVE_BACK | LFE | BC,
        111 | 144 => FIVE_SIDE | BL | BR | BC,
        112 => STEREO | BL | BR | TFL | TFR | TBL | TBR,
        126 | 127 | 129 | 161 | 177 => FIVE_SIDE | LFE | FLC | FRC,
        128 | 160 => FIVE_SIDE | LFE | BL | BR,
        130 => FIVE_SIDE | LFE | DL | DR,
        162 => FIVE_SIDE | LFE | SDL | SDR,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chan(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn layouts_are_stored_as_tags_bitmaps_or_labels() {
        let mut track = Track::default();
        read(&chan(&[0, 101 << 16 | 2, 0, 0]), &mut track);
        assert_eq!(track.channel_layout.as_deref(), Some("stereo"));
        read(&chan(&[0, 1 << 16, 0x3f, 0]), &mut track);
        assert_eq!(track.channel_layout.as_deref(), Some("5.1"));
        read(&chan(&[0, 0, 0, 1, 3, 0, 0, 0, 0]), &mut track);
        assert_eq!((track.channels, track.channel_layout.as_deref()), (Some(1), Some("mono")));
        read(&chan(&[0, 999 << 16, 0, 0]), &mut track);
        read(&chan(&[0, 0, 0, u32::MAX]), &mut track);
        assert_eq!(track.channels, Some(1));
    }
}
