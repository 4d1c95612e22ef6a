//! Sets of listeners: the addresses of a name, one port, socket files, failures.
//!
//! No test here starts a child, which until its execve(2) would hold what another test
//! closes meanwhile.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use biosock::dial::Dialer;
use biosock::listeners::{Listen, Listeners};
use biosock::{Domain, Family, KeepAlive, SocketAddr};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};

fn ports(listeners: &Listeners) -> Vec<u16> {
    listeners.addrs().unwrap().iter().filter_map(SocketAddr::port).collect()
}

#[test]
fn every_address_of_a_name_has_the_same_port() {
    for target in ["*:0", ":0", "0", "*"] {
        let listeners = Listen::new().listen(target).unwrap();
        let ports = ports(&listeners);
        assert_eq!(ports.len(), 2, "{target}");
        assert!(ports[0] != 0 && ports[0] == ports[1], "{target}: {ports:?}");
        for to in [
            SocketAddr::from(([127, 0, 0, 1], ports[0])),
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, ports[0])),
        ] {
            Dialer::new().dial_addrs(&[to]).unwrap();
        }
    }
}

#[test]
fn an_ipv4_mapped_address_is_ipv4_s() {
    let listeners = Listen::new().listen("[::ffff:127.0.0.1]:0").unwrap();
    assert_eq!(listeners.addrs().unwrap()[0].family(), Domain::IPV4);
}

#[test]
fn failures_say_which_address() {
    let message = |target: &str| Listen::new().listen(target).unwrap_err().to_string();
    // If another program has IPv6's port of the same number, try another port.
    let told = (0..100).map(|_| {
        let holder = Listen::new().listen("0.0.0.0:0").unwrap();
        let port = ports(&holder)[0];
        (
            message(&format!("*:{port}")),
            format!("bind to 0.0.0.0:{port}: address already in use (EADDRINUSE)"),
        )
    });
    assert!({ told }.any(|(told, expected)| told == expected));
    assert_eq!(message(""), "listen: no address to listen on");
    assert_eq!(message("127.0.0.1:70000"), "parse \"70000\": the port is above 65535 (at byte 0)");
    assert_eq!(message("no-such.invalid:1").split(": ").next(), Some("look up no-such.invalid:1"));
}

#[test]
fn shards_share_one_address() {
    let shards = Listen::new().shards(3, "127.0.0.1:0").unwrap();
    let addrs: Vec<_> = shards.iter().map(|shard| shard.addrs().unwrap()).collect();
    assert!(addrs.windows(2).all(|pair| pair[0] == pair[1]), "{addrs:?}");
    assert!(Listen::new().shards(0, "127.0.0.1:0").unwrap().is_empty());
}

#[test]
fn a_stale_socket_file_is_replaced_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let target = format!("unix:{}", path.display());

    drop(UnixListener::bind(&path).unwrap());
    let listeners = Listen::new().listen(&target).unwrap();
    let in_use = Listen::new().listen(&target).unwrap_err();
    assert_eq!(in_use.to_string(), format!("bind to {target}: address already in use (EADDRINUSE)"));
    assert!(in_use.hint().is_some_and(|hint| hint.contains("the file")), "{:?}", in_use.hint());
    listeners.accept(Some(Duration::ZERO)).unwrap_err();
    Dialer::new().dial(&target).unwrap();
    listeners.unlink().unwrap();
    listeners.unlink().unwrap();
    assert!(!path.exists());

    std::fs::write(&path, "precious").unwrap();
    let refused = Listen::new().listen(&target).unwrap_err();
    assert_eq!(refused.to_string(), format!("listen on {target}: the file exists and is not a socket"));
    assert_eq!(std::io::Error::from(refused).kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn of_many_that_find_a_stale_file_one_gets_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let target = format!("unix:{}", path.display());
    for _ in 0..20 {
        drop(UnixListener::bind(&path).unwrap());
        let start = std::sync::Barrier::new(4);
        let listen = || {
            start.wait();
            Listen::new().listen(&target).ok()
        };
        let got: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(listen)).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(got.len(), 1);
        Dialer::new().dial(&target).unwrap();
        drop(got);
        std::fs::remove_file(&path).unwrap();
    }
}

