//! Looking up the addresses of names, as in BIO_lookup_ex(3).

use std::ffi::{CString, c_void};
use std::io;
use std::net::{self, IpAddr};
use std::ptr::NonNull;

use crate::error::lossy;
use crate::literal::{Literal, kinds, parse_ipv4, parse_ipv6, parse_port};
use crate::sys::{self, EaiError, Hints};
use crate::{
    AddrInfo, Error, ErrorKind, Family, HostServ, Operation, Part, Priority, Protocol, Result, Syscall, Type,
    UnixAddr,
};

/// A question to the resolver.
///
/// By default the host is the loopback addresses, or with [`passive`](Self::passive)
/// the wildcard addresses; the service is port 0; family, type and protocol are any.
///
/// ```
/// use biosock::{Lookup, Type};
///
/// for found in Lookup::new().host("localhost").service("80").socktype(Type::STREAM).run()? {
///     assert!(found.addr.ip().is_some_and(|ip| ip.is_loopback()));
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_lookup")]
#[doc(alias = "BIO_lookup_ex")]
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Lookup<'a> {
    host: Option<&'a [u8]>,
    service: Option<&'a [u8]>,
    passive: bool,
    family: Family,
    is_path: bool,
    socktype: Type,
    protocol: Protocol,
    addrconfig: bool,
    numeric_host: bool,
}

