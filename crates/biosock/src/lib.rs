//! From a name to a connected socket or to listening sockets, and each call of
//! BIO_connect(3) on its own.
//!
//! # Which of these do I want?
//!
//! | to | there is | instead of |
//! |---|---|---|
//! | connect to `host:service` or a Unix path | [`dial::Dialer`]: looks the name up and races its addresses (RFC 8305), under one deadline, with a report | [`Lookup`], [`Socket::connect`] and a loop |
//! | connect to one address, or look names up for another purpose | [`Socket`], [`Lookup`] | |
//! | serve on every address of a name, on one port | [`listeners::Listen`]: accepts from all of them, backs off during shortages, inherits sockets from systemd | [`Socket::listen`] and a loop |
//! | listen on one address with your own loop | [`Socket::listen_with`], [`Socket::accept`] | |
//! | connect without waiting, in an event loop | [`Socket::start_connect`] | |
//! | do the same on tokio | `Dialer::dial_async`, `Listeners::into_async` (feature `tokio`) | |
//! | end a dial or an accept loop from outside | [`Cancel`] | |
//! | use std's or tokio's types afterwards | `TcpStream::try_from(socket)` and the like, and back | |
//!
//! ```
//! use std::io::{Read, Write};
//! use biosock::dial::Dialer;
//! use biosock::listeners::Listen;
//!
//! // A server on a port that the system chooses ...
//! let listeners = Listen::new().listen("localhost:0")?;
//! let addr = listeners.addrs()?[0];
//!
//! // ... and a client.
//! let mut client = Dialer::new().nodelay(true).dial(&addr.to_string())?.socket;
//!
//! let (mut server, _peer) = listeners.accept(None)?;
//! server.write_all(b"welcome")?;
//! server.close()?;
//! let mut heard = String::new();
//! client.read_to_string(&mut heard)?;
//! assert_eq!(heard, "welcome");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # BIO_connect(3), call by call
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
//! use biosock::{ConnectOptions, KeepAlive, ListenOptions, Lookup, Priority, Socket, Type};
//!
//! let found = Lookup::parse("127.0.0.1:0", Priority::Host)?.passive().socktype(Type::STREAM).run()?;
//! let listener = Socket::stream_for(&found[0].addr)?;
//! listener.listen_with(&found[0].addr, &ListenOptions::new().reuseaddr(true))?;
//!
//! let addr = listener.local_addr()?;
//! let client = Socket::stream_for(&addr)?;
//! client.connect_with(&addr, &ConnectOptions::new().keepalive(KeepAlive::default()).nodelay(true))?;
//!
//! let (_server, peer) = listener.accept()?;
//! assert_eq!(peer, client.local_addr()?);
//! # Ok::<(), biosock::Error>(())
//! ```
//!
//! # Errors
//!
//! Every failure names the call, the address and the OS error:
//! `connect to [::1]:443: connection refused (ECONNREFUSED)`. See [`Error`].

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(docsrs, doc(auto_cfg(hide(biosock_unsupported))))]
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

/// Runs the README's example as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
