//! Theora (Theora Specification, 6.2): the identification header, which is a packet of its
//! own in Ogg and the first part of the configuration in other containers.

use super::set;
use crate::probe::codec::bits::Bits;
use crate::probe::model::Track;

const IDENTIFICATION: &[u8] = b"\x80theora";

/// Before the header there may be the lengths of the laced headers.
const LONGEST_LACING: usize = 64;

/// Reads a configuration or the first packet.
pub fn read(track: &mut Track, data: &[u8]) {
    let start = data.get(..data.len().min(LONGEST_LACING)).unwrap_or_default();
    if let Some(at) = start.windows(IDENTIFICATION.len()).position(|bytes| bytes == IDENTIFICATION)
    {
        let header = data.get(at + IDENTIFICATION.len()..).unwrap_or_default();
        let _understood = read_header(track, header);
    }
}

fn read_header(track: &mut Track, header: &[u8]) -> Option<()> {
    let bits = &mut Bits::new(header);
    bits.skip(24 + 16 + 16)?;
    let (width, height) = (bits.get(24)?, bits.get(24)?);
    bits.skip(16)?;
    let frame_rate = (bits.get(32)?, bits.get(32)?);
    bits.skip(48)?;
    let primaries = match bits.get(8)? {
        1 => Some("bt470m"),
        2 => Some("bt470bg"),
        _ => None,
    };
    bits.skip(24 + 6 + 5)?;
    let layout = match bits.get(2)? {
        0 => "yuv420p",
        2 => "yuv422p",
        3 => "yuv444p",
        _ => return None,
    };
    set::size(track, width, height);
    set::pixel_format(track, layout, 8);
    set::frame_rate(track, u64::from(frame_rate.0), u64::from(frame_rate.1));
    if let Some(primaries) = primaries {
        // The specification's two colour spaces share this.
        track.color_primaries = Some(primaries.into());
        track.color_transfer = Some("bt709".into());
        track.color_space = Some("smpte170m".into());
    }
    Some(())
}
