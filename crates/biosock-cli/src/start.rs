//! Which standard descriptors are closed, which is known only before `main`.
//!
//! Rust's runtime opens /dev/null in place of a closed standard descriptor, so
//! that no file gets its number. After that, writes succeed, and the /dev/null
//! cannot be distinguished from one that a parent opened (Python, Node and runc
//! open it for both directions, too).

use std::sync::atomic::{AtomicU8, Ordering};

use rustix::io::{Errno, fcntl_getfd};
use rustix::stdio;

/// A bit each for standard output and standard error, set if it was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

ctor::declarative::ctor! {
    /// Two fcntl(2) calls, which do not need Rust's runtime.
    #[ctor(unsafe)]
    fn note_closed_descriptors() {
        for (bit, fd) in [(OUTPUT, stdio::stdout()), (ERROR, stdio::stderr())] {
            if fcntl_getfd(fd) == Err(Errno::BADF) {
                CLOSED.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }
}

pub(crate) const OUTPUT: u8 = 1;
pub(crate) const ERROR: u8 = 2;

/// EBADF if this descriptor was closed when the process started.
pub(crate) fn check_open(descriptor: u8) -> std::io::Result<()> {
    match CLOSED.load(Ordering::Relaxed) & descriptor {
        0 => Ok(()),
        _ => Err(Errno::BADF.into()),
    }
}
