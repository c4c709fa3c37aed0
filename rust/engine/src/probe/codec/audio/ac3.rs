//! AC-3 and Enhanced AC-3: sync frames and the boxes of MP4 (ETSI TS 102 366).

use super::layout::{
    self, BC, BL, BR, FC, FL, FLC, FR, FRC, LFE, LFE2, SDL, SDR, SL, SR, TC, TFC, TFL, TFR, WL, WR,
};
use crate::probe::codec::bits::{Bits, be16};
use crate::probe::model::Track;

const RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Kilobits per second, by `frmsizecod` / 2.
const BIT_RATES: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

/// The number of frames that are read: one, and the frames that depend on it.
const MOST_FRAMES: usize = 8;

/// The channels of `acmod`.
fn mode_mask(acmod: u32) -> u64 {
    match acmod {
        1 => layout::MONO,
        3 => layout::STEREO | FC,
        4 => layout::STEREO | BC,
        5 => layout::STEREO | FC | BC,
        6 => layout::STEREO | SL | SR,
        7 => layout::FIVE_SIDE,
        _ => layout::STEREO,
    }
}

/// The channels of the bits of `chanmap` in dependent substreams, most significant bit first.
const MAP: [u64; 16] = [
    FL,
    FC,
    FR,
    SL,
    SR,
    FLC | FRC,
    BL | BR,
    BC,
    TC,
    SDL | SDR,
    WL | WR,
    TFL | TFR,
    TFC,
    layout::TSL | layout::TSR,
    LFE2,
    LFE,
];

/// How often the rates are halved in streams with this `bsid`: 9 has half of them, 10 a quarter.
fn rate_shift(bsid: u32) -> u32 {
    bsid.saturating_sub(8).min(2)
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    enhanced: bool,
    dependent: bool,
    length: usize,
    samples: u32,
    sample_rate: u32,
    bit_rate: u64,
    mask: u64,
    /// Whether it has objects besides its channels.
    atmos: bool,
}

/// What the header of a sync frame says about the frame itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether it is Enhanced AC-3.
    pub enhanced: bool,
    /// Whether it belongs to the frame before it.
    pub dependent: bool,
    /// In bytes.
    pub length: usize,
    /// Samples per channel.
    pub samples: u32,
    /// In Hz.
    pub sample_rate: u32,
    /// In bits per second.
    pub bit_rate: u64,
}

/// Parses the header of the sync frame at the beginning of `bytes`.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let Frame { enhanced, dependent, length, samples, sample_rate, bit_rate, .. } = frame(bytes)?;
    Some(Header { enhanced, dependent, length, samples, sample_rate, bit_rate })
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    if be16(bytes, 0)? != 0x0b77 {
        return None;
    }
    let id = bytes.get(5)? >> 3;
    match id {
        0..=10 => plain_frame(bytes, u32::from(id)),
        11..=16 => enhanced_frame(bytes),
        _ => None,
    }
}

fn plain_frame(bytes: &[u8], id: u32) -> Option<Frame> {
    let mut bits = Bits::new(bytes);
    bits.skip(32)?;
    let rate_code = bits.get(2)?;
    let size_code = bits.get(6)?;
    bits.skip(8)?;
    let acmod = bits.get(3)?;
    if acmod == 2 {
        bits.skip(2)?;
    } else {
        if acmod & 1 == 1 && acmod != 1 {
            bits.skip(2)?;
        }
        if acmod & 4 == 4 {
            bits.skip(2)?;
        }
    }
    let low = bits.flag()?;
    let shift = rate_shift(id);
    let kilobits = *BIT_RATES.get(size_code as usize / 2)?;
    let sample_rate = *RATES.get(rate_code as usize)?;
    let words = match rate_code {
        0 => kilobits * 2,
        1 => kilobits * 320 / 147 + (size_code & 1),
        _ => kilobits * 3,
    };
    Some(Frame {
        enhanced: false,
        dependent: false,
        length: words as usize * 2,
        samples: 1536,
        sample_rate: sample_rate >> shift,
        bit_rate: u64::from((kilobits * 1000) >> shift),
        mask: mode_mask(acmod) | if low { LFE } else { 0 },
        atmos: false,
    })
}

