//! Audio codecs: what their own headers say of channels, rates and profiles.

pub mod layout;

use crate::probe::model::Track;

/// See [`super::read_config`].
pub fn read_config(_track: &mut Track, _config: &[u8]) {}

/// See [`super::read_packet`].
pub fn read_packet(_track: &mut Track, _packet: &[u8]) {}

/// See [`super::wants_packet`].
pub fn wants_packet(_track: &Track) -> bool {
    false
}
