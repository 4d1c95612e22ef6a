//! The names of system calls in the error queue.

use std::ffi::CStr;

use biosock::Syscall;

/// A system call's name in the error queue.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// The data of its entries: `calling connect()`.
    pub calling: &'static CStr,
    /// Its function number in OpenSSL 1.1.1's library SYS.
    pub code: u8,
}

/// The name and number of a system call.
pub(crate) fn call_of(syscall: Syscall) -> &'static Call {
    CALLS.get(syscall as usize).unwrap_or(&UNNAMED)
}

/// For calls added to [`Syscall`] later.
static UNNAMED: Call = Call { calling: c"calling the system", code: 0 };

/// The names, indexed by [`Syscall`], with the function numbers of OpenSSL 1.1.1,
/// which had none for some.
static CALLS: [Call; 32] = {
    let mut calls = [const { Call { calling: c"calling the system", code: 0 } }; 32];
    calls[Syscall::Socket as usize] = Call { calling: c"calling socket()", code: 4 };
    calls[Syscall::Bind as usize] = Call { calling: c"calling bind()", code: 6 };
    calls[Syscall::Connect as usize] = Call { calling: c"calling connect()", code: 2 };
    calls[Syscall::Listen as usize] = Call { calling: c"calling listen()", code: 7 };
    calls[Syscall::Accept as usize] = Call { calling: c"calling accept()", code: 8 };
    calls[Syscall::Close as usize] = Call { calling: c"calling close()", code: 20 };
    calls[Syscall::Shutdown as usize] = Call { calling: c"calling shutdown()", code: 0 };
    calls[Syscall::Ioctl as usize] = Call { calling: c"calling ioctlsocket()", code: 5 };
    calls[Syscall::GetSockOpt as usize] = Call { calling: c"calling getsockopt()", code: 15 };
    calls[Syscall::SetSockOpt as usize] = Call { calling: c"calling setsockopt()", code: 14 };
    calls[Syscall::GetSockName as usize] = Call { calling: c"calling getsockname()", code: 16 };
    calls[Syscall::GetPeerName as usize] = Call { calling: c"calling getpeername()", code: 0 };
    calls[Syscall::Fcntl as usize] = Call { calling: c"calling fcntl()", code: 23 };
    calls[Syscall::GetAddrInfo as usize] = Call { calling: c"calling getaddrinfo()", code: 12 };
    calls[Syscall::GetNameInfo as usize] = Call { calling: c"calling getnameinfo()", code: 13 };
    calls[Syscall::Poll as usize] = Call { calling: c"calling poll()", code: 0 };
    calls[Syscall::Epoll as usize] = Call { calling: c"calling epoll()", code: 0 };
    calls[Syscall::Clone as usize] = Call { calling: c"calling clone()", code: 0 };
    calls[Syscall::EventFd as usize] = Call { calling: c"calling eventfd()", code: 0 };
    calls[Syscall::Dup as usize] = Call { calling: c"calling dup()", code: 0 };
    calls[Syscall::Unlink as usize] = Call { calling: c"calling unlink()", code: 0 };
    calls[Syscall::SocketPair as usize] = Call { calling: c"calling socketpair()", code: 0 };
    calls[Syscall::SendMsg as usize] = Call { calling: c"calling sendmsg()", code: 0 };
    calls
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_names_calls_as_the_core_does() {
        use Syscall::*;
        let all = [
            Socket,
            Bind,
            Connect,
            Listen,
            Accept,
            Close,
            Shutdown,
            GetSockOpt,
            SetSockOpt,
            GetSockName,
            GetPeerName,
            Fcntl,
            GetAddrInfo,
            GetNameInfo,
            Poll,
            SocketPair,
            SendMsg,
        ];
        for syscall in all {
            let expected = format!("calling {}()", syscall.name());
            assert_eq!(call_of(syscall).calling.to_str(), Ok(&*expected));
        }
        // The queue uses Windows' name for this one.
        assert_eq!(call_of(Ioctl).calling, c"calling ioctlsocket()");
    }
}
