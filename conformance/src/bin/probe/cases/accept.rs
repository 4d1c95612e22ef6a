//! `BIO_accept_ex`.

use super::flag_words;
use crate::run::Run;
use crate::world::{self, Kind, Place, State};
use libc::c_int;

const FLAGS: [c_int; 10] = [0, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x1f, 0x3f, !0x3f];

pub(crate) fn cases(run: &Run) {
    for kind in [Kind::Tcp4, Kind::Tcp6, Kind::Unix] {
        for flags in FLAGS {
            for nonblocking in [false, true] {
                for peer in [false, true] {
                    pending(run, kind, flags, nonblocking, peer);
                }
            }
        }
        nothing_pending(run, kind);
        gone(run, kind);
    }
    wrong_states(run);
}

fn pending(run: &Run, kind: Kind, flags: c_int, nonblocking: bool, peer: bool) {
    let (name, words) = (kind.name(), flag_words(flags));
    let mode = if nonblocking { "nonblocking" } else { "blocking" };
    let who = if peer { "peer" } else { "NULL" };
    run.case(&format!("accept_ex/{name}/{mode}/{who}/{words}"), |r| {
        let (listener, place) = r.keep.listener(kind);
        if nonblocking {
            world::set_nonblocking(listener);
        }
        let client = r.keep.make(kind, State::Bound);
        world::connect(client, &place);
        world::ready(listener);
        let mut from = Place::empty();
        from.bytes = [0xaa; world::ADDR_LEN];
        let pointer = if peer { from.as_mut_addr() } else { std::ptr::null_mut() };
        let api = r.api;
        let call = format!("BIO_accept_ex({mode} {name}, {who}, {words})");
        let fd = r.descriptor(call, || api.BIO_accept_ex(listener, pointer, flags));
        r.see_socket(fd);
        if peer {
            r.see("peer", from.words());
        }
    });
}

fn nothing_pending(run: &Run, kind: Kind) {
    let name = kind.name();
    run.case(&format!("accept_ex/{name}/nothing pending"), |r| {
        let (listener, _) = r.keep.listener(kind);
        world::set_nonblocking(listener);
        let mut from = Place::empty();
        let api = r.api;
        let pointer = from.as_mut_addr();
        let call = format!("BIO_accept_ex(nonblocking {name}, peer, 0), nothing pending");
        r.descriptor(call, || api.BIO_accept_ex(listener, pointer, 0));
        r.see("peer", from.words());
        r.see_socket(listener);
    });
}

/// The peer resets before it is accepted.
fn gone(run: &Run, kind: Kind) {
    let name = kind.name();
    run.case(&format!("accept_ex/{name}/peer gone"), |r| {
        let (listener, place) = r.keep.listener(kind);
        world::set_nonblocking(listener);
        let client = kind.socket();
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the value and its length belong together.
        unsafe {
            libc::setsockopt(
                client,
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            )
        };
        world::connect(client, &place);
        world::ready(listener);
        world::close(client);
        let mut from = Place::empty();
        let api = r.api;
        let pointer = from.as_mut_addr();
        let call = format!("BIO_accept_ex(nonblocking {name}, peer, 0), peer gone");
        r.descriptor(call, || api.BIO_accept_ex(listener, pointer, 0));
    });
}

fn wrong_states(run: &Run) {
    for (kind, state, id, socket) in super::sockets() {
        if state == State::Listening && kind.is_stream() {
            continue;
        }
        for flags in [0, super::NONBLOCK] {
            let words = flag_words(flags);
            run.case(&format!("accept_ex/{id}/{words}"), |r| {
                let fd = r.keep.make(kind, state);
                let mut from = Place::empty();
                from.bytes = [0xaa; world::ADDR_LEN];
                let pointer = from.as_mut_addr();
                let api = r.api;
                let call = format!("BIO_accept_ex({socket}, peer, {words})");
                r.descriptor(call, || api.BIO_accept_ex(fd, pointer, flags));
                r.see_socket(fd);
                r.see("peer", from.words());
            });
        }
    }
}
