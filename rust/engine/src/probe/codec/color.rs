//! Names of colours by the code points of ISO/IEC 23091-2 (ITU-T H.273), as `ffprobe` writes
//! them.
//!
//! The same numbers are in the headers of H.264, HEVC, AV1, MPEG-2 and ProRes, in Matroska's
//! `Colour`, and in `colr` and `vpcC` boxes. 2 means "unspecified" and gives None, like
//! numbers without a meaning. `ffprobe` prints `reserved` for reserved numbers in the headers
//! of a codec, but ignores reserved numbers in Matroska.

/// The name of `ColourPrimaries`.
pub fn color_primaries(code: u8) -> Option<&'static str> {
    Some(match code {
        0 | 3 => "reserved",
        1 => "bt709",
        4 => "bt470m",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "film",
        9 => "bt2020",
        10 => "smpte428",
        11 => "smpte431",
        12 => "smpte432",
        22 => "ebu3213",
        _ => return None,
    })
}

/// The name of `TransferCharacteristics`.
pub fn color_transfer(code: u8) -> Option<&'static str> {
    Some(match code {
        0 | 3 => "reserved",
        1 => "bt709",
        4 => "bt470m",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "linear",
        9 => "log100",
        10 => "log316",
        11 => "iec61966-2-4",
        12 => "bt1361e",
        13 => "iec61966-2-1",
        14 => "bt2020-10",
        15 => "bt2020-12",
        16 => "smpte2084",
        17 => "smpte428",
        18 => "arib-std-b67",
        _ => return None,
    })
}

/// The name of `MatrixCoefficients`.
pub fn color_space(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "gbr",
        1 => "bt709",
        3 => "reserved",
        4 => "fcc",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "ycgco",
        9 => "bt2020nc",
        10 => "bt2020c",
        11 => "smpte2085",
        12 => "chroma-derived-nc",
        13 => "chroma-derived-c",
        14 => "ictcp",
        _ => return None,
    })
}
