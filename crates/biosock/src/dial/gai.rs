//! gai.conf(5): the tables by which RFC 6724 sorts destinations, which the
//! administrator may replace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use super::cached::{Cached, FromText, lines, words};

/// The file, read like getaddrinfo(3) does: once, unless it has `reload yes`.
#[derive(Debug)]
pub(super) struct GaiConf {
    file: Cached<Policy>,
    first: Mutex<Option<Arc<Policy>>>,
}

impl GaiConf {
    pub(super) const fn new(path: &'static str) -> Self {
        Self { file: Cached::new(path), first: Mutex::new(None) }
    }

    /// The current tables.
    pub(super) fn policy(&self) -> Arc<Policy> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = first.as_ref().filter(|policy| !policy.reload) {
            return Arc::clone(policy);
        }
        let policy = self.file.get_quickly().unwrap_or_default();
        *first = Some(Arc::clone(&policy));
        policy
    }
}

/// The tables of labels, precedences and scopes, each sorted by longest prefix first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Policy {
    labels: Vec<Row>,
    precedences: Vec<Row>,
    /// For IPv4 addresses, as IPv4-mapped ones.
    scopes: Vec<Row>,
    reload: bool,
}

/// A prefix, its length in bits, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    prefix: u128,
    bits: u32,
    value: i32,
}

impl Row {
    const fn new(prefix: Ipv6Addr, bits: u32, value: i32) -> Self {
        Self { prefix: prefix.to_bits(), bits, value }
    }

    fn covers(&self, ip: u128) -> bool {
        (self.prefix ^ ip).leading_zeros() >= self.bits
    }
}

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
/// IPv4's addresses as IPv4-mapped ones (RFC 4291, section 2.5.5.2).
const MAPPED: Ipv6Addr = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped();

const fn v6(first: u16, second: u16) -> Ipv6Addr {
    Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)
}

/// RFC 6724, section 2.1.
const RFC_6724_LABELS: [Row; 9] = [
    Row::new(Ipv6Addr::LOCALHOST, 128, 0),
    Row::new(MAPPED, 96, 4),
    Row::new(ANY, 96, 3),
    Row::new(v6(0x2001, 0), 32, 5),
    Row::new(v6(0x2002, 0), 16, 2),
    Row::new(v6(0x3ffe, 0), 16, 12),
    Row::new(v6(0xfec0, 0), 10, 11),
    Row::new(v6(0xfc00, 0), 7, 13),
    Row::new(ANY, 0, 1),
];
/// The same.
const RFC_6724_PRECEDENCES: [Row; 9] = [
    Row::new(Ipv6Addr::LOCALHOST, 128, 50),
    Row::new(MAPPED, 96, 35),
    Row::new(ANY, 96, 1),
    Row::new(v6(0x2001, 0), 32, 5),
    Row::new(v6(0x2002, 0), 16, 30),
    Row::new(v6(0x3ffe, 0), 16, 1),
    Row::new(v6(0xfec0, 0), 10, 1),
    Row::new(v6(0xfc00, 0), 7, 3),
    Row::new(ANY, 0, 40),
];
/// glibc's instead, as documented in its gai.conf: RFC 3484's, with labels for local
/// addresses and Teredo.
const GLIBC_LABELS: [Row; 8] = [
    Row::new(Ipv6Addr::LOCALHOST, 128, 0),
    Row::new(MAPPED, 96, 4),
    Row::new(ANY, 96, 3),
    Row::new(v6(0x2001, 0), 32, 7),
    Row::new(v6(0x2002, 0), 16, 2),
    Row::new(v6(0xfec0, 0), 10, 5),
    Row::new(v6(0xfc00, 0), 7, 6),
    Row::new(ANY, 0, 1),
];
/// The same.
const GLIBC_PRECEDENCES: [Row; 5] = [
    Row::new(Ipv6Addr::LOCALHOST, 128, 50),
    Row::new(MAPPED, 96, 10),
    Row::new(ANY, 96, 20),
    Row::new(v6(0x2002, 0), 16, 30),
    Row::new(ANY, 0, 40),
];
/// RFC 6724, section 3.2; other IPv4 addresses are global.
const SCOPES: [Row; 3] = [
    Row::new(Ipv4Addr::new(169, 254, 0, 0).to_ipv6_mapped(), 112, 2),
    Row::new(Ipv4Addr::new(127, 0, 0, 0).to_ipv6_mapped(), 104, 2),
    Row::new(MAPPED, 96, GLOBAL),
];