impl Default for Lookup<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Lookup<'a> {
    /// An empty query, for connecting.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// assert!(!Lookup::new().service("80").run()?.is_empty());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self {
            host: None,
            service: None,
            passive: false,
            family: Family::Any,
            is_path: false,
            socktype: Type::ANY,
            protocol: Protocol::DEFAULT,
            addrconfig: true,
            numeric_host: false,
        }
    }

    /// A query from a `host:service` string.
    ///
    /// # Errors
    /// Those of [`HostServ::parse`].
    ///
    /// ```
    /// # use biosock::{Lookup, Priority};
    /// let found = Lookup::parse("[::1]:443", Priority::Host)?.run()?;
    /// assert_eq!(found[0].addr.to_string(), "[::1]:443");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn parse(text: &'a str, priority: Priority) -> Result<Self> {
        let HostServ { host, service } = HostServ::parse(text, priority)?;
        let bytes = |part: Part<&'a str>| part.name().map(str::as_bytes);
        Ok(Self { host: bytes(host), service: bytes(service), ..Self::new() })
    }

    /// The host: a name, an address without brackets, or a path for
    /// [`unix`](Self::unix).
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let found = Lookup::new().host("::1").service("1").run()?;
    /// assert_eq!(found[0].addr.to_string(), "[::1]:1");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn host<T: AsRef<[u8]> + ?Sized>(mut self, host: &'a T) -> Self {
        self.host = Some(host.as_ref());
        self
    }

    /// The service: a name from services(5), or a numeric port.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let found = Lookup::new().host("127.0.0.1").service("8080").run()?;
    /// assert_eq!(found[0].addr.port(), Some(8080));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn service<T: AsRef<[u8]> + ?Sized>(mut self, service: &'a T) -> Self {
        self.service = Some(service.as_ref());
        self
    }

    /// For listening: without a host, the results are the wildcard addresses.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let found = Lookup::new().service("0").passive().run()?;
    /// assert!(found.iter().all(|found| found.addr.ip().is_some_and(|ip| ip.is_unspecified())));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_LOOKUP_SERVER")]
    pub const fn passive(mut self) -> Self {
        self.passive = true;
        self
    }

    /// Only a host that is an address, in any form that getaddrinfo(3) takes
    /// (AI_NUMERICHOST), zones among them: no server and no file is asked, and of a
    /// name it is said that there is none (EAI_NONAME).
    ///
    /// ```
    /// # use biosock::{ErrorKind, Lookup, Type};
    /// let found = Lookup::new().host("127.1").socktype(Type::STREAM).numeric_host().run()?;
    /// assert_eq!(found[0].addr.to_string(), "127.0.0.1:0");
    /// let name = Lookup::new().host("localhost").numeric_host().run().unwrap_err();
    /// assert_eq!(name.kind(), ErrorKind::NameNotFound);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "AI_NUMERICHOST")]
    pub const fn numeric_host(mut self) -> Self {
        (self.numeric_host, self.addrconfig) = (true, false);
        self
    }

    /// Only addresses of this family; any by default.
    ///
    /// ```
    /// # use biosock::{Family, Lookup};
    /// assert!(Lookup::new().host("127.0.0.1").service("1").family(Family::Ipv6).run().is_err());
    /// ```
    pub const fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Takes the host as a path, and returns its Unix address; the service and the
    /// family are ignored.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let found = Lookup::new().host("/run/x.sock").unix().run()?;
    /// assert_eq!(found[0].addr.to_string(), "unix:/run/x.sock");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub const fn unix(mut self) -> Self {
        self.is_path = true;
        self
    }

    /// Addresses of every family, even if the machine has none of that family.
    pub(crate) const fn every_family(mut self) -> Self {
        (self.family, self.addrconfig) = (Family::Any, false);
        self
    }

    /// Only sockets of this type. By default each address is returned once for every
    /// type that it applies to.
    ///
    /// ```
    /// # use biosock::{Lookup, Type};
    /// let question = Lookup::new().host("127.0.0.1").service("1");
    /// assert_eq!(question.run()?.len(), 3);
    /// assert_eq!(question.socktype(Type::STREAM).run()?.len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub const fn socktype(mut self, socktype: Type) -> Self {
        self.socktype = socktype;
        self
    }

    /// Only sockets of this protocol.
    ///
    /// ```
    /// # use biosock::{Lookup, Protocol, Type};
    /// let found = Lookup::new().host("::1").service("1").protocol(Protocol::UDP).run()?;
    /// assert_eq!(found[0].socktype, Type::DGRAM);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Runs the lookup; the results are in the resolver's order (RFC 6724).
    ///
    /// # Errors
    /// The resolver's, with its EAI code; a NUL in a name; a port above 65535; a Unix
    /// path that is too long.
    ///
    /// ```
    /// # use biosock::{Lookup, Type};
    /// let found = Lookup::new().host("127.0.0.1").service("80").socktype(Type::STREAM).run()?;
    /// assert_eq!(found[0].addr.to_string(), "127.0.0.1:80");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn run(&self) -> Result<Vec<AddrInfo>> {
        self.check_port()?;
        if self.host.is_none() && self.service.is_none() && !self.is_path {
            let missing = "missing port or service; write *:80";
            return Err(Error::explained(Operation::Lookup, ErrorKind::InvalidInput, "any host", missing));
        }
        // For an unknown zone, the resolver reports that there is no such name.
        let answer = self.answer().or_else(|error| self.check_zone().and(Err(error)));
        Ok(match answer? {
            Answer::Literal(literal) => literal.iter().collect(),
            Answer::System(list) => list.iter().collect(),
            Answer::Unix(found) if found.socktype == Type::ANY => {
                vec![AddrInfo { socktype: Type::STREAM, ..found }]
            }
            Answer::Unix(found) => vec![found],
        })
    }

    /// Runs the lookup; the result is in the form that the C layer returns.
    ///
    /// # Errors
    /// Those of [`run`](Self::run), except that a port above 65535 is passed to the
    /// resolver. A Unix address has the requested type, even if that is any.
    ///
    /// ```
    /// # use biosock::{Lookup, fd::Answer};
    /// let answer = Lookup::new().host("localhost").service("80").answer()?;
    /// assert!(matches!(answer, Answer::System(_)));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn answer(&self) -> Result<Answer> {
        if self.is_path {
            return self.unix_addr().map(Answer::Unix);
        }
        match self.literal() {
            Some(literal) => Ok(Answer::Literal(literal)),
            None => self.ask().map(|list| Answer::System(SystemList(list))),
        }
    }

    /// The C library would take such a port modulo 65536.
    pub(crate) fn check_port(&self) -> Result<()> {
        let service = self.service.unwrap_or_default();
        let number = !service.is_empty() && service.iter().all(u8::is_ascii_digit);
        if number && parse_port(service.iter().copied()).is_none() {
            return Err(Error::bad_text(None, service, 0, "the port is above 65535"));
        }
        Ok(())
    }

    fn unix_addr(&self) -> Result<AddrInfo> {
        let addr = UnixAddr::from_sun_path(self.host.unwrap_or_default())?;
        // AF_UNIX has only one protocol.
        Ok(AddrInfo { addr: addr.into(), socktype: self.socktype, protocol: Protocol::DEFAULT })
    }

    /// The result if it needs no resolver: a numeric address with a decimal port, for
    /// the usual kinds of socket. No system call, no allocation.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// assert!(Lookup::new().host("127.0.0.1").service("80").literal().is_some());
    /// assert!(Lookup::new().host("localhost").service("80").literal().is_none());
    /// ```
    #[doc(hidden)]
    #[must_use]
    pub fn literal(&self) -> Option<Literal> {
        let host = self.host.filter(|_| !self.is_path)?;
        let ip = match self.family {
            Family::Ipv4 => IpAddr::V4(parse_ipv4(host.iter().copied())?),
            Family::Ipv6 => IpAddr::V6(parse_ipv6(host)?),
            Family::Any => parse_ipv4(host.iter().copied())
                .map(IpAddr::V4)
                .or_else(|| parse_ipv6(host).map(IpAddr::V6))?,
        };
        let port = self.service.map_or(Some(0), |port| parse_port(port.iter().copied()))?;
        let kinds = kinds(self.socktype, self.protocol)?;
        Some(Literal::new(net::SocketAddr::new(ip, port), kinds))
    }

    /// Calls getaddrinfo; if that fails with AI_ADDRCONFIG, calls it again for a
    /// numeric address, like the original.
    fn ask(&self) -> Result<sys::AddrInfoList> {
        let host = self.c_host()?;
        let service = self.service.map(|it| self.c_string(it, "NUL byte in the service")).transpose()?;
        let mut hints = Hints {
            passive: self.passive,
            addrconfig: self.addrconfig && self.host.is_some() && self.family == Family::Any,
            numeric_host: self.numeric_host,
            family: self.family.domain(),
            socktype: self.socktype,
            protocol: self.protocol,
        };
        let ask = |hints| sys::getaddrinfo(host.as_deref(), service.as_deref(), hints);
        let first = match ask(hints) {
            Err(error) if hints.addrconfig && !error.is_of_the_system() => error,
            done => return done.map_err(|error| self.error(error)),
        };
        (hints.addrconfig, hints.numeric_host) = (false, true);
        // If that fails too, the first error is the relevant one.
        ask(hints).map_err(|_| self.error(first))
    }

    fn error(&self, error: EaiError) -> Error {
        let text = match (self.host, self.service) {
            (Some(host), Some(service)) if host.contains(&b':') => lossy(&[b"[", host, b"]:", service]),
            (Some(host), Some(service)) => lossy(&[host, b":", service]),
            (Some(host), None) => lossy(&[host]),
            (None, Some(service)) => lossy(&[b"*:", service]),
            (None, None) => lossy(&[b"nothing"]),
        };
        let EaiError { code, system, shortage } = error;
        Error::resolver_call(Operation::Lookup, code, system, shortage, text)
    }

    /// The zone of an IPv6 address must be an interface.
    pub(crate) fn check_zone(&self) -> Result<()> {
        let host = self.host.unwrap_or_default();
        let Some(at) = host.iter().position(|byte| *byte == b'%') else { return Ok(()) };
        let (Some(_), Ok(zone)) = (parse_ipv6(&host[..at]), std::str::from_utf8(&host[at + 1..])) else {
            return Ok(());
        };
        if zone.is_empty() || zone.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(());
        }
        match sys::interface_index(zone) {
            Ok(None) => Err(Error::explained(
                Operation::Lookup,
                ErrorKind::Io(io::ErrorKind::NotFound),
                lossy(&[host]),
                format_args!("no such interface: {zone}"),
            )),
            Ok(Some(_)) => Ok(()),
            // The resolver would query in the same way.
            Err(errno) => {
                let errno = errno.raw_os_error();
                Err(Error::system_call(Operation::Lookup, Syscall::Socket, errno, None).about(lossy(&[host])))
            }
        }
    }

    fn c_host(&self) -> Result<Option<CString>> {
        self.host.map(|host| self.c_string(host, "NUL byte in the host")).transpose()
    }

    /// A string for the resolver. If out of memory, the error is the resolver's.
    fn c_string(&self, text: &[u8], problem: &'static str) -> Result<CString> {
        if let Some(at) = text.iter().position(|byte| *byte == 0) {
            return Err(Error::bad_text(None, text, at, problem));
        }
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(text.len() + 1).is_err() {
            return Err(self.error(EaiError::NO_MEMORY));
        }
        bytes.extend_from_slice(text);
        bytes.push(0);
        CString::from_vec_with_nul(bytes).map_err(|_| Error::bad_text(None, text, 0, problem))
    }
}

