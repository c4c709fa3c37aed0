//! HEVC (ITU-T H.265): sequence parameter sets in `hvcC` and in packets, and the units in
//! packets that concern dynamic range: HDR10+ messages and Dolby Vision units.
//!
//! `ffprobe` always uses the parameter set: if that has no colour description, the
//! container's colours are ignored, too.

use super::set::{self, Colors};
use super::vui::Vui;
use super::{nal, t35};
use crate::probe::codec::bits::Bits;
use crate::probe::codec::color;
use crate::probe::codec::framing::Framing;
use crate::probe::model::{Hdr, Name, Track};

const SPS: u8 = 33;
const PREFIX_SEI: u8 = 39;
const DOLBY_VISION_RPU: u8 = 62;

/// Reads an `hvcC` record (ISO/IEC 14496-15, 8.3.3), or parameter sets with start codes.
pub fn read_config(track: &mut Track, config: &[u8]) -> Framing {
    if config.len() < 23 || nal::has_start_codes(config) {
        read_packet(track, config, Framing::StartCodes);
        return Framing::StartCodes;
    }
    let size = config.get(21).map_or(4, |byte| (byte & 3) + 1);
    let mut rest = config.get(23..).unwrap_or_default();
    for _ in 0..config.get(22).copied().unwrap_or(0) {
        let Some((&[_kind, high, low], behind)) = rest.split_first_chunk() else { break };
        rest = behind;
        for _ in 0..u16::from_be_bytes([high, low]) {
            let Some((length, behind)) = rest.split_first_chunk() else { break };
            let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
            let (unit, next) = behind.split_at(length);
            read_unit(track, unit);
            rest = next;
        }
    }
    Framing::Lengths(size)
}

/// Reads the parameter sets and metadata of a packet.
pub fn read_packet(track: &mut Track, data: &[u8], framing: Framing) {
    for unit in nal::units(data, framing) {
        read_unit(track, unit);
    }
}

fn read_unit(track: &mut Track, unit: &[u8]) {
    let Some((&[first, second], payload)) = unit.split_first_chunk() else { return };
    // Higher layers are enhancements: depth, or the second eye's picture.
    let layer = (first & 1) << 5 | second >> 3;
    match first >> 1 & 0x3f {
        SPS if layer == 0 => {
            if let Some(sps) = Sps::parse(&nal::unescape(payload)) {
                sps.apply(track);
            }
        }
        PREFIX_SEI => {
            let messages = t35::sei_messages(&nal::unescape(payload));
            if messages.hdr10_plus {
                track.hdr = track.hdr.max(Some(Hdr::Hdr10Plus));
            }
            if let Some(transfer) = messages.transfer.and_then(color::color_transfer) {
                track.color_transfer = Some(Name::Borrowed(transfer));
            }
        }
        DOLBY_VISION_RPU => track.hdr = Some(Hdr::DolbyVision),
        _ => {}
    }
}

/// The fields of a sequence parameter set (7.3.2.2) that are needed.
#[derive(Debug)]
struct Sps {
    profile: u8,
    chroma_format: u32,
    depth: u32,
    size: (u32, u32),
    vui: Vui,
}

impl Sps {
    fn parse(payload: &[u8]) -> Option<Self> {
        let bits = &mut Bits::new(payload);
        bits.skip(4)?;
        let sub_layers = bits.get(3)?;
        bits.skip(1)?;
        let profile = read_profile_tier_level(bits, sub_layers)?;
        let _id = bits.ue_to(15)?;
        let chroma_format = bits.ue_to(3)?;
        if chroma_format == 3 {
            bits.flag()?;
        }
        let (mut width, mut height) = (bits.ue()?, bits.ue()?);
        if bits.flag()? {
            let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
            let unit_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
            let unit_y = if chroma_format == 1 { 2 } else { 1 };
            width = width.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
            height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
        }
        let depth = bits.ue_to(8)? + 8;
        let _chroma_depth = bits.ue_to(8)?;
        let mut sps =
            Self { profile, chroma_format, depth, size: (width, height), vui: Vui::default() };
        // The fields above are useful even if the rest cannot be read.
        let _all = sps.read_vui(bits, sub_layers);
        Some(sps)
    }

