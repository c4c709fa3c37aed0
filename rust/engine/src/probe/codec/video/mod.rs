//! To come.

use super::Framing;
use crate::probe::model::Track;

/// See [`super::read_config`]; None if the codec is none of these.
pub fn read_config(_track: &mut Track, _config: &[u8]) -> Option<Framing> {
    None
}

/// See [`super::read_packet`]; false if the codec is none of these.
pub fn read_packet(_track: &mut Track, _packet: &[u8], _framing: Framing) -> bool {
    false
}

/// See [`super::wants_packet`].
pub fn wants_packet(_track: &Track) -> bool {
    false
}
