//! The media of real file systems. They are mounted from images, which only root can do. For
//! other users these tests do nothing and report that.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use vpo_engine::{Medium, medium_of, physical_start};

/// Runs a command and returns its output; `None` if it failed or does not exist.
fn run(program: &str, words: &[&Path]) -> Option<String> {
    let done = Command::new(program).args(words).output().ok()?;
    done.status.success().then(|| String::from_utf8(done.stdout).unwrap().trim().to_owned())
}

/// Loop devices, and a mounted file system on them.
struct Mounted {
    directory: tempfile::TempDir,
    devices: Vec<PathBuf>,
}

impl Mounted {
    /// `None` if this is not possible.
    fn new(maker: &str, devices: usize) -> Option<Self> {
        let mut new = Self { directory: tempfile::tempdir().unwrap(), devices: Vec::new() };
        for number in 0..devices {
            let image = new.directory.path().join(number.to_string());
            fs::File::create(&image).unwrap().set_len(128 << 20).unwrap();
            let words = [Path::new("--find"), Path::new("--show"), &image];
            new.devices.push(run("losetup", &words)?.into());
        }
        let made: Vec<&Path> = new.devices.iter().map(PathBuf::as_path).collect();
        run(maker, &made)?;
        fs::create_dir(new.point()).unwrap();
        run("mount", &[&new.devices[0], &new.point()])?;
        Some(new)
    }

    fn point(&self) -> PathBuf {
        self.directory.path().join("point")
    }

    /// Makes the kernel report whether a device rotates.
    fn set(&self, device: usize, rotational: &str) {
        let name = self.devices[device].file_name().unwrap();
        let queue = Path::new("/sys/block").join(name).join("queue/rotational");
        fs::write(queue, rotational).unwrap();
    }

    fn medium(&self, path: &Path) -> Medium {
        medium_of(fs::metadata(path).unwrap().dev(), path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Ignores errors: a mount that is still in use stays.
        let _ = run("umount", &[&self.point()]);
        for device in &self.devices {
            let _ = run("losetup", &[Path::new("--detach"), device]);
        }
    }
}

#[test]
fn the_medium_of_a_file_system_is_that_of_its_device() {
    let Some(mounted) = Mounted::new("mkfs.ext4", 1) else { return eprintln!("no loop device") };
    let file = mounted.point().join("film.mkv");
    fs::write(&file, "content").unwrap();
    for (rotational, medium) in [("1", Medium::Rotating), ("0", Medium::Solid)] {
        mounted.set(0, rotational);
        assert_eq!(mounted.medium(&file), medium);
    }
}

#[test]
fn the_medium_of_a_btrfs_depends_on_all_of_its_devices_also_in_a_subvolume() {
    let Some(mounted) = Mounted::new("mkfs.btrfs", 2) else { return eprintln!("no btrfs") };
    let subvolume = mounted.point().join("sub volume");
    let create = ["subvolume", "create"].map(Path::new);
    run("btrfs", &[create[0], create[1], &subvolume]).unwrap();
    for (first, second, medium) in
        [("0", "0", Medium::Solid), ("0", "1", Medium::Rotating), ("1", "0", Medium::Rotating)]
    {
        mounted.set(0, first);
        mounted.set(1, second);
        for path in [mounted.point(), subvolume.clone()] {
            assert_eq!(mounted.medium(&path), medium, "{first} {second} {}", path.display());
        }
    }
}

#[test]
fn files_have_a_place_on_the_disk_after_they_were_written() {
    let Some(mounted) = Mounted::new("mkfs.ext4", 1) else { return eprintln!("no loop device") };
    let mut places = Vec::new();
    for name in ["a", "b"] {
        fs::write(mounted.point().join(name), vec![1; 1 << 20]).unwrap();
        let file = fs::File::open(mounted.point().join(name)).unwrap();
        file.sync_all().unwrap();
        places.push(physical_start(file.as_fd()).unwrap());
    }
    assert!(places[0].abs_diff(places[1]) >= 1 << 20, "{places:?}");
    let empty = fs::File::create(mounted.point().join("empty")).unwrap();
    assert_eq!(physical_start(empty.as_fd()), None);
    assert_eq!(physical_start(fs::File::open("/proc/self/stat").unwrap().as_fd()), None);
}
