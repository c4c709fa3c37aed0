//! AudioSpecificConfig (ISO 14496-3, 1.6).

use crate::probe::codec::audio::layout::{self, BC, BL, BR, FC, FL, FLC, FR, FRC, LFE, SL, SR};
use crate::probe::codec::bits::Bits;
use crate::probe::model::{Name, Track};

pub const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

pub const AAC_LC: u32 = 2;
const SBR: u32 = 5;

/// The highest rate of a core whose bands are replicated without a word in its headers.
pub const FASTEST_CORE: u32 = 24_000;
const PS: u32 = 29;
const ALS: u32 = 36;

/// The properties of the sound in a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub object_type: u32,
    /// The rate of decoded sound: with spectral band replication, twice the rate of the core.
    pub sample_rate: u32,
    pub core_rate: u32,
    /// The channels of the core: parametric stereo makes two out of one.
    pub channels: u32,
    pub mask: u64,
    pub sbr: bool,
    /// Whether there is parametric stereo; None if it is not specified.
    pub ps: Option<bool>,
    /// Whether frames may have band replication although the configuration does not mention it.
    pub may_have_sbr: bool,
    /// Bits per sample, only of lossless coding.
    pub bits: Option<u32>,
}

pub fn apply(track: &mut Track, config: &Config) {
    let mut mask = config.mask;
    let mut channels = config.channels;
    // With spectral band replication, one channel is taken for parametric stereo unless the
    // configuration excludes that.
    let stereo_made = config.sbr && config.channels == 1 && config.ps != Some(false);
    if stereo_made {
        (channels, mask) = (2, layout::STEREO);
    }
    track.sample_rate = Some(config.sample_rate).filter(|&rate| rate != 0).or(track.sample_rate);
    if mask != 0 {
        layout::set_mask(track, mask);
    } else if channels != 0 {
        track.channels = Some(channels);
        track.channel_layout = None;
    }
    track.profile = match config.object_type {
        _ if stereo_made => Some(Name::Borrowed("HE-AACv2")),
        _ if config.sbr => Some(Name::Borrowed("HE-AAC")),
        other => profile_name(other),
    };
}

fn profile_name(object_type: u32) -> Option<Name> {
    Some(Name::Borrowed(match object_type {
        1 => "Main",
        AAC_LC => "LC",
        3 => "SSR",
        4 => "LTP",
        23 => "LD",
        39 => "ELD",
        42 => "xHE-AAC",
        _ => return None,
    }))
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.get(5)? {
        31 => Some(32 + bits.get(6)?),
        other => Some(other),
    }
}

fn sample_rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.get(4)? {
        15 => bits.get(24),
        index => RATES.get(index as usize).copied(),
    }
}

/// The channels of numbered configurations; configuration 0 has a program config element.
pub fn numbered_mask(configuration: u32) -> u64 {
    match configuration {
        1 => layout::MONO,
        2 => layout::STEREO,
        3 => layout::STEREO | FC,
        4 => layout::STEREO | FC | BC,
        5 => layout::FIVE_BACK,
        6 => layout::FIVE_BACK | LFE,
        // In 7.1, the standard puts two channels in front, but real files mean the sides.
        7 => layout::FIVE_SIDE | LFE | BL | BR,
        11 => layout::FIVE_BACK | LFE | BC,
        12 => layout::FIVE_SIDE | LFE | BL | BR,
        14 => layout::FIVE_SIDE | LFE | layout::TFL | layout::TFR,
        _ => 0,
    }
}

/// Parses a configuration. `whole` if it extends to the end of the data, and so may be
/// followed by an extension.
pub fn parse(bits: &mut Bits<'_>, whole: bool) -> Option<Config> {
    let mut config = Config { object_type: object_type(bits)?, ..Config::default() };
    config.core_rate = sample_rate(bits)?;
    config.sample_rate = config.core_rate;
    let channel_configuration = bits.get(4)?;
    config.mask = numbered_mask(channel_configuration);
    config.channels = config.mask.count_ones();
    let explicit = matches!(config.object_type, SBR | PS);
    if explicit {
        config.sbr = true;
        config.ps = (config.object_type == PS).then_some(true);
        config.sample_rate = sample_rate(bits)?;
        config.object_type = object_type(bits)?;
    }
    if config.object_type == ALS {
        parse_lossless(bits, &mut config);
        return Some(config);
    }
    let general = matches!(config.object_type, 1..=4 | 6 | 7 | 17 | 19..=23);
    if general && parse_general(bits, &mut config, channel_configuration).is_none() {
        return Some(config);
    }
    if whole && !explicit {
        let is_slow = config.object_type == AAC_LC && config.core_rate <= FASTEST_CORE;
        config.may_have_sbr = is_slow;
        parse_extension(bits, &mut config);
    }
    if config.object_type == 39 {
        config.sbr = false;
    }
    if config.channels != 1 || !config.sbr {
        config.ps = Some(false);
    }
    Some(config)
}

