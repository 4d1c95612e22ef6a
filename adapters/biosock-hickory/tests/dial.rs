//! The dialer with hickory's resolver, and a DNS server in the tests. More failures are
//! tested in `adapters/lab`.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use biosock::dial::{AsyncResolver, DialFailure, Dialer, Question};
use biosock::{Domain, ErrorKind, Family, SocketAddr, Type};
use biosock_hickory::HickoryResolver;
use tokio::net::TcpListener;

const A: u16 = 1;
const AAAA: u16 = 28;

/// A DNS server (RFC 1035) for the life of the process: `good.test` is loopback, the
/// AAAA query for `half.test` is never answered, `broken.test` is SERVFAIL,
/// `refused.test` is REFUSED, `empty.test` has no records, and any other name is
/// NXDOMAIN.
fn server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut datagram = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            if let Some(reply) = reply(&datagram[..length]) {
                socket.send_to(&reply, from).unwrap();
            }
        }
    });
    addr.into()
}

fn reply(query: &[u8]) -> Option<Vec<u8>> {
    // Header, labels that end with a zero, type and class.
    let end = 12 + query[12..].iter().position(|&byte| byte == 0)? + 1;
    let question = &query[12..end + 4];
    let name = String::from_utf8_lossy(&query[13..end - 1]).to_lowercase().replace('\u{4}', ".");
    let kind = u16::from_be_bytes([query[end], query[end + 1]]);
    let (code, ip): (u8, Option<IpAddr>) = match (&*name, kind) {
        ("half.test", AAAA) => return None,
        ("good.test" | "half.test", A) => (0, Some([127, 0, 0, 1].into())),
        ("good.test" | "empty.test", _) => (0, None),
        ("broken.test", _) => (2, None),
        ("refused.test", _) => (5, None),
        _ => (3, None),
    };
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(ip.is_some()), 0, 0, 0, 0]);
    reply.extend(question);
    if let Some(IpAddr::V4(ip)) = ip {
        reply.extend([0xc0, 12, 0, A as u8, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(ip.octets());
    }
    Some(reply)
}

fn dialer() -> Dialer {
    let resolver = HickoryResolver::with_servers(&[server()]).unwrap();
    // The timeout only ends a test that hangs.
    Dialer::new().async_resolver(Arc::new(resolver)).timeout(Duration::from_secs(60))
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test]
async fn a_name_is_dialled_without_a_thread() {
    let (_listener, port) = listener().await;
    let dialer = dialer();
    for name in ["good.test", "GOOD.TEST", "good.test."] {
        let dialed = dialer.dial_async(&format!("{name}:{port}")).await.unwrap();
        assert_eq!(dialed.addr, SocketAddr::from(([127, 0, 0, 1], port)), "{name}");
        assert_eq!(dialed.report.lookups.len(), 2);
    }
    // This thread, the server's, and those of other tests: none for a lookup.
    assert!(!thread_names().iter().any(|name| name.starts_with("tokio-rt-worker")), "{:?}", thread_names());
    assert!(threads() < 20);
}

fn thread_names() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

#[tokio::test]
async fn an_answer_that_never_comes_delays_by_the_resolution_delay() {
    let (_listener, port) = listener().await;
    let dialed = dialer().dial_async(&format!("half.test:{port}")).await.unwrap();
    let ipv6 = dialed.report.lookups.iter().find(|lookup| lookup.family == Domain::IPV6).unwrap();
    assert!(ipv6.answer.is_none(), "{ipv6:?}");
    assert!(dialed.report.attempts[0].started >= Duration::from_millis(50), "IPv6 had its time");
}

#[tokio::test]
async fn what_the_server_says_is_told() {
    let dialer = dialer();
    let cases = [
        ("none.test:1", "EAI_NONAME", ErrorKind::NameNotFound, true),
        ("empty.test:1", "EAI_NODATA", ErrorKind::NoAddress, true),
        ("broken.test:1", "EAI_AGAIN", ErrorKind::TryAgain, true),
        ("refused.test:1", "EAI_AGAIN", ErrorKind::TryAgain, true),
        ("a..b:1", "EAI_NONAME", ErrorKind::NameNotFound, true),
        ("good.test:no-such", "EAI_SERVICE", ErrorKind::ServiceNotFound, false),
    ];
    for (target, code, kind, of_hickory) in cases {
        let failed = dialer.dial_async(target).await.unwrap_err();
        assert!(matches!(failed.failure(), DialFailure::NoneAnswered), "{failed}");
        assert_eq!(failed.kind(), kind, "{target}");
        let table = failed.report().to_string();
        let told = table.lines().filter(|line| line.ends_with(&format!("({code})"))).count();
        assert_eq!(told, 2, "{table}");
        let lookup = std::error::Error::source(&failed).unwrap();
        assert_eq!(lookup.source().is_some(), of_hickory, "{target}: hickory's own error is kept");
    }
}

#[tokio::test]
async fn numeric_and_missing_hosts_ask_no_server() {
    let (_listener, port) = listener().await;
    // There is no server.
    let resolver = HickoryResolver::with_servers(&["127.0.0.1:1".parse().unwrap()]).unwrap();
    let dialer = Dialer::new().async_resolver(Arc::new(resolver));
    for host in ["127.1", "0x7f.1", ""] {
        let dialed = dialer.dial_async(&format!("{host}:{port}")).await.unwrap();
        assert_eq!(dialed.addr, SocketAddr::from(([127, 0, 0, 1], port)), "{host}");
    }
}

/// Not in the other family either, whatever the server would answer.
#[tokio::test]
async fn a_number_is_an_address_in_one_family_alone() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let resolver = HickoryResolver::with_servers(&[socket.local_addr().unwrap().into()]).unwrap();
    for (host, family) in [("127.1", Domain::IPV6), ("192.0.2.1", Domain::IPV6), ("::1", Domain::IPV4)] {
        let question =
            Question { host: Some(host.into()), service: "https".into(), family, socktype: Type::STREAM };
        let error = resolver.resolve(question).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAddress, "{host}: {error}");
    }
    let asked = socket.recv(&mut [0; 512]);
    assert_eq!(asked.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "no server was asked");
}

