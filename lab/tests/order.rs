//! The order of a name's addresses under gai.conf(5), compared with getaddrinfo(3)'s.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use biosock_lab::room::Room;
use biosock_lab::{Result, kernel, or_skip};

/// The number of files and lists of addresses that are tried.
const CASES: u64 = 300;

/// Two networks: one of each family for the whole internet, local ones, and
/// destinations without a route.
const NETWORK: &[&str] = &[
    "link set one up",
    "link set two up",
    "addr add 10.1.0.2/16 dev one",
    "addr add 2001:db8:1::2/64 dev one nodad",
    "addr add fd00:1::2/48 dev one nodad",
    "addr add 192.0.2.2/24 dev two",
    "addr add 2002:c000:202::2/48 dev two nodad",
    "addr add 169.254.1.2/16 dev two",
    "route add default via 10.1.0.1",
    "route add default via 2001:db8:1::1 dev one",
    "route add unreachable 203.0.113.0/24",
    "route add unreachable 2001:db8:dead::/48",
];

/// One of each kind. No IPv4 address is on the machine's own networks, the only ones
/// for which glibc applies rule 9 to IPv4.
const ADDRS: &[&str] = &[
    "::1",
    "2001:db8:1::9",
    "2001:db8:2::9",
    "2001:db8:8000::9",
    "2400:cb00::1",
    "2001:db8:dead::1",
    "fd00:1::9",
    "fd00:1:0:8::9",
    "fd77::1",
    "fec0::9",
    "2002:c000:202::9",
    "2002:c633:6401::1",
    "2001:0:1::1",
    "::198.51.100.1",
    "3ffe::1",
    "198.51.100.1",
    "198.51.100.2",
    "8.8.8.8",
    "172.16.0.1",
    "203.0.113.5",
    "192.168.7.7",
];

/// Each with its prefix length: without it glibc 2.36 may crash.
const PREFIXES: &[&str] = &[
    "::1/128",
    "::/0",
    "::/96",
    "::ffff:0:0/96",
    "2002::/16",
    "2001::/32",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "fc00::/7",
    "fd00::/8",
    "fec0::/10",
    "::ffff:198.51.100.0/120",
    "::ffff:10.0.0.0/104",
    "nonsense",
    "::/200",
];

const V4_PREFIXES: &[&str] = &[
    "::ffff:169.254.0.0/112",
    "::ffff:127.0.0.0/104",
    "::ffff:0.0.0.0/96",
    "198.51.100.0/24",
    "10.0.0.0/8",
    "::ffff:10.0.0.0/104",
    "8.8.8.8/32",
    "::/0",
    "172.16.0.0/40",
];

/// A small generator (xorshift), so that a failing case can be reproduced.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

fn gai_conf(dice: &mut Dice) -> String {
    let mut lines = String::new();
    for _ in 0..dice.below(12) {
        lines += &match dice.below(8) {
            0..=2 => format!("label {} {}\n", dice.of(PREFIXES), dice.below(4)),
            3..=5 => format!("precedence\t{}   {} # why\n", dice.of(PREFIXES), dice.below(3) * 20),
            6 => format!(" scopev4 {} {}\n", dice.of(V4_PREFIXES), [2, 5, 14][dice.below(3)]),
            _ => {
                format!("{}\n", dice.of(&["", "# comment", "label ::/0", "reload no", "other x y"]))
            }
        };
    }
    lines
}

fn addrs(dice: &mut Dice) -> Vec<&'static str> {
    let mut addrs = ADDRS.to_vec();
    let count = 2 + dice.below(8);
    (0..count).map(|_| addrs.swap_remove(dice.below(addrs.len()))).collect()
}

fn network() -> Result<(Room, [File; 2])> {
    let room = Room::open()?;
    let devices = ["one", "two"].map(|name| room.run(move || kernel::tap(name)));
    let [one, two] = devices;
    let devices = [one?, two?];
    room.ip(NETWORK)?;
    if !Path::new("/etc/gai.conf").exists() {
        return Err("there is no /etc/gai.conf to mount over".into());
    }
    Ok((room, devices))
}

fn said(room: &Room, mut command: Command) -> Vec<String> {
    let output = room.run(move || command.output()).unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What getaddrinfo(3) returns for the name, in any family, in its own process.
fn theirs(room: &Room) -> Vec<String> {
    let mut ask = Command::new(env!("CARGO_BIN_EXE_biosock-lab"));
    ask.args(["ask", "many.example"]);
    said(room, ask)
}

fn ours(room: &Room, addrs: &[&str]) -> Vec<String> {
    let mut sort = Command::new(env!("CARGO_BIN_EXE_biosock-lab"));
    sort.arg("sort").args(addrs);
    said(room, sort)
}

/// What the hosts file has, read without getaddrinfo(3).
fn known(room: &Room) -> Vec<String> {
    let mut known = Command::new(env!("CARGO_BIN_EXE_biosock-lab"));
    known.args(["known", "many.example"]);
    said(room, known)
}

#[test]
fn the_order_is_getaddrinfo_s_under_any_gai_conf() {
    let network = or_skip("the_order_is_getaddrinfo_s_under_any_gai_conf", network());
    let Some((room, _devices)) = network else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    for (place, name) in
        [("/etc/hosts", "hosts"), ("/etc/gai.conf", "gai.conf"), ("/etc/nsswitch.conf", "nsswitch.conf")]
    {
        fs::write(file(name), "hosts: files\n").unwrap();
        room.replace(place, &file(name)).unwrap();
    }
    let mut changed = 0;
    for case in 1..=CASES {
        let mut dice = Dice(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (gai_conf, addrs) = (gai_conf(&mut dice), addrs(&mut dice));
        let hosts: String = addrs.iter().map(|addr| format!("{addr} many.example\n")).collect();
        fs::write(file("hosts"), hosts).unwrap();
        fs::write(file("gai.conf"), "").unwrap();
        let usual = ours(&room, &addrs);
        fs::write(file("gai.conf"), &gai_conf).unwrap();
        let (theirs, ours, known) = (theirs(&room), ours(&room, &addrs), known(&room));
        assert_eq!(ours, theirs, "case {case}: of {addrs:?} under\n{gai_conf}");
        // The order in each family is that of the whole, one family after the other.
        let of = |v6| ours.iter().filter(move |addr| addr.contains(':') == v6);
        assert!(known.iter().eq(of(true).chain(of(false))), "case {case}: {known:?} of {ours:?}");
        changed += usize::from(usual != ours);
    }
    println!("{CASES} files and lists in the order of getaddrinfo, {changed} in another than without a file");
    assert!(changed > 20, "the files matter");
}
