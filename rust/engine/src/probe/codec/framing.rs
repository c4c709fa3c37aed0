//! How the NAL units of a packet are separated.

/// How the NAL units of a packet are separated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// By start codes (MPEG-TS, raw streams). Also for all codecs without NAL units.
    #[default]
    StartCodes,
    /// By a length before each unit; the length has this many bytes (MP4, Matroska).
    Lengths(u8),
}
