//! Formats, recognised by content.

use super::problem::Result;
use super::source::Source;

/// How a file is to be read. What it is called (`webm`, `dng`) its parser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Matroska and WebM: EBML.
    Matroska,
    /// MP4, MOV, 3GP, HEIF, AVIF, CR3: boxes.
    IsoMedia,
    /// AVI: RIFF.
    Avi,
    /// MPEG transport streams: packets of 188 bytes, 192 (M2TS), or 204.
    MpegTs,
    /// MPEG program streams, and raw MPEG video.
    MpegPs,
    /// Flash video.
    Flv,
    /// Ogg: Vorbis, Opus, FLAC, Theora, Speex.
    Ogg,
    /// MPEG audio, with ID3 tags or without.
    Mp3,
    /// FLAC.
    Flac,
    /// WAV, RF64, Wave64.
    Wav,
    /// AAC in ADTS.
    Aac,
    /// JPEG.
    Jpeg,
    /// TIFF and what is made of it: DNG, CR2, NEF, ARW, ORF, RW2.
    Tiff,
    /// Fujifilm's raw files.
    Raf,
    /// PNG.
    Png,
    /// WebP: RIFF.
    WebP,
    /// XMP sidecars: XML.
    Xmp,
    /// GIF, BMP, PSD, JPEG XL, JPEG 2000.
    OtherPhoto,
}

/// The most that telling a format needs: ID3 tags apart.
const HEAD: usize = 4096;

impl Format {
    /// The format of a file, if it is one of these.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn recognise(source: &mut Source<'_>) -> Result<Option<Self>> {
        let head = source.up_to(0, HEAD)?.to_vec();
        if let Some(format) = by_signature(&head) {
            return Ok(Some(format));
        }
        // An ID3 tag of any size may stand before MPEG audio, AAC and FLAC.
        if let Some(end) = id3_end(&head) {
            let after = source.up_to(end, HEAD)?.to_vec();
            let format = if after.starts_with(b"fLaC") {
                Format::Flac
            } else if is_adts(&after) {
                Format::Aac
            } else {
                Format::Mp3
            };
            return Ok(Some(format));
        }
        Ok(by_structure(&head))
    }
}

fn by_signature(head: &[u8]) -> Option<Format> {
    let starts = |signature: &[u8]| head.starts_with(signature);
    let at =
        |offset: usize, text: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(text));
    if starts(b"\x1a\x45\xdf\xa3") {
        Some(Format::Matroska)
    } else if starts(b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if starts(b"FUJIFILMCCD-RAW") {
        Some(Format::Raf)
    } else if starts(b"RIFF") || starts(b"RF64") || starts(b"BW64") {
        match head.get(8..12)? {
            b"AVI " | b"AVIX" | b"AVI\x19" | b"AMV " => Some(Format::Avi),
            b"WAVE" => Some(Format::Wav),
            b"WEBP" => Some(Format::WebP),
            _ => None,
        }
    } else if starts(b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00") {
        Some(Format::Wav)
    } else if starts(b"OggS") {
        Some(Format::Ogg)
    } else if starts(b"fLaC") {
        Some(Format::Flac)
    } else if starts(b"FLV\x01") {
        Some(Format::Flv)
    } else if is_tiff(head) {
        Some(Format::Tiff)
    } else if head.get(4..8).is_some_and(is_first_box) && !at(0, b"\0\0\0\0") {
        Some(Format::IsoMedia)
    } else {
        None
    }
}

/// TIFF's two byte orders, and the numbers of Olympus and Panasonic.
fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II+\0", b"MM\0+"]
        .iter()
        .any(|signature| head.starts_with(*signature))
}

/// Boxes that files of the family begin with; `ftyp` in all that follow the standard.
fn is_first_box(name: &[u8]) -> bool {
    matches!(
        name,
        b"ftyp"
            | b"styp"
            | b"moov"
            | b"mdat"
            | b"free"
            | b"skip"
            | b"wide"
            | b"pnot"
            | b"moof"
            | b"sidx"
    )
}

