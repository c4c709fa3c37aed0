//! Whether a file system is on a rotating disk, according to sysfs.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags};

use super::types::Medium;

/// The medium of several devices together: if one of them rotates, it decides the speed.
fn together(media: impl IntoIterator<Item = Medium>) -> Medium {
    media
        .into_iter()
        .reduce(|all, one| match (all, one) {
            (Medium::Rotating, _) | (_, Medium::Rotating) => Medium::Rotating,
            (Medium::Solid, Medium::Solid) => Medium::Solid,
            _ => Medium::Unknown,
        })
        .unwrap_or(Medium::Unknown)
}

/// The medium of the file system with the device number `device` (`st_dev`). `path` is any
/// file or directory on it. [`Medium::Unknown`] if it cannot be found out.
///
/// The medium of a device does not change, so callers should ask only once.
pub fn medium_of(device: u64, path: &Path) -> Medium {
    let sysfs = Sysfs(Path::new("/sys"));
    if rustix::fs::major(device) != 0 {
        return sysfs.medium(&sysfs.block(device));
    }
    // The file system made the number up, as btrfs does for each subvolume.
    let Some((kind, source)) = mounted(device, path) else { return Medium::Unknown };
    // A file system in user space may name anything as its source.
    if kind.starts_with(b"fuse") {
        return Medium::Unknown;
    }
    sysfs.block_of_source(&source).map_or(Medium::Unknown, |block| sysfs.medium_of_all(&block))
}

/// `/sys`, or a copy that a test made.
struct Sysfs<'a>(&'a Path);

impl Sysfs<'_> {
    /// The directory of a block device.
    fn block(&self, device: u64) -> PathBuf {
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        self.0.join(format!("dev/block/{major}:{minor}"))
    }

    /// The directory of the block device that is the source of a mount. Containers show the
    /// mounts of the host but not its `/dev`; there, the name of the device is used.
    fn block_of_source(&self, source: &Path) -> Option<PathBuf> {
        match fs::metadata(source) {
            Ok(found) if found.file_type().is_block_device() => Some(self.block(found.rdev())),
            Ok(_) => None,
            Err(_) if source.starts_with("/dev") => {
                Some(self.0.join("class/block").join(source.file_name()?))
            }
            Err(_) => None,
        }
    }

    /// The medium of one block device. A partition has no queue of its own; the queue of its
    /// disk is in the parent directory. Device mapper and md devices have a queue with the
    /// property of the devices below them.
    fn medium(&self, block: &Path) -> Medium {
        for queue in ["queue/rotational", "../queue/rotational"] {
            match fs::read(block.join(queue)).as_deref() {
                Ok(b"1\n") => return Medium::Rotating,
                Ok(b"0\n") => return Medium::Solid,
                _ => {}
            }
        }
        Medium::Unknown
    }

    /// The medium of a block device, together with the other devices of its btrfs.
    fn medium_of_all(&self, block: &Path) -> Medium {
        let devices = fs::canonicalize(block).ok().and_then(|wanted| {
            list(&self.0.join("fs/btrfs")).map(|system| list(&system.join("devices"))).find_map(
                |devices| {
                    let devices: Vec<_> = devices.flat_map(fs::canonicalize).collect();
                    devices.contains(&wanted).then_some(devices)
                },
            )
        });
        match devices {
            Some(devices) => together(devices.iter().map(|device| self.medium(device))),
            None => self.medium(block),
        }
    }
}

/// The paths in a directory; none if the directory does not exist.
fn list(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// The type and the source of the mount that contains `path`, if its device is `device`.
fn mounted(device: u64, path: &Path) -> Option<(Vec<u8>, PathBuf)> {
    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let found = rustix::fs::statx(CWD, path, flags, StatxFlags::MNT_ID).ok()?;
    // Only Linux 5.8 and later report the mount. `path` may lead to another file now.
    if found.stx_mask & StatxFlags::MNT_ID.bits() == 0
        || rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor) != device
    {
        return None;
    }
    in_mountinfo(&fs::read("/proc/self/mountinfo").ok()?, found.stx_mnt_id)
}

/// The type and the source of a mount in `/proc/self/mountinfo` (see proc(5)).
fn in_mountinfo(mounts: &[u8], id: u64) -> Option<(Vec<u8>, PathBuf)> {
    let id = id.to_string();
    mounts.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b' ');
        if fields.next() != Some(id.as_bytes()) {
            return None;
        }
        // Before it there may be any number of optional fields.
        fields.find(|field| field == b"-")?;
        let (kind, source) = (fields.next()?, fields.next()?);
        let source = unescaped(source);
        Some((kind.to_owned(), PathBuf::from(std::ffi::OsStr::from_bytes(&source))))
    })
}

