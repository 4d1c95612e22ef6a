//! What is wrong with a network, and with the names in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// One network, and the name that is dialled through it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The round-trip time to every address without its own.
    pub rtt: Duration,
    /// What the name's IPv6 addresses do, in the order of the answer.
    pub v6: Vec<Host>,
    /// What the name's IPv4 addresses do, in the order of the answer.
    pub v4: Vec<Host>,
    /// Whether the client is IPv6-only, with a NAT64 that reaches the IPv4 addresses by
    /// the prefix 64:ff9b::/96 (RFC 6052, section 2.1).
    pub nat64: bool,
    /// Whether [`hosts`](Self::hosts) returns the IPv4 addresses as translated by the NAT64.
    pub translated: bool,
    /// What the client's /etc/hosts has for the name.
    pub hosts_file: Vec<IpAddr>,
    /// How the query for the IPv6 addresses is answered.
    pub aaaa: Reply,
    /// How the query for the IPv4 addresses is answered.
    pub a: Reply,
    /// The dialer's deadline.
    pub deadline: Option<Duration>,
}

/// How an address reacts to a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Accepts.
    Answers,
    /// Accepts, with this round-trip time.
    AnswersAfter(Duration),
    /// Accepts, but this many of the first frames to it are lost.
    Loses(u32),
    /// Accepts, but the first SYN of every connection is lost.
    LosesSyns,
    /// Exists, but nothing listens: RST.
    Refuses,
    /// Never answers: its neighbour entry is that of a machine that does not exist.
    Silent,
    /// The client's own routing table has: unreachable (EHOSTUNREACH).
    Unreachable,
    /// ... blackhole (EINVAL).
    Blackhole,
    /// ... prohibited (EACCES).
    Prohibited,
}

impl Host {
    /// Whether the server's side has the address.
    pub fn is_there(self) -> bool {
        !matches!(self, Self::Silent)
    }

    /// Whether something listens on it.
    pub fn listens(self) -> bool {
        matches!(self, Self::Answers | Self::AnswersAfter(_) | Self::Loses(_) | Self::LosesSyns)
    }

    /// The client's route to it, if there is a special one.
    pub fn route(self) -> Option<&'static str> {
        match self {
            Self::Unreachable => Some("unreachable"),
            Self::Blackhole => Some("blackhole"),
            Self::Prohibited => Some("prohibit"),
            _ => None,
        }
    }
}

/// How the DNS server reacts to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers at once; without addresses if the scenario has none.
    Prompt,
    /// Answers after this time.
    Late(Duration),
    /// Does not answer.
    Never,
    /// Answers that it failed (SERVFAIL).
    Fails,
    /// Answers that there is no such name (NXDOMAIN).
    Denies,
}

/// The port to dial.
pub const PORT: u16 = 8443;

impl Default for Scenario {
    /// All is well, and near.
    fn default() -> Self {
        Self {
            name: "all good",
            rtt: Duration::ZERO,
            v6: vec![Host::Answers],
            v4: vec![Host::Answers],
            nat64: false,
            translated: false,
            hosts_file: vec![],
            aaaa: Reply::Prompt,
            a: Reply::Prompt,
            deadline: None,
        }
    }
}

impl Scenario {
    /// The addresses of the name, and what each does: IPv6, then IPv4.
    ///
    /// All addresses of a family have the same number of bits in common with the
    /// client's, so that RFC 6724 keeps them in the order of the answer, and the IPv6
    /// ones go before IPv4.
    pub fn hosts(&self) -> Vec<(IpAddr, Host)> {
        let v6 = (0u16..).zip(&self.v6).map(|(at, host)| (nth_v6(at).into(), *host));
        let v4 = |at| if self.translated { by_nat64(nth_v4(at)).into() } else { nth_v4(at).into() };
        let v4 = (0u8..).zip(&self.v4).map(|(at, host)| (v4(at), *host));
        v6.chain(v4).collect()
    }

