//! DTS: core frames and extension substreams (ETSI TS 102 114).

use super::layout::{
    self, BC, BL, BR, FC, FL, FLC, FR, FRC, LFE, SL, SR, TBC, TBL, TBR, TC, TFC, TFL, TFR,
};
use crate::probe::codec::bits::{Bits, be32};
use crate::probe::model::{Name, Track};

const CORE: u32 = 0x7ffe_8001;
const CORE_LITTLE: u32 = 0xfe7f_0180;
const CORE_14: u32 = 0x1fff_e800;
const CORE_14_LITTLE: u32 = 0xff1f_00e8;
const SUBSTREAM: u32 = 0x6458_2025;
const DTS_X: u32 = 0x0200_0850;
const DTS_X_IMAX: u32 = 0xf140_00d0;

const RATES: [u32; 16] = [
    0, 8_000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000, 96_000,
    192_000,
];

const BIT_RATES: [u32; 32] = [
    32_000, 56_000, 64_000, 96_000, 112_000, 128_000, 192_000, 224_000, 256_000, 320_000, 384_000,
    448_000, 512_000, 576_000, 640_000, 768_000, 896_000, 1_024_000, 1_152_000, 1_280_000,
    1_344_000, 1_408_000, 1_411_200, 1_472_000, 1_536_000, 1_920_000, 2_048_000, 3_072_000,
    3_840_000, 0, 0, 0,
];

/// The sampling rates of extensions.
const ASSET_RATES: [u32; 16] = [
    8_000, 16_000, 32_000, 64_000, 128_000, 22_050, 44_100, 88_200, 176_400, 352_800, 12_000,
    24_000, 48_000, 96_000, 192_000, 384_000,
];

/// The channels of the core's arrangements.
const ARRANGEMENTS: [u64; 10] = [
    layout::MONO,
    layout::STEREO,
    layout::STEREO,
    layout::STEREO,
    layout::STEREO,
    layout::STEREO | FC,
    layout::STEREO | BC,
    layout::STEREO | FC | BC,
    layout::STEREO | SL | SR,
    layout::FIVE_SIDE,
];

/// The channels of the bits of a speaker mask.
const SPEAKERS: [u64; 16] = [
    FC,
    FL | FR,
    SL | SR,
    LFE,
    BC,
    TFL | TFR,
    BL | BR,
    TFC,
    TC,
    FLC | FRC,
    FLC | FRC,
    SL | SR,
    LFE,
    TFL | TFR,
    TBC,
    TBL | TBR,
];

#[derive(Clone, Copy, Debug)]
struct Core {
    length: usize,
    mask: u64,
    sample_rate: u32,
    bit_rate: u32,
    profile: &'static str,
}

/// The properties of an extension substream's first asset.
#[derive(Clone, Copy, Debug, Default)]
struct Asset {
    mask: u64,
    channels: u32,
    sample_rate: u32,
    bits: u32,
}

/// What the header of a core frame says about the frame itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// In bytes of the file.
    pub length: usize,
    /// In bits per second; None if it varies.
    pub bit_rate: Option<u32>,
}

/// The bytes that contain the header of a core frame, whose words may use 14 of 16 bits.
const HEADER: usize = 64;

/// Parses the header of the core frame at the beginning of `bytes`. Its length includes an
/// extension that follows.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let start = &bytes[..bytes.len().min(HEADER)];
    let (core, is_packed) = match be32(bytes, 0)? {
        CORE => (core_frame(start)?, false),
        CORE_14 => (core_frame(start)?, true),
        CORE_LITTLE => (core_frame(&swap(start))?, false),
        CORE_14_LITTLE => (core_frame(&swap(start))?, true),
        _ => return None,
    };
    let length = if is_packed { core.length * 16 / 14 } else { core.length };
    let extension = bytes.get(length..).and_then(substream_length).unwrap_or(0);
    let bit_rate = Some(core.bit_rate).filter(|&rate| rate != 0);
    Some(Header { length: length + extension, bit_rate })
}

/// The length of the extension substream at the beginning of `bytes`.
fn substream_length(bytes: &[u8]) -> Option<usize> {
    let mut bits = Bits::new(bytes);
    if bits.get(32)? != SUBSTREAM {
        return None;
    }
    bits.skip(8 + 2)?;
    let (header_bits, size_bits) = if bits.flag()? { (12, 20) } else { (8, 16) };
    bits.skip(header_bits)?;
    Some(bits.get(size_bits)? as usize + 1)
}