/// A lock on the directory, which any user who may open it can take, blocks nothing
/// (H6). The socket's own lock is waited for, and removed afterwards.
#[test]
fn only_the_lock_next_to_the_file_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let target = format!("unix:{}", path.display());
    drop(UnixListener::bind(&path).unwrap());
    let of_another = std::fs::File::open(dir.path()).unwrap();
    flock(&of_another, FlockOperation::LockExclusive).unwrap();
    let lock_path = dir.path().join(".socket.lock");

    let listen = || Listen::new().listen(&target).unwrap();
    let listeners = meanwhile(&lock_path, listen, || UnixStream::connect(&path).is_err());
    Dialer::new().dial(&target).unwrap();
    meanwhile(&lock_path, || listeners.unlink().unwrap(), || path.exists());
    assert!(!path.exists());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no lock stays");

    // A process that keeps holding it prevents replacing the file, but does not block the caller.
    drop(UnixListener::bind(&path).unwrap());
    let _held = lock(&lock_path);
    let in_use = Listen::new().listen(&target).unwrap_err();
    assert_eq!(in_use.raw_os_error(), Some(libc::EADDRINUSE));
    assert!(path.exists());
}

fn lock(path: &Path) -> std::fs::File {
    use std::os::unix::fs::OpenOptionsExt;
    let lock =
        std::fs::OpenOptions::new().write(true).create(true).mode(0o600).truncate(true).open(path).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    lock
}

/// Runs a job while the lock is briefly held, during which `unchanged` must be true.
fn meanwhile<T: Send>(path: &Path, job: impl FnOnce() -> T + Send, unchanged: impl Fn() -> bool) -> T {
    let lock = lock(path);
    thread::scope(|scope| {
        let start = Instant::now();
        let job = scope.spawn(job);
        thread::sleep(Duration::from_millis(100));
        let unchanged = unchanged();
        // After a second it gives up.
        assert!(unchanged || start.elapsed() > Duration::from_millis(900));
        std::fs::remove_file(path).unwrap();
        drop(lock);
        job.join().unwrap()
    })
}

/// By the time that the file is to be removed, the directory is another one, or there
/// is a FIFO in its place.
#[test]
fn where_the_directory_is_another_nothing_of_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second, moved] = ["first", "second", "moved"].map(|name| dir.path().join(name));
    [&first, &second].iter().for_each(|dir| std::fs::create_dir(dir).unwrap());
    let listeners = Listen::new().listen(&format!("unix:{}/socket", first.display())).unwrap();
    let of_another = UnixListener::bind(second.join("socket")).unwrap();
    std::fs::rename(&first, &moved).unwrap();
    std::os::unix::fs::symlink(&second, &first).unwrap();
    assert!(first.join("socket").exists());
    listeners.unlink().unwrap();
    assert!(second.join("socket").exists(), "it is another's");
    assert!(!moved.join("socket").exists(), "its own is gone");
    drop(of_another);

    let listeners = Listen::new().listen(&format!("unix:{}/socket", moved.display())).unwrap();
    std::fs::rename(&moved, dir.path().join("again")).unwrap();
    mknodat(CWD, &moved, FileType::Fifo, Mode::RUSR, 0).unwrap();
    listeners.unlink().unwrap();
    let refused = Listen::new().listen(&format!("unix:{}/socket", moved.display())).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ENOTDIR));
}

/// Whatever has replaced the file, with any inode, is kept unless it is a socket.
#[test]
fn what_is_not_a_socket_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    for _ in 0..20 {
        let listeners = Listen::new().listen(&format!("unix:{}", path.display())).unwrap();
        std::fs::remove_file(&path).unwrap();
        // Often with the same inode number.
        std::fs::write(&path, "precious").unwrap();
        listeners.unlink().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn only_a_file_of_ours_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listeners = Listen::new().listen(&format!("unix:{}", path.display())).unwrap();
    std::fs::rename(&path, directory.path().join("moved")).unwrap();
    let another = UnixListener::bind(&path).unwrap();
    listeners.unlink().unwrap();
    assert!(path.exists(), "it is another's");

    let taken = Listeners::take_over(vec![OwnedFd::from(another).into()]).unwrap();
    taken.unlink().unwrap();
    assert!(path.exists(), "the process that made it removes it");
}

#[test]
fn tcp_s_options_hinder_no_unix_socket() {
    let listen = Listen::new().nodelay(true).tfo(true).keepalive(KeepAlive::default());
    let listeners = listen.listen(&abstract_target()).unwrap();
    let dialer = Dialer::new()
        .nodelay(true)
        .tfo(true)
        .keepalive(KeepAlive { probes: Some(3), ..KeepAlive::default() });
    let dialed = dialer.dial_addrs(&listeners.addrs().unwrap()).unwrap();
    assert_eq!(dialed.socket.domain().unwrap(), Domain::UNIX);
}

/// An abstract name that no other test uses.
fn abstract_target() -> String {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("unix:@biosock-test-{}-{number}", std::process::id())
}

