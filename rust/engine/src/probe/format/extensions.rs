//! The extensions that files of each container usually have.

/// Containers, and their usual extensions in lower case. A container that is not here has its
/// own name as its only extension.
const USUAL: &[(&[&str], &[&str])] = &[
    (&["matroska"], &["mkv", "mka", "mks", "mk3d", "webm"]),
    (&["webm"], &["webm", "mkv", "mka", "weba"]),
    (
        &["mp4", "mov", "3gp"],
        &[
            "mp4", "m4v", "m4a", "m4b", "m4p", "m4r", "mov", "qt", "3gp", "3gpp", "3g2", "3ga",
            "f4v", "f4a", "mj2", "ismv", "isma", "insv", "lrv", "aax", "alac", "aac", "m4s", "m4f",
            "cmfv", "cmfa", "cmft",
        ],
    ),
    (&["avi"], &["avi", "divx", "amv"]),
    (&["mpegts"], &["ts", "m2ts", "mts", "m2t", "tp", "trp", "tod"]),
    (
        &["mpeg"],
        &["mpg", "mpeg", "vob", "mpe", "m2p", "evo", "mod", "m2v", "m1v", "vro", "dat", "ps"],
    ),
    (&["flv"], &["flv", "f4v"]),
    (&["ogg"], &["ogg", "oga", "ogv", "opus", "ogm", "spx", "ogx"]),
    (&["mp3"], &["mp3", "mp2", "mpa", "mp1"]),
    (&["wav"], &["wav", "wave", "w64", "rf64", "bwf"]),
    (&["aac"], &["aac", "adts"]),
    (&["asf"], &["asf", "wma", "wmv", "wm", "dvr-ms"]),
    (&["aiff"], &["aif", "aiff", "aifc", "afc"]),
    (&["wv"], &["wv", "wvc"]),
    (&["ac3"], &["ac3", "eac3", "ec3"]),
    (&["eac3"], &["eac3", "ec3", "ac3"]),
    (&["dts"], &["dts", "dtshd", "dtsma"]),
    (&["iff"], &["dff", "dsdiff"]),
    (&["mpc", "mpc8"], &["mpc", "mp+", "mpp"]),
    (&["amr"], &["amr", "awb"]),
    (&["au"], &["au", "snd"]),
    (&["h264"], &["h264", "264", "avc", "jsv", "26l"]),
    (&["hevc"], &["hevc", "h265", "265"]),
    (&["rm"], &["rm", "rmvb", "ra", "ram"]),
    (&["jpeg"], &["jpg", "jpeg", "jpe", "jfif", "thm", "mpo", "insp"]),
    (&["png"], &["png", "apng"]),
    (&["tiff"], &["tif", "tiff", "3fr", "iiq", "erf", "fff", "kdc", "mef", "mos", "dcr", "raw"]),
    (&["nef"], &["nef", "nrw"]),
    (&["arw"], &["arw", "sr2", "srf"]),
    (&["rw2"], &["rw2", "raw", "rwl"]),
    (&["heif"], &["heic", "heif", "hif", "heics", "heifs"]),
    (&["avif"], &["avif", "avifs"]),
    (&["dng"], &["dng", "gpr"]),
    (&["jp2"], &["jp2", "jpf", "jpx", "jpm", "j2k"]),
    (&["bmp"], &["bmp", "dib"]),
    (&["psd"], &["psd", "psb"]),
];

/// Whether files with this container usually have this extension.
pub fn extension_fits(extension: &str, container: &str) -> bool {
    if extension.is_empty() {
        return true;
    }
    match USUAL.iter().find(|(containers, _)| containers.contains(&container)) {
        Some((_, extensions)) => extensions.contains(&extension),
        None => extension == container,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    /// Usual extensions that a scan does not select unless they are named, and why.
    const NOT_SELECTED: &[(&str, &[&str])] = &[
        (
            "segments of a stream, of which a directory has thousands",
            &["m4s", "m4f", "cmfv", "cmfa", "cmft"],
        ),
        (
            "usually something else: music modules, data, PostScript, plans of projects",
            &["mod", "dat", "ps", "mpp"],
        ),
        ("a text with the address of a stream", &["ram"]),
        ("what a lossy file lacks: it cannot be played alone", &["wvc"]),
        ("usually a code stream without the boxes that vpo reads", &["j2k"]),
        ("rare, and used for other things, too", &["afc", "jsv", "26l", "jpm"]),
    ];

    #[test]
    fn extensions_are_compared_with_the_content() {
        assert!(extension_fits("mkv", "matroska"));
        assert!(extension_fits("", "png"));
        assert!(extension_fits("flac", "flac"));
        assert!(!extension_fits("avi", "matroska"));
        assert!(!extension_fits("jpg", "png"));
    }

    #[test]
    fn a_scan_selects_each_usual_extension_of_what_the_engine_reads() {
        let excepted = |extension: &&str| {
            NOT_SELECTED.iter().any(|(_, extensions)| extensions.contains(extension))
        };
        for extension in USUAL.iter().flat_map(|(_, extensions)| *extensions) {
            let selected = Kind::of_extension(extension) != Kind::Other;
            assert_ne!(selected, excepted(extension), "{extension}");
        }
    }
}
