//! Name lookups by querying DNS servers, without threads: [`HickoryResolver`] is an
//! [`AsyncResolver`] for biosock's [`Dialer`](biosock::dial::Dialer), built on
//! hickory-resolver.
//!
//! ```no_run
//! use std::sync::Arc;
//! use biosock::dial::Dialer;
//! use biosock_hickory::HickoryResolver;
//!
//! # async fn dial() -> Result<(), Box<dyn std::error::Error>> {
//! let dialer = Dialer::new().async_resolver(Arc::new(HickoryResolver::from_system()?));
//! let dialed = dialer.dial_async("example.org:443").await?;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod resolv_conf;

use std::io;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use biosock::dial::{
    AsyncResolver, Question, Resolver, Resolving, SystemResolver, hosts_file, resolve_on_threads,
    sort_destinations,
};
use biosock::{Domain, Error, ErrorKind, Family, Lookup, Operation, Result, SocketAddr};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{IntoName, RecordType};

/// Queries DNS servers itself, without a thread, where getaddrinfo(3) would occupy one
/// for each question. It uses /etc/hosts and DNS, but not mDNS or any other source in
/// nsswitch.conf(5); a name that is not ASCII, or has an escape, is not found. The last
/// 32 answers are cached for their time to live, and are sorted as by
/// [`sort_destinations`]: the first 256 addresses of each.
///
/// It needs a tokio runtime with its I/O and time drivers; one value serves any number
/// of dials of that runtime, and its clones share its cache. A service name, and a
/// large /etc/hosts that has changed, are read on one of biosock's [lookup
/// threads](biosock::dial::lookup_threads).
///
/// ```no_run
/// use std::sync::Arc;
/// use biosock::dial::Dialer;
/// use biosock_hickory::HickoryResolver;
///
/// # async fn dial() -> Result<(), Box<dyn std::error::Error>> {
/// let dialer = Dialer::new().async_resolver(Arc::new(HickoryResolver::from_system()?));
/// let dialed = dialer.dial_async("example.org:443").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HickoryResolver {
    dns: TokioResolver,
    /// Resolves service names.
    system: Arc<dyn Resolver>,
}

