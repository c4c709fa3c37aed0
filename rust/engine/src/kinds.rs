//! Kinds of media, and the extensions that belong to them.

/// The kind of media that an extension stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Films, episodes, clips.
    Video,
    /// Music and speech.
    Audio,
    /// Photographs, also raw ones.
    Image,
    /// Files that belong to a media file: subtitles, metadata, edits.
    Sidecar,
    /// Any other extension that the user lists.
    Other,
}

impl Kind {
    /// The kinds that `--kind` accepts.
    pub const ALL: [Kind; 4] = [Kind::Video, Kind::Audio, Kind::Image, Kind::Sidecar];

    /// The kind's name in options and in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::Image => "image",
            Kind::Sidecar => "sidecar",
            Kind::Other => "other",
        }
    }

    /// The kind with this name, if `--kind` accepts it.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The extensions of this kind, in lower case and without the dot.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Kind::Video => VIDEO,
            Kind::Audio => AUDIO,
            Kind::Image => IMAGE,
            Kind::Sidecar => SIDECAR,
            Kind::Other => &[],
        }
    }

    /// The kind to which `extension` (in lower case, without the dot) belongs.
    pub fn of_extension(extension: &str) -> Kind {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.extensions().contains(&extension))
            .unwrap_or(Kind::Other)
    }
}

const VIDEO: &[&str] = &[
    "264", "265", "3g2", "3gp", "3gpp", "amv", "asf", "avc", "avi", "divx", "dv", "dvr-ms", "evo",
    "f4v", "flv", "h264", "h265", "hevc", "insv", "ismv", "ivf", "lrv", "m1v", "m2p", "m2t",
    "m2ts", "m2v", "m4v", "mj2", "mk3d", "mkv", "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf",
    "ogm", "ogv", "ogx", "qt", "rm", "rmvb", "tod", "tp", "trp", "ts", "vob", "vro", "webm", "wm",
    "wmv", "wtv",
];

const AUDIO: &[&str] = &[
    "3ga", "aac", "aax", "ac3", "adts", "aif", "aifc", "aiff", "alac", "amr", "ape", "au", "awb",
    "bwf", "caf", "dff", "dsdiff", "dsf", "dts", "dtshd", "dtsma", "eac3", "ec3", "f4a", "flac",
    "isma", "m4a", "m4b", "m4p", "m4r", "mka", "mlp", "mp+", "mp1", "mp2", "mp3", "mpa", "mpc",
    "oga", "ogg", "opus", "ra", "rf64", "snd", "spx", "tak", "thd", "truehd", "tta", "w64", "wav",
    "wave", "weba", "wma", "wv",
];

const IMAGE: &[&str] = &[
    "3fr", "apng", "arw", "avif", "avifs", "bmp", "cr2", "cr3", "crw", "dcr", "dib", "dng", "erf",
    "fff", "gif", "gpr", "heic", "heics", "heif", "heifs", "hif", "iiq", "insp", "jfif", "jp2",
    "jpe", "jpeg", "jpf", "jpg", "jpx", "jxl", "kdc", "mef", "mos", "mpo", "mrw", "nef", "nrw",
    "orf", "pef", "png", "psb", "psd", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "tif",
    "tiff", "webp", "x3f",
];

const SIDECAR: &[&str] = &[
    "aae", "ass", "cue", "dop", "edl", "idx", "lrc", "mks", "nfo", "pp3", "smi", "srt", "ssa",
    "sub", "sup", "thm", "ttml", "vtt", "xmp",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_extension_belongs_to_two_kinds() {
        let mut seen = HashSet::new();
        for kind in Kind::ALL {
            for extension in kind.extensions() {
                assert!(seen.insert(*extension), "{extension} is listed twice");
                assert_eq!(Kind::of_extension(extension), kind);
                assert_eq!(*extension, extension.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn each_name_gives_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("other"), None);
    }
}
