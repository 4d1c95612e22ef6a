//! biosock_dial(3), biosock_report(3), biosock_cancel(3) and biosock_memory(3),
//! called as from C.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "each call below passes what its function asks for"
)]

mod common;

use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;
use std::{mem, ptr, thread};

use biosock_capi::*;
use common::*;

/// Like the INIT macro: the size, and 0.
fn options() -> biosock_dial_options {
    let zero: biosock_dial_options = unsafe { mem::zeroed() };
    biosock_dial_options { size: size_of::<biosock_dial_options>(), ..zero }
}

fn dial(target: &CString, options: &biosock_dial_options) -> c_int {
    unsafe { biosock_dial::<S>(target.as_ptr(), options) }
}

/// Fails, with this message in one entry.
#[track_caller]
fn refuses(options: &biosock_dial_options, says: &str) {
    assert_eq!(dial(&c("127.0.0.1:1"), options), -1);
    refused(INVALID, says, libc::EINVAL);
}

#[test]
fn a_connection_is_ready_for_use_and_errno_is_preserved() {
    let (listener, target) = listener();
    set_errno(libc::EPIPE);
    let sock = unsafe { biosock_dial::<S>(target.as_ptr(), ptr::null()) };
    assert!(sock >= 0, "{:?}", queue());
    assert_eq!((errno(), codes()), (libc::EPIPE, vec![]));
    assert_eq!(flags(sock), (true, false), "CLOEXEC, blocking");
    listener.accept().expect("it is there");
    close(sock);
}

#[test]
fn flags_apply_to_the_connected_socket() {
    let (_listener, target) = listener();
    let sock = dial(&target, &biosock_dial_options { options: INHERIT | 0x08 | 0x10 | 0x04, ..options() });
    assert_eq!(flags(sock), (false, true), "inherited, non-blocking");
    let mut set: c_int = 0;
    for (level, name) in [(libc::IPPROTO_TCP, libc::TCP_NODELAY), (libc::SOL_SOCKET, libc::SO_KEEPALIVE)] {
        let mut length = size_of::<c_int>() as libc::socklen_t;
        unsafe { libc::getsockopt(sock, level, name, (&raw mut set).cast(), &mut length) };
        assert_eq!(set, 1);
    }
    close(sock);
}

#[test]
fn keep_alive_times_are_rounded_up_to_seconds() {
    let (_listener, target) = listener();
    let times = biosock_dial_options {
        keepalive_idle_ms: 1001,
        keepalive_interval_ms: 1,
        keepalive_probes: 3,
        ..options()
    };
    let sock = dial(&target, &times);
    for (name, wanted) in [(libc::TCP_KEEPIDLE, 2), (libc::TCP_KEEPINTVL, 1), (libc::TCP_KEEPCNT, 3)] {
        let (mut set, mut length): (c_int, _) = (0, size_of::<c_int>() as libc::socklen_t);
        unsafe { libc::getsockopt(sock, libc::IPPROTO_TCP, name, (&raw mut set).cast(), &mut length) };
        assert_eq!(set, wanted);
    }
    close(sock);
}

#[test]
fn each_failed_attempt_and_the_dial_itself_is_an_entry() {
    let closed = [closed_port(), closed_port()];
    let addrs = [Addr::v4(closed[0].1), Addr::v4(closed[1].1)];
    let pointers = [addrs[0].0.cast_const(), addrs[1].0.cast_const()];
    let sock = unsafe { biosock_dial_addrs::<S>(pointers.as_ptr(), 2, ptr::null()) };
    assert_eq!((sock, errno()), (-1, libc::ECONNREFUSED));
    let queue = queue();
    let codes: Vec<_> = queue.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [system(libc::ECONNREFUSED), system(libc::ECONNREFUSED), CONNECT]);
    for ((_, port), (_, data)) in closed.iter().zip(&queue) {
        assert!(data.starts_with(&format!("calling connect() for 127.0.0.1:{port}, at 0.")), "{data}");
    }
    assert!(queue[2].1.ends_with("no address answered"), "{}", queue[2].1);
}

