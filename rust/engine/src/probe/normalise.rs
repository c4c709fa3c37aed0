//! Brings what parsers found into the form that the engine promises: bounded numbers of
//! things, trimmed text, ISO 639-2/B languages and plausible values.

use super::codec::video::depth_of_format;
use super::language::to_iso639_2b;
use super::model::{Hdr, Media, Photo, Track, TrackType};

/// Text from files is cut to this many bytes: no title is longer.
const LONGEST_TEXT: usize = 4096;

/// Tags with longer names are dropped: no program asks for them.
const LONGEST_NAME: usize = 256;

/// No file has more tracks, chapters or tags than this unless it is malicious.
const MOST_TRACKS: usize = 1024;
const MOST_CHAPTERS: usize = 4096;
const MOST_TAGS: usize = 256;

/// No sensor is more sensitive; higher values stand for an unknown one.
const HIGHEST_ISO: u32 = 100_000_000;

/// Normalises everything in `media`.
pub fn normalise(media: &mut Media) {
    media.tracks.truncate(MOST_TRACKS);
    media.chapters.truncate(MOST_CHAPTERS);
    media.tags.retain(|name, _| name.len() <= LONGEST_NAME);
    while media.tags.len() > MOST_TAGS {
        media.tags.pop_last();
    }
    for text in media.tags.values_mut() {
        normalise_text(text);
    }
    media.tags.retain(|_, text| !text.is_empty());
    media.duration_seconds = media.duration_seconds.filter(is_time);
    media.bit_rate = media.bit_rate.filter(|rate| *rate > 0);
    for track in &mut media.tracks {
        normalise_track(track);
    }
    media.chapters.retain(|chapter| is_time(&chapter.start_seconds));
    for chapter in &mut media.chapters {
        chapter.end_seconds = chapter.end_seconds.filter(is_time);
        normalise_option(&mut chapter.title);
    }
    if let Some(photo) = &mut media.photo {
        normalise_photo(photo);
    }
}

fn normalise_track(track: &mut Track) {
    track.language = to_iso639_2b(&track.language).into_owned();
    for text in [&mut track.title, &mut track.file_name, &mut track.mime_type] {
        normalise_option(text);
    }
    // Formats that have no value for "unknown" write 0.
    track.duration_seconds = track.duration_seconds.filter(|s| is_time(s) && *s > 0.0);
    track.bit_rate = track.bit_rate.filter(|rate| *rate > 0);
    track.hdr = hdr_kind(track);
    if track.track_type == TrackType::Video && track.bit_depth.is_none() {
        track.bit_depth = track.pixel_format.as_deref().and_then(depth_of_format);
    }
    if track.track_type == TrackType::Attachment {
        // A cover is a still picture.
        track.profile = None;
        track.bit_depth = None;
        track.frame_rate = None;
        track.pixel_format = None;
        track.color_primaries = None;
        track.color_transfer = None;
        track.color_space = None;
    }
}

/// The richest kind that is indicated by the metadata (already in `hdr`), the transfer
/// function or the Dolby Vision profile.
fn hdr_kind(track: &Track) -> Option<Hdr> {
    if track.track_type != TrackType::Video {
        return None;
    }
    let by_transfer = match track.color_transfer.as_deref() {
        Some("smpte2084") => Hdr::Hdr10,
        Some("arib-std-b67") => Hdr::Hlg,
        _ => Hdr::Sdr,
    };
    let by_profile = track.dolby_vision_profile.as_ref().map(|_| Hdr::DolbyVision);
    Some(by_transfer).max(track.hdr).max(by_profile)
}

fn normalise_photo(photo: &mut Photo) {
    for text in [
        &mut photo.camera_make,
        &mut photo.camera_model,
        &mut photo.lens_make,
        &mut photo.lens_model,
        &mut photo.software,
        &mut photo.artist,
        &mut photo.copyright,
        &mut photo.description,
    ] {
        normalise_option(text);
    }
    photo.keywords.truncate(MOST_TAGS);
    for keyword in &mut photo.keywords {
        normalise_text(keyword);
    }
    for number in [
        &mut photo.latitude,
        &mut photo.longitude,
        &mut photo.altitude,
        &mut photo.exposure_seconds,
        &mut photo.f_number,
        &mut photo.focal_length,
        &mut photo.focal_length_35mm,
    ] {
        *number = number.filter(|value| value.is_finite());
    }
    photo.latitude = photo.latitude.filter(|value| value.abs() <= 90.0);
    photo.longitude = photo.longitude.filter(|value| value.abs() <= 180.0);
    photo.exposure_seconds = photo.exposure_seconds.filter(|value| (1e-8..1e7).contains(value));
    photo.iso = photo.iso.filter(|value| (1..=HIGHEST_ISO).contains(value));
    photo.orientation = photo.orientation.filter(|value| (1..=8).contains(value));
}

/// Whether a number is a plausible time in a file. JSON cannot represent infinity, and no
/// film lasts a thousand years.
fn is_time(seconds: &f64) -> bool {
    (0.0..3.2e10).contains(seconds)
}

fn normalise_option(text: &mut Option<String>) {
    if let Some(inner) = text {
        normalise_text(inner);
    }
    *text = text.take().filter(|inner| !inner.is_empty());
}

/// Removes the padding that formats and cameras add, and cuts the text to the longest length.
fn normalise_text(text: &mut String) {
    let end = text.find('\0').unwrap_or(text.len());
    let mut trimmed = text[..end].trim();
    if trimmed.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|&end| trimmed.is_char_boundary(end));
        trimmed = &trimmed[..end.unwrap_or(0)];
    }
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}
