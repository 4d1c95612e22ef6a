//! Sets of listeners in networks of their own: with IPv6, and with IPv6 off.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use biosock::dial::Dialer;
use biosock::listeners::{Listen, Listeners};
use biosock::{Domain, SocketAddr};
use biosock_lab::or_skip;
use biosock_lab::room::Room;

/// An empty network with these names, unless the test is skipped.
fn room(test: &str, hosts: &str) -> Option<Room> {
    let opened = Room::open().and_then(|room| {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(hosts.as_bytes())?;
        room.replace("/etc/hosts", file.path())?;
        Ok(room)
    });
    or_skip(test, opened)
}

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// Sets a value in this network.
fn sysctl(name: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv6/{name}"), value).unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn listen(target: &str) -> Listeners {
    Listen::new().listen(target).unwrap_or_else(|error| panic!("{target}: {error}"))
}

fn families(listeners: &Listeners) -> Vec<Domain> {
    listeners.addrs().unwrap().iter().map(SocketAddr::family).collect()
}

fn port(listeners: &Listeners) -> u16 {
    let ports: Vec<_> = listeners.addrs().unwrap().iter().map(|addr| addr.port().unwrap()).collect();
    assert!(ports[0] != 0 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    ports[0]
}

/// The TCP sockets that listen in this thread's network.
fn listening() -> usize {
    let table = |file| fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
    // The fourth column is the state; 0A is LISTEN.
    let in_table =
        |text: String| text.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A")).count();
    in_table(table("tcp")) + in_table(table("tcp6"))
}

/// Waits for it: a program that another test is just starting holds copies of this
/// process's descriptors until its exec closes them.
fn nothing_listens() -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while listening() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    listening() == 0
}

#[test]
fn both_families_serve_whatever_the_system_s_default() {
    let Some(room) = room("both_families_serve_whatever_the_system_s_default", HOSTS) else { return };
    room.run(|| {
        for bindv6only in ["0", "1"] {
            sysctl("bindv6only", bindv6only);
            for target in ["*:0", ":0", "0", "localhost:0"] {
                let listeners = listen(target);
                let mut families = families(&listeners);
                families.sort_by_key(|family| family.as_raw());
                assert_eq!(families, [Domain::IPV4, Domain::IPV6], "{target}");
                for ip in ["127.0.0.1", "[::1]"] {
                    Dialer::new().dial(&format!("{ip}:{}", port(&listeners))).unwrap();
                }
            }
            // An IPv6 socket does not occupy IPv4's port.
            let six = listen("[::]:0");
            listen(&format!("0.0.0.0:{}", port(&six)));
        }
    });
}

#[test]
fn services_have_names() {
    let Some(room) = room("services_have_names", HOSTS) else { return };
    let known = fs::read_to_string("/etc/services").is_ok_and(|services| services.contains("\nhttps"));
    let known = known.then_some(()).ok_or_else(|| "no https in /etc/services".into());
    let Some(()) = or_skip("services_have_names", known) else { return };
    room.run(|| {
        for target in [":https", "https", "*:https"] {
            let listeners = listen(target);
            assert_eq!((port(&listeners), families(&listeners).len()), (443, 2), "{target}");
        }
    });
}

#[test]
fn ipv4_serves_alone_where_ipv6_is_off() {
    let Some(room) = room("ipv4_serves_alone_where_ipv6_is_off", HOSTS) else { return };
    room.run(|| {
        sysctl("conf/all/disable_ipv6", "1");
        sysctl("conf/default/disable_ipv6", "1");
        for target in ["*:0", ":8443", "0", "localhost:0"] {
            let listeners = listen(target);
            assert_eq!(families(&listeners), [Domain::IPV4], "{target}");
            Dialer::new().dial(&format!("127.0.0.1:{}", port(&listeners))).unwrap();
        }
        // Callers that want IPv6 only get the error.
        let error = Listen::new().listen("[::1]:8443").unwrap_err();
        assert_eq!(error.to_string(), "bind to [::1]:8443: cannot assign requested address (EADDRNOTAVAIL)");
        assert!(nothing_listens());
    });
}

/// The resolver omits a family whose only address is loopback, if requested
/// (AI_ADDRCONFIG).
#[test]
fn loopback_alone_is_enough_of_ipv6() {
    let Some(room) = room("loopback_alone_is_enough_of_ipv6", HOSTS) else { return };
    room.ip(&["addr add 192.0.2.1/32 dev lo"]).unwrap();
    room.run(|| assert_eq!(families(&listen("localhost:0")).len(), 2));
}

#[test]
fn loopback_without_ipv6_is_served_on_ipv4() {
    let Some(room) = room("loopback_without_ipv6_is_served_on_ipv4", HOSTS) else { return };
    room.run(|| {
        sysctl("conf/lo/disable_ipv6", "1");
        assert_eq!(families(&listen("localhost:0")), [Domain::IPV4]);
        // Another interface may have IPv6.
        assert_eq!(families(&listen("*:0")).len(), 2);
    });
}

#[test]
fn one_bad_address_leaves_none_open() {
    let hosts = "127.0.0.1 mixed\n127.0.0.2 mixed\n192.0.2.9 mixed\n::1 mixed\n";
    let Some(room) = room("one_bad_address_leaves_none_open", hosts) else { return };
    room.run(|| {
        let error = Listen::new().listen("mixed:8443").unwrap_err();
        let expected = "bind to 192.0.2.9:8443: cannot assign requested address (EADDRNOTAVAIL)";
        assert_eq!(error.to_string(), expected);
        assert!(nothing_listens());
    });
}

#[test]
fn a_port_that_the_system_chose_is_given_up_where_it_is_taken() {
    let Some(room) = room("a_port_that_the_system_chose_is_given_up_where_it_is_taken", HOSTS) else {
        return;
    };
    room.run(|| {
        // Half of the ports that the system chooses from are in use on IPv4.
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "20000 20015").unwrap();
        let _taken: Vec<_> = (20000..20008).map(|port| listen(&format!("127.0.0.1:{port}"))).collect();
        for _ in 0..20 {
            let listeners = listen("localhost:0");
            assert_eq!(families(&listeners).len(), 2);
            assert!((20008..20016).contains(&port(&listeners)));
        }
    });
}
