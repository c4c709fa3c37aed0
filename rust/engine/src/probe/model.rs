//! The properties of a media file. They have the names that `ffprobe` uses, where it has one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::problem::{Problem, Result};

/// The most warnings about one file, and the most entries of [`Media::unsure`].
const MOST_NOTES: usize = 20;

/// A name, which is usually a constant.
pub type Name = Cow<'static, str>;

/// The properties of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Media {
    /// `matroska`, `webm`, `mp4`, `mov`, `3gp`, `avi`, `mpegts`, `mpeg`, `flv`,
    /// `ogg`, `mp3`, `flac`, `wav`, `aac`, `asf`, `aiff`, `ape`, `wv`, `ac3`, `eac3`, `dts`,
    /// `dsf`, `iff`, `mpc`, `mpc8`, `amr`, `caf`, `au`, `tta`, `tak`, `ivf`, `h264`, `hevc`, `rm`;
    /// `jpeg`, `tiff`, `dng`, `cr2`, `cr3`, `crw`,
    /// `nef`, `arw`, `raf`, `orf`, `rw2`, `pef`, `srw`, `heif`, `avif`, `png`, `webp`,
    /// `gif`, `bmp`, `psd`, `jxl`, `jp2`, `xmp`.
    pub container: Name,
    /// The duration in seconds.
    pub duration_seconds: Option<f64>,
    /// The bit rate of the whole file, in bits per second.
    pub bit_rate: Option<u64>,
    /// The tracks, in the order and with the numbers of streams in `ffprobe`. Empty for
    /// photos.
    pub tracks: Vec<Track>,
    /// The chapters, in order.
    pub chapters: Vec<Chapter>,
    /// The first value of each tag. Names are in lower case: `title`, `artist`, `album`, …
    pub tags: BTreeMap<String, String>,
    /// The properties of a photo; also those in a sidecar.
    pub photo: Option<Photo>,
    /// What is unusual about the file, in words for people.
    pub warnings: Vec<String>,
    /// The properties that another program should be asked for. Empty if this result is
    /// reliable.
    pub unsure: Vec<Name>,
    /// Whether the headers of the tracks are in another file, so that none are known.
    #[serde(skip)]
    pub is_segment: bool,
}

/// The type of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackType {
    /// Video.
    Video,
    /// Audio.
    Audio,
    /// Text, or pictures of text.
    Subtitle,
    /// Embedded files: fonts and cover pictures.
    Attachment,
    /// Timecodes, metadata, and everything unknown.
    #[default]
    Other,
}

impl TrackType {
    /// The name, as in documents.
    pub fn name(self) -> &'static str {
        match self {
            TrackType::Video => "video",
            TrackType::Audio => "audio",
            TrackType::Subtitle => "subtitle",
            TrackType::Attachment => "attachment",
            TrackType::Other => "other",
        }
    }
}

impl Serialize for TrackType {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One track, which `ffprobe` calls a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Track {
    /// `ffprobe`'s stream index.
    pub index: u32,
    /// The type of the track.
    #[serde(rename = "type")]
    pub track_type: TrackType,
    /// `h264`, `hevc`, `eac3`, `subrip`, …
    pub codec: Option<Name>,
    /// The codec's profile, as `ffprobe` names it: `High`, `Main 10`, `DTS-HD MA`.
    pub profile: Option<Name>,
    /// The language in the file's spelling. `normalise` makes it an ISO
    /// 639-2/B code, or `und` if it is not given.
    pub language: String,
    /// The track's name.
    pub title: Option<String>,
    /// Whether players select it if the user chooses nothing else.
    pub default: bool,
    /// Whether players always show it.
    pub forced: bool,
    /// Whether it is a commentary.
    pub commentary: bool,
    /// Whether it is meant for people with impaired hearing.
    pub hearing_impaired: bool,
    /// Whether it is meant for people with impaired vision.
    pub visual_impaired: bool,
    /// The duration in seconds.
    pub duration_seconds: Option<f64>,
    /// The bit rate in bits per second.
    pub bit_rate: Option<u64>,
    /// Bits per audio sample, or per component of a pixel.
    pub bit_depth: Option<u32>,

    /// The number of audio channels.
    pub channels: Option<u32>,
    /// `mono`, `stereo`, `5.1`, `5.1(side)`, …
    pub channel_layout: Option<Name>,
    /// The sampling rate in Hz.
    pub sample_rate: Option<u32>,

