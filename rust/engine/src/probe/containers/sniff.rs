//! Recognises codecs by the data of a stream whose container does not name them. Also reads
//! the headers of LPCM in program and transport streams.

use super::pes;
use crate::probe::format;
use crate::probe::model::{Track, TrackType};

/// The codec of MPEG audio, from the first frame that is followed by another.
pub fn mpeg_audio(data: &[u8]) -> Option<&'static str> {
    let frame = format::mpeg_audio_frames(data)?;
    Some(match frame.layer {
        1 => "mp1",
        2 => "mp2",
        3 => "mp3",
        _ => "aac",
    })
}

/// The codec of MPEG video: MPEG-2 has an extension after its sequence header.
pub fn mpeg_video(data: &[u8]) -> Option<&'static str> {
    let mut codes = start_codes(data).skip_while(|&code| code != 0xb3).skip(1);
    Some(if codes.next()? == 0xb5 { "mpeg2video" } else { "mpeg1video" })
}

fn start_codes(data: &[u8]) -> impl Iterator<Item = u8> {
    data.windows(4).filter(|bytes| bytes.starts_with(&[0, 0, 1])).map(|bytes| bytes[3])
}

/// The type and codec of a stream that no table describes.
pub fn pes_codec(track_type: TrackType, data: &[u8]) -> Option<(TrackType, &'static str)> {
    if data.starts_with(&[0x0b, 0x77]) {
        let eac3 = data.get(5)? >> 3 > 10;
        return Some((TrackType::Audio, if eac3 { "eac3" } else { "ac3" }));
    }
    if data.starts_with(&[0x7f, 0xfe, 0x80, 0x01]) {
        return Some((TrackType::Audio, "dts"));
    }
    if data.starts_with(&[0xff]) {
        return mpeg_audio(data).map(|codec| (TrackType::Audio, codec));
    }
    // Video may begin in the middle of a picture. Other streams have their start codes first.
    let start = if track_type == TrackType::Video { data } else { &data[..data.len().min(64)] };
    start_codes(start).next()?;
    if let Some(codec) = mpeg_video(data) {
        return Some((TrackType::Video, codec));
    }
    let first: Vec<u8> = start_codes(data).take(64).collect();
    // Slices of a picture of MPEG video, whose headers follow later.
    if first
        .windows(3)
        .any(|codes| codes[1].wrapping_sub(codes[0]) == 1 && codes[2].wrapping_sub(codes[1]) == 1)
    {
        return None;
    }
    let codes = || first.iter().copied();
    // Parameter sets of H.264 are 0x67 and 0x68 (or 0x27, 0x28), those of HEVC 0x40 to 0x44.
    if codes().any(|code| code & 0x9f == 0x07) && codes().any(|code| code & 0x9f == 0x08) {
        Some((TrackType::Video, "h264"))
    } else if codes().any(|code| code == 0x40) && codes().any(|code| code == 0x42) {
        Some((TrackType::Video, "hevc"))
    } else if codes().any(|code| code == 0xb0) && codes().any(|code| code & 0xf0 == 0x20) {
        Some((TrackType::Video, "mpeg4"))
    } else {
        None
    }
}

/// The track type that a packet's stream id stands for.
pub fn type_by_id(stream_id: u8) -> TrackType {
    match stream_id {
        0xc0..=0xdf => TrackType::Audio,
        0xe0..=0xef => TrackType::Video,
        pes::PRIVATE_1 => TrackType::Audio,
        _ => TrackType::Other,
    }
}

/// Reads the four bytes before LPCM on Blu-rays.
pub fn lpcm_of_blu_ray(track: &mut Track, data: &[u8]) {
    let [_, _, layout, bits, ..] = *data else { return };
    let (channels, name) = match layout >> 4 {
        1 => (1, "mono"),
        3 => (2, "stereo"),
        4 => (3, "3.0"),
        5 => (3, "3.0(back)"),
        6 => (4, "4.0"),
        7 => (4, "quad(side)"),
        8 => (5, "5.0(side)"),
        9 => (6, "5.1(side)"),
        10 => (7, "7.0"),
        11 => (8, "7.1"),
        _ => return,
    };
    let rate = match layout & 0xf {
        1 => 48_000,
        4 => 96_000,
        5 => 192_000,
        _ => return,
    };
    let bits = match bits >> 6 {
        1 => 16,
        2 => 20,
        3 => 24,
        _ => return,
    };
    // Channels are stored in pairs.
    lpcm(track, channels, channels.next_multiple_of(2), rate, bits);
    track.channel_layout = Some(name.into());
}

