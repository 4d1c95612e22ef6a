//! hosts(5): names with addresses set by the administrator, and nsswitch.conf(5), which
//! specifies whether they are looked up first.

use std::net::IpAddr;

use super::answer::MOST_OF_ANSWER;
use super::cached::{FromText, lines, without_comment, words};

/// The names of /etc/hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    text: Vec<u8>,
    /// The offset of each name's line, by the name's hash.
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

/// The maximum number of a name's lines that a dial reads.
const MOST_LINES: usize = 4 * MOST_OF_ANSWER;

impl Hosts {
    /// In file order, from the name's first [`MOST_LINES`] lines.
    pub(super) fn every_address(&self, name: &str) -> Vec<IpAddr> {
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

/// FNV-1a of a name in lower case.
fn hash(name: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    name.iter().fold(0x811c_9dc5, step)
}

/// Whether nsswitch.conf has "hosts: files ..." and no `[ACTION]` that continues after a
/// match.
#[derive(Debug)]
pub(super) struct Sources(pub(super) bool);

impl FromText for Sources {
    fn from_text(text: Vec<u8>) -> Self {
        Self(lines(&text).find_map(files_are_first).unwrap_or(false))
    }
}

/// What a line sets, if it is the one for hosts.
fn files_are_first(line: &[u8]) -> Option<bool> {
    let line = line.trim_ascii_start().strip_prefix(b"hosts")?;
    let mut sources = words(line.trim_ascii_start().strip_prefix(b":")?);
    let files = sources.next() == Some(b"files");
    Some(files && sources.next().is_none_or(|next| !next.starts_with(b"[")))
}

/// The address of a line with this name. One with a zone is ignored, as in glibc, which
/// queries DNS for such a name.
fn entry(line: &[u8], name: &str) -> Option<IpAddr> {
    let mut fields = words(line);
    let ip = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    fields.any(|field| field.eq_ignore_ascii_case(name.as_bytes())).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_in_hosts_5() {
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
    fn the_file_goes_first_if_nsswitch_conf_5_says_so() {
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
}
