//! AAC: AudioSpecificConfig (ISO 14496-3, 1.6), ADTS frames, LATM with its mux
//! configuration in the stream (LOAS).

use super::layout::{self, BC, BL, BR, FC, FL, FLC, FR, FRC, LFE, SL, SR};
use crate::probe::codec::bits::Bits;
use crate::probe::model::{Name, Track};

mod frames;

pub use frames::{adts, adts_bit_rate};

use frames::{find_adts, find_latm, read_adts};

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

const AAC_LC: u32 = 2;
const SBR: u32 = 5;
const PS: u32 = 29;

/// What a configuration says of the sound.
#[derive(Clone, Debug, Default, PartialEq)]
struct Config {
    object_type: u32,
    /// As it is decoded: with spectral band replication, twice that of the core.
    sample_rate: u32,
    core_rate: u32,
    /// Of the core: parametric stereo makes two of one.
    channels: u32,
    mask: u64,
    sbr: bool,
    /// Whether there is parametric stereo; None if it is not said.
    ps: Option<bool>,
}

/// Reads an AudioSpecificConfig.
pub fn read_config(track: &mut Track, config: &[u8]) {
    if let Some(config) = parse(&mut Bits::new(config), true) {
        apply(track, &config);
    }
}

/// Reads ADTS frames or LOAS, whichever it is; raw frames say nothing.
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    if let Some(start) = find_adts(packet) {
        read_adts(track, packet.get(start..).unwrap_or_default());
    } else if let Some(config) = find_latm(packet) {
        apply(track, &config);
    }
}

fn apply(track: &mut Track, config: &Config) {
    let mut mask = config.mask;
    let mut channels = config.channels;
    // With bands replicated, one channel may become two; unless that is denied, it is taken to.
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

/// Channels of the configurations that are numbered; 0 has a program config element.
fn numbered_mask(configuration: u32) -> u64 {
    match configuration {
        1 => layout::MONO,
        2 => layout::STEREO,
        3 => layout::STEREO | FC,
        4 => layout::STEREO | FC | BC,
        5 => layout::FIVE_BACK,
        6 => layout::FIVE_BACK | LFE,
        // Seven and one: the standard has the two in front; files mean those at the sides.
        7 => layout::FIVE_SIDE | LFE | BL | BR,
        11 => layout::FIVE_BACK | LFE | BC,
        12 => layout::FIVE_SIDE | LFE | BL | BR,
        14 => layout::FIVE_SIDE | LFE | layout::TFL | layout::TFR,
        _ => 0,
    }
}

/// Parses a configuration; `whole` if what follows it is its own, and may be an extension.
fn parse(bits: &mut Bits<'_>, whole: bool) -> Option<Config> {
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
    let general = matches!(config.object_type, 1..=4 | 6 | 7 | 17 | 19..=23);
    if general && parse_general(bits, &mut config, channel_configuration).is_none() {
        return Some(config);
    }
    if whole && !explicit {
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

/// The extension that old decoders do not see, behind sync words.
fn parse_extension(bits: &mut Bits<'_>, config: &mut Config) -> Option<()> {
    while bits.left() > 15 {
        if bits.peek(11)? != 0x2b7 {
            bits.skip(1)?;
            continue;
        }
        bits.skip(11)?;
        if object_type(bits)? == SBR && bits.flag()? {
            let rate = sample_rate(bits)?;
            // The same rate: whether bands are replicated, the frames will tell.
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

/// A program_config_element: channels, and their layout if their order makes one.
fn program_config(bits: &mut Bits<'_>) -> Option<(u32, u64)> {
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
    // Front, side, back: whether each element is a pair of channels.
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
        // A single channel first is the centre; one that is left over in front
        // after pairs, or at the sides, has no place.
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

/// The layout of so many channels in front, at the sides, at the back, and of low frequency.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    fn of_config(config: &[u8]) -> (String, u32, u32, String) {
        let mut track = Track::new(0, TrackType::Audio);
        read_config(&mut track, config);
        summary(&track)
    }

    fn summary(track: &Track) -> (String, u32, u32, String) {
        let text = |name: &Option<Name>| name.as_deref().unwrap_or_default().to_owned();
        let rate = track.sample_rate.unwrap_or_default();
        let channels = track.channels.unwrap_or_default();
        (text(&track.profile), rate, channels, text(&track.channel_layout))
    }

    fn expected(
        profile: &str,
        rate: u32,
        channels: u32,
        layout: &str,
    ) -> (String, u32, u32, String) {
        (profile.into(), rate, channels, layout.into())
    }

    #[test]
    fn configurations_say_profile_rate_and_channels() {
        assert_eq!(of_config(&[0x11, 0x90]), expected("LC", 48_000, 2, "stereo"));
        assert_eq!(of_config(&[0x12, 0x08]), expected("LC", 44_100, 1, "mono"));
        assert_eq!(of_config(&[0x11, 0xb0]), expected("LC", 48_000, 6, "5.1"));
        assert_eq!(of_config(&[0x11, 0xb8]), expected("LC", 48_000, 8, "7.1"));
    }

    #[test]
    fn replicated_bands_are_explicit_or_behind_a_sync_word() {
        // SBR in the first place: 24 kHz, 48 kHz.
        assert_eq!(of_config(&[0x2b, 0x11, 0x88, 0x00]), expected("HE-AAC", 48_000, 2, "stereo"));
        // Parametric stereo: one channel becomes two.
        assert_eq!(of_config(&[0xeb, 0x09, 0x88, 0x00]), expected("HE-AACv2", 48_000, 2, "stereo"));
        let hidden = [0x13, 0x10, 0x56, 0xe5, 0x98];
        assert_eq!(of_config(&hidden), expected("HE-AAC", 48_000, 2, "stereo"));
        let denied = [0x13, 0x10, 0x56, 0xe5, 0x18];
        assert_eq!(of_config(&denied), expected("LC", 24_000, 2, "stereo"));
    }

    #[test]
    fn program_config_elements_have_a_layout_if_they_are_symmetric() {
        let quad = [0x11, 0x80, 0x04, 0xc4, 0x04, 0x00, 0x21, 0x10, 0x00, 0x56, 0xe5, 0x00];
        assert_eq!(of_config(&quad), expected("LC", 48_000, 4, "quad"));
        let odd = [0x11, 0x80, 0x04, 0xc8, 0x44, 0x00, 0x20, 0x00, 0xc4, 0x00, 0x00];
        assert_eq!(of_config(&odd), expected("LC", 48_000, 6, ""));
    }

    #[test]
    fn frames_say_what_configurations_say() {
        let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc];
        frame.resize(16, 0x55);
        let mut track = Track::new(0, TrackType::Audio);
        let data = [&[1, 2, 3], &frame[..], &frame[..]].concat();
        read_packet(&mut track, &data);
        assert_eq!(summary(&track), expected("LC", 48_000, 2, "stereo"));
    }

    #[test]
    fn frames_that_end_with_replicated_bands_double_the_rate() {
        // 24 kHz mono; an element of two bytes of extension type 13, then the end.
        let mut frame = vec![0xff, 0xf1, 0x58, 0x40, 0x01, 0x9f, 0xfc];
        frame.extend([0x00, 0x03, 0x16, 0x80, 0x07, 0x00]);
        let length = frame.len();
        frame[4] = (length >> 3) as u8;
        frame[5] = ((length & 7) << 5) as u8 | 0x1f;
        let mut track = Track::new(0, TrackType::Audio);
        read_packet(&mut track, &frame.repeat(4));
        assert_eq!(summary(&track).1, 48_000);
        assert_eq!(summary(&track).0, "HE-AACv2");
    }
}
