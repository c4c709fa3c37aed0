//! H.264 (ITU-T H.264): sequence parameter sets in `avcC` and in packets.
//!
//! `ffprobe` always uses size and format of the parameter set. It uses its colours if it has
//! a colour description, and the container's otherwise. The container's size stays if it
//! differs only by a crop within the last macroblock.

use super::nal;
use super::set;
use super::vui::Vui;
use crate::probe::codec::bits::Bits;
use crate::probe::codec::framing::Framing;
use crate::probe::model::Track;

const SPS: u8 = 7;

/// Reads an `avcC` record (ISO/IEC 14496-15, 5.3.3), or parameter sets with start codes.
pub fn read_config(track: &mut Track, config: &[u8]) -> Framing {
    if config.len() < 7 || nal::has_start_codes(config) {
        read_packet(track, config, Framing::StartCodes);
        return Framing::StartCodes;
    }
    let size = config.get(4).map_or(4, |byte| (byte & 3) + 1);
    let count = config.get(5).map_or(0, |byte| byte & 0x1f);
    let mut rest = config.get(6..).unwrap_or_default();
    for _ in 0..count {
        let Some((length, behind)) = rest.split_first_chunk() else { break };
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (unit, next) = behind.split_at(length);
        if read_unit(track, unit) {
            break;
        }
        rest = next;
    }
    Framing::Lengths(size)
}

/// Reads the first parameter set of a packet.
pub fn read_packet(track: &mut Track, data: &[u8], framing: Framing) {
    let _found = nal::units(data, framing).any(|unit| read_unit(track, unit));
}

fn read_unit(track: &mut Track, unit: &[u8]) -> bool {
    let Some((header, payload)) = unit.split_first() else { return false };
    if header & 0x1f != SPS {
        return false;
    }
    match Sps::parse(&nal::unescape(payload)) {
        Some(sps) => sps.apply(track),
        None => return false,
    }
    true
}

/// The fields of a sequence parameter set (7.3.2.1.1) that are needed.
#[derive(Debug)]
struct Sps {
    profile: u8,
    constraints: u8,
    chroma_format: u32,
    depth: u32,
    size: (u32, u32),
    cropped_at_start: bool,
    vui: Vui,
}

impl Sps {
    fn parse(payload: &[u8]) -> Option<Self> {
        let bits = &mut Bits::new(payload);
        let (profile, constraints) = (bits.byte()?, bits.byte()?);
        let _level = bits.byte()?;
        let _id = bits.ue_to(31)?;
        let (mut chroma_format, mut depth) = (1, 8);
        if matches!(
            profile,
            44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 144 | 244
        ) {
            chroma_format = bits.ue_to(3)?;
            if chroma_format == 3 {
                bits.flag()?;
            }
            depth = bits.ue_to(6)? + 8;
            let _chroma_depth = bits.ue_to(6)?;
            bits.flag()?;
            if bits.flag()? {
                skip_scaling_lists(bits, if chroma_format == 3 { 12 } else { 8 })?;
            }
        }
        bits.ue()?;
        match bits.ue_to(2)? {
            0 => {
                bits.ue()?;
            }
            1 => {
                bits.flag()?;
                bits.se()?;
                bits.se()?;
                for _ in 0..bits.ue_to(255)? {
                    bits.se()?;
                }
            }
            _ => {}
        }
        bits.ue()?;
        bits.flag()?;
        let (columns, rows) = (bits.ue_to(0xffff)? + 1, bits.ue_to(0xffff)? + 1);
        let frames_only = bits.flag()?;
        if !frames_only {
            bits.flag()?;
        }
        bits.flag()?;
        let fields = if frames_only { 1 } else { 2 };
        let (mut width, mut height) = (columns * 16, rows * 16 * fields);
        let mut cropped_at_start = false;
        if bits.flag()? {
            let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
            let step_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
            let step_y = if chroma_format == 1 { 2 * fields } else { fields };
            let cropped = |size: u32, before: u32, after: u32, step: u32| {
                let crop = before.checked_add(after)?.checked_mul(step)?;
                size.checked_sub(crop).filter(|&size| size > 0)
            };
            // A crop that leaves nothing is ignored.
            if let (Some(x), Some(y)) =
                (cropped(width, left, right, step_x), cropped(height, top, bottom, step_y))
            {
                (width, height) = (x, y);
                cropped_at_start = left > 0 || top > 0;
            }
        }
        let mut vui = Vui::default();
        if bits.flag()? {
            // Some encoders cut it off: the fields before are used.
            let _all = vui.read_signal(bits).and_then(|()| vui.read_timing(bits));
        }
        Some(Self {
            profile,
            constraints,
            chroma_format,
            depth,
            size: (width, height),
            cropped_at_start,
            vui,
        })
    }

    fn apply(&self, track: &mut Track) {
        match self.profile_name() {
            Some(name) => set::profile(track, name),
            None => set::profile(track, self.profile.to_string()),
        }
        if let Some(colors) = self.vui.colors {
            set::colors(track, colors);
        }
        let (width, height) = self.size;
        let crops_further = |container: Option<u32>, coded: u32| {
            container.is_some_and(|size| {
                size > 0 && size <= coded && size.div_ceil(16) == coded.div_ceil(16)
            })
        };
        if self.cropped_at_start
            || !crops_further(track.width, width)
            || !crops_further(track.height, height)
        {
            set::size(track, width, height);
        }
        let full_range = self.vui.full_range == Some(true) && self.depth == 8;
        let layout = match self.chroma_format {
            3 if track.color_space.as_deref() == Some("gbr") => "gbrp",
            3 if full_range => "yuvj444p",
            3 => "yuv444p",
            2 if full_range => "yuvj422p",
            2 => "yuv422p",
            // Also without chroma: `ffprobe` treats it as neutral grey.
            _ if full_range => "yuvj420p",
            _ => "yuv420p",
        };
        set::pixel_format(track, layout, self.depth);
        if let Some((numerator, denominator)) = self.vui.frame_rate(2) {
            set::frame_rate(track, numerator, denominator);
        }
    }

    fn profile_name(&self) -> Option<&'static str> {
        let constrained = self.constraints & 0x40 != 0;
        let intra = self.constraints & 0x10 != 0;
        Some(match (self.profile, intra) {
            (66, _) if constrained => "Constrained Baseline",
            (66, _) => "Baseline",
            (77, _) => "Main",
            (88, _) => "Extended",
            (100, _) => "High",
            (110, false) => "High 10",
            (110, true) => "High 10 Intra",
            (122, false) => "High 4:2:2",
            (122, true) => "High 4:2:2 Intra",
            (144, _) => "High 4:4:4",
            (244, false) => "High 4:4:4 Predictive",
            (244, true) => "High 4:4:4 Intra",
            (44, _) => "CAVLC 4:4:4",
            (118, _) => "Multiview High",
            (128, _) => "Stereo High",
            _ => return None,
        })
    }
}

/// Skips scaling lists (7.3.2.1.1.1). A list ends early if a difference makes its next scale
/// 0.
fn skip_scaling_lists(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let mut scale = 8i32;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            scale = scale.wrapping_add(bits.se()?) & 0xff;
            if scale == 0 {
                break;
            }
        }
    }
    Some(())
}
