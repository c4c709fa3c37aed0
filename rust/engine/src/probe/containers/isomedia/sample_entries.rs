//! Sample entries (ISO/IEC 14496-12, 8.5.2; QuickTime's sample descriptions): the format of a
//! track's samples.

use super::boxes::{Fields, Kind, boxes_in, find_in};
use super::channels;
use super::codes::{codec_of, codec_of_object};
use crate::probe::codec::video::{dolby_vision, prores_profile};
use crate::probe::codec::{self, Framing, color};
use crate::probe::model::{Name, Track, TrackType};

/// Boxes in sample entries whose content configures a decoder.
const CONFIGURATIONS: &[Kind] = &[
    *b"avcC", *b"hvcC", *b"av1C", *b"vpcC", *b"vvcC", *b"dvc1", *b"glbl", *b"alac", *b"dfLa",
    *b"dOps", *b"dac3", *b"dec3", *b"dac4", *b"ddts", *b"damr", *b"mhaC", *b"dmlp", *b"d263",
    *b"jp2h", *b"ACLR", *b"SMI ",
];

/// The greatest depth of descriptors and boxes in sample entries.
const DEEPEST: u8 = 4;

/// The content of sample entries that does not belong into the track.
#[derive(Debug, Default)]
pub struct Description {
    /// The name of the first entry; if it is encrypted, that of the codec inside.
    pub format: Kind,
    /// The rate in the entry, which is not exact in all files.
    pub bit_rate: Option<u64>,
    /// The framing of packets.
    pub framing: Framing,
    /// Whether samples are encrypted.
    pub encrypted: bool,
    config: Option<Vec<u8>>,
    sample_bits: u16,
}

/// Reads a `stsd` box. `quicktime` is whether the file may have QuickTime's versions of sound
/// descriptions.
pub fn read(stsd: &[u8], handler: &Kind, quicktime: bool, track: &mut Track) -> Description {
    let mut description = Description::default();
    let mut fields = Fields::new(stsd);
    let (Some((version, _)), Some(_entries)) = (fields.version(), fields.u32()) else {
        return description;
    };
    let Some((format, entry)) = boxes_in(fields.rest()).next() else {
        return description;
    };
    description.format = format;
    if matches!(&format, b"encv" | b"enca" | b"encs" | b"drms" | b"drmi") {
        description.encrypted = true;
    }
    (track.track_type, track.codec) = named(&format, handler);
    // Six reserved bytes, and the file that contains the data.
    let mut fields = Fields::new(entry);
    if fields.take(8).is_none() {
        return description;
    }
    match track.track_type {
        TrackType::Video => video(fields, track, &mut description),
        TrackType::Audio => {
            let versions = quicktime || version == 0;
            audio(fields, versions, track, &mut description);
        }
        _ => read_boxes(fields.rest(), track, &mut description, 0),
    }
    finish(track, &mut description);
    description
}

fn named(format: &Kind, handler: &Kind) -> (TrackType, Option<Name>) {
    let (track_type, codec) = match format {
        b"encv" => (TrackType::Video, None),
        b"enca" => (TrackType::Audio, None),
        _ => codec_of(format, handler),
    };
    (track_type, codec.map(Name::Borrowed))
}

fn video(mut fields: Fields<'_>, track: &mut Track, description: &mut Description) {
    let mut header = || {
        // Version, vendor and qualities.
        fields.take(16)?;
        let size = (fields.u16()?, fields.u16()?);
        // Resolutions, size, frames per sample, and the name in 32 bytes.
        fields.take(14)?;
        let name = fields.take(32)?;
        let depth = fields.u16()?;
        fields.take(2)?;
        Some((size, name, depth))
    };
    let Some(((width, height), name, depth)) = header() else { return };
    track.width = (width > 0).then_some(u32::from(width));
    track.height = (height > 0).then_some(u32::from(height));
    if &description.format == b"H263" && name.get(1..14) == Some(b"Sorenson H263") {
        track.codec = Some("flv1".into());
    }
    description.sample_bits = depth;
    read_boxes(fields.rest(), track, description, 0);
    uncompressed(track, &description.format, depth);
}