#[test]
fn what_is_not_of_the_family_asked_for_is_refused() {
    let refusal = |family, target: &str| {
        Listen::new().family(family).listen(target).map(|set| set.addrs()).unwrap_err().to_string()
    };
    for (family, target) in [(Family::Ipv6, "127.0.0.1:0"), (Family::Ipv4, "[::1]:0")] {
        let error = refusal(family, target);
        assert!(error.contains("family"), "{family:?}, {target}: {error}");
        let error = Dialer::new().family(family).dial(target).unwrap_err().to_string();
        assert!(error.contains("no address"), "{family:?}, {target}: {error}");
    }
    let target = abstract_target();
    assert!(refusal(Family::Ipv4, &target).contains("another family"));
    Listen::new().listen(&target).unwrap();
    let error = refusal(Family::Any, "unix:");
    assert_eq!(error, "listen: a Unix socket needs a path or an @name to listen on");
    Listen::new().listen_addrs(&["unix:".parse().unwrap()]).unwrap_err();
}

/// The value of a socket option, as getsockopt(2) returns it.
fn reuseaddr(listeners: &Listeners) -> Vec<bool> {
    let get = |socket: &biosock::Socket| rustix::net::sockopt::socket_reuseaddr(socket).unwrap();
    listeners.sockets().iter().map(get).collect()
}

#[test]
fn a_server_that_closed_first_is_started_again_at_once() {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let client = Dialer::new().dial_addrs(&[addr]).unwrap().socket;
    let (served, _) = listeners.accept(None).unwrap();
    // The server closes first: its end stays in TIME_WAIT.
    drop(served);
    drop((client, listeners));
    let again = Listen::new().listen(&addr.to_string()).unwrap();
    // A port that a server listens on cannot be taken.
    assert!(Listen::new().listen(&addr.to_string()).is_err());
    drop(again);
    Listen::new().reuseaddr(false).listen(&addr.to_string()).unwrap_err();
    Listen::new().shards(2, "127.0.0.1:0").unwrap();
}

#[test]
fn a_set_s_options_are_its_sockets_and_its_files_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let addrs = ["127.0.0.1:0".parse().unwrap(), format!("unix:{}", path.display()).parse().unwrap()];
    let set = Listen::new().backlog(16).keepalive(KeepAlive::default()).listen_addrs(&addrs).unwrap();
    assert!(rustix::net::sockopt::socket_keepalive(&set.sockets()[0]).unwrap());
    let paths: Vec<_> = set.files().iter().map(biosock::listeners::SocketFile::path).collect();
    assert_eq!(paths, [path]);
    assert_eq!(ports(&Listen::new().listen("*:0").unwrap()).len(), 2, "IPv6's takes IPv6 alone");
}

#[test]
fn only_tcp_s_sockets_reuse_addresses() {
    let addrs =
        ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap(), abstract_target().parse().unwrap()];
    let set = |listen: Listen| reuseaddr(&listen.listen_addrs(&addrs).unwrap());
    assert_eq!(set(Listen::new()), [true, true, false]);
    assert_eq!(set(Listen::new().reuseaddr(false)), [false; 3]);
}

/// As in a caller that takes sockets over among other things.
fn take_over(sockets: Vec<biosock::Socket>) -> Result<Listeners, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Listeners::try_take_over(sockets)?)
}

#[test]
fn an_error_of_taking_over_is_an_error_like_others() {
    let datagrams = || vec![OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).into()];
    let boxed = take_over(datagrams()).unwrap_err().to_string();
    let refused = Listeners::try_take_over(datagrams()).unwrap_err();
    assert!(refused.to_string().ends_with("the socket does not listen") && boxed.ends_with("not listen"));
    let (error, sockets) = refused.into_parts();
    assert_eq!((error.kind(), sockets.len()), (biosock::ErrorKind::InvalidInput, 1));
}

#[test]
fn sockets_that_are_not_taken_over_come_back_as_they_were() {
    let plain = || OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap()).into();
    let modes = |sockets: &[biosock::Socket]| {
        sockets.iter().map(|socket| socket.is_nonblocking().unwrap()).collect::<Vec<_>>()
    };
    let nonblocking: biosock::Socket = plain();
    nonblocking.set_nonblocking(true).unwrap();
    let datagrams = OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).into();
    let refused = Listeners::try_take_over(vec![plain(), nonblocking, datagrams]).unwrap_err();
    let mut sockets = refused.into_sockets();
    assert_eq!(modes(&sockets), [false, true, false]);
    sockets.truncate(2);
    let taken = Listeners::try_take_over(sockets).unwrap();
    assert_eq!(modes(taken.sockets()), [true, true]);
}
