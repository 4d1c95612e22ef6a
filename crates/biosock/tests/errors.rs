//! Every row of the error queue's table that needs no fault injection, seen
//! from Rust: the call, the system's word, the reason, the chain, the message.

use std::error::Error as StdError;
use std::os::fd::OwnedFd;

use biosock::listeners::{Listen, Listeners};
use biosock::{
    Domain, Error, HostServ, Lookup, Operation, Options, Priority, Protocol, Socket, SocketAddr, SystemError,
    Type,
};

const PLAIN: Options = Options::empty();

fn tcp() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, Protocol::DEFAULT, PLAIN).unwrap()
}

fn unix() -> Socket {
    Socket::new(Domain::UNIX, Type::STREAM, Protocol::DEFAULT, PLAIN).unwrap()
}

fn not_a_socket() -> Socket {
    Socket::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A taken port, and what holds it.
fn busy() -> (Socket, SocketAddr) {
    let holder = tcp();
    holder.listen(&addr("127.0.0.1:0"), PLAIN).unwrap();
    let addr = holder.local_addr().unwrap();
    (holder, addr)
}

/// What an error says, in one line: the chain from `source()`, then the message.
fn told(error: &Error) -> (String, String) {
    let chain = std::iter::successors(error.source(), |&error| error.source());
    (chain.map(ToString::to_string).collect::<Vec<_>>().join(" | "), error.to_string())
}

#[test]
fn every_row() {
    let (_holder, taken) = busy();
    let nowhere = addr("203.0.113.9:9");
    let rows: Vec<(Error, String, String)> = vec![
        (
            Socket::new(Domain::from_raw(9999), Type::STREAM, Protocol::DEFAULT, PLAIN).unwrap_err(),
            "calling socket(): Address family not supported by protocol | unable to create socket".into(),
            "create socket for 9999 stream, protocol default: address family not supported by protocol (EAFNOSUPPORT)".into(),
        ),
        (
            tcp().connect(&addr("127.0.0.1:1"), PLAIN).unwrap_err(),
            "calling connect(): Connection refused | connect error".into(),
            "connect to 127.0.0.1:1: connection refused (ECONNREFUSED)".into(),
        ),
        (
            unix().connect(&addr("unix:/no/such"), PLAIN).unwrap_err(),
            "calling connect(): No such file or directory | connect error".into(),
            "connect to unix:/no/such: no such file or directory (ENOENT)".into(),
        ),
        (
            unix().connect(&addr("unix:/no/such"), Options::NODELAY).unwrap_err(),
            "calling setsockopt(): Operation not supported | unable to nodelay".into(),
            "connect to unix:/no/such: unable to nodelay: operation not supported (EOPNOTSUPP)".into(),
        ),
        (
            unix().listen(&addr("unix:@x"), Options::NODELAY).unwrap_err(),
            "calling setsockopt(): Operation not supported | unable to nodelay".into(),
            "listen on unix:@x: unable to nodelay: operation not supported (EOPNOTSUPP)".into(),
        ),
        (
            not_a_socket().connect(&addr("127.0.0.1:1"), Options::KEEPALIVE).unwrap_err(),
            "calling setsockopt(): Socket operation on non-socket | unable to keepalive".into(),
            "connect to 127.0.0.1:1: unable to keepalive: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            not_a_socket().connect(&addr("127.0.0.1:1"), Options::TFO).unwrap_err(),
            "calling setsockopt(): Socket operation on non-socket | unable to tfo".into(),
            "connect to 127.0.0.1:1: unable to tfo: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            not_a_socket().bind(&addr("127.0.0.1:0"), Options::REUSEADDR).unwrap_err(),
            "calling setsockopt(): Socket operation on non-socket | unable to reuseaddr".into(),
            "bind to 127.0.0.1:0: unable to reuseaddr: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            tcp().listen(&addr("[::1]:0"), Options::V6_ONLY).unwrap_err(),
            "calling setsockopt(): Protocol not available | listen v6 only".into(),
            "listen on [::1]:0: listen v6 only: protocol not available (ENOPROTOOPT)".into(),
        ),
        (
            tcp().bind(&taken, PLAIN).unwrap_err(),
            "calling bind(): Address already in use | unable to bind socket".into(),
            format!("bind to {taken}: address already in use (EADDRINUSE)"),
        ),
        (
            tcp().bind(&nowhere, PLAIN).unwrap_err(),
            "calling bind(): Cannot assign requested address | unable to bind socket".into(),
            "bind to 203.0.113.9:9: cannot assign requested address (EADDRNOTAVAIL)".into(),
        ),
        (
            not_a_socket().listen(&addr("127.0.0.1:0"), PLAIN).unwrap_err(),
            "calling getsockopt(): Socket operation on non-socket | getting socktype".into(),
            "listen on 127.0.0.1:0: getting socktype: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            tcp().accept(PLAIN).unwrap_err(),
            "calling accept(): Invalid argument | accept error".into(),
            "accept: invalid argument (EINVAL)".into(),
        ),
        (
            not_a_socket().set_nonblocking(true).err().unwrap_or_else(|| not_a_socket().local_addr().unwrap_err()),
            "calling getsockname(): Socket operation on non-socket | getsockname error".into(),
            "query socket: getsockname error: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            Lookup::new().host("x").family(Domain::from_raw(77)).run().unwrap_err(),
            "unsupported protocol family".into(),
            "look up address family 77: unsupported protocol family".into(),
        ),
        (
            HostServ::parse("a:b:c", Priority::Host).unwrap_err(),
            "ambiguous host or service".into(),
            "parse \"a:b:c\": ambiguous host or service: a second colon (at byte 3)".into(),
        ),
        (
            HostServ::parse("[::1", Priority::Host).unwrap_err(),
            "malformed host or service".into(),
            "parse \"[::1\": malformed host or service: the closing ] is missing (at byte 4)".into(),
        ),
    ];
    for (error, chain, message) in rows {
        assert_eq!(told(&error), (chain, message));
    }
}

/// listen(2) refused: a raw socket can be bound but not listened on. A
/// datagram socket of AF_UNIX's SEQPACKET kind shows the same without privilege.
#[test]
fn a_listener_of_the_wrong_type() {
    let (first, second) = (unix(), addr("unix:"));
    first.listen(&second, PLAIN).unwrap();
    let client = unix();
    client.connect(&first.local_addr().unwrap(), PLAIN).unwrap();
    // A connected socket cannot listen; it can still be bound, as it is unnamed.
    let error = client.listen(&second, PLAIN).unwrap_err();
    assert_eq!(error.operation(), Operation::Listen);
    assert_eq!(told(&error).0, "calling listen(): Invalid argument | unable to listen socket");
}

#[test]
fn what_may_succeed_later_is_the_original_s_list() {
    let retryable =
        [libc::EAGAIN, libc::EINPROGRESS, libc::EALREADY, libc::EINTR, libc::ENOTCONN, libc::EPROTO];
    let not_connected = tcp().peer_addr().unwrap_err();
    assert!(not_connected.is_retryable());
    assert!(retryable.contains(&not_connected.raw_os_error().unwrap()));
    assert!(!tcp().accept(PLAIN).unwrap_err().is_retryable());
    assert!(!Lookup::new().run().unwrap_err().is_retryable());
}

/// What to try, where there is a usual cause; what is said of ports is not
/// said of a socket's file.
#[test]
fn what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| addr(&format!("unix:{}", folder.path().join(name).display()));
    let (_holder, taken) = busy();
    let (holder, open, file) = (unix(), path("open"), path("file"));
    holder.listen(&open, PLAIN).unwrap();
    std::fs::write(file.path().unwrap(), "precious").unwrap();

    let connect = |socket: Socket, addr| socket.connect(addr, PLAIN).unwrap_err();
    let bind = |socket: Socket, addr| socket.bind(addr, PLAIN).unwrap_err();
    let listen = |addrs: &[SocketAddr]| Listen::new().listen_addrs(addrs).unwrap_err();
    let precious = listen(&[file]);
    assert_eq!(precious.kind(), std::io::ErrorKind::AlreadyExists);
    let take_over = |sockets| Listeners::take_over(sockets).unwrap_err();
    let port = "something has this address; choose another port, or allow REUSEADDR";
    let open_file =
        "end the process that has the file open, or remove it if none has, or choose another path";
    for (error, expected) in [
        (
            connect(tcp(), &addr("127.0.0.1:1")),
            Some("nothing listens there; check the port and that the server runs"),
        ),
        (
            connect(unix(), &path("none")),
            Some("there is no such socket file; check the path and that the server runs"),
        ),
        (bind(tcp(), &taken), Some(port)),
        (bind(tcp(), &addr("203.0.113.9:9")), Some("no interface has this address")),
        (bind(unix(), &open), Some(open_file)),
        (bind(unix(), &path("none/s")), Some("the folder of the socket file does not exist")),
        (bind(not_a_socket(), &open), None),
        (precious, Some("choose another path; only a stale socket file is replaced")),
        (listen(&[]), None),
        (take_over(vec![tcp()]), Some("only stream sockets that listen can be accepted from")),
    ] {
        assert_eq!(error.hint(), expected, "{error}");
    }
}

#[test]
fn numbers_have_the_names_of_errno_h() {
    assert_eq!(SystemError::name_of(libc::ECONNREFUSED), Some("ECONNREFUSED"));
    assert_eq!(SystemError::name_of(libc::EMFILE), Some("EMFILE"));
    assert_eq!(SystemError::name_of(0), None);
    assert_eq!(SystemError::name_of(-1), None);
}

#[test]
fn std_keeps_the_kind_and_gives_the_error_back() {
    let error = std::io::Error::from(tcp().connect(&addr("127.0.0.1:1"), PLAIN).unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let ours = error.downcast::<Error>().unwrap();
    assert_eq!(ours.address(), Some(&addr("127.0.0.1:1")));
    let bad = std::io::Error::from("x".parse::<SocketAddr>().unwrap_err());
    assert_eq!(bad.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(Listeners::take_over(vec![]).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
