//! Matroska and WebM (RFC 9559).
//!
//! The elements before the first cluster are read in order. Elements after it (tags,
//! chapters, …) are found with `SeekHead`. The first blocks are read only if tracks need
//! them. The elements are parsed by hand, because the crates that exist either allocate the
//! size that a file claims, or drop a whole element for one damaged child.

mod attachments;
mod blocks;
mod chapters;
mod codecs;
mod ebml;
mod ids;
mod tags;
mod tracks;

use std::collections::BTreeMap;

use ebml::{Head, children};
use tracks::Entry;

use crate::probe::codec;
use crate::probe::model::{Media, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most elements before the first cluster, and before the segment.
const MOST_ELEMENTS: usize = 256;

/// The most elements that are found with `SeekHead`.
const MOST_SEEKS: usize = 32;

/// The most tracks that are kept, which is as many as `Media` keeps.
const MOST_TRACKS: usize = 1024;

/// About this much of all tags together is kept until the tracks are known.
const MOST_OF_TAGS: usize = 4 * 1024 * 1024;

/// The most bytes of an element that are read.
const MOST_OF_ELEMENT: u64 = 2 * 1024 * 1024;

/// Elements that are this near to each other are read together, with this many bytes of the
/// last.
const NEAR: u64 = 64 * 1024;
const AHEAD: u64 = 16 * 1024;

/// How far after a damaged element the next known element is searched for.
const RESYNC: usize = 64 * 1024;

/// The sizes of the end of the file in which the last cluster is searched for. Programs that
/// record live begin a new cluster after five seconds or megabytes.
const TAILS: [u64; 3] = [256 << 10, 1 << 20, 6 << 20];

/// The length of a tick, if the file does not contain it.
const DEFAULT_SCALE: u64 = 1_000_000;

/// The Unix time of the beginning of 2001, from which dates count.
const YEAR_2001: i64 = 978_307_200;

/// Reads the properties of a Matroska file.
///
/// # Errors
/// If it cannot be read or has no segment.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let head = Head::read(source, 0)?.filter(|head| head.id == ids::EBML);
    let Some((head, size)) = head.and_then(|head| Some((head, head.size?))) else {
        return Err(Problem::damaged("the header is cut off"));
    };
    let data = source.up_to(head.length as u64, size.min(4096) as usize)?;
    let doc_type = children(data).find(|child| child.id == ids::DOC_TYPE);
    let is_webm = doc_type.is_some_and(|doc_type| doc_type.text() == "webm");
    let mut file = File {
        media: Media::new(if is_webm { "webm" } else { "matroska" }),
        scale: DEFAULT_SCALE,
        ..File::default()
    };
    file.find_segment(source, size.saturating_add(head.length as u64))?;
    let result = file.read_segment(source);
    file.media.note_problem(result)?;
    Ok(file.finish(source))
}

/// What is known of the file so far.
#[derive(Debug, Default)]
struct File {
    media: Media,
    /// Where the data of the segment begins and, if that is known, ends.
    segment: u64,
    segment_end: Option<u64>,
    /// Nanoseconds per tick.
    scale: u64,
    entries: Vec<Entry>,
    attachments: Vec<Track>,
    /// Where elements were read, and where there are more.
    visited: Vec<u64>,
    seeks: Vec<(u32, u64)>,
    tags: Vec<Vec<u8>>,
    first_cluster: Option<u64>,
    has_tracks: bool,
}

