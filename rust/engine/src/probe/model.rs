//! What probing tells of a file. Names are those of `ffprobe`, where it has one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Problem;

/// Strings from files are cut to this many bytes: no title is longer.
const LONGEST_TEXT: usize = 4096;

/// Tags with longer names are dropped: no program asks for them.
const LONGEST_NAME: usize = 256;

/// No file has more tracks, chapters or tags than this, unless it means harm.
const MOST_TRACKS: usize = 1024;
const MOST_CHAPTERS: usize = 4096;
const MOST_TAGS: usize = 256;
const MOST_WARNINGS: usize = 20;

/// Names that are mostly constants.
pub type Name = Cow<'static, str>;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Media {
    /// `matroska`, `webm`, `mp4`, `mov`, `3gp`, `avi`, `mpegts`, `mpeg`, `flv`,
    /// `ogg`, `mp3`, `flac`, `wav`, `aac`; `jpeg`, `tiff`, `dng`, `cr2`, `cr3`,
    /// `nef`, `arw`, `raf`, `orf`, `rw2`, `pef`, `srw`, `heif`, `avif`, `png`, `webp`,
    /// `gif`, `bmp`, `psd`, `jxl`, `jp2`, `xmp`.
    pub container: Name,
    /// In seconds.
    pub duration_seconds: Option<f64>,
    /// Of the whole file, in bits a second.
    pub bit_rate: Option<u64>,
    /// In the order and with the numbers that `ffprobe` gives streams. None for photos.
    pub tracks: Vec<Track>,
    /// In order.
    pub chapters: Vec<Chapter>,
    /// `title`, `artist`, `album`, … in lower case, with their first value.
    pub tags: BTreeMap<String, String>,
    /// For photos, and what is said of them in sidecars.
    pub photo: Option<Photo>,
    /// What is odd about the file, for people.
    pub warnings: Vec<String>,
    /// What a second opinion is needed for; empty where this answer is sure.
    pub unsure: Vec<Name>,
}

/// What sort of track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackType {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Text or pictures of text.
    Subtitle,
    /// Files within the file: fonts, and cover pictures.
    Attachment,
    /// Timecodes, metadata, what is not known.
    #[default]
    Other,
}

/// One track: a stream, as `ffprobe` calls it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Track {
    /// `ffprobe`'s stream index.
    pub index: u32,
    /// What sort of track.
    #[serde(rename = "type")]
    pub track_type: TrackType,
    /// `h264`, `hevc`, `eac3`, `subrip`, …
    pub codec: Option<Name>,
    /// The codec's profile, as `ffprobe` names it: `High`, `Main 10`, `DTS-HD MA`.
    pub profile: Option<Name>,
    /// As the file spells it; [`Media::tidy`] makes it ISO 639-2/B, `und` if not said.
    pub language: String,
    /// The track's name.
    pub title: Option<String>,
    /// To be played if nothing else is asked for.
    pub default: bool,
    /// To be played in any case.
    pub forced: bool,
    /// A commentary on what is shown.
    pub commentary: bool,
    /// For people who hear badly.
    pub hearing_impaired: bool,
    /// For people who see badly.
    pub visual_impaired: bool,
    /// In seconds.
    pub duration_seconds: Option<f64>,
    /// In bits a second.
    pub bit_rate: Option<u64>,
    /// Bits of a sample of sound, or of a component of a pixel.
    pub bit_depth: Option<u32>,

    /// Audio channels.
    pub channels: Option<u32>,
    /// `mono`, `stereo`, `5.1`, `5.1(side)`, …
    pub channel_layout: Option<Name>,
    /// In Hz.
    pub sample_rate: Option<u32>,

    /// In pixels, as coded and cropped, before rotation.
    pub width: Option<u32>,
    /// In pixels, as coded and cropped, before rotation.
    pub height: Option<u32>,
    /// Frames a second as a fraction: `24000/1001`, `25/1`. The average, as `avg_frame_rate`.
    pub frame_rate: Option<String>,
    /// `yuv420p`, `yuv420p10le`, …
    pub pixel_format: Option<Name>,
    /// `bt709`, `bt2020`, …
    pub color_primaries: Option<Name>,
    /// `bt709`, `smpte2084`, `arib-std-b67`, …
    pub color_transfer: Option<Name>,
    /// The matrix: `bt709`, `bt2020nc`, …
    pub color_space: Option<Name>,
    /// For video whose transfer is known, or that has the metadata of a kind.
    pub hdr: Option<Hdr>,
    /// `5`, `7.6`, `8.1`: the profile, with the compatibility id where it has one.
    pub dolby_vision_profile: Option<String>,
    /// Degrees clockwise to turn the picture by to show it: 0, 90, 180, 270.
    pub rotation: Option<u32>,

    /// Of an attachment.
    pub file_name: Option<String>,
    /// Of an attachment.
    pub mime_type: Option<String>,
}

