//! The names of codecs in RIFF: the FourCCs of Video for Windows (`BITMAPINFOHEADER`) and the
//! format tags of `WAVEFORMATEX`. AVI, WAV and Matroska use both.

use crate::probe::codec::audio::layout;
use crate::probe::model::{Name, Track};

/// The sizes of the variants of `WAVEFORMAT`.
const WAVE_FORMAT_EX: usize = 18;
const WAVE_FORMAT_EXTENSIBLE: usize = 40;

/// The codec of a FourCC, as `ffprobe` names it. Upper and lower case are not distinguished,
/// because programs do not agree on them.
pub fn video_codec(fourcc: [u8; 4]) -> Option<&'static str> {
    VIDEO
        .iter()
        .find(|(_, tags)| tags.iter().any(|tag| tag.eq_ignore_ascii_case(&fourcc)))
        .map(|&(codec, _)| codec)
}

/// The codec of a format tag, as `ffprobe` names it. `bits` are the bits per sample, which
/// distinguish kinds of PCM. For `WAVEFORMATEXTENSIBLE` (0xFFFE), pass the first two bytes of
/// its GUID instead of the tag.
pub fn audio_codec(tag: u16, bits: u32) -> Option<&'static str> {
    match tag {
        0x0001 => match bits.div_ceil(8) {
            1 => Some("pcm_u8"),
            2 => Some("pcm_s16le"),
            3 => Some("pcm_s24le"),
            4 => Some("pcm_s32le"),
            8 => Some("pcm_s64le"),
            _ => None,
        },
        0x0003 => match bits {
            32 => Some("pcm_f32le"),
            64 => Some("pcm_f64le"),
            _ => None,
        },
        0x0011 if bits == 8 => Some("adpcm_zork"),
        _ => AUDIO.iter().find(|(_, tags)| tags.contains(&tag)).map(|&(codec, _)| codec),
    }
}

/// Fills in the fields that are in a `WAVEFORMATEX`, the codec first. Returns the bytes after
/// it.
pub fn read_wave_format<'a>(track: &mut Track, format: &'a [u8]) -> &'a [u8] {
    let u16_at = |at: usize| Some(u16::from_le_bytes(format.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(format.get(at..at + 4)?.try_into().ok()?));
    let Some(mut tag) = u16_at(0) else { return &[] };
    let mut config = format.get(WAVE_FORMAT_EX..).unwrap_or_default();
    // In a `WAVEFORMATEXTENSIBLE` the tag is at the start of the GUID at its end.
    let mut extensible = false;
    if let (0xfffe, Some(sub_format)) = (tag, u16_at(24)) {
        extensible = true;
        tag = sub_format;
        config = format.get(WAVE_FORMAT_EXTENSIBLE..).unwrap_or_default();
    }
    let nonzero = |value: &u32| *value != 0;
    let bits = u16_at(14).map(u32::from).unwrap_or(0);
    track.codec = audio_codec(tag, bits).map(Name::Borrowed);
    track.channels = u16_at(2).map(u32::from).filter(nonzero).or(track.channels);
    track.sample_rate = u32_at(4).filter(nonzero).or(track.sample_rate);
    track.bit_rate = u32_at(8).filter(nonzero).map(|bytes| u64::from(bytes) * 8);
    track.bit_depth = None;
    if let (true, Some(mask)) = (extensible, u32_at(20).filter(nonzero)) {
        track.channel_layout = layout::from_mask(mask.into());
    }
    read_pcm(track);
    config
}

/// Fills in bits and bit rate for PCM.
pub fn read_pcm(track: &mut Track) {
    let Some(kind) = track.codec.as_deref().and_then(|codec| codec.strip_prefix("pcm_")) else {
        return;
    };
    let digits: String = kind.chars().filter(char::is_ascii_digit).collect();
    let bits = if kind.ends_with("law") { Some(8) } else { digits.parse().ok() };
    track.bit_depth = bits;
    track.bit_rate = match (bits, track.channels, track.sample_rate) {
        (Some(bits), Some(channels), Some(rate)) => {
            Some(u64::from(bits) * u64::from(channels) * u64::from(rate))
        }
        _ => None,
    };
}

