//! Which directories a scan enters and which files it selects.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::GlobBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use xxhash_rust::xxh3::Xxh3;

use crate::fingerprint::Fingerprint;
use crate::kinds::Kind;
use crate::system_names::SkippedNames;

/// The rules of a scan as a user gives them.
#[derive(Clone, Debug, Default)]
pub struct RulesSpec {
    /// Kinds to select. Without kinds and extensions: all known media.
    pub kinds: Vec<Kind>,
    /// Extensions to select in addition, in any case, with or without the dot.
    pub extensions: Vec<String>,
    /// What to skip, as lines of a `.gitignore` in the root.
    pub excludes: Vec<String>,
    /// Whether to include names that begin with a dot.
    pub hidden: bool,
    /// Whether to follow symbolic links.
    pub follow_symlinks: bool,
    /// Whether to skip other file systems below the root.
    pub one_file_system: bool,
    /// Names to skip wherever they are, in any case. A `*` at the end stands for any characters.
    pub skip_names: Vec<String>,
    /// Whether to look at the names of [`crate::SYSTEM_NAMES`], which are skipped otherwise.
    pub system_names: bool,
    /// Whether to leave inode numbers out, where they change though the files stay.
    pub ignore_inodes: bool,
}

/// An invalid rule.
#[derive(Debug)]
pub enum RulesError {
    /// An exclude is not a valid glob: the glob, and what is wrong with it.
    Glob(String, String),
    /// An extension contains characters that no extension can contain.
    Extension(String),
    /// A name to skip contains characters that no name can contain.
    Name(String),
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RulesError::Glob(glob, why) => write!(f, "`{glob}` is not a valid glob: {why}"),
            RulesError::Extension(extension) => {
                write!(f, "`{extension}` is not a file name extension")
            }
            RulesError::Name(name) => {
                write!(f, "`{name}` is not a name: it is one name, with `*` only at its end")
            }
        }
    }
}

impl std::error::Error for RulesError {}

/// [`RulesSpec`] in a form that decides on a name within a few nanoseconds.
pub struct Rules {
    /// The selected extensions, sorted. A file's extension is an index into this list.
    extensions: Vec<(String, Kind)>,
    /// The same extensions as integers: up to eight bytes, in lower case, zero-padded.
    short: Vec<(u64, u16)>,
    excludes: Option<Gitignore>,
    skipped: SkippedNames,
    hidden: bool,
    follow_symlinks: bool,
    one_file_system: bool,
    ignore_inodes: bool,
    digest: Fingerprint,
}

impl Rules {
    /// The rules for a scan of `root`, an absolute path.
    ///
    /// # Errors
    /// The first invalid rule.
    pub fn new(spec: &RulesSpec, root: &[u8]) -> Result<Self, RulesError> {
        let extensions: Vec<(String, Kind)> = selected_extensions(spec)?.into_iter().collect();
        let mut short: Vec<(u64, u16)> = extensions
            .iter()
            .enumerate()
            .filter_map(|(index, (name, _))| Some((short_key(name.as_bytes())?, index as u16)))
            .collect();
        short.sort_unstable();
        Ok(Self {
            short,
            excludes: exclude_matcher(&spec.excludes)?,
            skipped: SkippedNames::new(&spec.skip_names, spec.system_names)
                .map_err(RulesError::Name)?,
            hidden: spec.hidden,
            follow_symlinks: spec.follow_symlinks,
            one_file_system: spec.one_file_system,
            ignore_inodes: spec.ignore_inodes,
            digest: digest(spec, root, &extensions),
            extensions,
        })
    }

    /// The selected extensions and their kinds.
    pub fn extensions(&self) -> &[(String, Kind)] {
        &self.extensions
    }

    /// 128 bits that are different for rules that may select different files of a directory.
    pub fn digest(&self) -> &Fingerprint {
        &self.digest
    }

    /// Whether to follow symbolic links.
    pub fn follow_symlinks(&self) -> bool {
        self.follow_symlinks
    }

