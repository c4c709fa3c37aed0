//! Codecs: what a track's own headers say, which containers repeat only in part.
//!
//! Both functions fill in fields of a track whose `codec` is set. What the
//! codec says wins over what the container said where `ffprobe` has it so.
//! Neither fails: headers that are damaged leave the track as it was.

pub mod audio;
pub mod bits;
pub mod color;
pub mod video;

use super::model::Track;

/// How packets of codecs that consist of NAL units are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Start codes (MPEG-TS, raw streams), and all codecs without NAL units.
    #[default]
    StartCodes,
    /// Each unit after its length, of this many bytes (MP4, Matroska).
    Lengths(u8),
}

/// Fills in what a codec's configuration says: `CodecPrivate` without a wrapper,
/// `avcC`, `hvcC`, `av1C`, `vpcC`, an AudioSpecificConfig, `dfLa`, `dOps`, …
/// Called without bytes too, where a container has none. Returns the framing of
/// the packets that go with it.
pub fn read_config(track: &mut Track, config: &[u8]) -> Framing {
    video::read_config(track, config).unwrap_or_else(|| {
        audio::read_config(track, config);
        Framing::StartCodes
    })
}

/// Fills in what the beginning of a track's data says: one packet or several.
pub fn read_packet(track: &mut Track, packet: &[u8], framing: Framing) {
    if !video::read_packet(track, packet, framing) {
        audio::read_packet(track, packet);
    }
}

/// Whether [`read_packet`] is worth the bytes: whether what `ffprobe` would say
/// of this track is not all known yet.
pub fn wants_packet(track: &Track) -> bool {
    video::wants_packet(track) || audio::wants_packet(track)
}
