//! Dials to a port that nothing listens on and that the system chooses for the socket:
//! the socket is its own peer, and the attempt fails.

use std::fs;

use biosock::dial::Dialer;
use biosock_lab::or_skip;
use biosock_lab::room::Room;

/// So few ports that the system soon chooses the dialled one.
const PORTS: &str = "40000 40003";
const TARGETS: [&str; 2] = ["127.0.0.1:40002", "[::1]:40002"];
const DIALS: usize = 16;

/// Two networks for each driver and target, since the first port is random.
#[test]
fn no_dial_connects_to_itself() {
    for dial in [blocking, within_a_time, on_tokio] {
        for target in TARGETS {
            let Some(rooms) = rooms("no_dial_connects_to_itself") else { return };
            for room in rooms {
                let connected = room.run(move || (0..DIALS).filter(|_| dial(target)).count());
                assert_eq!(connected, 0, "connections to {target}, where nothing listens");
            }
        }
    }
}

/// Checks that in such a world a plain connect connects to itself.
#[test]
fn a_plain_connect_meets_itself() {
    let Some([room, _]) = rooms("a_plain_connect_meets_itself") else { return };
    let itself = |_: &usize| {
        let connected = std::net::TcpStream::connect(TARGETS[0]);
        connected.is_ok_and(|stream| stream.local_addr().unwrap() == stream.peer_addr().unwrap())
    };
    assert!(room.run(move || (0..DIALS).filter(itself).count()) > 0);
}

fn blocking(target: &str) -> bool {
    Dialer::new().dial(target).is_ok()
}

fn within_a_time(target: &str) -> bool {
    Dialer::new().timeout(std::time::Duration::from_secs(60)).dial(target).is_ok()
}

fn on_tokio(target: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Dialer::new().dial_stream_async(target)).is_ok()
}

fn rooms(test: &str) -> Option<[Room; 2]> {
    let rooms = or_skip(test, Room::open().and_then(|one| Ok([one, Room::open()?])))?;
    for room in &rooms {
        room.run(|| fs::write("/proc/sys/net/ipv4/ip_local_port_range", PORTS)).unwrap();
    }
    Some(rooms)
}
