//! Signals that arrive while a call waits, their handler with and without SA_RESTART.
//!
//! Nothing here goes by time: another thread sees that the call waits, and then acts.

use crate::blocked::{Watched, when_blocked};
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Kind, Place, State};
use libc::{c_int, time_t};
use std::ptr;

pub(crate) fn cases(run: &Run) {
    for restart in [false, true] {
        let mode = if restart { "SA_RESTART" } else { "no SA_RESTART" };
        accept(run, restart, mode);
        connect(run, restart, mode);
        if run.has("BIO_socket_wait") {
            wait(run, restart, mode);
        }
    }
}

extern "C" fn handle(_signal: c_int) {}

fn install(restart: bool) {
    // SAFETY: all fields of a sigaction may be zero.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handle as *const () as usize;
    action.sa_flags = if restart { libc::SA_RESTART } else { 0 };
    // SAFETY: the handler does nothing, the old action is not asked for.
    unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) };
}

/// Sends the signal; where the call is restarted, also lets it end.
fn interrupt(watched: &Watched, restart: bool, end: impl FnOnce()) {
    watched.signal(libc::SIGUSR1);
    if restart {
        watched.wait_until_blocked();
        end();
    }
}

fn accept(run: &Run, restart: bool, mode: &str) {
    for kind in [Kind::Tcp4, Kind::Unix] {
        for routine in ["BIO_accept_ex", "BIO_accept"] {
            run.risky(&format!("signal/{routine}/{}/{mode}", kind.name()), |r| {
                install(restart);
                let (listener, place) = r.keep.listener(kind);
                let client = r.keep.make(kind, State::Fresh);
                let api = *r.api;
                let call = format!("{routine}({}), interrupted, {mode}", kind.name());
                let mut from = Place::empty();
                let pointer = from.as_mut_addr();
                let fd = r.descriptor(call, || {
                    let act = |watched: &Watched| {
                        interrupt(watched, restart, || _ = world::connect(client, &place));
                    };
                    when_blocked(act, || match routine {
                        "BIO_accept" => api.BIO_accept(listener, ptr::null_mut()),
                        _ => api.BIO_accept_ex(listener, pointer, 0),
                    })
                });
                r.see_socket(fd);
                see_retry(r);
            });
        }
    }
}

/// A Unix listener whose queue is full makes connect wait.
fn connect(run: &Run, restart: bool, mode: &str) {
    run.risky(&format!("signal/BIO_connect/unix/{mode}"), |r| {
        install(restart);
        let (listener, place) = full_listener(r, Kind::Unix);
        let fd = r.keep.make(Kind::Unix, State::Fresh);
        let api = *r.api;
        r.int(format!("BIO_connect(unix), interrupted, {mode}"), || {
            let act = |watched: &Watched| interrupt(watched, restart, || take_one(listener));
            when_blocked(act, || api.BIO_connect(fd, place.as_addr(), 0))
        });
        see_retry(r);
        r.see_socket(fd);
    });
}

/// A listener that has as many clients as it takes.
pub(crate) fn full_listener(r: &mut Record<'_>, kind: Kind) -> (c_int, Place) {
    let (listener, place) = r.keep.listener(kind);
    // SAFETY: listening again on a listener changes its queue's length only.
    unsafe { libc::listen(listener, 0) };
    let client = r.keep.make(kind, State::Fresh);
    assert_eq!(world::connect(client, &place), 0, "the first client is taken");
    (listener, place)
}

fn take_one(listener: c_int) {
    // SAFETY: null pointers ask for no address.
    let fd = unsafe { libc::accept(listener, ptr::null_mut(), ptr::null_mut()) };
    world::close(fd);
}

/// poll(2) is never restarted by itself.
fn wait(run: &Run, restart: bool, mode: &str) {
    const LATER: time_t = 1000;
    for for_read in [0, 1] {
        run.risky(&format!("signal/BIO_socket_wait/{for_read}/{mode}"), |r| {
            install(restart);
            let (fd, _peer) = quiet_pair(r, for_read);
            let api = *r.api;
            // SAFETY: time takes a null pointer.
            let until = LATER + unsafe { libc::time(ptr::null_mut()) };
            r.int(format!("BIO_socket_wait(quiet, {for_read}), interrupted, {mode}"), || {
                let act = |watched: &Watched| watched.signal(libc::SIGUSR1);
                when_blocked(act, || api.BIO_socket_wait(fd, for_read, until))
            });
            see_retry(r);
        });
    }
}

/// A connected socket that has nothing to read, and for writing one that takes no more.
pub(crate) fn quiet_pair(r: &mut Record<'_>, for_read: c_int) -> (c_int, c_int) {
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, ends.as_mut_ptr()) };
    assert_eq!(made, 0, "this process can have no socket pair");
    for end in ends {
        r.keep.keep(end);
    }
    if for_read == 0 {
        let bytes = [0_u8; 4096];
        // SAFETY: the length given is the bytes'.
        while unsafe { libc::send(ends[0], bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) } > 0 {}
    }
    (ends[0], ends[1])
}

/// Whether the caller is to try again.
fn see_retry(r: &mut Record<'_>) {
    let errno = crate::interpose::errno();
    let retry = r.api.BIO_sock_non_fatal_error(errno);
    r.see("non fatal", retry);
}
