//! Segments (ISO/IEC 14496-12, 8.16): fragments whose headers are in another file, as DASH and
//! HLS send them. Only their length is known, if they have an index.

use super::boxes::{Fields, box_at, content};
use crate::probe::model::Media;
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The boxes among which the index is searched for: it comes before the data.
const MOST_BOXES: usize = 16;

/// The longest index that is read.
const LONGEST_INDEX: usize = 64 * 1024;

/// Reads what a segment contains without its headers.
pub fn read(source: &mut Source<'_>, mut media: Media, cut: bool) -> Result<Media> {
    media.container = "mp4".into();
    media.is_segment = true;
    media.warn("the file is a segment of a stream: the headers of its tracks are in another file");
    if cut {
        media.warn("the file is cut off within its data");
    }
    let mut offset = 0;
    for _ in 0..MOST_BOXES {
        let length = source.len();
        let Some(found) = box_at(source, offset, length)? else { break };
        offset = found.end;
        match &found.kind {
            b"sidx" => {
                media.duration_seconds = duration(&content(source, &found, LONGEST_INDEX)?);
                break;
            }
            b"mdat" => break,
            _ => {}
        }
    }
    Ok(media)
}

/// The seconds that an index covers.
fn duration(sidx: &[u8]) -> Option<f64> {
    let mut fields = Fields::new(sidx);
    let (version, _) = fields.version()?;
    fields.u32()?;
    let timescale = fields.u32().filter(|&timescale| timescale > 0)?;
    fields.u32_or_u64(version != 0)?;
    fields.u32_or_u64(version != 0)?;
    fields.u16()?;
    let mut ticks = 0;
    for _ in 0..fields.u16()? {
        fields.u32()?;
        ticks += u64::from(fields.u32()?);
        fields.u32()?;
    }
    (ticks > 0).then(|| ticks as f64 / f64::from(timescale))
}
