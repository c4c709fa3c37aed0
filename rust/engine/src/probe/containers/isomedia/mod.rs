//! ISO base media (ISO/IEC 14496-12) and QuickTime: MP4, MOV, 3GP, F4V; HEIF, AVIF and CR3.
//!
//! The boxes are parsed by hand. The crates that read this format need a whole `moov` in
//! memory (this module skips the tables of a film, which take megabytes), fail completely at
//! an unexpected box, and do not know QuickTime's part of the format.

mod assemble;
mod boxes;
pub mod channels;
mod chapters;
mod codes;
mod compressed;
mod fragment_defaults;
mod fragments;
mod items;
mod metadata;
mod movie;
mod raw;
mod sample_entries;
mod sample_tables;
mod segment;
#[cfg(test)]
mod tests;
mod track;
mod values;

pub use self::sample_entries::read_cookie;

use self::boxes::{BoxAt, Fields, Kind, box_at, content};
use self::movie::Movie;
use crate::probe::model::{Media, Name};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// If no more than this is left of the file after its data, it is read at once: usually it is
/// `moov`.
const LONGEST_TAIL: u64 = 512 * 1024;

/// No file has more boxes before its `moov` unless it is malicious.
const MOST_BOXES: usize = 4096;

/// The most boxes between `moov` and the data that are read: free space, an index.
const MOST_BOXES_BETWEEN: usize = 8;

/// After this many requests, `moov` is not searched for any more.
const MOST_REQUESTS: u32 = 64;

/// The brands in `ftyp`.
#[derive(Debug, Default)]
struct Brands {
    major: Option<Kind>,
    compatible: Vec<Kind>,
}

/// The top-level boxes of a file.
#[derive(Debug, Default)]
struct Top {
    brands: Brands,
    moov: Option<BoxAt>,
    meta: Option<BoxAt>,
    fragments: bool,
    data: bool,
    /// Whether the file ends within a box.
    cut: bool,
}

/// Reads the properties of a file.
///
/// # Errors
/// [`Problem::Damaged`] if it has no headers; also if it cannot be read.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let top = Top::read(source)?;
    let container = top.brands.container();
    let mut media = Media::new(container.clone());
    if let Some(meta) = top.meta
        && is_picture(&container)
        && (items::read(source, &meta, &mut media)? || top.moov.is_none())
    {
        if meta.cut || top.cut {
            media.warn("the file is cut off within its data");
        }
        return Ok(media);
    }
    let Some(moov) = top.moov else {
        if top.fragments {
            return segment::read(source, media, top.cut);
        }
        return Err(Problem::damaged(if top.cut {
            "the file is cut off before its headers"
        } else {
            "the file contains no headers"
        }));
    };
    if container == "cr3" {
        raw::read(source, &moov, &mut media)?;
        return Ok(media);
    }
    if moov.cut {
        media.warn("the file is cut off within its headers");
    }
    if let Some(headers) = compressed::inflate(source, &moov)? {
        let start = source.len();
        source.with_behind(headers, |source| {
            let length = source.len();
            let inner = box_at(source, start, length)?.filter(|inner| &inner.kind == b"moov");
            let inner =
                inner.ok_or_else(|| Problem::damaged("the compressed headers are empty"))?;
            read_movie(source, &top, &inner, start, &mut media)
        })?;
    } else {
        read_movie(source, &top, &moov, moov.end, &mut media)?;
    }
    if !moov.cut && top.cut {
        media.warn("the file is cut off within its data");
    }
    if is_picture(&container) {
        items::from_movie(&mut media);
    }
    Ok(media)
}

/// Reads the headers in `moov`. The file continues at `end`.
fn read_movie(
    source: &mut Source<'_>,
    top: &Top,
    moov: &BoxAt,
    end: u64,
    media: &mut Media,
) -> Result<()> {
    let movie = Movie::read(source, moov, top.brands.is_quicktime())?;
    if !moov.cut && !top.data && end >= source.len() && movie.has_samples() {
        media.warn("the file is cut off before its data");
    }
    assemble::into_media(movie, source, end, media)
}

fn is_picture(container: &str) -> bool {
    matches!(container, "heif" | "avif")
}

impl Top {
    /// Reads the headers of boxes up to `moov`, or up to the end.
    fn read(source: &mut Source<'_>) -> Result<Self> {
        let mut top = Self::default();
        let mut offset = 0;
        for _ in 0..MOST_BOXES {
            let length = source.len();
            if source.requests() > MOST_REQUESTS {
                break;
            }
            if top.data && length.saturating_sub(offset) <= LONGEST_TAIL {
                source.up_to(offset, LONGEST_TAIL as usize)?;
            }
            let Some(found) = box_at(source, offset, length)? else { break };
            offset = found.end;
            top.cut |= found.cut;
            match &found.kind {
                b"ftyp" if top.brands.major.is_none() => {
                    top.brands = Brands::read(&content(source, &found, 4096)?);
                }
                b"styp" if top.brands.major.is_none() => {
                    top.fragments = true;
                    top.brands = Brands::read(&content(source, &found, 4096)?);
                }
                b"moov" => {
                    top.moov = Some(found);
                    break;
                }
                b"meta" if top.meta.is_none() => top.meta = Some(found),
                b"moof" | b"styp" | b"sidx" => top.fragments = true,
                b"mdat" => top.data = true,
                _ => {}
            }
        }
        if let Some(end) = top.moov.as_ref().filter(|moov| !moov.cut).map(|moov| moov.end)
            && !top.data
        {
            top.look_for_data(source, end)?;
        }
        Ok(top)
    }

    /// Checks whether the data after the headers is complete.
    fn look_for_data(&mut self, source: &mut Source<'_>, from: u64) -> Result<()> {
        let mut offset = from;
        for _ in 0..MOST_BOXES_BETWEEN {
            let length = source.len();
            let Some(found) = box_at(source, offset, length)? else { break };
            offset = found.end;
            self.data |= &found.kind == b"mdat";
            // The boxes after one that is cut off are missing, too.
            self.cut |= found.cut;
            if self.data || self.cut || &found.kind == b"moof" {
                break;
            }
        }
        Ok(())
    }
}

impl Brands {
    fn read(ftyp: &[u8]) -> Self {
        let mut fields = Fields::new(ftyp);
        let major = fields.kind();
        fields.u32();
        Self { major, compatible: std::iter::from_fn(|| fields.kind()).collect() }
    }

    /// The container that belongs to these brands.
    fn container(&self) -> Name {
        let Some(major) = &self.major else { return "mov".into() };
        let is_avif = |brand: &Kind| matches!(brand, b"avif" | b"avis");
        Name::Borrowed(match major {
            b"qt  " => "mov",
            b"crx " => "cr3",
            b"avif" | b"avis" => "avif",
            b"mif1" | b"msf1" | b"mif2" if self.compatible.iter().any(is_avif) => "avif",
            b"mif1" | b"msf1" | b"mif2" | b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim"
            | b"heis" | b"hevm" | b"hevs" | b"jpeg" | b"jpgs" | b"avci" | b"avcs" => "heif",
            [b'3', b'g' | b'G', ..] => "3gp",
            _ => "mp4",
        })
    }

    /// Whether the file may have QuickTime's versions of sound descriptions.
    fn is_quicktime(&self) -> bool {
        let quicktime = *b"qt  ";
        self.major.is_none_or(|major| major == quicktime) || self.compatible.contains(&quicktime)
    }
}