/// The pixel format of formats that have no headers of their own.
fn uncompressed(track: &mut Track, format: &Kind, depth: u16) {
    track.profile = prores_profile(format).map(Name::Borrowed).or(track.profile.take());
    let pixels = match format {
        b"v210" | b"bxy2" => Some("yuv422p10le"),
        b"v410" => Some("yuv444p10le"),
        b"v308" => Some("yuv444p"),
        b"v408" => Some("yuva444p"),
        b"r210" | b"R10k" | b"R10g" => Some("gbrp10le"),
        b"2vuy" | b"UYVY" => Some("uyvy422"),
        b"yuvs" | b"yuv2" | b"YUY2" => Some("yuyv422"),
        b"I420" | b"R420" | b"yuv4" => Some("yuv420p"),
        b"b16g" => Some("gray16be"),
        b"b48r" => Some("rgb48be"),
        b"b64a" => Some("rgba64be"),
        b"24BG" => Some("bgr24"),
        b"BGRA" => Some("bgra"),
        b"RGBA" => Some("rgba"),
        b"ABGR" => Some("abgr"),
        b"SVQ1" | b"svq1" | b"svqi" => Some("yuv410p"),
        b"SVQ3" => Some("yuvj420p"),
        b"raw " | b"rle " => packed_rgb(depth),
        b"cvid" => Some(if depth & 0x1f == 8 { "pal8" } else { "rgb24" }),
        b"rpza" => Some("rgb555le"),
        b"smc " => Some("pal8"),
        b"Hap1" => Some("rgb0"),
        b"Hap5" | b"HapY" | b"HapM" => Some("rgba"),
        b"HapA" => Some("gray"),
        _ => None,
    };
    track.pixel_format = pixels.map(Name::Borrowed).or(track.pixel_format.take());
    let depth = match pixels {
        Some(name) if name.contains("16") || name.contains("48") || name.contains("64") => 16,
        Some("rgb555be" | "rgb555le") => 5,
        Some("monow") => 1,
        Some(name) if name.contains("10") && name != "yuv410p" => 10,
        Some(_) => 8,
        None => return,
    };
    track.bit_depth = Some(depth);
}

fn packed_rgb(depth: u16) -> Option<&'static str> {
    Some(match depth {
        1 => "monow",
        2 | 4 | 8 | 33..=40 => "pal8",
        16 => "rgb555be",
        24 => "rgb24",
        32 => "argb",
        _ => return None,
    })
}

fn audio(mut fields: Fields<'_>, versions: bool, track: &mut Track, of: &mut Description) {
    let mut header = || {
        let version = fields.u16()?;
        // Revision and vendor.
        fields.take(6)?;
        let channels = fields.u16()?;
        let bits = fields.u16()?;
        // Compression and packet size.
        fields.take(4)?;
        let rate = fields.u32()? >> 16;
        Some((version, u32::from(channels), bits, rate))
    };
    let Some((version, mut channels, mut bits, mut rate)) = header() else { return };
    if versions && version == 1 {
        fields.take(16);
    } else if versions && version == 2 {
        fields.take(4);
        rate = fields.u64().map_or(0.0, f64::from_bits) as u32;
        channels = fields.u32().unwrap_or(0);
        fields.take(4);
        bits = fields.u32().and_then(|bits| u16::try_from(bits).ok()).unwrap_or(0);
        let flags = fields.u32().unwrap_or(0);
        fields.take(8);
        if &of.format == b"lpcm" {
            track.codec = linear(bits, flags).map(Name::Borrowed);
        }
    }
    track.channels = (channels > 0).then_some(channels);
    track.sample_rate = (rate > 0).then_some(rate);
    of.sample_bits = bits;
    if &of.format == b"\0\0\0\0" {
        track.codec = Some(if bits == 8 { "pcm_u8" } else { "pcm_s16be" }.into());
    }
    if let Some(sized) = track.codec.as_deref().and_then(|codec| sized(codec, bits)) {
        track.codec = Some(sized.into());
    }
    read_boxes(fields.rest(), track, of, 0);
}