#[test]
fn each_address_of_a_lookup_is_dialled_once() {
    let (_kept, port) = closed_port();
    let chain = Chain::of(c"127.0.0.1", &port.to_string(), 0);
    assert_eq!(unsafe { biosock_dial_addrinfo::<S>(chain.0, ptr::null()) }, -1);
    assert_eq!(codes(), [system(libc::ECONNREFUSED), CONNECT]);
    let (listener, _) = listener();
    let chain = Chain::of(c"127.0.0.1", &port_of(&listener).to_string(), libc::SOCK_STREAM);
    let sock = unsafe { biosock_dial_addrinfo::<S>(chain.0, ptr::null()) };
    assert!(sock >= 0);
    close(sock);
}

#[test]
fn no_address_is_a_failed_dial() {
    assert_eq!(unsafe { biosock_dial_addrs::<S>(ptr::null(), 0, ptr::null()) }, -1);
    refused(CONNECT, "no address found", libc::ENOENT);
    assert_eq!(unsafe { biosock_dial_addrinfo::<S>(ptr::null(), ptr::null()) }, -1);
    refused(CONNECT, "no address found", libc::ENOENT);
}

#[test]
fn an_error_names_the_null_argument() {
    assert_eq!(unsafe { biosock_dial::<S>(ptr::null(), ptr::null()) }, -1);
    refused(NULL_ENTRY, "target is NULL", libc::EINVAL);
    assert_eq!(unsafe { biosock_dial_addrs::<S>(ptr::null(), 1, ptr::null()) }, -1);
    refused(NULL_ENTRY, "addrs is NULL", libc::EINVAL);
    assert_eq!(unsafe { biosock_dial_addrs::<S>(&ptr::null(), 1, ptr::null()) }, -1);
    refused(NULL_ENTRY, "an address is NULL", libc::EINVAL);
}

#[test]
fn an_address_without_a_family_is_refused() {
    let addr = Addr::new();
    assert_eq!(unsafe { biosock_dial_addrs::<S>(&addr.0.cast_const(), 1, ptr::null()) }, -1);
    refused(INVALID, "address family 0 is not", libc::EINVAL);
}

#[test]
fn an_invalid_target_is_one_entry() {
    for (target, code) in [("a:b:c", 0x1000_0081), ("[::1", 0x1000_0082), ("localhost", 0x1000_0071)] {
        assert_eq!(dial(&c(target), &options()), -1);
        refused(code, &format!("dial {target}: "), libc::EINVAL);
    }
    assert_eq!(dial(&CString::new(b"h\xffst:1".to_vec()).expect("no NUL"), &options()), -1);
    refused(INVALID, r"target is invalid UTF-8: h\xffst:1", libc::EINVAL);
}

#[test]
fn a_failed_lookup_is_an_entry_for_each_family() {
    assert_eq!(dial(&c("127.0.0.1:no-such-service"), &options()), -1);
    assert_eq!(errno(), libc::ENOENT);
    let queue = queue();
    let codes: Vec<_> = queue.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [SYSTEM_LIBRARY, SYSTEM_LIBRARY, CONNECT]);
    assert!(queue[0].1.contains(" lookup: "), "{queue:?}");
}

#[test]
fn a_size_that_was_never_set_is_refused() {
    for size in [0, 4, 7, 12, 5000, usize::MAX] {
        refuses(&biosock_dial_options { size, ..options() }, &format!("invalid size {size}"));
    }
}

/// Options of a later version, longer than this one's.
#[repr(C)]
struct Later {
    known: biosock_dial_options,
    more: [usize; 2],
}

#[test]
fn older_and_newer_callers_are_supported() {
    let (_listener, target) = listener();
    let size = size_of::<Later>();
    let mut later = Later { known: biosock_dial_options { size, ..options() }, more: [0; 2] };
    let sock = dial(&target, &later.known);
    assert!(sock >= 0, "{:?}", queue());
    close(sock);
    later.more[1] = 1;
    assert_eq!(unsafe { biosock_dial::<S>(target.as_ptr(), (&raw const later).cast()) }, -1);
    refused(INVALID, "fields that this version lacks", libc::EINVAL);

    // Nothing beyond an older caller's structure is read.
    let older = biosock_dial_options { size: 16, attempt_delay_ms: -1, family: 99, ..options() };
    let sock = dial(&target, &older);
    assert!(sock >= 0, "{:?}", queue());
    close(sock);
}