    /// Whether to skip other file systems below the root.
    pub fn one_file_system(&self) -> bool {
        self.one_file_system
    }

    /// Whether to leave inode numbers out.
    pub fn ignore_inodes(&self) -> bool {
        self.ignore_inodes
    }

    /// Whether a walk that lists a file's directory selects the file. `relative` is the
    /// file's path relative to the root.
    pub fn selects_file(&self, relative: &[u8]) -> bool {
        let slash = relative.iter().rposition(|byte| *byte == b'/');
        let name = &relative[slash.map_or(0, |position| position + 1)..];
        !self.skips_name(name) && self.select(name).is_some() && !self.excludes(relative, false)
    }

    /// Whether a walk enters the directory at this path relative to the root, if the
    /// directory and all its parents exist.
    pub fn enters(&self, relative: &[u8]) -> bool {
        let mut end = 0;
        relative.split(|byte| *byte == b'/').all(|component| {
            end += component.len();
            let path = &relative[..end];
            end += 1;
            component.is_empty() || (!self.skips_name(component) && !self.excludes(path, true))
        })
    }

    /// Whether there are globs, so that [`Rules::excludes`] has to be called.
    pub(crate) fn has_excludes(&self) -> bool {
        self.excludes.is_some()
    }

    /// Whether a glob excludes this path relative to the root. This does not check the parent
    /// directories: the walk does not enter excluded ones.
    pub(crate) fn excludes(&self, relative: &[u8], is_directory: bool) -> bool {
        self.excludes.as_ref().is_some_and(|globs| {
            globs.matched(Path::new(OsStr::from_bytes(relative)), is_directory).is_ignore()
        })
    }

    /// Whether an entry is skipped because of its name: it is hidden, or not part of a library.
    pub(crate) fn skips_name(&self, name: &[u8]) -> bool {
        (!self.hidden && name.first() == Some(&b'.')) || self.skipped.contain(name)
    }

    /// The index of a file's extension, if files with this extension are selected.
    pub(crate) fn select(&self, name: &[u8]) -> Option<u16> {
        let dot = name.iter().rposition(|byte| *byte == b'.')?;
        let extension = &name[dot + 1..];
        if dot == 0 || extension.is_empty() {
            return None;
        }
        match short_key(extension) {
            Some(key) => {
                let found = self.short.binary_search_by_key(&key, |(key, _)| *key);
                found.ok().map(|position| self.short[position].1)
            }
            None => self
                .extensions
                .iter()
                .position(|(name, _)| name.as_bytes().eq_ignore_ascii_case(extension))
                .map(|index| index as u16),
        }
    }
}

fn selected_extensions(spec: &RulesSpec) -> Result<BTreeMap<String, Kind>, RulesError> {
    let everything = spec.kinds.is_empty() && spec.extensions.is_empty();
    let kinds = if everything { &Kind::ALL[..] } else { &spec.kinds[..] };
    let mut selected: BTreeMap<String, Kind> = kinds
        .iter()
        .flat_map(|kind| kind.extensions().iter().map(|name| ((*name).to_owned(), *kind)))
        .collect();
    for given in &spec.extensions {
        let name = given.strip_prefix('.').unwrap_or(given).to_ascii_lowercase();
        if name.is_empty() || name.contains(['.', '/', '\0']) || name.len() > 254 {
            return Err(RulesError::Extension(given.clone()));
        }
        let kind = Kind::of_extension(&name);
        selected.insert(name, kind);
    }
    Ok(selected)
}

fn exclude_matcher(globs: &[String]) -> Result<Option<Gitignore>, RulesError> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut builder = GitignoreBuilder::new("");
    for glob in globs {
        if glob.trim().is_empty() {
            return Err(RulesError::Glob(glob.clone(), "the glob is empty".to_owned()));
        }
        // git takes an unclosed `[` literally, but here it is certainly a mistake.
        GlobBuilder::new(glob)
            .build()
            .map_err(|error| RulesError::Glob(glob.clone(), error.kind().to_string()))?;
        // In a .gitignore, a line that begins with # is a comment. In a list of globs it is a
        // name.
        let line = match glob.strip_prefix('#') {
            Some(rest) => format!("\\#{rest}"),
            None => glob.clone(),
        };
        builder.add_line(None, &line).map_err(|error| glob_error(glob, &error))?;
    }
    let matcher = builder.build().map_err(|error| glob_error(&globs.join(" "), &error))?;
    Ok(Some(matcher))
}

