//! The page's option flags, and the kinds of socket.

use bitflags::bitflags;

use crate::sys;

bitflags! {
    /// The page's `BIO_SOCK_*` option flags, with its bits and meanings.
    ///
    /// Each routine acts on the flags that it knows and ignores the others,
    /// as the page's do. No flag is ever *cleared* by leaving it out here,
    /// with one exception that the page's name implies: listening on IPv6
    /// sets IPV6_V6ONLY to 0 or 1 every time.
    ///
    /// ```
    /// use biosock::Options;
    ///
    /// let options = Options::KEEPALIVE | Options::NODELAY;
    /// assert_eq!(options.bits(), 0x14);
    /// assert_eq!(Options::from_bits_truncate(0x1000), Options::empty());
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Options: u32 {
        /// SO_REUSEADDR: an address in TIME_WAIT can be bound again; on Linux
        /// only if the listener before had it too (socket(7)).
        #[doc(alias = "BIO_SOCK_REUSEADDR")]
        const REUSEADDR = 0x01;
        /// IPV6_V6ONLY: an IPv6 listener takes no IPv4 connections.
        #[doc(alias = "BIO_SOCK_V6_ONLY")]
        const V6_ONLY = 0x02;
        /// SO_KEEPALIVE: probe an idle peer.
        #[doc(alias = "BIO_SOCK_KEEPALIVE")]
        const KEEPALIVE = 0x04;
        /// O_NONBLOCK: no call on the socket waits.
        #[doc(alias = "BIO_SOCK_NONBLOCK")]
        const NONBLOCK = 0x08;
        /// TCP_NODELAY: send small segments at once (no Nagle algorithm, RFC 896).
        #[doc(alias = "BIO_SOCK_NODELAY")]
        const NODELAY = 0x10;
        /// TCP Fast Open (RFC 7413), on the connecting and the listening side.
        #[doc(alias = "BIO_SOCK_TFO")]
        const TFO = 0x20;
    }
}

impl Options {
    /// Without what a family lacks: TCP's own options are none of AF_UNIX.
    pub(crate) fn fit_for(self, family: Domain) -> Self {
        if family == Domain::UNIX { self - (Self::NODELAY | Self::TFO) } else { self }
    }
}

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident { $($(#[$const_doc:meta])* $konst:ident = $value:expr, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i32);

        impl $name {
            $($(#[$const_doc])* pub const $konst: Self = Self($value);)*

            /// The system's number, whatever it is; the system judges it.
            ///
            /// ```
            /// # use biosock::Domain;
            /// assert_eq!(Domain::from_raw(Domain::IPV6.as_raw()), Domain::IPV6);
            /// ```
            pub const fn from_raw(raw: i32) -> Self {
                Self(raw)
            }

            /// The system's number.
            ///
            /// ```
            /// # use biosock::Type;
            /// assert_eq!(Type::ANY.as_raw(), 0);
            /// ```
            pub const fn as_raw(self) -> i32 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match *self {
                    $(Self::$konst => f.pad($text),)*
                    Self(raw) => write!(f, "{raw}"),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

number_type! {
    /// An address family (`AF_*`), the page's *domain*.
    ///
    /// ```
    /// use biosock::Domain;
    ///
    /// assert_eq!(Domain::IPV6.to_string(), "IPv6");
    /// ```
    Domain {
        /// AF_UNSPEC: any family, for look-ups.
        UNSPEC = sys::AF_UNSPEC, "any";
        /// AF_INET: IPv4.
        IPV4 = sys::AF_INET, "IPv4";
        /// AF_INET6: IPv6.
        IPV6 = sys::AF_INET6, "IPv6";
        /// AF_UNIX: sockets of this machine, named by a path.
        UNIX = sys::AF_UNIX, "Unix";
    }
}

number_type! {
    /// A socket type (`SOCK_*`).
    ///
    /// ```
    /// use biosock::Type;
    ///
    /// assert_eq!(Type::STREAM.to_string(), "stream");
    /// ```
    Type {
        /// 0: any type, for look-ups.
        ANY = 0, "any";
        /// SOCK_STREAM: a connected stream of bytes (TCP).
        STREAM = sys::SOCK_STREAM, "stream";
        /// SOCK_DGRAM: datagrams (UDP).
        DGRAM = sys::SOCK_DGRAM, "dgram";
        /// SOCK_RAW: the network protocol itself.
        RAW = sys::SOCK_RAW, "raw";
        /// SOCK_SEQPACKET: connected, with record boundaries (AF_UNIX).
        SEQPACKET = sys::SOCK_SEQPACKET, "seqpacket";
    }
}

number_type! {
    /// A protocol (`IPPROTO_*`).
    ///
    /// ```
    /// use biosock::Protocol;
    ///
    /// assert_eq!(Protocol::TCP.to_string(), "TCP");
    /// ```
    Protocol {
        /// 0: the usual protocol for the family and type.
        DEFAULT = 0, "default";
        /// TCP (RFC 9293).
        TCP = sys::IPPROTO_TCP, "TCP";
        /// UDP (RFC 768).
        UDP = sys::IPPROTO_UDP, "UDP";
        /// Multipath TCP (RFC 8684), Linux only; see [`Socket::mptcp`](crate::Socket::mptcp).
        MPTCP = sys::IPPROTO_MPTCP, "MPTCP";
    }
}