impl HickoryResolver {
    /// Queries the servers in /etc/resolv.conf (resolv.conf(5)), which is read now.
    ///
    /// # Errors
    /// The file cannot be read, is not a regular file, is larger than 64 KiB, or has no
    /// server; or all of its servers have a zone (`fe80::1%eth0`), which hickory does
    /// not support. If only some have, those are skipped.
    ///
    /// ```
    /// use biosock_hickory::HickoryResolver;
    ///
    /// match HickoryResolver::from_system() {
    ///     Ok(resolver) => println!("{resolver:?}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn from_system() -> Result<Self> {
        resolv_conf::read().and_then(|(config, options)| Self::new(config, options)).map_err(unreadable)
    }

    /// Queries these servers, by UDP, and by TCP if an answer is too long for UDP.
    ///
    /// # Errors
    /// There is no server, or one is not an IPv4 or IPv6 address, or has a zone
    /// (`fe80::1%eth0`), which hickory does not support.
    ///
    /// ```
    /// use biosock_hickory::HickoryResolver;
    ///
    /// let resolver = HickoryResolver::with_servers(&["127.0.0.1:53".parse()?])?;
    /// assert!(HickoryResolver::with_servers(&[]).is_err());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self> {
        if servers.is_empty() {
            let error = Error::from_kind(Operation::Lookup, ErrorKind::InvalidInput);
            return Err(error.about("with no DNS server"));
        }
        let servers = servers.iter().map(name_server).collect::<Result<_>>()?;
        let built = Self::new(ResolverConfig::from_name_servers(servers), ResolverOpts::default());
        built.map_err(|error| {
            let kind = kind_of(&error).unwrap_or(ErrorKind::LookupFailed);
            Error::from_kind(Operation::Lookup, kind).about("with DNS servers").with_source(error)
        })
    }

    fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, NetError> {
        // hickory reads that file once; biosock reads it again when it has changed.
        options.use_hosts_file = ResolveHosts::Never;
        // Each may be as large as a TCP message, and is copied when it is found.
        options.cache_size = MOST_ANSWERS;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Ok(Self { dns: builder.with_options(options).build()?, system: services() })
    }

    async fn ask(&self, question: Question) -> Result<Vec<SocketAddr>> {
        let port = self.port(&question).await?;
        let Some(host) = &question.host else {
            let loopback = match question.family {
                Domain::IPV6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
                _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            return Ok(vec![net::SocketAddr::new(loopback, port).into()]);
        };
        // What the C library accepts as an address (`fe80::1%lo`, `127.1`) is not a name.
        let family = Family::try_from(question.family)?;
        let numeric = Lookup::new().host(host).family(family).socktype(question.socktype);
        match numeric.numeric_host().run() {
            Ok(found) => return Ok(found.into_iter().map(|found| found.addr.with_port(port)).collect()),
            Err(error) if error.resolver().is_some_and(|said| said.code() == libc::EAI_NONAME) => {}
            // An address of another family; a zone that is not an interface; a NUL.
            Err(error) => return Err(error),
        }
        let failed = |code| Error::lookup(format!("{host}:{}", question.service), code);
        // getaddrinfo(3) refuses what hickory would read as another name than /etc/hosts does.
        if !host.is_ascii() || host.contains('\\') {
            return Err(failed(libc::EAI_NONAME));
        }
        let name = host.as_str().into_name().map_err(|error| failed(libc::EAI_NONAME).with_source(error))?;
        if let Some(found) = hosts_file(host, port, question.family).await? {
            return Ok(found);
        }
        let kind = if question.family == Domain::IPV6 { RecordType::AAAA } else { RecordType::A };
        let answer = self.dns.lookup(name, kind).await;
        let answer = answer.map_err(|error| failed(code(&error)).with_source(error))?;
        let of_kind = answer.answers().iter().filter(|record| record.record_type() == kind);
        Ok(destinations(of_kind.filter_map(|record| record.data.ip_addr()), port))
    }

    /// The port: a number, or from services(5), which means reading a file.
    async fn port(&self, question: &Question) -> Result<u16> {
        if let Some(port) = numeric_port(&question.service) {
            return Ok(port);
        }
        let loopback = if question.family == Domain::IPV6 { "::1" } else { "127.0.0.1" };
        let question = Question { host: Some(loopback.into()), ..question.clone() };
        let found = resolve_on_threads(&self.system, question).await?;
        Ok(found.first().and_then(SocketAddr::port).unwrap_or_default())
    }
}

impl AsyncResolver for HickoryResolver {
    fn resolve(&self, question: Question) -> Resolving<'_> {
        Box::pin(self.ask(question))
    }
}

/// A server, by UDP and TCP.
fn name_server(server: &SocketAddr) -> Result<NameServerConfig> {
    let addr = net::SocketAddr::try_from(*server)?;
    if matches!(addr, net::SocketAddr::V6(v6) if v6.scope_id() != 0) {
        let error = Error::from_kind(Operation::Lookup, ErrorKind::Unsupported);
        return Err(error.about(format!("with the DNS server {server}, which has a zone")));
    }
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = addr.port());
    // If one server denies a name, it does not exist, as for getaddrinfo(3).
    Ok(NameServerConfig::new(addr.ip(), true, connections))
}

/// One for all: identical questions about services share a thread.
fn services() -> Arc<dyn Resolver> {
    static SYSTEM: LazyLock<Arc<dyn Resolver>> = LazyLock::new(|| Arc::new(SystemResolver));
    Arc::clone(&SYSTEM)
}

/// The most answers that are cached: name servers decide how large they are.
const MOST_ANSWERS: u64 = 32;