fn glob_error(glob: &str, error: &ignore::Error) -> RulesError {
    let mut innermost = error;
    while let ignore::Error::WithPath { err, .. }
    | ignore::Error::WithLineNumber { err, .. }
    | ignore::Error::WithDepth { err, .. } = innermost
    {
        innermost = err;
    }
    let why = match innermost {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    };
    RulesError::Glob(glob.to_owned(), why)
}

fn digest(spec: &RulesSpec, root: &[u8], extensions: &[(String, Kind)]) -> Fingerprint {
    let mut hash = Xxh3::new();
    let mut field = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(&[u8::from(spec.hidden), u8::from(spec.follow_symlinks)]);
    for (name, _) in extensions {
        field(name.as_bytes());
    }
    if !spec.excludes.is_empty() {
        // Globs are relative to the root, so the same globs mean something else under another
        // root. Their order counts, too: `!` includes what an earlier glob excluded.
        field(b"excludes");
        field(root);
        for glob in &spec.excludes {
            field(glob.as_bytes());
        }
    }
    // Only what differs from the defaults counts, so that earlier fingerprints stay valid.
    if spec.system_names {
        field(b"system names");
    }
    if spec.ignore_inodes {
        field(b"ignore inodes");
    }
    if !spec.skip_names.is_empty() {
        field(b"skip names");
        for name in &spec.skip_names {
            field(name.to_ascii_lowercase().as_bytes());
        }
    }
    hash.digest128().to_le_bytes()
}

