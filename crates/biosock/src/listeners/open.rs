//! Opening a set: every address, one port, and nothing left open after a failure.

use std::os::fd::AsFd;

use super::acceptor::Pool;
use super::file::SocketFile;
use super::{Listen, Listeners};
use crate::error::Refusal;
use crate::sock::{dup_error, set};
use crate::sys::{self, Errno};
use crate::{Domain, Error, Operation, Protocol, Reason, Result, Socket, SocketAddr, Type};

/// How often a port that the system chose for one address may be in use on another.
const PORT_TRIES: usize = 32;

impl Listen {
    pub(super) fn open(&self, addrs: &[SocketAddr]) -> Result<Listeners> {
        if addrs.is_empty() {
            return Err(Error::refused(Operation::Listen, Refusal::NoAddress));
        }
        if addrs.iter().any(is_unnamed) {
            return Err(Error::refused(Operation::Listen, Refusal::Unnamed));
        }
        if let Some(other) = addrs.iter().find(|addr| !self.family.has(addr)) {
            return Err(Error::refused(Operation::Listen, Refusal::OtherFamily).at(other));
        }
        let wanted = without_silent(addrs);
        for _ in 1..PORT_TRIES {
            match self.open_once(&wanted) {
                Err(error) if is(&error, Errno::ADDRINUSE) && is_of_chosen_port(&error, &wanted) => {}
                done => return done,
            }
        }
        self.open_once(&wanted)
    }

    /// Another set on the same addresses. A Unix address has one queue, which both
    /// share.
    pub(super) fn open_beside(&self, first: &Listeners) -> Result<Listeners> {
        let mut beside = Listeners::with_room(first.sockets.len())?;
        for socket in &first.sockets {
            let addr = socket.local_addr()?;
            let socket = if addr.family() == Domain::UNIX {
                beside.pool = first.pool.of_same_queue()?;
                // Each may be passed on without the other.
                [&first.pool, &beside.pool].into_iter().for_each(Pool::share);
                copy(socket)?
            } else {
                self.listen_on(&addr)?
            };
            beside.sockets.push(socket);
        }
        Ok(beside)
    }

    fn open_once(&self, addrs: &[SocketAddr]) -> Result<Listeners> {
        let mut set = Listeners::with_room(addrs.len())?;
        match self.fill(&mut set, addrs) {
            Ok(()) => Ok(set),
            Err(error) => {
                // A file that is left is found stale by the next listener.
                let _ = set.unlink();
                Err(error)
            }
        }
    }

    /// Opens all, the others with the port that the system chose for the first.
    fn fill(&self, set: &mut Listeners, addrs: &[SocketAddr]) -> Result<()> {
        let mut chosen: Option<u16> = None;
        for addr in addrs {
            let wants_port = addr.port() == Some(0);
            let addr = if wants_port { addr.with_port(chosen.unwrap_or(0)) } else { *addr };
            match self.open_one(set, &addr) {
                Ok(()) => {}
                Err(error) if is_ipv6_off(&addr, &error) && others_serve(addrs) => continue,
                Err(error) => return Err(error),
            }
            if let (true, None, Some(first)) = (wants_port, chosen, set.sockets.last()) {
                chosen = first.local_addr()?.port();
            }
        }
        Ok(())
    }

    fn open_one(&self, set: &mut Listeners, addr: &SocketAddr) -> Result<()> {
        let socket = match addr.path() {
            None => self.listen_on(addr)?,
            Some(path) => {
                let (socket, file) = SocketFile::make(path, addr, || self.listen_on(addr))?;
                set.files.push(file);
                socket
            }
        };
        set.sockets.push(socket);
        Ok(())
    }