impl File {
    fn find_segment(&mut self, source: &mut Source<'_>, from: u64) -> Result<()> {
        let mut position = from;
        for _ in 0..MOST_ELEMENTS {
            let Some(head) = Head::read(source, position)? else { break };
            let data = position + head.length as u64;
            let end = head.size.and_then(|size| data.checked_add(size));
            if head.id == ids::SEGMENT {
                self.segment = data;
                self.segment_end = end;
                return Ok(());
            }
            let Some(end) = end else { break };
            position = end;
        }
        // A wrong length in the header must not hide the elements after it.
        let start = source.up_to(0, 4096)?;
        let found = start.windows(4).position(|id| id == ids::SEGMENT.to_be_bytes());
        let Some(position) = found.map(|position| position as u64) else {
            return Err(Problem::damaged("the file contains no segment"));
        };
        let Some(head) = Head::read(source, position)? else {
            return Err(Problem::damaged("the file contains no segment"));
        };
        self.media.warn("the header is damaged");
        self.segment = position + head.length as u64;
        self.segment_end = head.size.and_then(|size| self.segment.checked_add(size));
        Ok(())
    }

    fn read_segment(&mut self, source: &mut Source<'_>) -> Result<()> {
        if self.segment_end.is_some_and(|end| end > source.len()) {
            self.media.warn("the file is cut off");
        }
        self.read_in_order(source)?;
        self.follow_seeks(source)?;
        let mut tags = BTreeMap::new();
        for data in std::mem::take(&mut self.tags) {
            tags::read(&data, &mut tags, &mut self.entries);
        }
        // Tags are used rather than `Info`, which may name the program that copied the file.
        self.media.tags.append(&mut tags);
        if let Some(cluster) = self.first_cluster {
            blocks::read(source, cluster, &mut self.entries, self.scale)?;
            if self.media.duration_seconds.is_none() {
                self.measure(source)?;
            }
        }
        Ok(())
    }

    /// Reads the elements before the first cluster.
    fn read_in_order(&mut self, source: &mut Source<'_>) -> Result<()> {
        let mut position = self.segment;
        let mut resyncs = 0;
        for _ in 0..MOST_ELEMENTS {
            if position >= source.len() {
                break;
            }
            let head = Head::read(source, position)?;
            let damaged = match head {
                Some(head) => !is_top_level(head.id) && self.ends_outside(source, position, head),
                None => true,
            };
            if damaged {
                resyncs += 1;
                let next = resync(source, position)?.filter(|_| resyncs <= 2);
                self.media.warn("the file is damaged before the first cluster");
                let Some(next) = next else { break };
                position = next;
                continue;
            }
            let Some(head) = head else { break };
            if head.id == ids::CLUSTER {
                self.first_cluster = Some(position);
                break;
            }
            self.read_element(source, position, head)?;
            let data = position + head.length as u64;
            let Some(next) = head.size.and_then(|size| data.checked_add(size)) else { break };
            position = next;
        }
        Ok(())
    }

    fn ends_outside(&self, source: &Source<'_>, position: u64, head: Head) -> bool {
        let end = head.size.and_then(|size| size.checked_add(position));
        end.is_none_or(|end| end > self.segment_end.unwrap_or(u64::MAX).min(source.len()))
    }

    /// Reads the elements that `SeekHead` lists.
    fn follow_seeks(&mut self, source: &mut Source<'_>) -> Result<()> {
        let mut followed = 0;
        while !self.seeks.is_empty() && followed < MOST_SEEKS {
            let mut seeks = std::mem::take(&mut self.seeks);
            seeks.retain(|&(id, position)| !self.visited.contains(&position) && is_read(id));
            seeks.sort_unstable_by_key(|&(_, position)| position);
            seeks.dedup();
            let mut prefetched = 0;
            for (index, &(id, position)) in seeks.iter().enumerate().take(MOST_SEEKS - followed) {
                if position >= source.len() {
                    self.media.warn("the file is cut off");
                    continue;
                }
                if position >= prefetched {
                    let near = seeks[index..]
                        .iter()
                        .map(|&(_, position)| position)
                        .take_while(|next| next - position < NEAR);
                    let last = near.last().unwrap_or(position);
                    if last > position {
                        source.up_to(position, (last - position + AHEAD) as usize)?;
                    }
                    prefetched = last + 1;
                }
                match Head::read(source, position)? {
                    Some(head) if head.id == id => self.read_element(source, position, head)?,
                    _ => self.media.warn("the index points to the wrong data"),
                }
            }
            followed += seeks.len().max(1);
        }
        Ok(())
    }