const GLOBAL: i32 = 14;

impl Default for Policy {
    /// The C library's defaults, for what gai.conf does not set.
    fn default() -> Self {
        if cfg!(target_env = "gnu") { Self::glibc() } else { Self::rfc_6724() }
    }
}

impl FromText for Policy {
    /// Any line of a table replaces the whole table; invalid lines are skipped, as by
    /// getaddrinfo.
    fn from_text(text: Vec<u8>) -> Self {
        let mut policy = Self { labels: vec![], precedences: vec![], scopes: vec![], reload: false };
        for line in lines(&text) {
            let mut words = words(line);
            let (command, first, second) = (words.next(), words.next(), words.next());
            let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
            match command {
                Some(b"label") => policy.labels.extend(row(first, second)),
                Some(b"precedence") => policy.precedences.extend(row(first, second)),
                Some(b"scopev4") => policy.scopes.extend(v4_row(first, second)),
                Some(b"reload") => policy.reload = first == b"yes",
                _ => {}
            }
        }
        let usual = Self::default();
        let or_usual =
            |table: Vec<Row>, usual, rest| if table.is_empty() { usual } else { sorted(table, rest) };
        Self {
            labels: or_usual(policy.labels, usual.labels, Row::new(ANY, 0, 1)),
            precedences: or_usual(policy.precedences, usual.precedences, Row::new(ANY, 0, 40)),
            scopes: or_usual(policy.scopes, usual.scopes, Row::new(MAPPED, 96, GLOBAL)),
            reload: policy.reload,
        }
    }
}

impl Policy {
    pub(super) fn rfc_6724() -> Self {
        Self::new(&RFC_6724_LABELS, &RFC_6724_PRECEDENCES)
    }

    fn glibc() -> Self {
        Self::new(&GLIBC_LABELS, &GLIBC_PRECEDENCES)
    }

    fn new(labels: &[Row], precedences: &[Row]) -> Self {
        Self { labels: labels.into(), precedences: precedences.into(), scopes: SCOPES.into(), reload: false }
    }

    pub(super) fn label(&self, ip: Ipv6Addr) -> i32 {
        value(&self.labels, ip)
    }

    pub(super) fn precedence(&self, ip: Ipv6Addr) -> i32 {
        value(&self.precedences, ip)
    }

    /// The highest precedence that an IPv4 address could have.
    pub(super) fn highest_of_v4(&self) -> i32 {
        let of_v4 = |row: &&Row| Row::new(MAPPED, 96, 0).covers(row.prefix) || row.covers(MAPPED.to_bits());
        let rows = || self.precedences.iter().filter(of_v4);
        // A row that covers all of IPv4 hides rows with shorter prefixes.
        let of_all = rows().find(|row| row.bits <= 96);
        let values = rows().take_while(|row| row.bits > 96).chain(of_all).map(|row| row.value);
        values.max().unwrap_or_default()
    }

    pub(super) fn scope_of_v4(&self, ip: Ipv4Addr) -> i32 {
        value(&self.scopes, ip.to_ipv6_mapped())
    }
}

/// The value of the longest matching prefix.
fn value(table: &[Row], ip: Ipv6Addr) -> i32 {
    table.iter().find(|row| row.covers(ip.to_bits())).map_or(0, |row| row.value)
}

/// Sorts by longest prefix first, otherwise as in the file; an address without a match
/// gets the last row's value.
fn sorted(mut table: Vec<Row>, rest: Row) -> Vec<Row> {
    table.sort_by_key(|row| std::cmp::Reverse(row.bits));
    table.push(rest);
    table
}

/// `PREFIX[/BITS] VALUE`.
fn row(prefix: &[u8], value: &[u8]) -> Option<Row> {
    let (prefix, bits) = parted(prefix);
    let prefix = text(prefix)?.parse().ok()?;
    let bits = bits.map_or(Some(128), number)?;
    Some(Row::new(prefix, bits, number(value)?)).filter(|row| row.bits <= 128)
}

/// The same, for an IPv4 address or an IPv4-mapped one.
fn v4_row(prefix: &[u8], value: &[u8]) -> Option<Row> {
    let (prefix, bits) = parted(prefix);
    let (prefix, before) = match text(prefix)?.parse().ok()? {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped(), 96_u32),
        IpAddr::V6(v6) => (v6.to_ipv4_mapped()?.to_ipv6_mapped(), 0),
    };
    let bits = bits.map_or(Some(128 - before), number::<u32>)?.checked_add(before)?;
    Some(Row::new(prefix, bits, number(value)?)).filter(|row| (96..=128).contains(&row.bits))
}

