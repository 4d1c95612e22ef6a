//! What a lookup returns.

use crate::{Protocol, SocketAddr, Type};

/// One result of a lookup: an address, and the type and protocol of the socket to use with it.
///
/// ```
/// use biosock::{Lookup, Protocol, Type};
///
/// let found = Lookup::new().host("::1").service("80").socktype(Type::STREAM).run()?;
/// assert_eq!(found[0].protocol, Protocol::TCP);
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_ADDRINFO")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddrInfo {
    /// The address.
    #[doc(alias = "BIO_ADDRINFO_address")]
    pub addr: SocketAddr,
    /// The socket type.
    #[doc(alias = "BIO_ADDRINFO_socktype")]
    pub socktype: Type,
    /// The protocol.
    #[doc(alias = "BIO_ADDRINFO_protocol")]
    pub protocol: Protocol,
}

impl AddrInfo {
    /// For a caller that has an address already and needs an `AddrInfo`.
    pub const fn new(addr: SocketAddr, socktype: Type, protocol: Protocol) -> Self {
        Self { addr, socktype, protocol }
    }
}
