//! What happens when a mapped file cannot be read or written (SIGBUS, sigaction(2)).
#![allow(unsafe_code, reason = "rustix sets no signal handlers; the proofs are inside")]

use std::io;
use std::ptr;
use std::sync::OnceLock;

/// What the handler writes, and the exit status. Set once, before the handler is.
static ENDING: OnceLock<(Box<[u8]>, i32)> = OnceLock::new();

/// From now on, SIGBUS ends the process with a message on stderr and this exit status.
///
/// The first message counts. Nothing is changed if something else handles SIGBUS already.
pub fn end_on_bus_error(message: &[u8], status: i32) -> io::Result<()> {
    let ending = ENDING.get_or_init(|| (message.into(), status));
    debug_assert!(!ending.0.is_empty());
    // SAFETY: an all-zero sigaction is a valid value of this C struct. sigaction(2) only reads
    // from and writes to the two structs, which live until it returns. Without
    // SA_SIGINFO, a handler takes one number, as this one does. Its code is never unloaded, since
    // Python does not unload extension modules.
    unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) != 0 {
            return Err(io::Error::last_os_error());
        }
        if before.sa_sigaction != libc::SIG_DFL {
            return Ok(());
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        if libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

extern "C" fn handler(_signal: libc::c_int) {
    // A signal that another process sends ends the process as well: nothing is lost by that.
    let (message, status) =
        ENDING.get().map_or((&[][..], 2), |(message, status)| (message, *status));
    // SAFETY: write(2) and _exit(2) are async-signal-safe (signal-safety(7)). `message` is a
    // valid slice that nothing ever changes: `ENDING` is set once, before the handler is, and
    // reading it is an atomic load. _exit does not return, so the access that failed is not
    // repeated.
    unsafe {
        libc::write(2, message.as_ptr().cast(), message.len());
        libc::_exit(status);
    }
}