/// The result of a [`Lookup`], before conversion to values.
///
/// ```
/// use biosock::{Lookup, fd::Answer};
///
/// let answer = Lookup::new().host("127.0.0.1").service("80").answer()?;
/// assert!(matches!(answer, Answer::Literal(_)));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
pub enum Answer {
    /// A numeric address with a numeric port: nothing was looked up.
    Literal(Literal),
    /// getaddrinfo(3)'s result.
    System(SystemList),
    /// An AF_UNIX address.
    Unix(AddrInfo),
}

/// A list from getaddrinfo(3), freed when dropped.
///
/// ```
/// # use biosock::{Lookup, fd::Answer};
/// if let Answer::System(list) = Lookup::new().host("localhost").service("1").answer()? {
///     assert!(list.iter().count() > 0);
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
pub struct SystemList(sys::AddrInfoList);

impl SystemList {
    /// The results of the families that [`SocketAddr`](crate::SocketAddr) supports, in order.
    ///
    /// ```
    /// # use biosock::{Lookup, fd::Answer};
    /// if let Answer::System(list) = Lookup::new().host("localhost").service("80").answer()? {
    ///     assert!(list.iter().all(|found| found.addr.port() == Some(80)));
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = AddrInfo> + '_ {
        self.0.iter().filter_map(|entry| {
            let addr = entry.addr.to_addr()?;
            Some(AddrInfo { addr, socktype: entry.socktype, protocol: entry.protocol })
        })
    }

    /// Gives up the first `struct addrinfo`, which the caller frees with freeaddrinfo(3).
    ///
    /// ```
    /// # use biosock::{Lookup, fd::Answer};
    /// if let Answer::System(list) = Lookup::new().host("localhost").service("80").answer()? {
    ///     // The caller frees it with freeaddrinfo(3).
    ///     let _first = list.into_raw();
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn into_raw(self) -> NonNull<c_void> {
        self.0.into_raw()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use proptest::prelude::*;

    fn hosts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<Ipv4Addr>().prop_map(|ip| ip.to_string()),
            any::<Ipv6Addr>().prop_map(|ip| ip.to_string()),
            any::<[u16; 8]>().prop_map(|g| g.map(|g| format!("{g:x}")).join(":")),
            any::<Ipv4Addr>().prop_map(|ip| format!("::ffff:{ip}")),
            "[0-9a-fA-F:.]{1,12}",
            "[0-9]{1,3}(\\.[0-9]{1,3}){0,4}",
            "(0x)?[0-9]{1,4}\\.0?[0-9]{1,3}\\.1",
        ]
    }

    fn services() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("0{0,12}[0-9]{1,5}")
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// Every result without the resolver is the same as the resolver's.
        #[test]
        fn literals_agree_with_getaddrinfo(
            host in hosts(),
            service in services(),
            family in prop::sample::select(vec![Family::Any, Family::Ipv4, Family::Ipv6]),
            socktype in 0..4i32,
            protocol in prop::sample::select(vec![0, 6, 17, 1, 132]),
            passive: bool,
        ) {
            let mut question = Lookup::new().host(&host).family(family)
                .socktype(Type::from_raw(socktype)).protocol(Protocol::from_raw(protocol));
            if let Some(service) = &service {
                question = question.service(service);
            }
            question.passive = passive;
            if let Some(literal) = question.literal() {
                let ours: Vec<_> = literal.iter().collect();
                let theirs: Vec<_> = SystemList(question.ask().unwrap()).iter().collect();
                prop_assert_eq!(ours, theirs);
            }
        }
    }

    #[test]
    fn other_queries_are_left_to_the_resolver() {
        for (host, service) in
            [("127.1", "80"), ("0x7f.1", "80"), ("::1%lo", "80"), ("127.0.0.1", "http"), ("", "1")]
        {
            assert!(Lookup::new().host(host).service(service).literal().is_none(), "{host} {service}");
        }
        assert!(Lookup::new().service("80").literal().is_none());
    }
}
