//! What a lookup gives.

use crate::{Protocol, SocketAddr, Type};

/// One result of a lookup: an address, and the socket to use it with.
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
    /// What a caller who has an address already gives where an answer is wanted.
    pub const fn new(addr: SocketAddr, socktype: Type, protocol: Protocol) -> Self {
        Self { addr, socktype, protocol }
    }
}