/// The pixel formats of the common FourCCs for uncompressed video.
pub fn raw_pixel_format(fourcc: &[u8]) -> Option<&'static str> {
    Some(match fourcc {
        b"I420" | b"IYUV" | b"YV12" => "yuv420p",
        b"YUY2" | b"yuvs" | b"YUYV" => "yuyv422",
        b"UYVY" | b"2vuy" | b"HDYC" => "uyvy422",
        b"Y42B" | b"422P" | b"P422" => "yuv422p",
        b"444P" | b"YV24" => "yuv444p",
        b"NV12" => "nv12",
        b"NV21" => "nv21",
        b"Y800" | b"GREY" | b"Y8  " => "gray",
        b"RGB\x18" => "rgb24",
        b"BGR\x18" => "bgr24",
        b"RGBA" => "rgba",
        b"BGRA" => "bgra",
        _ => return None,
    })
}

const AUDIO: &[(&str, &[u16])] = &[
    ("aac", &[0x00ff, 0x1600, 0x706d, 0x4143, 0xa106]),
    ("aac_latm", &[0x1602]),
    ("ac3", &[0x2000]),
    ("acelp.kelvin", &[0x0135]),
    ("adpcm_ct", &[0x0200]),
    ("adpcm_g722", &[0x028f]),
    ("adpcm_g726", &[0x0014, 0x0040, 0x0045, 0x0064]),
    ("adpcm_ima_dk3", &[0x0062]),
    ("adpcm_ima_dk4", &[0x0061]),
    ("adpcm_ima_oki", &[0x0010, 0x0017]),
    ("adpcm_ima_wav", &[0x0011, 0x0069]),
    ("adpcm_ms", &[0x0002]),
    ("adpcm_yamaha", &[0x0020]),
    ("amr_nb", &[0x0038, 0x0057]),
    ("amr_wb", &[0x0058]),
    ("atrac3", &[0x0270]),
    ("avc", &[0x0500, 0x0501]),
    ("dts", &[0x2001]),
    ("dvaudio", &[0x0215, 0x0216]),
    ("flac", &[0xf1ac]),
    ("g723_1", &[0x0042, 0x0111, 0xa100]),
    ("g729", &[0x0083]),
    ("gsm_ms", &[0x0031, 0x0032, 0x1500]),
    ("iac", &[0x0402]),
    ("imc", &[0x0401]),
    ("metasound", &[0x0075]),
    ("mp2", &[0x0050]),
    ("mp3", &[0x0055]),
    ("msnsiren", &[0x028e]),
    ("pcm_alaw", &[0x0006]),
    ("pcm_mulaw", &[0x0007, 0x6c75]),
    ("sipr", &[0x0130]),
    ("sonic", &[0x2048]),
    ("speex", &[0xa109]),
    ("truespeech", &[0x0022, 0x1501]),
    ("vorbis", &[0x566f, 0x674f, 0x6750, 0x6751, 0x676f, 0x6770, 0x6771]),
    ("wmalossless", &[0x0163]),
    ("wmapro", &[0x0162]),
    ("wmav1", &[0x0160]),
    ("wmav2", &[0x0161]),
    ("wmavoice", &[0x000a]),
    ("xan_dpcm", &[0x594a]),
    ("xma1", &[0x0165]),
    ("xma2", &[0x0166]),
];