/// The PCM codec for the flags of a version 2 sound description.
fn linear(bits: u16, flags: u32) -> Option<&'static str> {
    let (float, big, signed) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
    Some(match (bits, float, signed, big) {
        (32, true, _, true) => "pcm_f32be",
        (32, true, _, false) => "pcm_f32le",
        (64, true, _, true) => "pcm_f64be",
        (64, true, _, false) => "pcm_f64le",
        (8, false, true, _) => "pcm_s8",
        (8, false, false, _) => "pcm_u8",
        (16, false, true, true) => "pcm_s16be",
        (16, false, true, false) => "pcm_s16le",
        (16, false, false, true) => "pcm_u16be",
        (16, false, false, false) => "pcm_u16le",
        (24, false, true, true) => "pcm_s24be",
        (24, false, true, false) => "pcm_s24le",
        (24, false, false, true) => "pcm_u24be",
        (24, false, false, false) => "pcm_u24le",
        (32, false, true, true) => "pcm_s32be",
        (32, false, true, false) => "pcm_s32le",
        (32, false, false, true) => "pcm_u32be",
        (32, false, false, false) => "pcm_u32le",
        _ => return None,
    })
}

/// The codec if the samples have another size than the entry's name says.
fn sized(codec: &str, bits: u16) -> Option<&'static str> {
    Some(match (codec, bits) {
        ("pcm_u8" | "pcm_s8", 16) => "pcm_s16be",
        ("pcm_s16be" | "pcm_s16le", 8) => "pcm_s8",
        ("pcm_s16be", 24) => "pcm_s24be",
        ("pcm_s16le", 24) => "pcm_s24le",
        ("pcm_s16be", 32) => "pcm_s32be",
        ("pcm_s16le", 32) => "pcm_s32le",
        _ => return None,
    })
}

/// The bits per sample of codecs that do not compress, or that always use the same number.
fn bits_of(codec: &str) -> Option<u32> {
    Some(match codec {
        "adpcm_ima_qt" | "adpcm_ima_wav" | "adpcm_ms" => 4,
        "pcm_u8" | "pcm_s8" | "pcm_alaw" | "pcm_mulaw" => 8,
        _ => match codec.strip_prefix("pcm_")?.get(1..3)? {
            "16" => 16,
            "24" => 24,
            "32" => 32,
            "64" => 64,
            _ => return None,
        },
    })
}

fn read_boxes(boxes: &[u8], track: &mut Track, of: &mut Description, depth: u8) {
    for (kind, content) in boxes_in(boxes) {
        match &kind {
            b"esds" => elementary_stream(content, track, of),
            b"sinf" => protected(content, track, of),
            b"wave" if depth < DEEPEST => wave(content, track, of, depth),
            b"colr" => colours(content, track),
            b"dvcC" | b"dvvC" | b"dvwC" => {
                track.dolby_vision_profile =
                    dolby_vision::profile(content).or(track.dolby_vision_profile.take());
            }
            b"btrt" => of.bit_rate = rate_at(content, 8).or(of.bit_rate),
            b"chan" => channels::read(content, track),
            b"enda" if content.get(1) == Some(&1) => little_endian(track),
            b"pcmC" => pcm(content, track, &of.format),
            _ if CONFIGURATIONS.contains(&kind) && of.config.is_none() => {
                of.config = Some(content.to_vec());
                if &kind == b"hvcC" && &of.format == b"dvh1" {
                    track.codec = Some("hevc".into());
                }
            }
            _ => {}
        }
    }
}

/// Reads QuickTime's box with the additional data that a decoder needs.
fn wave(content: &[u8], track: &mut Track, of: &mut Description, depth: u8) {
    read_boxes(content, track, of, depth + 1);
}

fn protected(sinf: &[u8], track: &mut Track, of: &mut Description) {
    of.encrypted = true;
    let original = find_in(sinf, b"frma").and_then(|frma| Fields::new(frma).kind());
    if let (Some(format), None) = (original, &track.codec) {
        let handler = if track.track_type == TrackType::Video { b"vide" } else { b"soun" };
        track.codec = codec_of(&format, handler).1.map(Name::Borrowed);
        of.format = format;
    }
}

fn rate_at(content: &[u8], at: usize) -> Option<u64> {
    let rate = Fields::new(content.get(at..)?).u32()?;
    (rate > 0).then_some(u64::from(rate))
}

