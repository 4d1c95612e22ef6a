//! Names by DNS servers, asked without a thread (feature `hickory`).

use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{IntoName, RecordType};
use hickory_resolver::proto::xfer::Protocol;
use hickory_resolver::proto::{ProtoError, ProtoErrorKind};
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{ResolveError, TokioResolver};

use super::answer::{MOST_OF_ANSWER, keep_first};
use super::async_resolver::{AsyncResolver, Resolving};
use super::local_names::{self, HostsFile};
use super::lookups::{LookupTask, system_resolver};
use super::order::sort_destinations;
use super::resolver::{Question, Resolver};
use crate::literal::parse_port;
use crate::{Domain, Error, ErrorKind, Family, Lookup, Operation, Result, SocketAddr, sys};

/// The most bytes of /etc/resolv.conf; a larger one counts as unreadable.
const MOST: u64 = 64 << 10;

/// Asks DNS servers itself, with no thread at all, where getaddrinfo(3) would
/// hold one for each question. It knows /etc/hosts and DNS, and neither mDNS
/// nor whatever else nsswitch.conf(5) names. Answers are kept for their time to
/// live, and come in the order of [`sort_destinations`]: of an answer the first 256.
///
/// It needs a tokio runtime with its I/O and time drivers; one value serves
/// any number of dials of that runtime.
///
/// ```no_run
/// use std::sync::Arc;
/// use biosock::dial::{Dialer, HickoryResolver};
///
/// # async fn dial() -> Result<(), Box<dyn std::error::Error>> {
/// let dialer = Dialer::new().async_resolver(Arc::new(HickoryResolver::from_system()?));
/// let dialed = dialer.dial_async("example.org:443").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HickoryResolver(TokioResolver);

impl HickoryResolver {
    /// Asks the servers of /etc/resolv.conf (resolv.conf(5)), which is read now.
    ///
    /// # Errors
    /// The file cannot be read, is no regular file, has more than 64 KiB or names
    /// no server.
    ///
    /// ```
    /// use biosock::dial::HickoryResolver;
    ///
    /// match HickoryResolver::from_system() {
    ///     Ok(resolver) => println!("{resolver:?}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn from_system() -> Result<Self> {
        let text = sys::open_regular("/etc/resolv.conf").and_then(|(file, _)| sys::read_at_most(file, MOST));
        let parsed = text.map_err(ResolveError::from).and_then(parse_resolv_conf);
        let (config, options) = parsed.map_err(unreadable)?;
        Ok(Self::new(config, options))
    }

    /// Asks these servers, by UDP and where an answer is too long for that by TCP.
    ///
    /// # Errors
    /// There is none, or one is no address of IPv4 or IPv6.
    ///
    /// ```
    /// use biosock::dial::HickoryResolver;
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
        let mut config = ResolverConfig::new();
        for server in servers {
            let server = net::SocketAddr::try_from(*server)?;
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                config.add_name_server(NameServerConfig::new(server, protocol));
            }
        }
        Ok(Self::new(config, ResolverOpts::default()))
    }

    fn new(config: ResolverConfig, mut options: ResolverOpts) -> Self {
        // That file is read here, when it has changed.
        options.use_hosts_file = ResolveHosts::Never;
        let builder = TokioResolver::builder_with_config(config, TokioConnectionProvider::default());
        Self(builder.with_options(options).build())
    }

    async fn ask(&self, question: Question) -> Result<Vec<SocketAddr>> {
        let port = port(&question).await?;
        let Some(host) = &question.host else {
            let loopback = match question.family {
                Domain::IPV6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
                _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            return Ok(vec![net::SocketAddr::new(loopback, port).into()]);
        };
        // Whatever the C library takes for figures (`fe80::1%lo`, `127.1`) is no name.
        let figures =
            Lookup::new().host(host).family(Family::try_from(question.family)?).socktype(question.socktype);
        if let Ok(found) = figures.run_numeric() {
            return Ok(found.into_iter().map(|found| found.addr.with_port(port)).collect());
        }
        figures.check_zone()?;
        let failed = |code| failed(format!("{host}:{}", question.service), code);
        let name = host.as_str().into_name().map_err(|error| failed(sys::EAI_NONAME).with_source(error))?;
        let in_hosts = if HostsFile::is_needless() {
            local_names::destinations(host, port, question.family)
        } else {
            let question = Question { service: port.to_string(), ..question.clone() };
            let hosts_file: Arc<dyn Resolver> = Arc::new(HostsFile);
            LookupTask::start(&hosts_file, question).await.ok()
        };
        if let Some(found) = in_hosts {
            return Ok(found);
        }
        let kind = if question.family == Domain::IPV6 { RecordType::AAAA } else { RecordType::A };
        let answer = self.0.lookup(name, kind).await;
        let answer = answer.map_err(|error| failed(code(&error)).with_source(error))?;
        Ok(destinations(answer.iter().filter_map(|record| record.ip_addr()), port))
    }
}

