//! HDR10+ (SMPTE ST 2094-40), in messages that are registered by ITU-T T.35.

use crate::probe::model::{Hdr, Track};

/// `user_data_registered_itu_t_t35`.
const REGISTERED_USER_DATA: usize = 4;

/// `alternative_transfer_characteristics`: HLG in video that old receivers show as SDR.
const ALTERNATIVE_TRANSFER: usize = 147;

/// Whether a message, from its country code on, contains the metadata of ST 2094-40: country
/// US, provider Samsung, code 1, application 4.
pub fn is_hdr10_plus(message: &[u8]) -> bool {
    message.starts_with(&[0xb5, 0x00, 0x3c, 0x00, 0x01, 0x04])
}

/// What messages in an SEI unit say about the dynamic range.
#[derive(Clone, Copy, Debug, Default)]
pub struct Messages {
    /// Whether there is HDR10+ metadata.
    pub hdr10_plus: bool,
    /// The transfer characteristics that are preferred to those of the parameter set.
    pub transfer: Option<u8>,
}

/// Reads the messages in an SEI unit (ITU-T H.265, 7.3.5).
pub fn sei_messages(mut payload: &[u8]) -> Messages {
    let mut messages = Messages::default();
    while let Some((kind, length, rest)) = message_header(payload) {
        let (message, next) = rest.split_at(length.min(rest.len()));
        match kind {
            REGISTERED_USER_DATA => messages.hdr10_plus |= is_hdr10_plus(message),
            ALTERNATIVE_TRANSFER => messages.transfer = message.first().copied(),
            _ => {}
        }
        payload = next;
    }
    messages
}

fn message_header(payload: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (kind, rest) = long_byte(payload)?;
    let (length, rest) = long_byte(rest)?;
    Some((kind, length, rest))
}

/// Reads a number that consists of any number of 255s and a last byte.
fn long_byte(data: &[u8]) -> Option<(usize, &[u8])> {
    let more = data.iter().take_while(|&&byte| byte == 255).count();
    let last = data.get(more)?;
    Some((more * 255 + usize::from(*last), data.get(more + 1..)?))
}

/// Whether a packet may contain more than the configuration: video with PQ may have HDR10+.
pub fn may_have_hdr10_plus(track: &Track) -> bool {
    track.hdr.is_none_or(|known| known < Hdr::Hdr10)
        && track.dolby_vision_profile.is_none()
        && track.color_transfer.as_deref() == Some("smpte2084")
}

/// Whether a packet of HEVC may contain another transfer than the configuration.
pub fn may_have_other_transfer(track: &Track) -> bool {
    track.hdr.is_none()
        && track.dolby_vision_profile.is_none()
        && matches!(track.color_transfer.as_deref(), Some("bt2020-10" | "bt2020-12"))
}

/// Remembers that a whole packet was searched.
pub fn mark_searched(track: &mut Track) {
    if may_have_hdr10_plus(track) {
        track.hdr = Some(Hdr::Hdr10);
    } else if may_have_other_transfer(track) {
        track.hdr = Some(Hdr::Sdr);
    }
}
