//! Chapters (RFC 9559, section 5.1.7) of the default edition, without those that are hidden.

use super::ebml::{Element, children};
use super::ids::chapter as ids;
use crate::probe::model::Chapter;

/// The most chapters that are read.
const MOST_CHAPTERS: usize = 4096;

/// Reads the data of a `Chapters` element.
pub fn read(data: &[u8]) -> Vec<Chapter> {
    let editions = || children(data).filter(|child| child.id == ids::EDITION);
    let is_set =
        |element: &Element<'_>, id| element.child(id).and_then(|flag| flag.flag()) == Some(true);
    let found = editions()
        .find(|edition| is_set(edition, ids::EDITION_DEFAULT))
        .or_else(|| editions().find(|edition| !is_set(edition, ids::EDITION_HIDDEN)))
        .or_else(|| editions().next());
    let Some(edition) = found else { return Vec::new() };
    let atoms =
        edition.children().filter(|child| child.id == ids::ATOM && !is_set(child, ids::HIDDEN));
    atoms.take(MOST_CHAPTERS).filter_map(|atom| read_atom(&atom)).collect()
}

fn read_atom(atom: &Element<'_>) -> Option<Chapter> {
    let seconds = |id| {
        let nanoseconds = atom.child(id)?.uint()?;
        Some(nanoseconds as f64 / 1e9)
    };
    let title = atom.child(ids::DISPLAY).and_then(|display| display.child(ids::STRING));
    Some(Chapter {
        start_seconds: seconds(ids::TIME_START)?,
        end_seconds: seconds(ids::TIME_END),
        title: title.map(|title| title.text()),
    })
}

/// Sets missing ends of chapters to the start of the next one, or to the end of the file.
pub fn close(chapters: &mut [Chapter], duration: Option<f64>) {
    let starts: Vec<f64> = chapters.iter().skip(1).map(|chapter| chapter.start_seconds).collect();
    let ends = starts.into_iter().map(Some).chain([duration]);
    for (chapter, end) in chapters.iter_mut().zip(ends) {
        let end = end.filter(|&end| end >= chapter.start_seconds);
        chapter.end_seconds = chapter.end_seconds.or(end);
    }
}