/// Replaces escapes such as `\040` by the bytes that they stand for.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, behind)) = rest.split_first() {
        let octal = behind.first_chunk::<3>().filter(|digits| {
            first == b'\\' && digits.iter().all(|digit| matches!(digit, b'0'..=b'7'))
        });
        match octal {
            Some([high, middle, low]) => {
                plain.push((high & 3) << 6 | (middle & 7) << 3 | low & 7);
                rest = &behind[3..];
            }
            None => {
                plain.push(first);
                rest = behind;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A `/sys` with the disks `sda` (8:0, rotates), `sdb` (8:16, does not), their
    /// partitions, `dm-0` (253:0), and `zero` (9:0), for which nothing is reported.
    fn sysfs() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("dev/block")).unwrap();
        fs::create_dir_all(root.path().join("class/block")).unwrap();
        for (number, place, rotational) in [
            ("8:0", "sda", Some("1\n")),
            ("8:1", "sda/sda1", None),
            ("8:16", "sdb", Some("0\n")),
            ("8:17", "sdb/sdb1", None),
            ("253:0", "dm-0", Some("1\n")),
            ("9:0", "zero", None),
        ] {
            let directory = root.path().join("devices").join(place);
            fs::create_dir_all(&directory).unwrap();
            if let Some(rotational) = rotational {
                fs::create_dir(directory.join("queue")).unwrap();
                fs::write(directory.join("queue/rotational"), rotational).unwrap();
            }
            symlink(&directory, root.path().join("dev/block").join(number)).unwrap();
            let name = directory.file_name().unwrap();
            symlink(&directory, root.path().join("class/block").join(name)).unwrap();
        }
        root
    }

    fn btrfs(root: &Path, uuid: &str, devices: &[&str]) {
        let directory = root.join("fs/btrfs").join(uuid).join("devices");
        fs::create_dir_all(&directory).unwrap();
        for device in devices {
            let target = fs::canonicalize(root.join("class/block").join(device)).unwrap();
            symlink(target, directory.join(device)).unwrap();
        }
    }

    #[test]
    fn a_partition_has_the_medium_of_its_disk() {
        let root = sysfs();
        let sysfs = Sysfs(root.path());
        for (major, minor, medium) in [
            (8, 0, Medium::Rotating),
            (8, 1, Medium::Rotating),
            (8, 16, Medium::Solid),
            (8, 17, Medium::Solid),
            (253, 0, Medium::Rotating),
            (9, 0, Medium::Unknown),
            (8, 99, Medium::Unknown),
        ] {
            let block = sysfs.block(rustix::fs::makedev(major, minor));
            assert_eq!(sysfs.medium(&block), medium, "{major}:{minor}");
        }
    }

    #[test]
    fn a_btrfs_rotates_if_one_of_its_devices_does() {
        let root = sysfs();
        let sysfs = Sysfs(root.path());
        let of = |name: &str| sysfs.medium_of_all(&root.path().join("class/block").join(name));
        assert_eq!((of("sda1"), of("sdb1")), (Medium::Rotating, Medium::Solid));
        fs::create_dir_all(root.path().join("fs/btrfs/features")).unwrap();
        btrfs(root.path(), "1-1", &["dm-0"]);
        btrfs(root.path(), "2-2", &["sda1", "sdb1"]);
        btrfs(root.path(), "3-3", &["sdb", "zero"]);
        assert_eq!((of("sda1"), of("sdb1")), (Medium::Rotating, Medium::Rotating));
        assert_eq!((of("sdb"), of("dm-0")), (Medium::Unknown, Medium::Rotating));
    }

    #[test]
    fn the_source_of_a_mount_is_a_block_device_or_the_name_of_one() {
        let root = sysfs();
        let sysfs = Sysfs(root.path());
        let block = sysfs.block_of_source(Path::new("/dev/not here/sdb1")).unwrap();
        assert_eq!(sysfs.medium_of_all(&block), Medium::Solid);
        for source in ["tmpfs", "nas:/films", "//nas/films", "/dev/null", "/nowhere/sda1", "/dev"] {
            assert_eq!(sysfs.block_of_source(Path::new(source)), None, "{source}");
        }
    }

    #[test]
    fn a_mount_is_found_by_its_number() {
        let mounts = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            31 1 0:44 /home /mnt/a\\040- b rw shared:1 master:7 - btrfs /dev/my\\040disk\\134 rw\n\
            310 1 0:45 / /x\xFF rw - fuse.sshfs nas: rw\n\
            32 1 0:46\n";
        let found = |id| in_mountinfo(mounts, id);
        assert_eq!(found(22), Some((b"proc".to_vec(), "proc".into())));
        assert_eq!(found(31), Some((b"btrfs".to_vec(), "/dev/my disk\\".into())));
        assert_eq!(found(310), Some((b"fuse.sshfs".to_vec(), "nas:".into())));
        assert_eq!((found(32), found(3)), (None, None));
    }

    #[test]
    fn the_medium_of_a_file_system_in_memory_is_unknown() {
        for place in ["/proc", "/sys"] {
            let device = fs::metadata(place).unwrap().dev();
            assert_eq!(medium_of(device, Path::new(place)), Medium::Unknown, "{place}");
        }
    }
}
