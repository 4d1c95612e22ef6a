//! The settings of a dialer, and their effects.

mod peers;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use biosock::dial::{DialError, Dialer};
use biosock::{Domain, Family, KeepAlive, Protocol, SocketAddr, Type};
use rustix::net::sockopt;

use peers::{Fixed, listeners, refusing};

#[test]
fn settings_reach_the_socket() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let target = format!("127.0.0.1:{port}");
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let keep_alive = KeepAlive { idle: seconds(61), interval: seconds(7), probes: Some(5) };
    let dialer = Dialer::new()
        .source_v4([127, 0, 0, 2].into())
        .keepalive(keep_alive)
        .nonblocking(true)
        .nodelay(true)
        .mptcp(true);
    let socket = dialer.dial(&target).unwrap().socket;
    assert!(sockopt::socket_keepalive(&socket).unwrap() && sockopt::tcp_nodelay(&socket).unwrap());
    let idle = sockopt::tcp_keepidle(&socket).unwrap();
    assert_eq!((Some(idle), Some(sockopt::tcp_keepintvl(&socket).unwrap())), (seconds(61), seconds(7)));
    assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), 5);
    assert_eq!(socket.local_addr().unwrap().ip().unwrap().to_string(), "127.0.0.2");
    assert!(socket.is_nonblocking().unwrap());
    assert!([Protocol::MPTCP, Protocol::TCP].contains(&socket.protocol().unwrap()));
    assert!(Dialer::new().device("no-such-device").dial(&target).is_err());
    assert!(Dialer::new().family(Family::Ipv6).dial(&target).is_err());
}

#[test]
fn a_source_is_shared_only_where_that_is_asked_for() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    for shared in [true, false] {
        let dialer = Dialer::new().source_v4([127, 0, 0, 3].into()).reuseaddr(shared);
        let socket = dialer.dial(&format!("127.0.0.1:{port}")).unwrap().socket;
        assert_eq!(sockopt::socket_reuseaddr(&socket).unwrap(), shared);
    }
}

#[test]
fn addresses_of_another_family_are_left_out() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let addrs = [SocketAddr::from(([127, 0, 0, 1], port))];
    let failed = Dialer::new().family(Family::Ipv6).dial_addrs(&addrs).unwrap_err();
    assert!(failed.report().attempts.is_empty(), "{failed:?}");
    let dialed = Dialer::new().family(Family::Ipv4).dial_addrs(&addrs).unwrap();
    assert_eq!(dialed.addr, addrs[0]);
}

#[test]
fn a_unix_path_has_neither_ip_family() {
    let failed = Dialer::new().family(Family::Ipv4).dial("unix:/no/such").unwrap_err();
    assert!(failed.to_string().contains("another family"), "{failed}");
    let failed = Dialer::new().dial("unix:/no/such").unwrap_err();
    assert_eq!(failed.report().attempts.len(), 1, "{failed}");
}

#[test]
fn sources_and_devices_are_of_a_family() {
    let (_v4, port4) = listeners("127.0.0.1:0");
    let (_v6, port6) = listeners("[::1]:0");
    let nowhere = Dialer::new().source_v6("2001:db8::1".parse().unwrap()).device_v6("no-such-device");
    assert!(nowhere.dial(&format!("127.0.0.1:{port4}")).is_ok(), "IPv4 has neither");
    assert!(nowhere.dial(&format!("[::1]:{port6}")).is_err());
    let nowhere = Dialer::new().source_v4([192, 0, 2, 1].into()).device_v4("no-such-device");
    assert!(nowhere.dial(&format!("[::1]:{port6}")).is_ok(), "IPv6 has neither");
    let failed = nowhere.dial(&format!("127.0.0.1:{port4}")).unwrap_err();
    assert!(failed.report().to_string().contains("no-such-device"), "{failed:?}");
}

