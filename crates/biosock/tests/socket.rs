//! Sockets over loopback: IPv4, IPv6 and AF_UNIX.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use biosock::fd::{self, SockAddr};
use biosock::{
    Connect, Domain, Interest, KeepAlive, Options, Protocol, Shutdown, Socket, SocketAddr, Type, UnixAddr,
};

const PLAIN: Options = Options::empty();

/// Addresses to listen on, one of each family, and the directory of the Unix one.
fn any_addrs() -> (tempfile::TempDir, [SocketAddr; 4]) {
    let directory = tempfile::tempdir().unwrap();
    let path = UnixAddr::from_path(directory.path().join("socket")).unwrap();
    let addrs =
        ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap(), path.into(), UnixAddr::unnamed().into()];
    (directory, addrs)
}

fn listener(addr: &SocketAddr) -> Socket {
    let listener = Socket::stream_for(addr, PLAIN).unwrap();
    listener.listen(addr, Options::REUSEADDR).unwrap();
    listener
}

fn connected(options: Options) -> (Socket, Socket) {
    let listener = listener(&"127.0.0.1:0".parse().unwrap());
    let client = Socket::stream_for(&listener.local_addr().unwrap(), PLAIN).unwrap();
    client.connect(&listener.local_addr().unwrap(), PLAIN).unwrap();
    (client, listener.accept(options).unwrap().0)
}

#[test]
fn bytes_pass_both_ways_on_every_family() {
    let (_directory, addrs) = any_addrs();
    for any in addrs {
        let listener = listener(&any);
        let addr = listener.local_addr().unwrap();
        let mut client = Socket::stream_for(&addr, PLAIN).unwrap();
        client.connect(&addr, Options::KEEPALIVE).unwrap();
        let (mut server, peer) = listener.accept(PLAIN).unwrap();
        assert_eq!(peer, client.local_addr().unwrap(), "{any}");
        assert_eq!(client.peer_addr().unwrap(), addr, "{any}");

        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).unwrap();
        server.write_all(b"answer to ").unwrap();
        server.write_all(&heard).unwrap();
        server.close().unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "answer to question", "{any}");
    }
}

#[test]
fn a_socket_knows_itself() {
    let (_directory, addrs) = any_addrs();
    for any in addrs {
        let listener = listener(&any);
        assert_eq!(listener.domain().unwrap(), any.family());
        assert_eq!(listener.socktype().unwrap(), Type::STREAM);
        assert!(listener.is_listening().unwrap());
        assert!(!listener.is_nonblocking().unwrap());
    }
}

#[test]
fn descriptors_are_closed_on_exec_and_on_drop() {
    let cloexec = |socket: &Socket| {
        let path = format!("/proc/self/fdinfo/{}", socket.as_raw_fd());
        let info = std::fs::read_to_string(path).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:\t")).unwrap();
        i32::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000 != 0
    };
    let (client, server) = connected(PLAIN);
    assert!(cloexec(&client) && cloexec(&server));
    assert!(cloexec(&Socket::mptcp(Domain::IPV4, PLAIN).unwrap()));

    let (mut client, server) = connected(PLAIN);
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the peer saw the close");
}

#[test]
fn nonblock_is_for_the_socket_that_the_call_gives() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    assert!(Socket::stream_for(&any, Options::NONBLOCK).unwrap().is_nonblocking().unwrap());
    let (client, server) = connected(Options::NONBLOCK);
    assert!(!client.is_nonblocking().unwrap());
    assert!(server.is_nonblocking().unwrap());

    let listener = Socket::stream_for(&any, PLAIN).unwrap();
    listener.listen(&any, Options::NONBLOCK).unwrap();
    let error = listener.accept(PLAIN).unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_connect_in_progress_has_a_outcome_that_stays() {
    // A full queue keeps the next connect waiting until something is accepted.
    let (listener, addr, _first) = full_queue();
    let socket = Socket::stream_for(&addr, Options::NONBLOCK).unwrap();
    let Connect::InProgress(mut connecting) = socket.start_connect(&addr, PLAIN).unwrap() else {
        panic!("the queue has room")
    };
    assert!(connecting.outcome().is_none());
    assert!(connecting.wait(Some(Duration::from_millis(1))).is_none());
    drop(listener.accept(PLAIN).unwrap());
    for _ in 0..2 {
        connecting.wait(None).expect("no time limit").unwrap();
    }

    let late = Socket::stream_for(&addr, PLAIN).unwrap();
    let error = late.connect_timeout(&addr, PLAIN, Duration::from_millis(10)).unwrap_err();
    assert_eq!(error.to_string(), format!("connect to {addr}: connection timed out (ETIMEDOUT)"));
}

