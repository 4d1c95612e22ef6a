//! No call of `<biosock.h>` leaks a descriptor, and a shortage of them loses no
//! connection. One test, as both concern the whole process.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "each call below passes what its function asks for"
)]

mod common;

use std::ffi::{c_int, c_void};
use std::net::TcpStream;
use std::{mem, ptr};

use biosock_capi::*;
use common::*;

fn open_descriptors() -> usize {
    // The open directory itself is always one more.
    std::fs::read_dir("/proc/self/fd").expect("it is there").count()
}

#[test]
fn descriptors_do_not_leak_and_a_shortage_loses_no_connection() {
    let round = || {
        dials();
        sets();
        shortage();
    };
    round();
    let before = open_descriptors();
    (0..20).for_each(|_| round());
    assert_eq!(open_descriptors(), before);
}

fn dials() {
    let (_listener, target) = listener();
    let zero: biosock_dial_options = unsafe { mem::zeroed() };
    let cancel = unsafe { biosock_cancel_new::<S>() };
    let mut report = ptr::null_mut();
    let usual = biosock_dial_options {
        size: size_of::<biosock_dial_options>(),
        cancel,
        report: &mut report,
        timeout_ms: 5000,
        ..zero
    };
    close(unsafe { biosock_dial::<S>(target.as_ptr(), &usual) });
    unsafe { biosock_report_free(report) };
    assert_eq!(unsafe { biosock_dial::<S>(c"127.0.0.1:1".as_ptr(), &usual) }, -1);
    unsafe { biosock_report_free(report) };
    unsafe { biosock_cancel_set(cancel) };
    assert_eq!(unsafe { biosock_dial::<S>(target.as_ptr(), &usual) }, -1);
    unsafe { biosock_report_free(report) };
    unsafe { biosock_cancel_free(cancel) };
    codes();
}

fn sets() {
    let set = unsafe { biosock_listen::<S>(c"localhost:0".as_ptr(), ptr::null()) };
    let mut copies = [-1; 8];
    assert_eq!(unsafe { biosock_listeners_inheritable::<S>(set, copies.as_mut_ptr(), 8) }, 1);
    unsafe { biosock_listeners_free(set) };
    let count = copies.iter().filter(|fd| **fd >= 0).count();
    let set = unsafe { biosock_listeners_take_over::<S>(copies.as_ptr(), count) };
    assert!(!set.is_null(), "{:?}", queue());
    unsafe { biosock_listeners_free(set) };
    assert!(unsafe { biosock_listen::<S>(c"203.0.113.1:0".as_ptr(), ptr::null()) }.is_null());
    codes();
}

/// What [`tell`] saw, and what it makes room with.
struct Seen {
    set: *const biosock_listeners,
    hoard: Vec<c_int>,
    troubles: Vec<(c_int, c_int)>,
    connections: Vec<c_int>,
}

unsafe extern "C" fn tell(user: *mut c_void, event: *const biosock_event) {
    let (seen, event) = unsafe { (&mut *user.cast::<Seen>(), &*event) };
    if event.sock == -1 {
        assert!(event.peer.is_null());
        seen.troubles.push((event.error, event.pause_ms));
        if seen.troubles.len() == 3 {
            seen.hoard.drain(..).for_each(close);
        }
        return;
    }
    seen.connections.push(event.sock);
    if seen.connections.len() == 2 {
        unsafe { biosock_listeners_stop(seen.set) };
    }
}

/// Uses up all descriptors, then closes some.
fn shortage() {
    let set = unsafe { biosock_listen::<S>(c"127.0.0.1:0".as_ptr(), ptr::null()) };
    let addr = Addr::new();
    assert_eq!(unsafe { biosock_listeners_addr::<S>(set, 0, addr.0) }, 1);
    let clients = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", addr.port())).expect("it listens"));
    let mut hoard = hoard();
    assert_eq!((unsafe { biosock_accept::<S>(set, ptr::null_mut(), 0, 1000) }, errno()), (-1, libc::EMFILE));
    assert_eq!(codes(), [system(libc::EMFILE), 0x1000_0064]);
    assert_eq!(biosock_accept_advice(libc::EMFILE), 2);

    assert!(unsafe { biosock_cancel_new::<S>() }.is_null());
    refused(system(libc::EMFILE), "calling eventfd()", libc::EMFILE);
    no_file_is_left(&mut hoard);

    let mut seen = Seen { set, hoard, troubles: Vec::new(), connections: Vec::new() };
    assert_eq!(unsafe { biosock_serve::<S>(set, 0, Some(tell), (&raw mut seen).cast()) }, 1);
    // The back-off continues from the previous accept's: 5 ms, then doubled each time.
    assert_eq!(seen.troubles, [(libc::EMFILE, 10), (libc::EMFILE, 20), (libc::EMFILE, 40)]);
    assert_eq!(seen.connections.len(), clients.len());
    seen.connections.into_iter().for_each(close);
    unsafe { biosock_listeners_free(set) };
}

/// A set with one descriptor too few leaves no socket file behind.
fn no_file_is_left(hoard: &mut Vec<c_int>) {
    hoard.pop().into_iter().for_each(close);
    let path = std::env::temp_dir().join(format!("biosock-none-{}", std::process::id()));
    let target = c(&format!("unix:{}", path.display()));
    assert!(unsafe { biosock_listen::<S>(target.as_ptr(), ptr::null()) }.is_null());
    assert_eq!((errno(), path.exists()), (libc::EMFILE, false));
    codes();
    hoard.push(unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 0) });
}

/// Uses up all descriptors of this process, under a lowered limit.
fn hoard() -> Vec<c_int> {
    let few = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &few) }, 0);
    let copy = || unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 0) };
    std::iter::repeat_with(copy).take_while(|fd| *fd >= 0).collect()
}