    fn read_element(&mut self, source: &mut Source<'_>, position: u64, head: Head) -> Result<()> {
        if !is_read(head.id) || self.visited.contains(&position) {
            return Ok(());
        }
        self.visited.push(position);
        let start = position + head.length as u64;
        let size = head.size.unwrap_or(MOST_OF_ELEMENT);
        if head.id == ids::ATTACHMENTS {
            let (tracks, all) = attachments::read(source, start, start.saturating_add(size))?;
            if !all {
                self.media.warn("not all attachments were found");
            }
            if self.attachments.is_empty() {
                self.attachments = tracks;
            }
            return Ok(());
        }
        let data = source.up_to(start, size.min(MOST_OF_ELEMENT) as usize)?.to_vec();
        if (data.len() as u64) < size {
            self.media.warn("the file is cut off");
        }
        match head.id {
            ids::SEEK_HEAD => self.read_seek_head(&data),
            ids::INFO => self.read_info(&data),
            ids::TRACKS if !self.has_tracks => self.read_tracks(&data),
            ids::CHAPTERS if self.media.chapters.is_empty() => {
                self.media.chapters = chapters::read(&data);
            }
            ids::TAGS if self.tags.iter().map(Vec::len).sum::<usize>() < MOST_OF_TAGS => {
                self.tags.push(data);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_seek_head(&mut self, data: &[u8]) {
        for seek in children(data).filter(|child| child.id == ids::seek::SEEK) {
            let id = seek.child(ids::seek::ID).and_then(|id| id.small());
            let position = seek.child(ids::seek::POSITION).and_then(|position| position.uint());
            let position = position.and_then(|position| position.checked_add(self.segment));
            if let (Some(id), Some(position)) = (id, position) {
                self.seeks.push((id, position));
            }
        }
    }

    fn read_info(&mut self, data: &[u8]) {
        let mut duration = None;
        for child in children(data) {
            match child.id {
                ids::info::TIMESTAMP_SCALE => {
                    self.scale = child.uint().filter(|&scale| scale > 0).unwrap_or(DEFAULT_SCALE);
                }
                ids::info::DURATION => duration = child.float(),
                ids::info::TITLE => self.tag("title", child.text()),
                ids::info::MUXING_APP => self.tag("encoder", child.text()),
                ids::info::DATE_UTC => {
                    if let Some(date) = child.uint().and_then(|value| date(value as i64)) {
                        self.tag("creation_time", date);
                    }
                }
                _ => {}
            }
        }
        let seconds = duration.map(|ticks| ticks * self.scale as f64 / 1e9);
        self.media.duration_seconds = seconds.filter(|&seconds| seconds > 0.0).map(microseconds);
    }

    fn tag(&mut self, name: &str, value: String) {
        self.media.tags.insert(name.to_owned(), value);
    }

    fn read_tracks(&mut self, data: &[u8]) {
        self.has_tracks = true;
        for element in children(data).filter(|child| child.id == ids::track::ENTRY) {
            if self.entries.len() >= MOST_TRACKS {
                self.media.warn("there are too many tracks; the rest is ignored");
                break;
            }
            if let Some(entry) = tracks::read(&element, self.entries.len() as u32) {
                self.entries.push(entry);
            }
        }
    }

    /// Finds the duration of a file that does not contain it (a live stream, a recording that
    /// was interrupted): the time of its last block.
    fn measure(&mut self, source: &mut Source<'_>) -> Result<()> {
        let mut last = None;
        for length in TAILS {
            let start = source.len().saturating_sub(length).max(self.segment);
            if let Some(cluster) = last_cluster(source, start, length as usize)? {
                last = blocks::last_time(source, cluster)?;
            }
            if last.is_some() || start == self.segment {
                break;
            }
        }
        self.media.duration_seconds =
            last.map(|ticks| microseconds(ticks as f64 * self.scale as f64 / 1e9));
        self.media.warn(match last {
            Some(_) => "the duration is not in the file; the time of the last block is used",
            None => "the duration is not in the file, and its end does not show it",
        });
        Ok(())
    }

    fn finish(mut self, source: &Source<'_>) -> Media {
        let mut media = self.media;
        if !self.has_tracks {
            media.warn("the file contains no tracks");
            media.doubt("tracks");
        }
        for entry in &mut self.entries {
            if entry.track.bit_rate.is_none() {
                entry.track.bit_rate = entry.statistic;
            }
            if self.first_cluster.is_some() && codec::wants_packet(&entry.track) {
                media.doubt(format!("track {}", entry.track.index));
            }
        }
        let is_moving = |track: &Track| track.track_type == TrackType::Video;
        if self.entries.iter().any(|entry| {
            is_moving(&entry.track) && entry.track.frame_rate.is_none() && self.has_tracks
        }) {
            media.doubt("frame rate");
        }
        media.tracks = self.entries.into_iter().map(|entry| entry.track).collect();
        for mut track in self.attachments {
            track.index = media.tracks.len() as u32;
            media.tracks.push(track);
        }
        chapters::close(&mut media.chapters, media.duration_seconds);
        media.bit_rate = media
            .duration_seconds
            .filter(|&seconds| seconds > 0.0)
            .map(|seconds| (source.len() as f64 * 8.0 / seconds) as u64);
        media
    }
}

fn is_read(id: u32) -> bool {
    [ids::SEEK_HEAD, ids::INFO, ids::TRACKS, ids::CHAPTERS, ids::TAGS, ids::ATTACHMENTS]
        .contains(&id)
}

fn is_top_level(id: u32) -> bool {
    is_read(id) || [ids::CLUSTER, ids::CUES, ids::VOID, ids::CRC_32].contains(&id)
}

/// The last cluster from `start` on. Its id may also be part of a picture, so its first element
/// must be one that clusters begin with.
fn last_cluster(source: &mut Source<'_>, start: u64, length: usize) -> Result<Option<u64>> {
    let tail = source.up_to(start, length)?;
    let id = ids::CLUSTER.to_be_bytes();
    let found = tail.windows(4).enumerate().filter(|(_, window)| *window == id);
    let places: Vec<usize> = found.map(|(at, _)| at).collect();
    for at in places.into_iter().rev().take(MOST_CLUSTERS) {
        let position = start + at as u64;
        let Some(head) = Head::read(source, position)? else { continue };
        let first = Head::read(source, position + head.length as u64)?;
        if first.is_some_and(|first| FIRST_IN_CLUSTER.contains(&first.id)) {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

/// The most places that are tried.
const MOST_CLUSTERS: usize = 64;

const FIRST_IN_CLUSTER: [u32; 3] = [ids::cluster::TIMESTAMP, ids::CRC_32, ids::VOID];

/// The position of the segment's next element, as far as it can be found.
fn resync(source: &mut Source<'_>, position: u64) -> Result<Option<u64>> {
    let data = source.up_to(position, RESYNC)?;
    let found = data.windows(4).skip(1).position(|window| {
        let id = u32::from_be_bytes([window[0], window[1], window[2], window[3]]);
        is_read(id) || id == ids::CLUSTER
    });
    Ok(found.map(|found| position + 1 + found as u64))
}

/// Rounds to microseconds, like `ffprobe`.
fn microseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// A date in nanoseconds since 2001, in `ffprobe`'s form.
fn date(nanoseconds: i64) -> Option<String> {
    let micros = nanoseconds.div_euclid(1000);
    let seconds = micros.div_euclid(1_000_000).checked_add(YEAR_2001)?;
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1 March of the year 0, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    let micros = micros.rem_euclid(1_000_000);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"))
}

#[cfg(test)]
mod tests;
