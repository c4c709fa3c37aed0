//! Probing: what is in a media file, told from the few kilobytes that say it.
//!
//! [`probe`] opens a file, recognises its format by content ([`Format`]), and
//! has that format's parser read what it needs through a [`Source`], which
//! bounds bytes, requests and time whatever the file claims. The answer is a
//! [`Media`]; what the parser cannot tell for sure it says there, so that a
//! slower program can be asked instead.
//!
//! Nothing in a file is trusted: sizes are checked against its length, strings
//! are decoded with replacement, and a panic in a parser becomes that file's
//! [`Problem`].

mod codec;
mod containers;
mod format;
mod language;
mod model;
mod number;
mod photo;
mod pool;
mod problem;
mod source;
mod text;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use format::Format;
pub use language::to_iso639_2b;
pub use model::{Chapter, Hdr, Media, Photo, Track, TrackType};
pub use pool::{Answer, Job, Pool};
pub use problem::{Problem, Result};
pub use source::{Limits, ReadAt, Source};

/// Probes an open file. `extension` (lower case, without the dot) only serves
/// to warn where it and the content disagree.
///
/// # Errors
/// [`Problem`], if the file could not be read, or nothing sure can be said of it.
pub fn probe(file: &File, extension: &str, limits: Limits) -> Result<Media> {
    let length = file.metadata()?.len();
    let mut source = Source::new(file, length, limits);
    probe_source(&mut source, extension)
}

/// Probes anything that can be read from, as [`probe`] does.
///
/// # Errors
/// As [`probe`].
pub fn probe_source(source: &mut Source<'_>, extension: &str) -> Result<Media> {
    let answer = catch_unwind(AssertUnwindSafe(|| probe_unguarded(source, extension)));
    answer.unwrap_or_else(|panic| Err(Problem::from_panic(panic.as_ref())))
}

fn probe_unguarded(source: &mut Source<'_>, extension: &str) -> Result<Media> {
    if source.is_empty() {
        return Err(Problem::Damaged("the file is empty".into()));
    }
    let format = Format::recognise(source)?.ok_or(Problem::Unknown)?;
    let mut media = read_as(source, format)?;
    if media.tracks.is_empty() && media.photo.is_none() {
        return Err(Problem::damaged("there are no tracks in it"));
    }
    if !format::extension_fits(extension, &media.container) {
        media.warn(format!("the name ends in `.{extension}`, the content is {}", media.container));
    }
    Ok(media)
}

/// Reads a source as a format, whatever its content looks like. Unlike
/// [`probe_source`] it lets a parser's panic through, as fuzzing wants it.
///
/// # Errors
/// As [`probe`].
pub fn read_as(source: &mut Source<'_>, format: Format) -> Result<Media> {
    let mut media = match format {
        Format::Matroska => containers::matroska::read(source)?,
        Format::IsoMedia => containers::isomedia::read(source)?,
        Format::Avi => containers::avi::read(source)?,
        Format::MpegTs => containers::mpegts::read(source)?,
        Format::MpegPs => containers::mpegps::read(source)?,
        Format::Flv => containers::flv::read(source)?,
        Format::Ogg => containers::ogg::read(source)?,
        Format::Mp3 => containers::mp3::read(source)?,
        Format::Flac => containers::flac::read(source)?,
        Format::Wav => containers::wav::read(source)?,
        Format::Aac => containers::aac::read(source)?,
        Format::Jpeg => photo::jpeg::read(source)?,
        Format::Tiff => photo::tiff::read(source)?,
        Format::Raf => photo::raf::read(source)?,
        Format::Png => photo::png::read(source)?,
        Format::WebP => photo::webp::read(source)?,
        Format::Xmp => photo::xmp::read(source)?,
        Format::OtherPhoto => photo::other::read(source)?,
    };
    media.tidy();
    Ok(media)
}