fn enhanced_frame(bytes: &[u8]) -> Option<Frame> {
    let mut bits = Bits::new(bytes);
    bits.skip(16)?;
    let kind = bits.get(2)?;
    bits.skip(3)?;
    let length = (bits.get(11)? as usize + 1) * 2;
    let rate_code = bits.get(2)?;
    let (sample_rate, blocks) = match rate_code {
        3 => (*RATES.get(bits.get(2)? as usize)? / 2, 6),
        code => (RATES[code as usize], [1, 2, 3, 6][bits.get(2)? as usize]),
    };
    let acmod = bits.get(3)?;
    let low = bits.flag()?;
    let mut mask = mode_mask(acmod) | if low { LFE } else { 0 };
    let dependent = kind == 1;
    // Skips the id, dialogue levels and compression, to reach the channel map.
    bits.skip(5)?;
    for _ in 0..programs(acmod) {
        bits.skip(5)?;
        skip_if_flag(&mut bits, 8)?;
    }
    if dependent && bits.flag()? {
        let map = bits.get(16)?;
        mask = mapped(map as u16);
    }
    let fields = Fields { kind, rate_code, blocks, acmod, low };
    let atmos = fields.has_objects(&mut bits).unwrap_or(false);
    let bit_rate = 8 * length as u64 * u64::from(sample_rate) / (blocks * 256);
    let samples = blocks as u32 * 256;
    Some(Frame { enhanced: true, dependent, length, samples, sample_rate, bit_rate, mask, atmos })
}

/// Two independent channels have all levels twice.
fn programs(acmod: u32) -> u32 {
    if acmod == 0 { 2 } else { 1 }
}

fn skip_if_flag(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    if bits.flag()? { bits.skip(count) } else { Some(()) }
}

/// The fields on which the rest of a header depends.
struct Fields {
    kind: u32,
    rate_code: u32,
    blocks: u64,
    acmod: u32,
    low: bool,
}

impl Fields {
    /// Skips the fields after the channel map (ETSI TS 102 366, E.1.2.2), up to those that show
    /// whether the frame has objects (ETSI TS 103 420, 8.3.1).
    fn has_objects(&self, bits: &mut Bits<'_>) -> Option<bool> {
        let is_independent = self.kind == 0;
        if bits.flag()? {
            self.skip_mixing(bits, is_independent)?;
        }
        if bits.flag()? {
            // What the sound is, and how it was made.
            bits.skip(3 + 2)?;
            bits.skip(if self.acmod == 2 { 4 } else { 0 })?;
            bits.skip(if self.acmod >= 6 { 2 } else { 0 })?;
            for _ in 0..programs(self.acmod) {
                skip_if_flag(bits, 8)?;
            }
            bits.skip(if self.rate_code == 3 { 0 } else { 1 })?;
        }
        if is_independent && self.blocks != 6 {
            bits.skip(1)?;
        }
        if self.kind == 2 && (self.blocks == 6 || bits.flag()?) {
            bits.skip(6)?;
        }
        // Additional information: its length, then seven reserved bits and the flag.
        if !bits.flag()? {
            return Some(false);
        }
        bits.skip(6 + 7)?;
        bits.flag()
    }

    fn skip_mixing(&self, bits: &mut Bits<'_>, is_independent: bool) -> Option<()> {
        if self.acmod > 2 {
            bits.skip(2)?;
            bits.skip(if self.acmod & 1 == 1 { 6 } else { 0 })?;
            bits.skip(if self.acmod & 4 == 4 { 6 } else { 0 })?;
        }
        if self.low {
            skip_if_flag(bits, 5)?;
        }
        if !is_independent {
            return Some(());
        }
        for _ in 0..=programs(self.acmod) {
            skip_if_flag(bits, 6)?;
        }
        match bits.get(2)? {
            1 => bits.skip(5)?,
            2 => bits.skip(12)?,
            3 => {
                let length = (bits.get(5)? as usize + 2) * 8;
                bits.skip(length)?;
            }
            _ => {}
        }
        if self.acmod < 2 {
            for _ in 0..programs(self.acmod) {
                skip_if_flag(bits, 14)?;
            }
        }
        if bits.flag()? {
            for _ in 0..self.blocks {
                if self.blocks == 1 || bits.flag()? {
                    bits.skip(5)?;
                }
            }
        }
        Some(())
    }
}

const ATMOS: &str = "Dolby Digital Plus + Dolby Atmos";

