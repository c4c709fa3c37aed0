//! Codecs: the headers inside a track, of which containers repeat only a part.
//!
//! The two `read` functions fill in fields of a track whose `codec` is set. Where the codec
//! and the container disagree, the one that `ffprobe` uses wins. The functions never fail:
//! damaged headers leave the track unchanged.

pub mod audio;
pub mod bits;
pub mod color;
mod framing;
pub mod video;

use super::model::Track;

pub use framing::Framing;

/// Fills in the fields that are in a codec's configuration: `CodecPrivate` without a wrapper,
/// `avcC`, `hvcC`, `av1C`, `vpcC`, an AudioSpecificConfig, `dfLa`, `dOps`, … The
/// configuration is empty if the container has none. Returns the framing of the track's
/// packets.
pub fn read_config(track: &mut Track, config: &[u8]) -> Framing {
    video::read_config(track, config).unwrap_or_else(|| {
        audio::read_config(track, config);
        Framing::StartCodes
    })
}

/// Fills in the fields that are in the first packet or packets of a track.
pub fn read_packet(track: &mut Track, packet: &[u8], framing: Framing) {
    if !video::read_packet(track, packet, framing) {
        audio::read_packet(track, packet);
    }
}

/// Whether the first packet is more reliable than the configuration.
pub fn is_in_packet(track: &Track) -> bool {
    video::is_in_packet(track)
}

/// Whether [`read_packet`] could fill in a field that `ffprobe` reports and that is unknown.
pub fn wants_packet(track: &Track) -> bool {
    video::wants_packet(track) || audio::wants_packet(track)
}