/// Where an ID3v2 tag at the beginning ends.
fn id3_end(head: &[u8]) -> Option<u64> {
    let header = head.get(..10).filter(|header| header.starts_with(b"ID3"))?;
    let size = header[6..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// Formats without a signature: several frames or packets must follow each other.
fn by_structure(head: &[u8]) -> Option<Format> {
    if is_transport_stream(head) {
        Some(Format::MpegTs)
    } else if head.starts_with(&[0, 0, 1, 0xba]) || head.starts_with(&[0, 0, 1, 0xb3]) {
        Some(Format::MpegPs)
    } else if is_adts(head) {
        Some(Format::Aac)
    } else if is_mpeg_audio(head) {
        Some(Format::Mp3)
    } else if is_xmp(head) {
        Some(Format::Xmp)
    } else if super::photo::other::is_one(head) {
        Some(Format::OtherPhoto)
    } else {
        None
    }
}

/// Sync bytes at the same place of each packet, and no packet number that is
/// not allowed; the first packet may be cut off.
fn is_transport_stream(head: &[u8]) -> bool {
    let in_a_row = |size: usize, start: usize| {
        let packets = head.get(start..).unwrap_or_default().chunks(size);
        // Of the last packet there may be only a piece.
        let mut packets = packets.take(LEAST_PACKETS).filter(|packet| packet.len() >= 4);
        let mut count = 0;
        let all = packets.all(|packet| {
            count += 1;
            let adaptation = packet[3] >> 4 & 3;
            packet[0] == 0x47 && (adaptation != 0 || packet[1] & 0x1f == 0x1f)
        });
        // A file of so few packets begins with one.
        let enough = head.len() < size * LEAST_PACKETS && start % size == start && start <= 4;
        all && (count == LEAST_PACKETS || enough && count >= 2)
    };
    [188, 192, 204].iter().any(|&size| (0..size).any(|start| in_a_row(size, start)))
}

/// So many packets in a row are no accident: 64 bits.
const LEAST_PACKETS: usize = 8;

/// A frame of MPEG audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// 1, 2 or 3; 0 for AAC.
    pub layer: u8,
    /// In bytes; None with a bit rate that the header does not say.
    length: Option<usize>,
    /// What all frames of a file have in common.
    kind: [u8; 2],
}

/// The frame whose header is at the beginning of `bytes`: MPEG 1, 2, 2.5 layers
/// 1 to 3 (ISO/IEC 11172-3, 2.4.2.3), or AAC in ADTS (ISO/IEC 13818-7, 6.2).
fn audio_frame(bytes: &[u8]) -> Option<AudioFrame> {
    let [0xff, second, third, fourth, ..] = *bytes else { return None };
    if second & 0xf6 == 0xf0 {
        let rest = bytes.get(4..6)?;
        let length =
            usize::from(fourth & 3) << 11 | usize::from(rest[0]) << 3 | usize::from(rest[1] >> 5);
        let valid = length > 7 && third >> 2 & 0xf < 13;
        let kind = [second, third & 0xfc];
        return valid.then_some(AudioFrame { layer: 0, length: Some(length), kind });
    }
    let version = second >> 3 & 3;
    let layer = 4 - (second >> 1 & 3);
    let rate = usize::from(third >> 4);
    let sampling = usize::from(third >> 2 & 3);
    if second & 0xe0 != 0xe0 || version == 1 || layer == 4 || rate == 15 || sampling == 3 {
        return None;
    }
    // Emphasis 2 is reserved.
    if fourth & 3 == 2 {
        return None;
    }
    let kind = [second & 0xfe, third & 0x0c];
    if rate == 0 {
        return Some(AudioFrame { layer, length: None, kind });
    }
    let table = match (version == 3, layer) {
        (true, 1) => [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        (true, 2) => [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        (true, _) => [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        (false, 1) => [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        (false, _) => [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    };
    let bits = table.get(rate - 1)? * 1000;
    let hertz = [44_100, 48_000, 32_000][sampling]
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let padding = usize::from(third >> 1 & 1);
    let length = match (layer, version) {
        (1, _) => (12 * bits / hertz + padding) * 4,
        (3, 0 | 2) => 72 * bits / hertz + padding,
        _ => 144 * bits / hertz + padding,
    };
    Some(AudioFrame { layer, length: Some(length), kind })
}

/// So many frames in a row are no accident, if they are where they say.
const LEAST_FRAMES: usize = 3;

/// Whether frames of one kind follow each other from the beginning of `bytes`
/// on: `LEAST_FRAMES`, or as many as there are bytes for, and at least two.
fn frames_in_a_row(bytes: &[u8], least: usize) -> Option<AudioFrame> {
    let first = audio_frame(bytes)?;
    let mut at = 0;
    for count in 0..LEAST_FRAMES {
        let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 6) else {
            return (count >= least).then_some(first);
        };
        let frame = audio_frame(rest).filter(|frame| frame.kind == first.kind)?;
        at += frame.length?;
    }
    Some(first)
}

/// The first frame of MPEG audio or AAC in `bytes` that others follow.
pub fn mpeg_audio_frames(bytes: &[u8]) -> Option<AudioFrame> {
    let starts = (0..bytes.len()).filter(|&at| bytes[at] == 0xff);
    starts.take(MOST_STARTS).find_map(|at| frames_in_a_row(&bytes[at..], 2))
}

/// How many frames of AAC follow each other from the first one on, and their bytes.
pub fn adts_frames(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = (0..bytes.len().min(MOST_STARTS))
        .find(|&at| frames_in_a_row(&bytes[at..], 2).is_some_and(|frame| frame.layer == 0))?;
    let (mut frames, mut at) = (0, start);
    while let Some(frame) = bytes.get(at..).and_then(audio_frame).filter(|one| one.layer == 0) {
        let Some(length) = frame.length.filter(|length| at + length <= bytes.len()) else { break };
        at += length;
        frames += 1;
    }
    (frames > 0).then_some((frames, at - start))
}

/// Places that are tried.
const MOST_STARTS: usize = 4096;

/// AAC from the first byte on. Frames may be longer than what is there.
fn is_adts(head: &[u8]) -> bool {
    frames_in_a_row(head, 1).is_some_and(|frame| frame.layer == 0)
}

/// MPEG audio from the first byte on, or behind zeros or the end of a frame
/// that was cut off.
fn is_mpeg_audio(head: &[u8]) -> bool {
    if frames_in_a_row(head, 1).is_some_and(|frame| frame.layer > 0) {
        return true;
    }
    mpeg_audio_frames(head).is_some_and(|frame| frame.layer > 0)
}

fn is_xmp(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    text.starts_with(b"<")
        && [&b"<x:xmpmeta"[..], b"<?xpacket", b"<rdf:RDF", b"<x:xapmeta"]
            .iter()
            .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
}

/// Whether a name's extension is one that such a container goes by.
pub fn extension_fits(extension: &str, container: &str) -> bool {
    let usual: &[&str] = match container {
        "matroska" => &["mkv", "mka", "mks", "mk3d", "webm"],
        "webm" => &["webm", "mkv", "mka", "weba"],
        "mp4" | "mov" | "3gp" => &[
            "mp4", "m4v", "m4a", "m4b", "m4p", "mov", "qt", "3gp", "3g2", "f4v", "f4a", "mj2",
            "ismv", "insv", "lrv", "aax", "alac", "aac",
        ],
        "avi" => &["avi", "divx", "amv"],
        "mpegts" => &["ts", "m2ts", "mts", "m2t", "tp", "trp", "tod"],
        "mpeg" => &["mpg", "mpeg", "vob", "mpe", "m2p", "evo", "mod", "m2v", "m1v", "dat", "ps"],
        "flv" => &["flv", "f4v"],
        "ogg" => &["ogg", "oga", "ogv", "opus", "ogm", "spx", "ogx"],
        "mp3" => &["mp3", "mp2", "mpa", "mp1"],
        "flac" => &["flac"],
        "wav" => &["wav", "wave", "w64", "rf64", "bwf"],
        "aac" => &["aac", "adts"],
        "jpeg" => &["jpg", "jpeg", "jpe", "jfif", "thm", "mpo"],
        "tiff" => &["tif", "tiff", "3fr", "iiq", "erf", "fff", "kdc", "mef", "mos", "dcr", "raw"],
        "nef" => &["nef", "nrw"],
        "arw" => &["arw", "sr2", "srf"],
        "rw2" => &["rw2", "raw", "rwl"],
        "heif" => &["heic", "heif", "hif", "heics", "heifs"],
        "dng" => &["dng", "gpr"],
        "xmp" => &["xmp"],
        "jp2" => &["jp2", "jpf", "jpx", "jpm", "j2k"],
        "bmp" => &["bmp", "dib"],
        "psd" => &["psd", "psb"],
        other => return extension.is_empty() || extension == other,
    };
    extension.is_empty() || usual.contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Limits;

    fn recognise(data: &[u8]) -> Option<Format> {
        let mut source = Source::new(&data, data.len() as u64, Limits::default());
        Format::recognise(&mut source).unwrap()
    }

    #[test]
    fn packets_and_frames_that_follow_each_other_tell_formats_without_a_signature() {
        for (size, offset) in [(188, 0), (192, 4), (204, 0)] {
            let mut data = vec![0; size * 8];
            for packet in 0..8 {
                data[packet * size + offset] = 0x47;
            }
            assert_eq!(recognise(&data), Some(Format::MpegTs));
            assert_eq!(recognise(&data[100..]), Some(Format::MpegTs));
        }
        let mut adts = vec![0xff, 0xf1, 0x50, 0x80, 0x02, 0x00, 0xfc];
        adts.resize(16, 0);
        let twice = [adts.clone(), adts].concat();
        assert_eq!(recognise(&twice), Some(Format::Aac));
        assert_eq!(recognise(b"ID3\x04\0\0\0\0\0\x02xxfLaC"), Some(Format::Flac));
        assert_eq!(recognise(b"ID3\x04\0\0\0\0\0\x02xx\xff\xfb\x90\x64"), Some(Format::Mp3));
    }

    #[test]
    fn text_and_noise_are_no_media() {
        for data in [&b"hello, world"[..], b"<html><body></body></html>", &[0; 5000], b"G", b"\xff"]
        {
            assert_eq!(recognise(data), None);
        }
    }

    #[test]
    fn extensions_are_compared_with_what_is_there() {
        assert!(extension_fits("mkv", "matroska"));
        assert!(extension_fits("", "png"));
        assert!(!extension_fits("avi", "matroska"));
        assert!(!extension_fits("jpg", "png"));
    }
}
