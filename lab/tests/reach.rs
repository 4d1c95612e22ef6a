//! Which families a dial asks for, by the routes of the machine.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use biosock::dial::{Dialer, HickoryResolver, LookupReport, Question, Report, Resolver, SystemResolver};
use biosock::{Domain, Family, SocketAddr, Type};
use biosock_lab::room::Room;
use biosock_lab::{kernel, or_skip};

const A: u16 = 1;
const AAAA: u16 = 28;

/// A network with a DNS server, which has one IPv4 address for any name.
struct Place {
    room: Room,
    asked: Arc<Mutex<Vec<u16>>>,
    _device: File,
}

impl Place {
    fn with(lines: &'static [&'static str], nsswitch: &str, hosts: &str) -> biosock_lab::Result<Self> {
        let room = Room::open()?;
        let device = room.run(|| kernel::tap("one"))?;
        room.ip(&["link set one up"])?;
        room.ip(lines)?;
        let directory = tempfile::tempdir()?;
        for (place, text) in [
            ("/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1\n"),
            ("/etc/nsswitch.conf", nsswitch),
            ("/etc/hosts", hosts),
        ] {
            let file = directory.path().join("file");
            fs::write(&file, text)?;
            room.replace(place, &file)?;
            fs::remove_file(file)?;
        }
        let socket = room.run(|| UdpSocket::bind("127.0.0.1:53"))?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        // Ends with the test.
        thread::spawn(move || answer(&socket, &record));
        Ok(Self { room, asked, _device: device })
    }

    /// The families that a dial's report has, and the types that DNS was asked for.
    fn dial(&self, target: &'static str) -> (String, Vec<u16>) {
        self.dial_by("as usual", target)
    }

    /// The same, by one of [`dialer`], in a process of its own.
    fn dial_by(&self, way: &'static str, target: &'static str) -> (String, Vec<u16>) {
        self.asked.lock().unwrap().clear();
        let mut client = Command::new(std::env::current_exe().unwrap());
        client.args(["--exact", "client", "--nocapture"]).env(WAY, way).env(TARGET, target);
        let output = self.room.run(move || client.output()).unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let families = said.split_once(MARK).and_then(|(_, rest)| rest.lines().next());
        let families = families.unwrap_or_else(|| panic!("{way}, {target}: {said}"));
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort_unstable();
        (families.to_owned(), asked)
    }
}

/// How the client dials, and to where.
const WAY: &str = "BIOSOCK_TEST_WAY";
const TARGET: &str = "BIOSOCK_TEST_TARGET";
/// What goes before its answer.
const MARK: &str = "families: ";

/// Not a test of its own: the client.
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
    if way == BY_HICKORY {
        return println!("{MARK}{}", by_hickory(target));
    }
    let dialed = dialer(&way).dial(target);
    println!(
        "{MARK}{}",
        dialed.map_or_else(|failed| families(failed.report()), |dialed| families(&dialed.report))
    );
}

/// Dials on a runtime, by hickory's resolver.
const BY_HICKORY: &str = "by hickory";

/// The families, each with the number of its addresses, and what was dialled.
fn by_hickory(target: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dialed = runtime.block_on(async {
        let resolver = Arc::new(HickoryResolver::from_system().unwrap());
        Dialer::new().async_resolver(resolver).dial_async(target).await
    });
    let failed = dialed.expect_err("nothing listens");
    let count = |lookup: &LookupReport| lookup.answer.as_ref().unwrap().as_ref().ok().copied();
    let lookups = failed.report().lookups.iter();
    let lookups = lookups.map(|lookup| format!("{} {:?}", lookup.family, count(lookup)));
    let ports = failed.report().attempts.iter().map(|attempt| format!("port {:?}", attempt.addr.port()));
    lookups.chain(ports).collect::<Vec<_>>().join(", ")
}

/// Prints what the system's resolver has for a name, instead of dialling it.
const RESOLVER_ALONE: &str = "by no dial";

