//! The codecs that belong to sample entries and object types.

use super::boxes::Kind;
use crate::probe::model::TrackType;

/// The type and codec of a sample entry in a track with this handler.
pub fn codec_of(format: &Kind, handler: &Kind) -> (TrackType, Option<&'static str>) {
    let audio = audio(format);
    let is_video = handler == b"vide";
    let is_audio = handler == b"soun";
    if audio.is_some() && !is_video {
        return (TrackType::Audio, audio);
    }
    if is_audio {
        return (TrackType::Audio, None);
    }
    if let Some(video) = video(format) {
        return (TrackType::Video, Some(video));
    }
    if is_video {
        return (TrackType::Video, None);
    }
    if let Some(subtitle) = subtitle(format) {
        return (TrackType::Subtitle, Some(subtitle));
    }
    if matches!(handler, b"subp" | b"clcp") {
        return (TrackType::Subtitle, None);
    }
    (TrackType::Other, data(format))
}

fn video(format: &Kind) -> Option<&'static str> {
    Some(match format {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dva1" | b"dvav" | b"AVin" | b"aivx" | b"rv64"
        | b"xalg" | b"avlg" | b"H264" | b"h264" | b"X264" | b"x264" | b"ai5p" | b"ai5q"
        | b"ai52" | b"ai53" | b"ai55" | b"ai56" | b"ai1p" | b"ai1q" | b"ai12" | b"ai13"
        | b"ai15" | b"ai16" => "h264",
        b"hvc1" | b"hev1" | b"dvhe" | b"HEVC" | b"hvc2" | b"hev2" => "hevc",
        // With Dolby Vision.
        b"av01" | b"dav1" => "av1",
        b"vp08" | b"VP80" => "vp8",
        b"vp09" | b"VP90" => "vp9",
        b"vvc1" | b"vvi1" => "vvc",
        b"mp4v" | b"DIVX" | b"XVID" | b"3IV2" | b"FMP4" | b"divx" | b"xvid" | b"DX50" => "mpeg4",
        b"h263" | b"s263" | b"H263" => "h263",
        b"m1v " | b"m1v1" | b"mpeg" | b"mp1v" => "mpeg1video",
        b"jpeg" | b"mjpa" | b"dmb1" | b"MJPG" | b"mjpg" => "mjpeg",
        b"AVDJ" | b"AVRn" => "avrn",
        b"mjpb" => "mjpegb",
        b"mjp2" => "jpeg2000",
        b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" | b"aprn" => "prores",
        b"AVdn" | b"AVdh" => "dnxhd",
        b"rle " => "qtrle",
        b"rle1" => "sgirle",
        b"WRLE" => "msrle",
        b"v210" | b"bxy2" => "v210",
        b"v308" => "v308",
        b"v408" => "v408",
        b"v410" => "v410",
        b"r210" => "r210",
        b"R10k" | b"R10g" => "r10k",
        b"Y41P" => "y41p",
        b"yuv4" => "yuv4",
        b"Y216" => "targa_y216",
        b"raw " | b"yuv2" | b"2vuy" | b"yuvs" | b"L555" | b"L565" | b"B565" | b"24BG" | b"BGRA"
        | b"RGBA" | b"ABGR" | b"b16g" | b"b48r" | b"b64a" | b"bxbg" | b"bxrg" | b"bxyv"
        | b"NO16" | b"DVOO" | b"R420" | b"R411" | b"WRAW" | b"AV1x" | b"AVup" | b"I420"
        | b"YV12" | b"UYVY" | b"YUY2" => "rawvideo",
        b"SVQ1" | b"svq1" | b"svqi" => "svq1",
        b"SVQ3" => "svq3",
        b"cvid" => "cinepak",
        b"rpza" => "rpza",
        b"smc " => "smc",
        b"8BPS" => "8bps",
        b"qdrw" => "qdraw",
        b"CFHD" => "cfhd",
        b"Hap1" | b"Hap5" | b"HapY" | b"HapA" | b"HapM" => "hap",
        b"DXD3" | b"DXDI" => "dxv",
        b"icod" => "aic",
        b"png " | b"MNG " => "png",
        b"gif " => "gif",
        b"tiff" => "tiff",
        b"tga " => "targa",
        b"vc-1" | b"WVC1" => "vc1",
        b"VP31" => "vp3",
        b"VP6F" => "vp6f",
        b"FLV1" => "flv1",
        b"3IVD" => "msmpeg4v3",
        b"drac" => "dirac",
        b"avs2" => "cavs",
        b"FFV1" => "ffv1",
        b"HFYU" => "huffyuv",
        b"FFVH" => "ffvhuff",
        b"M0R0" | b"M0RA" | b"M0RG" | b"M0Y0" | b"M0Y2" | b"M0Y4" | b"M8RG" | b"M8RA" | b"M8G0"
        | b"M8Y0" | b"M8Y2" | b"M8Y4" | b"M8YA" | b"M2RA" | b"M2RG" | b"M4RA" | b"M4RG" => {
            "magicyuv"
        }
        b"pxlt" => "pixlet",
        b"dvc " | b"dvcp" | b"dvpp" | b"dv5p" | b"dv5n" | b"AVdv" | b"AVd1" | b"dvhq" | b"dvhp"
        | b"dvh1" | b"dvh2" | b"dvh3" | b"dvh4" | b"dvh5" | b"dvh6" | b"dvsd" => "dvvideo",
        b"m2v1" | b"AVmp" | b"mp2v" | b"mpg2" | b"MPG2" => "mpeg2video",
        // MPEG-2 of cameras by Apple, Sony and JVC: HDV, IMX, XDCAM.
        [b'h', b'd', b'v', _]
        | [b'm', b'x', b'3' | b'4' | b'5', _]
        | [b'x', b'd', b'5' | b'v' | b'h', _] => "mpeg2video",
        _ => return None,
    })
}