/// ALSSpecificConfig (ISO 14496-3, 11.6.2). Its own rate and channels count.
fn parse_lossless(bits: &mut Bits<'_>, config: &mut Config) -> Option<()> {
    bits.skip(5)?;
    if bits.peek(24)? != u32::from_be_bytes(*b"\0ALS") {
        bits.skip(24)?;
    }
    if bits.get(32)? != u32::from_be_bytes(*b"ALS\0") {
        return None;
    }
    config.sample_rate = bits.get(32)?;
    bits.skip(32)?;
    config.channels = bits.get(16)? + 1;
    bits.skip(3)?;
    config.bits = Some(8 * (bits.get(3)? + 1));
    Some(())
}

/// GASpecificConfig.
fn parse_general(bits: &mut Bits<'_>, config: &mut Config, channels: u32) -> Option<()> {
    bits.skip(1)?;
    if bits.flag()? {
        bits.skip(14)?;
    }
    let extension = bits.flag()?;
    if channels == 0 {
        (config.channels, config.mask) = program_config(bits)?;
    }
    if matches!(config.object_type, 6 | 20) {
        bits.skip(3)?;
    }
    if extension {
        match config.object_type {
            22 => bits.skip(16)?,
            17 | 19 | 20 | 23 => bits.skip(3)?,
            _ => {}
        }
        bits.skip(1)?;
    }
    Some(())
}

/// Parses the extension after a sync word, which old decoders ignore.
fn parse_extension(bits: &mut Bits<'_>, config: &mut Config) -> Option<()> {
    while bits.left() > 15 {
        if bits.peek(11)? != 0x2b7 {
            bits.skip(1)?;
            continue;
        }
        bits.skip(11)?;
        config.may_have_sbr = false;
        if object_type(bits)? == SBR && bits.flag()? {
            let rate = sample_rate(bits)?;
            // If the rates are equal, only the frames show whether bands are replicated.
            config.sbr = rate != config.core_rate;
            config.sample_rate = rate;
        }
        if bits.left() > 11 && bits.get(11)? == 0x548 {
            config.ps = Some(bits.flag()?);
        }
        break;
    }
    Some(())
}

/// Parses a program_config_element: the number of channels, and their layout if their order
/// determines one.
pub fn program_config(bits: &mut Bits<'_>) -> Option<(u32, u64)> {
    bits.skip(4 + 2 + 4)?;
    let counts = [bits.get(4)?, bits.get(4)?, bits.get(4)?];
    let low = bits.get(2)?;
    let associated = bits.get(3)? as usize;
    let coupling = bits.get(4)? as usize;
    for width in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(width)?;
        }
    }
    // Front, side and back: whether each element is a pair of channels.
    let mut groups = [const { Vec::new() }; 3];
    for (group, count) in groups.iter_mut().zip(counts) {
        for _ in 0..count {
            group.push(bits.flag()?);
            bits.skip(4)?;
        }
    }
    bits.skip(low as usize * 4 + associated * 4 + coupling * 5)?;
    bits.align();
    let comment = bits.get(8)? as usize;
    bits.skip(comment * 8)?;
    let count = |group: &Vec<bool>| group.iter().map(|&pair| 1 + u32::from(pair)).sum::<u32>();
    let [front, side, back] = groups.each_ref().map(count);
    let channels = front + side + back + low;
    let symmetric = groups.iter().zip([true, false, false]).all(|(group, is_front)| {
        // A single channel that comes first is the centre. A single channel in front that comes
        // after pairs, or one at the sides, has no defined place.
        let mut odd = false;
        let mut paired = false;
        for &pair in group {
            if pair && odd && (!is_front || paired) {
                return false;
            }
            odd = !pair && !odd;
            paired |= pair;
        }
        !(odd && is_front && paired && group.first() != Some(&false))
    }) && side % 2 == 0;
    let mask = if symmetric { order(front, side, back, low) } else { 0 };
    Some((channels, if mask.count_ones() == channels { mask } else { 0 }))
}

/// The layout of these numbers of channels in front, at the sides, at the back, and of low
/// frequency.
fn order(mut front: u32, mut side: u32, mut back: u32, low: u32) -> u64 {
    let mut mask = 0;
    if side == 0 && back >= 4 {
        (side, back) = (2, back - 2);
    }
    if front % 2 == 1 {
        (mask, front) = (FC, front - 1);
    }
    if front >= 4 {
        mask |= FLC | FRC;
    }
    if front >= 2 {
        mask |= FL | FR;
    }
    if side >= 2 {
        mask |= SL | SR;
    }
    if back >= 2 {
        mask |= BL | BR;
    }
    if back % 2 == 1 {
        mask |= BC;
    }
    if low >= 1 {
        mask |= LFE;
    }
    mask
}
