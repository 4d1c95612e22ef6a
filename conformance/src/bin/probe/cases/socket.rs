//! `BIO_socket` and `BIO_closesocket`.

use crate::run::Run;
use crate::world::Kind;
use libc::c_int;

const FAMILIES: [(c_int, &str); 9] = [
    (libc::AF_INET, "AF_INET"),
    (libc::AF_INET6, "AF_INET6"),
    (libc::AF_UNIX, "AF_UNIX"),
    (libc::AF_UNSPEC, "AF_UNSPEC"),
    (libc::AF_NETLINK, "AF_NETLINK"),
    (libc::AF_APPLETALK, "AF_APPLETALK"),
    (9999, "9999"),
    (-1, "-1"),
    (i32::MAX, "INT_MAX"),
];

const TYPES: [(c_int, &str); 8] = [
    (libc::SOCK_STREAM, "STREAM"),
    (libc::SOCK_DGRAM, "DGRAM"),
    (libc::SOCK_SEQPACKET, "SEQPACKET"),
    (libc::SOCK_STREAM | libc::SOCK_NONBLOCK, "STREAM|SOCK_NONBLOCK"),
    (libc::SOCK_STREAM | libc::SOCK_CLOEXEC, "STREAM|SOCK_CLOEXEC"),
    (0, "0"),
    (99, "99"),
    (-1, "-1"),
];

const PROTOCOLS: [(c_int, &str); 6] = [
    (0, "0"),
    (libc::IPPROTO_TCP, "TCP"),
    (libc::IPPROTO_UDP, "UDP"),
    (libc::IPPROTO_SCTP, "SCTP"),
    (255, "255"),
    (-1, "-1"),
];

pub(crate) fn cases(run: &Run) {
    create(run);
    options(run);
    close(run);
}

fn create(run: &Run) {
    for (family, family_name) in FAMILIES {
        for (socktype, type_name) in TYPES {
            for (protocol, protocol_name) in PROTOCOLS {
                let call = format!("BIO_socket({family_name}, {type_name}, {protocol_name}, 0)");
                run.case(&format!("socket/{family_name}/{type_name}/{protocol_name}"), |r| {
                    let api = r.api;
                    let fd = r.descriptor(call, || api.BIO_socket(family, socktype, protocol, 0));
                    r.see_socket(fd);
                });
            }
        }
    }
}

fn options(run: &Run) {
    for kind in Kind::ALL {
        for options in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x3f, 0x40, -1] {
            let name = kind.name();
            run.case(&format!("socket/options/{name}/{options:#x}"), |r| {
                let api = r.api;
                let (family, socktype) = (kind.family(), kind.socktype());
                let call = format!("BIO_socket({name}, options {options:#x})");
                let fd = r.descriptor(call, || api.BIO_socket(family, socktype, 0, options));
                r.see_socket(fd);
            });
        }
    }
}

fn close(run: &Run) {
    for (kind, state, id, socket) in super::sockets() {
        run.case(&format!("closesocket/{id}"), |r| {
            let api = r.api;
            // The descriptor is duplicated, so that the case's own may still be closed.
            let made = r.keep.make(kind, state);
            let fd = if made < 0 { made } else { duplicate(made) };
            r.int(format!("BIO_closesocket({socket})"), || api.BIO_closesocket(fd));
            let open = super::helpers::is_open(fd);
            r.see("open", open);
            if open {
                crate::world::close(fd);
            }
        });
    }
    for fd in [-1, -2, i32::MIN, i32::MAX, 987_654] {
        run.case(&format!("closesocket/number/{fd}"), |r| {
            let api = r.api;
            r.int(format!("BIO_closesocket({fd})"), || api.BIO_closesocket(fd));
        });
    }
}

fn duplicate(fd: c_int) -> c_int {
    // SAFETY: duplicating has no preconditions; a closed number stays one.
    let copy = unsafe { libc::dup(fd) };
    if copy < 0 { fd } else { copy }
}