    /// The same as seen by packets: the server itself does the NAT64's translation.
    pub fn on_the_wire(&self) -> Self {
        Self { translated: self.nat64, ..self.clone() }
    }

    /// The name that has these addresses.
    pub fn host_name(&self) -> String {
        let label: String = self.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        format!("{}.lab.test", label.to_lowercase())
    }

    /// The target to dial.
    pub fn target(&self) -> String {
        format!("{}:{PORT}", self.host_name())
    }
}

/// An IPv4 address as the NAT64 translates it.
pub fn by_nat64(ip: Ipv4Addr) -> Ipv6Addr {
    let [_, _, _, _, _, _, high, low] = ip.to_ipv6_mapped().segments();
    Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low)
}

fn nth_v6(at: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x8000 + at)
}

fn nth_v4(at: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 66, 0, 128 + at)
}

const NEAR: Duration = Duration::from_millis(20);
const FAR: Duration = Duration::from_millis(150);

/// A client whose peer answers after 20 ms.
pub fn all_good() -> Scenario {
    Scenario { rtt: NEAR, ..Scenario::default() }
}

/// The IPv6 address is silent, the IPv4 address answers.
pub fn first_silent() -> Scenario {
    Scenario { name: "first silent", v6: vec![Host::Silent], ..Scenario::default() }
}

/// Five silent addresses of each family go before one that answers.
pub fn first_ten_silent() -> Scenario {
    let mut hosts = vec![Host::Silent; 5];
    hosts.push(Host::Answers);
    Scenario { name: "first ten silent", v6: hosts.clone(), v4: hosts, ..Scenario::default() }
}

/// The query for IPv6 addresses is never answered.
pub fn aaaa_never() -> Scenario {
    Scenario { name: "AAAA never comes", aaaa: Reply::Never, ..all_good() }
}

/// The query for IPv6 addresses is answered after 5 s.
pub fn aaaa_late() -> Scenario {
    Scenario { name: "AAAA 5 s late", aaaa: Reply::Late(Duration::from_secs(5)), ..all_good() }
}

/// Two addresses of each family, and nothing listens.
pub fn all_refuse() -> Scenario {
    let hosts = vec![Host::Refuses; 2];
    Scenario { name: "all refuse", v6: hosts.clone(), v4: hosts, ..all_good() }
}

/// Two silent addresses of each family, and a deadline of 2 s.
pub fn all_silent() -> Scenario {
    let hosts = vec![Host::Silent; 2];
    let deadline = Some(Duration::from_secs(2));
    Scenario { name: "all silent, 2 s", v6: hosts.clone(), v4: hosts, deadline, ..all_good() }
}

/// The first address is 150 ms away, the second 20 ms.
pub fn first_far() -> Scenario {
    Scenario { name: "first far", v6: vec![Host::AnswersAfter(FAR)], ..all_good() }
}

/// The DNS server fails to answer the query for IPv6 addresses.
pub fn aaaa_fails() -> Scenario {
    Scenario { name: "AAAA SERVFAIL", aaaa: Reply::Fails, ..all_good() }
}

/// There is no route to the first address.
pub fn first_unreachable() -> Scenario {
    Scenario { name: "first unreachable", v6: vec![Host::Unreachable], ..all_good() }
}

/// The first SYN of every connection to the first address is lost.
pub fn first_loses() -> Scenario {
    Scenario { name: "first loses a SYN", v6: vec![Host::LosesSyns], ..all_good() }
}

/// The scenarios of the table, in its order.
pub fn all() -> Vec<Scenario> {
    vec![
        all_good(),
        first_silent(),
        first_ten_silent(),
        aaaa_never(),
        aaaa_late(),
        all_refuse(),
        all_silent(),
        first_far(),
        aaaa_fails(),
        first_unreachable(),
        first_loses(),
    ]
}