#[test]
fn a_refusal_stays_a_refusal() {
    // Bound but not listening: nobody else gets the port meanwhile.
    let holder = Socket::stream_for(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    holder.bind(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    let addr = holder.local_addr().unwrap();
    let message = format!("connect to {addr}: connection refused (ECONNREFUSED)");

    let socket = Socket::stream_for(&addr, Options::NONBLOCK).unwrap();
    if let Connect::InProgress(mut connecting) = socket.start_connect(&addr, PLAIN).unwrap() {
        assert_eq!(connecting.wait(None).unwrap().unwrap_err().to_string(), message);
        assert_eq!(connecting.outcome().unwrap().unwrap_err().to_string(), message);
    }
    let socket = Socket::stream_for(&addr, PLAIN).unwrap();
    assert_eq!(socket.connect(&addr, PLAIN).unwrap_err().to_string(), message);
    let socket = Socket::stream_for(&addr, PLAIN).unwrap();
    let error = socket.connect_timeout(&addr, PLAIN, Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn connect_timeout_leaves_the_mode_as_it_was() {
    let listener = listener(&"127.0.0.1:0".parse().unwrap());
    let holder = Socket::stream_for(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    holder.bind(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    let (full, full_addr, _first) = full_queue();
    let (good, refused) = (listener.local_addr().unwrap(), holder.local_addr().unwrap());
    let unix = "unix:/no/such".parse().unwrap();
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(10));
    // Connected, refused, timed out, refused before connect(2).
    let ends = [
        (good, PLAIN, long, None),
        (refused, PLAIN, long, Some("ECONNREFUSED")),
        (full_addr, PLAIN, short, Some("ETIMEDOUT")),
        (unix, Options::NODELAY, long, Some("EOPNOTSUPP")),
    ];
    for (addr, with, timeout, expected) in ends {
        for (before, option) in [(PLAIN, PLAIN), (PLAIN, Options::NONBLOCK), (Options::NONBLOCK, PLAIN)] {
            let socket = Socket::stream_for(&addr, before).unwrap();
            let ended = socket.connect_timeout(&addr, with | option, timeout);
            assert_eq!(ended.err().and_then(|error| error.system()?.name()), expected, "{addr}");
            let nonblocking = (before | option).contains(Options::NONBLOCK);
            assert_eq!(socket.is_nonblocking().unwrap(), nonblocking, "{addr} {before:?} {option:?}");
        }
    }
    drop(full);
}

/// A listener whose queue is full until something is accepted, so that the
/// next connect to it has no outcome.
fn full_queue() -> (Socket, SocketAddr, Socket) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any, PLAIN).unwrap();
    listener.listen_with_backlog(&any, PLAIN, 0).unwrap();
    let addr = listener.local_addr().unwrap();
    let first = Socket::stream_for(&addr, PLAIN).unwrap();
    first.connect(&addr, PLAIN).unwrap();
    (listener, addr, first)
}

/// On a non-blocking socket, too, it comes back connected or with an error.
#[test]
fn connect_waits_for_the_outcome_in_either_mode() {
    let (listener, addr, _first) = full_queue();
    for nonblocking in [PLAIN, Options::NONBLOCK] {
        let socket = Socket::stream_for(&addr, PLAIN).unwrap();
        std::thread::scope(|scope| {
            let connect = scope.spawn(|| socket.connect(&addr, nonblocking));
            // Once it is under way; this makes room for it, and it fills the queue for the next.
            while socket.local_addr().unwrap().port() == Some(0) {}
            drop(listener.accept(PLAIN).unwrap());
            connect.join().unwrap().unwrap();
        });
        assert_eq!(socket.peer_addr().unwrap(), addr);
        assert_eq!(socket.is_nonblocking().unwrap(), nonblocking == Options::NONBLOCK);
    }
}

#[test]
fn connect_waits_for_room_in_a_unix_queue() {
    let listener = Socket::stream_for(&UnixAddr::unnamed().into(), PLAIN).unwrap();
    listener.listen_with_backlog(&UnixAddr::unnamed().into(), PLAIN, 0).unwrap();
    let addr = listener.local_addr().unwrap();
    let first = Socket::stream_for(&addr, PLAIN).unwrap();
    first.connect(&addr, PLAIN).unwrap();
    let socket = Socket::stream_for(&addr, Options::NONBLOCK).unwrap();
    assert!(socket.start_connect(&addr, PLAIN).is_err_and(|error| error.is_retryable()));
    std::thread::scope(|scope| {
        let connect = scope.spawn(|| socket.connect(&addr, PLAIN));
        // It finds the queue full, if this machine is not too busy for that.
        std::thread::sleep(Duration::from_millis(20));
        drop(listener.accept(PLAIN).unwrap());
        connect.join().unwrap().unwrap();
    });
    assert_eq!(socket.peer_addr().unwrap(), addr);
}

#[test]
fn v6_only_is_set_every_time() {
    let any6: SocketAddr = "[::]:0".parse().unwrap();
    for (options, v4_too) in [(PLAIN, true), (Options::V6_ONLY, false)] {
        let listener = Socket::stream_for(&any6, PLAIN).unwrap();
        listener.listen(&any6, options).unwrap();
        let port = listener.local_addr().unwrap().port().unwrap();
        let v4 = SocketAddr::from(([127, 0, 0, 1], port));
        let client = Socket::stream_for(&v4, PLAIN).unwrap();
        assert_eq!(client.connect(&v4, PLAIN).is_ok(), v4_too);
    }
}

#[test]
fn reuseport_shares_an_address_and_without_it_it_is_busy() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let shards: Vec<_> = (0..2).map(|_| Socket::stream_for(&any, PLAIN).unwrap()).collect();
    shards.iter().for_each(|shard| shard.set_reuseport(true).unwrap());
    shards[0].listen(&any, PLAIN).unwrap();
    let addr = shards[0].local_addr().unwrap();
    shards[1].listen(&addr, PLAIN).unwrap();

    let error = Socket::stream_for(&any, PLAIN).unwrap().listen(&addr, PLAIN).unwrap_err();
    assert_eq!(error.to_string(), format!("bind to {addr}: address already in use (EADDRINUSE)"));
    assert!(error.hint().unwrap().contains("another port"));
}

#[test]
fn keep_alive_times_are_checked() {
    let socket = Socket::stream_for(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    let seconds = |s| Some(Duration::from_secs(s));
    socket.set_keepalive(KeepAlive { idle: seconds(60), interval: seconds(5), probes: Some(3) }).unwrap();
    let error = socket.set_keepalive(KeepAlive { probes: Some(1000), ..KeepAlive::default() }).unwrap_err();
    assert_eq!(error.to_string(), "set option TCP_KEEPCNT: invalid argument (EINVAL)");
}

#[test]
fn fast_open_connects_as_well() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any, PLAIN).unwrap();
    listener.listen(&any, Options::TFO).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut client = Socket::stream_for(&addr, PLAIN).unwrap();
    client.connect(&addr, Options::TFO).unwrap();
    client.write_all(b"x").unwrap();
    let (mut server, _) = listener.accept(PLAIN).unwrap();
    let mut heard = [0];
    server.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"x");
}

