//! `TrackEntry` (RFC 9559, section 5.1.4): the properties of a track, and how its blocks are
//! packed.

use super::codecs;
use super::ebml::Element;
use super::ids::{audio, encoding, track as ids, video};
use crate::probe::codec::video::dolby_vision;
use crate::probe::codec::{Framing, color};
use crate::probe::containers::riff;
use crate::probe::model::{Name, Track, TrackType};
use crate::probe::rational::fraction;

/// The language of tracks that have no `Language` element.
const DEFAULT_LANGUAGE: &str = "eng";

/// `ffprobe` reduces frame rates to fractions of numbers up to this.
const LARGEST_IN_FRACTION: u32 = 30_000;

const NANOSECONDS: u64 = 1_000_000_000;

/// The most levels of compression and encryption.
const MOST_ENCODINGS: usize = 16;

/// `BlockAddIDType` of Dolby Vision's configurations, and of ITU-T T.35.
const DOLBY_VISION: [u64; 3] = [0x6476_6343, 0x6476_7643, 0x6476_7743];

/// A track, and what is needed to read its blocks.
#[derive(Debug, Default)]
pub struct Entry {
    /// The properties.
    pub track: Track,
    /// Its number in blocks.
    pub number: u64,
    /// Its identifier in tags.
    pub uid: u64,
    /// The framing of its packets.
    pub framing: Framing,
    /// The bytes that all its packets begin with and that were removed from them.
    pub stripped: Vec<u8>,
    /// Whether its packets are neither encrypted nor compressed in another way.
    pub plain: bool,
    /// The bit rate in tags.
    pub statistic: Option<u64>,
}

/// Reads a `TrackEntry`; None if `ffprobe` does not report a stream for it.
pub fn read(element: &Element<'_>, index: u32) -> Option<Entry> {
    let uint = |id| element.child(id).and_then(|child| child.uint());
    let flag = |id, default| element.child(id).and_then(|child| child.flag()).unwrap_or(default);
    let track_type = match uint(ids::TYPE)? {
        1 => TrackType::Video,
        2 => TrackType::Audio,
        17 => TrackType::Subtitle,
        33 => TrackType::Other,
        _ => return None,
    };
    let codec_id = element.child(ids::CODEC_ID)?.text();

    let mut track = Track::new(index, track_type);
    track.language = language(element);
    track.title = element.child(ids::NAME).map(|name| name.text());
    track.default = flag(ids::FLAG_DEFAULT, true);
    track.forced = flag(ids::FLAG_FORCED, false);
    track.commentary = flag(ids::FLAG_COMMENTARY, false);
    track.hearing_impaired = flag(ids::FLAG_HEARING_IMPAIRED, false);
    track.visual_impaired = flag(ids::FLAG_VISUAL_IMPAIRED, false);
    match track_type {
        TrackType::Video => read_video(&mut track, element),
        TrackType::Audio => read_audio(&mut track, element),
        _ => {}
    }

    let mut entry = Entry {
        track,
        number: uint(ids::NUMBER).unwrap_or(0),
        uid: uint(ids::UID).unwrap_or(0),
        plain: true,
        ..Entry::default()
    };
    let mut private =
        element.child(ids::CODEC_PRIVATE).map_or(&[][..], |child| child.data).to_vec();
    read_encodings(&mut entry, element, &mut private);
    let by_container = entry.track.frame_rate.clone();
    entry.framing = codecs::read(&mut entry.track, &codec_id, &private);
    if by_container.is_some() {
        // `ffprobe` uses the codec's rate only if the container has none.
        entry.track.frame_rate = by_container;
    }
    riff::read_pcm(&mut entry.track);
    Some(entry)
}

/// The language. If there is a `LanguageBCP47`, `Language` must be ignored (RFC 9559, section
/// 5.1.4.1.20).
fn language(element: &Element<'_>) -> String {
    let text = |id| element.child(id).map(|child| child.text()).filter(|text| !text.is_empty());
    text(ids::LANGUAGE_BCP47)
        .or_else(|| text(ids::LANGUAGE))
        .unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned())
}

fn read_video(track: &mut Track, entry: &Element<'_>) {
    if let Some(duration) = entry.child(ids::DEFAULT_DURATION).and_then(|child| child.uint()) {
        track.frame_rate = frame_rate(duration);
    }
    track.dolby_vision_profile = entry
        .children()
        .filter(|child| child.id == ids::BLOCK_ADDITION_MAPPING)
        .find_map(|mapping| dolby_vision_profile(&mapping));
    let Some(element) = entry.child(ids::VIDEO) else { return };
    let small = |id| element.child(id).and_then(|child| child.small());
    track.width = small(video::PIXEL_WIDTH);
    track.height = small(video::PIXEL_HEIGHT);
    if let Some(fourcc) = element.child(video::UNCOMPRESSED_FOURCC) {
        track.pixel_format = riff::raw_pixel_format(fourcc.data).map(Name::Borrowed);
    }
    if let Some(colour) = element.child(video::COLOUR) {
        let code =
            |id| colour.child(id).and_then(|child| child.uint()).and_then(|n| n.try_into().ok());
        track.color_space = code(video::MATRIX).and_then(color::color_space).map(Name::Borrowed);
        track.color_transfer =
            code(video::TRANSFER).and_then(color::color_transfer).map(Name::Borrowed);
        track.color_primaries =
            code(video::PRIMARIES).and_then(color::color_primaries).map(Name::Borrowed);
    }
    track.rotation = element.child(video::PROJECTION).and_then(|child| rotation(&child));
}

