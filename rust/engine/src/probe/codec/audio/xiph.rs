//! Opus (RFC 7845, and its box in MP4), Vorbis, FLAC (RFC 9639), Speex, ALAC, TTA and
//! WavPack: their headers, also in the forms in which containers store them.

use super::layout::{self, BC, BL, BR, FC, FIVE_BACK, FIVE_SIDE, LFE, MONO, STEREO};
use crate::probe::codec::bits::{Bits, be16, be32, le16, le32};
use crate::probe::model::{Name, Track};

/// The layouts of Vorbis and of Opus's mapping family 1, by the number of channels.
const VORBIS: [u64; 8] = [
    MONO,
    STEREO,
    STEREO | FC,
    STEREO | BL | BR,
    FIVE_BACK,
    FIVE_BACK | LFE,
    FIVE_SIDE | LFE | BC,
    FIVE_SIDE | LFE | BL | BR,
];

/// Sets the layout that Vorbis, Opus and FLAC define for a number of channels.
fn set_ordered(track: &mut Track, channels: u32) {
    let mask = (channels as usize).checked_sub(1).and_then(|index| VORBIS.get(index));
    match mask {
        Some(&mask) => layout::set_mask(track, mask),
        None => {
            track.channels = Some(channels);
            track.channel_layout = None;
        }
    }
}

/// Reads `OpusHead`, with its magic or, as in MP4, without it.
pub fn read_opus(track: &mut Track, config: &[u8]) -> Option<()> {
    let head = config.strip_prefix(b"OpusHead").unwrap_or(config);
    let channels = u32::from(*head.get(1)?);
    track.sample_rate = Some(48_000);
    if channels == 0 {
        return None;
    }
    match head.get(10).copied().unwrap_or(0) {
        0 | 1 => set_ordered(track, channels),
        2 | 3 => {
            let order = (channels as f64).sqrt() as u32;
            let rest = channels - order * order;
            track.channels = Some(channels);
            track.channel_layout = match rest {
                0 => Some(Name::Owned(format!("ambisonic {}", order - 1))),
                2 => Some(Name::Owned(format!("ambisonic {}+stereo", order - 1))),
                _ => None,
            };
        }
        _ => {
            track.channels = Some(channels);
            track.channel_layout = None;
        }
    }
    Some(())
}

/// The nominal bit rate of Vorbis in bits per second.
pub fn vorbis_bit_rate(header: &[u8]) -> Option<u64> {
    let header = header.strip_prefix(b"\x01vorbis")?;
    le32(header, 13).filter(|&rate| rate != 0 && rate < 1 << 31).map(u64::from)
}

/// Reads Vorbis's identification header, which is alone or the first in a CodecPrivate.
pub fn read_vorbis(track: &mut Track, config: &[u8]) -> Option<()> {
    const MAGIC: &[u8] = b"\x01vorbis";
    let start = config.windows(MAGIC.len()).take(1024).position(|window| window == MAGIC)?;
    let header = config.get(start + MAGIC.len()..)?;
    let channels = u32::from(*header.get(4)?);
    let rate = le32(header, 5)?;
    if channels == 0 || rate == 0 {
        return None;
    }
    track.sample_rate = Some(rate);
    set_ordered(track, channels);
    Some(())
}

/// The content of a STREAMINFO block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StreamInfo {
    /// In Hz.
    pub sample_rate: u32,
    /// 1 to 8.
    pub channels: u32,
    /// Bits per sample.
    pub bits: u32,
    /// Samples per channel; 0 if unknown.
    pub samples: u64,
}

/// Parses the content of a STREAMINFO block.
pub fn stream_info(block: &[u8]) -> Option<StreamInfo> {
    let mut bits = Bits::new(block);
    bits.skip(16 + 16 + 24 + 24)?;
    let info = StreamInfo {
        sample_rate: bits.get(20)?,
        channels: bits.get(3)? + 1,
        bits: bits.get(5)? + 1,
        samples: u64::from(bits.get(4)?) << 32 | u64::from(bits.get(32)?),
    };
    (info.sample_rate != 0).then_some(info)
}

/// Reads FLAC's metadata blocks: after the magic, in a box of MP4, or STREAMINFO alone.
pub fn read_flac(track: &mut Track, config: &[u8]) -> Option<()> {
    if let Some(mut blocks) = config.strip_prefix(b"fLaC").or_else(|| in_box(config)) {
        // A stream has only a few blocks.
        for _ in 0..64 {
            let Some(header) = be32(blocks, 0) else { break };
            let (kind, length) = (header >> 24 & 0x7f, (header & 0xff_ffff) as usize);
            let rest = blocks.get(4..)?;
            let block = rest.get(..length).unwrap_or(rest);
            match kind {
                0 => apply_stream_info(track, stream_info(block)?),
                4 => apply_channel_mask(track, block),
                _ => {}
            }
            if header >> 31 == 1 {
                break;
            }
            blocks = rest.get(length..).unwrap_or_default();
        }
        return Some(());
    }
    apply_stream_info(track, stream_info(config)?);
    Some(())
}

