//! BIO_connect(3)'s routines for the caller's descriptors.

use std::net::TcpListener;
use std::os::fd::AsFd;

use biosock::fd::{self, Options};
use biosock::{Domain, Protocol, SocketAddr, Type};

#[test]
fn connect_says_that_it_was_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap().into();
    let socket = || fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT).unwrap();
    let connect =
        |socket: &dyn AsFd| addr.with_sockaddr(|raw| fd::connect(socket.as_fd(), raw, Options::empty()));
    let connected = socket();
    connect(&connected).unwrap();
    assert_eq!(connect(&connected).unwrap_err().raw_os_error(), Some(libc::EISCONN));

    // Bound, so that nothing else listens there.
    let bound = socket();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    any.with_sockaddr(|raw| fd::bind(bound.as_fd(), raw, Options::empty())).unwrap();
    let addr = fd::local_addr(bound.as_fd()).unwrap();
    let refused = fd::connect(socket().as_fd(), addr.as_sockaddr(), Options::empty()).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
}
