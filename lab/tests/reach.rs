//! Which families a dial asks for, by the routes of the machine.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use biosock_lab::Result;
use biosock_lab::kernel;
use biosock_lab::room::Room;
use serde_json::Value;

const A: u16 = 1;
const AAAA: u16 = 28;

/// A network with a DNS server, which has one IPv4 address for any name.
struct Place {
    room: Room,
    asked: Arc<Mutex<Vec<u16>>>,
    _device: File,
}

impl Place {
    fn with(lines: &'static [&'static str]) -> Result<Self> {
        let room = Room::open()?;
        let device = room.run(|| kernel::tap("one"))?;
        room.ip(&["link set one up"])?;
        room.ip(lines)?;
        let folder = tempfile::tempdir()?;
        for (place, text) in [
            ("/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1\n"),
            ("/etc/nsswitch.conf", "hosts: files dns\n"),
            ("/etc/hosts", "127.0.0.1 localhost both.example\n::1 localhost both.example\n"),
        ] {
            let file = folder.path().join("file");
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
    fn dial(&self, target: &'static str) -> (Vec<String>, Vec<u16>) {
        self.asked.lock().unwrap().clear();
        let mut client = Command::new(env!("CARGO_BIN_EXE_biosock-lab"));
        client.args(["client", "ours", target]);
        let output = self.room.run(move || client.output()).unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let lookups = said["report"]["lookups"].as_array().unwrap();
        let families = lookups.iter().map(|lookup| lookup["family"].as_str().unwrap().to_owned()).collect();
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort_unstable();
        (families, asked)
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
    let v4: &[&str] = &["addr add 10.1.0.2/24 dev one", "route add default via 10.1.0.1"];
    let v6: &[&str] = &["addr add 2001:db8::2/64 dev one nodad"];
    let narrow: &[&str] = &["addr add 10.1.0.2/24 dev one"];
    let local: &[&str] = &["addr add 169.254.1.2/16 dev one", "addr add fe80::2/64 dev one nodad"];
    let both: &[&str] = &["addr add 10.1.0.2/24 dev one", "addr add 2001:db8::2/64 dev one nodad"];
    for (lines, families, asked) in [
        (v4, "IPv4", vec![A]),
        (narrow, "IPv4", vec![A]),
        // What the only family has not, the other may have.
        (v6, "IPv6 IPv4", vec![A, AAAA]),
        (local, "IPv6 IPv4", vec![A, AAAA]),
        (&[], "IPv6 IPv4", vec![A, AAAA]),
        (both, "IPv6 IPv4", vec![A, AAAA]),
    ] {
        let place = match Place::with(lines) {
            Ok(place) => place,
            Err(why) => {
                println!("skipped: a_family_without_a_way_out_is_asked_for_last: {why}");
                let required = std::env::var_os("BIOSOCK_REQUIRE_ALL").is_some_and(|value| value == "1");
                return assert!(!required, "{why}, and BIOSOCK_REQUIRE_ALL=1 forbids to skip");
            }
        };
        assert_eq!(place.dial("name.example:1"), (families.split(' ').map(str::to_owned).collect(), asked));
        // Names of the file, and those of this machine, are as ever.
        let every = ["IPv6", "IPv4"].map(str::to_owned).to_vec();
        assert_eq!(place.dial("both.example:1"), (every.clone(), vec![]));
        assert_eq!(place.dial("localhost:1"), (every, vec![]));
    }
}