#[test]
fn waiting_tells_ready_from_late() {
    let (mut client, server) = connected(PLAIN);
    assert!(!server.wait(Interest::Read, Some(Duration::ZERO)).unwrap());
    assert!(server.wait(Interest::Write, Some(Duration::ZERO)).unwrap());
    client.write_all(b"x").unwrap();
    assert!(server.wait(Interest::Read, None).unwrap());
    assert!(server.wait(Interest::Read, Some(Duration::MAX)).unwrap());
}

#[test]
fn writing_to_a_lost_peer_fails_and_kills_nobody() {
    let (mut client, server) = connected(PLAIN);
    drop(server);
    let error = std::iter::repeat_with(|| client.write(&[0; 1024])).find_map(Result::err).unwrap();
    assert!(matches!(error.kind(), std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset));
}

#[test]
fn datagrams_are_bound_and_connected() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let new = || Socket::new(Domain::IPV4, Type::DGRAM, Protocol::UDP, PLAIN).unwrap();
    let server = new();
    server.listen(&any, PLAIN).unwrap();
    let mut client = new();
    client.connect(&server.local_addr().unwrap(), PLAIN).unwrap();
    client.write_all(b"datagram").unwrap();
    let server = UdpSocket::try_from(server).unwrap();
    let mut heard = [0; 16];
    let (len, _) = server.recv_from(&mut heard).unwrap();
    assert_eq!(&heard[..len], b"datagram");
}