fn resolved(host: &str, family: Domain) -> String {
    let question = Question { host: Some(host.into()), service: "1".into(), family, socktype: Type::STREAM };
    let addrs = SystemResolver.resolve(&question).unwrap();
    addrs.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
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

/// As the system's, but the caller's.
#[derive(Debug)]
struct Other;

impl Resolver for Other {
    fn resolve(&self, question: &Question) -> biosock::Result<Vec<SocketAddr>> {
        SystemResolver.resolve(question)
    }
}

/// RFC 1035: 127.0.0.1 for A, nothing for other types.
fn answer(socket: &UdpSocket, record: &Mutex<Vec<u16>>) {
    let mut query = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut query) {
        let name = 12 + query[12..length].iter().position(|byte| *byte == 0).unwrap();
        let kind = u16::from_be_bytes([query[name + 1], query[name + 2]]);
        record.lock().unwrap().push(kind);
        let mut reply = query[..name + 5].to_vec();
        reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(kind == A), 0, 0, 0, 0]);
        if kind == A {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
        }
        socket.send_to(&reply, peer).unwrap();
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
        // What the only family has not, the other may have.
        (v6, "IPv6 IPv4", vec![A, AAAA]),
        (local, "IPv6 IPv4", vec![A, AAAA]),
        (&[], "IPv6 IPv4", vec![A, AAAA]),
        (both, "IPv6 IPv4", vec![A, AAAA]),
    ] {
        let test = "a_family_without_a_way_out_is_asked_for_last";
        let Some(place) = place(test, lines, FILES_FIRST) else { return };
        assert_eq!(place.dial("name.example:1"), (families.into(), asked));
        // Names of the file, and those of this machine, are as ever.
        assert_eq!(place.dial("both.example:1"), (BOTH.into(), vec![]));
        assert_eq!(place.dial("localhost:1"), (BOTH.into(), vec![]));
    }
}

const FILES_FIRST: &str = "hosts: files dns\n";
const BOTH: &str = "IPv6 IPv4";
/// IPv4 alone leads out.
const V4: &[&str] = &["addr add 10.1.0.2/24 dev one", "route add default via 10.1.0.1"];

/// What /etc/hosts has.
const HOSTS: &str = "127.0.0.1 localhost both.example four.example\n::1 localhost both.example\n";

fn place(test: &str, lines: &'static [&'static str], nsswitch: &str) -> Option<Place> {
    place_with(test, lines, nsswitch, HOSTS)
}

fn place_with(test: &str, lines: &'static [&'static str], nsswitch: &str, hosts: &str) -> Option<Place> {
    or_skip(test, Place::with(lines, nsswitch, hosts))
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
    // A name of the file is no question for DNS, in neither family: also where getaddrinfo reads it.
    assert_eq!(place.dial("four.example:http"), (BOTH.into(), vec![]));
}

#[test]
fn the_file_answers_at_once_only_where_it_goes_first() {
    let test = "the_file_answers_at_once_only_where_it_goes_first";
    let Some(place) = place(test, V4, "hosts: dns files\n") else { return };
    assert!(!place.dial("both.example:1").1.is_empty(), "DNS goes first");
}

#[test]
fn hickory_asks_no_dns_for_a_name_of_the_file_however_large_it_is() {
    let test = "hickory_asks_no_dns_for_a_name_of_the_file_however_large_it_is";
    // The second is too large to be read on the runtime's thread.
    for lines_before in [0, 5000] {
        let hosts = "# a line that says nothing\n".repeat(lines_before) + HOSTS;
        let Some(place) = place_with(test, V4, FILES_FIRST, &hosts) else { return };
        for target in ["both.example:1", "both.example:tcpmux"] {
            let found = place.dial_by(BY_HICKORY, target);
            let expected = "IPv6 Some(1), IPv4 Some(1), port Some(1), port Some(1)";
            assert_eq!(found, (expected.into(), vec![]), "{target}, {lines_before}");
        }
        let found = place.dial_by(BY_HICKORY, "name.example:1");
        assert_eq!(found.1, [A, AAAA], "{lines_before}: {}", found.0);
    }
}
