//! Chapters, which are in Nero's box or in tracks of QuickTime.

use super::boxes::Fields;
use super::movie::Movie;
use super::track::Trak;
use crate::probe::model::{Chapter, Media, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;
use crate::probe::text;

/// The most bytes of a title that are read.
const LONGEST_TITLE: usize = 16 * 1024;

/// The most titles that are read. Each is a sample of its own.
const MOST_CHAPTERS: usize = 4096;

/// After this many requests, no more titles are read.
const MOST_REQUESTS: u32 = 64;

/// Reads Nero's chapters, and those in QuickTime's tracks.
pub fn read(movie: &mut Movie, source: &mut Source<'_>, media: &mut Media) -> Result<()> {
    let nero = std::mem::take(&mut movie.metadata.chapters);
    let mut chapters: Vec<(f64, Option<f64>, String)> =
        nero.into_iter().map(|(start, title)| (start as f64 / 1e7, None, title)).collect();
    let referenced = movie.traks().filter(|trak| !trak.chapters.is_empty()).last();
    let referenced = referenced.map(|trak| trak.chapters.clone()).unwrap_or_default();
    for id in referenced {
        let Some(trak) = movie.traks_mut().find(|trak| trak.id == id) else { continue };
        if trak.track.track_type == TrackType::Video {
            become_attachment(&mut trak.track);
            continue;
        }
        trak.track.track_type = TrackType::Other;
        trak.track.codec = Some("bin_data".into());
        let found = titles(source, trak, media)?;
        if found.is_empty() && trak.duration > 0 {
            // The titles are in fragments. Nero's box in the headers may contain them, too.
            match chapters.last_mut() {
                Some(last) => {
                    last.1 = Some(trak.duration as f64 / f64::from(trak.timescale.max(1)));
                }
                None => media.doubt("chapters in fragments"),
            }
        }
        if trak.edits.is_empty() || found.is_empty() {
            // No sample of it is read, which would show when it begins.
            let whole = media.duration_seconds.unwrap_or(0.0);
            trak.duration = (whole * f64::from(trak.timescale)).round() as u64;
        }
        for (index, chapter) in found.into_iter().enumerate() {
            match chapters.get_mut(index) {
                Some(known) => *known = chapter,
                None => chapters.push(chapter),
            }
        }
    }
    chapters.sort_by(|one, other| one.0.total_cmp(&other.0));
    let last = media.duration_seconds.unwrap_or(0.0);
    let starts: Vec<f64> = chapters.iter().map(|chapter| chapter.0).collect();
    let ends = starts.iter().skip(1).copied().chain([last]);
    media.chapters = chapters
        .into_iter()
        .zip(ends)
        .map(|((start, end, title), next)| Chapter {
            start_seconds: start,
            end_seconds: Some(end.unwrap_or(next.max(start))),
            title: Some(title),
        })
        .collect();
    Ok(())
}

/// Reads the chapters in the samples of a text track.
fn titles(
    source: &mut Source<'_>,
    trak: &Trak,
    media: &mut Media,
) -> Result<Vec<(f64, Option<f64>, String)>> {
    let samples = trak.tables.list(source, MOST_CHAPTERS)?;
    let timescale = f64::from(trak.timescale.max(1));
    let ends = samples.iter().skip(1).map(|sample| sample.time).chain([trak.duration]);
    let mut chapters = Vec::new();
    for (sample, end) in samples.iter().zip(ends) {
        if source.requests() > MOST_REQUESTS {
            media.doubt("chapters: not all titles were read");
            break;
        }
        let length = usize::try_from(sample.size).unwrap_or(0).min(LONGEST_TITLE);
        let text = source.up_to(sample.offset, length)?;
        let Some(title) = title(text) else { continue };
        let end = (end >= sample.time).then_some(end as f64 / timescale);
        chapters.push((sample.time as f64 / timescale, end, title));
    }
    Ok(chapters)
}

/// Decodes a text sample: its length, then UTF-8, or UTF-16 after a byte order mark.
fn title(sample: &[u8]) -> Option<String> {
    let mut fields = Fields::new(sample);
    let length = usize::from(fields.u16()?);
    let text = fields.take(length)?;
    Some(text::by_mark(text).into_owned())
}

/// Makes a track with pictures of chapters an attachment, like a cover.
fn become_attachment(track: &mut Track) {
    *track = Track {
        codec: track.codec.take(),
        language: std::mem::take(&mut track.language),
        default: track.default,
        width: track.width,
        height: track.height,
        ..Track::new(track.index, TrackType::Attachment)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_utf8_or_utf16() {
        assert_eq!(title(b"\0\x03One\0\0").as_deref(), Some("One"));
        assert_eq!(title(b"\0\x04\xfe\xff\0A").as_deref(), Some("A"));
        assert_eq!(title(b"\0\x04\xff\xfeA\0").as_deref(), Some("A"));
        assert_eq!(title(b"\0\x09x"), None);
    }
}
