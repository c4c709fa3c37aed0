//! Names that systems, NAS firmware and programs give to what is not part of a library: trash
//! cans, snapshots, thumbnails, files that are being synchronised.
//!
//! This table is the only place that decides on such names. Case does not count, because shares
//! show these names in the spelling of their server. A name must be certain to belong to a
//! system: `@photos` or `backup` may be a directory of the user's.

/// Names by what creates them. A `*` at the end stands for any characters.
pub const SYSTEM_NAMES: &[(&str, &[&str])] = &[
    (
        "Synology DSM",
        &[
            "@eaDir",
            "#recycle",
            "#snapshot",
            "#SynoRecycle",
            "@sharebin",
            "@sharesnap",
            "@SynoResource",
            "@SynoFinder-*",
            "@synologydrive",
            "@tmp",
            "@appconf",
            "@appdata",
            "@apphome",
            "@appshare",
            "@appstore",
            "@apptemp",
            "@cloudsync",
            "@database",
            "@img_bkp_cache",
            "@iSCSI",
            "@MailScanner",
            "@quarantine",
            "@S2S",
            "@userpreference",
            ".SynologyWorkingDirectory",
            "SYNOFILE_THUMB_*",
            "SYNOPHOTO_*",
        ],
    ),
    (
        "QNAP QTS and QuTS hero",
        &[
            "@Recycle",
            "@Recently-Snapshot",
            "@Transcode",
            ".@*",
            ".streams",
            ".qsync",
            ".qsync_sn",
            "Network Recycle Bin*",
        ],
    ),
    ("Asustor ADM", &[".recycle", ".@plugins", ".@root"]),
    ("TerraMaster TOS", &["#recycle"]),
    ("TrueNAS and ZFS", &[".zfs", ".recycle", ".ix-apps", "ix-applications"]),
    ("Unraid", &[".Recycle.Bin"]),
    ("OpenMediaVault and Samba", &[".recycle", "@GMT-*"]),
    ("Other NAS", &["Recycle Bin", ".wdmc"]),
    ("Snapshots", &[".snapshots", ".snapshot", "~snapshot", "@snapshots", "timeshift-btrfs"]),
    (
        "Windows",
        &[
            "$RECYCLE.BIN",
            "RECYCLER",
            "RECYCLED",
            "System Volume Information",
            "Thumbs.db",
            "ehthumbs.db",
            "ehthumbs_vista.db",
            "desktop.ini",
            "Config.Msi",
            "DfsrPrivate",
            "FOUND.000",
            "FOUND.001",
            "FOUND.002",
            "MSOCache",
            "$Extend",
            "$WinREAgent",
            "$WINDOWS.~*",
        ],
    ),
    (
        "macOS",
        &[
            ".DS_Store",
            "._*",
            ".AppleDB",
            ".AppleDesktop",
            ".AppleDouble",
            ".DocumentRevisions-V100",
            ".MobileBackups*",
            ".PKInstallSandboxManager*",
            ".Spotlight-V100",
            ".TemporaryItems",
            ".Trash",
            ".Trashes",
            ".apdisk",
            ".afpDeleted*",
            ".com.apple.*",
            ".fseventsd",
            ".smbdelete*",
            "__MACOSX",
            "Backups.backupdb",
            "Network Trash Folder",
            "Temporary Items",
            "TheFindByContentFolder",
            "TheVolumeSettingsFolder",
        ],
    ),
    (
        "Linux",
        &["lost+found", ".Trash-*", ".fuse_hidden*", ".nfs0*", ".thumbnails", ".wh.*", ".dtrash"],
    ),
    (
        "Syncthing and other synchronisation",
        &[
            ".stversions",
            ".stfolder",
            ".syncthing.*",
            "~syncthing~*",
            ".sync",
            ".dropbox",
            ".dropbox.cache",
            ".tmp.drivedownload",
            ".tmp.driveupload",
        ],
    ),
    ("Nextcloud and ownCloud", &["appdata_oc*", "files_trashbin", "files_versions"]),
];