/// Kinds of dynamic range, the richest that a track has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Hdr {
    /// Standard dynamic range.
    #[serde(rename = "SDR")]
    Sdr,
    /// Hybrid log-gamma.
    #[serde(rename = "HLG")]
    Hlg,
    /// The PQ transfer.
    #[serde(rename = "HDR10")]
    Hdr10,
    /// PQ, with SMPTE ST 2094-40 metadata.
    #[serde(rename = "HDR10+")]
    Hdr10Plus,
    /// With a Dolby Vision configuration.
    #[serde(rename = "Dolby Vision")]
    DolbyVision,
}

/// A named part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Chapter {
    /// From the beginning.
    pub start_seconds: f64,
    /// From the beginning.
    pub end_seconds: Option<f64>,
    /// Its name.
    pub title: Option<String>,
}

/// What is said of a picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Photo {
    /// Of the picture as stored, in pixels.
    pub width: Option<u32>,
    /// Of the picture as stored, in pixels.
    pub height: Option<u32>,
    /// 1 to 8, as in EXIF.
    pub orientation: Option<u8>,
    /// Bits of a component.
    pub bit_depth: Option<u32>,
    /// `Make`.
    pub camera_make: Option<String>,
    /// `Model`.
    pub camera_model: Option<String>,
    /// `LensMake`.
    pub lens_make: Option<String>,
    /// `LensModel`.
    pub lens_model: Option<String>,
    /// The camera's clock: `2019-05-04T12:33:01`, with a fraction if it was recorded.
    pub taken_at: Option<String>,
    /// `+02:00`, if it was recorded.
    pub taken_at_offset: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Metres above the sea.
    pub altitude: Option<f64>,
    /// In seconds.
    pub exposure_seconds: Option<f64>,
    /// The number below f/.
    pub f_number: Option<f64>,
    /// The sensitivity.
    pub iso: Option<u32>,
    /// In millimetres.
    pub focal_length: Option<f64>,
    /// In millimetres, as if for 35 mm film.
    pub focal_length_35mm: Option<f64>,
    /// Whether the flash fired.
    pub flash: Option<bool>,
    /// What wrote the file.
    pub software: Option<String>,
    /// Who took it.
    pub artist: Option<String>,
    /// Whose it is.
    pub copyright: Option<String>,
    /// A caption.
    pub description: Option<String>,
    /// 0 to 5, -1 for rejected.
    pub rating: Option<i8>,
    /// In the order of the file.
    pub keywords: Vec<String>,
}

impl Media {
    /// An answer of which only the container is known.
    pub fn new(container: impl Into<Name>) -> Self {
        Self { container: container.into(), ..Self::default() }
    }

    /// Notes something odd, for people.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if self.warnings.len() < MOST_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Notes what a second opinion is needed for.
    pub fn doubt(&mut self, what: impl Into<Name>) {
        if self.unsure.len() < MOST_WARNINGS {
            self.unsure.push(what.into());
        }
    }

    /// Notes what kept a parser from going on: what it had found is still worth
    /// something.
    ///
    /// # Errors
    /// If it is the file that cannot be read.
    pub(super) fn keep(&mut self, result: super::Result<()>) -> super::Result<()> {
        match result {
            Err(Problem::Damaged(what)) => self.warn(what),
            Err(Problem::Limit(what)) => {
                self.warn(what);
                self.doubt(what);
            }
            other => other?,
        }
        Ok(())
    }