#[test]
fn mptcp_is_used_where_the_kernel_has_it() {
    let (listeners, port) = listeners("127.0.0.1:0");
    let dialer = Dialer::new().mptcp(true);
    let mut dialed = dialer.dial(&format!("127.0.0.1:{port}")).unwrap();
    let has_it = std::fs::read_to_string("/proc/sys/net/mptcp/enabled").is_ok_and(|on| on.trim() == "1");
    let expected = if has_it { Protocol::MPTCP } else { Protocol::TCP };
    assert_eq!(dialed.socket.protocol().unwrap(), expected);
    let (mut server, _) = listeners.accept(None).unwrap();
    dialed.socket.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
    // Only IP streams have it; others are dialled as usual.
    assert!(dialer.socktype(Type::DGRAM).dial("127.0.0.1:9").is_ok());
}

#[test]
fn tfo_connects_with_the_first_data() {
    let (listeners, port) = listeners("127.0.0.1:0");
    let target = format!("127.0.0.1:{port}");
    let mut dialed = Dialer::new().tfo(true).dial(&target).unwrap();
    dialed.socket.write_all(b"first").unwrap();
    let (mut server, _) = listeners.accept(None).unwrap();
    let mut heard = [0; 5];
    server.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"first");
}

/// A setting keeps those that were made before it.
#[test]
fn a_source_and_a_device_can_be_had_for_either_family() {
    let (_v6, port) = listeners("[::1]:0");
    let target = format!("[::1]:{port}");
    let of_another = Dialer::new().source_v6("2001:db8::1".parse().unwrap());
    assert_eq!(errno(&of_another.dial(&target).unwrap_err()), Some(libc::EADDRNOTAVAIL));
    let own = Dialer::new().nonblocking(true).source_v6("::1".parse().unwrap());
    assert!(own.dial(&target).unwrap().socket.is_nonblocking().unwrap());
    let none = Dialer::new().device_v6("no-such-device");
    assert_eq!(errno(&none.dial(&target).unwrap_err()), Some(libc::ENODEV));
}

fn errno(failed: &DialError) -> Option<i32> {
    std::error::Error::source(failed)?.downcast_ref::<biosock::Error>()?.raw_os_error()
}

#[test]
fn so_many_of_the_first_family_go_first() {
    let (_holder, v4) = refusing("127.0.0.1:0");
    let holders: Vec<_> = (0..3).map(|_| refusing("[::1]:0")).collect();
    let addrs: Vec<_> = holders.iter().map(|(_, addr)| *addr).chain([v4]).collect();
    for (count, place) in [(0, 1), (1, 1), (2, 2), (3, 3), (9, 3)] {
        let failed = Dialer::new().first_family_count(count).dial_addrs(&addrs).unwrap_err();
        let attempts = &failed.report().attempts;
        assert_eq!((attempts.len(), attempts[place].addr), (4, v4), "{count}");
    }
}

#[test]
fn each_answer_is_told_as_it_comes() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let told = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&told);
    let dialer = Dialer::new()
        .resolver(Arc::new(Fixed(SocketAddr::from(([127, 0, 0, 1], port)))))
        .on_lookup(move |family, _, answer| record.lock().unwrap().push((family, answer.unwrap().len())));
    dialer.dial("name:1").unwrap();
    let mut told = std::mem::take(&mut *told.lock().unwrap());
    told.sort_by_key(|(_, count)| *count);
    assert_eq!(told, [(Domain::IPV6, 0), (Domain::IPV4, 1)]);
}

#[test]
fn an_error_names_three_addresses_at_most() {
    let holders: Vec<_> = (0..4).map(|_| refusing("127.0.0.1:0")).collect();
    let addrs: Vec<_> = holders.iter().map(|(_, addr)| *addr).collect();
    let said = |count: usize| Dialer::new().dial_addrs(&addrs[..count]).unwrap_err().to_string();
    let [one, two, three, _] = addrs[..] else { panic!("four") };
    assert_eq!(said(3), format!("dial {one}, {two}, {three}: no address answered"));
    assert_eq!(said(4), format!("dial {one}, {two}, {three}, …: no address answered"));
}