fn audio(format: &Kind) -> Option<&'static str> {
    Some(match format {
        b"mp4a" => "aac",
        b"ac-3" | b"sac3" => "ac3",
        b"ec-3" => "eac3",
        b"ac-4" => "ac4",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"DTS " => "dts",
        b"Opus" => "opus",
        b"fLaC" => "flac",
        b"alac" => "alac",
        b"mlpa" => "truehd",
        b"mhm1" => "mpegh_3d_audio",
        b"samr" => "amr_nb",
        b"sawb" => "amr_wb",
        b"sevc" => "evrc",
        b"ssmv" => "smv",
        b"Qclp" | b"Qclq" | b"sqcp" => "qcelp",
        b".mp1" => "mp1",
        b".mp2" | b"ms\0P" => "mp2",
        b".mp3" | b"mp3 " | b"ms\0U" => "mp3",
        b"alaw" | b"ms\0\x06" => "pcm_alaw",
        b"ulaw" | b"ms\0\x07" => "pcm_mulaw",
        b"twos" | b"lpcm" => "pcm_s16be",
        b"sowt" => "pcm_s16le",
        b"in24" => "pcm_s24be",
        b"in32" => "pcm_s32be",
        b"fl32" => "pcm_f32be",
        b"fl64" => "pcm_f64be",
        b"raw " | b"NONE" => "pcm_u8",
        b"ima4" => "adpcm_ima_qt",
        b"ms\0\x02" => "adpcm_ms",
        b"ms\0\x11" => "adpcm_ima_wav",
        b"agsm" => "gsm",
        b"ilbc" => "ilbc",
        b"MAC3" => "mace3",
        b"MAC6" => "mace6",
        b"QDM2" => "qdm2",
        b"QDMC" => "qdmc",
        b"spex" | b"SPXN" => "speex",
        b"nmos" | b"NELL" => "nellymoser",
        // DV's sound consists of plain samples once it is extracted.
        b"vdva" | b"dvca" => "pcm_s16le",
        _ => return None,
    })
}

