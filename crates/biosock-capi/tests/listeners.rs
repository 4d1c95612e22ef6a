//! biosock_listen(3) and biosock_accept(3), called as from C.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "each call below passes what its function asks for"
)]

mod common;

use std::ffi::{c_int, c_void};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::time::Duration;
use std::{mem, ptr, thread};

use biosock_capi::*;
use common::*;

/// A set, freed at the end.
struct Set(*mut biosock_listeners);

// According to the manual page, any thread may use a set.
unsafe impl Sync for Set {}

impl Set {
    #[track_caller]
    fn made(set: *mut biosock_listeners) -> Self {
        assert!(!set.is_null(), "{:?}", queue());
        Self(set)
    }

    #[track_caller]
    fn on(target: &str) -> Self {
        Self::made(unsafe { biosock_listen::<S>(c(target).as_ptr(), ptr::null()) })
    }

    fn fd(&self, index: usize) -> c_int {
        unsafe { biosock_listeners_fd::<S>(self.0, index) }
    }

    fn port(&self, index: usize) -> u16 {
        let addr = Addr::new();
        assert_eq!(unsafe { biosock_listeners_addr::<S>(self.0, index, addr.0) }, 1, "{:?}", queue());
        addr.port()
    }

    fn count(&self) -> usize {
        unsafe { biosock_listeners_count(self.0) }
    }

    fn accept(&self, timeout_ms: c_int) -> c_int {
        unsafe { biosock_accept::<S>(self.0, ptr::null_mut(), 0, timeout_ms) }
    }

    fn stop(&self) {
        unsafe { biosock_listeners_stop(self.0) };
    }

    fn client(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port(0))).expect("it listens")
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        unsafe { biosock_listeners_free(self.0) };
    }
}

/// Like the INIT macro: the size, and 0.
fn options() -> biosock_listen_options {
    let zero: biosock_listen_options = unsafe { mem::zeroed() };
    biosock_listen_options { size: size_of::<biosock_listen_options>(), ..zero }
}

/// Fails, with this message in one entry.
#[track_caller]
fn refuses(options: &biosock_listen_options, says: &str) {
    assert!(unsafe { biosock_listen::<S>(c("127.0.0.1:0").as_ptr(), options) }.is_null());
    refused(INVALID, says, libc::EINVAL);
}

#[test]
fn a_connection_comes_with_its_peer() {
    set_errno(libc::EPIPE);
    let set = Set::on("127.0.0.1:0");
    assert_eq!(flags(set.fd(0)), (true, true), "CLOEXEC, non-blocking");
    let client = set.client();
    let peer = Addr::new();
    let sock = unsafe { biosock_accept::<S>(set.0, peer.0, 0, -1) };
    assert_eq!(flags(sock), (true, false), "CLOEXEC, blocking");
    assert_eq!(peer.port(), client.local_addr().expect("bound").port());
    close(sock);
    let _client = set.client();
    let sock = unsafe { biosock_accept::<S>(set.0, ptr::null_mut(), INHERIT | 0x08, -1) };
    assert_eq!(flags(sock), (false, true), "inherited, non-blocking");
    close(sock);
    assert_eq!((errno(), codes()), (libc::EPIPE, vec![]));
}

#[test]
fn every_address_of_a_name_has_the_same_port() {
    let set = Set::on("localhost:0");
    let ports: Vec<_> = (0..set.count()).map(|index| set.port(index)).collect();
    assert!(!ports.is_empty() && ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
}

#[test]
fn a_timeout_sets_errno_and_queues_nothing() {
    let set = Set::on("127.0.0.1:0");
    for timeout in [0, 5] {
        assert_eq!((set.accept(timeout), errno()), (-1, libc::EAGAIN));
        assert_eq!((codes(), BIO_sock_should_retry(-1)), (vec![], 1));
    }
}

#[test]
fn another_thread_can_stop_an_accept() {
    let set = Set::on("127.0.0.1:0");
    let set = &set;
    let accepted = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            set.stop();
        });
        (set.accept(-1), errno())
    });
    assert_eq!((accepted, codes()), ((-1, libc::ECANCELED), vec![]));
    let _client = set.client();
    assert_eq!((set.accept(0), errno()), (-1, libc::ECANCELED), "and for good");
}

