//! Opens files beneath a directory that is open, whatever others do to the path meanwhile.
//!
//! `O_NOFOLLOW` guards only the last name of a path: each directory on the way can be swapped
//! for a link in the moment before it is opened. Here, no name on the way may be a link that the
//! caller does not accept. On Linux 5.6 and newer the kernel ensures that (openat2(2)). Elsewhere,
//! or where a sandbox forbids the call, each name is opened by itself, relative to the last one.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

/// As many links as Linux follows in one path.
const MOST_LINKS: usize = 40;

/// How often to ask the kernel again if a directory was renamed while it resolved a `..`.
#[cfg(target_os = "linux")]
const ATTEMPTS: usize = 8;

/// To open a directory only to open its entries. This does not need the permission to list it.
#[cfg(target_os = "linux")]
pub const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
/// To open a directory only to open its entries.
#[cfg(not(target_os = "linux"))]
pub const DIRECTORY: OFlags = OFlags::DIRECTORY;

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// None.
    Refused,
    /// Those that lead to a place beneath the directory where the path begins.
    Beneath,
    /// Those that belong to root or to the user of this process. Others could change them.
    Trusted,
}

/// Opens the file at `path`, which is relative, beneath the open directory `root`.
///
/// A link at the last name is treated like the others, and never followed with `O_NOFOLLOW`.
///
/// # Errors
/// `ELOOP` for a link that is refused, `EXDEV` if the path leads out of `root`; otherwise those
/// of `openat(2)`.
pub fn open_beneath(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
    links: Links,
) -> Result<OwnedFd, Errno> {
    if path.is_absolute() {
        return Err(Errno::XDEV);
    }
    match open_at_once(root, path, flags, mode, links) {
        Some(opened) => opened,
        None => open_by_steps(root, path, flags, mode, links),
    }
}

/// Opens the file at `path`. Links on the way are followed if they belong to root or to the user
/// of this process.
///
/// # Errors
/// `ELOOP` for a link that belongs to another user; otherwise those of `open(2)`.
pub fn open_trusted(path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    // Most paths have no links.
    match open_at_once(CWD, path, flags, mode, Links::Trusted) {
        Some(Err(Errno::LOOP)) | None => {
            let start = if path.is_absolute() { root_directory()? } else { here()? };
            open_by_steps(start.as_fd(), path, flags, mode, Links::Trusted)
        }
        Some(opened) => opened,
    }
}