/// The number of pictures per second, rounded as in `ffprobe`.
fn frame_rate(nanoseconds: u64) -> Option<String> {
    let (above, below) = fraction(NANOSECONDS, nanoseconds, LARGEST_IN_FRACTION)?;
    Some(format!("{above}/{below}"))
}

/// The profile in a mapping to Dolby Vision.
fn dolby_vision_profile(mapping: &Element<'_>) -> Option<String> {
    let kind = mapping.child(ids::BLOCK_ADD_ID_TYPE)?.uint()?;
    let record = mapping.child(ids::BLOCK_ADD_ID_EXTRA_DATA)?;
    DOLBY_VISION.contains(&kind).then(|| dolby_vision::profile(record.data))?
}

/// The rotation of a flat picture that is only turned.
fn rotation(projection: &Element<'_>) -> Option<u32> {
    let angle = |id| projection.child(id).and_then(|child| child.float()).unwrap_or(0.0);
    let kind = projection.child(video::PROJECTION_TYPE).and_then(|child| child.uint());
    let turned = angle(video::PROJECTION_YAW) != 0.0 || angle(video::PROJECTION_PITCH) != 0.0;
    if kind.unwrap_or(0) != 0 || turned {
        return None;
    }
    // The roll is counter-clockwise.
    let roll = angle(video::PROJECTION_ROLL);
    let turn = [0_u32, 90, 180, 270]
        .into_iter()
        .find(|&turn| ((roll + f64::from(turn)) % 360.0).abs() < 0.5)?;
    (turn != 0).then_some(turn)
}

fn read_audio(track: &mut Track, entry: &Element<'_>) {
    // Both have defaults, and a missing `Audio` is like one without children.
    track.channels = Some(1);
    track.sample_rate = Some(8000);
    let Some(element) = entry.child(ids::AUDIO) else { return };
    let rate = |id| {
        let rate = element.child(id)?.float()?;
        // In bounds, as was checked.
        (rate > 0.0 && rate < f64::from(u32::MAX)).then_some(rate as u32)
    };
    if let Some(channels) = element.child(audio::CHANNELS).and_then(|child| child.small()) {
        track.channels = Some(channels);
    }
    // The other rate is that of the core, which a codec may double.
    let rates = [rate(audio::OUTPUT_SAMPLING_FREQUENCY), rate(audio::SAMPLING_FREQUENCY)];
    track.sample_rate = rates.into_iter().flatten().next().or(track.sample_rate);
    track.bit_depth = element.child(audio::BIT_DEPTH).and_then(|child| child.small());
}

/// Reads `ContentEncodings`. Of the changes to packets, only the removal of bytes that all
/// packets begin with can be undone here.
fn read_encodings(entry: &mut Entry, element: &Element<'_>, private: &mut Vec<u8>) {
    let Some(encodings) = element.child(ids::CONTENT_ENCODINGS) else { return };
    let encodings = encodings.children().filter(|child| child.id == encoding::ENCODING);
    for one in encodings.take(MOST_ENCODINGS) {
        let uint = |id| one.child(id).and_then(|child| child.uint());
        let scope = uint(encoding::SCOPE).unwrap_or(1);
        let compression = one.child(encoding::COMPRESSION);
        let algorithm = compression.and_then(|child| {
            child.child(encoding::ALGORITHM).map_or(Some(0), |algorithm| algorithm.uint())
        });
        let header = compression.and_then(|child| child.child(encoding::SETTINGS));
        let header = header.map_or(&[][..], |settings| settings.data);
        let strips = uint(encoding::TYPE).unwrap_or(0) == 0 && algorithm == Some(3);
        if scope & 1 != 0 {
            entry.plain &= strips;
            if strips {
                entry.stripped.splice(..0, header.iter().copied());
            }
        }
        if scope & 2 != 0 {
            if strips {
                private.splice(..0, header.iter().copied());
            } else {
                private.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_frames_become_rates_as_in_ffprobe() {
        for (nanoseconds, rate) in [
            (41_708_333, "24000/1001"),
            (40_000_000, "25/1"),
            (33_366_667, "30000/1001"),
            (16_683_333, "19001/317"),
            (16_666_666, "60/1"),
            (20_000_000, "50/1"),
            (1_000_000, "1000/1"),
            (41_666_667, "24/1"),
        ] {
            assert_eq!(frame_rate(nanoseconds).as_deref(), Some(rate));
        }
        assert_eq!(frame_rate(0), None);
        assert_eq!(frame_rate(u64::MAX), None);
    }
}