/// What [`note`] saw, and when it stops.
struct Seen {
    set: *const biosock_listeners,
    ports: Vec<u16>,
}

unsafe extern "C" fn note(user: *mut c_void, event: *const biosock_event) {
    let (seen, event) = unsafe { (&mut *user.cast::<Seen>(), &*event) };
    assert_eq!((event.error, event.pause_ms, event.reserved), (0, 0, 0));
    seen.ports.push(u16::from_be(unsafe { BIO_ADDR_rawport::<S>(event.peer) }));
    close(event.sock);
    if seen.ports.len() == 3 {
        unsafe { biosock_listeners_stop(seen.set) };
    }
}

#[test]
fn serving_reports_each_connection_until_stopped() {
    let set = Set::on("127.0.0.1:0");
    let clients: Vec<_> = std::iter::repeat_with(|| set.client()).take(3).collect();
    let mut seen = Seen { set: set.0, ports: Vec::new() };
    assert_eq!(unsafe { biosock_serve::<S>(set.0, 0, Some(note), (&raw mut seen).cast()) }, 1);
    let ports: Vec<_> = clients.iter().map(|client| client.local_addr().expect("bound").port()).collect();
    assert_eq!((seen.ports, codes()), (ports, vec![]));
}

#[test]
fn serving_ends_if_the_set_is_no_longer_usable() {
    let set = Set::on("127.0.0.1:0");
    unsafe { libc::shutdown(set.fd(0), libc::SHUT_RDWR) };
    assert_eq!(unsafe { biosock_serve::<S>(set.0, 0, Some(note), ptr::null_mut()) }, 0);
    assert_eq!(errno(), libc::EINVAL);
    assert_eq!(codes(), [system(libc::EINVAL), 0x1000_0064]);
    assert_eq!((set.accept(-1), errno()), (-1, libc::EINVAL));
    assert_eq!(codes(), [system(libc::EINVAL), 0x1000_0064]);
}

#[test]
fn advice_depends_on_errno() {
    for (error, advice) in [(libc::ECONNABORTED, 1), (libc::EAGAIN, 1), (libc::EMFILE, 2), (libc::EBADF, 3)] {
        assert_eq!(biosock_accept_advice(error), advice);
    }
    assert_eq!((biosock_accept_advice(0), biosock_accept_advice(-1)), (3, 3));
}

#[test]
fn a_failure_names_the_call_and_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let target = format!("127.0.0.1:{}", port_of(&taken));
    assert!(unsafe { biosock_listen::<S>(c(&target).as_ptr(), ptr::null()) }.is_null());
    assert_eq!(errno(), libc::EADDRINUSE);
    let queue = queue();
    let codes: Vec<_> = queue.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [system(libc::EADDRINUSE), 0x1000_0075]);
    assert_eq!(queue[0].1, "calling bind()");
    assert!(queue[1].1.starts_with(&format!("bind to {target}: ")), "{queue:?}");
}

#[test]
fn invalid_targets_are_refused() {
    assert!(unsafe { biosock_listen::<S>(ptr::null(), ptr::null()) }.is_null());
    refused(NULL_ENTRY, "target is NULL", libc::EINVAL);
    assert!(unsafe { biosock_listen::<S>(c("a:b:c").as_ptr(), ptr::null()) }.is_null());
    refused(0x1000_0081, "a:b:c", libc::EINVAL);
    assert!(unsafe { biosock_listen::<S>(c"\xff:0".as_ptr(), ptr::null()) }.is_null());
    refused(INVALID, r"\xff:0", libc::EINVAL);
    assert!(unsafe { biosock_listen::<S>(c("localhost:no-such-service").as_ptr(), ptr::null()) }.is_null());
    refused(SYSTEM_LIBRARY, "no-such-service", libc::ENOENT);
}