/// Those of an answer, sorted: that costs a socket each.
fn destinations(ips: impl Iterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let mut addrs = ips.map(|ip| net::SocketAddr::new(ip, port).into()).collect();
    keep_first(&mut addrs, MOST_OF_ANSWER);
    sort_destinations(&mut addrs);
    addrs
}

impl AsyncResolver for HickoryResolver {
    fn resolve(&self, question: Question) -> Resolving<'_> {
        Box::pin(self.ask(question))
    }
}

/// The port: numeric, or by services(5), which is a file to read.
async fn port(question: &Question) -> Result<u16> {
    if let Some(port) = parse_port(question.service.bytes()) {
        return Ok(port);
    }
    let loopback = if question.family == Domain::IPV6 { "::1" } else { "127.0.0.1" };
    let question = Question { host: Some(loopback.into()), ..question.clone() };
    let found = LookupTask::start(&system_resolver(), question).await?;
    Ok(found.first().and_then(SocketAddr::port).unwrap_or_default())
}

fn failed(name: String, code: i32) -> Error {
    Error::resolver_call(Operation::Lookup, code, None, None, name)
}

/// /etc/resolv.conf could not be read, or says nothing of use.
fn unreadable(error: ResolveError) -> Error {
    let starved =
        io_errno(&error).is_some_and(|errno| crate::error::errno_kind(errno) == ErrorKind::OutOfResources);
    let kind = if starved { ErrorKind::OutOfResources } else { ErrorKind::LookupFailed };
    Error::from_kind(Operation::Lookup, kind).about("the servers of /etc/resolv.conf").with_source(error)
}

/// The same in the words of getaddrinfo(3), for which a server that refuses
/// has failed like one that says SERVFAIL.
fn code(error: &ResolveError) -> i32 {
    match error.proto().map(ProtoError::kind) {
        Some(ProtoErrorKind::NoRecordsFound { response_code, .. }) => match *response_code {
            ResponseCode::NXDomain => sys::EAI_NONAME,
            ResponseCode::NoError => sys::EAI_NODATA,
            ResponseCode::ServFail | ResponseCode::Refused => sys::EAI_AGAIN,
            _ => sys::EAI_FAIL,
        },
        _ => match io_errno(error).map(crate::error::errno_kind) {
            Some(ErrorKind::OutOfResources) => sys::EAI_MEMORY,
            // No server was reached, or none answered: another time, perhaps.
            _ => sys::EAI_AGAIN,
        },
    }
}

fn io_errno(error: &ResolveError) -> Option<i32> {
    match error.proto().map(ProtoError::kind) {
        Some(ProtoErrorKind::Io(error)) => error.raw_os_error(),
        _ => None,
    }
}

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
        let failed = |errno| ResolveError::from(ProtoError::from(std::io::Error::from_raw_os_error(errno)));
        assert_eq!(code(&failed(libc::EMFILE)), sys::EAI_MEMORY);
        assert_eq!(code(&failed(libc::ECONNREFUSED)), sys::EAI_AGAIN);
        assert_eq!(unreadable(failed(libc::EMFILE)).kind(), ErrorKind::OutOfResources);
        assert_eq!(unreadable(failed(libc::EACCES)).kind(), ErrorKind::LookupFailed);
        assert_eq!(code(&ResolveError::from("what hickory says itself")), sys::EAI_AGAIN);
        assert_eq!(unreadable(ResolveError::from("no server")).kind(), ErrorKind::LookupFailed);
    }
}
