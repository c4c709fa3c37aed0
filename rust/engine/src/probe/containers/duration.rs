//! The duration of a whole file.

use crate::probe::model::Media;

/// Sets the duration of the file and of its first track, and the bit rate that follows from
/// the length of the file in bytes. Without a duration, nothing is set.
pub fn set(media: &mut Media, seconds: Option<f64>, length: u64) {
    let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) else { return };
    media.duration_seconds = Some(seconds);
    media.bit_rate = Some((length as f64 * 8.0 / seconds) as u64);
    if let Some(track) = media.tracks.first_mut() {
        track.duration_seconds = track.duration_seconds.or(Some(seconds));
    }
}
