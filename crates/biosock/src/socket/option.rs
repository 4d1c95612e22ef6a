//! Socket options, each with its getter.

use std::fmt;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::options::KeepAlive;
use crate::sys::{self, Errno};
use crate::{Domain, Error, Operation, Result, Socket, Syscall, sock};

/// The credentials of the peer of a Unix socket when the two were connected
/// (SO_PEERCRED: unix(7)).
///
/// ```
/// use biosock::Socket;
///
/// let (one, _two) = std::os::unix::net::UnixStream::pair()?;
/// let peer = Socket::from(one).peer_credentials()?;
/// assert_eq!(peer.pid, i32::try_from(std::process::id())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The process; 0 if it is in another PID namespace.
    pub pid: i32,
    /// Its effective user ID.
    pub uid: u32,
    /// Its effective group ID.
    pub gid: u32,
}

/// Options. A getter fails with getsockopt(2)'s error, a setter with setsockopt(2)'s:
/// ENOPROTOOPT or EOPNOTSUPP if the socket has no such option, EINVAL for a value out
/// of range.
///
/// ```
/// use std::time::Duration;
/// use biosock::Socket;
///
/// let socket = Socket::stream_for(&"[::1]:0".parse()?)?;
/// socket.set_linger(Some(Duration::from_secs(5)))?;
/// assert_eq!(socket.linger()?, Some(Duration::from_secs(5)));
/// socket.set_ttl(7)?;
/// socket.set_traffic_class(0xb8)?;
/// assert_eq!((socket.ttl()?, socket.traffic_class()?), (7, 0xb8));
/// socket.set_user_timeout(Duration::from_secs(30))?;
/// assert_eq!(socket.user_timeout()?, Duration::from_secs(30));
/// # Ok::<(), biosock::Error>(())
/// ```
impl Socket {
    /// Whether small segments are sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn nodelay(&self) -> Result<bool> {
        asked(sys::nodelay(self.as_fd()))
    }

    /// Sets or clears TCP_NODELAY.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::Socket;
    /// Socket::stream_for(&"127.0.0.1:0".parse()?)?.set_nodelay(true)?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_set_tcp_ndelay")]
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        sock::set_nodelay(self.as_fd(), on).map_err(|error| error.about("TCP_NODELAY"))
    }

    /// Whether an address in TIME_WAIT can be bound again (SO_REUSEADDR).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn reuseaddr(&self) -> Result<bool> {
        asked(sys::reuseaddr(self.as_fd()))
    }

    /// Sets or clears SO_REUSEADDR; set it before binding.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    pub fn set_reuseaddr(&self, on: bool) -> Result<()> {
        option(sys::set_reuseaddr(self.as_fd(), on), "SO_REUSEADDR")
    }

    /// Whether several sockets may listen on one address (SO_REUSEPORT).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn reuseport(&self) -> Result<bool> {
        asked(sys::reuseport(self.as_fd()))
    }

    /// Sets or clears SO_REUSEPORT: several sockets listen on one address and share its
    /// connections. Set it on each, before binding.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::Socket;
    /// let one = "127.0.0.1:0".parse()?;
    /// let first = Socket::stream_for(&one)?;
    /// first.set_reuseport(true)?;
    /// first.listen(&one)?;
    /// let second = Socket::stream_for(&one)?;
    /// second.set_reuseport(true)?;
    /// second.listen(&first.local_addr()?)?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn set_reuseport(&self, on: bool) -> Result<()> {
        option(sys::set_reuseport(self.as_fd(), on), "SO_REUSEPORT")
    }

    /// The times of keep-alive; `None` if it is off (SO_KEEPALIVE).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn keepalive(&self) -> Result<Option<KeepAlive>> {
        let fd = self.as_fd();
        if !asked(sys::keepalive(fd))? {
            return Ok(None);
        }
        Ok(Some(KeepAlive {
            idle: Some(asked(sys::keepalive_idle(fd))?),
            interval: Some(asked(sys::keepalive_interval(fd))?),
            probes: Some(asked(sys::keepalive_probes(fd))?),
        }))
    }

    /// Turns keep-alive on, with its times, or off; turning it off keeps the times.
    ///
    /// # Errors
    /// setsockopt(2)'s; EINVAL for a time out of range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::{KeepAlive, Socket};
    ///
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// socket.set_keepalive(KeepAlive { idle: Some(Duration::from_secs(60)), ..KeepAlive::default() })?;
    /// assert_eq!(socket.keepalive()?.and_then(|times| times.idle), Some(Duration::from_secs(60)));
    /// socket.set_keepalive(None)?;
    /// assert_eq!(socket.keepalive()?, None);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn set_keepalive(&self, keep_alive: impl Into<Option<KeepAlive>>) -> Result<()> {
        let fd = self.as_fd();
        let keep_alive = keep_alive.into();
        if let Some(times) = keep_alive {
            self.set_keepalive_times(times)?;
        }
        option(sys::set_keepalive(fd, keep_alive.is_some()), "SO_KEEPALIVE")
    }

    pub(crate) fn set_keepalive_times(&self, times: KeepAlive) -> Result<()> {
        let (fd, KeepAlive { idle, interval, probes }) = (self.as_fd(), times);
        if let Some(idle) = idle {
            option(sys::set_keepalive_idle(fd, idle), "TCP_KEEPIDLE")?;
        }
        if let Some(interval) = interval {
            option(sys::set_keepalive_interval(fd, interval), "TCP_KEEPINTVL")?;
        }
        if let Some(probes) = probes {
            option(sys::set_keepalive_probes(fd, probes), "TCP_KEEPCNT")?;
        }
        Ok(())
    }

    /// Whether an IPv6 socket excludes IPv4 (IPV6_V6ONLY).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn v6only(&self) -> Result<bool> {
        asked(sys::v6only(self.as_fd()))
    }

    /// Sets or clears IPV6_V6ONLY; set it before binding. Listening sets it again, as
    /// described at [`ListenOptions::v6only`](crate::ListenOptions::v6only).
    ///
    /// # Errors
    /// setsockopt(2)'s; EINVAL once bound.
    pub fn set_v6only(&self, on: bool) -> Result<()> {
        option(sys::set_v6only(self.as_fd(), on), "IPV6_V6ONLY")
    }

    /// How long closing waits for written data to be acknowledged (SO_LINGER); `None`
    /// if it does not wait.
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn linger(&self) -> Result<Option<Duration>> {
        asked(sys::linger(self.as_fd()))
    }

    /// Sets SO_LINGER, in whole seconds, rounded up. Zero resets the connection on
    /// close, and discards what was not sent; `None` closes at once and leaves the rest
    /// to the system, which is the default.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<()> {
        option(sys::set_linger(self.as_fd(), linger), "SO_LINGER")
    }

    /// The size of the receive buffer in bytes (SO_RCVBUF: socket(7)).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn recv_buffer_size(&self) -> Result<usize> {
        asked(sys::recv_buffer_size(self.as_fd()))
    }

    /// Sets SO_RCVBUF. Linux doubles the number for its own overhead, caps it at
    /// net.core.rmem_max, and stops adapting the size to the connection.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> Result<()> {
        option(sys::set_recv_buffer_size(self.as_fd(), bytes), "SO_RCVBUF")
    }

    /// The size of the send buffer in bytes (SO_SNDBUF: socket(7)).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn send_buffer_size(&self) -> Result<usize> {
        asked(sys::send_buffer_size(self.as_fd()))
    }

    /// Sets SO_SNDBUF, as [`set_recv_buffer_size`](Self::set_recv_buffer_size) sets
    /// SO_RCVBUF; the cap is net.core.wmem_max.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    pub fn set_send_buffer_size(&self, bytes: usize) -> Result<()> {
        option(sys::set_send_buffer_size(self.as_fd(), bytes), "SO_SNDBUF")
    }

    /// How many routers a packet may traverse (IP_TTL; IPV6_UNICAST_HOPS).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn ttl(&self) -> Result<u8> {
        let is_v6 = self.domain()? == Domain::IPV6;
        asked(if is_v6 { sys::unicast_hops(self.as_fd()) } else { sys::ttl(self.as_fd()) })
    }

    /// Sets IP_TTL or IPV6_UNICAST_HOPS, 1 to 255.
    ///
    /// # Errors
    /// setsockopt(2)'s; EINVAL for 0 (for IPv6, Linux accepts it as 0 hops).
    pub fn set_ttl(&self, hops: u8) -> Result<()> {
        match self.domain()? {
            Domain::IPV6 => option(sys::set_unicast_hops(self.as_fd(), hops), "IPV6_UNICAST_HOPS"),
            _ => option(sys::set_ttl(self.as_fd(), hops), "IP_TTL"),
        }
    }

    /// The traffic class of packets sent (IP_TOS; IPV6_TCLASS): six bits of DSCP (RFC
    /// 2474), then two of ECN.
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn traffic_class(&self) -> Result<u8> {
        let is_v6 = self.domain()? == Domain::IPV6;
        asked(if is_v6 { sys::traffic_class_v6(self.as_fd()) } else { sys::traffic_class_v4(self.as_fd()) })
    }

    /// Sets IP_TOS or IPV6_TCLASS. TCP uses the ECN bits itself: Linux ignores them on
    /// a stream.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    pub fn set_traffic_class(&self, class: u8) -> Result<()> {
        match self.domain()? {
            Domain::IPV6 => option(sys::set_traffic_class_v6(self.as_fd(), class), "IPV6_TCLASS"),
            _ => option(sys::set_traffic_class_v4(self.as_fd(), class), "IP_TOS"),
        }
    }

    /// How long sent data may stay unacknowledged before the connection fails with
    /// ETIMEDOUT (TCP_USER_TIMEOUT: tcp(7)); zero is the system's default.
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn user_timeout(&self) -> Result<Duration> {
        asked(sys::user_timeout(self.as_fd()))
    }

    /// Sets TCP_USER_TIMEOUT, in whole milliseconds, rounded up. Zero is the system's
    /// default.
    ///
    /// # Errors
    /// setsockopt(2)'s; EINVAL above 2^31 - 1 milliseconds (24 days).
    pub fn set_user_timeout(&self, timeout: Duration) -> Result<()> {
        option(sys::set_user_timeout(self.as_fd(), timeout), "TCP_USER_TIMEOUT")
    }

    /// The mark by which the firewall and policy routing identify the socket's packets
    /// (SO_MARK: socket(7)); 0 means none. Linux only.
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn mark(&self) -> Result<u32> {
        asked(sys::mark(self.as_fd()))
    }

    /// Sets SO_MARK.
    ///
    /// # Errors
    /// setsockopt(2)'s: EPERM without CAP_NET_ADMIN or CAP_NET_RAW.
    pub fn set_mark(&self, mark: u32) -> Result<()> {
        option(sys::set_mark(self.as_fd(), mark), "SO_MARK")
    }

    /// The credentials of the peer of a Unix socket.
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn peer_credentials(&self) -> Result<PeerCredentials> {
        let (pid, uid, gid) = asked(sys::peer_credentials(self.as_fd()))?;
        Ok(PeerCredentials { pid, uid, gid })
    }

    /// The network interface that the socket is bound to (SO_BINDTODEVICE); `None` if
    /// it is bound to none.
    ///
    /// # Errors
    /// getsockopt(2)'s.
    pub fn device(&self) -> Result<Option<String>> {
        let name = asked(sys::device(self.as_fd()))?;
        Ok(Some(String::from_utf8_lossy(&name).into_owned()).filter(|name| !name.is_empty()))
    }

    /// Binds the socket to a network interface (SO_BINDTODEVICE); an empty name removes
    /// the binding.
    ///
    /// # Errors
    /// setsockopt(2)'s: ENODEV for an unknown interface, EPERM without privilege.
    ///
    /// ```
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// let error = socket.bind_device("no-such-device").unwrap_err();
    /// assert!(error.to_string().starts_with("set option SO_BINDTODEVICE to no-such-device: "));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn bind_device(&self, device: &str) -> Result<()> {
        option(sys::bind_device(self.as_fd(), device.as_bytes()), format_args!("SO_BINDTODEVICE to {device}"))
    }
}

fn asked<T>(result: Result<T, Errno>) -> Result<T> {
    result.map_err(|errno| {
        Error::system_call(Operation::Query, Syscall::GetSockOpt, errno.raw_os_error(), None)
    })
}

fn option(result: Result<(), Errno>, name: impl fmt::Display) -> Result<()> {
    result.map_err(|errno| {
        let errno = errno.raw_os_error();
        Error::system_call(Operation::SetOption, Syscall::SetSockOpt, errno, None).about(name)
    })
}
