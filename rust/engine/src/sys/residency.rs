//! Which pages of a file are in the page cache, without reading them (mincore(2)).
#![allow(unsafe_code, reason = "rustix has no mincore(2); the proof is in `resident_pages`")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// Whether each page of `length` bytes at `offset`, which is a multiple of the size
/// of a page, is in memory. `None` where that cannot be told, as with files that
/// cannot be mapped.
///
/// Of files that are neither the caller's nor writable to it the kernel says that
/// all pages are.
pub fn resident_pages(file: BorrowedFd<'_>, offset: u64, length: usize) -> Option<Vec<bool>> {
    let mut pages = vec![0_u8; length.div_ceil(rustix::param::page_size())];
    let offset = libc::off_t::try_from(offset).ok()?;
    // SAFETY: a new mapping at an address that the kernel chooses takes the place of
    // nothing. It cannot be accessed (PROT_NONE) and never is: neither a file that
    // becomes shorter nor a disk that fails can raise a signal. `pages` has a byte for
    // each page that mincore is asked about, which is all that it writes to. The
    // mapping is given back whole, under the address and length that it was made with.
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
    fn what_was_written_just_now_is_in_memory() {
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
