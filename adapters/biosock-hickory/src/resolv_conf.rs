//! Reading /etc/resolv.conf without blocking.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::system_conf::parse_resolv_conf;

/// The most bytes of the file; a larger file counts as unreadable.
const MOST: u64 = 64 << 10;

pub(crate) fn read() -> Result<(ResolverConfig, ResolverOpts), NetError> {
    parse(&content(Path::new("/etc/resolv.conf"))?)
}

/// Without the servers that have a zone, which hickory would drop from the address.
fn parse(text: &[u8]) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let (zoned, rest): (Vec<_>, Vec<_>) =
        lines.partition(|line| server(line).is_some_and(|server| server.contains(&b'%')));
    if !zoned.is_empty() && !rest.iter().any(|line| server(line).is_some()) {
        let why = "each of its servers has a zone, which hickory does not take";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why).into());
    }
    parse_resolv_conf(rest.concat())
}

/// The server that a line names.
fn server(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if words.next() == Some(b"nameserver") { words.next() } else { None }
}

/// InvalidInput for a FIFO, which would wait for a writer, or a device, which may have
/// no end: without an open(2), which may affect a device. EFBIG if the file is too
/// large.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    check_regular(&fs::metadata(path)?)?;
    // Another file may have the name by now.
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
    fn a_server_with_a_zone_is_left_out() {
        let text = "search x\nnameserver fe80::1%eth0\nnameserver\t::1\n# nameserver 1.1.1.1%x\n";
        let (config, _) = parse(text.as_bytes()).unwrap();
        let servers: Vec<_> = config.name_servers().iter().map(|server| server.ip.to_string()).collect();
        assert_eq!(servers, ["::1"]);
        let none = parse(b"nameserver fe80::1%eth0").unwrap_err();
        assert!(none.to_string().contains("each of its servers has a zone"), "{none}");
        assert!(!parse(b"search x").unwrap_err().to_string().contains("zone"));
    }

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