#[test]
fn an_error_names_the_invalid_setting() {
    refuses(&biosock_dial_options { options: 0x40, ..options() }, "0x40");
    refuses(&biosock_dial_options { timeout_ms: -1, ..options() }, "timeout_ms is -1");
    refuses(&biosock_dial_options { attempt_delay_ms: -5, ..options() }, "attempt_delay_ms is -5");
    refuses(&biosock_dial_options { max_attempts: -2, ..options() }, "max_attempts is -2");
    refuses(&biosock_dial_options { family: libc::AF_UNIX, ..options() }, "family 1");
    refuses(&biosock_dial_options { socktype: libc::SOCK_RAW, ..options() }, "socktype 3");
    refuses(&biosock_dial_options { keepalive_idle_ms: -1, ..options() }, "keepalive_idle_ms");
    refuses(&biosock_dial_options { keepalive_interval_ms: -1, ..options() }, "keepalive_interval_ms");
    refuses(&biosock_dial_options { keepalive_probes: -1, ..options() }, "keepalive_probes");
    let (v4, v6, bytes) = (c("192.0.2"), c("::g"), c"\xff");
    refuses(&biosock_dial_options { source_v4: v4.as_ptr(), ..options() }, "192.0.2");
    refuses(&biosock_dial_options { source_v6: v6.as_ptr(), ..options() }, "::g");
    refuses(&biosock_dial_options { device: bytes.as_ptr(), ..options() }, r"device is invalid UTF-8: \xff");
}

#[test]
fn source_and_device_are_used() {
    let (listener, target) = listener();
    let source = c("127.0.0.2");
    let sock = dial(&target, &biosock_dial_options { source_v4: source.as_ptr(), ..options() });
    assert_eq!(listener.accept().expect("it is there").1.ip().to_string(), "127.0.0.2");
    close(sock);
    let device = c("no-such-device");
    assert_eq!(dial(&target, &biosock_dial_options { device: device.as_ptr(), ..options() }), -1);
    let queue = queue();
    assert_eq!(queue.last().map(|(code, _)| *code), Some(CONNECT));
    assert!(queue[0].1.starts_with("calling setsockopt() for 127.0.0.1:"), "{queue:?}");
    assert!(queue[0].1.contains("SO_BINDTODEVICE to no-such-device"), "{queue:?}");
}

#[test]
fn datagrams_and_multipath_tcp_are_supported() {
    let (_listener, target) = listener();
    let sock = dial(&target, &biosock_dial_options { socktype: libc::SOCK_DGRAM, ..options() });
    let (mut socktype, mut length): (c_int, _) = (0, size_of::<c_int>() as libc::socklen_t);
    let name = libc::SO_TYPE;
    unsafe { libc::getsockopt(sock, libc::SOL_SOCKET, name, (&raw mut socktype).cast(), &mut length) };
    assert_eq!(socktype, libc::SOCK_DGRAM);
    close(sock);
    let sock = dial(&target, &biosock_dial_options { options: 0x0200_0000, ..options() });
    assert!(sock >= 0, "TCP where the kernel has no MPTCP: {:?}", queue());
    close(sock);
}

#[test]
fn a_unix_path_may_have_any_bytes() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(std::ffi::OsStr::from_bytes(b"s\xff"));
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("listening");
    let target = CString::new([b"unix:", path.as_os_str().as_bytes()].concat()).expect("no NUL");
    let sock = dial(&target, &options());
    assert!(sock >= 0, "{:?}", queue());
    close(sock);
    drop(listener);
    assert_eq!((dial(&target, &options()), errno()), (-1, libc::ECONNREFUSED));
    assert_eq!(codes(), [system(libc::ECONNREFUSED), CONNECT]);
}

#[test]
fn at_the_deadline_each_unfinished_attempt_is_an_entry() {
    let silent = Silent::new();
    let mut report = ptr::null_mut();
    let sock =
        dial(&silent.target(), &biosock_dial_options { timeout_ms: 30, report: &mut report, ..options() });
    assert_eq!((sock, errno()), (-1, libc::ETIMEDOUT));
    let queue = queue();
    let codes: Vec<_> = queue.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [system(libc::ETIMEDOUT), CONNECT]);
    assert!(queue[0].1.ends_with(": no answer"), "{queue:?}");
    let line = attempt(report, 0);
    assert_eq!((line.outcome, line.error, text(line.text).as_deref()), (3, 0, Some("no answer")));
    assert!(line.took_us >= 29_000 && unsafe { biosock_report_elapsed_us(report) } >= 29_000);
    unsafe { biosock_report_free(report) };
}

