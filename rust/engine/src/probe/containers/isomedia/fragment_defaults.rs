//! The defaults for fragments, which are in the movie's headers (ISO/IEC 14496-12, 8.8.3).

use super::boxes::{BoxAt, Fields, boxes_in, content};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The longest `mvex` box.
const LONGEST_HEADER: usize = 512 * 1024;

/// The defaults for a track's fragments, from `trex`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// The id of the track.
    pub track: u32,
    /// The default duration of a sample.
    pub duration: u32,
    /// The default size of a sample.
    pub size: u32,
}

/// Reads the defaults in `mvex`.
pub fn read(source: &mut Source<'_>, mvex: &BoxAt) -> Result<Vec<Defaults>> {
    let bytes = content(source, mvex, LONGEST_HEADER)?;
    let read = |trex: &[u8]| {
        let mut fields = Fields::new(trex);
        fields.version()?;
        let track = fields.u32()?;
        fields.u32()?;
        Some(Defaults { track, duration: fields.u32()?, size: fields.u32()? })
    };
    Ok(boxes_in(&bytes)
        .filter(|(kind, _)| kind == b"trex")
        .filter_map(|(_, trex)| read(trex))
        .collect())
}
