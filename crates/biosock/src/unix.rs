//! AF_UNIX addresses from paths, names and strings.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::FromStr;

use crate::{Error, Result, UnixAddr};

impl UnixAddr {
    /// From a path of 1 to 108 bytes (on Linux); with 108 there is no room for a NUL,
    /// which the kernel accepts.
    ///
    /// # Errors
    /// A path that is empty, too long or contains a NUL.
    ///
    /// ```
    /// # use biosock::UnixAddr;
    /// assert!(UnixAddr::from_path("x".repeat(108)).is_ok());
    /// assert!(UnixAddr::from_path("x".repeat(109)).is_err());
    /// ```
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let bytes = path.as_ref().as_os_str().as_bytes();
        if bytes.is_empty() {
            return Err(Error::bad_text(None, bytes, 0, "the path is empty"));
        }
        if let Some(at) = bytes.iter().position(|&b| b == 0) {
            return Err(Error::bad_text(None, bytes, at, "NUL byte in the path"));
        }
        Self::from_sun_path(bytes)
    }

    /// From a name of 0 to 107 bytes in Linux's abstract namespace, NULs allowed.
    ///
    /// # Errors
    /// A name that is too long.
    ///
    /// ```
    /// # use biosock::UnixAddr;
    /// let addr = UnixAddr::from_abstract_name(b"name")?;
    /// assert_eq!(addr.to_string(), "unix:@name");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn from_abstract_name(name: &[u8]) -> Result<Self> {
        Self::from_name(name)
            .map_err(|at| Error::bad_text(None, name, at, "an abstract name has at most 107 bytes"))
    }

    /// From the used bytes of `sun_path`: nothing, a NUL and an abstract name, or a
    /// path (ended by a NUL or by the field).
    pub(crate) fn from_sun_path(from: &[u8]) -> Result<Self> {
        Self::from_bytes(from).map_err(|(at, problem)| Error::bad_text(None, from, at, problem))
    }
}

impl FromStr for UnixAddr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |at, problem| Error::bad_text(None, text.as_bytes(), at, problem);
        let body = text.strip_prefix("unix:").ok_or_else(|| bad(0, "a Unix address begins with unix:"))?;
        let unescape = |part: &str| {
            unescape(part).map_err(|at| {
                bad(text.len() - part.len() + at, r"an escape is \x and two hexadecimal digits")
            })
        };
        match body.strip_prefix('@') {
            Some(name) => Self::from_abstract_name(&unescape(name)?),
            None if body.is_empty() => Ok(Self::unnamed()),
            None => Self::from_path(OsStr::from_bytes(&unescape(body)?)),
        }
    }
}

/// Undoes the escapes, or returns the offset of an invalid one.
fn unescape(text: &str) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first != b'\\' {
            out.push(*first);
            rest = after;
            continue;
        }
        let (byte, after) = hex_escape(after).ok_or(text.len() - rest.len())?;
        out.push(byte);
        rest = after;
    }
    Ok(out)
}

/// The byte of `xHH`, and the rest.
fn hex_escape(rest: &[u8]) -> Option<(u8, &[u8])> {
    let [b'x', high, low, after @ ..] = rest else { return None };
    let digit = |b: u8| char::from(b).to_digit(16);
    // Two hexadecimal digits make at most 255.
    let byte = (digit(*high)? * 16 + digit(*low)?) as u8;
    Some((byte, after))
}