/// The blocks in a `dfLa` box, after its version and flags.
fn in_box(config: &[u8]) -> Option<&[u8]> {
    let blocks = config.strip_prefix(b"\0\0\0\0")?;
    (be32(blocks, 0)? & 0x7fff_ffff == 34).then_some(blocks)
}

/// Fills in the fields that are in STREAMINFO.
pub fn apply_stream_info(track: &mut Track, info: StreamInfo) {
    track.sample_rate = Some(info.sample_rate);
    track.bit_depth = Some(info.bits);
    set_ordered(track, info.channels);
    // The same as in Vorbis, except that the surrounds are at the sides.
    match info.channels {
        5 => layout::set_mask(track, FIVE_SIDE),
        6 => layout::set_mask(track, FIVE_SIDE | LFE),
        _ => {}
    }
}

/// Sets the layout that comments give, if it has the right number of channels.
fn apply_channel_mask(track: &mut Track, comments: &[u8]) {
    const NAME: &[u8] = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=";
    let found = comments.windows(NAME.len()).position(|name| name.eq_ignore_ascii_case(NAME));
    let Some(value) = found.and_then(|start| comments.get(start + NAME.len()..)) else { return };
    let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
    set_channel_mask(track, &String::from_utf8_lossy(value.get(..end).unwrap_or_default()));
}

/// Sets the layout of a mask in the notation of comments: `0x3f`.
pub fn set_channel_mask(track: &mut Track, text: &str) {
    let digits = text.trim().trim_start_matches("0x").trim_start_matches("0X");
    let mask = u64::from_str_radix(digits, 16).unwrap_or(0);
    if mask & !0x3_ffff == 0 && Some(mask.count_ones()) == track.channels {
        layout::set_mask(track, mask);
    }
}

/// Reads the header of Speex.
pub fn read_speex(track: &mut Track, config: &[u8]) -> Option<()> {
    if !config.starts_with(b"Speex   ") {
        return None;
    }
    track.sample_rate = le32(config, 36).filter(|&rate| rate != 0);
    track.channels = le32(config, 48).filter(|&count| matches!(count, 1 | 2));
    Some(())
}

/// Reads ALAC's magic cookie: as in Matroska, in a box, or as in QuickTime files.
pub fn read_alac(track: &mut Track, config: &[u8]) -> Option<()> {
    let cookie = match config.len() {
        _ if config.get(4..8) == Some(b"alac") => config.get(12..)?,
        28 | 52 => config.get(4..)?,
        _ => config,
    };
    let channels = u32::from(*cookie.get(9)?);
    let rate = be32(cookie, 20)?;
    let bits = u32::from(*cookie.get(5)?);
    if channels == 0 || !(1..=32).contains(&bits) {
        return None;
    }
    if rate != 0 {
        track.sample_rate = Some(rate);
    }
    track.bit_depth = Some(bits);
    let masks = [
        MONO,
        STEREO,
        STEREO | FC,
        STEREO | FC | BC,
        FIVE_BACK,
        FIVE_BACK | LFE,
        FIVE_BACK | LFE | BC,
        FIVE_BACK | LFE | layout::FLC | layout::FRC,
    ];
    match masks.get(channels as usize - 1) {
        Some(&mask) => layout::set_mask(track, mask),
        None => track.channels = Some(channels),
    }
    Some(())
}

/// Sets TTA's own layout for the container's number of channels. TTA has no other headers.
pub fn read_tta(track: &mut Track, config: &[u8]) {
    if config.starts_with(b"TTA1") {
        track.channels = le16(config, 6).map(u32::from).or(track.channels);
        track.bit_depth = le16(config, 8).map(u32::from).or(track.bit_depth);
        track.sample_rate = le32(config, 10).or(track.sample_rate);
    }
    let mask = match track.channels {
        Some(2) => STEREO,
        Some(3) => STEREO | LFE,
        Some(4) => STEREO | BL | BR,
        Some(6) => FIVE_BACK | LFE,
        Some(7) => FIVE_BACK | LFE | BC,
        Some(8) => FIVE_SIDE | LFE | layout::FLC | layout::FRC,
        _ => 0,
    };
    track.channel_layout = layout::from_mask(mask);
}

