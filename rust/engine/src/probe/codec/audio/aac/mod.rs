//! AAC: AudioSpecificConfig (ISO 14496-3, 1.6), ADTS frames, and LATM with its configuration
//! in the stream (LOAS).

mod config;
mod frames;

use super::layout;
use crate::probe::codec::bits::Bits;
use crate::probe::model::{Name, Track};
use config::{apply, parse};
use frames::{ends_with_sbr, find_adts, find_latm, read_adts};

pub use frames::{adts, adts_bit_rate};

/// Reads an AudioSpecificConfig.
pub fn read_config(track: &mut Track, config: &[u8]) {
    let Some(config) = parse(&mut Bits::new(config), true) else { return };
    if let Some(codec) = other_codec(config.object_type) {
        track.codec = Some(Name::Borrowed(codec));
        track.sample_rate = Some(config.sample_rate).filter(|&it| it > 0).or(track.sample_rate);
        let channels = Some(config.channels).filter(|&it| it > 0).or(track.channels);
        layout::set_count(track, channels.unwrap_or(0));
        track.bit_depth = config.bits;
        return;
    }
    apply(track, &config);
    track.unchecked_packets = if config.may_have_sbr { ENOUGH_PACKETS } else { 0 };
}

/// A frame may look like one with band replication by coincidence, but not so many.
const ENOUGH_PACKETS: u8 = 3;

/// Checks whether a raw frame has band replication.
fn check_raw_frame(track: &mut Track, frame: &[u8]) {
    if !ends_with_sbr(frame) {
        track.unchecked_packets = 0;
        return;
    }
    track.unchecked_packets -= 1;
    if track.unchecked_packets == 0 {
        track.sample_rate = track.sample_rate.map(|rate| rate * 2);
        // One channel is taken for parametric stereo, as in frames with headers.
        let is_mono = track.channels == Some(1);
        if is_mono {
            layout::set_mask(track, layout::STEREO);
        }
        track.profile = Some(Name::Borrowed(if is_mono { "HE-AACv2" } else { "HE-AAC" }));
    }
}

/// The codec of an object type that is not AAC, although it has the same configuration.
fn other_codec(object_type: u32) -> Option<&'static str> {
    match object_type {
        32..=34 => Some("mp3on4"),
        36 => Some("mp4als"),
        _ => None,
    }
}

/// Reads ADTS frames or LOAS frames. Raw frames show only whether bands are replicated.
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    if track.unchecked_packets > 0 {
        check_raw_frame(track, packet);
    } else if let Some(start) = find_adts(packet) {
        read_adts(track, packet.get(start..).unwrap_or_default());
    } else if let Some(config) = find_latm(packet) {
        apply(track, &config);
    }
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
    fn configurations_contain_profile_rate_and_channels() {
        assert_eq!(of_config(&[0x11, 0x90]), expected("LC", 48_000, 2, "stereo"));
        assert_eq!(of_config(&[0x12, 0x08]), expected("LC", 44_100, 1, "mono"));
        assert_eq!(of_config(&[0x11, 0xb0]), expected("LC", 48_000, 6, "5.1"));
        assert_eq!(of_config(&[0x11, 0xb8]), expected("LC", 48_000, 8, "7.1"));
    }

    #[test]
    fn band_replication_is_explicit_or_after_a_sync_word() {
        // SBR comes first: 24 kHz, 48 kHz.
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
    fn lossless_coding_is_another_codec() {
        // Object type 36, 44.1 kHz, stereo, five bits of filling; then its own header.
        let mut config = vec![0xf8, 0x88, 0x40];
        config.extend(b"ALS\0");
        config.extend(96_000u32.to_be_bytes());
        config.extend([0xff, 0xff, 0xff, 0xff, 0, 1, 0x08]);
        let mut track = Track::new(0, TrackType::Audio);
        track.codec = Some("aac".into());
        read_config(&mut track, &config);
        assert_eq!(track.codec.as_deref(), Some("mp4als"));
        assert_eq!((track.sample_rate, track.channels), (Some(96_000), Some(2)));
        assert_eq!((track.bit_depth, track.profile), (Some(24), None));
    }

    #[test]
    fn frames_contain_the_same_as_configurations() {
        let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc];
        frame.resize(16, 0x55);
        let mut track = Track::new(0, TrackType::Audio);
        let data = [&[1, 2, 3], &frame[..], &frame[..]].concat();
        read_packet(&mut track, &data);
        assert_eq!(summary(&track), expected("LC", 48_000, 2, "stereo"));
    }

    #[test]
    fn band_replication_at_the_end_of_frames_doubles_the_rate() {
        // 24 kHz mono; an element of two bytes with extension type 13, then the end.
        let mut frame = vec![0xff, 0xf1, 0x58, 0x40, 0x01, 0x9f, 0xfc];
        frame.extend([0x00, 0x03, 0x16, 0x80, 0x07, 0x00]);
        let length = frame.len();
        frame[4] = (length >> 3) as u8;
        frame[5] = ((length & 7) << 5) as u8 | 0x1f;
        let mut track = Track::new(0, TrackType::Audio);
        read_packet(&mut track, &frame.repeat(4));
        assert_eq!(summary(&track).1, 48_000);
        assert_eq!(summary(&track).0, "HE-AACv2");

        // The same before an element of three bytes of filling.
        let mut frame = vec![0xff, 0xf1, 0x58, 0x40, 0x02, 0x5f, 0xfc];
        frame.extend([0x00, 0x00, 0x0c, 0x5a, 0x00, 0x18, 0xc4, 0x29, 0x69, 0x78]);
        let length = frame.len();
        frame[4] = (length >> 3) as u8;
        frame[5] = ((length & 7) << 5) as u8 | 0x1f;
        let mut track = Track::new(0, TrackType::Audio);
        read_packet(&mut track, &frame.repeat(4));
        assert_eq!(summary(&track), expected("HE-AACv2", 48_000, 2, "stereo"));

        // Without headers, behind a configuration that does not mention it (24 kHz, mono).
        for (frames, expected) in
            [(3, expected("HE-AACv2", 48_000, 2, "stereo")), (2, expected("LC", 24_000, 1, "mono"))]
        {
            let mut track = Track::new(0, TrackType::Audio);
            read_config(&mut track, &[0x13, 0x08]);
            for number in 0..4 {
                read_packet(&mut track, if number < frames { &frame[7..] } else { b"other" });
            }
            assert_eq!(summary(&track), expected);
        }
    }
}
