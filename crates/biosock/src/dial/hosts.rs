//! hosts(5): names that the machine's owner gave addresses to.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;

const FILE: &str = "/etc/hosts";

/// The addresses that /etc/hosts has for a name, in its order; `None` where
/// the file does not have the name, or cannot be read.
///
/// A name that is there is no question for DNS, of neither family: who gives
/// a name one IPv4 address there does not want DNS's IPv6 one. getaddrinfo(3)
/// keeps to that when it is asked for both families at once, not when it is
/// asked for one.
pub(super) fn addresses(name: &str) -> Option<Vec<IpAddr>> {
    find(BufReader::new(File::open(FILE).ok()?), name)
}

fn find(mut file: impl BufRead, name: &str) -> Option<Vec<IpAddr>> {
    let mut found = None;
    let mut line = Vec::new();
    while matches!(file.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        if let Some(ip) = String::from_utf8_lossy(&line).split('#').next().and_then(|line| entry(line, name))
        {
            found.get_or_insert_with(Vec::new).push(ip);
        }
        line.clear();
    }
    found
}

/// The address of a line that has the name. It may have a zone, which is
/// getaddrinfo(3)'s to know.
fn entry(line: &str, name: &str) -> Option<IpAddr> {
    let mut fields = line.split_ascii_whitespace();
    let ip = fields.next()?.split('%').next()?.parse().ok()?;
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
            let found: Option<Vec<_>> = find(file.as_bytes(), name);
            found.map(|ips| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let cases = [
            ("localhost", Some("127.0.0.1 ::1")),
            ("HERE", Some("127.0.0.1 192.0.2.1")),
            ("link", Some("fe80::1")),
            ("last", Some("192.0.2.2")),
            ("elsewhere", None),
            ("bad", None),
            ("local", None),
            ("127.0.0.1", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(found(name).as_deref(), expected, "{name}");
        }
    }
}