#[test]
fn settings_are_used_or_refused() {
    for size in [0, 4, 12, 1 << 20] {
        refuses(&biosock_listen_options { size, ..options() }, "invalid size");
    }
    refuses(&biosock_listen_options { options: 0x0200_0000, ..options() }, "0x2000000");
    refuses(&biosock_listen_options { family: libc::AF_UNIX, ..options() }, "family 1");
    refuses(&biosock_listen_options { backlog: -1, ..options() }, "backlog is -1");
    refuses(&biosock_listen_options { reserved: 1, ..options() }, "reserved is 1");
    let device = c("no-such-device");
    let settings = biosock_listen_options { device: device.as_ptr(), ..options() };
    assert!(unsafe { biosock_listen::<S>(c("127.0.0.1:0").as_ptr(), &settings) }.is_null());
    let queue = queue();
    assert_eq!((queue.len(), queue[0].0), (1, system(errno())), "{queue:?}");
    assert!(queue[0].1.contains("no-such-device"), "{queue:?}");

    for (options, reused) in [(0, 1), (0x0400_0000, 0), (0x0400_0000 | 0x01, 0)] {
        let settings = biosock_listen_options { options, ..self::options() };
        let set = Set::made(unsafe { biosock_listen::<S>(c("127.0.0.1:0").as_ptr(), &settings) });
        let (mut value, mut size) = (-1, 4);
        let value_at = (&raw mut value).cast();
        let got =
            unsafe { libc::getsockopt(set.fd(0), libc::SOL_SOCKET, libc::SO_REUSEADDR, value_at, &mut size) };
        assert_eq!((got, value), (0, reused), "{options:#x}");
    }
    let settings =
        biosock_listen_options { options: INHERIT | 0x01, family: libc::AF_INET, backlog: 4, ..options() };
    let set = Set::made(unsafe { biosock_listen::<S>(c("localhost:0").as_ptr(), &settings) });
    assert_eq!((set.count(), flags(set.fd(0)).0), (1, false), "inherited");
}

#[test]
fn addresses_are_listened_on() {
    let addrs = [Addr::v4(0), Addr::v4(0)];
    let pointers = [addrs[0].0.cast_const()];
    let set = Set::made(unsafe { biosock_listen_addrs::<S>(pointers.as_ptr(), 1, ptr::null()) });
    let _client = set.client();
    close(set.accept(-1));
    let chain = Chain::of(c"127.0.0.1", "0", 0);
    let set = Set::made(unsafe { biosock_listen_addrinfo::<S>(chain.0, ptr::null()) });
    assert_eq!(set.count(), 1, "each address once");
    assert!(unsafe { biosock_listen_addrs::<S>(pointers.as_ptr(), 0, ptr::null()) }.is_null());
    refused(INVALID, "no address to listen on", libc::EINVAL);
    assert!(unsafe { biosock_listen_addrs::<S>(ptr::null(), 1, ptr::null()) }.is_null());
    refused(NULL_ENTRY, "addrs is NULL", libc::EINVAL);
    assert!(unsafe { biosock_listen_addrinfo::<S>(ptr::null(), ptr::null()) }.is_null());
    refused(NULL_ENTRY, "list is NULL", libc::EINVAL);
}

