//! The system calls of Linux: `getdents64` and `statx`.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, RawDir, StatxFlags};
use rustix::io::Errno;

use super::types::{EntryType, FreshStat, Stat, nanoseconds};

/// Room for about a thousand names per call: two calls list most directories.
const LIST_BUFFER_BYTES: usize = 64 * 1024;

/// The buffer into which names are read; each thread needs one.
pub struct ListBuffer(Vec<u8>);

impl Default for ListBuffer {
    fn default() -> Self {
        Self(Vec::with_capacity(LIST_BUFFER_BYTES))
    }
}

/// Calls `each` with every entry of the open directory except `.` and `..`: its name, its
/// type if the file system reports it, and its inode.
pub fn list(
    directory: BorrowedFd<'_>,
    buffer: &mut ListBuffer,
    mut each: impl FnMut(&CStr, Option<EntryType>, u64),
) -> Result<(), Errno> {
    let mut entries = RawDir::new(directory, buffer.0.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            each(name, EntryType::from_file_type(entry.file_type()), entry.ino());
        }
    }
    Ok(())
}

/// `lstat` of `name` in `directory`; `stat` if `follow`.
pub fn stat_at(directory: BorrowedFd<'_>, name: &CStr, follow: bool) -> Result<Stat, Errno> {
    let flags = match follow {
        true => AtFlags::empty(),
        false => AtFlags::SYMLINK_NOFOLLOW,
    };
    stat(directory, name, flags)
}

/// `fstat` of a directory that was just opened. Its properties are taken from the cache: a
/// network share does not have to be asked again.
pub fn stat_fd(opened: BorrowedFd<'_>) -> Result<Stat, Errno> {
    stat(opened, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC)
}

/// See [`crate::stat_afresh`].
pub fn stat_afresh(directory: BorrowedFd<'_>, name: &CStr) -> Result<FreshStat, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_FORCE_SYNC;
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let found = match rustix::fs::statx(directory, name, flags, wanted) {
        Err(Errno::NOSYS) => {
            let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            return Ok(FreshStat::of_stat(&found));
        }
        found => found?,
    };
    let has_birth = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    Ok(FreshStat {
        device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
        inode: found.stx_ino,
        size: found.stx_size,
        mtime_ns: nanoseconds(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
        ctime_ns: nanoseconds(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec),
        birth_ns: has_birth.then(|| nanoseconds(found.stx_btime.tv_sec, found.stx_btime.tv_nsec)),
        links: u64::from(found.stx_nlink),
    })
}

fn stat(directory: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<Stat, Errno> {
    // Old kernels do not have statx, and old container profiles forbid it.
    static NO_STATX: AtomicBool = AtomicBool::new(false);
    if !NO_STATX.load(Ordering::Relaxed) {
        let wanted = StatxFlags::TYPE | StatxFlags::SIZE | StatxFlags::MTIME | StatxFlags::INO;
        match rustix::fs::statx(directory, name, flags | AtFlags::NO_AUTOMOUNT, wanted) {
            Ok(found) => {
                return Ok(Stat {
                    entry_type: EntryType::from_mode(u32::from(found.stx_mode)),
                    size: found.stx_size,
                    mtime: (found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
                    inode: found.stx_ino,
                    device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
                });
            }
            Err(Errno::NOSYS) => NO_STATX.store(true, Ordering::Relaxed),
            Err(errno) => return Err(errno),
        }
    }
    let found = rustix::fs::statat(directory, name, flags - AtFlags::STATX_DONT_SYNC)?;
    Ok(Stat {
        entry_type: EntryType::from_mode(found.st_mode),
        size: u64::try_from(found.st_size).unwrap_or(0),
        mtime: (found.st_mtime, found.st_mtime_nsec as u32),
        inode: found.st_ino,
        device: found.st_dev,
    })
}

/// Whether the file system of this directory keeps inode numbers.
///
/// FUSE, SMB and the FAT family make the numbers up when a file is looked up, so a different
/// number does not mean a different file. The file systems in the list store them on the
/// disk, or get them from a server that does.
pub fn keeps_inodes(directory: BorrowedFd<'_>) -> bool {
    const KEEPING: [u32; 13] = [
        0xEF53,      // ext2, ext3, ext4
        0x5846_5342, // xfs
        0x9123_683E, // btrfs
        0x2FC1_2FC1, // zfs
        0xF2F5_2010, // f2fs
        0xCA45_1A4E, // bcachefs
        0x5265_4973, // reiserfs
        0x3153_464A, // jfs
        0x0102_1994, // tmpfs
        0x794C_7630, // overlayfs
        0x6969,      // nfs
        0x00C3_6400, // ceph
        0x0000_3434, // nilfs2
    ];
    rustix::fs::fstatfs(directory).is_ok_and(|found| KEEPING.contains(&(found.f_type as u32)))
}

/// Makes the disk serve this thread, and threads that it starts later, only when no other
/// program uses it. False if the kernel does not support this.
#[allow(unsafe_code, reason = "rustix has no ioprio_set(2); the proof is inside")]
pub fn set_idle_io() -> io::Result<bool> {
    // From linux/ioprio.h. Process 0 is the calling thread.
    const WHO_PROCESS: libc::c_long = 1;
    const IDLE: libc::c_long = 3 << 13;
    let this: libc::c_long = 0;
    // SAFETY: the call takes three numbers and touches no memory of this process.
    if unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, this, IDLE) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(false),
        error => Err(error),
    }
}
