//! System calls that fail beneath the library, each with many an errno.

use super::{KEEPALIVE, NODELAY, NONBLOCK, REUSEADDR, TFO, V6_ONLY, flag_words};
use crate::interpose::{Fault, errno_name};
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Kind, Place, State};
use libc::c_int;

const ERRORS: [c_int; 34] = [
    libc::EPERM,
    libc::ENOENT,
    libc::EINTR,
    libc::EIO,
    libc::EBADF,
    libc::EAGAIN,
    libc::ENOMEM,
    libc::EACCES,
    libc::EFAULT,
    libc::EINVAL,
    libc::ENFILE,
    libc::EMFILE,
    libc::EPROTO,
    libc::ENOTSOCK,
    libc::EDESTADDRREQ,
    libc::EPROTOTYPE,
    libc::ENOPROTOOPT,
    libc::EPROTONOSUPPORT,
    libc::EOPNOTSUPP,
    libc::EAFNOSUPPORT,
    libc::EADDRINUSE,
    libc::EADDRNOTAVAIL,
    libc::ENETDOWN,
    libc::ENETUNREACH,
    libc::ECONNABORTED,
    libc::ECONNRESET,
    libc::ENOBUFS,
    libc::EISCONN,
    libc::ENOTCONN,
    libc::ETIMEDOUT,
    libc::ECONNREFUSED,
    libc::EHOSTUNREACH,
    libc::EALREADY,
    libc::EINPROGRESS,
];

pub(crate) fn cases(run: &Run) {
    for error in ERRORS {
        let name = errno_name(error);
        sockets(run, error, &name);
        accepts(run, error, &name);
        helpers(run, error, &name);
    }
}

/// The calls that connect, bind and listen make, and how often.
const CALLS: [(&str, u32); 6] =
    [("ioctl", 1), ("setsockopt", 5), ("connect", 1), ("bind", 1), ("listen", 1), ("getsockopt", 1)];

fn sockets(run: &Run, error: c_int, name: &str) {
    run.case(&format!("fault/socket/{name}"), |r| {
        let api = r.api;
        r.faults(&[Fault { call: "socket", error, after: 0 }]);
        r.descriptor(format!("BIO_socket(tcp4) with socket: {name}"), || {
            api.BIO_socket(libc::AF_INET, libc::SOCK_STREAM, 0, 0)
        });
    });
    for kind in [Kind::Tcp4, Kind::Tcp6, Kind::Udp4] {
        for (call, times) in CALLS {
            for after in 0..times {
                routine(run, kind, Fault { call, error, after }, name);
            }
        }
    }
}

fn routine(run: &Run, kind: Kind, fault: Fault, name: &str) {
    const ALL: c_int = REUSEADDR | KEEPALIVE | NONBLOCK | NODELAY | V6_ONLY;
    let (kind_name, call, after) = (kind.name(), fault.call, fault.after);
    let flags = if kind.is_stream() { ALL } else { ALL & !NODELAY };
    for routine in ["BIO_connect", "BIO_bind", "BIO_listen"] {
        for flags in [flags, flags | TFO] {
            let words = flag_words(flags);
            let what = format!("{kind_name}/{call} after {after}/{name}/{words}");
            run.case(&format!("fault/{routine}/{what}"), |r| {
                let listener = r.keep.listener(kind).1;
                let fd = r.keep.make(kind, State::Fresh);
                let free = kind.fresh_place();
                let api = r.api;
                r.faults(&[fault]);
                let with = format!("{routine}({kind_name}, {words}) with {call} {after}: {name}");
                r.int(with, || match routine {
                    "BIO_connect" => api.BIO_connect(fd, listener.as_addr(), flags),
                    "BIO_bind" => api.BIO_bind(fd, free.as_addr(), flags),
                    _ => api.BIO_listen(fd, free.as_addr(), flags),
                });
                if routine == "BIO_connect" {
                    world::settle(fd);
                }
                r.see_socket(fd);
            });
        }
    }
}