#[test]
fn std_s_types_take_only_what_they_are() {
    let tcp = listener(&"127.0.0.1:0".parse().unwrap());
    let refused = TcpStream::try_from(tcp).unwrap_err();
    assert_eq!(refused.to_string(), "convert socket into TcpStream: it is a listening IPv4 stream socket");
    let tcp = refused.into_socket();
    let refused = UdpSocket::try_from(tcp).unwrap_err();
    let tcp = UnixListener::try_from(refused.into_socket()).unwrap_err().into_socket();
    let tcp = TcpListener::try_from(tcp).unwrap();
    let unix = listener(&UnixAddr::unnamed().into());
    let unix = UnixListener::try_from(UnixStream::try_from(unix).unwrap_err().into_socket()).unwrap();

    // And back, by way of OwnedFd, nothing lost.
    let addr = Socket::from(OwnedFd::from(tcp)).local_addr().unwrap();
    assert_eq!(addr.family(), Domain::IPV4);
    assert!(Socket::from(OwnedFd::from(unix)).is_listening().unwrap());

    let file = Socket::from(OwnedFd::from(std::fs::File::open("/").unwrap()));
    let refused = TcpStream::try_from(file).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "convert socket into TcpStream: query socket: getsockopt: socket operation on non-socket (ENOTSOCK)"
    );
}

#[test]
fn descriptors_above_1024_are_waited_on() {
    let (client, _server) = connected(PLAIN);
    let mut held = Vec::new();
    let high = loop {
        let copy = client
            .as_fd()
            .try_clone_to_owned()
            .unwrap_or_else(|error| panic!("ulimit -n is too low for this test, at {}: {error}", held.len()));
        if copy.as_raw_fd() > 1024 {
            break Socket::from(copy);
        }
        held.push(copy);
    };
    assert!(high.wait(Interest::Write, None).unwrap());
}

#[test]
fn no_allocation_on_the_way_from_socket_to_close() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = listener(&any);
    let addr = listener.local_addr().unwrap();
    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let counted = allocation_counter::measure(|| {
        let server = Socket::stream_for(&any, PLAIN).unwrap();
        server.listen(&any, Options::REUSEADDR).unwrap();
        let client = Socket::stream_for(&addr, Options::NONBLOCK).unwrap();
        client.bind(&any, Options::REUSEADDR).unwrap();
        client.connect(&addr, Options::KEEPALIVE | Options::NODELAY).unwrap();
        let (accepted, _) = listener.accept(Options::NONBLOCK).unwrap();
        accepted.close().unwrap();
        // A failure makes no allocation either.
        assert!(Socket::stream_for(&nobody, PLAIN).unwrap().connect(&nobody, PLAIN).is_err());
    });
    assert_eq!(counted.count_total, 0);
    let control = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(control.count_total, 1, "the counter counts");
}

#[test]
fn no_allocation_for_names_as_bytes() {
    let addr: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let counted = allocation_counter::measure(|| {
        let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true)).unwrap();
        assert_eq!((names.host(), names.service()), (&b"127.0.0.1"[..], &b"80"[..]));
        // An address of no family: the resolver refuses it.
        assert!(fd::raw_names_of(SockAddr::from_bytes(&[0; 16]), true).is_err());
    });
    assert_eq!(counted.count_total, 0);
}