#[test]
fn shards_share_an_address() {
    let mut shards = [ptr::null_mut(); 3];
    let target = c("127.0.0.1:0");
    let made = unsafe { biosock_listen_shards::<S>(target.as_ptr(), ptr::null(), shards.as_mut_ptr(), 3) };
    assert_eq!(made, 1, "{:?}", queue());
    let sets = shards.map(Set::made);
    assert!(sets.iter().all(|set| set.port(0) == sets[0].port(0)));
    let none = unsafe { biosock_listen_shards::<S>(target.as_ptr(), ptr::null(), ptr::null_mut(), 3) };
    assert_eq!(none, 0);
    refused(NULL_ENTRY, "shards is NULL", libc::EINVAL);
    let mut shards = [ptr::null_mut(); 1];
    let path = c"unix:/tmp/\xff";
    assert_eq!(unsafe { biosock_listen_shards::<S>(path.as_ptr(), ptr::null(), shards.as_mut_ptr(), 1) }, 0);
    refused(INVALID, "no shards", libc::EINVAL);
}

#[test]
fn listening_sockets_can_be_taken_over() {
    let listeners = [TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0")];
    let fds = listeners.map(|listener| listener.expect("loopback").into_raw_fd());
    let set = Set::made(unsafe { biosock_listeners_take_over::<S>(fds.as_ptr(), 2) });
    assert_eq!([set.fd(0), set.fd(1)], fds);
    assert!(flags(fds[0]).1, "non-blocking");
    let _client = set.client();
    close(set.accept(-1));
}

#[test]
fn sockets_that_cannot_be_taken_over_still_belong_to_the_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let (good, bad) = (listener.as_raw_fd(), datagrams.as_raw_fd());
    for (fds, says) in
        [([good, bad], "does not listen"), ([good, -1], "-1 is negative"), ([good, good], "twice")]
    {
        assert!(unsafe { biosock_listeners_take_over::<S>(fds.as_ptr(), 2) }.is_null());
        refused(INVALID, says, libc::EINVAL);
        assert!(!flags(good).1, "still open, still blocking");
    }
    let closed = [good, 1 << 19];
    assert!(unsafe { biosock_listeners_take_over::<S>(closed.as_ptr(), 2) }.is_null());
    refused(system(libc::EBADF), "descriptor 524288: ", libc::EBADF);
    assert!(unsafe { biosock_listeners_take_over::<S>(ptr::null(), 1) }.is_null());
    refused(NULL_ENTRY, "fds is NULL", libc::EINVAL);
    assert!(unsafe { biosock_listeners_take_over::<S>(closed.as_ptr(), 0) }.is_null());
    refused(INVALID, "no descriptor", libc::EINVAL);
}

#[test]
fn without_a_service_manager_nothing_is_passed() {
    let mut set = ptr::dangling_mut();
    assert_eq!(unsafe { biosock_listeners_passed::<S>(&mut set) }, 1);
    assert!(set.is_null());
    assert_eq!(unsafe { biosock_listeners_passed::<S>(ptr::null_mut()) }, 0);
    refused(NULL_ENTRY, "set is NULL", libc::EINVAL);
}

#[test]
fn copies_for_a_child_are_inheritable() {
    let set = Set::on("127.0.0.1:0");
    let mut fds = [-1; 2];
    assert_eq!(unsafe { biosock_listeners_inheritable::<S>(set.0, fds.as_mut_ptr(), 2) }, 1);
    assert!(!flags(fds[0]).0 && flags(set.fd(0)).0);
    assert_eq!(fds[1], -1);
    close(fds[0]);
    assert_eq!(unsafe { biosock_listeners_inheritable::<S>(set.0, fds.as_mut_ptr(), 0) }, 0);
    refused(INVALID, "room for 0 of 1 descriptors", libc::EINVAL);
    assert_eq!(unsafe { biosock_listeners_inheritable::<S>(set.0, ptr::null_mut(), 9) }, 0);
    refused(NULL_ENTRY, "fds is NULL", libc::EINVAL);
}

#[test]
fn unlink_removes_the_socket_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("s");
    let set = Set::on(&format!("unix:{}", path.display()));
    assert!(path.exists());
    assert_eq!(unsafe { biosock_listeners_unlink::<S>(set.0) }, 1);
    assert!(!path.exists());
}

