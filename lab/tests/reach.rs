//! Which families a dial looks up, depending on the machine's routes.

use std::process::Command;
use std::sync::Arc;

use biosock::dial::{Dialer, Question, Report, Resolver, SystemResolver, hosts_file};
use biosock::{Domain, Family, SocketAddr, Type};
use biosock_lab::or_skip;
use biosock_lab::place::{A, AAAA, Place};

/// The course of a dial in a place.
trait Dials {
    /// The families in a dial's report, and the types of the DNS queries.
    fn dial(&self, target: &str) -> (String, Vec<u16>) {
        self.dial_by("as usual", target)
    }

    /// The same, with one of [`dialer`], in its own process.
    fn dial_by(&self, way: &str, target: &str) -> (String, Vec<u16>);
}

impl Dials for Place {
    fn dial_by(&self, way: &str, target: &str) -> (String, Vec<u16>) {
        let mut client = Command::new(std::env::current_exe().unwrap());
        client.args(["--exact", "client", "--nocapture"]).env(WAY, way).env(TARGET, target);
        let (said, asked) = self.run(client).unwrap();
        let families = said.split_once(MARK).and_then(|(_, rest)| rest.lines().next());
        let families = families.unwrap_or_else(|| panic!("{way}, {target}: {said}"));
        (families.to_owned(), asked)
    }
}

/// How the client dials, and which target.
const WAY: &str = "BIOSOCK_TEST_WAY";
const TARGET: &str = "BIOSOCK_TEST_TARGET";
/// What precedes its answer.
const MARK: &str = "families: ";

/// Not a test itself: the client.
#[test]
fn client() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    let way = std::env::var(WAY).unwrap();
    if way == RESOLVER_ALONE {
        let host = target.into_string().unwrap();
        return println!(
            "{MARK}{}",
            [Domain::IPV4, Domain::IPV6, Domain::UNSPEC].map(|family| resolved(&host, family)).join(" ")
        );
    }
    let target = target.to_str().unwrap();
    if way == FILE_ALONE {
        return println!("{MARK}{}", in_hosts_file(target));
    }
    let dialed = dialer(&way).dial(target);
    println!(
        "{MARK}{}",
        dialed.map_or_else(|failed| families(failed.report()), |dialed| families(&dialed.report))
    );
}

/// Prints what the system's resolver returns for a name, instead of dialling it.
const RESOLVER_ALONE: &str = "by no dial";

fn resolved(host: &str, family: Domain) -> String {
    let question = Question { host: Some(host.into()), service: "1".into(), family, socktype: Type::STREAM };
    let addrs = SystemResolver.resolve(&question).unwrap();
    addrs.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
}

/// Prints what /etc/hosts has for a name, twice.
const FILE_ALONE: &str = "by the file alone";

fn in_hosts_file(name: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = |family| runtime.block_on(hosts_file(name, 1, family)).unwrap();
    let text = |family| {
        let (first, second) = (found(family), found(family));
        assert_eq!(first, second, "read and known");
        let texts =
            |addrs: Vec<SocketAddr>| addrs.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",");
        first.map_or_else(|| "none".into(), texts)
    };
    [Domain::IPV4, Domain::IPV6, Domain::UNSPEC].map(text).join(" ")
}

fn families(report: &Report) -> String {
    report.lookups.iter().map(|lookup| lookup.family.to_string()).collect::<Vec<_>>().join(" ")
}

fn dialer(way: &str) -> Dialer {
    match way {
        "IPv6 alone" => Dialer::new().family(Family::Ipv6),
        "from a source" => Dialer::new().source_v4([127, 0, 0, 1].into()),
        "by a device" => Dialer::new().device_v6("one"),
        "by a NAT64" => Dialer::new().nat64(true),
        "by a resolver" => Dialer::new().resolver(Arc::new(Other)),
        _ => Dialer::new(),
    }
}

/// The system's resolver, as one of the caller's.
#[derive(Debug)]
struct Other;

impl Resolver for Other {
    fn resolve(&self, question: &Question) -> biosock::Result<Vec<SocketAddr>> {
        SystemResolver.resolve(question)
    }
}

