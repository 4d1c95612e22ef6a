//! Opening a set: every address, one port, nothing left half open.

use std::os::unix::fs::FileTypeExt;

use super::Listen;
use crate::sys::Errno;
use crate::{Domain, Error, HostServ, Lookup, Options, Priority, Protocol, Result, Socket, SocketAddr, Type};

/// How often a port that the system chose for one address may be taken on another.
const PORT_TRIES: usize = 32;

impl Listen {
    /// The addresses of a target, duplicates dropped.
    pub(super) fn resolve(&self, target: &str) -> Result<Vec<SocketAddr>> {
        if target.starts_with("unix:") {
            return Ok(vec![target.parse()?]);
        }
        let HostServ { host, service } = HostServ::parse(target, Priority::Service)?;
        // A host without a service leaves the port to the system.
        let lookup = Lookup::new().service(service.name().unwrap_or("0")).passive();
        let lookup = lookup.family(self.family).socktype(Type::STREAM);
        let lookup = host.name().map_or(lookup, |host| lookup.host(host));
        let mut addrs: Vec<SocketAddr> = Vec::new();
        for found in lookup.run()? {
            if !addrs.contains(&found.addr) {
                addrs.push(found.addr);
            }
        }
        Ok(addrs)
    }

    pub(super) fn open(&self, addrs: &[SocketAddr]) -> Result<Vec<Socket>> {
        for _ in 1..PORT_TRIES {
            match self.open_once(addrs) {
                Err(error) if is(&error, Errno::ADDRINUSE) && is_of_chosen_port(&error, addrs) => {}
                done => return done,
            }
        }
        self.open_once(addrs)
    }

    /// Opens all, with the first port that the system chooses for the others.
    fn open_once(&self, addrs: &[SocketAddr]) -> Result<Vec<Socket>> {
        let mut sockets: Vec<Socket> = Vec::with_capacity(addrs.len());
        let mut chosen: Option<u16> = None;
        for addr in addrs {
            let wants_port = addr.port() == Some(0);
            let addr = if wants_port { addr.with_port(chosen.unwrap_or(0)) } else { *addr };
            match self.open_one(&addr) {
                Ok(socket) => {
                    if wants_port {
                        chosen = socket.local_addr()?.port();
                    }
                    sockets.push(socket);
                }
                Err(error) if is_ipv6_off(&addr, &error) && others_serve(addrs) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sockets)
    }

    fn open_one(&self, addr: &SocketAddr) -> Result<Socket> {
        match self.listen_on(addr) {
            Err(error) if is(&error, Errno::ADDRINUSE) && remove_if_stale(addr) => self.listen_on(addr),
            done => done,
        }
    }

    fn listen_on(&self, addr: &SocketAddr) -> Result<Socket> {
        let socket = Socket::new(addr.family(), Type::STREAM, Protocol::DEFAULT, Options::NONBLOCK)
            .map_err(|error| error.at(addr))?;
        if self.reuseport && addr.family() != Domain::UNIX {
            socket.set_reuseport(true)?;
        }
        if let Some(device) = &self.device {
            socket.bind_device(device)?;
        }
        let options = (self.options | Options::V6_ONLY) - Options::NONBLOCK;
        socket.listen_with_backlog(addr, options, self.backlog)?;
        Ok(socket)
    }
}

/// Whether the address had its port from the system, so that another may do.
fn is_of_chosen_port(error: &Error, addrs: &[SocketAddr]) -> bool {
    error.address().is_some_and(|addr| addrs.contains(&addr.with_port(0)))
}

fn is(error: &Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// A kernel without IPv6 has no such family; one where it is switched off has
/// none of its addresses.
fn is_ipv6_off(addr: &SocketAddr, error: &Error) -> bool {
    let local = addr.ip().is_some_and(|ip| ip.is_unspecified() || ip.is_loopback());
    addr.family() == Domain::IPV6
        && (is(error, Errno::AFNOSUPPORT) || (local && is(error, Errno::ADDRNOTAVAIL)))
}

fn others_serve(addrs: &[SocketAddr]) -> bool {
    addrs.iter().any(|addr| addr.family() != Domain::IPV6)
}

/// Removes a socket file that no socket stands behind; any other file stays.
fn remove_if_stale(addr: &SocketAddr) -> bool {
    let Some(path) = addr.path() else { return false };
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    is_socket && is_stale(addr) && std::fs::remove_file(path).is_ok()
}

/// Asks with a datagram socket: a listening stream socket refuses that for
/// its type (EPROTOTYPE), so that nobody gets a connection that means nothing.
fn is_stale(addr: &SocketAddr) -> bool {
    let probe = Socket::new(Domain::UNIX, Type::DGRAM, Protocol::DEFAULT, Options::NONBLOCK);
    let asked = probe.and_then(|probe| probe.connect(addr, Options::empty()).map(drop));
    asked.is_err_and(|error| is(&error, Errno::CONNREFUSED))
}
