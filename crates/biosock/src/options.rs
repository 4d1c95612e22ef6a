//! BIO_connect(3)'s option flags.

use bitflags::bitflags;

use crate::Domain;

bitflags! {
    /// BIO_connect(3)'s `BIO_SOCK_*` option flags, with its bits and meanings.
    ///
    /// Each routine acts on the flags that it knows and ignores the others,
    /// as OpenSSL's do. No flag is ever *cleared* by leaving it out here,
    /// with one exception that the flag's name implies: listening on IPv6
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