fn subtitle(format: &Kind) -> Option<&'static str> {
    Some(match format {
        b"tx3g" | b"text" => "mov_text",
        b"c608" => "eia_608",
        b"stpp" | b"dfxp" => "ttml",
        b"wvtt" => "webvtt",
        _ => return None,
    })
}

fn data(format: &Kind) -> Option<&'static str> {
    (format == b"gpmd").then_some("bin_data")
}

/// The codec of an object type (ISO/IEC 14496-1, and mp4ra.org).
pub fn codec_of_object(object: u8) -> Option<&'static str> {
    Some(match object {
        0x08 => "mov_text",
        0x20 => "mpeg4",
        0x21 => "h264",
        0x23 => "hevc",
        0x40 | 0x66..=0x68 => "aac",
        0x60..=0x65 => "mpeg2video",
        0x69 | 0x6b => "mp3",
        0x6a => "mpeg1video",
        0x6c => "mjpeg",
        0x6d => "png",
        0x6e => "jpeg2000",
        0xa3 => "vc1",
        0xa4 => "dirac",
        0xa5 => "ac3",
        0xa6 => "eac3",
        0xa9..=0xac => "dts",
        0xad => "opus",
        0xb1 => "vp9",
        0xc1 => "flac",
        0xd0 => "tscc2",
        0xd1 => "evrc",
        0xdd => "vorbis",
        0xe0 => "dvd_subtitle",
        0xe1 => "qcelp",
        _ => return None,
    })
}

/// The languages of old QuickTime, by number.
const MACINTOSH: &[&str] = &[
    "eng", "fra", "ger", "ita", "dut", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara",
    "fin", "gre", "ice", "mlt", "tur", "hrv", "chi", "urd", "hin", "tha", "kor", "lit", "pol",
    "hun", "est", "lav", "", "fao", "", "rus", "chi", "", "gle", "alb", "ron", "ces", "slk", "slv",
    "yid", "srp", "mac", "bul", "ukr", "bel", "uzb", "kaz", "aze", "aze", "hye", "geo", "mol",
    "kir", "tgk", "tuk", "mon", "", "pus", "kur", "kas", "snd", "tib", "nep", "san", "mar", "ben",
    "asm", "guj", "pa ", "ori", "mal", "kan", "tam", "tel", "", "bur", "khm", "lao", "vie", "ind",
    "tgl", "may", "may", "amh", "tir", "orm", "som", "swa", "", "run", "", "mlg", "epo",
];
const MACINTOSH_FROM_128: &[&str] =
    &["wel", "baq", "cat", "lat", "que", "grn", "aym", "tat", "uig", "dzo", "jav"];

/// Decodes a language in media headers and QuickTime's user data: three letters of five bits
/// each, or a number of the Macintosh.
pub fn language(code: u16) -> String {
    if code >= 0x400 && code != 0x7fff {
        return [10, 5, 0].iter().map(|by| char::from((code >> by & 0x1f) as u8 + 0x60)).collect();
    }
    let number = usize::from(code);
    let found = MACINTOSH.get(number).or_else(|| MACINTOSH_FROM_128.get(number.checked_sub(128)?));
    found.copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_decide_if_a_name_stands_for_two_codecs() {
        assert_eq!(codec_of(b"raw ", b"vide"), (TrackType::Video, Some("rawvideo")));
        assert_eq!(codec_of(b"raw ", b"soun"), (TrackType::Audio, Some("pcm_u8")));
        assert_eq!(codec_of(b"tx3g", b"sbtl"), (TrackType::Subtitle, Some("mov_text")));
        assert_eq!(codec_of(b"tmcd", b"tmcd"), (TrackType::Other, None));
        assert_eq!(codec_of(b"zzzz", b"soun"), (TrackType::Audio, None));
    }

    #[test]
    fn languages_are_stored_as_packed_letters_or_numbers() {
        assert_eq!(language(0x15c7), "eng");
        assert_eq!(language(0), "eng");
        assert_eq!(language(2), "ger");
        assert_eq!(language(128), "wel");
        assert_eq!(language(0x7fff), "");
        assert_eq!(language(300), "");
    }
}