#[test]
fn errors_name_null_arguments_and_invalid_indexes() {
    let set = Set::on("127.0.0.1:0");
    assert_eq!(set.fd(1), -1);
    refused(INVALID, "no socket 1; there are 1", libc::EINVAL);
    let addr = Addr::new();
    assert_eq!(unsafe { biosock_listeners_addr::<S>(set.0, 7, addr.0) }, 0);
    refused(INVALID, "no socket 7", libc::EINVAL);
    assert_eq!(unsafe { biosock_listeners_addr::<S>(set.0, 0, ptr::null_mut()) }, 0);
    refused(NULL_ENTRY, "addr is NULL", libc::EINVAL);
    assert_eq!(unsafe { biosock_accept::<S>(set.0, ptr::null_mut(), 0x40, 0) }, -1);
    refused(INVALID, "0x40", libc::EINVAL);
    assert_eq!(unsafe { biosock_serve::<S>(set.0, 0, None, ptr::null_mut()) }, 0);
    refused(NULL_ENTRY, "tell is NULL", libc::EINVAL);
    let null = Set(ptr::null_mut());
    assert_eq!((null.count(), null.fd(0)), (0, -1));
    refused(NULL_ENTRY, "set is NULL", libc::EINVAL);
    assert_eq!(null.accept(0), -1);
    refused(NULL_ENTRY, "set is NULL", libc::EINVAL);
    null.stop();
    assert_eq!(unsafe { biosock_listeners_unlink::<S>(null.0) }, 0);
    refused(NULL_ENTRY, "set is NULL", libc::EINVAL);
}

/// Like a prefork server: each worker has the set, and one of them stops it.
#[test]
fn a_stop_in_one_process_ends_the_workers_of_all() {
    let set = Set::on("127.0.0.1:0");
    let worker = |stops: bool| {
        // SAFETY: the child calls the library, which takes no lock here, and _exit(2).
        match unsafe { libc::fork() } {
            0 => {
                if stops {
                    set.stop();
                }
                let ended = set.accept(-1) == -1 && errno() == libc::ECANCELED;
                unsafe { libc::_exit(i32::from(!ended)) }
            }
            pid => pid,
        }
    };
    let workers = [worker(false), worker(false), worker(true)];
    let end = std::time::Instant::now() + Duration::from_secs(60);
    let statuses = workers.map(|pid| {
        let mut status = -1;
        while unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == 0 {
            if std::time::Instant::now() > end {
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            thread::sleep(Duration::from_millis(5));
        }
        status
    });
    assert_eq!((statuses, set.accept(-1), errno()), ([0; 3], -1, libc::ECANCELED));
}

/// Run by the next test, with strace failing every ioctl(2).
#[test]
fn taking_over_fails_late() {
    if std::env::var_os("BIOSOCK_TEST_WATCHED").is_none() {
        return;
    }
    let listeners = [TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0")];
    let fds = listeners.map(|listener| listener.expect("loopback").into_raw_fd());
    assert!(unsafe { biosock_listeners_take_over::<S>(fds.as_ptr(), 2) }.is_null());
    assert_eq!(errno(), libc::EPERM, "{:?}", queue());
    for fd in fds {
        assert_ne!(unsafe { libc::fcntl(fd, libc::F_GETFD) }, -1, "still open");
        close(fd);
    }
}

/// Even after all checks passed.
#[test]
fn descriptors_still_belong_to_the_caller_however_late_taking_over_fails() {
    use std::process::Command;
    let test = "descriptors_still_belong_to_the_caller_however_late_taking_over_fails";
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: {test}: strace is not installed");
        assert!(std::env::var_os("BIOSOCK_REQUIRE_ALL").is_none(), "strace is required here");
        return;
    }
    let program = std::env::current_exe().expect("its own path");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=ioctl:error=EPERM"]).arg(program);
    strace.args(["--exact", "taking_over_fails_late", "--test-threads=1"]).env("BIOSOCK_TEST_WATCHED", "1");
    let done = strace.output().expect("strace runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