const VIDEO: &[(&str, &[&[u8; 4]])] = &[
    ("012v", &[b"012v", b"a12v"]),
    ("4xm", &[b"4XMV"]),
    ("8bps", &[b"8BPS"]),
    ("aasc", &[b"AASC"]),
    ("agm", &[b"AGM0", b"AGM1", b"AGM2", b"AGM3", b"AGM7"]),
    ("aic", &[b"icod"]),
    ("amv", &[b"AMVF"]),
    ("arbc", &[b"ARBC"]),
    ("asv1", &[b"ASV1"]),
    ("asv2", &[b"ASV2"]),
    ("aura", &[b"AURA"]),
    ("aura2", &[b"AUR2"]),
    ("av1", &[b"AV01"]),
    ("avrn", &[b"avrn"]),
    ("avs2", &[b"AVS2"]),
    ("ayuv", &[b"AYUV"]),
    ("cavs", &[b"CAVS"]),
    ("cfhd", &[b"CFHD"]),
    ("cinepak", &[b"cvid"]),
    ("clearvideo", &[b"UCOD"]),
    ("cljr", &[b"CLJR"]),
    ("cllc", &[b"CLLC"]),
    ("cscd", &[b"CSCD"]),
    ("cyuv", &[b"CYUV"]),
    ("dirac", &[b"drac"]),
    ("dnxhd", &[b"AVdn", b"AVdh"]),
    ("dpx", &[b"dpx "]),
    (
        "dvvideo",
        &[
            b"dvsd", b"dvhd", b"dvh1", b"dvsl", b"dv25", b"dv50", b"cdvc", b"CDVH", b"CDV5",
            b"dvcs", b"dvis", b"pdvc", b"SL25", b"SLDV", b"AVd1", b"dvcp", b"dvpp", b"dv5p",
            b"dvhp", b"dvhq", b"dvh5", b"dvh6", b"dvc ", b"dvh2", b"dvh3", b"dvh4", b"dv5n",
        ],
    ),
    ("dxtory", &[b"xtor"]),
    ("dxv", &[b"DXD3", b"DXDI"]),
    ("escape130", &[b"E130"]),
    ("ffv1", &[b"FFV1"]),
    ("ffvhuff", &[b"FFVH"]),
    ("fic", &[b"FICV"]),
    ("flashsv", &[b"FSV1"]),
    ("flic", &[b"AFLC", b"FLIC"]),
    ("flv1", &[b"s263", b"FLV1"]),
    ("fmvc", &[b"FMVC"]),
    ("fraps", &[b"FPS1"]),
    ("g2m", &[b"G2M2", b"G2M3", b"G2M4", b"G2M5"]),
    ("h261", &[b"H261"]),
    ("h263", &[b"H263", b"X263", b"T263", b"L263", b"VX1K", b"ZyGo", b"M263", b"lsvm", b"U263"]),
    ("h263i", &[b"I263"]),
    (
        "h264",
        &[
            b"H264", b"X264", b"avc1", b"DAVC", b"SMV2", b"VSSH", b"Q264", b"V264", b"GAVC",
            b"UMSV", b"tshd", b"INMC", b"avc3", b"ai5q", b"ai12", b"AVin",
        ],
    ),
    ("hap", &[b"Hap1", b"HapY", b"Hap5", b"HapM", b"HapA"]),
    ("hevc", &[b"HEVC", b"H265", b"hvc1", b"hev1"]),
    ("hq_hqa", &[b"CUVC"]),
    ("hqx", &[b"CHQX"]),
    ("huffyuv", &[b"HFYU"]),
    ("hymt", &[b"HYMT"]),
    ("imm4", &[b"IMM4"]),
    ("imm5", &[b"IMM5"]),
    ("indeo2", &[b"RT21"]),
    ("indeo3", &[b"IV31", b"IV32"]),
    ("indeo4", &[b"IV41"]),
    ("indeo5", &[b"IV50"]),
    ("jpeg2000", &[b"mjp2", b"MJ2C", b"LJ2C", b"LJ2K", b"IPJ2", b"AVj2"]),
    ("jpegls", &[b"MJLS"]),
    ("kgv1", &[b"KGV1"]),
    ("kmvc", &[b"KMVC"]),
    ("lagarith", &[b"LAGS"]),
    ("loco", &[b"LOCO"]),
    ("lscr", &[b"LSCR"]),
    ("m101", &[b"M101", b"M102"]),
    (
        "magicyuv",
        &[
            b"MAGY", b"M8RG", b"M8RA", b"M8G0", b"M8Y0", b"M8Y2", b"M8Y4", b"M8YA", b"M0RA",
            b"M0R0", b"M0RG", b"M0G0", b"M0Y0", b"M0Y2", b"M0Y4", b"M2RA", b"M2RG",
        ],
    ),
    ("mimic", &[b"LM20"]),
    (
        "mjpeg",
        &[
            b"MJPG", b"MSC2", b"JR24", b"LJPG", b"dmb1", b"mjpa", b"jpeg", b"AVRn", b"AVDJ",
            b"JPGL", b"ACDV", b"QIVG", b"SLMJ", b"CJPG", b"IJLV", b"MVJP", b"AVI1", b"AVI2",
            b"MTSJ", b"ZJPG", b"MMJP", b"IJPG",
        ],
    ),
    ("mjpegb", &[b"mjpb"]),
    ("mpeg1video", &[b"mpg1", b"PIM1", b"VCR2", b"BW10", b"XMPG", b"m1v1", b"\x01\0\0\x10"]),
    (
        "mpeg2video",
        &[
            b"mpg2",
            b"MPEG",
            b"PIM2",
            b"slif",
            b"MMES",
            b"EM2V",
            b"M701",
            b"M702",
            b"M703",
            b"M704",
            b"M705",
            b"DVR ",
            b"LMP2",
            b"m2v1",
            b"hdv1",
            b"hdv2",
            b"mx5p",
            b"xdvb",
            b"MPGV",
            b"mp2v",
            b"xd5b",
            b"xdv2",
            b"\x02\0\0\x10",
        ],
    ),
    (
        "mpeg4",
        &[
            b"FMP4",
            b"DIVX",
            b"DX50",
            b"XVID",
            b"MP4S",
            b"M4S2",
            b"ZMP4",
            b"DIV1",
            b"BLZ0",
            b"mp4v",
            b"UMP4",
            b"WV1F",
            b"SEDG",
            b"RMP4",
            b"3IV2",
            b"WAWV",
            b"FFDS",
            b"FVFW",
            b"DCOD",
            b"MVXM",
            b"PM4V",
            b"SMP4",
            b"DXGM",
            b"VIDM",
            b"M4T3",
            b"GEOX",
            b"G264",
            b"HDX4",
            b"DM4V",
            b"DMK2",
            b"DYM4",
            b"DIGI",
            b"EPHV",
            b"EM4A",
            b"M4CC",
            b"SN40",
            b"VSPX",
            b"ULDX",
            b"GEOV",
            b"SIPP",
            b"SM4V",
            b"XVIX",
            b"DreX",
            b"QMP4",
            b"PLV1",
            b"GLV4",
            b"GMP4",
            b"MNM4",
            b"GTM4",
            b"\x04\0\0\0",
            b"\x04\0\0\x10",
        ],
    ),
    ("msa1", &[b"MSA1"]),
    ("mscc", &[b"MSCC"]),
    ("msmpeg4v1", &[b"MPG4", b"MP41"]),
    ("msmpeg4v2", &[b"MP42", b"DIV2"]),
    (
        "msmpeg4v3",
        &[
            b"DIV3", b"MP43", b"MPG3", b"DIV5", b"DIV6", b"DIV4", b"DVX3", b"AP41", b"COL1",
            b"COL0", b"3IVD",
        ],
    ),
    ("msrle", &[b"mrle", b"\x01\0\0\0", b"\x02\0\0\0"]),
    ("mss1", &[b"MSS1"]),
    ("mss2", &[b"MSS2"]),
    ("msvideo1", &[b"MSVC", b"CRAM", b"WHAM"]),
    ("mszh", &[b"MSZH"]),
    ("mts2", &[b"MTS2"]),
    ("mv30", &[b"MV30"]),
    ("mvdv", &[b"MVDV"]),
    ("mvha", &[b"MVHA"]),
    ("mwsc", &[b"MWSC"]),
    ("notchlc", &[b"nlc1"]),
    ("pixlet", &[b"pxlt"]),
    ("png", &[b"MPNG", b"PNG1", b"png "]),
    ("prores", &[b"apcn", b"apch", b"apcs", b"apco", b"ap4h", b"ap4x"]),
    ("prosumer", &[b"BT20"]),
    ("qdraw", &[b"qdrw"]),
    ("qpeg", &[b"QPEG", b"Q1.0", b"Q1.1"]),
    ("qtrle", &[b"rle "]),
    ("r10k", &[b"r10k", b"R10g"]),
    ("r210", &[b"r210"]),
    ("rasc", &[b"RASC"]),
    (
        "rawvideo",
        &[
            b"I420",
            b"YUY2",
            b"Y422",
            b"V422",
            b"YUNV",
            b"UYNV",
            b"UYNY",
            b"uyv1",
            b"2Vu1",
            b"2vuy",
            b"yuvs",
            b"yuv2",
            b"P422",
            b"YV12",
            b"YV16",
            b"YV24",
            b"UYVY",
            b"VYUY",
            b"IYUV",
            b"Y800",
            b"Y8  ",
            b"HDYC",
            b"YVU9",
            b"VDTZ",
            b"Y411",
            b"NV12",
            b"NV21",
            b"Y41B",
            b"Y42B",
            b"YUV9",
            b"GREY",
            b"WRAW",
            b"YUYV",
            b"b16g",
            b"b48r",
            b"b64a",
            b"RGBA",
            b"BGRA",
            b"RGB2",
            b"raw ",
            b"\0\0\0\0",
            b"\x03\0\0\0",
        ],
    ),
    ("rpza", &[b"RPZA", b"azpr"]),
    ("scpr", &[b"SCPR"]),
    ("smc", &[b"smc "]),
    ("snow", &[b"SNOW"]),
    ("sp5x", &[b"SP54"]),
    ("speedhq", &[b"SHQ0", b"SHQ1", b"SHQ2", b"SHQ3", b"SHQ4", b"SHQ5", b"SHQ7", b"SHQ9"]),
    ("srgc", &[b"SRGC"]),
    ("svq1", &[b"svq1"]),
    ("svq3", &[b"SVQ3"]),
    ("targa", &[b"tga "]),
    ("tdsc", &[b"TDSC"]),
    ("theora", &[b"theo"]),
    ("truemotion1", &[b"DUCK", b"PVEZ"]),
    ("truemotion2", &[b"TM20"]),
    ("truemotion2rt", &[b"TR20"]),
    ("tscc", &[b"tscc"]),
    ("tscc2", &[b"TSC2"]),
    ("ulti", &[b"ULTI"]),
    (
        "utvideo",
        &[
            b"ULRA", b"ULRG", b"ULY0", b"ULY2", b"ULY4", b"ULH0", b"ULH2", b"ULH4", b"UQY0",
            b"UQY2", b"UQRA", b"UQRG", b"UMY2", b"UMH2", b"UMY4", b"UMH4", b"UMRA", b"UMRG",
        ],
    ),
    ("v210", &[b"v210", b"C210"]),
    ("v308", &[b"v308"]),
    ("v408", &[b"v408"]),
    ("v410", &[b"v410"]),
    ("vble", &[b"VBLE"]),
    ("vc1", &[b"WVC1", b"WMVA", b"vc-1"]),
    ("vc1image", &[b"WVP2"]),
    ("vcr1", &[b"VCR1"]),
    ("vixl", &[b"VIXL"]),
    ("vmnc", &[b"VMnc"]),
    ("vp3", &[b"VP31", b"VP30"]),
    ("vp4", &[b"VP40"]),
    ("vp5", &[b"VP50"]),
    ("vp6", &[b"VP60", b"VP61", b"VP62"]),
    ("vp6a", &[b"VP6A"]),
    ("vp6f", &[b"VP6F", b"FLV4"]),
    ("vp7", &[b"VP70", b"VP71"]),
    ("vp8", &[b"VP80", b"vp08"]),
    ("vp9", &[b"VP90", b"vp09"]),
    ("wcmv", &[b"WCMV"]),
    ("wmv1", &[b"WMV1"]),
    ("wmv2", &[b"GXVE", b"WMV2"]),
    ("wmv3", &[b"WMV3"]),
    ("wmv3image", &[b"WMVP"]),
    ("wnv1", &[b"WNV1", b"YUV8"]),
    ("xan_wc4", &[b"Xxan"]),
    ("y41p", &[b"Y41P"]),
    ("ylc", &[b"YLC0"]),
    ("zerocodec", &[b"ZECO"]),
    ("zlib", &[b"ZLIB"]),
    ("zmbv", &[b"ZMBV"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourccs_match_in_any_case() {
        for (fourcc, codec) in [
            (b"XVID", Some("mpeg4")),
            (b"xvid", Some("mpeg4")),
            (b"DIV3", Some("msmpeg4v3")),
            (b"h264", Some("h264")),
            (b"\0\0\0\0", Some("rawvideo")),
            (b"????", None),
        ] {
            assert_eq!(video_codec(*fourcc), codec);
        }
    }

    #[test]
    fn an_extensible_format_has_its_codec_and_speakers_at_its_end() {
        let mut format = Vec::new();
        for half in [0xfffe, 6, 48000, 0, 0, 0, 18, 24, 22, 24, 0x3f, 0, 1] {
            format.extend_from_slice(&u16::to_le_bytes(half));
        }
        format.resize(40, 0);
        format.extend_from_slice(b"config");
        let mut track = Track::default();
        assert_eq!(read_wave_format(&mut track, &format), b"config");
        assert_eq!(track.codec.as_deref(), Some("pcm_s24le"));
        assert_eq!(track.channel_layout.as_deref(), Some("5.1"));
        assert_eq!((track.bit_depth, track.bit_rate), (Some(24), Some(6_912_000)));
        for end in 0..format.len() {
            read_wave_format(&mut Track::default(), &format[..end]);
        }
    }

    #[test]
    fn kinds_of_pcm_are_distinguished_by_their_bits() {
        for (tag, bits, codec) in [
            (1, 8, Some("pcm_u8")),
            (1, 16, Some("pcm_s16le")),
            (1, 20, Some("pcm_s24le")),
            (1, 0, None),
            (3, 32, Some("pcm_f32le")),
            (0x55, 0, Some("mp3")),
            (0xfffe, 16, None),
        ] {
            assert_eq!(audio_codec(tag, bits), codec);
        }
    }
}
