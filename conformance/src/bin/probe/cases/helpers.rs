//! The helpers: `BIO_sock_*`, `BIO_socket_*`, `BIO_set_tcp_ndelay`.

use super::sockets;
use crate::api::Api;
use crate::interpose::{self, errno_name};
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Kind, LOOPBACK6, Place, State};
use libc::{c_int, c_void, time_t};
use std::ptr;

pub(crate) fn cases(run: &Run) {
    init(run);
    modes(run);
    sock_error(run);
    sock_info(run);
    retry(run);
    ioctl(run);
    if run.has("BIO_socket_wait") {
        wait(run);
    }
}

/// Whether a number is an open descriptor.
pub(crate) fn is_open(fd: c_int) -> bool {
    // SAFETY: F_GETFD takes no argument.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

fn init(run: &Run) {
    run.case("sock_init", |r| {
        let api = r.api;
        r.int("BIO_sock_init()", || api.BIO_sock_init());
        r.int("BIO_sock_init(), again", || api.BIO_sock_init());
    });
}

/// `BIO_socket_nbio` and `BIO_set_tcp_ndelay`.
fn modes(run: &Run) {
    type Mode = fn(&Api, c_int, c_int) -> c_int;
    const MODES: [(&str, Mode); 2] =
        [("socket_nbio", Api::BIO_socket_nbio), ("set_tcp_ndelay", Api::BIO_set_tcp_ndelay)];
    for (kind, state, id, socket) in sockets() {
        for value in [0, 1, 2, -1, 256] {
            for (name, function) in MODES {
                run.case(&format!("{name}/{id}/{value}"), |r| {
                    let fd = r.keep.make(kind, state);
                    let api = r.api;
                    r.int(format!("BIO_{name}({socket}, {value})"), || function(api, fd, value));
                    r.see_socket(fd);
                });
            }
        }
    }
}

fn sock_error(run: &Run) {
    for (kind, state, id, socket) in sockets() {
        run.case(&format!("sock_error/{id}"), |r| {
            let fd = r.keep.make(kind, state);
            let api = r.api;
            r.call(format!("BIO_sock_error({socket})"), errno_name, || api.BIO_sock_error(fd));
        });
    }
    for kind in [Kind::Tcp4, Kind::Tcp6] {
        run.case(&format!("sock_error/{}/refused", kind.name()), |r| {
            let place = r.keep.refusing(kind);
            let fd = r.keep.make(kind, State::NonBlocking);
            world::connect(fd, &place);
            world::settle(fd);
            let api = r.api;
            for turn in ["first", "second"] {
                let call = format!("BIO_sock_error(refused), {turn}");
                r.call(call, errno_name, || api.BIO_sock_error(fd));
            }
        });
    }
}

fn sock_info(run: &Run) {
    for (kind, state, id, socket) in sockets() {
        run.case(&format!("sock_info/{id}"), |r| {
            let fd = r.keep.make(kind, state);
            info(r, &format!("BIO_sock_info({socket}, ADDRESS)"), fd, 0);
        });
    }
    for kind in [1, 2, -1, i32::MAX] {
        run.case(&format!("sock_info/type/{kind}"), |r| {
            let fd = r.keep.make(Kind::Tcp4, State::Bound);
            info(r, &format!("BIO_sock_info(bound tcp4, type {kind})"), fd, kind);
        });
    }
    run.risky("sock_info/NULL", |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Bound);
        let api = r.api;
        r.int("BIO_sock_info(bound tcp4, ADDRESS, NULL)", || api.BIO_sock_info(fd, 0, ptr::null_mut()));
    });
}

fn info(r: &mut Record<'_>, call: &str, fd: c_int, kind: c_int) {
    let api = r.api;
    let mut place = Place::v6(LOOPBACK6, 7);
    // The C union holds the address of a BIO_ADDR.
    let mut union = place.as_mut_addr();
    let pointer = (&raw mut union).cast::<c_void>();
    r.int(call, || api.BIO_sock_info(fd, kind, pointer));
    r.see("addr", place.words());
}

/// Both functions, for each errno.
fn retry(run: &Run) {
    for error in -1..140 {
        run.case(&format!("non_fatal/{error}"), |r| {
            let api = r.api;
            let call = format!("BIO_sock_non_fatal_error({})", errno_name(error));
            r.int(call, || api.BIO_sock_non_fatal_error(error));
        });
        for result in [-2, -1, 0, 1] {
            run.case(&format!("should_retry/{error}/{result}"), |r| {
                let api = r.api;
                let errno = errno_name(error);
                let call = format!("BIO_sock_should_retry({result}) with errno {errno}");
                r.int(call, || {
                    interpose::set_errno(error);
                    api.BIO_sock_should_retry(result)
                });
            });
        }
    }
}