fn mapped(map: u16) -> u64 {
    let set = MAP.iter().enumerate().filter(|(bit, _)| map >> (15 - bit) & 1 == 1);
    set.fold(0, |mask, (_, channels)| mask | channels)
}

/// Reads sync frames: the first, and the ones that depend on it.
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    let start = (0..packet.len().min(8192)).find(|&start| {
        let found = packet.get(start..).and_then(frame);
        found.is_some_and(|found| {
            start == 0 || packet.get(start + found.length..).and_then(frame).is_some()
        })
    });
    let Some(mut rest) = start.and_then(|start| packet.get(start..)) else { return };
    let Some(first) = frame(rest) else { return };
    let mut whole = first;
    for _ in 0..MOST_FRAMES {
        let Some(next) = rest.get(whole_length(rest)..).filter(|next| !next.is_empty()) else {
            break;
        };
        match frame(next) {
            Some(next) if next.dependent => {
                whole.mask |= next.mask;
                whole.bit_rate += next.bit_rate;
                whole.atmos |= next.atmos;
            }
            _ => break,
        }
        rest = next;
    }
    track.sample_rate = Some(first.sample_rate);
    layout::set_mask(track, whole.mask);
    if whole.atmos {
        track.profile = Some(ATMOS.into());
    }
    // For Enhanced AC-3 the container's rate includes all substreams. For AC-3 the frame's
    // rate is reliable.
    if !whole.enhanced || track.bit_rate.is_none() {
        track.bit_rate = Some(first.bit_rate);
    }
}

fn whole_length(bytes: &[u8]) -> usize {
    frame(bytes).map_or(usize::MAX, |frame| frame.length)
}

/// Reads the content of a `dac3` box.
pub fn read_dac3(track: &mut Track, config: &[u8]) -> Option<()> {
    let mut bits = Bits::new(config);
    let rate_code = bits.get(2)?;
    let shift = rate_shift(bits.get(5)?);
    bits.skip(3)?;
    let acmod = bits.get(3)?;
    let low = bits.flag()?;
    let rate = bits.get(5)?;
    let sample_rate = RATES.get(rate_code as usize).map(|&rate| rate >> shift);
    track.sample_rate = sample_rate.or(track.sample_rate);
    layout::set_mask(track, mode_mask(acmod) | if low { LFE } else { 0 });
    if track.bit_rate.is_none() {
        track.bit_rate =
            BIT_RATES.get(rate as usize).map(|&rate| (u64::from(rate) * 1000) >> shift);
    }
    Some(())
}

/// Reads the content of a `dec3` box: its first substream, and the ones that depend on it. After
/// all substreams it has a flag for objects (ETSI TS 103 420, C.3).
pub fn read_dec3(track: &mut Track, config: &[u8]) -> Option<()> {
    let mut bits = Bits::new(config);
    let kilobits = bits.get(13)?;
    let others = bits.get(3)?;
    let rate_code = bits.get(2)?;
    bits.skip(5 + 1 + 1 + 3)?;
    let acmod = bits.get(3)?;
    let low = bits.flag()?;
    bits.skip(3)?;
    let dependent = bits.get(4)?;
    let mut mask = mode_mask(acmod) | if low { LFE } else { 0 };
    if dependent > 0 {
        let map = bits.get(9)?;
        let places = [FLC | FRC, BL | BR, BC, TC, SDL | SDR, WL | WR, TFL | TFR, TFC, LFE2];
        for (bit, place) in places.iter().enumerate() {
            // The first bit is the most significant one (ETSI TS 102 366, F.6.2.14).
            if map >> (8 - bit) & 1 == 1 {
                mask |= place;
            }
        }
    } else {
        bits.skip(1)?;
    }
    if has_objects_in_dec3(&mut bits, others) == Some(true) {
        track.profile = Some(ATMOS.into());
    }
    track.sample_rate = RATES.get(rate_code as usize).copied().or(track.sample_rate);
    layout::set_mask(track, mask);
    if track.bit_rate.is_none() && kilobits != 0 {
        track.bit_rate = Some(u64::from(kilobits) * 1000);
    }
    Some(())
}