/// With an escape, or characters that hickory maps to ASCII, it would be another name
/// than in /etc/hosts.
#[tokio::test]
async fn a_name_is_asked_as_it_is_or_not_at_all() {
    let dialer = dialer();
    for host in ["localh\\157st", "\u{ff4c}ocalhost", "good.tes\\116"] {
        let failed = dialer.dial_async(&format!("{host}:1")).await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::NameNotFound, "{host}");
    }
}

#[tokio::test]
async fn a_zone_that_is_not_an_interface_is_not_asked_of_a_server() {
    let resolver = HickoryResolver::with_servers(&[server()]).unwrap();
    let host = Some("fe80::1%no-such".into());
    let question = Question { host, service: "1".into(), family: Domain::IPV6, socktype: Type::STREAM };
    let failed = resolver.resolve(question).await.unwrap_err();
    assert_eq!(failed.to_string(), "look up fe80::1%no-such: no such interface: no-such");
}

/// The port of a service comes from services(5), whatever the name.
#[tokio::test]
async fn services_have_names() {
    let failed = dialer().dial_async("good.test:tcpmux").await.unwrap_err();
    let tried: Vec<_> = failed.report().attempts.iter().map(|attempt| attempt.addr).collect();
    assert_eq!(tried, [SocketAddr::from(([127, 0, 0, 1], 1))], "{failed:?}");
    let resolver = HickoryResolver::with_servers(&["127.0.0.1:1".parse().unwrap()]).unwrap();
    for (host, family, found) in [
        (Some("::1"), Domain::IPV6, "[::1]:1"),
        (Some("127.0.0.1"), Domain::IPV4, "127.0.0.1:1"),
        (None, Domain::IPV6, "[::1]:1"),
        (None, Domain::IPV4, "127.0.0.1:1"),
    ] {
        let host = host.map(str::to_owned);
        let question = Question { host, service: "tcpmux".into(), family, socktype: Type::STREAM };
        assert_eq!(resolver.resolve(question).await.unwrap(), [found.parse().unwrap()]);
    }
}

#[tokio::test]
async fn each_family_has_its_own_question() {
    let resolver = HickoryResolver::with_servers(&[server()]).unwrap();
    let ask = |family| {
        let host = Some("good.test".into());
        resolver.resolve(Question { host, service: "1".into(), family, socktype: Type::STREAM })
    };
    assert_eq!(ask(Domain::IPV4).await.unwrap(), ["127.0.0.1:1".parse().unwrap()]);
    assert_eq!(ask(Domain::IPV6).await.unwrap_err().kind(), ErrorKind::NoAddress);
}

#[tokio::test]
async fn the_deadline_ends_a_question_without_answer() {
    let dialer = dialer().family(Family::Ipv6).timeout(Duration::from_millis(100));
    let late = dialer.dial_async("half.test:1").await.unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut));
    assert!(late.report().attempts.is_empty() && late.report().lookups[0].answer.is_none());
}

#[test]
fn bad_servers_are_told() {
    let none = HickoryResolver::with_servers(&[]).unwrap_err();
    assert!(none.to_string().contains("no DNS server"), "{none}");
    assert!(HickoryResolver::with_servers(&["unix:/run/dns".parse().unwrap()]).is_err());
    let zone = HickoryResolver::with_servers(&["[fe80::1%1]:53".parse().unwrap()]).unwrap_err();
    assert_eq!(zone.kind(), ErrorKind::Unsupported);
    assert!(zone.to_string().contains("[fe80::1%1]:53, which has a zone"), "{zone}");
}
