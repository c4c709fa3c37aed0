//! Audio codecs: the channels, rates and profiles in their own headers.
//!
//! A channel layout is set only where `ffprobe` reports one. It reports none for PCM and
//! ADPCM, unless the container has a channel mask ([`layout::from_mask`]).

pub mod aac;
pub mod ac3;
pub mod dts;
pub mod layout;
pub mod mpeg;
pub mod xiph;

mod truehd;
mod wma;

use crate::probe::model::{Track, TrackType};

/// See [`super::read_config`].
pub fn read_config(track: &mut Track, config: &[u8]) {
    let Some(codec) = track.codec.clone() else { return };
    match &*codec {
        "aac" | "aac_latm" => aac::read_config(track, config),
        "ac3" => _ = ac3::read_dac3(track, config),
        "eac3" => _ = ac3::read_dec3(track, config),
        "dts" => track.bit_depth = None,
        "opus" => _ = xiph::read_opus(track, config),
        "vorbis" => _ = xiph::read_vorbis(track, config),
        "flac" => _ = xiph::read_flac(track, config),
        "alac" => _ = xiph::read_alac(track, config),
        "speex" => _ = xiph::read_speex(track, config),
        "wmapro" | "wmalossless" => _ = wma::read_config(track, config),
        "wmavoice" => layout::set_count(track, 1),
        "tta" => xiph::read_tta(track, config),
        "mp1" | "mp2" | "mp3" | "wavpack" if track.channel_layout.is_none() => {
            layout::set_count(track, track.channels.filter(|&count| count <= 2).unwrap_or(0));
        }
        "amr_nb" | "amr_wb" => {
            layout::set_count(track, 1);
            track.sample_rate = Some(if codec == "amr_nb" { 8_000 } else { 16_000 });
        }
        "nellymoser" | "gsm" | "gsm_ms" => {
            layout::set_count(track, track.channels.filter(|&count| count <= 2).unwrap_or(1));
        }
        _ => {}
    }
    // A configuration may show that it is another codec than the container says.
    let codec = track.codec.clone().unwrap_or(codec);
    set_bit_depth_by_name(track, &codec);
}

/// See [`super::read_packet`].
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    let Some(codec) = track.codec.clone() else { return };
    match &*codec {
        "aac" | "aac_latm" => aac::read_packet(track, packet),
        "ac3" | "eac3" => ac3::read_packet(track, packet),
        "dts" => {
            // The core has no number of bits per sample, whatever the container says.
            track.bit_depth = None;
            dts::read_packet(track, packet);
        }
        "truehd" | "mlp" => truehd::read_packet(track, packet),
        "mp1" | "mp2" | "mp3" => mpeg::read_packet(track, packet),
        "wavpack" => _ = xiph::read_wavpack(track, packet),
        _ => {}
    }
    set_bit_depth_by_name(track, &codec);
}

/// See [`super::wants_packet`].
pub fn wants_packet(track: &Track) -> bool {
    if track.track_type != TrackType::Audio {
        return false;
    }
    match track.codec.as_deref() {
        Some("dts") => track.profile.is_none(),
        Some("ac3" | "eac3" | "mp1" | "mp2" | "mp3") => {
            track.channel_layout.is_none() || track.bit_rate.is_none()
        }
        Some("truehd" | "mlp" | "wavpack" | "aac_latm") => track.channel_layout.is_none(),
        Some("aac") => track.profile.is_none() || track.unchecked_packets > 0,
        _ => false,
    }
}

/// Sets the bits per sample for codecs whose name determines them. Lossy codecs have none,
/// whatever the container says.
fn set_bit_depth_by_name(track: &mut Track, codec: &str) {
    match bits_by_name(codec) {
        Some(0) => track.bit_depth = None,
        Some(bits) => track.bit_depth = Some(bits),
        None => {}
    }
}

/// The bits per sample that follow from the codec's name. 0: the codec has none. None: the
/// name does not determine them.
pub fn bits_by_name(codec: &str) -> Option<u32> {
    if let Some(format) = codec.strip_prefix("pcm_") {
        return Some(match format {
            "alaw" | "mulaw" | "vidc" | "sga" => 8,
            "bluray" | "dvd" | "lxf" => return None,
            "zork" => 8,
            "f16le" | "f24le" => 32,
            _ => {
                let digits: String =
                    format.chars().skip(1).take_while(char::is_ascii_digit).collect();
                digits.parse().unwrap_or(0)
            }
        });
    }
    match codec {
        "adpcm_ima_wav" | "adpcm_ima_qt" | "adpcm_ms" | "adpcm_swf" | "adpcm_yamaha"
        | "adpcm_ct" | "adpcm_ima_ws" | "adpcm_ima_amv" | "adpcm_sbpro_4" | "adpcm_g722"
        | "adpcm_ima_ssi" | "adpcm_ima_apm" | "adpcm_ima_alp" | "adpcm_argo" | "adpcm_aica" => {
            Some(4)
        }
        "aac" | "aac_latm" | "ac3" | "eac3" | "ac4" | "mp1" | "mp2" | "mp3" | "opus" | "vorbis"
        | "speex" | "amr_nb" | "amr_wb" | "wmav1" | "wmav2" | "wmapro" | "nellymoser" | "gsm"
        | "gsm_ms" | "qdm2" | "cook" | "atrac3" | "adpcm_g726" => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::Name;

    const CODECS: [&str; 22] = [
        "aac",
        "aac_latm",
        "ac3",
        "eac3",
        "opus",
        "vorbis",
        "flac",
        "alac",
        "speex",
        "tta",
        "mp1",
        "mp2",
        "mp3",
        "wavpack",
        "amr_nb",
        "gsm",
        "dts",
        "truehd",
        "mlp",
        "pcm_s16le",
        "adpcm_ms",
        "unheard_of",
    ];

    #[test]
    fn names_determine_the_bits_of_pcm_and_lossy_codecs_have_none() {
        let bits = ["pcm_s16le", "pcm_f32be", "pcm_u8", "pcm_alaw", "pcm_s24le_planar", "adpcm_ms"];
        let bits: Vec<_> = bits.iter().filter_map(|codec| bits_by_name(codec)).collect();
        assert_eq!(bits, [16, 32, 8, 8, 24, 4]);
        let mut track = Track::new(0, TrackType::Audio);
        (track.codec, track.bit_depth) = (Some("aac".into()), Some(16));
        read_config(&mut track, &[0x11, 0x90]);
        assert_eq!(track.bit_depth, None);
    }

    #[test]
    fn noise_of_any_length_does_not_make_a_parser_panic() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
            (state >> 56) as u8
        };
        let beginnings: [&[u8]; 12] = [
            b"",
            b"\xff\xf1",
            b"\x56\xe0",
            b"\x0b\x77",
            b"\x7f\xfe\x80\x01",
            b"\x64\x58\x20\x25",
            b"\x1f\xff\xe8\x00",
            b"\0\0\0\0\xf8\x72\x6f\xba",
            b"OpusHead",
            b"fLaC",
            b"wvpk",
            b"\xff\xfb",
        ];
        for round in 0..60 {
            for beginning in beginnings {
                let mut data = beginning.to_vec();
                data.extend((0..round * 3).map(|_| next()));
                for codec in CODECS {
                    let mut track = Track::new(0, TrackType::Audio);
                    track.codec = Some(Name::Borrowed(codec));
                    read_config(&mut track, &data);
                    read_packet(&mut track, &data);
                    wants_packet(&track);
                }
            }
        }
    }
}