/// Skips the other independent substreams, and reads the flag after them.
fn has_objects_in_dec3(bits: &mut Bits<'_>, others: u32) -> Option<bool> {
    for _ in 0..others {
        bits.skip(2 + 5 + 1 + 1 + 3 + 3 + 1 + 3)?;
        let dependent = bits.get(4)?;
        bits.skip(if dependent > 0 { 9 } else { 1 })?;
    }
    bits.skip(7)?;
    bits.flag()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    fn track() -> Track {
        Track::new(0, TrackType::Audio)
    }

    #[test]
    fn frames_of_ac3_contain_channels_and_bit_rate() {
        // 48 kHz, 448 kbit/s, 3/2 with low frequency.
        let mut data = vec![0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1, 0x00];
        data.resize(1792, 0);
        let mut track = track();
        read_packet(&mut track, &data);
        assert_eq!(track.channel_layout.as_deref(), Some("5.1(side)"));
        assert_eq!((track.bit_rate, track.sample_rate), (Some(448_000), Some(48_000)));
    }

    #[test]
    fn dependent_frames_add_channels() {
        // Frames of 64 bytes: 3/2 with low frequency, then one that maps the back pair.
        let mut first = vec![0x0b, 0x77, 0x00, 0x1f, 0x3f, 0x80];
        first.resize(64, 0);
        // kind 1, acmod 2, bsid 16, dialnorm, no compression, a map: bit 6.
        let mut second = vec![0x0b, 0x77, 0x40, 0x1f, 0x34, 0x80];
        let map: u16 = 1 << 9;
        // After byte 5's five bits of id: 5 of dialnorm, 1, then the flag and the map.
        let tail: u32 = 1 << 28 | u32::from(map) << 12;
        second.truncate(5);
        second.push(0x80);
        second.extend(tail.to_be_bytes());
        second.resize(64, 0);
        let mut track = track();
        read_packet(&mut track, &[first, second].concat());
        assert_eq!(track.channel_layout.as_deref(), Some("7.1"));
    }

    #[test]
    fn frames_with_objects_have_a_profile() {
        // Six blocks at 48 kHz, 3/2 with low frequency; dialnorm, no compression, no mixing and
        // no information; then a byte of additional information.
        for (extension, profile) in [(0, None), (1, Some("Dolby Digital Plus + Dolby Atmos"))] {
            let mut bits: u64 = 0b10000; // bsid
            let mut push = |value: u64, count: u32| bits = bits << count | value;
            push(31, 5);
            push(0, 1);
            push(0, 1);
            push(0, 1);
            push(1, 1);
            push(0, 6);
            push(extension, 8);
            let mut frame = vec![0x0b, 0x77, 0x00, 0x1f, 0x3f];
            frame.extend((bits << 36).to_be_bytes());
            frame.resize(64, 0);
            let mut track = track();
            read_packet(&mut track, &frame);
            assert_eq!(track.channel_layout.as_deref(), Some("5.1(side)"));
            assert_eq!(track.profile.as_deref(), profile);
        }
    }

    #[test]
    fn boxes_contain_the_same_as_frames() {
        let mut plain = track();
        read_dac3(&mut plain, &[0x10, 0x3d, 0xe0]).unwrap();
        assert_eq!(plain.channel_layout.as_deref(), Some("5.1(side)"));
        assert_eq!(plain.bit_rate, Some(448_000));
        let mut half = track();
        // bsid 9, at 44.1 kHz.
        read_dac3(&mut half, &[0x52, 0x3d, 0xe0]).unwrap();
        assert_eq!((half.sample_rate, half.bit_rate), (Some(22_050), Some(224_000)));
        let mut enhanced = track();
        read_dec3(&mut enhanced, &[0x0c, 0x00, 0x20, 0x0f, 0x00]).unwrap();
        assert_eq!(enhanced.channel_layout.as_deref(), Some("5.1(side)"));
        assert_eq!(enhanced.profile, None);
        let mut objects = track();
        read_dec3(&mut objects, &[0x0c, 0x00, 0x20, 0x0f, 0x00, 0x01, 0x10]).unwrap();
        assert_eq!(objects.profile.as_deref(), Some("Dolby Digital Plus + Dolby Atmos"));
        let mut heights = track();
        // A dependent substream with the top front pair.
        read_dec3(&mut heights, &[0x12, 0x00, 0x20, 0x0f, 0x02, 0x04]).unwrap();
        assert_eq!(heights.channels, Some(8));
    }
}