/// Reads the three bytes before LPCM on DVDs.
pub fn lpcm_of_dvd(track: &mut Track, data: &[u8]) {
    let [_, format, ..] = *data else { return };
    let rate = [48_000, 96_000, 44_100, 32_000][usize::from(format >> 4 & 3)];
    let channels = u32::from(format & 7) + 1;
    let bits = 16 + 4 * u32::from(format >> 6);
    if bits > 24 {
        return;
    }
    lpcm(track, channels, channels, rate, bits);
    let layouts = ["mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1"];
    track.channel_layout = layouts.get(usize::from(format & 7)).map(|&name| name.into());
}

/// Reads the four bytes before LPCM in AES3 frames (SMPTE ST 302).
pub fn lpcm_of_smpte_302m(track: &mut Track, data: &[u8]) {
    let &[high, low, format, rest, ..] = data else { return };
    let size = u64::from(u16::from_be_bytes([high, low]));
    let channels = u32::from(format >> 6) * 2 + 2;
    let bits = 16 + 4 * u32::from(rest >> 4 & 3);
    if bits > 24 {
        return;
    }
    lpcm(track, channels, channels, 48_000, bits);
    let name = match channels {
        2 => "stereo",
        4 => "quad",
        6 => "5.1",
        _ => "8 channels (FL+FR+FC+LFE+BL+BR+DL+DR)",
    };
    track.channel_layout = Some(name.into());
    // Each sample has four status bits, each packet a header.
    let coded = u64::from(channels * (bits + 4));
    let samples = size * 8 / coded;
    let headers = (32 * 48_000_u64).checked_div(samples).unwrap_or(0);
    track.bit_rate = Some(48_000 * coded + headers);
}

fn lpcm(track: &mut Track, channels: u32, coded: u32, rate: u32, bits: u32) {
    track.channels = Some(channels);
    track.sample_rate = Some(rate);
    track.bit_depth = Some(bits);
    track.bit_rate = Some(u64::from(coded * rate * bits));
}

/// The bit rate of MPEG-1 video, unless it varies.
pub fn mpeg1_bit_rate(data: &[u8]) -> Option<u64> {
    let at = data.windows(4).position(|code| code == [0, 0, 1, 0xb3])?;
    let field = data.get(at + 8..at + 11)?;
    let rate = u64::from(field[0]) << 10 | u64::from(field[1]) << 2 | u64::from(field[2]) >> 6;
    (rate != 0 && rate != 0x3_ffff).then_some(rate * 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_in_aes3_frames_is_described_by_four_bytes() {
        for (header, channels, layout, bits, rate) in [
            ([0x14, 0x00, 0x00, 0x00], 2, "stereo", 16, 1_921_500),
            ([0x18, 0x00, 0x00, 0x10], 2, "stereo", 20, 2_305_500),
            ([0x54, 0x00, 0x80, 0x20], 6, "5.1", 24, 8_065_500),
        ] {
            let mut track = Track::new(0, TrackType::Audio);
            lpcm_of_smpte_302m(&mut track, &header);
            assert_eq!((track.channels, track.bit_depth), (Some(channels), Some(bits)));
            assert_eq!(
                (track.channel_layout.as_deref(), track.bit_rate),
                (Some(layout), Some(rate))
            );
        }
        let mut track = Track::new(0, TrackType::Audio);
        lpcm_of_smpte_302m(&mut track, &[0; 4]);
        lpcm_of_smpte_302m(&mut track, &[0; 3]);
        lpcm_of_smpte_302m(&mut track, &[0, 0, 0, 0x30]);
        assert_eq!(track.bit_rate, Some(1_920_000));
    }
}