    fn listen_on(&self, addr: &SocketAddr) -> Result<Socket> {
        let socket = Socket::in_mode(addr.family(), Type::STREAM, Protocol::DEFAULT, true)
            .map_err(|error| error.at(addr))?;
        if self.reuseport && addr.family() != Domain::UNIX {
            socket.set_reuseport(true)?;
        }
        if let Some(device) = &self.device {
            socket.bind_device(device)?;
        }
        // It has no effect on a Unix socket.
        let reuseaddr = self.reuseaddr && addr.family() != Domain::UNIX;
        // With it Linux chooses ports from the lower half of their range first, all of
        // which may be in use on the other addresses. Connections inherit it from the
        // listener when they arrive.
        let chooses = addr.port() == Some(0);
        let options = self.options.fit_for(addr.family()).v6only(true).reuseaddr(reuseaddr && !chooses);
        socket.listen_as(Type::STREAM, addr, &options)?;
        if reuseaddr && chooses {
            let set =
                set(sys::set_reuseaddr(socket.as_fd(), true), Operation::Bind, Reason::UnableToReuseaddr);
            set.map_err(|error| error.at(addr))?;
        }
        Ok(socket)
    }
}

fn copy(socket: &Socket) -> Result<Socket> {
    socket
        .as_fd()
        .try_clone_to_owned()
        .map(Socket::from)
        .map_err(|error| dup_error(Operation::Listen, &error))
}

/// For an unnamed address bind(2) chooses an abstract name that no client knows.
fn is_unnamed(addr: &SocketAddr) -> bool {
    matches!(addr, SocketAddr::Unix(unix) if unix.is_unnamed())
}

/// If IPv6 is disabled its wildcard can still be bound, but is of no use.
fn without_silent(addrs: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_wildcard =
        |addr: &SocketAddr| addr.family() == Domain::IPV6 && addr.ip().is_some_and(|ip| ip.is_unspecified());
    let drop_it = addrs.iter().any(is_wildcard) && others_serve(addrs) && sys::is_ipv6_off();
    addrs.iter().filter(|addr| !(drop_it && is_wildcard(addr))).copied().collect()
}

/// Whether the system chose the address's port, so that another one may work.
fn is_of_chosen_port(error: &Error, addrs: &[SocketAddr]) -> bool {
    error.address().is_some_and(|addr| addr.port().is_some() && addrs.contains(&addr.with_port(0)))
}

fn is(error: &Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// A kernel without IPv6 does not have the family. If IPv6 is disabled there are no
/// IPv6 addresses, and on some devices not even loopback.
fn is_ipv6_off(addr: &SocketAddr, error: &Error) -> bool {
    let is_loopback = || addr.ip().is_some_and(|ip| ip.is_loopback());
    addr.family() == Domain::IPV6
        && (is(error, Errno::AFNOSUPPORT)
            || (is(error, Errno::ADDRNOTAVAIL) && (is_loopback() || sys::is_ipv6_off())))
}

fn others_serve(addrs: &[SocketAddr]) -> bool {
    addrs.iter().any(|addr| addr.family() != Domain::IPV6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Syscall;

    #[test]
    fn ipv6_is_off_by_what_bind_says_of_ipv6_alone() {
        for (addr, errno, is_off) in [
            ("[::1]:80", Errno::ADDRNOTAVAIL, true),
            ("[::1]:80", Errno::AFNOSUPPORT, true),
            ("[2001:db8::1]:80", Errno::AFNOSUPPORT, true),
            ("[2001:db8::1]:80", Errno::ADDRNOTAVAIL, sys::is_ipv6_off()),
            ("[::1]:80", Errno::ADDRINUSE, false),
            ("127.0.0.1:80", Errno::ADDRNOTAVAIL, false),
            ("127.0.0.1:80", Errno::AFNOSUPPORT, false),
        ] {
            let error = Error::system_call(Operation::Bind, Syscall::Bind, errno.raw_os_error(), None);
            assert_eq!(is_ipv6_off(&addr.parse().unwrap(), &error), is_off, "{addr}: {error}");
        }
    }
}