fn parted(prefix: &[u8]) -> (&[u8], Option<&[u8]>) {
    match prefix.iter().position(|byte| *byte == b'/') {
        Some(at) => (&prefix[..at], Some(&prefix[at + 1..])),
        None => (prefix, None),
    }
}

/// A number up to INT_MAX; an empty string is 0, as for strtoul(3).
fn number<T: TryFrom<i32>>(digits: &[u8]) -> Option<T> {
    let digits = text(digits)?;
    let number: i32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    T::try_from(number).ok().filter(|_| number >= 0)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        Policy::from_text(text.into())
    }

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_replaces_its_whole_table_and_no_other() {
        let ipv4_first = policy("precedence ::ffff:0:0/96 100 # as many have it\n");
        assert_eq!(ipv4_first.precedence(ip("::ffff:192.0.2.1")), 100);
        assert_eq!(ipv4_first.precedence(ip("2002::1")), 40, "the rest is as any other");
        assert_eq!(ipv4_first.labels, Policy::default().labels);

        let labels = policy(" label 2001:db8::/32 7\nlabel\t2001:db8:1::/48 8\nlabel fd00::1 9");
        let label = |text| labels.label(ip(text));
        assert_eq!(["2001:db8::1", "2001:db8:1::1", "fd00::1", "fd00::2"].map(label), [7, 8, 9, 1]);

        let scopes = policy("scopev4 10.0.0.0/8 5\nscopev4 ::ffff:172.16.0.0/108 6");
        let scope = |text: &str| scopes.scope_of_v4(text.parse().unwrap());
        assert_eq!(["10.1.1.1", "172.16.1.1", "127.0.0.1"].map(scope), [5, 6, 14]);
        let scopes = policy("scopev4 10.1.1.1 5\nscopev4 ::ffff:10.1.1.2 6");
        let scope = |text: &str| scopes.scope_of_v4(text.parse().unwrap());
        assert_eq!(["10.1.1.1", "10.1.1.2", "10.1.1.3"].map(scope), [5, 6, 14]);
    }

    #[test]
    fn ipv4_may_have_the_precedence_of_any_row_that_matches_some_of_it() {
        assert_eq!([Policy::glibc(), Policy::rfc_6724()].map(|policy| policy.highest_of_v4()), [10, 35]);
        for (rows, highest) in [
            ("precedence ::ffff:0:0/96 100", 100),
            ("precedence ::/0 60\nprecedence 2001:db8::/32 70", 60),
            ("precedence ::ffff:0:0/96 10\nprecedence ::ffff:10.0.0.0/104 80", 80),
            ("precedence ::ffff:0:0/96 10\nprecedence 2001:db8::/32 70", 10),
            ("precedence ::ffff:0:0/95 10\nprecedence ::/0 60", 10),
            ("precedence ::ffff:10.0.0.0/104 5", 40),
        ] {
            assert_eq!(policy(rows).highest_of_v4(), highest, "{rows}");
        }
    }

    #[test]
    fn invalid_lines_change_nothing() {
        for line in [
            "",
            "#label ::/0 9",
            "label",
            "label nothing/0 9",
            "label ::/129 9",
            "label ::/0 x",
            "label ::/0 -1",
            "precedence 10.0.0.0/8 9",
            "scopev4 2001:db8::/32 9",
            "scopev4 10.0.0.0/33 9",
            "scopev4 ::ffff:10.0.0.0/95 9",
            "labels ::/0 9",
            "reload no",
        ] {
            assert_eq!(policy(line), Policy::default(), "{line}");
        }
        assert!(policy("reload yes").reload);
    }

    #[test]
    fn the_file_is_read_once_unless_it_has_reload() {
        let directory = tempfile::tempdir().unwrap();
        let path: &'static str = Box::leak(directory.path().join("gai.conf").display().to_string().into());
        let gai = GaiConf::new(path);
        let write = |text| std::fs::write(path, text).unwrap();
        let v4 = || gai.policy().precedence(ip("::ffff:192.0.2.1"));
        write("reload yes\nprecedence ::ffff:0:0/96 1");
        assert_eq!(v4(), 1);
        write("precedence ::ffff:0:0/96 2");
        assert_eq!(v4(), 2);
        write("reload yes\nprecedence ::ffff:0:0/96 3");
        assert_eq!(v4(), 2);
    }
}
