//! A network whose DNS server records the queries.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::room::Room;
use crate::{Result, kernel};

/// The type of queries for IPv4 addresses (RFC 1035, section 3.2.2).
pub const A: u16 = 1;
/// The type of queries for IPv6 addresses (RFC 3596, section 2.1).
pub const AAAA: u16 = 28;

/// A network with a DNS server that has one IPv4 address for any name.
#[derive(Debug)]
pub struct Place {
    room: Room,
    asked: Arc<Mutex<Vec<u16>>>,
    _device: File,
}

impl Place {
    /// Creates one whose device `one` is configured by these lines of ip(8), with this
    /// content of nsswitch.conf(5) and hosts(5).
    ///
    /// # Errors
    /// What this machine does not support.
    pub fn with(lines: &'static [&'static str], nsswitch: &str, hosts: &str) -> Result<Self> {
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
        // Ends with the process.
        thread::spawn(move || serve(&socket, &record));
        Ok(Self { room, asked, _device: device })
    }

    /// Runs a command in it: returns its standard output, and the types of the DNS
    /// queries meanwhile, in their order, as numbers.
    ///
    /// # Errors
    /// It cannot be started; its output is invalid UTF-8.
    pub fn run(&self, mut command: Command) -> Result<(String, Vec<u16>)> {
        self.asked().clear();
        let output = self.room.run(move || command.output())?;
        let mut asked = self.asked().clone();
        asked.sort_unstable();
        Ok((String::from_utf8(output.stdout)?, asked))
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<u16>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 1035: 127.0.0.1 for A, nothing for other types.
fn serve(socket: &UdpSocket, record: &Mutex<Vec<u16>>) {
    let mut query = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut query) {
        if let Some((kind, reply)) = reply(&query[..length]) {
            record.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
            let _ = socket.send_to(&reply, peer);
        }
    }
}

/// The type of a question, and the answer to it.
fn reply(query: &[u8]) -> Option<(u16, Vec<u8>)> {
    let name = 12 + query.get(12..)?.iter().position(|byte| *byte == 0)?;
    let kind = u16::from_be_bytes(query.get(name + 1..name + 3)?.try_into().ok()?);
    let mut reply = query.get(..name + 5)?.to_vec();
    reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(kind == A), 0, 0, 0, 0]);
    if kind == A {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some((kind, reply))
}
