//! hosts(5): names that the machine's owner gave addresses to, and
//! nsswitch.conf(5), which says whether they are asked for first.

use std::net::{self, IpAddr};

use super::files::{FromText, files, lines, without_comment, words};
use super::order::{MOST_OF_ANSWER, keep_first};
use super::sort_destinations;
use crate::{Domain, SocketAddr};

/// The destinations of a family, or of both ([`Domain::UNSPEC`]), that
/// /etc/hosts has for a name, where it takes no while to say; `None` where the
/// file does not have the name, cannot be read, or is large and has changed,
/// until [`has`] has read it.
///
/// A name that is there is no question for DNS, of neither family: who gives
/// a name one IPv4 address there does not want DNS's IPv6 one. getaddrinfo(3)
/// keeps to that when it is asked for both families at once, not when it is
/// asked for one.
pub(super) fn destinations(name: &str, port: u16, family: Domain) -> Option<Vec<SocketAddr>> {
    sorted(&files().hosts.get_quickly()?.every_address(name), port, family)
}

fn sorted(found: &[IpAddr], port: u16, family: Domain) -> Option<Vec<SocketAddr>> {
    if found.is_empty() {
        return None;
    }
    let addrs = found.iter().map(|ip| SocketAddr::from(net::SocketAddr::new(*ip, port)));
    let mut addrs: Vec<_> =
        addrs.filter(|addr| family == Domain::UNSPEC || addr.family() == family).collect();
    keep_first(&mut addrs, MOST_OF_ANSWER);
    sort_destinations(&mut addrs);
    // Which family leads is the dial's to say.
    addrs.sort_by_key(|addr| addr.family() != Domain::IPV6);
    Some(addrs)
}

/// Whether a name may stand for hosts out there: not an address in any form,
/// this machine, or a name that the file is known to have.
pub(super) fn may_be_elsewhere(name: &str) -> bool {
    let in_figures = name.contains(':') || name.starts_with(|first: char| first.is_ascii_digit());
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    // RFC 6761, section 6.3: these are loopback's.
    let here = last.eq_ignore_ascii_case("localhost");
    !in_figures && !here && destinations(name, 0, Domain::UNSPEC).is_none()
}

/// Whether the file has a name. This may read all of the file.
pub(super) fn has(name: &str) -> bool {
    files().hosts.get().is_some_and(|hosts| !hosts.every_address(name).is_empty())
}

/// The file as a resolver that may take a while, for those who look no further
/// by themselves.
#[cfg(feature = "hickory")]
#[derive(Debug)]
pub(super) struct HostsFile;

#[cfg(feature = "hickory")]
impl HostsFile {
    /// Whether [`destinations`] knows as much.
    pub(super) fn is_needless() -> bool {
        files().hosts.is_quick()
    }
}

#[cfg(feature = "hickory")]
impl super::Resolver for HostsFile {
    /// The name is not found where the file does not have it.
    fn resolve(&self, question: &super::Question) -> crate::Result<Vec<SocketAddr>> {
        let port = crate::literal::parse_port(question.service.bytes()).unwrap_or_default();
        let hosts = question.host.as_deref().zip(files().hosts.get());
        let found = hosts.and_then(|(name, hosts)| sorted(&hosts.every_address(name), port, question.family));
        let nothing = || crate::Error::from_kind(crate::Operation::Lookup, crate::ErrorKind::NameNotFound);
        found.ok_or_else(nothing)
    }
}

/// Whether what the file has is the answer, whatever else might be asked.
pub(super) fn go_first() -> bool {
    files().nsswitch.get_quickly().is_some_and(|sources| sources.0)
}

/// The names of /etc/hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    text: Vec<u8>,
    /// Where in the text the line of a name begins, by the name's hash.
    lines: Vec<(u32, u32)>,
}

impl FromText for Hosts {
    fn from_text(text: Vec<u8>) -> Self {
        let mut found = Vec::new();
        let mut start: u32 = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            found.extend(words(without_comment(line)).skip(1).map(|name| (hash(name), start)));
            start += line.len() as u32;
        }
        found.sort_unstable();
        found.dedup();
        Self { text, lines: found }
    }
}

/// The most lines of a name that are read in a dial.
const MOST_LINES: usize = 4 * MOST_OF_ANSWER;

impl Hosts {
    /// In the order of the file, of the name's first [`MOST_LINES`].
    fn every_address(&self, name: &str) -> Vec<IpAddr> {
        let wanted = hash(name.as_bytes());
        let first = self.lines.partition_point(|(hash, _)| *hash < wanted);
        let of_name = self.lines[first..].iter().take_while(|(hash, _)| *hash == wanted);
        let entry = |(_, start): &(u32, u32)| {
            let line = lines(&self.text[*start as usize..]).next()?;
            entry(line, name)
        };
        of_name.take(MOST_LINES).filter_map(entry).collect()
    }
}

