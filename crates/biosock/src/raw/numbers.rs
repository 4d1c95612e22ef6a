//! The numbers of families, types and protocols, and the size of a path.

use std::mem::offset_of;

use libc::sockaddr_un;

/// The offset of `sun_path`.
pub(super) const SUN_PATH: usize = offset_of!(sockaddr_un, sun_path);

/// Bytes in `sun_path`.
pub(crate) const SUN_PATH_LEN: usize = size_of::<sockaddr_un>() - SUN_PATH;

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident { $($(#[$const_doc:meta])* $konst:ident = $value:expr, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i32);

        impl $name {
            $($(#[$const_doc])* pub const $konst: Self = Self($value);)*

            /// From the OS's number, which is not checked here; the kernel validates it.
            ///
            /// ```
            /// # use biosock::Domain;
            /// assert_eq!(Domain::from_raw(Domain::IPV6.as_raw()), Domain::IPV6);
            /// ```
            pub const fn from_raw(raw: i32) -> Self {
                Self(raw)
            }

            /// The OS's number.
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
    /// An address family (`AF_*`), BIO_socket(3)'s *domain*.
    ///
    /// ```
    /// use biosock::Domain;
    ///
    /// assert_eq!(Domain::IPV6.to_string(), "IPv6");
    /// ```
    Domain {
        /// AF_UNSPEC: any family, for lookups.
        UNSPEC = libc::AF_UNSPEC, "any";
        /// AF_INET: IPv4.
        IPV4 = libc::AF_INET, "IPv4";
        /// AF_INET6: IPv6.
        IPV6 = libc::AF_INET6, "IPv6";
        /// AF_UNIX: local sockets, named by a path.
        UNIX = libc::AF_UNIX, "Unix";
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
        /// 0: any type, for lookups.
        ANY = 0, "any";
        /// SOCK_STREAM: a connected stream of bytes (TCP).
        STREAM = libc::SOCK_STREAM, "stream";
        /// SOCK_DGRAM: datagrams (UDP).
        DGRAM = libc::SOCK_DGRAM, "dgram";
        /// SOCK_RAW: the network protocol itself.
        RAW = libc::SOCK_RAW, "raw";
        /// SOCK_SEQPACKET: connected, with record boundaries (AF_UNIX).
        SEQPACKET = libc::SOCK_SEQPACKET, "seqpacket";
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
        /// 0: the default protocol of the family and type.
        DEFAULT = 0, "default";
        /// TCP (RFC 9293).
        TCP = libc::IPPROTO_TCP, "TCP";
        /// UDP (RFC 768).
        UDP = libc::IPPROTO_UDP, "UDP";
        /// Multipath TCP (RFC 8684), Linux only; see [`Socket::mptcp`](crate::Socket::mptcp).
        MPTCP = libc::IPPROTO_MPTCP, "MPTCP";
    }
}
