//! The wire: carries frames between two TAP devices, with the delay and loss of the
//! remote address. CI's kernel has no netem.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::due::Due;
use crate::worker::Stop;

/// What happens to the frames to and from one address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    /// The round-trip time: each direction takes half.
    pub rtt: Duration,
    /// How many of the first frames to the address are lost.
    pub lost: u32,
    /// Whether the first SYN from each port to the address is lost.
    pub loses_syns: bool,
}

/// A wire, not connected yet.
#[derive(Debug)]
pub struct Wire {
    /// The paths to the addresses of the remote side.
    pub paths: HashMap<IpAddr, Path>,
    /// The path of all other frames.
    pub default: Path,
    /// The ports whose first SYN has been lost.
    pub syns: HashSet<u16>,
}

/// Long enough for every frame that these devices send (their MTU is 1500).
const FRAME: usize = 2048;

impl Wire {
    /// Carries frames in both directions until it is stopped.
    ///
    /// # Errors
    /// poll(2)'s, and those of reading from a device.
    pub fn carry(mut self, near: &File, far: &File, stop: &Stop) -> io::Result<()> {
        let mut due = Due::default();
        while let Some(ready) = stop.wait(&[near.as_fd(), far.as_fd()], due.next())? {
            if ready[0] {
                self.take(near, far, far_destination, &mut due)?;
            }
            if ready[1] {
                self.take(far, near, far_source, &mut due)?;
            }
            while let Some((to, frame)) = due.pop(Instant::now()) {
                deliver(to, &frame);
            }
        }
        Ok(())
    }

    /// Reads what one device has sent.
    fn take<'f>(
        &mut self,
        mut from: &File,
        to: &'f File,
        far_address: fn(&[u8]) -> (Option<IpAddr>, bool),
        due: &mut Due<(&'f File, Vec<u8>)>,
    ) -> io::Result<()> {
        let mut frame = [0; FRAME];
        loop {
            let length = match from.read(&mut frame) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                length => length?,
            };
            let frame = &frame[..length];
            let (address, outwards) = far_address(frame);
            let path = address.and_then(|address| self.paths.get_mut(&address)).unwrap_or(&mut self.default);
            if outwards && path.lost > 0 {
                path.lost -= 1;
            } else if outwards && path.loses_syns && syn(frame).is_some_and(|port| self.syns.insert(port)) {
                // The client's system retransmits it after a second.
            } else {
                due.push(Instant::now() + path.rtt / 2, (to, frame.to_vec()));
            }
        }
    }
}

/// A device that is down or full loses the frame, as wires do.
fn deliver(mut to: &File, frame: &[u8]) {
    let _ = to.write(frame);
}

fn far_destination(frame: &[u8]) -> (Option<IpAddr>, bool) {
    (addresses(frame).map(|(_, destination)| destination), true)
}

fn far_source(frame: &[u8]) -> (Option<IpAddr>, bool) {
    (addresses(frame).map(|(source, _)| source), false)
}

/// Source and destination of an Ethernet frame that carries IP.
fn addresses(frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let packet = frame.get(14..)?;
    match frame.get(12..14)? {
        [0x08, 0x00] => Some((v4(packet.get(12..16)?), v4(packet.get(16..20)?))),
        [0x86, 0xdd] => Some((v6(packet.get(8..24)?), v6(packet.get(24..40)?))),
        _ => None,
    }
}

/// The source port of an Ethernet frame that carries a TCP SYN.
fn syn(frame: &[u8]) -> Option<u16> {
    const TCP: u8 = 6;
    let packet = frame.get(14..)?;
    let (protocol, header) = match frame.get(12..14)? {
        [0x08, 0x00] => (*packet.get(9)?, usize::from(packet.first()? & 0xf) * 4),
        [0x86, 0xdd] => (*packet.get(6)?, 40),
        _ => return None,
    };
    let segment = packet.get(header..header + 14)?;
    // RFC 9293, section 3.1: the flags, of which SYN is 2 and ACK 16.
    let opens = protocol == TCP && segment[13] & 0x12 == 0x02;
    opens.then(|| u16::from_be_bytes([segment[0], segment[1]]))
}

fn v4(bytes: &[u8]) -> IpAddr {
    let mut octets = [0; 4];
    octets.copy_from_slice(bytes);
    Ipv4Addr::from(octets).into()
}

fn v6(bytes: &[u8]) -> IpAddr {
    let mut octets = [0; 16];
    octets.copy_from_slice(bytes);
    Ipv6Addr::from(octets).into()
}
