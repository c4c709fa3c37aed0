//! Recognises the format of a file and calls the parser of that format.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::format::{Format, extension_fits, foreign};
use super::model::Media;
use super::normalise::normalise;
use super::problem::{Problem, Result};
use super::source::{Limits, Source};
use super::{containers, photo};

/// No header of any format with something behind it is shorter.
const LEAST_LENGTH: u64 = 16;

/// The bytes at the beginning of a file that show that it was not written yet: the first read,
/// and one more. ffprobe would find nothing in them either, and take much longer.
const ZERO_HEADS: [(u64, usize); 2] = [(0, 64 << 10), (64 << 10, 256 << 10)];

/// The bytes at the beginning of a file that show that its content is not media.
const FOREIGN_HEAD: usize = 4096;

const ZEROS: &str =
    "the file begins with zeros only: it was not written yet, or its content is lost";

/// Probes an open file. `extension` (lower case, without the dot) is only used to warn if it
/// does not fit the content.
///
/// # Errors
/// If the file cannot be read, or is not a media file that the engine understands.
pub fn probe(file: &File, extension: &str, limits: Limits) -> Result<Media> {
    let length = file.metadata()?.len();
    let mut source = Source::new(file, length, limits);
    probe_source(&mut source, extension)
}

/// Probes a source in the same way as [`probe`].
///
/// # Errors
/// The errors of [`probe`].
pub fn probe_source(source: &mut Source<'_>, extension: &str) -> Result<Media> {
    let answer = catch_unwind(AssertUnwindSafe(|| probe_unguarded(source, extension)));
    answer.unwrap_or_else(|panic| Err(Problem::from_panic(panic.as_ref())))
}

fn probe_unguarded(source: &mut Source<'_>, extension: &str) -> Result<Media> {
    if source.is_empty() {
        return Err(Problem::Damaged("the file is empty".into()));
    }
    if source.len() < LEAST_LENGTH {
        return Err(Problem::Final("the file is too short to hold any media"));
    }
    let Some(format) = Format::recognise(source)? else {
        return Err(not_recognised(source)?);
    };
    let mut media = read_as(source, format)?;
    if media.tracks.is_empty() && media.photo.is_none() && !media.is_segment {
        return Err(Problem::damaged("the file contains no tracks"));
    }
    if !extension_fits(extension, &media.container) {
        media.warn(format!(
            "the extension is `.{extension}`, but the content is {}",
            media.container
        ));
    }
    Ok(media)
}

/// What is known of a file in no known format.
fn not_recognised(source: &mut Source<'_>) -> Result<Problem> {
    if begins_with_zeros(source)? {
        return Ok(Problem::Final(ZEROS));
    }
    let length = source.len();
    let head = source.up_to(0, FOREIGN_HEAD)?;
    Ok(foreign(head, length).map_or(Problem::Unknown, Problem::Final))
}

/// Whether there are only zeros where any format has its headers, as in a download to which
/// space was given in advance.
fn begins_with_zeros(source: &mut Source<'_>) -> Result<bool> {
    for (offset, length) in ZERO_HEADS {
        if source.up_to(offset, length)?.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Parses a source as a format, whatever its content looks like. Unlike [`probe_source`] it
/// does not catch panics: fuzzing has to see them.
///
/// # Errors
/// The errors of [`probe`].
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
        Format::Asf => containers::asf::read(source)?,
        Format::Aiff => containers::aiff::read(source)?,
        Format::Ape => containers::ape::read(source)?,
        Format::WavPack => containers::wavpack::read(source)?,
        Format::Ac3 => containers::raw_audio::read_ac3(source)?,
        Format::Dts => containers::raw_audio::read_dts(source)?,
        Format::Dsf => containers::dsf::read(source)?,
        Format::Dsdiff => containers::dsdiff::read(source)?,
        Format::Musepack => containers::musepack::read(source)?,
        Format::Amr => containers::amr::read(source)?,
        Format::Caf => containers::caf::read(source)?,
        Format::Au => containers::au::read(source)?,
        Format::Tta => containers::tta::read(source)?,
        Format::Tak => containers::tak::read(source)?,
        Format::Ivf => containers::ivf::read(source)?,
        Format::H264 => containers::raw_video::read_h264(source)?,
        Format::H265 => containers::raw_video::read_h265(source)?,
        Format::RealMedia => containers::realmedia::read(source)?,
        Format::Jpeg => photo::jpeg::read(source)?,
        Format::Tiff => photo::tiff::read(source)?,
        Format::Raf => photo::raf::read(source)?,
        Format::Crw => photo::crw::read(source)?,
        Format::Png => photo::png::read(source)?,
        Format::WebP => photo::webp::read(source)?,
        Format::Xmp => photo::xmp::read(source)?,
        Format::OtherPhoto => photo::other::read(source)?,
    };
    normalise(&mut media);
    Ok(media)
}