#[test]
fn a_family_without_a_way_out_is_asked_for_last() {
    let v6: &[&str] = &["addr add 2001:db8::2/64 dev one nodad"];
    let narrow: &[&str] = &["addr add 10.1.0.2/24 dev one"];
    let local: &[&str] = &["addr add 169.254.1.2/16 dev one", "addr add fe80::2/64 dev one nodad"];
    let both: &[&str] = &["addr add 10.1.0.2/24 dev one", "addr add 2001:db8::2/64 dev one nodad"];
    for (lines, families, asked) in [
        (V4, "IPv4", vec![A]),
        (narrow, "IPv4", vec![A]),
        // What one family lacks, the other may have.
        (v6, "IPv6 IPv4", vec![A, AAAA]),
        (local, "IPv6 IPv4", vec![A, AAAA]),
        (&[], "IPv6 IPv4", vec![A, AAAA]),
        (both, "IPv6 IPv4", vec![A, AAAA]),
    ] {
        let test = "a_family_without_a_way_out_is_asked_for_last";
        let Some(place) = place(test, lines, FILES_FIRST) else { return };
        assert_eq!(place.dial("name.example:1"), (families.into(), asked));
        // Names in the file, and those of this machine, are looked up as usual.
        assert_eq!(place.dial("both.example:1"), (BOTH.into(), vec![]));
        assert_eq!(place.dial("localhost:1"), (BOTH.into(), vec![]));
    }
}

const FILES_FIRST: &str = "hosts: files dns\n";
const BOTH: &str = "IPv6 IPv4";
/// Only IPv4 leads out.
const V4: &[&str] = &["addr add 10.1.0.2/24 dev one", "route add default via 10.1.0.1"];

/// The content of /etc/hosts.
const HOSTS: &str = "127.0.0.1 localhost both.example four.example\n::1 localhost both.example\n";

fn place(test: &str, lines: &'static [&'static str], nsswitch: &str) -> Option<Place> {
    or_skip(test, Place::with(lines, nsswitch, HOSTS))
}

#[test]
fn who_has_a_way_of_its_own_is_asked_no_routes() {
    let test = "who_has_a_way_of_its_own_is_asked_no_routes";
    let Some(place) = place(test, V4, FILES_FIRST) else { return };
    assert_eq!(place.dial("name.example:1"), ("IPv4".into(), vec![A]));
    for way in ["from a source", "by a device", "by a NAT64", "by a resolver"] {
        assert_eq!(place.dial_by(way, "name.example:1"), (BOTH.into(), vec![A, AAAA]), "{way}");
    }
    assert_eq!(place.dial_by("IPv6 alone", "name.example:1"), ("IPv6".into(), vec![AAAA]));
}

#[test]
fn names_that_may_be_this_machine_s_are_asked_for_in_both_families() {
    let test = "names_that_may_be_this_machine_s_are_asked_for_in_both_families";
    let Some(place) = place(test, V4, FILES_FIRST) else { return };
    for target in ["a.localhost:1", "4.example:1"] {
        assert_eq!(place.dial(target).0, BOTH, "{target}");
    }
    let found = place.dial_by(RESOLVER_ALONE, "both.example");
    assert_eq!(found, ("127.0.0.1:1 [::1]:1 [::1]:1,127.0.0.1:1".into(), vec![]));
    // DNS is not queried for a name in the file, in either family, even if getaddrinfo(3) reads it.
    assert_eq!(place.dial("four.example:http"), (BOTH.into(), vec![]));
}

#[test]
fn the_file_answers_at_once_only_where_it_goes_first() {
    let test = "the_file_answers_at_once_only_where_it_goes_first";
    let Some(place) = place(test, V4, "hosts: dns files\n") else { return };
    assert!(!place.dial("both.example:1").1.is_empty(), "DNS goes first");
}

#[test]
fn the_file_says_what_it_has_however_large_it_is_and_whatever_goes_first() {
    let test = "the_file_says_what_it_has_however_large_it_is_and_whatever_goes_first";
    // The second file is too large to be read on the runtime's thread.
    for lines_before in [0, 5000] {
        let hosts = "# a line that says nothing\n".repeat(lines_before) + HOSTS;
        for nsswitch in [FILES_FIRST, "hosts: dns files\n"] {
            let Some(place) = or_skip(test, Place::with(V4, nsswitch, &hosts)) else { return };
            for (name, has) in [
                ("both.example", "127.0.0.1:1 [::1]:1 [::1]:1,127.0.0.1:1"),
                ("four.example", "127.0.0.1:1  127.0.0.1:1"),
                ("name.example", "none none none"),
            ] {
                assert_eq!(place.dial_by(FILE_ALONE, name), (has.into(), vec![]), "{name}, {lines_before}");
            }
        }
    }
}
