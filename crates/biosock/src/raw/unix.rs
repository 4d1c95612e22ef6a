//! AF_UNIX addresses (unix(7)): paths up to the full length of `sun_path`, Linux
//! abstract names, and the unnamed address.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{SUN_PATH_LEN, needs_escape};

/// The address of an AF_UNIX socket.
///
/// Its text form is `unix:PATH`, `unix:@NAME` for an abstract name and
/// `unix:` for the unnamed address. Bytes that are not printable UTF-8, a
/// backslash, and an `@` that begins a path are written as `\xHH`.
///
/// ```
/// use biosock::UnixAddr;
///
/// let addr = UnixAddr::from_path("/run/x.sock")?;
/// assert_eq!(addr.to_string(), "unix:/run/x.sock");
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "sockaddr_un")]
#[derive(Clone, Copy)]
pub struct UnixAddr {
    // The used length of `bytes`: 0 is unnamed; an abstract name includes its NUL.
    len: u8,
    bytes: [u8; SUN_PATH_LEN],
}

impl UnixAddr {
    /// The unnamed address. Binding to it makes Linux choose an abstract name.
    ///
    /// ```
    /// # use biosock::UnixAddr;
    /// assert!(UnixAddr::unnamed().is_unnamed());
    /// ```
    #[must_use]
    pub const fn unnamed() -> Self {
        Self { len: 0, bytes: [0; SUN_PATH_LEN] }
    }

    /// From the used bytes of `sun_path`: nothing, a NUL and an abstract name, or a
    /// path (ended by a NUL or by the field).
    ///
    /// # Errors
    /// The offset, and what is wrong.
    pub(crate) fn from_bytes(from: &[u8]) -> Result<Self, (usize, &'static str)> {
        let from = match from {
            [] | [0, ..] => from,
            path => without_trailing_nul(path)?,
        };
        if from.len() > SUN_PATH_LEN {
            return Err((SUN_PATH_LEN, "a Unix path has at most 108 bytes"));
        }
        let mut bytes = [0; SUN_PATH_LEN];
        bytes[..from.len()].copy_from_slice(from);
        Ok(Self { len: from.len() as u8, bytes })
    }

    /// From an abstract name.
    ///
    /// # Errors
    /// The maximum length in bytes.
    pub(crate) fn from_name(name: &[u8]) -> Result<Self, usize> {
        if name.len() >= SUN_PATH_LEN {
            return Err(SUN_PATH_LEN - 1);
        }
        let mut bytes = [0; SUN_PATH_LEN];
        bytes[1..=name.len()].copy_from_slice(name);
        Ok(Self { len: name.len() as u8 + 1, bytes })
    }

    /// The used bytes of `sun_path`, without a path's terminating NUL.
    pub(crate) fn sun_path(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The path, if this address has one.
    ///
    /// ```
    /// # use biosock::UnixAddr;
    /// assert_eq!(UnixAddr::unnamed().path(), None);
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self.sun_path() {
            [] | [0, ..] => None,
            path => Some(Path::new(OsStr::from_bytes(path))),
        }
    }

    /// The abstract name without its leading NUL, if this address has one.
    ///
    /// ```
    /// # use biosock::UnixAddr;
    /// let addr: UnixAddr = "unix:@x".parse()?;
    /// assert_eq!(addr.abstract_name(), Some(&b"x"[..]));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn abstract_name(&self) -> Option<&[u8]> {
        match self.sun_path() {
            [0, name @ ..] => Some(name),
            _ => None,
        }
    }

    /// Whether this is the unnamed address.
    ///
    /// ```
    /// # use biosock::UnixAddr;
    /// assert!("unix:".parse::<UnixAddr>()?.is_unnamed());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub const fn is_unnamed(&self) -> bool {
        self.len == 0
    }
}

fn without_trailing_nul(path: &[u8]) -> Result<&[u8], (usize, &'static str)> {
    match path.iter().position(|&b| b == 0) {
        None => Ok(path),
        Some(end) if path[end..].iter().all(|&b| b == 0) => Ok(&path[..end]),
        Some(at) => Err((at, "NUL byte in the path")),
    }
}

impl PartialEq for UnixAddr {
    // In a loop over addresses of any family, the optimiser would read `len` before
    // checking the family, and valgrind would report it.
    #[inline(never)]
    fn eq(&self, other: &Self) -> bool {
        self.sun_path() == other.sun_path()
    }
}

impl Eq for UnixAddr {}

impl std::hash::Hash for UnixAddr {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.sun_path().hash(state);
    }
}

impl PartialOrd for UnixAddr {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnixAddr {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sun_path().cmp(other.sun_path())
    }
}

impl fmt::Display for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unix:")?;
        match self.sun_path() {
            [0, name @ ..] => {
                f.write_str("@")?;
                escape(name, f)
            }
            // An @ here is part of the path, not the mark of an abstract name.
            [b'@', rest @ ..] => {
                f.write_str(r"\x40")?;
                escape(rest, f)
            }
            path => escape(path, f),
        }
    }
}

impl fmt::Debug for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if needs_escape(c) || c == '\\' {
                escape_bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), f)?;
            } else {
                write!(f, "{c}")?;
            }
        }
        escape_bytes(chunk.invalid(), f)?;
    }
    Ok(())
}

fn escape_bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|b| write!(f, r"\x{b:02x}"))
}