/// Up to eight bytes of an extension as an integer, in lower case; `None` if it is longer.
fn short_key(extension: &[u8]) -> Option<u64> {
    let mut key = [0u8; 8];
    let bytes = key.get_mut(..extension.len())?;
    bytes.copy_from_slice(extension);
    bytes.make_ascii_lowercase();
    Some(u64::from_le_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(spec: RulesSpec) -> Rules {
        Rules::new(&spec, b"/media").unwrap()
    }

    fn excluding(globs: &[&str]) -> Rules {
        rules(RulesSpec {
            excludes: globs.iter().map(|glob| (*glob).to_owned()).collect(),
            ..RulesSpec::default()
        })
    }

    fn extension_of<'a>(rules: &'a Rules, name: &[u8]) -> Option<(&'a str, Kind)> {
        let (extension, kind) = &rules.extensions()[rules.select(name)? as usize];
        Some((extension, *kind))
    }

    #[test]
    fn extensions_match_in_any_case_and_only_at_the_end() {
        let rules = rules(RulesSpec::default());
        assert_eq!(extension_of(&rules, b"A.MKV"), Some(("mkv", Kind::Video)));
        assert_eq!(extension_of(&rules, b"a.b.Cr3"), Some(("cr3", Kind::Image)));
        assert_eq!(extension_of(&rules, b"\xff\xfe.srt"), Some(("srt", Kind::Sidecar)));
        for name in [&b"mkv"[..], b".mkv", b"a.mkv.part", b"a.", b"", b"a.mkvmkvmkv", b"a.mk"] {
            assert_eq!(extension_of(&rules, name), None, "{name:?}");
        }
    }

    #[test]
    fn kinds_and_extensions_add_up() {
        let rules = rules(RulesSpec {
            kinds: vec![Kind::Audio],
            extensions: vec![".ISO".into(), "mkv".into(), "verylongextension".into()],
            ..RulesSpec::default()
        });
        assert_eq!(extension_of(&rules, b"a.flac"), Some(("flac", Kind::Audio)));
        assert_eq!(extension_of(&rules, b"a.iso"), Some(("iso", Kind::Other)));
        assert_eq!(extension_of(&rules, b"a.mkv"), Some(("mkv", Kind::Video)));
        assert_eq!(
            extension_of(&rules, b"a.VeryLongExtension"),
            Some(("verylongextension", Kind::Other))
        );
        assert_eq!(extension_of(&rules, b"a.mp4"), None);
    }

    #[test]
    fn names_of_systems_are_skipped_even_if_hidden_names_are_included() {
        let hidden = RulesSpec { hidden: true, ..RulesSpec::default() };
        let selecting = rules(hidden.clone());
        assert!(selecting.skips_name(b".Trash-1000") && selecting.skips_name(b"@eaDir"));
        assert!(!selecting.skips_name(b".hidden"));
        let all = rules(RulesSpec { system_names: true, ..hidden });
        assert!(!all.skips_name(b".Trash-1000") && !all.skips_name(b"@eaDir"));
        let more = rules(RulesSpec { skip_names: vec!["Proxies".into()], ..RulesSpec::default() });
        assert!(more.skips_name(b"proxies") && more.skips_name(b"@eaDir"));
        assert!(more.skips_name(b".hidden"));
    }

    #[test]
    fn globs_follow_gitignore() {
        let rules = excluding(&["*.nfo", "Extras/", "/Samples/**", "!keep.nfo", "#old"]);
        assert!(rules.excludes(b"a/b/x.nfo", false));
        assert!(!rules.excludes(b"a/b/keep.nfo", false));
        assert!(rules.excludes(b"a/Extras", true));
        assert!(!rules.excludes(b"a/Extras", false));
        assert!(rules.excludes(b"Samples/x.mkv", false));
        assert!(!rules.excludes(b"a/Samples/x.mkv", false));
        assert!(rules.excludes(b"a/#old", true));
    }

    #[test]
    fn an_error_names_the_invalid_rule() {
        for glob in ["[z-a]", "a[", "[", "{a", "", "  "] {
            let spec = RulesSpec { excludes: vec![glob.into()], ..RulesSpec::default() };
            let error = Rules::new(&spec, b"/").err().expect(glob);
            assert!(error.to_string().starts_with(&format!("`{glob}` is not a valid glob")));
        }
        let spec = RulesSpec { skip_names: vec!["a/b".into()], ..RulesSpec::default() };
        let error = Rules::new(&spec, b"/").err().unwrap();
        assert!(error.to_string().starts_with("`a/b` is not a name"));
        for extension in ["", ".", "a/b", "tar.gz"] {
            let spec = RulesSpec { extensions: vec![extension.into()], ..RulesSpec::default() };
            assert!(Rules::new(&spec, b"/").is_err(), "{extension}");
        }
    }

    #[test]
    fn the_digest_depends_on_the_meaning_of_the_rules_and_not_on_their_spelling() {
        let digest = |spec: RulesSpec| *rules(spec).digest();
        let base = digest(RulesSpec::default());
        assert_ne!(base, digest(RulesSpec { hidden: true, ..RulesSpec::default() }));
        assert_ne!(base, digest(RulesSpec { kinds: vec![Kind::Video], ..RulesSpec::default() }));
        assert_ne!(base, *excluding(&["*.nfo"]).digest());
        assert_ne!(*excluding(&["a", "!b"]).digest(), *excluding(&["!b", "a"]).digest());
        assert_ne!(base, digest(RulesSpec { system_names: true, ..RulesSpec::default() }));
        assert_ne!(base, digest(RulesSpec { ignore_inodes: true, ..RulesSpec::default() }));
        let skipping =
            |name: &str| RulesSpec { skip_names: vec![name.into()], ..RulesSpec::default() };
        assert_ne!(base, digest(skipping("a")));
        assert_eq!(digest(skipping("a")), digest(skipping("A")));
        let all = Kind::ALL.to_vec();
        assert_eq!(base, digest(RulesSpec { kinds: all, ..RulesSpec::default() }));
        assert_eq!(base, digest(RulesSpec { one_file_system: true, ..RulesSpec::default() }));
    }
}
