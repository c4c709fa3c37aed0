//! Where the content of a file is stored on its disk (`FS_IOC_FIEMAP`).
//!
//! The structures are in `linux/fiemap.h`, their meaning is in the kernel's
//! `Documentation/filesystems/fiemap.rst`.
#![allow(unsafe_code, reason = "rustix has no safe call of this ioctl; the proof is in `ask`")]

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use xxhash_rust::xxh3::Xxh3;

/// The number of extents that are read at a time (7 KiB). Most files have fewer.
const PAGE: usize = 128;

/// Writes dirty pages first, because they have no place on the disk before.
const FLAG_SYNC: u32 = 0x1;

const LAST: u32 = 0x1;
const UNKNOWN: u32 = 0x2;
const DELALLOC: u32 = 0x4;
/// Compressed, for example. The place is that of the whole compressed extent, even if the
/// file uses only the middle of it.
const ENCODED: u32 = 0x8;
const ENCRYPTED: u32 = 0x80;
const NOT_ALIGNED: u32 = 0x100;
const INLINE: u32 = 0x200;
const TAIL: u32 = 0x400;
/// Reserved, but not written. Reads as zeros.
const UNWRITTEN: u32 = 0x800;
const SHARED: u32 = 0x2000;

/// The extent has no place of its own in whole blocks.
const NO_PLACE: u32 = UNKNOWN | DELALLOC | NOT_ALIGNED | INLINE | TAIL;

/// `struct fiemap` without the extents.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Header {
    start: u64,
    length: u64,
    flags: u32,
    mapped_extents: u32,
    extent_count: u32,
    reserved: u32,
}

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Extent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

/// `struct fiemap` with room for `N` extents.
#[repr(C)]
struct Request<const N: usize> {
    header: Header,
    extents: [Extent; N],
}

// The number of the ioctl contains the size of the header alone.
const FS_IOC_FIEMAP: Opcode = opcode::read_write::<Header>(b'f', 11);
const _: () = assert!(size_of::<Header>() == 32 && size_of::<Extent>() == 56);

impl<const N: usize> Request<N> {
    fn new(flags: u32) -> Self {
        let header = Header { flags, extent_count: N as u32, ..Header::default() };
        Self { header, extents: [Extent::default(); N] }
    }

    /// The first `N` extents that contain bytes of `file` between `start` and `end`.
    fn ask(&mut self, file: BorrowedFd<'_>, start: u64, end: u64) -> Result<&[Extent], Errno> {
        self.header.start = start;
        self.header.length = end.saturating_sub(start);
        self.header.mapped_extents = 0;
        // SAFETY: the kernel reads a `struct fiemap` at the address. It writes to it and to
        // `extent_count` structs of `struct fiemap_extent` after it. `Request` has the same
        // layout (asserted above), and `extent_count` is N: `new` sets it and nothing changes it.
        // The request is borrowed until the call returns. All its fields are integers, for which
        // any bytes are valid.
        unsafe { ioctl(file, Updater::<FS_IOC_FIEMAP, Self>::new(self))? };
        let mapped = (self.header.mapped_extents as usize).min(N);
        Ok(&self.extents[..mapped])
    }
}

/// The byte of its device at which a file begins, so that files can be read in this order.
/// `None` if it is unknown. Only files of the same file system can be compared.
pub fn physical_start(file: BorrowedFd<'_>) -> Option<u64> {
    let mut request = Request::<1>::new(0);
    let first = request.ask(file, 0, u64::MAX).ok()?.first()?;
    (first.flags & (UNKNOWN | DELALLOC | INLINE) == 0).then_some(first.physical)
}

/// An identifier of the place where a file's content is stored. Two files of one file system
/// have the same identifier if and only if they have the same size and share all of their
/// extents (reflinks).
///
/// So removing one of the two frees no space. It does not prove that they have the same
/// content: the kernel does not report which part of a compressed extent a file uses.
///
/// `None` if it is unknown, or if the file has storage of its own, so that no other file can
/// have the same identifier. Dirty pages are written first.
pub fn storage_of(file: BorrowedFd<'_>) -> Option<[u8; 16]> {
    let size = u64::try_from(rustix::fs::fstat(file).ok()?.st_size).ok()?;
    let mut request = Request::<PAGE>::new(FLAG_SYNC);
    let mut storage = Storage::new(size);
    let mut start = 0;
    while start < size {
        let extents = request.ask(file, start, size).ok()?;
        let Some(last) = extents.last().copied() else { break };
        for extent in extents {
            if storage.add(extent).is_break() {
                return None;
            }
        }
        let next = last.logical.checked_add(last.length)?;
        if last.flags & LAST != 0 {
            break;
        }
        // To continue with such an answer would never end.
        if next <= start {
            return None;
        }
        start = next;
    }
    storage.finish()
}

/// Computes the identifier from the extents of a file. It does not matter how they are split:
/// two files that share their content may have it in different numbers of extents.
struct Storage {
    size: u64,
    hasher: Xxh3,
    /// Logical, physical, length. It is not hashed yet, because the next extent may continue
    /// it.
    open: Option<(u64, u64, u64)>,
    any: bool,
}

