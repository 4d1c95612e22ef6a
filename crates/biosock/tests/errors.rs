//! Every row of the error queue's table that needs no fault injection, as Rust sees it:
//! the call, the OS error, the reason, the entries, the message.

use std::error::Error as StdError;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use biosock::listeners::{Listen, Listeners};
use biosock::{
    ConnectOptions, Domain, Error, ErrorKind, Family, HostServ, KeepAlive, ListenOptions, Lookup, Operation,
    Priority, Protocol, Socket, SocketAddr, SystemError, Type, fd,
};

fn tcp() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, Protocol::DEFAULT).unwrap()
}

fn unix() -> Socket {
    Socket::new(Domain::UNIX, Type::STREAM, Protocol::DEFAULT).unwrap()
}

fn not_a_socket() -> Socket {
    Socket::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A port in use, and its holder.
fn busy() -> (Socket, SocketAddr) {
    let holder = tcp();
    holder.listen(&addr("127.0.0.1:0")).unwrap();
    let addr = holder.local_addr().unwrap();
    (holder, addr)
}

/// An error on one line: the queue's entries, then the message. It has no source, since
/// its message is complete.
fn told(error: &Error) -> (String, String) {
    assert!(error.source().is_none(), "{error}");
    let entries: Vec<_> = error.entries().map(|entry| entry.to_string()).collect();
    (entries.join(" | "), error.to_string())
}

#[test]
fn every_row() {
    let (_holder, taken) = busy();
    let (any, nowhere) = (addr("127.0.0.1:0"), addr("203.0.113.9:9"));
    let keepalive = ConnectOptions::new().keepalive(KeepAlive::default());
    let rows: Vec<(Error, String, String)> = vec![
        (
            Socket::new(Domain::from_raw(9999), Type::STREAM, Protocol::DEFAULT).unwrap_err(),
            "calling socket(): Address family not supported by protocol | unable to create socket".into(),
            "create socket for 9999 stream, protocol default: address family not supported by protocol (EAFNOSUPPORT)".into(),
        ),
        (
            tcp().connect(&addr("127.0.0.1:1")).unwrap_err(),
            "calling connect(): Connection refused | connect error".into(),
            "connect to 127.0.0.1:1: connection refused (ECONNREFUSED)".into(),
        ),
        (
            unix().connect(&addr("unix:/no/such")).unwrap_err(),
            "calling connect(): No such file or directory | connect error".into(),
            "connect to unix:/no/such: no such file or directory (ENOENT)".into(),
        ),
        (
            unix().connect_with(&addr("unix:/no/such"), &ConnectOptions::new().nodelay(true)).unwrap_err(),
            "calling setsockopt(): Operation not supported | unable to nodelay".into(),
            "connect to unix:/no/such: unable to nodelay: operation not supported (EOPNOTSUPP)".into(),
        ),
        (
            unix().listen_with(&addr("unix:@x"), &ListenOptions::new().nodelay(true)).unwrap_err(),
            "calling setsockopt(): Operation not supported | unable to nodelay".into(),
            "listen on unix:@x: unable to nodelay: operation not supported (EOPNOTSUPP)".into(),
        ),
        (
            not_a_socket().connect_with(&addr("127.0.0.1:1"), &keepalive).unwrap_err(),
            "calling setsockopt(): Socket operation on non-socket | unable to keepalive".into(),
            "connect to 127.0.0.1:1: unable to keepalive: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            not_a_socket().connect_with(&addr("127.0.0.1:1"), &ConnectOptions::new().tfo(true)).unwrap_err(),
            "calling setsockopt(): Socket operation on non-socket | unable to tfo".into(),
            "connect to 127.0.0.1:1: unable to tfo: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            any.with_sockaddr(|raw| fd::bind(not_a_socket().as_fd(), raw, fd::Options::REUSEADDR)).unwrap_err(),
            "calling setsockopt(): Socket operation on non-socket | unable to reuseaddr".into(),
            "bind: unable to reuseaddr: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            tcp().listen_with(&addr("[::1]:0"), &ListenOptions::new().v6only(true)).unwrap_err(),
            "calling setsockopt(): Protocol not available | listen v6 only".into(),
            "listen on [::1]:0: listen v6 only: protocol not available (ENOPROTOOPT)".into(),
        ),
        (
            tcp().bind(&taken).unwrap_err(),
            "calling bind(): Address already in use | unable to bind socket".into(),
            format!("bind to {taken}: address already in use (EADDRINUSE)"),
        ),
        (
            tcp().bind(&nowhere).unwrap_err(),
            "calling bind(): Cannot assign requested address | unable to bind socket".into(),
            "bind to 203.0.113.9:9: cannot assign requested address (EADDRNOTAVAIL)".into(),
        ),
        (
            not_a_socket().listen(&addr("127.0.0.1:0")).unwrap_err(),
            "calling getsockopt(): Socket operation on non-socket | getting socktype".into(),
            "listen on 127.0.0.1:0: getting socktype: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            tcp().accept().unwrap_err(),
            "calling accept(): Invalid argument | accept error".into(),
            "accept: invalid argument (EINVAL)".into(),
        ),
        (
            not_a_socket().set_nonblocking(true).err().unwrap_or_else(|| not_a_socket().local_addr().unwrap_err()),
            "calling getsockname(): Socket operation on non-socket | getsockname error".into(),
            "query socket: getsockname error: socket operation on non-socket (ENOTSOCK)".into(),
        ),
        (
            Family::try_from(Domain::from_raw(77)).unwrap_err(),
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
            "parse \"[::1\": malformed host or service: missing closing ] (at byte 4)".into(),
        ),
    ];
    for (error, chain, message) in rows {
        assert_eq!(told(&error), (chain, message));
    }
}

/// listen(2) fails: a raw socket can be bound but cannot listen. An AF_UNIX SEQPACKET
/// socket shows the same without privilege.
#[test]
fn a_listener_of_the_wrong_type() {
    let (first, second) = (unix(), addr("unix:"));
    first.listen(&second).unwrap();
    let client = unix();
    client.connect(&first.local_addr().unwrap()).unwrap();
    // A connected socket cannot listen; it can still be bound, as it is unnamed.
    let error = client.listen(&second).unwrap_err();
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
    assert!(!tcp().accept().unwrap_err().is_retryable());
    assert!(!Lookup::new().run().unwrap_err().is_retryable());
}

/// Advice, if there is a common cause; advice about ports is not given for a socket
/// file.
#[test]
fn what_to_try() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| addr(&format!("unix:{}", directory.path().join(name).display()));
    let (_holder, taken) = busy();
    let (holder, open, file) = (unix(), path("open"), path("file"));
    holder.listen(&open).unwrap();
    std::fs::write(file.path().unwrap(), "precious").unwrap();

    let v6 = || Socket::new(Domain::IPV6, Type::STREAM, Protocol::DEFAULT).unwrap();
    let connect = |socket: Socket, addr| socket.connect(addr).unwrap_err();
    let bind = |socket: Socket, addr| socket.bind(addr).unwrap_err();
    let listen = |addrs: &[SocketAddr]| Listen::new().listen_addrs(addrs).unwrap_err();
    let precious = listen(&[file]);
    assert_eq!(precious.kind(), ErrorKind::Io(io::ErrorKind::AlreadyExists));
    let take_over = |sockets| Listeners::take_over(sockets).unwrap_err();
    let port = "choose another port";
    let open_file =
        "end the process that has the file open, or remove it if none has, or choose another path";
    for (error, expected) in [
        (
            connect(tcp(), &addr("127.0.0.1:1")),
            Some("nothing listens there; check the port and that the server runs"),
        ),
        (
            connect(unix(), &path("none")),
            Some("no such socket file; check the path and that the server runs"),
        ),
        (bind(tcp(), &taken), Some(port)),
        (
            bind(tcp(), &addr("203.0.113.9:9")),
            Some("no interface has this address, or it is not ready yet (duplicate address detection)"),
        ),
        (bind(unix(), &open), Some(open_file)),
        (bind(unix(), &path("none/s")), Some("the directory of the socket file does not exist")),
        (connect(unix(), &file), Some("the file is not a socket, or nothing listens on it")),
        (
            connect(v6(), &addr("[fe80::1]:80")),
            Some("a link-local address needs its zone, as in [fe80::1%eth0]:80"),
        ),
        (
            HostServ::parse("http://host:80/", Priority::Host).unwrap_err(),
            Some("a host and a service are wanted, not a URL: write host:80"),
        ),
        (
            Lookup::parse("http://127.0.0.1/", Priority::Host).unwrap().run().unwrap_err(),
            Some("a host and a service are wanted, not a URL: write host:80"),
        ),
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
    let error = std::io::Error::from(tcp().connect(&addr("127.0.0.1:1")).unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let ours = error.downcast::<Error>().unwrap();
    assert_eq!(ours.address(), Some(&addr("127.0.0.1:1")));
    let bad = std::io::Error::from("x".parse::<SocketAddr>().unwrap_err());
    assert_eq!(bad.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(Listeners::take_over(vec![]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// Each of `std`'s kinds that callers act on, and those that only this crate has.
#[test]
fn a_kind_for_each_thing_to_do() {
    let of_io = |error: Error| {
        let kind = error.kind();
        (kind, io::Error::from(error).kind())
    };
    let (_holder, taken) = busy();
    let refused = tcp().connect(&addr("127.0.0.1:1")).unwrap_err();
    let std = io::ErrorKind::ConnectionRefused;
    assert_eq!(of_io(refused), (ErrorKind::Io(std), std));
    let std = io::ErrorKind::AddrInUse;
    assert_eq!(of_io(tcp().bind(&taken).unwrap_err()), (ErrorKind::Io(std), std));
    let family = Socket::new(Domain::from_raw(9999), Type::STREAM, Protocol::DEFAULT).unwrap_err();
    assert_eq!(of_io(family), (ErrorKind::Unsupported, io::ErrorKind::Unsupported));
    let family = Family::try_from(Domain::from_raw(77)).unwrap_err();
    assert_eq!(of_io(family), (ErrorKind::Unsupported, io::ErrorKind::Unsupported));
    let invalid = tcp().accept().unwrap_err();
    assert_eq!(of_io(invalid), (ErrorKind::InvalidInput, io::ErrorKind::InvalidInput));
    let invalid = "x".parse::<SocketAddr>().unwrap_err();
    assert_eq!(of_io(invalid), (ErrorKind::InvalidInput, io::ErrorKind::InvalidInput));
    let service = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    assert_eq!(of_io(service), (ErrorKind::ServiceNotFound, io::ErrorKind::NotFound));
    let other_family = Lookup::new().host("127.0.0.1").service("1").family(Family::Ipv6).run().unwrap_err();
    assert_eq!(of_io(other_family), (ErrorKind::NoAddress, io::ErrorKind::NotFound));
}

/// What a caller's own resolver can report, and the resulting errors.
#[test]
fn a_resolver_of_the_caller_s_says_what_happened() {
    let cases = [
        (ErrorKind::NameNotFound, "no such name", io::ErrorKind::NotFound, false),
        (ErrorKind::NoAddress, "the name has no address of this family", io::ErrorKind::NotFound, false),
        (ErrorKind::ServiceNotFound, "no such service", io::ErrorKind::NotFound, false),
        (ErrorKind::TryAgain, "the name server did not answer, or failed", io::ErrorKind::Other, true),
        (ErrorKind::LookupFailed, "the resolver failed", io::ErrorKind::Other, false),
        (ErrorKind::Cancelled, "cancelled", io::ErrorKind::Other, false),
        (ErrorKind::TimedOut, "timed out", io::ErrorKind::TimedOut, true),
        (ErrorKind::OutOfResources, "out of resources", io::ErrorKind::Other, true),
        (ErrorKind::Io(io::ErrorKind::BrokenPipe), "broken pipe", io::ErrorKind::BrokenPipe, false),
    ];
    for (kind, text, std, temporary) in cases {
        let error = Error::from_kind(Operation::Lookup, kind).with_source("from 192.0.2.1").about("host");
        assert_eq!(error.to_string(), format!("look up host: {text}"));
        assert_eq!((error.kind(), kind.is_temporary()), (kind, temporary));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("from 192.0.2.1"));
        assert!(!error.is_retryable() && error.entries().next().is_none());
        let error = io::Error::from(error);
        assert_eq!(error.kind(), std);
        assert_eq!(error.downcast::<Error>().unwrap().kind(), kind);
    }
    let replaced = Error::from_kind(Operation::Lookup, ErrorKind::TryAgain).with_source("a").with_source("b");
    assert_eq!(replaced.source().map(ToString::to_string).as_deref(), Some("b"));
}

#[test]
fn a_lookup_may_fail_with_a_code_of_getaddrinfo() {
    for (code, kind, end) in [
        (libc::EAI_NONAME, ErrorKind::NameNotFound, "(EAI_NONAME)"),
        (libc::EAI_AGAIN, ErrorKind::TryAgain, "(EAI_AGAIN)"),
        (1234, ErrorKind::LookupFailed, "(code 1234)"),
    ] {
        let error = Error::lookup("host:1", code).with_source("from 192.0.2.1");
        assert_eq!((error.operation(), error.kind()), (Operation::Lookup, kind));
        assert_eq!(error.resolver().map(biosock::ResolverError::code), Some(code));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("from 192.0.2.1"));
        let message = error.to_string();
        assert!(message.starts_with("look up host:1: ") && message.ends_with(end), "{message}");
    }
}

#[test]
fn a_refused_conversion_keeps_its_kind_and_its_words() {
    let refused = std::net::TcpStream::try_from(unix()).unwrap_err();
    let message = refused.to_string();
    assert_eq!(message, "convert socket into TcpStream: it is a Unix stream socket");
    let error = Error::from(refused);
    assert_eq!(error.to_string(), "convert into TcpStream: it is a Unix stream socket");
    assert_eq!((error.kind(), error.operation()), (ErrorKind::InvalidInput, Operation::Convert));
    let refused = std::net::TcpStream::try_from(not_a_socket()).unwrap_err();
    assert!(refused.source().is_none(), "the message says it all");
    assert_eq!(Error::from(refused).raw_os_error(), Some(libc::ENOTSOCK));
}

/// However long a string is, its message is bounded, and shows the mistake.
#[test]
fn a_message_is_short_whatever_it_is_about() {
    let long = "\u{202e}".repeat(100_000);
    let bad = format!("127.0.0.1{long}:wrong").parse::<SocketAddr>().unwrap_err();
    let (thing, host) = (long.clone(), long.clone() + ".example");
    let thing = Error::from_kind(Operation::Lookup, ErrorKind::TryAgain).about(thing);
    let host = Lookup::new().host(&host).service("1").run().unwrap_err();
    let device = tcp().bind_device(&long).unwrap_err();
    let invalid = vec![0xff; 100_000];
    let raw = HostServ::parse_bytes(&[&b"[::1]"[..], &invalid].concat(), Priority::Host).unwrap_err();
    let dial = biosock::dial::Dialer::new().dial(&long).unwrap_err();
    for message in [bad, thing, host, device, raw].iter().map(Error::to_string).chain([dial.to_string()]) {
        assert!(message.len() < 800, "{}", message.len());
        assert!(!message.contains(biosock::needs_escape) && message.contains('…'), "{message}");
    }
    let text = format!("{}:wrong-port", "1".repeat(1000));
    let error = HostServ::parse(&format!("{text}:{text}"), Priority::Host).unwrap_err();
    assert!(error.to_string().contains("11:wrong-port:11"), "{error}");
    assert_eq!(error.input().map(|(input, _)| input.len()), Some(text.len() * 2 + 1), "kept whole");
}

#[test]
fn what_is_invisible_is_escaped() {
    for c in
        ['\u{61c}', '\u{feff}', '\u{ad}', '\u{180e}', '\u{e0041}', '\u{200b}', '\u{2066}', '\x7f', '\u{9b}']
    {
        let error = format!("a{c}b").parse::<SocketAddr>().unwrap_err().to_string();
        assert!(!error.contains(c) && error.contains(&c.escape_default().to_string()), "{error:?}");
        let path = biosock::UnixAddr::from_path(format!("a{c}b")).unwrap();
        assert!(!path.to_string().contains(c));
        assert_eq!(path.to_string().parse::<biosock::UnixAddr>().unwrap(), path);
    }
}
