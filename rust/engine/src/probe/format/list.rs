//! The formats.

/// The parser that reads a file. The parser finds out the exact container (`webm`, `dng`).
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
    /// ASF: WMA and WMV.
    Asf,
    /// AIFF and AIFF-C.
    Aiff,
    /// Monkey's Audio.
    Ape,
    /// WavPack.
    WavPack,
    /// Raw AC-3 and E-AC-3.
    Ac3,
    /// Raw DTS.
    Dts,
    /// DSF: DSD by Sony.
    Dsf,
    /// DSDIFF: DSD by Philips.
    Dsdiff,
    /// Musepack, stream versions 7 and 8.
    Musepack,
    /// AMR.
    Amr,
    /// Apple's Core Audio Format.
    Caf,
    /// AU, by Sun.
    Au,
    /// True Audio.
    Tta,
    /// TAK.
    Tak,
    /// IVF: VP8, VP9 and AV1.
    Ivf,
    /// Raw H.264 with start codes.
    H264,
    /// Raw H.265 with start codes.
    H265,
    /// RealMedia.
    RealMedia,
    /// JPEG.
    Jpeg,
    /// TIFF and the formats that are based on it: DNG, CR2, NEF, ARW, ORF, RW2.
    Tiff,
    /// Fujifilm's raw files.
    Raf,
    /// CRW, Canon's first raw format.
    Crw,
    /// PNG.
    Png,
    /// WebP: RIFF.
    WebP,
    /// XMP sidecars: XML.
    Xmp,
    /// GIF, BMP, PSD, JPEG XL, JPEG 2000.
    OtherPhoto,
}
