//! The meaning of stream types and descriptors: ISO/IEC 13818-1, table 2-34, ETSI EN 300 468,
//! ATSC A/52, those of the Blu-ray association (`HDMV`), and Dolby's for Dolby Vision.

use super::tables::descriptors;
use crate::probe::codec::video::dolby_vision;
use crate::probe::containers::elementary::UNDESCRIBED;
use crate::probe::model::{Track, TrackType};

use TrackType::{Audio, Other, Subtitle, Video};

type Kind = (TrackType, &'static str);

/// Private data in PES packets, which descriptors describe.
const PRIVATE: u8 = 0x06;

/// Sections that announce where to cut.
const SPLICES: u8 = 0x86;

/// TrueHD on Blu-rays, with AC-3 beside it in the same PID.
pub const HDMV_TRUEHD: u8 = 0x83;

/// Whether a stream consists of sections instead of PES packets.
pub fn is_sections(stream_type: u8, registration: Option<&[u8]>) -> bool {
    stream_type == 0x13 || is_splices(stream_type, registration)
}

fn is_splices(stream_type: u8, registration: Option<&[u8]>) -> bool {
    stream_type == SPLICES && registration == Some(b"CUEI")
}

/// Whether the program belongs to a Blu-ray.
pub fn is_hdmv(registration: Option<&[u8]>) -> bool {
    matches!(registration, Some(b"HDMV" | b"HDPR"))
}

/// Fills in the fields that are in the map's description of a stream.
pub fn describe(track: &mut Track, stream_type: u8, registration: Option<&[u8]>, info: &[u8]) {
    let standard = by_type(stream_type);
    let hdmv = || by_hdmv_type(stream_type).filter(|_| is_hdmv(registration));
    let splices = || is_splices(stream_type, registration).then_some((Other, "scte_35"));
    let other = || match stream_type {
        0x81 => Some((Audio, "ac3")),
        0x8a => Some((Audio, "dts")),
        _ => None,
    };
    if let Some(kind) = standard.or_else(splices).or_else(hdmv).or_else(other) {
        set(track, kind);
    }
    for (tag, content) in descriptors(info) {
        by_descriptor(track, stream_type, tag, content);
    }
    if track.codec.is_none() && stream_type == PRIVATE {
        set(track, (Other, UNDESCRIBED));
    }
}

fn set(track: &mut Track, (track_type, codec): Kind) {
    track.track_type = track_type;
    track.codec = Some(codec.into());
}

fn by_type(stream_type: u8) -> Option<Kind> {
    Some(match stream_type {
        // The data shows the version of MPEG, and the layer.
        0x01 | 0x02 => (Video, "mpeg2video"),
        0x03 | 0x04 => (Audio, "mp3"),
        0x0f | 0x1c => (Audio, "aac"),
        0x10 => (Video, "mpeg4"),
        0x11 => (Audio, "aac_latm"),
        0x1b | 0x20 => (Video, "h264"),
        0x21 => (Video, "jpeg2000"),
        0x24 => (Video, "hevc"),
        0x33 => (Video, "vvc"),
        0x42 => (Video, "cavs"),
        0xd1 => (Video, "dirac"),
        0xd2 => (Video, "avs2"),
        0xd4 => (Video, "avs3"),
        0xea => (Video, "vc1"),
        _ => return None,
    })
}

fn by_hdmv_type(stream_type: u8) -> Option<Kind> {
    Some(match stream_type {
        0x80 => (Audio, "pcm_bluray"),
        0x81 => (Audio, "ac3"),
        0x82 | 0x85 | 0x86 | 0xa2 => (Audio, "dts"),
        HDMV_TRUEHD => (Audio, "truehd"),
        0x84 | 0xa1 => (Audio, "eac3"),
        0x90 => (Subtitle, "hdmv_pgs_subtitle"),
        0x92 => (Subtitle, "hdmv_text_subtitle"),
        _ => return None,
    })
}

fn by_registration(format: &[u8]) -> Option<Kind> {
    Some(match format {
        b"drac" => (Video, "dirac"),
        b"AC-3" => (Audio, "ac3"),
        b"EAC3" => (Audio, "eac3"),
        b"BSSD" => (Audio, "s302m"),
        b"DTS1" | b"DTS2" | b"DTS3" => (Audio, "dts"),
        b"HEVC" => (Video, "hevc"),
        b"VVC " => (Video, "vvc"),
        b"VC-1" => (Video, "vc1"),
        b"Opus" => (Audio, "opus"),
        b"KLVA" => (Other, "klv"),
        b"ID3 " => (Other, "timed_id3"),
        _ => return None,
    })
}

fn by_descriptor(track: &mut Track, stream_type: u8, tag: u8, content: &[u8]) {
    if track.codec.is_none() && stream_type == PRIVATE {
        let kind = match tag {
            0x6a => Some((Audio, "ac3")),
            0x7a => Some((Audio, "eac3")),
            0x7b => Some((Audio, "dts")),
            0x56 => Some((Subtitle, "dvb_teletext")),
            0x59 => Some((Subtitle, "dvb_subtitle")),
            _ => None,
        };
        if let Some(kind) = kind {
            set(track, kind);
        }
    }
    match tag {
        0x05 if track.codec.is_none() => {
            if let Some(kind) = content.get(..4).and_then(by_registration) {
                set(track, kind);
            }
        }
        // ISO_639_language_descriptor: languages, each with its audience.
        0x0a => {
            set_language(track, content);
            for entry in content.chunks_exact(4) {
                track.hearing_impaired |= entry[3] == 2;
                track.visual_impaired |= entry[3] == 3;
            }
        }
        // metadata_descriptor.
        0x26 => {
            let format = match *content {
                [0xff, 0xff, _, _, _, _, 0xff, ref rest @ ..] => rest.get(..4),
                [_, _, 0xff, ref rest @ ..] => rest.get(..4),
                _ => None,
            };
            if let Some(kind @ (Other, _)) = format.and_then(by_registration) {
                set(track, kind);
            }
        }
        // teletext_descriptor.
        0x56 => set_language(track, content),
        // subtitling_descriptor: from type 0x20 on, the subtitles are for the hard of hearing.
        0x59 => {
            set_language(track, content);
            track.hearing_impaired |=
                content.chunks_exact(8).any(|entry| (0x20..=0x25).contains(&entry[3]));
        }
        0x7f => by_extension(track, content),
        0xb0 if track.track_type == Video => {
            track.dolby_vision_profile =
                dolby_vision::profile_of_descriptor(content).or(track.dolby_vision_profile.take());
        }
        _ => {}
    }
}

/// Reads extension descriptors of DVB.
fn by_extension(track: &mut Track, content: &[u8]) {
    match *content {
        // supplementary_audio_descriptor.
        [0x06, flags, ref rest @ ..] => {
            match flags >> 2 & 0x1f {
                1 | 3 => track.visual_impaired = true,
                2 => track.hearing_impaired = true,
                _ => {}
            }
            if flags & 1 != 0 && rest.len() >= 3 {
                track.language.clear();
                set_language(track, rest);
            }
        }
        // The channels of Opus, which the stream itself does not contain.
        [0x80, channels, ..] if track.codec.as_deref() == Some("opus") => opus(track, channels),
        _ => {}
    }
}

fn opus(track: &mut Track, config: u8) {
    let layout = match config {
        0 | 2 => "stereo",
        1 => "mono",
        3 => "3.0",
        4 => "quad",
        5 => "5.0",
        6 => "5.1",
        7 => "6.1",
        8 => "7.1",
        _ => return,
    };
    track.channels = Some(u32::from(config).max(if config == 0 { 2 } else { 1 }));
    track.channel_layout = Some(layout.into());
    track.sample_rate = Some(48_000);
}

/// Sets the language to the first one, unless it is set.
fn set_language(track: &mut Track, content: &[u8]) {
    if let Some(code) = content.get(..3)
        && track.language.is_empty()
    {
        track.language = String::from_utf8_lossy(code).into_owned();
    }
}