/// Reads a core frame, an extension substream, or both.
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    let Some((start, little)) = find(packet) else { return };
    let data = packet.get(start..).unwrap_or_default();
    let swapped = swap(data);
    let data = if little { &swapped } else { data };
    let core = core_frame(data);
    let behind = core.map_or(0, |core| core.length);
    let extension = data.get(behind..).filter(|rest| be32(rest, 0) == Some(SUBSTREAM));
    if let Some(core) = core {
        layout::set_mask(track, core.mask);
        track.sample_rate = Some(core.sample_rate);
        track.bit_rate = Some(core.bit_rate).filter(|&rate| rate != 0).map(u64::from);
        track.profile = Some(Name::Borrowed(core.profile));
    }
    if let Some(extension) = extension {
        read_substream(track, extension);
    }
}

/// The start of the first frame, and whether its 16-bit words are little-endian.
fn find(packet: &[u8]) -> Option<(usize, bool)> {
    (0..packet.len().min(8192)).find_map(|start| match be32(packet, start)? {
        CORE | SUBSTREAM | CORE_14 => Some((start, false)),
        CORE_LITTLE | CORE_14_LITTLE => Some((start, true)),
        _ => None,
    })
}

fn swap(data: &[u8]) -> Vec<u8> {
    data.chunks(2).take(8192).flat_map(|pair| pair.iter().rev().copied()).collect()
}

fn core_frame(data: &[u8]) -> Option<Core> {
    let packed;
    let data = match be32(data, 0)? {
        CORE => data,
        CORE_14 => {
            packed = pack_14(data);
            &packed
        }
        _ => return None,
    };
    let mut bits = Bits::new(data);
    bits.skip(32 + 1 + 5)?;
    let checked = bits.flag()?;
    bits.skip(7)?;
    let length = bits.get(14)? as usize + 1;
    let arrangement = bits.get(6)? as usize;
    let sample_rate = RATES[bits.get(4)? as usize];
    let bit_rate = BIT_RATES[bits.get(5)? as usize];
    bits.skip(1 + 1 + 1 + 1 + 1)?;
    let extension = bits.get(3)?;
    let extended = bits.flag()?;
    bits.skip(1)?;
    let low = bits.get(2)?;
    let _ = checked;
    if length < 96 || sample_rate == 0 {
        return None;
    }
    let mut core = Core {
        length,
        mask: *ARRANGEMENTS.get(arrangement)? | if matches!(low, 1 | 2) { LFE } else { 0 },
        sample_rate,
        bit_rate,
        profile: "DTS",
    };
    if extended {
        match extension {
            // An additional channel at the back.
            0 => {
                core.profile = "DTS-ES";
                core.mask |= BC;
            }
            2 => {
                core.profile = "DTS 96/24";
                core.sample_rate *= 2;
            }
            6 => core.profile = "DTS-ES",
            _ => {}
        }
    }
    Some(core)
}

/// Joins the bits of words that use only 14 of 16 bits.
fn pack_14(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let (mut value, mut count) = (0u32, 0);
    for pair in data.chunks_exact(2).take(64) {
        value = value << 14 | u32::from(pair[0] & 0x3f) << 8 | u32::from(pair[1]);
        count += 14;
        while count >= 8 {
            count -= 8;
            packed.push((value >> count) as u8);
            value &= (1 << count) - 1;
        }
    }
    packed
}

fn read_substream(track: &mut Track, data: &[u8]) {
    let has = |sync: u32| data.windows(4).any(|window| window == sync.to_be_bytes());
    let asset = asset(data).unwrap_or_default();
    // DTS:X comes after the lossless sound. The last bit of IMAX's word is not part of it.
    let has_imax = || {
        let word = DTS_X_IMAX >> 1;
        data.windows(4).any(|window| be32(window, 0).is_some_and(|it| it >> 1 == word))
    };
    let profile = if has(0x41a2_9547) {
        match (has(DTS_X), has_imax()) {
            (_, true) => "DTS-HD MA + DTS:X IMAX",
            (true, false) => "DTS-HD MA + DTS:X",
            (false, false) => "DTS-HD MA",
        }
    } else if has(0x0a80_1921) {
        "DTS Express"
    } else if has(0x655e_315e) || has(0x4700_4a03) || has(0x1d95_f262) {
        "DTS-HD HRA"
    } else {
        return;
    };
    track.profile = Some(Name::Borrowed(profile));
    if asset.mask != 0 {
        layout::set_mask(track, asset.mask);
    } else if asset.channels != 0 {
        layout::set_count(track, asset.channels);
    }
    if asset.sample_rate != 0 {
        track.sample_rate = Some(asset.sample_rate);
    }
    if profile.starts_with("DTS-HD MA") {
        // Lossless: the bit rate varies, and samples are stored with 16 or 24 bits.
        track.bit_rate = None;
        track.bit_depth = Some(if asset.bits > 16 || asset.bits == 0 { 24 } else { 16 });
    }
}

