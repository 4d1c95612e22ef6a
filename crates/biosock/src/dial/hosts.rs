//! hosts(5): names that the machine's owner gave addresses to, and
//! nsswitch.conf(5), which says whether they are asked for first.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{self, IpAddr};

use super::sort_destinations;
use crate::{Domain, SocketAddr};

const HOSTS: &str = "/etc/hosts";
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// The destinations of a family, or of both ([`Domain::UNSPEC`]), that
/// /etc/hosts has for a name; `None` where the file does not have the name, or
/// cannot be read.
///
/// A name that is there is no question for DNS, of neither family: who gives
/// a name one IPv4 address there does not want DNS's IPv6 one. getaddrinfo(3)
/// keeps to that when it is asked for both families at once, not when it is
/// asked for one.
pub(super) fn destinations(name: &str, port: u16, family: Domain) -> Option<Vec<SocketAddr>> {
    let found = every_address(open(HOSTS)?, name);
    if found.is_empty() {
        return None;
    }
    let of = |wanted| {
        let addrs = found.iter().map(|ip| SocketAddr::from(net::SocketAddr::new(*ip, port)));
        let mut addrs: Vec<_> = addrs.filter(|addr| addr.family() == wanted).collect();
        sort_destinations(&mut addrs);
        addrs
    };
    Some(match family {
        Domain::UNSPEC => [of(Domain::IPV6), of(Domain::IPV4)].concat(),
        family => of(family),
    })
}

/// Whether the file has a name.
pub(super) fn has(name: &str) -> bool {
    open(HOSTS).is_some_and(|file| !every_address(file, name).is_empty())
}

/// Whether what the file has is the answer, whatever else might be asked.
pub(super) fn go_first() -> bool {
    open(NSSWITCH).is_some_and(files_first)
}

fn open(path: &str) -> Option<impl BufRead> {
    File::open(path).ok().map(BufReader::new)
}

/// What the first line, without its comment, has to say.
fn first<T>(mut file: impl BufRead, mut said: impl FnMut(&str) -> Option<T>) -> Option<T> {
    let mut line = Vec::new();
    while matches!(file.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        let found = String::from_utf8_lossy(&line).split('#').next().and_then(&mut said);
        if found.is_some() {
            return found;
        }
        line.clear();
    }
    None
}

fn every_address(file: impl BufRead, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let _: Option<()> = first(file, |line| {
        found.extend(entry(line, name));
        None
    });
    found
}

/// "hosts: files ..." and no `[ACTION]` that has it go on after a find.
fn files_first(file: impl BufRead) -> bool {
    let verdict = first(file, |line| {
        let sources = line.trim_start().strip_prefix("hosts")?.trim_start().strip_prefix(':')?;
        let mut sources = sources.split_ascii_whitespace();
        let files = sources.next() == Some("files");
        Some(files && sources.next().is_none_or(|next| !next.starts_with('[')))
    });
    verdict.unwrap_or(false)
}

/// The address of a line that has the name. One with a zone is none, as in
/// glibc, which asks DNS for such a name.
fn entry(line: &str, name: &str) -> Option<IpAddr> {
    let mut fields = line.split_ascii_whitespace();
    let ip = fields.next()?.parse().ok()?;
    fields.any(|field| field.eq_ignore_ascii_case(name)).then_some(ip)
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
192.0.2.2 last";
        let found = |name| {
            every_address(file.as_bytes(), name).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let cases = [
            ("localhost", "127.0.0.1 ::1"),
            ("HERE", "127.0.0.1 192.0.2.1"),
            ("link", ""),
            ("last", "192.0.2.2"),
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
            assert_eq!(files_first(file.as_bytes()), expected, "{file}");
        }
    }
}