fn ioctl(run: &Run) {
    for (kind, state, id, socket) in sockets() {
        for value in [0, 1] {
            run.case(&format!("ioctl/FIONBIO/{id}/{value}"), |r| {
                let fd = r.keep.make(kind, state);
                let mut value = value;
                let arg = (&raw mut value).cast::<c_void>();
                let api = r.api;
                let request = libc::FIONBIO as libc::c_long;
                let call = format!("BIO_socket_ioctl({socket}, FIONBIO)");
                r.int(call, || api.BIO_socket_ioctl(fd, request, arg));
                r.see_socket(fd);
            });
        }
        run.case(&format!("ioctl/FIONREAD/{id}"), |r| {
            let fd = r.keep.make(kind, state);
            let mut value: c_int = -7;
            let arg = (&raw mut value).cast::<c_void>();
            let api = r.api;
            let request = libc::FIONREAD as libc::c_long;
            let call = format!("BIO_socket_ioctl({socket}, FIONREAD)");
            r.int(call, || api.BIO_socket_ioctl(fd, request, arg));
            r.see("value", value);
        });
    }
    for request in [0, -1, 0x7777] {
        run.case(&format!("ioctl/unknown/{request}"), |r| {
            let fd = r.keep.make(Kind::Tcp4, State::Fresh);
            let mut value: c_int = 0;
            let arg = (&raw mut value).cast::<c_void>();
            let api = r.api;
            let call = format!("BIO_socket_ioctl(fresh tcp4, {request})");
            r.int(call, || api.BIO_socket_ioctl(fd, request, arg));
        });
    }
    run.risky("ioctl/NULL", |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Fresh);
        let api = r.api;
        let request = libc::FIONBIO as libc::c_long;
        r.int("BIO_socket_ioctl(fresh tcp4, FIONBIO, NULL)", || {
            api.BIO_socket_ioctl(fd, request, ptr::null_mut())
        });
    });
}

/// Times relative to now, in seconds; none makes a case last longer than one.
const UNTIL: [(Option<time_t>, &str); 6] = [
    (None, "0"),
    (Some(-1000), "long past"),
    (Some(-1), "a second ago"),
    (Some(0), "now"),
    (Some(1), "in a second"),
    (Some(1000), "much later"),
];

fn wait(run: &Run) {
    for (kind, state, id, socket) in sockets() {
        for for_read in [0, 1, 2, -1] {
            for (until, until_name) in UNTIL {
                if !may_hang(kind, state, for_read, until) {
                    run.case(&format!("socket_wait/{id}/{for_read}/{until_name}"), |r| {
                        let fd = r.keep.make(kind, state);
                        let call = format!("BIO_socket_wait({socket}, {for_read}, {until_name})");
                        wait_call(r, &call, fd, for_read, until);
                    });
                }
            }
        }
    }
    data(run);
}

/// Whether nothing would end the wait soon.
fn may_hang(kind: Kind, state: State, for_read: c_int, until: Option<time_t>) -> bool {
    let later = until.is_some_and(|until| until > 0);
    if until.is_some_and(|until| until > 1) && state == State::Closed {
        return true;
    }
    let quiet = !matches!(state, State::Closed | State::NotSocket | State::Negative);
    let idle = for_read != 0 || state == State::Listening || !kind.is_stream();
    later && quiet && idle
}

/// Makes the call; once more where "now" was over before the call could look at the clock.
fn wait_call(r: &mut Record<'_>, call: &str, fd: c_int, for_read: c_int, until: Option<time_t>) {
    let api = r.api;
    loop {
        let moment = moment(until);
        r.int(call, || api.BIO_socket_wait(fd, for_read, moment));
        if until != Some(0) || moment == self::moment(until) {
            return;
        }
        r.forget();
    }
}

fn moment(until: Option<time_t>) -> time_t {
    // SAFETY: time takes a null pointer.
    until.map_or(0, |until| until + unsafe { libc::time(ptr::null_mut()) })
}

/// Data, the end of data and a waiting client are all "ready to read".
fn data(run: &Run) {
    for (what, hang_up) in [("data", false), ("hang-up", true)] {
        for until in UNTIL {
            run.case(&format!("socket_wait/{what}/{}", until.1), |r| {
                let (listener, place) = r.keep.listener(Kind::Tcp4);
                let client = Kind::Tcp4.socket();
                world::connect(client, &place);
                world::ready(listener);
                let call = format!("BIO_socket_wait(pending listener, 1, {})", until.1);
                wait_call(r, &call, listener, 1, until.0);
                // SAFETY: null pointers ask for no address.
                let fd = unsafe { libc::accept(listener, ptr::null_mut(), ptr::null_mut()) };
                r.keep.keep(fd);
                if hang_up {
                    world::close(client);
                } else {
                    r.keep.keep(client);
                    // SAFETY: one byte is given, with the count one.
                    unsafe { libc::send(client, c"x".as_ptr().cast(), 1, 0) };
                }
                world::ready(fd);
                for for_read in [0, 1] {
                    let call = format!("BIO_socket_wait({what}, {for_read}, {})", until.1);
                    wait_call(r, &call, fd, for_read, until.0);
                }
            });
        }
    }
}
