//! Socket set-up, safely: the routines of the manual page BIO_connect(3) and
//! of the pages it leans on, as a Rust programmer wants them.
//!
//! | BIO_connect(3) | here |
//! |---|---|
//! | `BIO_socket`, `BIO_closesocket` | [`Socket::new`], [`Socket::close`] |
//! | `BIO_bind`, `BIO_connect`, `BIO_listen`, `BIO_accept_ex` | [`Socket::bind`], [`Socket::connect`], [`Socket::listen`], [`Socket::accept`] |
//! | `BIO_SOCK_*` | [`ConnectOptions`], [`ListenOptions`], [`Socket::set_nonblocking`] |
//! | `BIO_ADDR` | [`SocketAddr`], [`UnixAddr`] |
//! | `BIO_lookup_ex`, `BIO_ADDRINFO` | [`Lookup`], [`AddrInfo`] |
//! | `BIO_parse_hostserv` | [`HostServ::parse`] |
//! | `BIO_socket_wait`, `BIO_sock_error`, `BIO_socket_nbio` | [`Socket::wait`], [`Socket::take_error`], [`Socket::set_nonblocking`] |
//! | the error queue and errno | [`Error`] |
//!
//! ```
//! use std::io::{Read, Write};
//! use biosock::{ConnectOptions, KeepAlive, ListenOptions, Lookup, Priority, Socket, Type};
//!
//! // A server on a port that the system chooses ...
//! let found = Lookup::parse("127.0.0.1:0", Priority::Host)?.passive().socktype(Type::STREAM).run()?;
//! let listener = Socket::stream_for(&found[0].addr)?;
//! listener.listen_with(&found[0].addr, &ListenOptions::new().reuseaddr(true))?;
//!
//! // ... and a client.
//! let addr = listener.local_addr()?;
//! let mut client = Socket::stream_for(&addr)?;
//! client.connect_with(&addr, &ConnectOptions::new().keepalive(KeepAlive::default()).nodelay(true))?;
//!
//! let (mut server, peer) = listener.accept()?;
//! assert_eq!(peer, client.local_addr()?);
//! server.write_all(b"welcome")?;
//! server.close()?;
//! let mut heard = String::new();
//! client.read_to_string(&mut heard)?;
//! assert_eq!(heard, "welcome");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every failure names the call, the address and what the system said:
//! `connect to [::1]:443: connection refused (ECONNREFUSED)`. See [`Error`].

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod accept;
mod addr;
mod addrinfo;
mod bind;
mod cancel;
#[cfg(test)]
mod children;
mod connect;
mod connecting;
mod convert;
pub mod dial;
mod error;
mod family;
#[doc(hidden)]
pub mod fd;
mod hostserv;
mod listen;
pub mod listeners;
mod literal;
mod lookup;
mod names;
mod options;
mod raw;
mod sock;
mod socket;
mod sync;
#[allow(unsafe_code, reason = "the only module that calls the operating system")]
mod sys;
mod unix;
mod wait;

pub use addrinfo::AddrInfo;
pub use cancel::Cancel;
pub use connecting::Connecting;
pub use convert::ConvertError;
pub use error::{
    Error, ErrorKind, Operation, QueueEntry, Reason, ResolverError, Result, Syscall, SystemError,
};
pub use family::Family;
pub use hostserv::{HostServ, Part, Priority};
pub use lookup::Lookup;
pub use names::Names;
pub use options::{ConnectOptions, KeepAlive, ListenOptions};
pub use raw::{Domain, Protocol, RawAddress, SocketAddr, Type, UnixAddr, needs_escape};
pub use socket::{PeerCredentials, Socket};
pub use sys::{Interest, Shutdown};
pub use wait::wait;

/// The README's example is run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
