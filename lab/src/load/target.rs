//! The targets: listeners that close at once.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_reuseport;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use crate::Result;
use crate::worker::{Stop, Worker};

/// Listeners on one port of 127.0.0.1 and ::1. Together their queues hold all
/// simultaneous dials, so that none waits for an accept.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) port: u16,
    // Dropping it ends them.
    _worker: Worker,
}

/// For each address; net.core.somaxconn is 4096 by default.
const SHARDS: usize = 8;
const QUEUE: i32 = 4096;

impl Servers {
    pub(super) fn start() -> Result<Self> {
        let first = shard((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = first.local_addr()?.port();
        let addrs = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let mut listeners = vec![first];
        for ip in addrs {
            for _ in 0..SHARDS {
                listeners.push(shard((ip, port).into())?);
            }
        }
        let worker = Worker::start("listeners", move |stop| hang_up(&listeners, &stop))?;
        Ok(Self { port, _worker: worker })
    }

    /// Gives the listeners time to empty their queues before the next round.
    pub(super) fn drained(&self) {
        let limit = Instant::now() + Duration::from_millis(50);
        while Instant::now() < limit {
            sleep(Duration::from_millis(5));
        }
    }
}

/// One of several listeners on the same port (SO_REUSEPORT).
fn shard(addr: SocketAddr) -> io::Result<TcpListener> {
    let family = if addr.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    set_socket_reuseport(&socket, true)?;
    bind(&socket, &addr)?;
    listen(&socket, QUEUE)?;
    Ok(TcpListener::from(socket))
}

fn hang_up(listeners: &[TcpListener], stop: &Stop) -> io::Result<()> {
    let fds: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
    while let Some(ready) = stop.wait(&fds, None)? {
        for (listener, _) in listeners.iter().zip(ready).filter(|(_, ready)| *ready) {
            // Empty the queue; with no descriptor left for it, try later.
            while listener.accept().is_ok() {}
        }
    }
    Ok(())
}