    /// Puts what parsers found into the form that is promised.
    pub(super) fn tidy(&mut self) {
        self.tracks.truncate(MOST_TRACKS);
        self.chapters.truncate(MOST_CHAPTERS);
        self.tags.retain(|name, _| name.len() <= LONGEST_NAME);
        while self.tags.len() > MOST_TAGS {
            self.tags.pop_last();
        }
        for text in self.tags.values_mut() {
            tidy_text(text);
        }
        self.tags.retain(|_, text| !text.is_empty());
        self.duration_seconds = self.duration_seconds.filter(is_time);
        self.bit_rate = self.bit_rate.filter(|rate| *rate > 0);
        for track in &mut self.tracks {
            track.tidy();
        }
        self.chapters.retain(|chapter| is_time(&chapter.start_seconds));
        for chapter in &mut self.chapters {
            chapter.end_seconds = chapter.end_seconds.filter(is_time);
            tidy_option(&mut chapter.title);
        }
        if let Some(photo) = &mut self.photo {
            photo.tidy();
        }
    }
}

impl Track {
    /// A track of which only the number and the type are known.
    pub fn new(index: u32, track_type: TrackType) -> Self {
        Self { index, track_type, ..Self::default() }
    }

    fn tidy(&mut self) {
        self.language = super::to_iso639_2b(&self.language).into_owned();
        for text in [&mut self.title, &mut self.file_name, &mut self.mime_type] {
            tidy_option(text);
        }
        // Nothing, where a format has no way to say that it is not known.
        self.duration_seconds = self.duration_seconds.filter(|s| is_time(s) && *s > 0.0);
        self.bit_rate = self.bit_rate.filter(|rate| *rate > 0);
        self.hdr = self.hdr_kind();
        if self.track_type == TrackType::Video && self.bit_depth.is_none() {
            let format = self.pixel_format.as_deref();
            self.bit_depth = format.and_then(super::codec::video::depth_of_format);
        }
        if self.track_type == TrackType::Attachment {
            // A cover is a picture in a file, not one that moves.
            self.profile = None;
            self.bit_depth = None;
            self.frame_rate = None;
            self.pixel_format = None;
            self.color_primaries = None;
            self.color_transfer = None;
            self.color_space = None;
        }
    }

    /// The richest of what the metadata (in `hdr` already) and the transfer say.
    fn hdr_kind(&self) -> Option<Hdr> {
        if self.track_type != TrackType::Video {
            return None;
        }
        let by_transfer = match self.color_transfer.as_deref() {
            Some("smpte2084") => Hdr::Hdr10,
            Some("arib-std-b67") => Hdr::Hlg,
            _ => Hdr::Sdr,
        };
        let by_profile = self.dolby_vision_profile.as_ref().map(|_| Hdr::DolbyVision);
        Some(by_transfer).max(self.hdr).max(by_profile)
    }
}

impl Photo {
    fn tidy(&mut self) {
        for text in [
            &mut self.camera_make,
            &mut self.camera_model,
            &mut self.lens_make,
            &mut self.lens_model,
            &mut self.software,
            &mut self.artist,
            &mut self.copyright,
            &mut self.description,
        ] {
            tidy_option(text);
        }
        self.keywords.truncate(MOST_TAGS);
        for keyword in &mut self.keywords {
            tidy_text(keyword);
        }
        for number in [
            &mut self.latitude,
            &mut self.longitude,
            &mut self.altitude,
            &mut self.exposure_seconds,
            &mut self.f_number,
            &mut self.focal_length,
            &mut self.focal_length_35mm,
        ] {
            *number = number.filter(|value| value.is_finite());
        }
        self.latitude = self.latitude.filter(|value| value.abs() <= 90.0);
        self.longitude = self.longitude.filter(|value| value.abs() <= 180.0);
        self.orientation = self.orientation.filter(|value| (1..=8).contains(value));
    }
}

/// Whether a number can be a time in a file: JSON has no infinity, and no film
/// lasts a thousand years.
fn is_time(seconds: &f64) -> bool {
    (0.0..3.2e10).contains(seconds)
}

fn tidy_option(text: &mut Option<String>) {
    if let Some(inner) = text {
        tidy_text(inner);
    }
    *text = text.take().filter(|inner| !inner.is_empty());
}

/// Without the padding that formats and cameras put around, and of bounded length.
fn tidy_text(text: &mut String) {
    let end = text.find('\0').unwrap_or(text.len());
    let mut tidy = text[..end].trim();
    if tidy.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|&end| tidy.is_char_boundary(end));
        tidy = &tidy[..end.unwrap_or(0)];
    }
    if tidy.len() != text.len() {
        *text = tidy.to_owned();
    }
}
