//! Tags (RFC 9559, section 5.1.8): those of the file, and those of tracks, which contain
//! `mkvmerge`'s statistics.

use std::collections::BTreeMap;

use super::ebml::{Element, children};
use super::ids::tag as ids;
use super::tracks::Entry;

/// The depth to which nested simple tags are read, and the most values of one tag.
const DEEPEST: u8 = 3;
const MOST_VALUES: usize = 1024;

/// A longer name is ignored: it would be part of the name of every tag inside.
const LONGEST_NAME: usize = 256;

/// The most tags that are read, and the most values that are given to tracks. Several tracks
/// may have the same number, and then each of them is given all values.
const MOST_TAGS: usize = 4096;
const MOST_GIVEN: usize = 32 * 1024;

/// Reads the data of a `Tags` element. Of tags with the same name, the first counts.
pub fn read(data: &[u8], tags: &mut BTreeMap<String, String>, entries: &mut [Entry]) {
    let mut given = 0;
    let mut parts = BTreeMap::new();
    for tag in children(data).filter(|child| child.id == ids::TAG).take(MOST_TAGS) {
        let targets = tag.child(ids::TARGETS);
        let uid =
            |id| targets.and_then(|targets| targets.child(id)?.uint()).filter(|&uid| uid != 0);
        let mut values = Vec::new();
        read_simple(&tag, "", 0, &mut values);
        if let Some(uid) = uid(ids::TRACK_UID) {
            for entry in entries.iter_mut().filter(|entry| entry.uid == uid) {
                for (name, value) in values.iter().take(MOST_GIVEN - given) {
                    given += 1;
                    read_track_tag(entry, name, value.clone());
                }
            }
        } else if ![ids::EDITION_UID, ids::CHAPTER_UID, ids::ATTACHMENT_UID]
            .iter()
            .any(|&id| uid(id).is_some())
        {
            // "ALBUM/TITLE" is not the title of the file.
            let level = targets.and_then(|targets| targets.child(ids::TARGET_TYPE));
            let level = level.filter(|level| level.data.len() <= LONGEST_NAME);
            let level = level.map(|level| level.text()).filter(|level| !level.is_empty());
            let number = targets.and_then(|targets| targets.child(ids::TARGET_TYPE_VALUE)?.uint());
            let number = number.filter(|_| level.is_none()).unwrap_or(THE_FILE);
            let level = level.or_else(|| whole_of(number).map(str::to_owned));
            let level = level.map(|level| format!("{level}/")).unwrap_or_default();
            let target = if number < THE_FILE { &mut parts } else { &mut *tags };
            for (name, value) in values {
                target.entry(level.to_lowercase() + &usual_name(&name)).or_insert(value);
            }
        }
    }
    // The tags of a part, such as the only song of an album, count if the whole has none.
    for (name, value) in parts {
        tags.entry(name).or_insert(value);
    }
}

/// `TargetTypeValue` of a film, an episode or an album. Larger numbers stand for what it is a
/// part of, smaller ones for its parts.
const THE_FILE: u64 = 50;

/// What a level is called whose tags are not those of the file.
fn whole_of(level: u64) -> Option<&'static str> {
    match level {
        51..=60 => Some("season"),
        61.. => Some("collection"),
        _ => None,
    }
}

/// Collects the names and values of simple tags. A tag inside another has both names.
fn read_simple(of: &Element<'_>, within: &str, depth: u8, values: &mut Vec<(String, String)>) {
    for tag in of.children().filter(|child| child.id == ids::SIMPLE_TAG) {
        if values.len() >= MOST_VALUES {
            return;
        }
        let name = tag.child(ids::NAME).filter(|name| name.data.len() <= LONGEST_NAME);
        let Some(name) = name else { continue };
        let name = format!("{within}{}", name.text());
        if depth < DEEPEST {
            read_simple(&tag, &format!("{name}/"), depth + 1, values);
        }
        if let Some(value) = tag.child(ids::STRING) {
            values.push((name, value.text()));
        }
    }
}

/// The name in lower case, or the name in other formats.
fn usual_name(name: &str) -> String {
    match name {
        "LEAD_PERFORMER" => "performer".to_owned(),
        "PART_NUMBER" => "track".to_owned(),
        _ => name.to_lowercase(),
    }
}

fn read_track_tag(entry: &mut Entry, name: &str, value: String) {
    // Older versions append a language: "BPS-eng".
    match name.trim_end_matches("-eng").to_ascii_uppercase().as_str() {
        "TITLE" => entry.track.title = Some(value),
        "LANGUAGE" => entry.track.language = value,
        "BPS" => entry.statistic = value.trim().parse().ok(),
        "DURATION" => entry.track.duration_seconds = seconds(&value),
        _ => {}
    }
}

/// The seconds of a time such as `01:02:03.500000000`.
fn seconds(time: &str) -> Option<f64> {
    let mut parts = time.trim().split(':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_in_tags_are_seconds() {
        assert_eq!(seconds("00:00:02.026000000"), Some(2.026));
        assert_eq!(seconds("01:02:03"), Some(3723.0));
        assert_eq!(seconds("2.5"), None);
    }
}
