//! A peer that resets the connection at each stage of it.

use super::signals::{full_listener, quiet_pair};
use crate::blocked::{Watched, when_blocked};
use crate::interpose::errno_name;
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Kind, Place, State};
use libc::{c_int, time_t};
use std::ptr;

const TCP: [Kind; 2] = [Kind::Tcp4, Kind::Tcp6];

pub(crate) fn cases(run: &Run) {
    for kind in TCP {
        before_accept(run, kind);
        while_accepting(run, kind);
        after_connect(run, kind);
        after_accept(run, kind);
    }
    during_connect(run);
    if run.has("BIO_socket_wait") {
        while_waiting(run);
    }
}

/// Closes so that the peer gets a reset at once.
fn reset(fd: c_int) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let len = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: the value and its length belong together.
    unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), len) };
    world::close(fd);
}

/// Both ends of a connection: the one that connected, and the one that was accepted.
fn connection(r: &mut Record<'_>, kind: Kind) -> (c_int, c_int) {
    let (listener, place) = r.keep.listener(kind);
    let client = r.keep.make(kind, State::Fresh);
    world::connect(client, &place);
    world::ready(listener);
    // SAFETY: null pointers ask for no address.
    let accepted = unsafe { libc::accept(listener, ptr::null_mut(), ptr::null_mut()) };
    (client, accepted)
}

fn before_accept(run: &Run, kind: Kind) {
    for routine in ["BIO_accept_ex", "BIO_accept"] {
        for nonblocking in [false, true] {
            let mode = if nonblocking { "nonblocking" } else { "blocking" };
            run.risky(&format!("reset/before {routine}/{}/{mode}", kind.name()), |r| {
                let (listener, place) = r.keep.listener(kind);
                if nonblocking {
                    world::set_nonblocking(listener);
                }
                let client = kind.socket();
                world::connect(client, &place);
                world::ready(listener);
                reset(client);
                let api = *r.api;
                let mut from = Place::empty();
                let pointer = from.as_mut_addr();
                let call = format!("{routine}({mode} {}), its peer gone", kind.name());
                let fd = r.descriptor(call, || match routine {
                    "BIO_accept" => api.BIO_accept(listener, ptr::null_mut()),
                    _ => api.BIO_accept_ex(listener, pointer, 0),
                });
                use_it(r, fd);
            });
        }
    }
}

fn while_accepting(run: &Run, kind: Kind) {
    run.risky(&format!("reset/while accepting/{}", kind.name()), |r| {
        let (listener, place) = r.keep.listener(kind);
        let api = *r.api;
        let fd = r.descriptor(format!("BIO_accept_ex({}), its peer gone at once", kind.name()), || {
            let act = |_: &Watched| {
                let client = kind.socket();
                world::connect(client, &place);
                reset(client);
            };
            when_blocked(act, || api.BIO_accept_ex(listener, ptr::null_mut(), 0))
        });
        use_it(r, fd);
    });
}

fn after_accept(run: &Run, kind: Kind) {
    run.risky(&format!("reset/after accept/{}", kind.name()), |r| {
        let (client, accepted) = connection(r, kind);
        r.keep.keep(accepted);
        r.keep.forget(client);
        reset(client);
        use_it(r, accepted);
    });
}

/// The other way round: the client gets the error.
fn after_connect(run: &Run, kind: Kind) {
    run.risky(&format!("reset/after connect/{}", kind.name()), |r| {
        let (client, accepted) = connection(r, kind);
        reset(accepted);
        use_it(r, client);
    });
    run.risky(&format!("reset/after connect, connecting again/{}", kind.name()), |r| {
        let (client, accepted) = connection(r, kind);
        let place = Place::peer(client);
        reset(accepted);
        let api = *r.api;
        for turn in ["first", "second"] {
            let call = format!("BIO_connect(reset {}), {turn}", kind.name());
            r.int(call, || api.BIO_connect(client, place.as_addr(), 0));
        }
    });
}

/// Nothing here waits so long.
fn much_later() -> time_t {
    // SAFETY: time takes a null pointer.
    1000 + unsafe { libc::time(ptr::null_mut()) }
}

/// Every routine that such a socket may be given to.
fn use_it(r: &mut Record<'_>, fd: c_int) {
    let api = *r.api;
    r.int("BIO_set_tcp_ndelay(reset, 1)", || api.BIO_set_tcp_ndelay(fd, 1));
    r.int("BIO_socket_nbio(reset, 1)", || api.BIO_socket_nbio(fd, 1));
    for turn in ["first", "second"] {
        r.call(format!("BIO_sock_error(reset), {turn}"), errno_name, || api.BIO_sock_error(fd));
    }
    r.see_socket(fd);
    let mut place = Place::empty();
    let mut union = place.as_mut_addr();
    let pointer = (&raw mut union).cast();
    r.int("BIO_sock_info(reset)", || api.BIO_sock_info(fd, 0, pointer));
    r.int("BIO_accept_ex(reset)", || api.BIO_accept_ex(fd, ptr::null_mut(), 0));
    r.int("BIO_bind(reset)", || api.BIO_bind(fd, Place::v4([127, 0, 0, 1], 0).as_addr(), 0));
    // The number is free afterwards, and so not closed again with the case.
    r.keep.forget(fd);
    r.int("BIO_closesocket(reset)", || api.BIO_closesocket(fd));
}

/// A Unix listener whose queue is full makes connect wait, and then goes away.
fn during_connect(run: &Run) {
    run.risky("reset/during connect/unix", |r| {
        let (listener, place) = full_listener(r, Kind::Unix);
        let fd = r.keep.make(Kind::Unix, State::Fresh);
        r.keep.forget(listener);
        let api = *r.api;
        r.int("BIO_connect(unix), its listener gone", || {
            when_blocked(
                // The socket, whose descriptor the waiting thread still has, ends by shutdown.
                |_: &Watched| end_listener(listener),
                || api.BIO_connect(fd, place.as_addr(), 0),
            )
        });
        r.see_socket(fd);
        r.int("BIO_connect(unix), once more", || api.BIO_connect(fd, place.as_addr(), 0));
    });
}

fn end_listener(listener: c_int) {
    // SAFETY: shutting down a descriptor of the case's own.
    unsafe { libc::shutdown(listener, libc::SHUT_RDWR) };
    world::close(listener);
}

fn while_waiting(run: &Run) {
    let until = much_later();
    for kind in TCP {
        run.risky(&format!("reset/while waiting/{}", kind.name()), |r| {
            let (client, accepted) = connection(r, kind);
            let api = *r.api;
            r.int(format!("BIO_socket_wait({}, 1), reset", kind.name()), || {
                when_blocked(|_: &Watched| reset(accepted), || api.BIO_socket_wait(client, 1, until))
            });
            for for_read in [1, 0] {
                let call = format!("BIO_socket_wait(reset, {for_read}), once more");
                r.int(call, || api.BIO_socket_wait(client, for_read, until));
            }
            use_it(r, client);
        });
    }
    for for_read in [0, 1] {
        run.risky(&format!("reset/while waiting/unix/{for_read}"), |r| {
            let (fd, peer) = quiet_pair(r, for_read);
            r.keep.forget(peer);
            let api = *r.api;
            r.int(format!("BIO_socket_wait(unix, {for_read}), its peer gone"), || {
                when_blocked(|_: &Watched| world::close(peer), || api.BIO_socket_wait(fd, for_read, until))
            });
            r.call("BIO_sock_error(it)", errno_name, || api.BIO_sock_error(fd));
        });
    }
}