fn root_directory() -> Result<OwnedFd, Errno> {
    rustix::fs::open("/", DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn here() -> Result<OwnedFd, Errno> {
    rustix::fs::open(".", DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a file in one step. `None` if the system cannot do that.
#[cfg(target_os = "linux")]
fn open_at_once(
    at: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
    links: Links,
) -> Option<Result<OwnedFd, Errno>> {
    use rustix::fs::ResolveFlags;
    use std::sync::atomic::{AtomicBool, Ordering};

    // Linux before 5.6 does not have the call.
    static MISSING: AtomicBool = AtomicBool::new(false);
    if MISSING.load(Ordering::Relaxed) {
        return None;
    }
    let resolve = ResolveFlags::NO_MAGICLINKS
        | match links {
            Links::Refused => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
            Links::Beneath => ResolveFlags::BENEATH,
            Links::Trusted => ResolveFlags::NO_SYMLINKS,
        };
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    for _ in 0..ATTEMPTS {
        return match rustix::fs::openat2(at, path, flags | OFlags::CLOEXEC, mode, resolve) {
            Err(Errno::AGAIN) => continue,
            Err(Errno::NOSYS) => {
                MISSING.store(true, Ordering::Relaxed);
                None
            }
            // A sandbox forbids the call, the kernel does not know a flag, or the path is
            // longer than one call takes.
            Err(Errno::PERM | Errno::INVAL | Errno::NAMETOOLONG) => None,
            opened => Some(opened),
        };
    }
    None
}

#[cfg(not(target_os = "linux"))]
fn open_at_once(
    _at: BorrowedFd<'_>,
    _path: &Path,
    _flags: OFlags,
    _mode: Mode,
    _links: Links,
) -> Option<Result<OwnedFd, Errno>> {
    None
}

/// Opens a file name by name.
fn open_by_steps(
    start: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
    links: Links,
) -> Result<OwnedFd, Errno> {
    let mut names = Vec::new();
    add_names(&mut names, path);
    // The directories on the way, for `..`.
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut followed = 0;
    while let Some(name) = names.pop() {
        let at = above.last().map_or(start, AsFd::as_fd);
        if name == ".." {
            if above.pop().is_none() && links != Links::Trusted {
                return Err(Errno::XDEV);
            }
            continue;
        }
        let is_last = names.is_empty();
        let (flags, mode) = if is_last { (flags, mode) } else { (DIRECTORY, Mode::empty()) };
        let opened =
            rustix::fs::openat(at, &name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode);
        match opened {
            Ok(opened) if is_last => return Ok(opened),
            Ok(opened) => {
                if links == Links::Refused {
                    // A path may have thousands of names, and a process fewer descriptors.
                    above.clear();
                }
                above.push(opened);
            }
            Err(errno @ (Errno::LOOP | Errno::MLINK | Errno::NOTDIR)) => {
                let Some(target) = link_at(at, &name, links)? else { return Err(errno) };
                let may_follow = links != Links::Refused
                    && !(is_last && flags.contains(OFlags::NOFOLLOW))
                    && followed < MOST_LINKS;
                if !may_follow {
                    return Err(Errno::LOOP);
                }
                followed += 1;
                let target = Path::new(&target);
                if target.is_absolute() {
                    if links == Links::Beneath {
                        return Err(Errno::XDEV);
                    }
                    above = vec![root_directory()?];
                }
                add_names(&mut names, target);
            }
            Err(errno) => return Err(errno),
        }
    }
    let at = above.last().map_or(start, AsFd::as_fd);
    rustix::fs::openat(at, ".", flags | OFlags::CLOEXEC, mode)
}

/// Adds the names of a path to those that are still to be opened, the first one at the end.
fn add_names(names: &mut Vec<OsString>, path: &Path) {
    let before = names.len();
    names.extend(path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    }));
    names[before..].reverse();
}

/// Where the link `name` leads; `None` if it is not a link.
///
/// # Errors
/// `ELOOP` if the link belongs to a user who is not trusted, and this matters.
fn link_at(at: BorrowedFd<'_>, name: &OsStr, links: Links) -> Result<Option<OsString>, Errno> {
    // On Linux, owner and target are those of one link, even if the name is given to another.
    #[cfg(target_os = "linux")]
    let link = rustix::fs::openat(
        at,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    #[cfg(target_os = "linux")]
    let (at, name) = (link.as_fd(), OsStr::new(""));
    #[cfg(target_os = "linux")]
    let found = rustix::fs::statat(at, name, AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW)?;
    #[cfg(not(target_os = "linux"))]
    let found = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    let own = rustix::process::geteuid().as_raw();
    if links == Links::Trusted && found.st_uid != 0 && found.st_uid != own {
        return Err(Errno::LOOP);
    }
    let target = rustix::fs::readlinkat(at, name, Vec::new())?;
    Ok(Some(OsString::from_vec(OsStr::from_bytes(target.as_bytes()).as_bytes().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

    fn opened(path: &Path) -> OwnedFd {
        rustix::fs::open(path, DIRECTORY, Mode::empty()).unwrap()
    }

    /// The content of a file, or the error, by both ways of opening it.
    fn read(root: &Path, path: &str, links: Links) -> Result<String, Errno> {
        let root = opened(root);
        let steps = open_by_steps(root.as_fd(), Path::new(path), FILE, Mode::empty(), links);
        let whole = open_beneath(root.as_fd(), Path::new(path), FILE, Mode::empty(), links);
        let [steps, whole] = [steps, whole].map(|opened| {
            opened.map(|file| {
                let mut text = String::new();
                File::from(file).read_to_string(&mut text).unwrap();
                text
            })
        });
        assert_eq!(steps, whole, "{path}");
        whole
    }

    #[test]
    fn links_are_followed_only_as_the_caller_accepts_them() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "inside").unwrap();
        fs::write(tree.path().join("file"), "outside").unwrap();
        symlink("a/b", root.join("directory")).unwrap();
        symlink("../b/file", root.join("a/b/link")).unwrap();
        symlink("../..", root.join("a/up")).unwrap();
        symlink(root.join("a"), root.join("absolute")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let (refused, beneath) = (Links::Refused, Links::Beneath);
        for (path, links, expected) in [
            ("a/b/file", refused, Ok("inside")),
            ("./a//b/./file", refused, Ok("inside")),
            ("a/b/none", refused, Err(Errno::NOENT)),
            ("a/b/file/none", refused, Err(Errno::NOTDIR)),
            ("directory/file", refused, Err(Errno::LOOP)),
            ("directory/file", beneath, Ok("inside")),
            ("a/b/link", refused, Err(Errno::LOOP)),
            ("a/b/link", beneath, Ok("inside")),
            ("a/up/file", refused, Err(Errno::LOOP)),
            ("a/up/file", beneath, Err(Errno::XDEV)),
            ("absolute/b/file", refused, Err(Errno::LOOP)),
            ("absolute/b/file", beneath, Err(Errno::XDEV)),
            ("../file", refused, Err(Errno::XDEV)),
            ("a/../../file", beneath, Err(Errno::XDEV)),
            ("loop", beneath, Err(Errno::LOOP)),
        ] {
            assert_eq!(read(&root, path, links).as_deref(), expected.as_ref().copied(), "{path}");
        }
        let absolute = tree.path().join("file");
        let root = opened(&root);
        let found = open_beneath(root.as_fd(), &absolute, FILE, Mode::empty(), Links::Beneath);
        assert_eq!(found.unwrap_err(), Errno::XDEV);
    }

    #[test]
    fn the_last_link_is_not_followed_if_the_caller_says_so() {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("file"), "").unwrap();
        symlink("file", tree.path().join("link")).unwrap();
        let root = opened(tree.path());
        let (path, flags) = (Path::new("link"), FILE | OFlags::NOFOLLOW);
        for open in [open_beneath, open_by_steps] {
            let found = open(root.as_fd(), path, flags, Mode::empty(), Links::Beneath);
            assert_eq!(found.unwrap_err(), Errno::LOOP);
        }
    }

    #[test]
    fn a_file_is_created_only_beneath_the_directory() {
        let tree = tempfile::tempdir().unwrap();
        let (root, other) = (tree.path().join("root"), tree.path().join("other"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&other).unwrap();
        symlink(&other, root.join("link")).unwrap();
        let root = opened(&root);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        for (number, open) in [open_beneath, open_by_steps].into_iter().enumerate() {
            for links in [Links::Refused, Links::Beneath] {
                let path = Path::new("link/file");
                open(root.as_fd(), path, flags, Mode::RUSR, links).unwrap_err();
            }
            let name = number.to_string();
            open(root.as_fd(), Path::new(&name), flags, Mode::RUSR, Links::Refused).unwrap();
        }
        assert_eq!(fs::read_dir(other).unwrap().count(), 0);
    }

    #[test]
    fn a_path_of_thousands_of_names_is_opened_with_few_descriptors() {
        let tree = tempfile::tempdir().unwrap();
        let root = opened(tree.path());
        let name = "d".repeat(100);
        let mut path = std::path::PathBuf::new();
        let mut last = root.try_clone().unwrap();
        for _ in 0..60 {
            rustix::fs::mkdirat(&last, name.as_str(), Mode::RWXU).unwrap();
            last = rustix::fs::openat(&last, name.as_str(), DIRECTORY, Mode::empty()).unwrap();
            path.push(&name);
        }
        open_beneath(root.as_fd(), &path, DIRECTORY, Mode::empty(), Links::Refused).unwrap();
    }

    #[test]
    fn links_of_this_user_on_the_way_to_a_root_are_followed() {
        let tree = tempfile::tempdir().unwrap();
        let tree = tree.path().canonicalize().unwrap();
        fs::create_dir_all(tree.join("a/b")).unwrap();
        symlink("b", tree.join("a/c")).unwrap();
        symlink(tree.join("a/c"), tree.join("d")).unwrap();
        symlink("a/../d/../../d", tree.join("e")).unwrap();
        for path in ["a/b", "a/c", "d", "e"] {
            let found = open_trusted(&tree.join(path), DIRECTORY, Mode::empty()).unwrap();
            let (found, expected) =
                (rustix::fs::fstat(&found).unwrap(), rustix::fs::stat(tree.join("a/b")).unwrap());
            assert_eq!(found.st_ino, expected.st_ino, "{path}");
        }
    }

    #[test]
    fn links_of_other_users_on_the_way_to_a_root_are_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("a")).unwrap();
        let link = tree.path().join("link");
        symlink("a", &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(12_345), None).unwrap();
        let found = open_trusted(&link, DIRECTORY, Mode::empty());
        assert_eq!(found.unwrap_err(), Errno::LOOP);
    }
}