fn colours(content: &[u8], track: &mut Track) {
    let mut fields = Fields::new(content);
    if !matches!(fields.kind(), Some(kind) if &kind == b"nclx" || &kind == b"nclc") {
        return;
    }
    let mut code = || fields.u16().and_then(|code| u8::try_from(code).ok());
    let (primaries, transfer, matrix) = (code(), code(), code());
    track.color_primaries = primaries.and_then(color::color_primaries).map(Name::Borrowed);
    track.color_transfer = transfer.and_then(color::color_transfer).map(Name::Borrowed);
    track.color_space = matrix.and_then(color::color_space).map(Name::Borrowed);
}

fn little_endian(track: &mut Track) {
    if let Some(other) = track.codec.as_deref().and_then(|codec| codec.strip_suffix("be")) {
        track.codec = Some(format!("{other}le").into());
    }
}

/// Reads the format of uncompressed samples (ISO/IEC 23003-5).
fn pcm(content: &[u8], track: &mut Track, format: &Kind) {
    let Some(&[little, bits]) = content.get(4..6) else { return };
    let sort = match format {
        b"ipcm" => 's',
        b"fpcm" => 'f',
        _ => return,
    };
    let order = if little & 1 == 1 { "le" } else { "be" };
    if matches!(bits, 16 | 24 | 32 | 64) {
        track.codec = Some(format!("pcm_{sort}{bits}{order}").into());
    }
}

/// Reads descriptors without a box around them. Returns the codec's configuration.
pub fn read_cookie(track: &mut Track, descriptors: &[u8]) -> Vec<u8> {
    let mut description = Description::default();
    elementary_stream(&[&[0; 4], descriptors].concat(), track, &mut description);
    description.config.unwrap_or_default()
}

/// Reads the descriptors of ISO/IEC 14496-1, 7.2.6.
fn elementary_stream(esds: &[u8], track: &mut Track, of: &mut Description) {
    let Some(mut fields) = esds.get(4..).map(Fields::new) else { return };
    for _ in 0..DEEPEST {
        let Some((tag, content)) = descriptor(&mut fields) else { return };
        let mut inner = Fields::new(content);
        match tag {
            3 => {
                let _id = inner.u16();
                let flags = inner.u8().unwrap_or(0);
                if flags & 0x80 != 0 {
                    inner.take(2);
                }
                if flags & 0x40 != 0 {
                    let length = inner.u8().unwrap_or(0);
                    inner.take(usize::from(length));
                }
                if flags & 0x20 != 0 {
                    inner.take(2);
                }
                fields = inner;
            }
            4 => {
                let object = inner.u8().and_then(codec_of_object);
                // Stream type, buffer size, and maximum rate.
                inner.take(8);
                let rate = inner.u32().filter(|&rate| rate > 0);
                of.bit_rate = rate.map(u64::from).or(of.bit_rate);
                if let Some(codec) = object {
                    track.codec = Some(codec.into());
                    if codec == "dvd_subtitle" {
                        track.track_type = TrackType::Subtitle;
                    }
                }
                fields = inner;
            }
            5 => {
                of.config = Some(content.to_vec());
                return;
            }
            _ => {}
        }
    }
}

fn descriptor<'a>(fields: &mut Fields<'a>) -> Option<(u8, &'a [u8])> {
    let tag = fields.u8()?;
    let mut length = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((tag, fields.take(length.min(fields.rest().len()))?))
}

fn finish(track: &mut Track, description: &mut Description) {
    let codec = track.codec.clone().unwrap_or_default();
    if track.track_type == TrackType::Audio {
        match &*codec {
            "amr_nb" => (track.sample_rate, track.channels) = (Some(8000), Some(1)),
            "amr_wb" => (track.sample_rate, track.channels) = (Some(16_000), Some(1)),
            "qcelp" => (track.sample_rate, track.channels) = (Some(8000), Some(1)),
            _ => {}
        }
        if matches!(&*codec, "amr_nb" | "amr_wb" | "qcelp") {
            track.channel_layout = Some("mono".into());
        }
        track.bit_depth = bits_of(&codec);
        track.bit_rate = track.bit_depth.zip(track.sample_rate).zip(track.channels).map(
            |((bits, rate), channels)| u64::from(bits) * u64::from(rate) * u64::from(channels),
        );
    }
    if let Some(config) = &description.config {
        description.framing = codec::read_config(track, config);
    }
}