fn accepts(run: &Run, error: c_int, name: &str) {
    // The original sets the mode by a call of its own, biosock by accept4: the first is not a
    // fault that biosock can meet, and shows in the original's run alone.
    for flags in [0, NONBLOCK] {
        let words = flag_words(flags);
        run.case(&format!("fault/BIO_accept_ex/{words}/{name}"), |r| {
            let mut from = Place::empty();
            let listener = pending(r);
            let pointer = from.as_mut_addr();
            let api = r.api;
            accept_fault(r, error);
            let call = format!("BIO_accept_ex(tcp4, peer, {words}) with accept: {name}");
            r.descriptor(call, || api.BIO_accept_ex(listener, pointer, flags));
        });
    }
    run.case(&format!("fault/BIO_accept/{name}"), |r| {
        let listener = pending(r);
        let mut text = std::ptr::null_mut();
        let to_text = &raw mut text;
        let api = r.api;
        accept_fault(r, error);
        r.descriptor(format!("BIO_accept(tcp4, text) with accept: {name}"), || {
            api.BIO_accept(listener, to_text)
        });
        r.free(text);
    });
}

fn accept_fault(r: &Record<'_>, error: c_int) {
    r.faults(&[Fault { call: "accept", error, after: 0 }, Fault { call: "accept4", error, after: 0 }]);
}

fn pending(r: &mut Record<'_>) -> c_int {
    let (listener, place) = r.keep.listener(Kind::Tcp4);
    let client = r.keep.make(Kind::Tcp4, State::Fresh);
    world::connect(client, &place);
    world::ready(listener);
    listener
}

fn helpers(run: &Run, error: c_int, name: &str) {
    run.case(&format!("fault/BIO_closesocket/{name}"), |r| {
        let fd = Kind::Tcp4.socket();
        let api = r.api;
        r.faults(&[Fault { call: "close", error, after: 0 }]);
        r.int(format!("BIO_closesocket(tcp4) with close: {name}"), || api.BIO_closesocket(fd));
    });
    run.case(&format!("fault/BIO_sock_info/{name}"), |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Bound);
        let mut place = Place::empty();
        let mut union = place.as_mut_addr();
        let pointer = (&raw mut union).cast();
        let api = r.api;
        r.faults(&[Fault { call: "getsockname", error, after: 0 }]);
        r.int(format!("BIO_sock_info(bound tcp4) with getsockname: {name}"), || {
            api.BIO_sock_info(fd, 0, pointer)
        });
    });
    run.case(&format!("fault/BIO_sock_error/{name}"), |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Fresh);
        let api = r.api;
        r.faults(&[Fault { call: "getsockopt", error, after: 0 }]);
        let call = format!("BIO_sock_error(tcp4) with getsockopt: {name}");
        r.call(call, errno_name, || api.BIO_sock_error(fd));
    });
    modes(run, error, name);
}

fn modes(run: &Run, error: c_int, name: &str) {
    run.case(&format!("fault/BIO_socket_nbio/{name}"), |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Fresh);
        let api = r.api;
        r.faults(&[Fault { call: "ioctl", error, after: 0 }]);
        r.int(format!("BIO_socket_nbio(tcp4, 1) with ioctl: {name}"), || api.BIO_socket_nbio(fd, 1));
    });
    run.case(&format!("fault/BIO_set_tcp_ndelay/{name}"), |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Fresh);
        let api = r.api;
        r.faults(&[Fault { call: "setsockopt", error, after: 0 }]);
        r.int(format!("BIO_set_tcp_ndelay(tcp4, 1) with setsockopt: {name}"), || {
            api.BIO_set_tcp_ndelay(fd, 1)
        });
    });
    if !run.has("BIO_socket_wait") {
        return;
    }
    run.case(&format!("fault/BIO_socket_wait/{name}"), |r| {
        let fd = r.keep.make(Kind::Tcp4, State::Connected);
        let api = r.api;
        r.faults(&[Fault { call: "poll", error, after: 0 }, Fault { call: "select", error, after: 0 }]);
        r.int(format!("BIO_socket_wait(tcp4, 0, much later) with poll: {name}"), || {
            api.BIO_socket_wait(fd, 0, i64::MAX / 2)
        });
    });
}