/// Reads the first block of WavPack, with its header or, as in Matroska, without it.
pub fn read_wavpack(track: &mut Track, packet: &[u8]) -> Option<()> {
    let (flags, mut rest) = match packet.strip_prefix(b"wvpk") {
        Some(block) => (le32(block, 20)?, block.get(28..)?),
        None => {
            let flags = le32(packet, 4)?;
            // If it is the only block for its samples, it has no size.
            (flags, packet.get(if flags & 0x1800 == 0x1800 { 12 } else { 16 }..)?)
        }
    };
    const WAVPACK_RATES: [u32; 15] = [
        6_000, 8_000, 9_600, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
        64_000, 88_200, 96_000, 192_000,
    ];
    if let Some(&rate) = WAVPACK_RATES.get((flags >> 23 & 15) as usize) {
        track.sample_rate = Some(rate);
    }
    track.bit_depth = ((flags & 3) * 8 + 8).checked_sub(flags >> 13 & 31);
    if flags & 0x1800 == 0x1800 {
        layout::set_count(track, if flags & 4 == 4 { 1 } else { 2 });
    }
    // Metadata: an id, then a length in words.
    for _ in 0..64 {
        let (&id, &size) = (rest.first()?, rest.get(1)?);
        let (length, body) = if id & 0x80 == 0 {
            (usize::from(size) * 2, rest.get(2..)?)
        } else {
            let wide = u32::from(size) | u32::from(be16(rest, 2)?.swap_bytes()) << 8;
            (wide as usize * 2, rest.get(4..)?)
        };
        if id & 0x3f == 0x0d {
            let count = u32::from(*body.first()?);
            let end = length - usize::from(id & 0x40 != 0 && length > 0);
            let mask = body.get(1..end.min(5))?;
            let mask = mask.iter().rev().fold(0, |mask, &byte| mask << 8 | u64::from(byte));
            track.channels = Some(count);
            track.channel_layout = layout::from_mask(mask).filter(|_| mask.count_ones() == count);
        }
        match id & 0x3f {
            // A rate that the flags have no number for.
            0x27 => {
                track.sample_rate =
                    body.first_chunk().map(|&[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
            }
            // DSD: the rate in bytes is this power of two of it.
            0x0e => {
                track.sample_rate = track
                    .sample_rate
                    .and_then(|rate| rate.checked_shl(body.first().copied()?.into()))
            }
            _ => {}
        }
        rest = body.get(length..)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    fn track() -> Track {
        Track::new(0, TrackType::Audio)
    }

    #[test]
    fn opus_contains_channels_with_or_without_its_magic() {
        let mut head = b"OpusHead\x01\x06\x38\x01\x80\xbb\0\0\0\0\x01".to_vec();
        for skipped in [0, 8] {
            let mut track = track();
            read_opus(&mut track, &head[skipped..]).unwrap();
            assert_eq!(track.channel_layout.as_deref(), Some("5.1"));
            assert_eq!(track.sample_rate, Some(48_000));
        }
        (head[9], head[18]) = (4, 2);
        let mut track = track();
        read_opus(&mut track, &head).unwrap();
        assert_eq!(track.channel_layout.as_deref(), Some("ambisonic 1"));
        head[9] = 0;
        assert_eq!(read_opus(&mut track, &head), None);
    }

    #[test]
    fn vorbis_is_read_in_the_lacing_of_matroska() {
        let mut header = b"\x01vorbis\0\0\0\0\x07\x80\xbb\0\0".to_vec();
        header.extend([0, 0, 0, 0, 0x80, 0xb5, 0x01, 0, 0, 0, 0, 0, 0xb8, 1]);
        assert_eq!(vorbis_bit_rate(&header), Some(112_000));
        let mut track = track();
        read_vorbis(&mut track, &[&[2, 30, 70], &header[..]].concat()).unwrap();
        assert_eq!(track.channel_layout.as_deref(), Some("6.1"));
        assert_eq!(track.sample_rate, Some(48_000));
    }

    /// 48 kHz, six channels, 24 bits.
    fn info() -> Vec<u8> {
        let mut info = vec![0; 34];
        info[10..14].copy_from_slice(&[0x0b, 0xb8, 0x0b, 0x70]);
        info
    }

    #[test]
    fn flac_is_read_in_all_containers() {
        let comment = b"\0\0\0\0\x01\0\0\0\x28\0\0\0WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x003f";
        let plain = [&b"\x80\0\0\x22"[..], &info()].concat();
        let masked =
            [&b"fLaC\0\0\0\x22"[..], &info(), &[0x84, 0, 0, comment.len() as u8], comment].concat();
        for (config, layout) in [
            (info(), "5.1(side)"),
            ([&b"fLaC"[..], &plain].concat(), "5.1(side)"),
            ([&b"\0\0\0\0"[..], &plain].concat(), "5.1(side)"),
            (masked, "5.1"),
        ] {
            let mut track = track();
            read_flac(&mut track, &config).unwrap();
            assert_eq!(track.channel_layout.as_deref(), Some(layout));
            assert_eq!((track.bit_depth, track.sample_rate), (Some(24), Some(48_000)));
        }
    }

    #[test]
    fn alac_is_read_in_all_containers() {
        let cookie =
            [0, 0, 16, 0, 0, 24, 40, 10, 14, 6, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbb, 0x80];
        for before in [&[][..], &[0; 4], b"\0\0\0\x24alac\0\0\0\0"] {
            let mut track = track();
            read_alac(&mut track, &[before, &cookie].concat()).unwrap();
            assert_eq!(track.channel_layout.as_deref(), Some("5.1"));
            assert_eq!((track.bit_depth, track.sample_rate), (Some(24), Some(48_000)));
        }
    }
}
