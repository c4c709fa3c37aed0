//! The first packet of an Ogg stream: its codec, and the unit of its times.

use crate::probe::codec::audio::{layout, xiph};
use crate::probe::codec::bits::{Bits, be32, le16, le32};
use crate::probe::codec::{self};
use crate::probe::containers::riff;
use crate::probe::model::{Name, Track, TrackType};
use crate::probe::rational;

/// How a page's granule position becomes a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clock {
    /// It is unknown.
    #[default]
    Unknown,
    /// Units of `.0 / .1` seconds.
    Units(u64, u64),
    /// Frames of `.0 / .1` seconds: the number of the last key frame is in the bits above
    /// `.2`, and the number of frames since then in the bits below.
    Frames(u64, u64, u32),
}

impl Clock {
    /// The seconds that a number of units or frames takes.
    pub fn length(self, count: u64) -> f64 {
        let (numerator, denominator) = match self {
            Clock::Unknown => return 0.0,
            Clock::Units(numerator, denominator) | Clock::Frames(numerator, denominator, _) => {
                (numerator, denominator)
            }
        };
        count as f64 * numerator as f64 / denominator.max(1) as f64
    }

    /// The time in seconds.
    pub fn seconds(self, granule: u64) -> Option<f64> {
        let (count, numerator, denominator) = match self {
            Clock::Unknown => return None,
            Clock::Units(numerator, denominator) => (granule, numerator, denominator),
            Clock::Frames(numerator, denominator, shift) => {
                let since = granule & ((1 << shift) - 1);
                ((granule >> shift).saturating_add(since), numerator, denominator)
            }
        };
        let seconds = count as f64 * numerator as f64 / denominator as f64;
        (denominator != 0 && seconds.is_finite()).then_some(seconds)
    }
}

/// How long the packets of a stream are, in units of its clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum PacketLengths {
    /// It is unknown.
    #[default]
    Unknown,
    /// At most this long; nearly all are.
    UpTo(u64),
    /// The packets contain it (Opus: RFC 6716, 3.1).
    InPackets,
}

impl PacketLengths {
    /// The longest time that packets may take, of which the first two bytes are given.
    pub fn longest(self, packets: &[u8]) -> Option<u64> {
        let packets = packets.chunks_exact(2);
        match self {
            PacketLengths::Unknown => None,
            PacketLengths::UpTo(length) => Some(packets.len() as u64 * length),
            PacketLengths::InPackets => Some(packets.map(opus_length).sum()),
        }
    }
}

