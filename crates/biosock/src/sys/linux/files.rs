//! Reading local files, without blocking.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

/// Opens a regular file for reading, with its metadata.
///
/// Anything else is InvalidInput: a FIFO would wait for a writer, and a device may
/// have no end, or act on open(2).
pub(crate) fn open_regular(path: &str) -> io::Result<(File, Metadata)> {
    let regular = |of: Metadata| {
        let refused = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        of.is_file().then_some(of).ok_or_else(refused)
    };
    regular(fs::metadata(path)?)?;
    // Another file may have its name now.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let metadata = regular(file.metadata()?)?;
    Ok((file, metadata))
}

/// The rest of a file; EFBIG if it has more bytes than this.
pub(crate) fn read_at_most(file: File, most: u64) -> io::Result<Vec<u8>> {
    // Enough to read most files at once.
    let mut content = Vec::with_capacity(4 << 10);
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(content)
}