/// The most addresses of one answer that are sorted; a dial uses no more by default.
const MOST_OF_ANSWER: usize = 256;

/// The addresses of an answer, sorted, which takes a socket each.
fn destinations(ips: impl Iterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let addrs = ips.map(|ip| net::SocketAddr::new(ip, port).into());
    let mut addrs: Vec<_> = addrs.take(MOST_OF_ANSWER).collect();
    sort_destinations(&mut addrs);
    addrs
}

/// Decimal digits only; biosock refuses numbers above 65535.
fn numeric_port(service: &str) -> Option<u16> {
    service.bytes().all(|byte| byte.is_ascii_digit()).then(|| service.parse().ok())?
}

/// /etc/resolv.conf could not be read, or has nothing usable.
fn unreadable(error: NetError) -> Error {
    let kind = kind_of(&error).unwrap_or(ErrorKind::LookupFailed);
    Error::from_kind(Operation::Lookup, kind).about("the servers of /etc/resolv.conf").with_source(error)
}

/// The corresponding code of getaddrinfo(3), for which a server that refuses has failed
/// as one that answers SERVFAIL.
fn code(error: &NetError) -> i32 {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => code_of_response(none.response_code),
        NetError::Dns(DnsError::ResponseCode(response)) => code_of_response(*response),
        _ => match kind_of(error) {
            Some(ErrorKind::OutOfResources) => libc::EAI_MEMORY,
            // No server was reached, or none answered: a later try may succeed.
            _ => libc::EAI_AGAIN,
        },
    }
}

fn code_of_response(response: ResponseCode) -> i32 {
    match response {
        ResponseCode::NXDomain => libc::EAI_NONAME,
        ResponseCode::NoError => libc::EAI_NODATA,
        ResponseCode::ServFail | ResponseCode::Refused => libc::EAI_AGAIN,
        _ => libc::EAI_FAIL,
    }
}

/// A shortage of this process or machine; `None` for other failures.
fn kind_of(error: &NetError) -> Option<ErrorKind> {
    let NetError::Io(error) = error else { return None };
    is_shortage(error).then_some(ErrorKind::OutOfResources)
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Runs the README's example as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_dial_uses_is_sorted() {
        let ips = (0..4000).map(|number| IpAddr::from((0x7f01_0000_u32 + number).to_be_bytes()));
        let found = destinations(ips, 1);
        assert_eq!(found.len(), MOST_OF_ANSWER);
        assert_eq!(found[255].to_string(), "127.1.0.255:1");
    }

    #[test]
    fn a_shortage_here_is_told_from_a_server_that_is_not_there() {
        let failed = |errno| NetError::from(io::Error::from_raw_os_error(errno));
        assert_eq!(code(&failed(libc::EMFILE)), libc::EAI_MEMORY);
        assert_eq!(code(&failed(libc::ECONNREFUSED)), libc::EAI_AGAIN);
        assert_eq!(unreadable(failed(libc::EMFILE)).kind(), ErrorKind::OutOfResources);
        assert_eq!(unreadable(failed(libc::EACCES)).kind(), ErrorKind::LookupFailed);
        for (response, expected) in
            [(ResponseCode::Refused, libc::EAI_AGAIN), (ResponseCode::FormErr, libc::EAI_FAIL)]
        {
            assert_eq!(code(&NetError::from(DnsError::ResponseCode(response))), expected);
        }
        assert_eq!(code(&NetError::from("what hickory says itself")), libc::EAI_AGAIN);
        assert_eq!(unreadable(NetError::from("no server")).kind(), ErrorKind::LookupFailed);
    }

    #[test]
    fn a_port_is_decimal_digits() {
        for (service, port) in [
            ("0", Some(0)),
            ("00080", Some(80)),
            ("65535", Some(65535)),
            ("65536", None),
            ("+80", None),
            ("", None),
        ] {
            assert_eq!(numeric_port(service), port, "{service:?}");
        }
    }
}
