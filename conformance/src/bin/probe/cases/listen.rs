//! `BIO_listen`.

use super::bind::Target;
use super::{FEW_FLAGS, KEEPALIVE, NODELAY, NONBLOCK, REUSEADDR, TFO, V6_ONLY};
use super::{combinations, flag_words, null};
use crate::record::Record;
use crate::run::Run;
use crate::world::{Kind, State};
use libc::c_int;

pub(crate) fn cases(run: &Run) {
    let bits = [REUSEADDR, V6_ONLY, KEEPALIVE, NONBLOCK, NODELAY, TFO];
    for kind in Kind::ALL {
        for flags in combinations(&bits) {
            one(run, kind, State::Fresh, Target::Free, flags);
            one(run, kind, State::Fresh, Target::Busy, flags);
        }
        for state in State::ALL {
            for target in Target::ALL {
                for flags in FEW_FLAGS {
                    let done = matches!(target, Target::Free | Target::Busy);
                    if !(state == State::Fresh && done) || flags & !0x3f != 0 {
                        one(run, kind, state, target, flags);
                    }
                }
            }
        }
    }
    twice(run);
    null(run, "listen", &[State::Fresh, State::Negative, State::Closed, State::NotSocket], |api, fd| {
        api.BIO_listen(fd, std::ptr::null(), 0)
    });
}

fn one(run: &Run, kind: Kind, state: State, target: Target, flags: c_int) {
    let (name, state_name, words) = (kind.name(), state.name(), flag_words(flags));
    let target_name = target.name();
    let id = format!("listen/{name}/{state_name}/{target_name}/{words}");
    run.case(&id, |r| {
        let place = target.place(&mut r.keep, kind);
        let fd = r.keep.make(kind, state);
        let api = r.api;
        let call = format!("BIO_listen({state_name} {name}, {target_name}, {words})");
        r.int(call, || api.BIO_listen(fd, place.as_addr(), flags));
        r.see_socket(fd);
        see_backlog(r, fd);
    });
}

/// The queue length that `listen` was given, which Linux reports for TCP.
fn see_backlog(r: &mut Record<'_>, fd: c_int) {
    const TCPI_SACKED: usize = 28;
    let mut info = [0_u8; 104];
    let mut len = info.len() as libc::socklen_t;
    // SAFETY: the buffer has the length given.
    let result = unsafe {
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &raw mut len)
    };
    const TCP_LISTEN: u8 = 10;
    if result == 0 && info[0] == TCP_LISTEN {
        let mut four = [0; 4];
        four.copy_from_slice(&info[TCPI_SACKED..TCPI_SACKED + 4]);
        r.see("backlog", u32::from_ne_bytes(four));
    }
}

fn twice(run: &Run) {
    for kind in Kind::ALL {
        let name = kind.name();
        run.case(&format!("listen/twice/{name}"), |r| {
            let fd = r.keep.make(kind, State::Fresh);
            for turn in ["first", "second"] {
                let place = kind.fresh_place();
                let api = r.api;
                let call = format!("BIO_listen({name}, free, 0), {turn}");
                r.int(call, || api.BIO_listen(fd, place.as_addr(), 0));
            }
            r.see_socket(fd);
        });
    }
}