#[test]
fn another_thread_can_cancel_a_dial() {
    let silent = Silent::new();
    let cancel = unsafe { biosock_cancel_new::<S>() };
    let shared = AtomicPtr::new(cancel);
    let sock = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            unsafe { biosock_cancel_set(shared.load(Ordering::Relaxed)) };
        });
        dial(&silent.target(), &biosock_dial_options { cancel, ..options() })
    });
    assert_eq!((sock, errno()), (-1, libc::ECANCELED));
    assert_eq!(codes(), [system(libc::ECANCELED), CONNECT]);
    assert_eq!(unsafe { biosock_cancel_is_set(cancel) }, 1);
    assert_eq!(
        (dial(&silent.target(), &biosock_dial_options { cancel, ..options() }), errno()),
        (-1, libc::ECANCELED)
    );
    assert_eq!(codes(), [CONNECT]);
    unsafe { biosock_cancel_free(cancel) };
}

static BY_SIGNAL: AtomicPtr<biosock_cancel> = AtomicPtr::new(ptr::null_mut());

extern "C" fn on_signal(_: c_int) {
    unsafe { biosock_cancel_set(BY_SIGNAL.load(Ordering::Relaxed)) };
}

#[test]
fn a_signal_handler_can_cancel_a_dial() {
    let silent = Silent::new();
    let cancel = unsafe { biosock_cancel_new::<S>() };
    BY_SIGNAL.store(cancel, Ordering::Relaxed);
    let own = unsafe { libc::pthread_self() };
    unsafe { libc::signal(libc::SIGUSR1, on_signal as *const () as libc::sighandler_t) };
    let sock = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            unsafe { libc::pthread_kill(own, libc::SIGUSR1) };
        });
        dial(&silent.target(), &biosock_dial_options { cancel, ..options() })
    });
    assert_eq!((sock, errno()), (-1, libc::ECANCELED));
    codes();
    set_errno(libc::EPIPE);
    unsafe { libc::raise(libc::SIGUSR1) };
    assert_eq!(errno(), libc::EPIPE, "the handler leaves errno");
    unsafe { biosock_cancel_free(cancel) };
}

#[test]
fn null_is_accepted_for_optional_arguments() {
    unsafe {
        biosock_cancel_set(ptr::null());
        biosock_cancel_free(ptr::null_mut());
        biosock_memory_free(ptr::null_mut());
        biosock_report_free(ptr::null_mut());
        assert_eq!(biosock_cancel_is_set(ptr::null()), 0);
        assert_eq!((biosock_report_attempts(ptr::null()), biosock_report_lookups(ptr::null())), (0, 0));
        assert_eq!(biosock_report_elapsed_us(ptr::null()), 0);
        assert!(biosock_report_text(ptr::null()).is_null() && biosock_report_hint(ptr::null()).is_null());
    }
    assert_eq!(codes(), []);
}

#[test]
fn the_number_of_lookup_threads_is_read_and_set() {
    set_errno(libc::EPIPE);
    let before = biosock_lookup_threads(0);
    assert_eq!(biosock_lookup_threads(before + 1), before);
    assert_eq!(biosock_lookup_threads(0), before + 1, "0 only asks");
    assert_eq!(biosock::dial::lookup_threads(), before + 1);
    assert_eq!(biosock_lookup_threads(before), before + 1);
    assert_eq!((errno(), codes()), (libc::EPIPE, vec![]));
}

/// Like the INIT macro, then filled in.
fn attempt(report: *mut biosock_report, index: usize) -> biosock_attempt {
    let mut attempt: biosock_attempt = unsafe { mem::zeroed() };
    attempt.size = size_of::<biosock_attempt>();
    assert_eq!(unsafe { biosock_report_attempt::<S>(report, index, &mut attempt) }, 1, "{:?}", queue());
    attempt
}

