//! A DNS server (RFC 1035) for one name, which answers well, late, never or
//! with an error.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::due::Due;
use crate::scenario::{Reply, Scenario, by_nat64};
use crate::worker::{Stop, Worker};

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;

// RFC 1035, section 4.1.1: the RCODEs.
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;

/// Longer than any well-formed UDP query.
const DATAGRAM: usize = 1500;

/// Serves at 127.0.0.1:53 of the calling thread's network.
///
/// # Errors
/// bind(2)'s.
pub fn serve(scenario: &Scenario) -> io::Result<Worker> {
    let socket = UdpSocket::bind(("127.0.0.1", 53))?;
    let zone = Zone::of(scenario);
    Worker::start("DNS server", move |stop| answer(&socket, &zone, &stop))
}

fn answer(socket: &UdpSocket, zone: &Zone, stop: &Stop) -> io::Result<()> {
    let mut due: Due<(SocketAddr, Vec<u8>)> = Due::default();
    while let Some(ready) = stop.wait(&[socket.as_fd()], due.next())? {
        if ready[0] {
            let mut datagram = [0; DATAGRAM];
            let (length, from) = socket.recv_from(&mut datagram)?;
            if let Some((delay, reply)) = zone.reply(&datagram[..length]) {
                due.push(Instant::now() + delay, (from, reply));
            }
        }
        while let Some((to, reply)) = due.pop(Instant::now()) {
            // The client may be gone: its port then refuses, which does not matter.
            let _ = socket.send_to(&reply, to);
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Zone {
    name: String,
    addrs: Vec<IpAddr>,
    aaaa: Reply,
    a: Reply,
    nat64: bool,
}

/// RFC 7050: its IPv6 address has a DNS64's prefix.
const IPV4_ONLY: &str = "ipv4only.arpa";

impl Zone {
    fn of(scenario: &Scenario) -> Self {
        let addrs = scenario.hosts().into_iter().map(|(addr, _)| addr).collect();
        Self { name: scenario.host_name(), addrs, aaaa: scenario.aaaa, a: scenario.a, nat64: scenario.nat64 }
    }

    /// When to answer a question, and with what, if at all.
    fn reply(&self, datagram: &[u8]) -> Option<(Duration, Vec<u8>)> {
        let question = Question::read(datagram)?;
        if self.nat64 && question.kind == TYPE_AAAA && question.name.eq_ignore_ascii_case(IPV4_ONLY) {
            let found = by_nat64(Ipv4Addr::new(192, 0, 0, 170));
            return Some((Duration::ZERO, question.reply(NO_ERROR, &[found.into()])));
        }
        if !question.name.eq_ignore_ascii_case(&self.name) {
            return Some((Duration::ZERO, question.reply(NAME_ERROR, &[])));
        }
        let (treatment, wanted): (_, fn(&IpAddr) -> bool) = match question.kind {
            TYPE_AAAA => (self.aaaa, IpAddr::is_ipv6),
            TYPE_A => (self.a, IpAddr::is_ipv4),
            _ => (Reply::Prompt, |_| false),
        };
        let addrs: Vec<_> = self.addrs.iter().filter(|addr| wanted(addr)).copied().collect();
        match treatment {
            Reply::Prompt => Some((Duration::ZERO, question.reply(NO_ERROR, &addrs))),
            Reply::Late(delay) => Some((delay, question.reply(NO_ERROR, &addrs))),
            Reply::Never => None,
            Reply::Fails => Some((Duration::ZERO, question.reply(SERVER_FAILURE, &[]))),
            Reply::Denies => Some((Duration::ZERO, question.reply(NAME_ERROR, &[]))),
        }
    }
}

/// A query's first question, the only one that resolvers send.
#[derive(Debug)]
struct Question<'d> {
    id: &'d [u8],
    /// Name, type and class, as received.
    section: &'d [u8],
    name: String,
    kind: u16,
}

/// RFC 1035, section 4.1.1: id, flags and four counts.
const HEADER: usize = 12;

impl<'d> Question<'d> {
    fn read(datagram: &'d [u8]) -> Option<Self> {
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let length = usize::from(*datagram.get(at)?);
            let label = datagram.get(at + 1..at + 1 + length)?;
            at += 1 + length;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(label));
        }
        let kind = u16::from_be_bytes([*datagram.get(at)?, *datagram.get(at + 1)?]);
        let section = datagram.get(HEADER..at + 4)?;
        Some(Self { id: &datagram[..2], section, name: labels.join("."), kind })
    }

    /// The reply with these addresses.
    fn reply(&self, code: u8, addrs: &[IpAddr]) -> Vec<u8> {
        let mut reply = self.id.to_vec();
        // A response to a recursive query, from a server that recurses.
        reply.extend([0x81, 0x80 | code]);
        for count in [1, addrs.len() as u16, 0, 0] {
            reply.extend(count.to_be_bytes());
        }
        reply.extend(self.section);
        addrs.iter().for_each(|addr| record(&mut reply, addr));
        reply
    }
}

/// Adds a resource record, whose name points to the question's.
fn record(reply: &mut Vec<u8>, addr: &IpAddr) {
    let (kind, data) = match addr {
        IpAddr::V4(addr) => (TYPE_A, addr.octets().to_vec()),
        IpAddr::V6(addr) => (TYPE_AAAA, addr.octets().to_vec()),
    };
    reply.extend([0xc0, HEADER as u8]);
    reply.extend(kind.to_be_bytes());
    reply.extend(CLASS_IN.to_be_bytes());
    // Not to be cached.
    reply.extend(0u32.to_be_bytes());
    reply.extend((data.len() as u16).to_be_bytes());
    reply.extend(data);
}
