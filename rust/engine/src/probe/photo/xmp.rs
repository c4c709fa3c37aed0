//! To come.

use crate::probe::model::Media;
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// Reads what the file says of itself.
pub fn read(_source: &mut Source<'_>) -> Result<Media> {
    Err(Problem::Unsupported("not read yet".into()))
}

/// Fills in what an XMP packet says, where `photo` does not have it yet.
pub fn fill(_packet: &[u8], _photo: &mut crate::probe::model::Photo) {}