#[test]
fn the_report_describes_a_success() {
    let (listener, _) = listener();
    let target = c(&format!("localhost:{}", port_of(&listener)));
    let mut report = ptr::null_mut();
    let sock =
        dial(&target, &biosock_dial_options { report: &mut report, family: libc::AF_INET, ..options() });
    assert!(sock >= 0, "{:?}", queue());
    assert_eq!(unsafe { (biosock_report_lookups(report), biosock_report_attempts(report)) }, (1, 1));
    let mut lookup: biosock_lookup = unsafe { mem::zeroed() };
    lookup.size = size_of::<biosock_lookup>();
    assert_eq!(unsafe { biosock_report_lookup::<S>(report, 0, &mut lookup) }, 1);
    assert_eq!((lookup.family, lookup.found), (libc::AF_INET, 1));
    assert!(lookup.took_us >= 0);
    let line = attempt(report, 0);
    assert_eq!((line.outcome, line.error, text(line.text).as_deref()), (1, 0, Some("connected")));
    assert_eq!(text(line.addr_text).as_deref(), Some(&*format!("127.0.0.1:{}", port_of(&listener))));
    assert_eq!(u16::from_be(unsafe { BIO_ADDR_rawport::<S>(line.addr) }), port_of(&listener));
    assert!(text(unsafe { biosock_report_text(report) }).is_some_and(|text| text.ends_with("connected")));
    assert!(unsafe { biosock_report_hint(report) }.is_null());
    unsafe { biosock_report_free(report) };
    close(sock);
}

#[test]
fn the_report_describes_a_failure() {
    let (_kept, port) = closed_port();
    let mut report = ptr::null_mut();
    let sock =
        dial(&c(&format!("127.0.0.1:{port}")), &biosock_dial_options { report: &mut report, ..options() });
    assert_eq!((sock, codes().len()), (-1, 2));
    let line = attempt(report, 0);
    assert_eq!((line.outcome, line.error), (2, libc::ECONNREFUSED));
    assert_eq!(text(line.text).as_deref(), Some("connection refused (ECONNREFUSED)"));
    let whole = text(unsafe { biosock_report_text(report) }).expect("there is one");
    assert!(whole.starts_with(&format!("dial 127.0.0.1:{port}: no address answered\n")), "{whole}");
    assert!(text(unsafe { biosock_report_hint(report) }).is_some_and(|hint| hint.contains("port")));

    let mut none: biosock_attempt = unsafe { mem::zeroed() };
    none.size = size_of::<biosock_attempt>();
    assert_eq!(unsafe { biosock_report_attempt::<S>(report, 1, &mut none) }, 0);
    refused(INVALID, "no attempt 1; there are 1", libc::EINVAL);
    assert_eq!(unsafe { biosock_report_lookup::<S>(report, 0, ptr::null_mut()) }, 0);
    refused(INVALID, "no lookup 0; there are 0", libc::EINVAL);
    assert_eq!(unsafe { biosock_report_attempt::<S>(report, 0, ptr::null_mut()) }, 0);
    refused(NULL_ENTRY, "biosock_attempt is NULL", libc::EINVAL);
    assert_eq!(unsafe { biosock_report_attempt::<S>(ptr::null(), 0, &mut none) }, 0);
    refused(NULL_ENTRY, "report is NULL", libc::EINVAL);
    unsafe { biosock_report_free(report) };
}

/// Set in the process that runs in a network namespace.
const IN_A_NETWORK: &str = "BIOSOCK_TEST_IN_A_NETWORK";

/// In a network with so few ports that the OS soon assigns the socket the port
/// that it dials.
#[test]
fn a_connection_to_itself_is_a_refusal() {
    const NAME: &str = "a_connection_to_itself_is_a_refusal";
    if std::env::var_os(IN_A_NETWORK).is_some() {
        return refuse_itself();
    }
    let inside =
        "ip link set lo up && echo 40000 40003 >/proc/sys/net/ipv4/ip_local_port_range && exec \"$@\"";
    let mut command = std::process::Command::new("unshare");
    command.args(["-n", "sh", "-c", inside, "sh"]).arg(std::env::current_exe().unwrap());
    let copy = command.args(["--exact", NAME]).env(IN_A_NETWORK, "1").output();
    let ran =
        copy.as_ref().is_ok_and(|copy| String::from_utf8_lossy(&copy.stdout).contains("running 1 test"));
    if !ran {
        println!("skipped: {NAME}: unshare -n is not permitted, or ip is not installed");
        let required = std::env::var_os("BIOSOCK_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "skipped: {NAME}: {copy:?}, and BIOSOCK_REQUIRE_ALL=1 forbids it");
        return;
    }
    let copy = copy.unwrap();
    assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stdout));
}

