//! `host:service` parsing, as in BIO_parse_hostserv(3). No allocation, no system
//! call; results are borrowed from the string.

use crate::{Error, Reason, Result};

/// What a string without a colon is: a host or a service.
///
/// ```
/// use biosock::{HostServ, Part, Priority};
///
/// assert_eq!(HostServ::parse("https", Priority::Service)?.service, Part::Named("https"));
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_hostserv_priorities")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// It names a host.
    #[doc(alias = "BIO_PARSE_PRIO_HOST")]
    Host,
    /// It names a service.
    #[doc(alias = "BIO_PARSE_PRIO_SERV")]
    Service,
}

/// The host, or the service, as given in a string.
///
/// ```
/// use biosock::{HostServ, Part, Priority};
///
/// let parsed = HostServ::parse("*", Priority::Host)?;
/// assert_eq!((parsed.host, parsed.service), (Part::Any, Part::Unmentioned));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<T> {
    /// Not in the string. The C routine leaves the caller's pointer unchanged.
    Unmentioned,
    /// `*` or empty: any. The C routine stores NULL.
    Any,
    /// A name or number.
    Named(T),
}

impl<T> Part<T> {
    /// The name, if there is one.
    ///
    /// ```
    /// # use biosock::Part;
    /// assert_eq!(Part::Named("http").name(), Some("http"));
    /// assert_eq!(Part::<&str>::Any.name(), None);
    /// ```
    pub fn name(self) -> Option<T> {
        match self {
            Self::Named(name) => Some(name),
            Self::Any | Self::Unmentioned => None,
        }
    }

    fn map<U>(self, f: impl FnOnce(T) -> U) -> Part<U> {
        match self {
            Self::Named(name) => Part::Named(f(name)),
            Self::Any => Part::Any,
            Self::Unmentioned => Part::Unmentioned,
        }
    }
}

/// The two parts of a `host:service` string.
///
/// The forms are `host:service`, `host:*`, `host:`, `:service`, `*:service`, and
/// `host` or `service` alone, depending on [`Priority`]. A host may be in brackets,
/// an IPv6 address must be: `[::1]:80`.
///
/// ```
/// use biosock::{HostServ, Part, Priority};
///
/// let parsed = HostServ::parse("[::1]:https", Priority::Host)?;
/// assert_eq!(parsed.host, Part::Named("::1"));
/// assert_eq!(parsed.service, Part::Named("https"));
///
/// let error = HostServ::parse("a:b:c", Priority::Host).unwrap_err();
/// assert_eq!(error.input(), Some(("a:b:c", 3)));
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_parse_hostserv")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostServ<T> {
    /// The host.
    pub host: Part<T>,
    /// The service.
    pub service: Part<T>,
}

impl<'a> HostServ<&'a str> {
    /// Parses a string.
    ///
    /// # Errors
    /// [`Reason::AmbiguousHostOrService`] for a second colon outside brackets,
    /// [`Reason::MalformedHostOrService`] for brackets that are not closed or are
    /// followed by anything but one `:service`. The error has the string and the
    /// offset ([`Error::input`]).
    pub fn parse(text: &'a str, priority: Priority) -> Result<Self> {
        // The parts begin and end next to ASCII marks, so they are whole characters.
        let to_str = |part: &'a [u8]| std::str::from_utf8(part).unwrap_or_default();
        let HostServ { host, service } = HostServ::parse_bytes(text.as_bytes(), priority)?;
        Ok(Self { host: host.map(to_str), service: service.map(to_str) })
    }
}

impl<'a> HostServ<&'a [u8]> {
    /// Parses a string that need not be UTF-8.
    ///
    /// # Errors
    /// As [`parse`](HostServ::parse).
    ///
    /// ```
    /// use biosock::{HostServ, Part, Priority};
    ///
    /// let parsed = HostServ::parse_bytes(b"\xff:80", Priority::Host)?;
    /// assert_eq!(parsed.host, Part::Named(&b"\xff"[..]));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn parse_bytes(text: &'a [u8], priority: Priority) -> Result<Self> {
        match text {
            [b'[', rest @ ..] => parse_bracketed(text, rest),
            _ => parse_plain(text, priority),
        }
    }
}

fn parse_bracketed<'a>(text: &'a [u8], rest: &'a [u8]) -> Result<HostServ<&'a [u8]>> {
    let close = find(rest, b']').ok_or_else(|| malformed(text, text.len(), "missing closing ]"))?;
    let host = part(&rest[..close]);
    match &rest[close + 1..] {
        [] => Ok(HostServ { host, service: Part::Unmentioned }),
        [b':', service @ ..] => match find(service, b':') {
            None => Ok(HostServ { host, service: part(service) }),
            Some(at) => Err(malformed(text, close + 3 + at, "a second colon follows the host")),
        },
        _ => Err(malformed(text, close + 2, "only :service may follow the closing ]")),
    }
}

fn parse_plain(text: &[u8], priority: Priority) -> Result<HostServ<&[u8]>> {
    let Some(colon) = find(text, b':') else {
        return Ok(match priority {
            Priority::Host => HostServ { host: part(text), service: Part::Unmentioned },
            Priority::Service => HostServ { host: Part::Unmentioned, service: part(text) },
        });
    };
    let (host, service) = (&text[..colon], &text[colon + 1..]);
    match find(service, b':') {
        None => Ok(HostServ { host: part(host), service: part(service) }),
        Some(at) => {
            Err(Error::bad_text(Reason::AmbiguousHostOrService, text, colon + 1 + at, "a second colon"))
        }
    }
}

fn part(text: &[u8]) -> Part<&[u8]> {
    match text {
        b"" | b"*" => Part::Any,
        name => Part::Named(name),
    }
}

fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|&b| b == byte)
}

fn malformed(text: &[u8], at: usize, problem: &'static str) -> Error {
    Error::bad_text(Reason::MalformedHostOrService, text, at, problem)
}
