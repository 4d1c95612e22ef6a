//! Standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::event::{EventfdFlags, eventfd};
use rustix::stdio::dup2_stdout;

use crate::failure::{Failure, Result};
use crate::messages;
use crate::start;

/// Writes to standard output, after all earlier messages.
pub(crate) fn write_text(text: &[u8]) -> Result<()> {
    messages::flush(messages::PATIENCE);
    open().and_then(|mut output| write_all(&mut output, text)).map_err(|error| Failure::output(&error))
}

/// Standard output without std's buffer, and without std treating a write to a
/// closed descriptor as success.
pub(crate) fn open() -> io::Result<File> {
    start::check_open(start::OUTPUT)?;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Closes standard output, given what [`open`] returned, so that its reader
/// sees the end while the process goes on.
pub(crate) fn close(output: File) -> io::Result<()> {
    // Reports a network file system's delayed write errors (close(2)).
    let closed = nix::unistd::close(output);
    // Keeps the descriptor number occupied, so that no file gets it. An eventfd
    // needs no /dev, and output written to it fails.
    dup2_stdout(eventfd(0, EventfdFlags::CLOEXEC)?)?;
    Ok(closed?)
}

/// Writes all, even to a non-blocking descriptor.
pub(crate) fn write_all(output: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                biosock::wait(&output, biosock::Interest::Write, None)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