fn refuse_itself() {
    let target = c("127.0.0.1:40002");
    let mut met = 0;
    for _ in 0..32 {
        let mut report = ptr::null_mut();
        let sock = dial(&target, &biosock_dial_options { report: &mut report, ..options() });
        assert_eq!((sock, errno()), (-1, libc::ECONNREFUSED));
        assert_eq!(codes(), [system(libc::ECONNREFUSED), CONNECT]);
        let line = attempt(report, 0);
        assert_eq!((line.outcome, line.error), (2, libc::ECONNREFUSED));
        let said = text(line.text).expect("there is one");
        met += usize::from(said == "connected to itself: nothing listens there");
        unsafe { biosock_report_free(report) };
    }
    assert!(met > 0, "the network has too many ports");
}

#[test]
fn invalid_settings_give_no_report() {
    let mut report = ptr::dangling_mut();
    refuses(&biosock_dial_options { report: &mut report, family: 99, ..options() }, "family 99");
    assert!(report.is_null());
}

/// An attempt in a later version.
#[repr(C)]
struct LaterAttempt {
    known: biosock_attempt,
    more: usize,
}

#[test]
fn older_and_newer_callers_get_attempts() {
    let (_kept, port) = closed_port();
    let mut report = ptr::null_mut();
    dial(&c(&format!("127.0.0.1:{port}")), &biosock_dial_options { report: &mut report, ..options() });
    codes();
    let mut later: LaterAttempt = unsafe { mem::zeroed() };
    (later.known.size, later.more) = (size_of::<LaterAttempt>(), 7);
    assert_eq!(unsafe { biosock_report_attempt::<S>(report, 0, (&raw mut later).cast()) }, 1);
    assert_eq!((later.known.size, later.known.outcome, later.more), (size_of::<LaterAttempt>(), 2, 0));

    let mut older: biosock_attempt = unsafe { mem::zeroed() };
    (older.size, older.outcome) = (24, 99);
    assert_eq!(unsafe { biosock_report_attempt::<S>(report, 0, &mut older) }, 1);
    assert!(!older.addr_text.is_null() && older.text.is_null());
    assert_eq!((older.size, older.outcome), (24, 99), "nothing beyond its size is written");
    older.size = 0;
    assert_eq!(unsafe { biosock_report_attempt::<S>(report, 0, &mut older) }, 0);
    refused(INVALID, "BIOSOCK_ATTEMPT_INIT", libc::EINVAL);
    unsafe { biosock_report_free(report) };
}

#[test]
fn a_history_puts_what_worked_first() {
    let (listener, _) = listener();
    let (_kept, closed) = closed_port();
    let addrs = [Addr::v4(closed), Addr::v4(port_of(&listener))];
    let pointers = [addrs[0].0.cast_const(), addrs[1].0.cast_const()];
    let memory = biosock_memory_new(16);
    for tried in [2, 1] {
        let mut report = ptr::null_mut();
        let options = biosock_dial_options { memory, report: &mut report, ..options() };
        let sock = unsafe { biosock_dial_addrs::<S>(pointers.as_ptr(), 2, &options) };
        assert_eq!(unsafe { biosock_report_attempts(report) }, tried);
        unsafe { biosock_report_free(report) };
        close(sock);
    }
    unsafe { biosock_memory_free(memory) };
}

#[test]
fn the_maximum_number_of_attempts_is_obeyed() {
    let closed = [closed_port(), closed_port()];
    let addrs = [Addr::v4(closed[0].1), Addr::v4(closed[1].1)];
    let pointers = [addrs[0].0.cast_const(), addrs[1].0.cast_const()];
    let once = biosock_dial_options { max_attempts: 1, resolution_delay_ms: -1, ..options() };
    assert_eq!(unsafe { biosock_dial_addrs::<S>(pointers.as_ptr(), 2, &once) }, -1);
    assert_eq!(codes(), [system(libc::ECONNREFUSED), CONNECT]);
}

#[test]
fn the_queue_keeps_the_latest_entries() {
    let closed: Vec<_> = std::iter::repeat_with(closed_port).take(20).collect();
    let addrs: Vec<_> = closed.iter().map(|(_, port)| Addr::v4(*port)).collect();
    let pointers: Vec<_> = addrs.iter().map(|addr| addr.0.cast_const()).collect();
    assert_eq!(unsafe { biosock_dial_addrs::<S>(pointers.as_ptr(), pointers.len(), ptr::null()) }, -1);
    let codes = codes();
    assert_eq!((codes.len(), codes.last()), (15, Some(&CONNECT)));
}
