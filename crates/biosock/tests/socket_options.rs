//! Each socket option is read back as it was set.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

use biosock::{Domain, KeepAlive, Operation, Protocol, Socket, SocketAddr, Type};

fn stream(domain: Domain) -> Socket {
    Socket::new(domain, Type::STREAM, Protocol::DEFAULT).unwrap()
}

fn datagrams(domain: Domain) -> Socket {
    Socket::new(domain, Type::DGRAM, Protocol::DEFAULT).unwrap()
}

#[test]
fn options_are_read_back_as_they_were_set() {
    for domain in [Domain::IPV4, Domain::IPV6] {
        let socket = stream(domain);
        for on in [true, false] {
            socket.set_reuseaddr(on).unwrap();
            socket.set_reuseport(on).unwrap();
            socket.set_nodelay(on).unwrap();
            let flags = [socket.reuseaddr(), socket.reuseport(), socket.nodelay()];
            assert_eq!(flags.map(Result::unwrap), [on; 3], "{domain}");
        }
        for hops in [1, 255] {
            socket.set_ttl(hops).unwrap();
            assert_eq!(socket.ttl().unwrap(), hops, "{domain}");
        }
        socket.set_traffic_class(0x28).unwrap();
        assert_eq!(socket.traffic_class().unwrap(), 0x28, "{domain}");
    }
    let v6 = stream(Domain::IPV6);
    for on in [true, false] {
        v6.set_v6only(on).unwrap();
        assert_eq!(v6.v6only().unwrap(), on);
    }
    assert_eq!(stream(Domain::IPV4).set_ttl(0).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn keep_alive_can_be_turned_off_again() {
    let socket = stream(Domain::IPV4);
    assert_eq!(socket.keepalive().unwrap(), None);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let times = KeepAlive { idle: seconds(61), interval: seconds(7), probes: Some(5) };
    socket.set_keepalive(times).unwrap();
    assert_eq!(socket.keepalive().unwrap(), Some(times));
    socket.set_keepalive(None).unwrap();
    assert_eq!(socket.keepalive().unwrap(), None);
    socket.set_keepalive(KeepAlive::default()).unwrap();
    assert_eq!(socket.keepalive().unwrap(), Some(times), "off leaves the times");
}

#[test]
fn part_of_a_unit_counts_as_one() {
    let socket = stream(Domain::IPV4);
    for (set, read) in [
        (None, None),
        (Some(Duration::ZERO), Some(Duration::ZERO)),
        (Some(Duration::from_millis(1)), Some(Duration::from_secs(1))),
        (Some(Duration::from_millis(2001)), Some(Duration::from_secs(3))),
    ] {
        socket.set_linger(set).unwrap();
        assert_eq!(socket.linger().unwrap(), read, "{set:?}");
    }
    for (set, milliseconds) in
        [(Duration::ZERO, 0), (Duration::from_nanos(1), 1), (Duration::from_micros(1500), 2)]
    {
        socket.set_user_timeout(set).unwrap();
        assert_eq!(socket.user_timeout().unwrap(), Duration::from_millis(milliseconds), "{set:?}");
    }
    let error = socket.set_user_timeout(Duration::MAX).unwrap_err();
    assert_eq!(error.to_string(), "set option TCP_USER_TIMEOUT: invalid argument (EINVAL)");
}

#[test]
fn buffers_have_at_least_the_size_that_was_asked_for() {
    let socket = stream(Domain::IPV4);
    socket.set_recv_buffer_size(20_000).unwrap();
    socket.set_send_buffer_size(30_000).unwrap();
    let sizes = (socket.recv_buffer_size().unwrap(), socket.send_buffer_size().unwrap());
    assert!(sizes.0 >= 20_000 && sizes.1 >= 30_000 && sizes.0 != sizes.1, "{sizes:?}");
}

#[test]
fn a_mark_and_a_device_need_privilege_and_are_read_back() {
    let socket = stream(Domain::IPV4);
    assert_eq!((socket.mark().unwrap(), socket.device().unwrap()), (0, None));
    for (set, read) in [
        (socket.set_mark(7), socket.mark().unwrap() == 7),
        (socket.bind_device("lo"), socket.device().unwrap().as_deref() == Some("lo")),
    ] {
        match set {
            Ok(()) => assert!(read),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{error}"),
        }
    }
}

#[test]
fn a_unix_peer_has_credentials_and_a_tcp_peer_has_none() {
    let (one, _two) = UnixStream::pair().unwrap();
    let peer = Socket::from(one).peer_credentials().unwrap();
    // std has no geteuid(2), but this process's directory has its owner.
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
    assert_eq!((peer.pid, peer.uid), (std::process::id() as i32, owner));
    let none = stream(Domain::IPV4).peer_credentials();
    assert!(none.is_err() || none.is_ok_and(|peer| peer.pid == 0));
}

#[test]
fn a_clone_is_the_same_socket_and_lives_on() {
    let (one, mut two) = UnixStream::pair().unwrap();
    let socket = Socket::from(one);
    let copy = socket.try_clone().unwrap();
    copy.set_nonblocking(true).unwrap();
    assert!(socket.is_nonblocking().unwrap());
    assert!(rustix::io::fcntl_getfd(&copy).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    drop(socket);
    two.write_all(b"x").unwrap();
    assert_eq!((&copy).read(&mut [0]).unwrap(), 1);
}

#[test]
fn vectors_are_moved_whole_or_in_part() {
    let (one, two) = UnixStream::pair().unwrap();
    let (mut one, mut two) = (Socket::from(one), Socket::from(two));
    let parts = [b"ab".as_slice(), b"", b"cde"];
    assert_eq!(one.write_vectored(&parts.map(IoSlice::new)).unwrap(), 5);
    let (mut first, mut second) = ([0; 3], [0; 3]);
    let mut rooms = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(two.read_vectored(&mut rooms).unwrap(), 5);
    assert_eq!((&first, &second[..2]), (b"abc", b"de".as_slice()));
    // More than one call accepts (UIO_MAXIOV).
    let many = vec![IoSlice::new(b"x"); 5000];
    assert_eq!(one.write_vectored(&many).unwrap(), 1024);
    drop(two);
    assert_eq!(one.write_vectored(&many).unwrap_err().raw_os_error(), Some(libc::EPIPE));
}

#[test]
fn what_is_peeked_at_stays() {
    let (mut one, two) = UnixStream::pair().unwrap();
    let mut two = Socket::from(two);
    one.write_all(b"hello").unwrap();
    let mut room = [0; 3];
    assert_eq!((two.peek(&mut room).unwrap(), &room), (3, b"hel"));
    let mut whole = [0; 5];
    two.read_exact(&mut whole).unwrap();
    assert_eq!(&whole, b"hello");
    two.set_nonblocking(true).unwrap();
    let nothing = two.peek(&mut room).unwrap_err();
    assert!(nothing.is_retryable() && nothing.operation() == Operation::Receive, "{nothing}");
    drop(one);
    assert_eq!(two.peek(&mut room).unwrap(), 0, "the end");
}

#[test]
fn datagrams_come_with_who_sent_them() {
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let any: SocketAddr = any.parse().unwrap();
        let (one, two) = (datagrams(any.family()), datagrams(any.family()));
        for socket in [&one, &two] {
            socket.bind(&any).unwrap();
        }
        assert_eq!(one.send_to(b"hello", &two.local_addr().unwrap()).unwrap(), 5);
        let mut room = [0; 3];
        // The rest is discarded.
        assert_eq!(two.recv_from(&mut room).unwrap(), (3, Some(one.local_addr().unwrap())));
        assert_eq!(&room, b"hel");
    }
    let (one, two) = UnixDatagram::pair().unwrap();
    one.send(b"x").unwrap();
    assert_eq!(Socket::from(two).recv_from(&mut [0]).unwrap(), (1, None));
    let nowhere: SocketAddr = "unix:/no/such/socket".parse().unwrap();
    let error = datagrams(Domain::UNIX).send_to(b"x", &nowhere).unwrap_err();
    assert_eq!(error.to_string(), "send to unix:/no/such/socket: no such file or directory (ENOENT)");
}
