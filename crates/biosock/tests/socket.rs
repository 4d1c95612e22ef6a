//! Sockets over loopback: IPv4, IPv6 and AF_UNIX.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use biosock::fd::{self, SockAddr};
use biosock::{
    ConnectOptions, Domain, ErrorKind, Interest, KeepAlive, ListenOptions, Protocol, Shutdown, Socket,
    SocketAddr, Type, UnixAddr,
};

/// Addresses to listen on, one of each family, and the directory of the Unix one.
fn any_addrs() -> (tempfile::TempDir, [SocketAddr; 4]) {
    let directory = tempfile::tempdir().unwrap();
    let path = UnixAddr::from_path(directory.path().join("socket")).unwrap();
    let addrs =
        ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap(), path.into(), UnixAddr::unnamed().into()];
    (directory, addrs)
}

fn listener(addr: &SocketAddr) -> Socket {
    let listener = Socket::stream_for(addr).unwrap();
    listener.listen_with(addr, &ListenOptions::new().reuseaddr(true)).unwrap();
    listener
}

fn connected() -> (Socket, Socket) {
    let listener = listener(&"127.0.0.1:0".parse().unwrap());
    let client = Socket::stream_for(&listener.local_addr().unwrap()).unwrap();
    client.connect(&listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn bytes_pass_both_ways_on_every_family() {
    let (_directory, addrs) = any_addrs();
    for any in addrs {
        let listener = listener(&any);
        let addr = listener.local_addr().unwrap();
        let mut client = Socket::stream_for(&addr).unwrap();
        client.connect_with(&addr, &ConnectOptions::new().keepalive(KeepAlive::default())).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
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
    let (client, server) = connected();
    assert!(cloexec(&client) && cloexec(&server));
    assert!(cloexec(&Socket::mptcp(Domain::IPV4).unwrap()));

    let (mut client, server) = connected();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the peer saw the close");
}

#[test]
fn an_accepted_socket_has_the_mode_asked_for_whatever_the_listener_s() {
    let listener = listener(&"127.0.0.1:0".parse().unwrap());
    let addr = listener.local_addr().unwrap();
    let clients = [(); 2].map(|()| Socket::stream_for(&addr).unwrap());
    clients.iter().for_each(|client| client.connect(&addr).unwrap());
    listener.set_nonblocking(true).unwrap();
    assert!(!listener.accept().unwrap().0.is_nonblocking().unwrap());
    assert!(listener.accept_nonblocking().unwrap().0.is_nonblocking().unwrap());
    assert!(clients.iter().all(|client| !client.is_nonblocking().unwrap()));

    let error = listener.accept().unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_connect_in_progress_has_an_outcome_that_stays() {
    // A full queue keeps the next connect waiting until something is accepted.
    let (listener, addr, _first) = full_queue();
    let socket = Socket::stream_for(&addr).unwrap();
    let mut connecting = socket.start_connect(&addr).unwrap();
    assert!(socket.is_nonblocking().unwrap());
    assert!(connecting.outcome(&socket).is_none());
    let early = connecting.wait(&socket, Some(Duration::from_millis(1))).unwrap_err();
    assert_eq!(early.kind(), ErrorKind::TimedOut);
    assert!(connecting.outcome(&socket).is_none(), "it goes on");
    drop(listener.accept().unwrap());
    for _ in 0..2 {
        connecting.wait(&socket, None).unwrap();
    }
    connecting.outcome(&socket).unwrap().unwrap();

    let late = Socket::stream_for(&addr).unwrap();
    let error =
        late.connect_with(&addr, &ConnectOptions::new().timeout(Duration::from_millis(10))).unwrap_err();
    assert_eq!(error.to_string(), format!("connect to {addr}: connection timed out (ETIMEDOUT)"));
}

#[test]
fn a_connect_in_progress_has_the_deadline_that_it_was_given() {
    let (listener, addr, _first) = full_queue();
    let socket = Socket::stream_for(&addr).unwrap();
    let options = ConnectOptions::new().timeout(Duration::from_millis(1)).nodelay(true);
    let mut connecting = socket.start_connect_with(&addr, &options).unwrap();
    assert!(socket.nodelay().unwrap());
    let late = connecting.wait(&socket, None).unwrap_err();
    assert_eq!(late.to_string(), format!("connect to {addr}: connection timed out (ETIMEDOUT)"));
    assert_eq!(connecting.outcome(&socket).unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
    // If it is connected after all, it reports that.
    drop(listener.accept().unwrap());
    assert!(socket.wait(Interest::Write, None).unwrap());
    connecting.outcome(&socket).unwrap().unwrap();
    assert_eq!(socket.peer_addr().unwrap(), addr);
}

#[test]
fn a_refusal_stays_a_refusal() {
    // Bound but not listening: nothing else gets the port meanwhile.
    let holder = Socket::stream_for(&"127.0.0.1:0".parse().unwrap()).unwrap();
    holder.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = holder.local_addr().unwrap();
    let message = format!("connect to {addr}: connection refused (ECONNREFUSED)");

    let socket = Socket::stream_for(&addr).unwrap();
    match socket.start_connect(&addr) {
        Ok(mut connecting) => {
            assert_eq!(connecting.wait(&socket, None).unwrap_err().to_string(), message);
            assert_eq!(connecting.outcome(&socket).unwrap().unwrap_err().to_string(), message);
        }
        Err(at_once) => assert_eq!(at_once.to_string(), message),
    }
    let socket = Socket::stream_for(&addr).unwrap();
    assert_eq!(socket.connect(&addr).unwrap_err().to_string(), message);
    let socket = Socket::stream_for(&addr).unwrap();
    let error =
        socket.connect_with(&addr, &ConnectOptions::new().timeout(Duration::from_secs(60))).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_timeout_leaves_the_mode_as_it_was() {
    let listener = listener(&"127.0.0.1:0".parse().unwrap());
    let holder = Socket::stream_for(&"127.0.0.1:0".parse().unwrap()).unwrap();
    holder.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let (full, full_addr, _first) = full_queue();
    let (good, refused) = (listener.local_addr().unwrap(), holder.local_addr().unwrap());
    let unix = "unix:/no/such".parse().unwrap();
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(10));
    let within = |timeout| ConnectOptions::new().timeout(timeout);
    // Connected, refused, timed out, failed before connect(2).
    let ends = [
        (good, within(long), None),
        (refused, within(long), Some("ECONNREFUSED")),
        (full_addr, within(short), Some("ETIMEDOUT")),
        (unix, within(long).nodelay(true), Some("EOPNOTSUPP")),
    ];
    for (addr, options, expected) in ends {
        for nonblocking in [false, true] {
            let socket = Socket::stream_for(&addr).unwrap();
            socket.set_nonblocking(nonblocking).unwrap();
            let ended = socket.connect_with(&addr, &options);
            assert_eq!(ended.err().and_then(|error| error.system()?.name()), expected, "{addr}");
            assert_eq!(socket.is_nonblocking().unwrap(), nonblocking, "{addr}");
        }
    }
    drop(full);
}

/// A listener whose queue is full until it accepts, so that the next connect to it has
/// no outcome.
fn full_queue() -> (Socket, SocketAddr, Socket) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any).unwrap();
    listener.listen_with(&any, &ListenOptions::new().backlog(0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let first = Socket::stream_for(&addr).unwrap();
    first.connect(&addr).unwrap();
    (listener, addr, first)
}

/// On a non-blocking socket too, it returns connected or with an error.
#[test]
fn connect_waits_for_the_outcome_in_either_mode() {
    let (listener, addr, _first) = full_queue();
    for nonblocking in [false, true] {
        let socket = Socket::stream_for(&addr).unwrap();
        socket.set_nonblocking(nonblocking).unwrap();
        std::thread::scope(|scope| {
            let connect = scope.spawn(|| socket.connect(&addr));
            // Once it is in progress; this makes room for it, and it fills the queue for the next.
            while socket.local_addr().unwrap().port() == Some(0) {}
            drop(listener.accept().unwrap());
            connect.join().unwrap().unwrap();
        });
        assert_eq!(socket.peer_addr().unwrap(), addr);
        assert_eq!(socket.is_nonblocking().unwrap(), nonblocking);
    }
}

#[test]
fn connect_waits_for_room_in_a_unix_queue() {
    let listener = Socket::stream_for(&UnixAddr::unnamed().into()).unwrap();
    listener.listen_with(&UnixAddr::unnamed().into(), &ListenOptions::new().backlog(0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let first = Socket::stream_for(&addr).unwrap();
    first.connect(&addr).unwrap();
    let socket = Socket::stream_for(&addr).unwrap();
    assert!(socket.start_connect(&addr).is_err_and(|error| error.is_retryable()));
    std::thread::scope(|scope| {
        let connect = scope.spawn(|| socket.connect(&addr));
        // It finds the queue full, if this machine is not too busy for that.
        std::thread::sleep(Duration::from_millis(20));
        drop(listener.accept().unwrap());
        connect.join().unwrap().unwrap();
    });
    assert_eq!(socket.peer_addr().unwrap(), addr);
}

#[test]
fn v6_only_is_set_every_time() {
    let any6: SocketAddr = "[::]:0".parse().unwrap();
    for v6_only in [false, true] {
        let listener = Socket::stream_for(&any6).unwrap();
        listener.listen_with(&any6, &ListenOptions::new().v6only(v6_only)).unwrap();
        let port = listener.local_addr().unwrap().port().unwrap();
        let v4 = SocketAddr::from(([127, 0, 0, 1], port));
        let client = Socket::stream_for(&v4).unwrap();
        assert_eq!(client.connect(&v4).is_ok(), !v6_only);
    }
}

#[test]
fn reuseport_shares_an_address_and_without_it_it_is_busy() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let shards: Vec<_> = (0..2).map(|_| Socket::stream_for(&any).unwrap()).collect();
    shards.iter().for_each(|shard| shard.set_reuseport(true).unwrap());
    shards[0].listen(&any).unwrap();
    let addr = shards[0].local_addr().unwrap();
    shards[1].listen(&addr).unwrap();

    let error = Socket::stream_for(&any).unwrap().listen(&addr).unwrap_err();
    assert_eq!(error.to_string(), format!("bind to {addr}: address already in use (EADDRINUSE)"));
    assert!(error.hint().unwrap().contains("another port"));
}

#[test]
fn keep_alive_times_are_checked() {
    let socket = Socket::stream_for(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let seconds = |s| Some(Duration::from_secs(s));
    socket.set_keepalive(KeepAlive { idle: seconds(60), interval: seconds(5), probes: Some(3) }).unwrap();
    let error = socket.set_keepalive(KeepAlive { probes: Some(1000), ..KeepAlive::default() }).unwrap_err();
    let message = "set option TCP_KEEPCNT: invalid argument (EINVAL)";
    assert_eq!(error.to_string(), message);
    // In another call too.
    let (addr, times) =
        ("127.0.0.1:1".parse().unwrap(), KeepAlive { probes: Some(1000), ..KeepAlive::default() });
    let error = socket.connect_with(&addr, &ConnectOptions::new().keepalive(times)).unwrap_err();
    assert_eq!(error.to_string(), message);
    let error = socket.listen_with(&addr, &ListenOptions::new().keepalive(times)).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn fast_open_connects_as_well() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any).unwrap();
    listener.listen_with(&any, &ListenOptions::new().tfo(true)).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut client = Socket::stream_for(&addr).unwrap();
    client.connect_with(&addr, &ConnectOptions::new().tfo(true)).unwrap();
    client.write_all(b"x").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut heard = [0];
    server.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"x");
}

#[test]
fn waiting_tells_ready_from_late() {
    let (mut client, server) = connected();
    assert!(!server.wait(Interest::Read, Some(Duration::ZERO)).unwrap());
    assert!(server.wait(Interest::Write, Some(Duration::ZERO)).unwrap());
    client.write_all(b"x").unwrap();
    assert!(server.wait(Interest::Read, None).unwrap());
    assert!(server.wait(Interest::Read, Some(Duration::MAX)).unwrap());
}

#[test]
fn writing_to_a_lost_peer_fails_and_kills_nobody() {
    let (mut client, server) = connected();
    drop(server);
    let error = std::iter::repeat_with(|| client.write(&[0; 1024])).find_map(Result::err).unwrap();
    assert!(matches!(error.kind(), std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset));
}

#[test]
fn datagrams_are_bound_and_connected() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let new = || Socket::new(Domain::IPV4, Type::DGRAM, Protocol::UDP).unwrap();
    let server = new();
    server.listen(&any).unwrap();
    let mut client = new();
    client.connect(&server.local_addr().unwrap()).unwrap();
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

    // And back, through OwnedFd, without loss.
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
    let (client, _server) = connected();
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
    let busy = Socket::stream_for(&any).unwrap();
    busy.listen(&any).unwrap();
    busy.set_nonblocking(true).unwrap();
    let counted = allocation_counter::measure(|| {
        let server = Socket::stream_for(&any).unwrap();
        server.listen_with(&any, &ListenOptions::new().reuseaddr(true)).unwrap();
        let client = Socket::stream_for(&addr).unwrap();
        client.set_reuseaddr(true).unwrap();
        client.bind(&any).unwrap();
        client
            .connect_with(&addr, &ConnectOptions::new().keepalive(KeepAlive::default()).nodelay(true))
            .unwrap();
        let (accepted, _) = listener.accept_nonblocking().unwrap();
        accepted.close().unwrap();
        // Nor does a retryable failure.
        assert!(busy.accept().unwrap_err().is_retryable());
    });
    assert_eq!(counted.count_total, 0);
    let refused = Socket::stream_for(&nobody).unwrap();
    let failure = allocation_counter::measure(|| assert!(refused.connect(&nobody).is_err()));
    assert_eq!(failure.count_total, 1, "the box of its address");
    let control = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(control.count_total, 1, "the counter counts");
}

#[test]
fn no_allocation_for_names_as_bytes() {
    let addr: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let counted = allocation_counter::measure(|| {
        let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true)).unwrap();
        assert_eq!((names.host(), names.service()), (&b"127.0.0.1"[..], &b"80"[..]));
        // An address without a family: the resolver refuses it.
        assert!(fd::raw_names_of(SockAddr::from_bytes(&[0; 16]), true).is_err());
    });
    assert_eq!(counted.count_total, 0);
}