    /// Skips the fields between the depth and the VUI, and reads the VUI.
    fn read_vui(&mut self, bits: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
        let order_count_bits = bits.ue_to(12)? + 4;
        let all_sub_layers = bits.flag()?;
        for _ in if all_sub_layers { 0 } else { sub_layers }..=sub_layers {
            for _ in 0..3 {
                bits.ue()?;
            }
        }
        for _ in 0..6 {
            bits.ue()?;
        }
        if bits.flag()? && bits.flag()? {
            skip_scaling_lists(bits)?;
        }
        bits.skip(2)?;
        if bits.flag()? {
            bits.skip(8)?;
            bits.ue()?;
            bits.ue()?;
            bits.skip(1)?;
        }
        skip_short_term_sets(bits)?;
        if bits.flag()? {
            for _ in 0..bits.ue_to(32)? {
                bits.skip(order_count_bits as usize + 1)?;
            }
        }
        bits.skip(2)?;
        if bits.flag()? {
            self.vui.read_signal(bits)?;
            bits.skip(3)?;
            if bits.flag()? {
                for _ in 0..4 {
                    bits.ue()?;
                }
            }
            self.vui.read_timing(bits)?;
        }
        Some(())
    }

    fn apply(&self, track: &mut Track) {
        match self.profile {
            1 => set::profile(track, "Main"),
            2 => set::profile(track, "Main 10"),
            3 => set::profile(track, "Main Still Picture"),
            4 => set::profile(track, "Rext"),
            other => set::profile(track, other.to_string()),
        }
        let colors = self.vui.colors.unwrap_or(Colors::UNSPECIFIED);
        set::colors(track, colors);
        set::size(track, self.size.0, self.size.1);
        let full_range = self.vui.full_range == Some(true);
        let layout = match self.chroma_format {
            // `ffprobe` still uses the old name for this one only.
            1 if full_range && self.depth == 8 => Some("yuvj420p"),
            3 if colors.matrix == 0 => Some("gbrp"),
            other => set::yuv_layout(other),
        };
        if let Some(layout) = layout {
            set::pixel_format(track, layout, self.depth);
        }
        if let Some((numerator, denominator)) = self.vui.frame_rate(1) {
            set::frame_rate(track, numerator, denominator);
        }
    }
}

/// Reads the general profile (7.3.3) and skips the rest.
fn read_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<u8> {
    bits.skip(3)?;
    let mut profile = bits.get(5)? as u8;
    let compatible = bits.get(32)?;
    if profile == 0 {
        // 0 means unspecified: the last profile that it claims to be compatible with is used.
        profile = (1..32).rev().find(|&bit| compatible >> (31 - bit) & 1 == 1).unwrap_or(0);
    }
    bits.skip(48 + 8)?;
    let mut skipped = 0;
    for _ in 0..sub_layers {
        skipped += if bits.flag()? { 88 } else { 0 };
        skipped += if bits.flag()? { 8 } else { 0 };
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    bits.skip(skipped)?;
    Some(profile)
}

/// Skips scaling lists (7.3.4).
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            let coefficients = 64.min(1 << (4 + 2 * size)) + if size > 1 { 1 } else { 0 };
            for _ in 0..coefficients {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// Skips short-term reference picture sets (7.3.7). The number of pictures in each is needed
/// to parse the next.
fn skip_short_term_sets(bits: &mut Bits<'_>) -> Option<()> {
    let mut pictures = 0u32;
    for set in 0..bits.ue_to(64)? {
        if set > 0 && bits.flag()? {
            bits.flag()?;
            bits.ue()?;
            let mut kept = 0;
            for _ in 0..=pictures {
                kept += u32::from(bits.flag()? || bits.flag()?);
            }
            pictures = kept;
        } else {
            let (before, after) = (bits.ue_to(16)?, bits.ue_to(16)?);
            pictures = before + after;
            for _ in 0..pictures {
                bits.ue()?;
                bits.flag()?;
            }
        }
    }
    Some(())
}
