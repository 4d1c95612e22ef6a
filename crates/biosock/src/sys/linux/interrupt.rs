//! Tests of calls interrupted by a signal, which need a handler without
//! SA_RESTART, and therefore unsafe code.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Interest, ListenOptions, Socket, SocketAddr, UnixAddr};

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SIGNALS.fetch_add(1, SeqCst);
}

fn handle_sigusr1() {
    // SAFETY: all zeros is a sigaction without flags (no SA_RESTART) and with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as *const () as usize;
    // SAFETY: `action` is initialised, its handler only increments an atomic, and the old action is not requested.
    let result = unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Runs `blocked` while its thread gets at least three signals, and then runs
/// `release` to let it end.
fn interrupted<T>(release: impl FnOnce() + Send, blocked: impl FnOnce() -> T) -> T {
    handle_sigusr1();
    // SAFETY: pthread_self has no preconditions.
    let target = unsafe { libc::pthread_self() };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let before = SIGNALS.load(SeqCst);
            while SIGNALS.load(SeqCst) < before + 3 && !done.load(SeqCst) {
                // SAFETY: the target thread waits for this scope, so it is alive.
                assert_eq!(unsafe { libc::pthread_kill(target, libc::SIGUSR1) }, 0);
                thread::sleep(Duration::from_millis(5));
            }
            release();
        });
        let result = blocked();
        done.store(true, SeqCst);
        result
    })
}

fn listener(backlog: u32) -> Socket {
    listener_at(&"127.0.0.1:0".parse().unwrap(), backlog)
}

fn listener_at(any: &SocketAddr, backlog: u32) -> Socket {
    let listener = Socket::stream_for(any).unwrap();
    listener.listen_with(any, &ListenOptions::new().backlog(backlog)).unwrap();
    listener
}

fn client(of: &Socket) -> Socket {
    let addr = of.local_addr().unwrap();
    let client = Socket::stream_for(&addr).unwrap();
    client.connect(&addr).unwrap();
    client
}

#[test]
fn accept_is_retried() {
    let listener = listener(1);
    let connect = || drop(client(&listener));
    let (_accepted, peer) = interrupted(connect, || listener.accept()).unwrap();
    assert!(peer.ip().unwrap().is_loopback());
}

/// By TCP the system goes on connecting after a signal; for room in the queue of a
/// Unix listener it does not go on waiting.
#[test]
fn connect_is_completed() {
    for any in ["127.0.0.1:0".parse().unwrap(), SocketAddr::from(UnixAddr::unnamed())] {
        let listener = listener_at(&any, 0);
        let addr = listener.local_addr().unwrap();
        // A queue of one is now full: the next connect has to wait for room.
        let _first = client(&listener);
        let socket = Socket::stream_for(&addr).unwrap();
        let make_room = || drop(listener.accept().unwrap());
        interrupted(make_room, || socket.connect(&addr)).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), addr);
    }
}

#[test]
fn read_and_write_are_retried() {
    let listener = listener(1);
    let mut client = client(&listener);
    let (server, _) = listener.accept().unwrap();
    let mut byte = [0];
    let send = || assert_eq!((&server).write(b"x").unwrap(), 1);
    assert_eq!(interrupted(send, || client.read(&mut byte)).unwrap(), 1);
}

#[test]
fn wait_keeps_its_timeout() {
    let listener = listener(1);
    let start = Instant::now();
    let ready = interrupted(|| {}, || listener.wait(Interest::Read, Some(Duration::from_millis(200))));
    assert!(!ready.unwrap());
    assert!(start.elapsed() >= Duration::from_millis(200), "ended early, after {:?}", start.elapsed());
}

#[test]
fn the_fd_functions_return_the_interruption() {
    use std::os::fd::AsFd;
    let listener = listener(1);
    let accept = || crate::fd::accept(listener.as_fd(), crate::fd::Options::empty());
    let error = interrupted(|| {}, accept).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINTR));
    assert!(error.is_retryable());
}
