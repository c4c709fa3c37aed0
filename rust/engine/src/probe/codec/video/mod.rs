//! Video codecs: the headers inside a track that describe its pictures.
//!
//! There is one module for each codec or family of codecs. Each says whether `ffprobe` uses
//! the container or the codec where they disagree, which was found out with files that
//! disagree. Containers set their fields first.

mod av1;
pub mod dolby_vision;
mod editing;
mod ffv1;
mod h264;
mod hevc;
mod mjpeg;
mod mpeg12;
mod mpeg4;
mod nal;
mod set;
mod simple;
mod t35;
mod theora;
mod vc1;
mod vpx;
mod vui;

use crate::probe::codec::framing::Framing;
use crate::probe::model::Track;

pub use editing::prores_profile;
pub use simple::{depth_of_format, read_utvideo};

/// See [`super::read_config`]; None for other codecs.
pub fn read_config(track: &mut Track, config: &[u8]) -> Option<Framing> {
    let codec = track.codec.clone()?;
    let fixed = apply_fixed_format(track, &codec);
    match &*codec {
        "h264" => return Some(h264::read_config(track, config)),
        "hevc" => return Some(hevc::read_config(track, config)),
        "vvc" => {
            return Some(Framing::Lengths(config.get(4).map_or(4, |byte| (byte >> 1 & 3) + 1)));
        }
        "av1" => av1::read_config(track, config),
        "vp9" => vpx::read_vp9_config(track, config),
        "mpeg1video" | "mpeg2video" => mpeg12::read(track, config),
        "mpeg4" => mpeg4::read(track, config),
        "prores" => editing::read_prores_config(track, config),
        "theora" => theora::read(track, config),
        "vc1" => vc1::read(track, config),
        "wmv3" => vc1::read_wmv3_config(track, config),
        "ffv1" => ffv1::read_config(track, config),
        "huffyuv" | "ffvhuff" => simple::read_huffyuv_config(track, config),
        "mjpeg" | "png" | "dnxhd" | "dvvideo" => {}
        _ if fixed => {}
        _ => return None,
    }
    Some(Framing::StartCodes)
}

/// See [`super::read_packet`]; false for other codecs.
pub fn read_packet(track: &mut Track, data: &[u8], framing: Framing) -> bool {
    let Some(codec) = track.codec.clone() else { return false };
    let fixed = apply_fixed_format(track, &codec);
    match &*codec {
        "h264" => h264::read_packet(track, data, framing),
        "hevc" => {
            hevc::read_packet(track, data, framing);
            t35::mark_searched(track);
        }
        "av1" => {
            av1::read_packet(track, data);
            t35::mark_searched(track);
        }
        "vp8" => vpx::read_vp8(track, data),
        "vp9" => vpx::read_vp9(track, data),
        "mpeg1video" | "mpeg2video" => mpeg12::read(track, data),
        "mpeg4" => mpeg4::read(track, data),
        "h263" => mpeg4::read_h263(track, data),
        "flv1" => mpeg4::read_sorenson(track, data),
        "mjpeg" => mjpeg::read_packet(track, data),
        "prores" => editing::read_prores(track, data),
        "dnxhd" => editing::read_dnxhd(track, data),
        "dvvideo" => editing::read_dv(track, data),
        "theora" => theora::read(track, data),
        "vc1" => vc1::read(track, data),
        "ffv1" => ffv1::read_packet(track, data),
        "png" => simple::read_png(track, data),
        "vvc" | "wmv3" | "huffyuv" | "ffvhuff" => {}
        _ => return fixed,
    }
    true
}

/// See [`super::wants_packet`].
pub fn wants_packet(track: &Track) -> bool {
    match track.codec.as_deref() {
        Some(
            "h264" | "vp9" | "mpeg1video" | "mpeg2video" | "mpeg4" | "mjpeg" | "prores" | "dnxhd"
            | "dvvideo" | "theora" | "vc1" | "ffv1" | "png",
        ) => track.pixel_format.is_none(),
        Some("hevc") if t35::may_have_other_transfer(track) => true,
        Some("hevc" | "av1") => track.pixel_format.is_none() || t35::may_have_hdr10_plus(track),
        Some("vp8") => track.profile.is_none(),
        Some("h263" | "flv1") => track.width.is_none(),
        Some(codec) => track.pixel_format.is_none() && simple::fixed_format(codec).is_some(),
        None => false,
    }
}

/// Whether the first packet is more reliable than the container's configuration, so that it is
/// read in any case.
pub fn is_in_packet(track: &Track) -> bool {
    // Programs that write `vpcC` often write the profile and format of another file.
    track.codec.as_deref() == Some("vp9")
}

fn apply_fixed_format(track: &mut Track, codec: &str) -> bool {
    let Some((name, depth)) = simple::fixed_format(codec) else { return false };
    track.pixel_format = Some(name.into());
    track.bit_depth = Some(depth);
    true
}

#[cfg(test)]
mod tests;