/// Parses the header of an extension substream as far as the first asset's channels.
fn asset(data: &[u8]) -> Option<Asset> {
    let mut bits = Bits::new(data);
    bits.skip(32 + 8)?;
    let index = bits.get(2)?;
    let wide = bits.flag()?;
    let (header_bits, size_bits) = if wide { (12, 20) } else { (8, 16) };
    bits.skip(header_bits + size_bits)?;
    let static_fields = bits.flag()?;
    let mut assets = 1;
    if static_fields {
        bits.skip(2 + 3)?;
        if bits.flag()? {
            bits.skip(36)?;
        }
        let presentations = bits.get(3)? + 1;
        assets = bits.get(3)? + 1;
        let mut masks = Vec::new();
        for _ in 0..presentations {
            masks.push(bits.get(index as usize + 1)?);
        }
        for mask in masks {
            bits.skip(mask.count_ones() as usize * 8)?;
        }
        if bits.flag()? {
            bits.skip(2)?;
            let mask_bits = (bits.get(2)? as usize + 1) * 4;
            let configurations = bits.get(2)? as usize + 1;
            bits.skip(configurations * mask_bits)?;
        }
    }
    bits.skip(assets as usize * size_bits)?;
    // The first asset's descriptor.
    bits.skip(9 + 3)?;
    if !static_fields {
        return None;
    }
    if bits.flag()? {
        bits.skip(4)?;
    }
    if bits.flag()? {
        bits.skip(24)?;
    }
    if bits.flag()? {
        let text = bits.get(10)? as usize + 1;
        bits.skip(text * 8)?;
    }
    let mut asset = Asset { bits: bits.get(5)? + 1, ..Asset::default() };
    asset.sample_rate = ASSET_RATES[bits.get(4)? as usize];
    asset.channels = bits.get(8)? + 1;
    if bits.flag()? {
        if asset.channels > 2 {
            bits.skip(1)?;
        }
        if asset.channels > 6 {
            bits.skip(1)?;
        }
        if bits.flag()? {
            let count = (bits.get(2)? as usize + 1) * 4;
            let speakers = bits.get(count)?;
            for (bit, channels) in SPEAKERS.iter().enumerate() {
                if speakers >> bit & 1 == 1 {
                    asset.mask |= channels;
                }
            }
        }
    }
    Some(asset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    /// 48 kHz, 1536 kbit/s, five channels and a low-frequency channel.
    fn core() -> Vec<u8> {
        let mut frame =
            vec![0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x3f, 0xf2, 0x77, 0x00, 0x02, 0x00];
        frame.resize(1024, 0);
        frame
    }

    fn read(packet: &[u8]) -> Track {
        let mut track = Track::new(0, TrackType::Audio);
        read_packet(&mut track, packet);
        track
    }

    #[test]
    fn core_frames_contain_channels_and_rates() {
        let track = read(&core());
        assert_eq!(track.profile.as_deref(), Some("DTS"));
        assert_eq!(track.channel_layout.as_deref(), Some("5.1(side)"));
        assert_eq!((track.sample_rate, track.bit_rate), (Some(48_000), Some(1_536_000)));
        assert_eq!(read(&swap(&core())).channels, Some(6));
    }

    #[test]
    fn extensions_are_recognised_by_their_sync_words() {
        let mut data = core();
        data.extend([0x64, 0x58, 0x20, 0x25, 0, 0, 0, 0, 0, 0, 0, 0]);
        data.extend([0x41, 0xa2, 0x95, 0x47]);
        let track = read(&data);
        assert_eq!(track.profile.as_deref(), Some("DTS-HD MA"));
        assert_eq!((track.bit_rate, track.bit_depth), (None, Some(24)));
        for (word, profile) in [
            ([0x02, 0x00, 0x08, 0x50], "DTS-HD MA + DTS:X"),
            ([0xf1, 0x40, 0x00, 0xd1], "DTS-HD MA + DTS:X IMAX"),
        ] {
            let track = read(&[&data[..], &word].concat());
            assert_eq!(track.profile.as_deref(), Some(profile));
            assert_eq!(track.bit_depth, Some(24));
        }
    }
}
