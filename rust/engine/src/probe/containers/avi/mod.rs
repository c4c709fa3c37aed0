//! AVI: RIFF with a list of headers (`hdrl`), and OpenDML's additions to it.
//!
//! Nearly everything is in the headers before the `movi` list. Of that list only the first
//! chunks are read, for codecs that need them, and the index only for the bit rates.

mod headers;
mod packets;

use crate::probe::model::Media;
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use headers::File;

/// Reads the properties of an AVI file.
///
/// # Errors
/// If it cannot be read or has no headers.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut file = File { media: Media::new("avi"), ..File::default() };
    file.read_headers(source)?;
    if file.streams.is_empty() {
        return Err(Problem::damaged("the file contains no streams"));
    }
    let result = packets::read(source, &mut file);
    file.media.note_problem(result)?;
    let result = file.read_tags_at_end(source);
    file.media.note_problem(result)?;
    Ok(file.finish(source))
}

#[cfg(test)]
mod tests;