    /// The width in pixels, as coded and cropped, before rotation.
    pub width: Option<u32>,
    /// The height in pixels, as coded and cropped, before rotation.
    pub height: Option<u32>,
    /// Frames per second as a fraction: `24000/1001`, `25/1`. This is the average,
    /// `avg_frame_rate`.
    pub frame_rate: Option<String>,
    /// `yuv420p`, `yuv420p10le`, …
    pub pixel_format: Option<Name>,
    /// `bt709`, `bt2020`, …
    pub color_primaries: Option<Name>,
    /// `bt709`, `smpte2084`, `arib-std-b67`, …
    pub color_transfer: Option<Name>,
    /// The matrix: `bt709`, `bt2020nc`, …
    pub color_space: Option<Name>,
    /// The dynamic range, only for video.
    pub hdr: Option<Hdr>,
    /// `5`, `7.6`, `8.1`: the profile, with the compatibility id if it has one.
    pub dolby_vision_profile: Option<String>,
    /// The degrees by which to turn the picture clockwise to show it: 0, 90, 180 or 270.
    pub rotation: Option<u32>,

    /// The file name of an attachment.
    pub file_name: Option<String>,
    /// The MIME type of an attachment.
    pub mime_type: Option<String>,

    /// The number of packets of AAC that are still to be checked for band replication, which the
    /// configuration need not mention.
    #[serde(skip)]
    pub unchecked_packets: u8,
}

/// Kinds of dynamic range, in ascending order. A track has the richest kind that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hdr {
    /// Standard dynamic range.
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// With the PQ transfer function.
    Hdr10,
    /// With PQ and SMPTE ST 2094-40 metadata.
    Hdr10Plus,
    /// With a Dolby Vision configuration.
    DolbyVision,
}

impl Hdr {
    /// The name, as in documents.
    pub fn name(self) -> &'static str {
        match self {
            Hdr::Sdr => "SDR",
            Hdr::Hlg => "HLG",
            Hdr::Hdr10 => "HDR10",
            Hdr::Hdr10Plus => "HDR10+",
            Hdr::DolbyVision => "Dolby Vision",
        }
    }
}

impl Serialize for Hdr {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A chapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Chapter {
    /// The start, in seconds from the beginning of the file.
    pub start_seconds: f64,
    /// The end, in seconds from the beginning of the file.
    pub end_seconds: Option<f64>,
    /// Its name.
    pub title: Option<String>,
}

/// The properties of a photo.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Photo {
    /// The width in pixels, as stored.
    pub width: Option<u32>,
    /// The height in pixels, as stored.
    pub height: Option<u32>,
    /// The orientation, 1 to 8 as in EXIF.
    pub orientation: Option<u8>,
    /// Bits per component.
    pub bit_depth: Option<u32>,
    /// EXIF's `Make`.
    pub camera_make: Option<String>,
    /// EXIF's `Model`.
    pub camera_model: Option<String>,
    /// EXIF's `LensMake`.
    pub lens_make: Option<String>,
    /// EXIF's `LensModel`.
    pub lens_model: Option<String>,
    /// The time by the camera's clock: `2019-05-04T12:33:01`, with fractions of a second if
    /// they were recorded.
    pub taken_at: Option<String>,
    /// The offset of this time from UTC, if it was recorded: `+02:00`.
    pub taken_at_offset: Option<String>,
    /// The latitude in degrees north.
    pub latitude: Option<f64>,
    /// The longitude in degrees east.
    pub longitude: Option<f64>,
    /// The altitude in metres above sea level.
    pub altitude: Option<f64>,
    /// The exposure time in seconds.
    pub exposure_seconds: Option<f64>,
    /// The aperture as an f-number.
    pub f_number: Option<f64>,
    /// The ISO sensitivity.
    pub iso: Option<u32>,
    /// The focal length in millimetres.
    pub focal_length: Option<f64>,
    /// The equivalent focal length for 35 mm film, in millimetres.
    pub focal_length_35mm: Option<f64>,
    /// Whether the flash fired.
    pub flash: Option<bool>,
    /// The program that wrote the file.
    pub software: Option<String>,
    /// The photographer.
    pub artist: Option<String>,
    /// The copyright notice.
    pub copyright: Option<String>,
    /// A caption.
    pub description: Option<String>,
    /// The rating, 0 to 5, or -1 for rejected.
    pub rating: Option<i8>,
    /// The keywords, in the order of the file.
    pub keywords: Vec<String>,
}

impl Media {
    /// The properties of a file of which only the container is known.
    pub fn new(container: impl Into<Name>) -> Self {
        Self { container: container.into(), ..Self::default() }
    }

    /// Adds a warning for people.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if self.warnings.len() < MOST_NOTES && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds a property for which another program should be asked.
    pub fn doubt(&mut self, what: impl Into<Name>) {
        if self.unsure.len() < MOST_NOTES {
            self.unsure.push(what.into());
        }
    }

    /// Records the problem that stopped a parser; the properties found before it are kept.
    ///
    /// # Errors
    /// If the problem is that the file cannot be read.
    pub(super) fn note_problem(&mut self, result: Result<()>) -> Result<()> {
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
}

impl Track {
    /// A track of which only the number and the type are known.
    pub fn new(index: u32, track_type: TrackType) -> Self {
        Self { index, track_type, ..Self::default() }
    }
}
