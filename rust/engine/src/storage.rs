//! Where the content of files is stored, when files were created, and how they are now.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::directory_cache::DirectoryCache;
use crate::sys;
pub use crate::sys::FreshStat;

/// An identifier of the place where the content of a file is stored. Two files of one file
/// system have the same identifier if and only if they have the same size and share all of
/// their extents. `None` if it is unknown, if the file has storage of its own, or if `path`
/// is not a regular file. It is opened in `directories`; a link at `path` is not followed.
///
/// # Errors
/// Those of [`DirectoryCache::open`].
pub fn storage_of(directories: &DirectoryCache, path: &Path) -> io::Result<Option<[u8; 16]>> {
    let file = directories.open(path, false)?;
    let is_regular = file.metadata()?.is_file();
    Ok(if is_regular { sys::storage_of(file.as_fd()) } else { None })
}

/// When the file at `path` was created, in nanoseconds since 1970. With `follow`, a link at
/// `path` is followed. `None` if the file system does not record it.
///
/// A rename keeps the birth time. A new file with a reused inode number has a different one.
#[must_use]
pub fn birth_time(path: &Path, follow: bool) -> Option<i64> {
    let found = if follow { path.metadata() } else { path.symlink_metadata() };
    let since = found.ok()?.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().filter(|&since| since > 0)
}

/// So many files are looked at one after the other, to see how long that takes.
const SAMPLE: usize = 32;

/// If looking at a file takes longer than this, as on shares, many are looked at in parallel.
const SLOW: Duration = Duration::from_micros(300);
const THREADS_IF_SLOW: usize = 32;

/// To start a thread takes as long as to look at some files.
const LEAST_FOR_A_THREAD: usize = 256;

/// A regular file as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `st_dev`.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// The mtime in nanoseconds since 1970, clamped to 64 bits.
    pub mtime_ns: i64,
    /// How many names it has.
    pub links: u64,
}

/// Looks at many files, in parallel. `None` for a file that is gone, that cannot be looked at, or
/// that is not regular. A link at a path is not followed.
#[must_use]
pub fn look_at(paths: &[PathBuf]) -> Vec<Option<Seen>> {
    let (sample, rest) = paths.split_at(paths.len().min(SAMPLE));
    let begin = Instant::now();
    let mut found: Vec<_> = sample.iter().map(look_at_one).collect();
    let is_slow = begin.elapsed() > SLOW * SAMPLE as u32;
    let (threads, least) = if is_slow {
        (THREADS_IF_SLOW, 1)
    } else {
        (thread::available_parallelism().map_or(2, usize::from), LEAST_FOR_A_THREAD)
    };
    let share = rest.len().div_ceil(threads).max(least);
    let look_at_all = |paths: &[PathBuf]| paths.iter().map(look_at_one).collect::<Vec<_>>();
    thread::scope(|scope| {
        let shares: Vec<_> = rest
            .chunks(share)
            .map(|paths| {
                let started =
                    thread::Builder::new().spawn_scoped(scope, move || look_at_all(paths));
                (paths, started)
            })
            .collect();
        for (paths, started) in shares {
            let joined = started.ok().and_then(|thread| thread.join().ok());
            // If no thread can be started, this one does the work.
            found.extend(joined.unwrap_or_else(|| look_at_all(paths)));
        }
    });
    found
}

fn look_at_one(path: impl AsRef<Path>) -> Option<Seen> {
    let found = path.as_ref().symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mtime_ns = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    Some(Seen {
        device: found.dev(),
        inode: found.ino(),
        size: found.len(),
        mtime_ns: mtime_ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
        links: found.nlink(),
    })
}

/// The status of `name` in an open directory as its file system has it now: a share, or a
/// program behind FUSE, is asked, even if the kernel remembers an answer. A link is not
/// followed.
///
/// # Errors
/// The errors of `statx(2)`.
pub fn stat_afresh(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<FreshStat> {
    Ok(sys::stat_afresh(directory, name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_of_many_paths_is_looked_at_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let paths: Vec<_> =
            (0..2000).map(|number| directory.path().join(number.to_string())).collect();
        for (number, path) in paths.iter().enumerate() {
            match number % 50 {
                7 => {}
                8 => fs::create_dir(path).unwrap(),
                9 => std::os::unix::fs::symlink(&paths[0], path).unwrap(),
                _ => fs::write(path, vec![0; number]).unwrap(),
            }
        }
        for count in [0, 1, SAMPLE, SAMPLE + 1, 2000] {
            let found = look_at(&paths[..count]);
            assert_eq!(found.len(), count);
            for (number, seen) in found.into_iter().enumerate() {
                let expected = fs::symlink_metadata(&paths[number]).ok().filter(|it| it.is_file());
                assert_eq!(seen.map(|seen| seen.inode), expected.map(|it| it.ino()), "{number}");
                assert!(seen.is_none_or(|seen| (seen.size, seen.links) == (number as u64, 1)));
            }
        }
    }
}
