//! Which pages of a file are in the page cache; this does not read them (mincore(2)).
#![allow(unsafe_code, reason = "rustix has no mincore(2); the proof is in `resident_pages`")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// Whether each page of the `length` bytes at `offset` is in memory. `offset` must be a
/// multiple of the page size. `None` if this is unknown, for example because the file cannot
/// be mapped.
///
/// If the caller neither owns the file nor may write to it, the kernel reports that all pages
/// are in memory.
pub fn resident_pages(file: BorrowedFd<'_>, offset: u64, length: usize) -> Option<Vec<bool>> {
    let mut pages = vec![0_u8; length.div_ceil(rustix::param::page_size())];
    let offset = libc::off_t::try_from(offset).ok()?;
    // SAFETY: this is a new mapping at an address that the kernel chooses, so it replaces no
    // other mapping. It cannot be accessed (PROT_NONE) and never is, so neither a file that
    // is truncated nor a disk that fails can raise a signal. `pages` has one byte for each
    // page that mincore is asked about, and mincore writes to nothing else. The whole mapping
    // is removed, with the address and length with which it was made.
    let is_known = unsafe {
        let flags = libc::MAP_SHARED;
        let fd = file.as_raw_fd();
        let mapped = libc::mmap(ptr::null_mut(), length, libc::PROT_NONE, flags, fd, offset);
        if mapped == libc::MAP_FAILED {
            return None;
        }
        let answer = libc::mincore(mapped, length, pages.as_mut_ptr());
        libc::munmap(mapped, length);
        answer == 0
    };
    is_known.then(|| pages.iter().map(|page| page & 1 == 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn data_that_was_just_written_is_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, vec![1; 100_000]).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let pages = resident_pages(file.as_fd(), 0, 100_000).unwrap();
        assert_eq!(pages.len(), 100_000_usize.div_ceil(rustix::param::page_size()));
        assert!(pages.iter().all(|page| *page));
        assert!(resident_pages(file.as_fd(), 0, 0).is_none());
    }

    #[test]
    fn a_pipe_has_no_pages() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(resident_pages(reader.as_fd(), 0, 4096).is_none());
    }
}
