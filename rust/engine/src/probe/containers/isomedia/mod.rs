//! To come.

use crate::probe::model::Media;
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// Reads what the file says of itself.
pub fn read(_source: &mut Source<'_>) -> Result<Media> {
    Err(Problem::Unsupported("not read yet".into()))
}
