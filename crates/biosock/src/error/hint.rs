//! What to try after a failure with a common cause.

use std::io;

use super::details::{BadText, Subject};
use super::{Cause, Error, ErrorKind, Operation};
use crate::SocketAddr;
use crate::sys::Errno;

impl Error {
    /// Advice on what to try, for failures with a common cause.
    ///
    /// ```
    /// let error = "::1:80".parse::<biosock::SocketAddr>().unwrap_err();
    /// assert_eq!(error.hint(), Some("write an IPv6 address in brackets: [::1]:80"));
    /// ```
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self.details.subject() {
            Subject::Text(BadText { input: text, .. }) | Subject::Thing(text)
                if self.is_of_a_target() && text.contains("://") && !text.starts_with('[') =>
            {
                Some("a host and a service are wanted, not a URL: write host:80")
            }
            Subject::Text(text) if text.input.matches(':').count() > 1 && !text.input.starts_with('[') => {
                Some("write an IPv6 address in brackets: [::1]:80")
            }
            Subject::Addr(addr) if addr.path().is_some() => self.path_hint(),
            Subject::Addr(SocketAddr::V6(v6))
                if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 && self.is_invalid_call() =>
            {
                Some("a link-local address needs its zone, as in [fe80::1%eth0]:80")
            }
            _ => self.system_hint(),
        }
    }

    /// Whether its string is what the caller wanted parsed or looked up.
    fn is_of_a_target(&self) -> bool {
        matches!(self.operation, Operation::Parse | Operation::Lookup)
    }

    fn is_invalid_call(&self) -> bool {
        self.system().is_some() && self.kind() == ErrorKind::InvalidInput
    }

    /// Advice about ports and hosts does not help with the file of a Unix socket.
    fn path_hint(&self) -> Option<&'static str> {
        match self.kind() {
            ErrorKind::Io(io::ErrorKind::AddrInUse) => Some(
                "end the process that has the file open, or remove it if none has, or choose another path",
            ),
            ErrorKind::Io(io::ErrorKind::ConnectionRefused) => {
                Some("the file is not a socket, or nothing listens on it")
            }
            ErrorKind::TimedOut => Some(UNIX_SILENT),
            _ => self.system_hint(),
        }
    }

    fn system_hint(&self) -> Option<&'static str> {
        match self.cause {
            Cause::Refusal(refusal) => refusal.hint(),
            _ => match self.raw_os_error() {
                Some(errno) => errno_hint(errno, self.operation),
                None if self.operation == Operation::Lookup => lookup_hint(self.kind()),
                None => None,
            },
        }
    }
}

/// What to try if a Unix listener, a host or a resolver does not answer.
pub(crate) const UNIX_SILENT: &str = "the server does not accept: its queue of connections is full";
pub(crate) const HOST_SILENT: &str = "the host does not answer; it may be down or behind a firewall";
pub(crate) const RESOLVER_SILENT: &str =
    "the resolver does not answer; check the name servers in /etc/resolv.conf";

pub(crate) const LOOKUPS_HANG: &str =
    "lookups that hang have all lookup threads; check the name servers, or allow more threads";

/// What to try after a lookup failed, with any resolver.
fn lookup_hint(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NameNotFound => {
            "check the spelling; a numeric address with a numeric port needs no resolver"
        }
        ErrorKind::TryAgain => "the name server did not answer, or failed; check the network and try again",
        ErrorKind::ServiceNotFound => "give the port as a number, or a service from /etc/services",
        ErrorKind::NoAddress => "the name exists without an address of this family; try the other one",
        _ => return None,
    })
}

/// What to try after a system call failed.
fn errno_hint(errno: i32, operation: Operation) -> Option<&'static str> {
    use Operation::{Bind, Connect, Listen, Lookup, Socket};
    Some(match (operation, Errno::from_raw_os_error(errno)) {
        (Connect, Errno::CONNREFUSED) => "nothing listens there; check the port and that the server runs",
        (Connect, Errno::TIMEDOUT) => HOST_SILENT,
        (Connect, Errno::NETUNREACH | Errno::HOSTUNREACH) => {
            "no route; check the network or try the other family"
        }
        (Connect, Errno::ADDRNOTAVAIL) => {
            "no local port or address is free for it; see ip_local_port_range in ip(7)"
        }
        (Connect, Errno::NOENT) => "no such socket file; check the path and that the server runs",
        (Connect, Errno::PROTOTYPE) => "the peer's socket is of another type",
        (Bind | Listen, Errno::ADDRINUSE) => "choose another port",
        (Bind | Listen, Errno::ADDRNOTAVAIL) => {
            "no interface has this address, or it is not ready yet (duplicate address detection)"
        }
        (Bind | Listen, Errno::ACCESS) => "ports below 1024 and protected directories need privilege",
        (Bind | Listen, Errno::NOENT) => "the directory of the socket file does not exist",
        (Socket, Errno::AFNOSUPPORT) => "no such address family on this system; IPv6 may be off",
        // pthread_create(3).
        (Lookup, Errno::AGAIN) => "too many processes and threads; raise ulimit -u or the cgroup's pids.max",
        (_, Errno::MFILE) => "the process has too many open files; raise it with ulimit -n",
        (_, Errno::NFILE) => "the system has too many open files",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Syscall;

    /// When two sockets are bound to a port with SO_REUSEADDR, the second one to listen
    /// gets EADDRINUSE from listen(2), not bind(2).
    #[test]
    fn a_busy_address_gets_one_hint_from_either_call() {
        let hint = |operation, call| {
            let error = Error::system_call(operation, call, libc::EADDRINUSE, None);
            error.at(&"127.0.0.1:80".parse().unwrap()).hint()
        };
        let expected = Some("choose another port");
        assert_eq!(hint(Operation::Bind, Syscall::Bind), expected);
        assert_eq!(hint(Operation::Listen, Syscall::Listen), expected);
    }

    #[test]
    fn a_lookup_that_lacks_descriptors_says_so() {
        let failed =
            |code, system| Error::resolver_call(Operation::Lookup, code, system, None, "host".into());
        let starved = failed(libc::EAI_SYSTEM, Some(libc::EMFILE));
        assert_eq!(starved.to_string(), "look up host: too many open files (EMFILE)");
        assert_eq!(starved.hint(), Some("the process has too many open files; raise it with ulimit -n"));
        let unanswered = failed(libc::EAI_AGAIN, None);
        assert_eq!(
            unanswered.hint(),
            Some("the name server did not answer, or failed; check the network and try again")
        );
        assert_eq!(failed(libc::EAI_FAIL, None).hint(), None);
        assert_eq!(starved.kind(), ErrorKind::OutOfResources);

        // As glibc reports it; the queue has glibc's code.
        let operation = Operation::Lookup;
        let shortage = Some(libc::EMFILE);
        let error = Error::resolver_call(operation, libc::EAI_NONAME, None, shortage, "host".into());
        assert_eq!(error.to_string(), "look up host: too many open files (EMFILE)");
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::OutOfResources, shortage));
        assert_eq!(error.hint(), starved.hint());
        let entries: Vec<_> = error.entries().map(|entry| entry.to_string()).collect();
        assert_eq!(entries, ["system lib: Name or service not known"]);
    }
}
