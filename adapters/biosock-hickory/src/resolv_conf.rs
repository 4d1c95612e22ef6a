//! /etc/resolv.conf, which is not waited for.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::system_conf::parse_resolv_conf;

/// The most bytes of the file; a larger one counts as unreadable.
const MOST: u64 = 64 << 10;

pub(crate) fn read() -> Result<(ResolverConfig, ResolverOpts), NetError> {
    parse_resolv_conf(content(Path::new("/etc/resolv.conf"))?)
}

/// A FIFO would wait for a writer, and a device may have no end: InvalidInput,
/// without an open(2), which a device may act on. EFBIG for too large a file.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    check_regular(&fs::metadata(path)?)?;
    // Another may have its name since.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    check_regular(&file.metadata()?)?;
    let mut content = Vec::new();
    file.take(MOST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(content)
}

fn check_regular(of: &Metadata) -> io::Result<()> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
    of.is_file().then_some(()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_small_regular_file_is_read() {
        let kind = |path: &str| content(Path::new(path)).map_err(|error| error.kind());
        assert_eq!(kind("/dev/zero"), Err(io::ErrorKind::InvalidInput));
        assert_eq!(kind("/dev"), Err(io::ErrorKind::InvalidInput));
        assert_eq!(kind("/dev/no-such"), Err(io::ErrorKind::NotFound));
        let large = tempfile::NamedTempFile::new().unwrap();
        large.as_file().set_len(65_536).unwrap();
        assert_eq!(content(large.path()).unwrap().len(), 65_536);
        large.as_file().set_len(65_537).unwrap();
        assert_eq!(content(large.path()).unwrap_err().raw_os_error(), Some(libc::EFBIG));
    }
}
