//! To come: EXIF in a TIFF structure that is in memory.

use crate::probe::model::Photo;

/// Fills in what a TIFF structure (from its `II` or `MM` on) says. What is
/// damaged in it is left out.
pub fn read(_tiff: &[u8], _photo: &mut Photo) {}
