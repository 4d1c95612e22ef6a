//! What to connect to or listen on: `HOST:SERVICE` or `unix:PATH`.

use std::ffi::OsStr;
use std::fmt;
use std::net::IpAddr;

use biosock::{AddrInfo, Family, HostServ, Lookup, Priority, Type, UnixAddr};

use crate::text::without_invalid_bytes;

/// A host and service, or a Unix address, not looked up yet.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Ip { host: Option<String>, service: Option<String> },
    Unix(UnixAddr),
}

impl Target {
    /// A target with a service.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, String> {
        match Self::parse_host(text)? {
            Self::Ip { host, service: None } => Err(missing_service(host.as_deref())),
            target => Ok(target),
        }
    }

    /// A target that may lack the service.
    pub(crate) fn parse_host(text: &OsStr) -> Result<Self, String> {
        let text = without_invalid_bytes(text);
        if text.starts_with("unix:") {
            return unix(&text).map(Self::Unix);
        }
        if text.is_empty() {
            return Err(String::from("must not be empty"));
        }
        let (host, service) = host_and_service(&text)?;
        if (host, service) == (None, None) {
            return Err(String::from("missing port or service\n  hint: add one, as in *:80"));
        }
        check_port(service)?;
        Ok(Self::Ip { host: host.map(String::from), service: service.map(String::from) })
    }

    /// The lookup to make.
    pub(crate) fn lookup(&self, family: Family) -> Lookup<'_> {
        match self {
            Self::Ip { host, service } => {
                let lookup = Lookup::new().family(family);
                let lookup = host.as_ref().map_or(lookup, |host| lookup.host(host));
                service.as_ref().map_or(lookup, |service| lookup.service(service))
            }
            Self::Unix(_) => Lookup::new().unix(),
        }
    }

    /// The answer for a Unix address, which needs no resolver.
    pub(crate) fn unix_answer(&self, socktype: Type) -> Option<AddrInfo> {
        let Self::Unix(addr) = self else { return None };
        let socktype = if socktype == Type::ANY { Type::STREAM } else { socktype };
        Some(AddrInfo::new((*addr).into(), socktype, biosock::Protocol::DEFAULT))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(addr) => addr.fmt(f),
            Self::Ip { host, service } => {
                match host.as_deref() {
                    Some(host) if host.contains(':') => write!(f, "[{host}]")?,
                    host => f.write_str(host.unwrap_or("*"))?,
                }
                service.as_ref().map_or(Ok(()), |service| write!(f, ":{service}"))
            }
        }
    }
}

/// The source address of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) host: String,
    pub(crate) service: String,
}

impl Source {
    pub(crate) fn parse(text: &OsStr) -> Result<Self, String> {
        let text = without_invalid_bytes(text);
        if text.starts_with("unix:") {
            return Err(String::from("must be an IP address or a host"));
        }
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self { host: text, service: String::from("0") });
        }
        let (host, service) = host_and_service(&text)?;
        check_port(service)?;
        let host = host.ok_or("missing host, as in 192.0.2.1 or 192.0.2.1:9000")?;
        Ok(Self { host: host.into(), service: service.unwrap_or("0").into() })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.host, self.service)
    }
}

fn unix(text: &str) -> Result<UnixAddr, String> {
    let addr: UnixAddr = text.parse().map_err(|error: biosock::Error| error.why().to_string())?;
    if addr.is_unnamed() {
        return Err(String::from("missing path, as in unix:/run/app.sock"));
    }
    Ok(addr)
}

/// The host and the service; `None` is any, or a missing one.
fn host_and_service(text: &str) -> Result<(Option<&str>, Option<&str>), String> {
    if text.contains("://") {
        return Err(String::from(
            "a URL, not a host and service\n  hint: write host and service as in example.org:80",
        ));
    }
    let explain = |error: biosock::Error| {
        let hint = error.hint().unwrap_or("write host and service as in localhost:80 or [::1]:80");
        format!("{}\n  hint: {hint}", error.why())
    };
    let parsed = HostServ::parse(text, Priority::Host).map_err(explain)?;
    Ok((parsed.host.name(), parsed.service.name()))
}

fn check_port(service: Option<&str>) -> Result<(), String> {
    let number = service.filter(|service| service.bytes().all(|b| b.is_ascii_digit()));
    match number.map(str::parse::<u16>) {
        Some(Err(_)) => Err(String::from("port above 65535")),
        _ => Ok(()),
    }
}

fn missing_service(host: Option<&str>) -> String {
    match host {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            format!("missing port or service\n  hint: for port {port}, write :{port}")
        }
        _ => String::from("missing port or service\n  hint: add a port, as in localhost:80 or [::1]:80"),
    }
}
