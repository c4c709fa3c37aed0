//! MPEG-1 and MPEG-2 video (ISO/IEC 11172-2 and 13818-2): the sequence header and its
//! extensions, wherever they are in the data.
//!
//! `ffprobe` uses the colours of a display extension, or else the container's. It
//! distinguishes the two codecs by the extension, because transport streams and program
//! streams do not do so reliably.

use super::nal;
use super::set::{self, Colors};
use crate::probe::codec::bits::Bits;
use crate::probe::model::Track;

const SEQUENCE: u8 = 0xb3;
const EXTENSION: u8 = 0xb5;
const USER_DATA: u8 = 0xb2;

/// A sequence header and its extensions.
#[derive(Debug, Default)]
struct Sequence {
    size: (u32, u32),
    frame_rate: (u64, u64),
    extension: bool,
}

/// Reads a configuration or packets.
pub fn read(track: &mut Track, data: &[u8]) {
    let mut sequence: Option<Sequence> = None;
    for unit in nal::start_code_units(data) {
        let Some((&code, payload)) = unit.split_first() else { continue };
        let bits = &mut Bits::new(payload);
        match (code, &mut sequence) {
            (SEQUENCE, _) => sequence = read_sequence(bits).or(sequence),
            (EXTENSION, Some(sequence)) => {
                let _understood = read_extension(track, sequence, bits);
            }
            (USER_DATA, _) | (_, None) => {}
            // Pictures follow: only the extensions before them belong to the sequence.
            (_, Some(_)) => break,
        }
    }
    if let Some(sequence) = sequence {
        apply(track, &sequence);
    }
}

fn read_sequence(bits: &mut Bits<'_>) -> Option<Sequence> {
    let size = (bits.get(12)?, bits.get(12)?);
    bits.skip(4)?;
    let frame_rate = match bits.get(4)? {
        1 => (24000, 1001),
        2 => (24, 1),
        3 => (25, 1),
        4 => (30000, 1001),
        5 => (30, 1),
        6 => (50, 1),
        7 => (60000, 1001),
        8 => (60, 1),
        _ => (0, 0),
    };
    Some(Sequence { size, frame_rate, extension: false })
}

fn read_extension(track: &mut Track, sequence: &mut Sequence, bits: &mut Bits<'_>) -> Option<()> {
    match bits.get(4)? {
        1 => {
            bits.skip(1)?;
            let profile = bits.get(3)?;
            bits.skip(4 + 1)?;
            let chroma_format = bits.get(2)?;
            let (width, height) = (bits.get(2)?, bits.get(2)?);
            bits.skip(12 + 1 + 8 + 1)?;
            let (numerator, denominator) =
                (u64::from(bits.get(2)?) + 1, u64::from(bits.get(5)?) + 1);
            sequence.extension = true;
            sequence.size = (width << 12 | sequence.size.0, height << 12 | sequence.size.1);
            sequence.frame_rate.0 *= numerator;
            sequence.frame_rate.1 *= denominator;
            let names =
                ["4:2:2", "High", "Spatially Scalable", "SNR Scalable", "Main", "Simple", "6", "7"];
            if let Some(name) = names.get(profile as usize) {
                set::profile(track, *name);
            }
            if let Some(layout) = set::yuv_layout(chroma_format).filter(|_| chroma_format > 0) {
                set::pixel_format(track, layout, 8);
            }
        }
        2 => {
            bits.skip(3)?;
            if bits.flag()? {
                let (primaries, transfer, matrix) = (bits.byte()?, bits.byte()?, bits.byte()?);
                set::colors(track, Colors { primaries, transfer, matrix });
            }
        }
        _ => {}
    }
    Some(())
}

fn apply(track: &mut Track, sequence: &Sequence) {
    if !sequence.extension {
        set::pixel_format(track, "yuv420p", 8);
    }
    track.codec = Some(if sequence.extension { "mpeg2video" } else { "mpeg1video" }.into());
    set::size(track, sequence.size.0, sequence.size.1);
    set::frame_rate(track, sequence.frame_rate.0, sequence.frame_rate.1);
}
