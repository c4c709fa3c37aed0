//! Matroska's codec identifiers (`V_MPEG4/ISO/AVC`), and the headers of Windows and QuickTime
//! that their private data may have before the codec's own.

use crate::probe::codec::{self, Framing};
use crate::probe::containers::riff;
use crate::probe::model::{Name, Track};

/// The beginnings of identifiers, and the codecs' names in `ffprobe`.
const CODECS: &[(&str, &str)] = &[
    ("A_AAC", "aac"),
    ("A_AC3", "ac3"),
    ("A_ALAC", "alac"),
    ("A_ATRAC/AT1", "atrac1"),
    ("A_DTS", "dts"),
    ("A_EAC3", "eac3"),
    ("A_FLAC", "flac"),
    ("A_MLP", "mlp"),
    ("A_MPEG/L1", "mp1"),
    ("A_MPEG/L2", "mp2"),
    ("A_MPEG/L3", "mp3"),
    ("A_OPUS", "opus"),
    ("A_QUICKTIME/QDM2", "qdm2"),
    ("A_QUICKTIME/QDMC", "qdmc"),
    ("A_REAL/14_4", "ra_144"),
    ("A_REAL/28_8", "ra_288"),
    ("A_REAL/ATRC", "atrac3"),
    ("A_REAL/COOK", "cook"),
    ("A_REAL/SIPR", "sipr"),
    ("A_TRUEHD", "truehd"),
    ("A_TTA1", "tta"),
    ("A_VORBIS", "vorbis"),
    ("A_WAVPACK4", "wavpack"),
    ("D_WEBVTT/", "webvtt"),
    ("S_ASS", "ass"),
    ("S_DVBSUB", "dvb_subtitle"),
    ("S_HDMV/PGS", "hdmv_pgs_subtitle"),
    ("S_HDMV/TEXTST", "hdmv_text_subtitle"),
    ("S_SSA", "ass"),
    ("S_TEXT/ASCII", "text"),
    ("S_TEXT/ASS", "ass"),
    ("S_TEXT/SSA", "ass"),
    ("S_TEXT/UTF8", "subrip"),
    ("S_TEXT/WEBVTT", "webvtt"),
    ("S_VOBSUB", "dvd_subtitle"),
    ("V_AV1", "av1"),
    ("V_AVS2", "avs2"),
    ("V_AVS3", "avs3"),
    ("V_DIRAC", "dirac"),
    ("V_FFV1", "ffv1"),
    ("V_MJPEG", "mjpeg"),
    ("V_MPEG1", "mpeg1video"),
    ("V_MPEG2", "mpeg2video"),
    ("V_MPEG4/ISO/AP", "mpeg4"),
    ("V_MPEG4/ISO/ASP", "mpeg4"),
    ("V_MPEG4/ISO/AVC", "h264"),
    ("V_MPEG4/ISO/SP", "mpeg4"),
    ("V_MPEG4/MS/V3", "msmpeg4v3"),
    ("V_MPEGH/ISO/HEVC", "hevc"),
    ("V_PRORES", "prores"),
    ("V_REAL/RV10", "rv10"),
    ("V_REAL/RV20", "rv20"),
    ("V_REAL/RV30", "rv30"),
    ("V_REAL/RV40", "rv40"),
    ("V_SNOW", "snow"),
    ("V_THEORA", "theora"),
    ("V_UNCOMPRESSED", "rawvideo"),
    ("V_VP8", "vp8"),
    ("V_VP9", "vp9"),
];

/// Codecs whose bit depth the container may give before they do.
const LOSSLESS: [&str; 4] = ["alac", "flac", "tta", "wavpack"];

/// The size of the header of Video for Windows before a codec's own data.
const BITMAP_INFO_HEADER: usize = 40;

/// Sets a track's codec from its identifier, its bit depth and its private data. Lets the
/// codec read its own part of the private data.
pub fn read(track: &mut Track, id: &str, private: &[u8]) -> Framing {
    let mut config = private;
    track.codec = match id {
        "V_MS/VFW/FOURCC" => {
            config = private.get(BITMAP_INFO_HEADER..).unwrap_or_default();
            let fourcc = fourcc(private, 16);
            let codec = fourcc.and_then(riff::video_codec);
            if let (Some("utvideo"), Some(fourcc)) = (codec, fourcc) {
                codec::video::read_utvideo(track, &fourcc);
            }
            codec.map(Name::Borrowed)
        }
        "A_MS/ACM" => {
            config = riff::read_wave_format(track, private);
            track.codec.take()
        }
        // The FourCC is in the sample description, after its size.
        "V_QUICKTIME" => fourcc(private, 4).and_then(riff::video_codec).map(Name::Borrowed),
        "A_QUICKTIME" => fourcc(private, 4).and_then(quicktime_audio).map(Name::Borrowed),
        "A_PCM/INT/LIT" => pcm(track.bit_depth, ["u8", "s16le", "s24le", "s32le"]),
        "A_PCM/INT/BIG" => pcm(track.bit_depth, ["u8", "s16be", "s24be", "s32be"]),
        "A_PCM/FLOAT/IEEE" if track.bit_depth == Some(64) => Some("pcm_f64le".into()),
        "A_PCM/FLOAT/IEEE" => Some("pcm_f32le".into()),
        _ => CODECS
            .iter()
            .find(|(prefix, _)| id.starts_with(prefix))
            .map(|&(_, codec)| Name::Borrowed(codec)),
    };
    let Some(codec) = track.codec.as_deref() else { return Framing::default() };
    // For lossy sound, the bit depth in the file means nothing.
    if !LOSSLESS.contains(&codec) {
        track.bit_depth = None;
    }
    codec::read_config(track, config)
}

fn fourcc(private: &[u8], at: usize) -> Option<[u8; 4]> {
    private.get(at..at.checked_add(4)?)?.try_into().ok()
}

fn pcm(bits: Option<u32>, names: [&str; 4]) -> Option<Name> {
    let index = bits?.div_ceil(8).checked_sub(1)?;
    let name = names.get(usize::try_from(index).ok()?)?;
    Some(format!("pcm_{name}").into())
}

fn quicktime_audio(fourcc: [u8; 4]) -> Option<&'static str> {
    match &fourcc {
        b"QDM2" => Some("qdm2"),
        b"QDMC" => Some("qdmc"),
        b"mp4a" => Some("aac"),
        b"alac" => Some("alac"),
        b"ima4" => Some("adpcm_ima_qt"),
        b"twos" => Some("pcm_s16be"),
        b"sowt" => Some("pcm_s16le"),
        b"MAC3" => Some("mace3"),
        b"MAC6" => Some("mace6"),
        _ => None,
    }
}