impl Storage {
    fn new(size: u64) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&size.to_le_bytes());
        Self { size, hasher, open: None, any: false }
    }

    /// Takes the next extent. Breaks if the place is unknown or belongs to this file alone.
    fn add(&mut self, extent: &Extent) -> ControlFlow<()> {
        if extent.logical >= self.size {
            return ControlFlow::Continue(());
        }
        if extent.flags & (NO_PLACE | ENCRYPTED) != 0 {
            return ControlFlow::Break(());
        }
        // It counts as a hole: a file that shares all other extents may have a hole here.
        if extent.flags & UNWRITTEN != 0 {
            return ControlFlow::Continue(());
        }
        if extent.flags & SHARED == 0 {
            return ControlFlow::Break(());
        }
        self.any = true;
        let length = extent.length.min(self.size - extent.logical);
        if extent.flags & ENCODED != 0 {
            self.close();
            self.hash(1, extent.logical, extent.physical, length);
            return ControlFlow::Continue(());
        }
        match &mut self.open {
            Some((logical, physical, open))
                if logical.checked_add(*open) == Some(extent.logical)
                    && physical.checked_add(*open) == Some(extent.physical) =>
            {
                *open += length;
            }
            _ => {
                self.close();
                self.open = Some((extent.logical, extent.physical, length));
            }
        }
        ControlFlow::Continue(())
    }

    fn close(&mut self) {
        if let Some((logical, physical, length)) = self.open.take() {
            self.hash(0, logical, physical, length);
        }
    }

    fn hash(&mut self, encoded: u64, logical: u64, physical: u64, length: u64) {
        for number in [encoded, logical, physical, length] {
            self.hasher.update(&number.to_le_bytes());
        }
    }

    fn finish(mut self) -> Option<[u8; 16]> {
        self.close();
        self.any.then(|| self.hasher.digest128().to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// The identifier of a file with these extents: logical, physical, length and flags.
    fn storage(size: u64, extents: &[(u64, u64, u64, u32)]) -> Option<[u8; 16]> {
        let mut storage = Storage::new(size);
        for &(logical, physical, length, flags) in extents {
            let extent = Extent { logical, physical, length, flags, ..Extent::default() };
            if storage.add(&extent).is_break() {
                return None;
            }
        }
        storage.finish()
    }

    #[test]
    fn how_extents_are_split_does_not_matter() {
        let whole = storage(3 * MIB, &[(0, 8 * MIB, 3 * MIB, SHARED | LAST)]);
        assert!(whole.is_some());
        let split = [(0, 8 * MIB, MIB, SHARED), (MIB, 9 * MIB, 2 * MIB, SHARED | LAST)];
        assert_eq!(storage(3 * MIB, &split), whole);
        // But not if the next extent is elsewhere on the disk or in the file.
        let moved = [(0, 8 * MIB, MIB, SHARED), (MIB, 10 * MIB, 2 * MIB, SHARED | LAST)];
        let behind_a_hole = [(0, 8 * MIB, MIB, SHARED), (2 * MIB, 9 * MIB, MIB, SHARED | LAST)];
        for other in [moved, behind_a_hole] {
            assert!(storage(3 * MIB, &other).is_some_and(|other| Some(other) != whole));
        }
    }

    #[test]
    fn the_size_counts_and_space_that_is_reserved_after_it_does_not() {
        let whole = storage(MIB, &[(0, 8 * MIB, MIB, SHARED | LAST)]);
        let reserved = [(0, 8 * MIB, 2 * MIB, SHARED), (2 * MIB, 10 * MIB, MIB, UNWRITTEN | LAST)];
        assert_eq!(storage(MIB, &reserved), whole);
        assert_ne!(storage(MIB - 1, &[(0, 8 * MIB, MIB, SHARED | LAST)]), whole);
    }

    #[test]
    fn compressed_extents_are_not_joined() {
        let joined = storage(2 * MIB, &[(0, 8 * MIB, 2 * MIB, SHARED | ENCODED)]);
        let split = [(0, 8 * MIB, MIB, SHARED | ENCODED), (MIB, 9 * MIB, MIB, SHARED | ENCODED)];
        assert!(joined.is_some());
        assert_ne!(storage(2 * MIB, &split), joined);
        assert_ne!(storage(2 * MIB, &[(0, 8 * MIB, 2 * MIB, SHARED)]), joined);
    }

    #[test]
    fn a_file_with_storage_of_its_own_or_without_a_place_has_no_identifier() {
        assert_eq!(storage(MIB, &[]), None);
        assert_eq!(storage(MIB, &[(0, 8 * MIB, MIB, UNWRITTEN | SHARED)]), None);
        for flags in [0, UNKNOWN, UNKNOWN | DELALLOC, NOT_ALIGNED | INLINE, NOT_ALIGNED | TAIL] {
            let shared = if flags == 0 { 0 } else { SHARED };
            let extents = [(0, 8 * MIB, MIB, SHARED), (MIB, 64 * MIB, MIB, shared | flags)];
            assert_eq!(storage(2 * MIB, &extents), None, "{flags:x}");
        }
    }

    #[test]
    fn numbers_of_any_size_are_accepted() {
        let most = u64::MAX;
        storage(most, &[(most - 1, most, most, SHARED), (0, most, most, SHARED)]);
        storage(most, &[(0, 0, most, SHARED), (most, most, most, SHARED)]);
    }
}