/// The samples of an Opus packet at 48 kHz.
fn opus_length(packet: &[u8]) -> u64 {
    let &[toc, second, ..] = packet else { return 0 };
    let frame = match toc >> 3 {
        mode @ 0..12 => [480, 960, 1920, 2880][usize::from(mode & 3)],
        mode @ 12..16 => [480, 960][usize::from(mode & 1)],
        mode => [120, 240, 480, 960][usize::from(mode & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(second & 0x3f),
    };
    frame * frames
}

/// The track of a stream, and its clock.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The track, whose number is not set.
    pub track: Track,
    /// The clock of its pages.
    pub clock: Clock,
    /// How long packets are.
    pub packet_lengths: PacketLengths,
    /// The bytes before the comments in the second packet; None if it has no comments.
    pub comments: Option<usize>,
}

/// Reads a stream's first packet.
pub fn read(packet: &[u8]) -> Stream {
    read_known(packet).unwrap_or_default()
}

fn read_known(packet: &[u8]) -> Option<Stream> {
    let mut stream = Stream::default();
    let track = &mut stream.track;
    track.track_type = TrackType::Audio;
    if packet.starts_with(b"\x01vorbis") {
        track.codec = Some("vorbis".into());
        codec::read_config(track, packet);
        track.bit_rate = xiph::vorbis_bit_rate(packet);
        // Two successive long blocks overlap by half.
        let exponent = packet.get(28)? >> 4;
        stream.packet_lengths = PacketLengths::UpTo(1 << exponent >> 1);
        stream.comments = Some(7);
    } else if packet.starts_with(b"OpusHead") {
        track.codec = Some("opus".into());
        stream.packet_lengths = PacketLengths::InPackets;
        codec::read_config(track, packet);
        stream.comments = Some(8);
    } else if packet.starts_with(b"\x7fFLAC") {
        // A version, a number of packets, then a FLAC stream.
        track.codec = Some("flac".into());
        codec::read_config(track, packet.get(9..)?);
        // The largest block, behind `fLaC` and the header of STREAMINFO.
        let largest = packet.get(19..21)?;
        stream.packet_lengths =
            PacketLengths::UpTo(u64::from(largest[0]) << 8 | u64::from(largest[1]));
        stream.comments = Some(4);
    } else if packet.starts_with(b"Speex   ") {
        track.codec = Some("speex".into());
        codec::read_config(track, packet);
        track.bit_rate = le32(packet, 52).filter(|&rate| rate < 1 << 31).map(u64::from);
        stream.comments = Some(0);
    } else if packet.starts_with(b"\x80theora") {
        return theora(packet);
    } else if packet.starts_with(b"OVP80\x01") {
        return vp8(packet);
    } else if packet.starts_with(b"\x01video\0\0\0") || packet.starts_with(b"\x01audio\0\0\0") {
        return media_stream(packet);
    } else if packet.starts_with(b"\x01text\0\0\0") {
        track.track_type = TrackType::Subtitle;
        track.codec = Some("text".into());
        stream.clock = Clock::Units(u64::from(le32(packet, 17)?), 10_000_000);
        stream.comments = Some(7);
        return Some(stream);
    } else {
        track.track_type = TrackType::Other;
        return Some(stream);
    }
    stream.clock = Clock::Units(1, u64::from(stream.track.sample_rate?));
    Some(stream)
}

fn theora(packet: &[u8]) -> Option<Stream> {
    let mut stream = Stream { comments: Some(7), ..Stream::default() };
    let track = &mut stream.track;
    track.track_type = TrackType::Video;
    track.codec = Some("theora".into());
    codec::read_config(track, packet);
    let (rate, scale) = (be32(packet, 22)?, be32(packet, 26)?);
    track.frame_rate = rational::rate(rate.into(), scale.into());
    let mut bits = Bits::new(packet.get(40..)?);
    bits.skip(6)?;
    let shift = bits.get(5)?;
    stream.clock = Clock::Frames(scale.into(), rate.into(), shift);
    stream.packet_lengths = PacketLengths::UpTo(1);
    Some(stream)
}

fn vp8(packet: &[u8]) -> Option<Stream> {
    let mut stream = Stream { comments: Some(7), ..Stream::default() };
    let track = &mut stream.track;
    track.track_type = TrackType::Video;
    track.codec = Some("vp8".into());
    let field =
        |at: usize| packet.get(at..at + 2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1]));
    (track.width, track.height) = (field(8), field(10));
    track.pixel_format = Some("yuv420p".into());
    let (rate, scale) = (be32(packet, 18)?, be32(packet, 22)?);
    track.frame_rate = rational::rate(rate.into(), scale.into());
    Some(stream)
}

/// OGM: a structure of DirectShow with a FourCC or a format tag.
fn media_stream(packet: &[u8]) -> Option<Stream> {
    let mut stream = Stream { comments: Some(7), ..Stream::default() };
    let track = &mut stream.track;
    let four = *packet.get(9..)?.first_chunk::<4>()?;
    let unit = u64::from_le_bytes(*packet.get(17..)?.first_chunk()?);
    let per_unit = u64::from_le_bytes(*packet.get(25..)?.first_chunk()?);
    if packet[1] == b'v' {
        track.track_type = TrackType::Video;
        track.codec = riff::video_codec(four).map(Name::Borrowed);
        (track.width, track.height) = (le32(packet, 45), le32(packet, 49));
        track.frame_rate = rational::rate(10_000_000, unit);
        stream.clock = Clock::Units(unit, 10_000_000);
    } else {
        track.track_type = TrackType::Audio;
        let tag = u16::from_str_radix(&String::from_utf8_lossy(&four), 16).ok()?;
        let bits = le16(packet, 41).unwrap_or(0);
        track.codec = riff::audio_codec(tag, bits.into()).map(Name::Borrowed);
        let channels = u32::from(le16(packet, 45)?);
        layout::set_count(track, channels);
        track.bit_rate = le32(packet, 49).map(|rate| u64::from(rate) * 8);
        track.sample_rate = u32::try_from(per_unit).ok();
        stream.clock = Clock::Units(1, per_unit);
        codec::read_config(track, packet.get(57..).unwrap_or_default());
    }
    Some(stream)
}
