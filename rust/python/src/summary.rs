//! What a file holds, in short, for reports.
//!
//! `python/vpo/db/media_summaries.py` makes the same texts from what the catalogue holds.

use vpo_engine::probe::{Media, Track, TrackType};

const TRACK_END: &str = ",";
const FACT_END: char = '\x1f';
/// Stands for a comma in a fact: codecs that vpo does not know have the names that files give
/// them.
const COMMA: &str = "\x1e";

/// The facts of the tracks of a type, in their order; each combination once. None without such
/// tracks.
pub fn of_tracks(tracks: &[Track], track_type: TrackType) -> Option<String> {
    // A file has at most 1,024 tracks, and nearly all have a handful.
    let mut distinct: Vec<String> = Vec::new();
    for track in tracks.iter().filter(|track| track.track_type == track_type) {
        let facts = facts_of(track);
        if !distinct.contains(&facts) {
            distinct.push(facts);
        }
    }
    (!distinct.is_empty()).then(|| distinct.join(TRACK_END))
}

fn facts_of(track: &Track) -> String {
    let codec = track.codec.as_deref().unwrap_or_default();
    let language = &track.language;
    let facts = match track.track_type {
        TrackType::Video => {
            let size = match (track.width, track.height) {
                (Some(width), Some(height)) => format!("{width}x{height}"),
                _ => String::new(),
            };
            let hdr = track.hdr.map(|hdr| hdr.name()).unwrap_or_default();
            format!("{codec}{FACT_END}{size}{FACT_END}{hdr}")
        }
        TrackType::Audio => format!("{codec}{FACT_END}{language}"),
        _ => language.to_string(),
    };
    if facts.contains(TRACK_END) { facts.replace(TRACK_END, COMMA) } else { facts }
}

/// The make and the model of the camera.
pub fn camera(media: &Media) -> Option<String> {
    let photo = media.photo.as_ref()?;
    let (make, model) = (photo.camera_make.as_deref(), photo.camera_model.as_deref());
    (make.is_some() || model.is_some())
        .then(|| format!("{}{FACT_END}{}", make.unwrap_or_default(), model.unwrap_or_default()))
}

/// The year of a photo by the clock of the camera, and of other files by their tags.
pub fn year(media: &Media) -> Option<u16> {
    let moment = match &media.photo {
        Some(photo) => photo.taken_at.as_deref()?,
        None => ["date", "year", "creation_time"].iter().find_map(|tag| media.tags.get(*tag))?,
    };
    let digits = moment.as_bytes().get(..4)?;
    let is_year = digits.iter().all(u8::is_ascii_digit) && digits != b"0000";
    is_year.then(|| digits.iter().fold(0, |year, digit| year * 10 + u16::from(digit - b'0')))
}
