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

fn is_transport_stream(head: &[u8]) -> bool {
    // Sync bytes at the same place of each packet; the first may be cut off.
    [(188, 0), (192, 4), (204, 0)].iter().any(|&(size, offset)| {
        (0..size).any(|start| {
            let mut syncs = head.iter().skip(start + offset).step_by(size).take(5);
            let count = syncs.len();
            count >= head.len().div_ceil(size).clamp(2, 5) - 1
                && count >= 2
                && syncs.all(|&byte| byte == 0x47)
        })
    })
}

fn is_adts(head: &[u8]) -> bool {
    let length = |at: usize| {
        let header = head.get(at..at + 6)?;
        let length = usize::from(header[3] & 3) << 11
            | usize::from(header[4]) << 3
            | usize::from(header[5] >> 5);
        (header[0] == 0xff && header[1] & 0xf6 == 0xf0 && length >= 7).then_some(length)
    };
    length(0).is_some_and(|first| first >= head.len() || length(first).is_some())
}

fn is_mpeg_audio(head: &[u8]) -> bool {
    // Layers 1 to 3; the parser looks whether frames follow each other.
    let is_header = |header: &[u8]| {
        header.len() >= 4
            && header[0] == 0xff
            && header[1] & 0xe0 == 0xe0
            && header[1] >> 3 & 3 != 1
            && header[1] >> 1 & 3 != 0
            && header[2] >> 4 != 15
            && header[2] >> 2 & 3 != 3
    };
    is_header(head)
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
