//! Sets fields of a track.

use super::super::color;
use crate::probe::model::{Name, Track};
use crate::probe::rational;

/// Colours by their code points, as in most headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colors {
    /// `ColourPrimaries`.
    pub primaries: u8,
    /// `TransferCharacteristics`.
    pub transfer: u8,
    /// `MatrixCoefficients`.
    pub matrix: u8,
}

impl Colors {
    /// All three are unspecified.
    pub const UNSPECIFIED: Self = Self { primaries: 2, transfer: 2, matrix: 2 };
}

/// Sets all three. Unspecified ones become unknown, as in `ffprobe`.
pub fn colors(track: &mut Track, colors: Colors) {
    track.color_primaries = color::color_primaries(colors.primaries).map(Name::Borrowed);
    track.color_transfer = color::color_transfer(colors.transfer).map(Name::Borrowed);
    track.color_space = color::color_space(colors.matrix).map(Name::Borrowed);
}

/// Sets the size in pixels, if neither number is 0.
pub fn size(track: &mut Track, width: u32, height: u32) {
    if width > 0 && height > 0 {
        (track.width, track.height) = (Some(width), Some(height));
    }
}

/// Sets the size in pixels, unless the container has set it.
pub fn size_if_unknown(track: &mut Track, width: u32, height: u32) {
    if track.width.is_none() || track.height.is_none() {
        size(track, width, height);
    }
}

/// Sets a layout such as `yuv420p` with this number of bits per component.
pub fn pixel_format(track: &mut Track, layout: &'static str, depth: u32) {
    track.pixel_format = Some(match depth {
        0..=8 => layout.into(),
        _ => format!("{layout}{depth}le").into(),
    });
    track.bit_depth = Some(depth);
}

/// Sets the name of the profile.
pub fn profile(track: &mut Track, name: impl Into<Name>) {
    track.profile = Some(name.into());
}

/// Sets the frame rate, unless the container has set it.
pub fn frame_rate(track: &mut Track, numerator: u64, denominator: u64) {
    if track.frame_rate.is_none() {
        track.frame_rate = rational::rate(numerator, denominator);
    }
}

/// The planar layout for the sampling of chroma, which is the ITU's `chroma_format_idc`.
pub fn yuv_layout(chroma_format: u32) -> Option<&'static str> {
    Some(match chroma_format {
        0 => "gray",
        1 => "yuv420p",
        2 => "yuv422p",
        3 => "yuv444p",
        _ => return None,
    })
}