/// FNV-1a of a name in small letters.
fn hash(name: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    name.iter().fold(0x811c_9dc5, step)
}

/// Whether nsswitch.conf has "hosts: files ..." and no `[ACTION]` that has it
/// go on after a find.
#[derive(Debug)]
pub(super) struct Sources(bool);

impl FromText for Sources {
    fn from_text(text: Vec<u8>) -> Self {
        Self(lines(&text).find_map(files_are_first).unwrap_or(false))
    }
}

/// What a line says of it, if it is the one for hosts.
fn files_are_first(line: &[u8]) -> Option<bool> {
    let line = line.trim_ascii_start().strip_prefix(b"hosts")?;
    let mut sources = words(line.trim_ascii_start().strip_prefix(b":")?);
    let files = sources.next() == Some(b"files");
    Some(files && sources.next().is_none_or(|next| !next.starts_with(b"[")))
}

/// The address of a line that has the name. One with a zone is none, as in
/// glibc, which asks DNS for such a name.
fn entry(line: &[u8], name: &str) -> Option<IpAddr> {
    let mut fields = words(line);
    let ip = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    fields.any(|field| field.eq_ignore_ascii_case(name.as_bytes())).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_hosts_5_says() {
        let file = "\
127.0.0.1 localhost here # elsewhere
# 192.0.2.9 here
::1\tLocalhost  ip6-localhost
  192.0.2.1 here
fe80::1%eth0 link
not-an-address bad
\n
192.0.2.3 twice twice # on a line
192.0.2.2 last";
        let found = |name| {
            let hosts = Hosts::from_text(file.as_bytes().to_vec());
            hosts.every_address(name).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let cases = [
            ("localhost", "127.0.0.1 ::1"),
            ("HERE", "127.0.0.1 192.0.2.1"),
            ("link", ""),
            ("last", "192.0.2.2"),
            ("twice", "192.0.2.3"),
            ("elsewhere", ""),
            ("bad", ""),
            ("local", ""),
            ("127.0.0.1", ""),
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(found(name), expected, "{name}");
        }
    }

    #[test]
    fn the_file_goes_first_as_nsswitch_conf_5_says() {
        for (file, expected) in [
            ("passwd: files\nhosts:\t files dns # usual\n", true),
            ("hosts:files", true),
            (" hosts : files myhostname resolve [!UNAVAIL=return] dns", true),
            ("hosts: files [SUCCESS=merge] dns", false),
            ("hosts: files[SUCCESS=continue] dns", false),
            ("hosts: dns files", false),
            ("hosts: mdns4_minimal [NOTFOUND=return] files", false),
            ("hosts: # files", false),
            ("# hosts: files", false),
            ("hosts-of: files", false),
            ("networks: files", false),
            ("", false),
        ] {
            assert_eq!(Sources::from_text(file.into()).0, expected, "{file}");
        }
    }

    #[test]
    fn a_name_is_found_among_150_000() {
        let mut file: String =
            (0..150_000).map(|number| format!("0.0.0.0 blocked{number}.example\n")).collect();
        file += "192.0.2.1 wanted.example\n";
        let hosts = Hosts::from_text(file.into());
        let of_hash = hosts.lines.chunk_by(|(one, _), (two, _)| one == two).map(<[_]>::len).max();
        assert!((1..10).contains(&of_hash.unwrap()), "a name costs a few lines: {of_hash:?}");
        for number in [0, 77_777, 149_999] {
            assert_eq!(hosts.every_address(&format!("BLOCKED{number}.example")), [IpAddr::from([0; 4])]);
        }
        assert_eq!(hosts.every_address("wanted.example"), [IpAddr::from([192, 0, 2, 1])]);
        assert!(hosts.every_address("absent.example").is_empty());
    }

    #[test]
    fn a_name_of_many_addresses_gives_no_more_than_a_dial_uses() {
        let lines = (0..200_000_u32).map(|number| format!("{} many\n", std::net::Ipv4Addr::from(number)));
        let text = format!("{}::1 many\n", lines.clone().take(300).collect::<String>());
        let hosts = Hosts::from_text((text + &lines.collect::<String>()).into_bytes());
        let found = sorted(&hosts.every_address("many"), 1, Domain::UNSPEC).unwrap();
        let of_family = |family| found.iter().filter(|addr| addr.family() == family).count();
        assert_eq!([Domain::IPV6, Domain::IPV4].map(of_family), [1, MOST_OF_ANSWER]);
    }
}