/// The names that a scan skips, prepared so that a name is looked up in a few nanoseconds.
pub struct SkippedNames {
    /// By the first byte of a name, in lower case.
    by_first: Vec<Vec<Pattern>>,
}

struct Pattern {
    text: Vec<u8>,
    /// Whether a name only has to begin with the text.
    is_prefix: bool,
}

impl SkippedNames {
    /// The names of the table, unless `without_table`, and those in `more`.
    ///
    /// # Errors
    /// The first of `more` that cannot be the name of a file, or has a `*` before its end.
    pub fn new(more: &[String], without_table: bool) -> Result<Self, String> {
        let mut names = Self { by_first: std::iter::repeat_with(Vec::new).take(256).collect() };
        if !without_table {
            for name in SYSTEM_NAMES.iter().flat_map(|(_, names)| *names) {
                names.add(name);
            }
        }
        for name in more {
            let text = name.strip_suffix('*').unwrap_or(name);
            if text.is_empty() || text.contains(['/', '*', '\0']) || matches!(text, "." | "..") {
                return Err(name.clone());
            }
            names.add(name);
        }
        Ok(names)
    }

    fn add(&mut self, name: &str) {
        let text = name.strip_suffix('*').unwrap_or(name);
        let pattern =
            Pattern { text: text.as_bytes().to_ascii_lowercase(), is_prefix: text != name };
        self.by_first[usize::from(pattern.text[0])].push(pattern);
    }

    /// Whether a name is skipped.
    pub fn contain(&self, name: &[u8]) -> bool {
        let Some(first) = name.first() else { return false };
        self.by_first[usize::from(first.to_ascii_lowercase())].iter().any(|pattern| {
            let length = pattern.text.len();
            match pattern.is_prefix {
                true => {
                    name.get(..length).is_some_and(|head| head.eq_ignore_ascii_case(&pattern.text))
                }
                false => name.eq_ignore_ascii_case(&pattern.text),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems_are_skipped_in_any_case() {
        let names = SkippedNames::new(&[], false).unwrap();
        for name in [
            "@eaDir",
            "@eadir",
            "#recycle",
            "#snapshot",
            "@Recycle",
            "@Recently-Snapshot",
            ".@__thumb",
            ".zfs",
            ".snapshots",
            "$RECYCLE.BIN",
            "$Recycle.Bin",
            ".Trash-1000",
            "lost+found",
            "System Volume Information",
            ".DS_Store",
            "._film.mkv",
            "Thumbs.db",
            ".stversions",
            "files_trashbin",
            "appdata_ocx1y2z3",
            "@GMT-2024.01.01-00.00.00",
        ] {
            assert!(names.contain(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_of_users_are_not_skipped() {
        let names = SkippedNames::new(&[], false).unwrap();
        for name in [
            "",
            "Season 1",
            ".hidden",
            "@photos",
            "#1 Hits",
            "$",
            "Recycled Life (2006)",
            "Found.2012.mkv",
            "snapshot",
            "Trash",
            "system",
            "lost+found footage",
            "~",
        ] {
            assert!(!names.contain(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_can_be_added_and_the_table_left_out() {
        let more = ["Proxies".to_owned(), "tmp-*".to_owned()];
        let names = SkippedNames::new(&more, true).unwrap();
        assert!(names.contain(b"proxies") && names.contain(b"TMP-1") && names.contain(b"tmp-"));
        assert!(!names.contain(b"proxies2") && !names.contain(b"@eaDir"));
    }

    #[test]
    fn a_name_that_no_file_can_have_is_refused() {
        for name in ["", "*", "a/b", "a*b", ".", "..", "\0"] {
            let refused = SkippedNames::new(&[name.to_owned()], false).err();
            assert_eq!(refused.as_deref(), Some(name));
        }
    }
}
