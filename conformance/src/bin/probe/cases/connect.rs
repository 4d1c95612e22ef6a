//! `BIO_connect`.

use super::{FEW_FLAGS, KEEPALIVE, NODELAY, NONBLOCK, REUSEADDR, TFO, V6_ONLY};
use super::{combinations, flag_words, null};
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Keep, Kind, LOOPBACK6, Place, State, named};
use libc::c_int;

pub(crate) fn cases(run: &Run) {
    every_flag(run);
    every_state(run);
    twice(run);
    null(run, "connect", &[State::Fresh, State::Negative, State::Closed], |api, fd| {
        api.BIO_connect(fd, std::ptr::null(), 0)
    });
}

named! {
    /// Where to connect.
    Target {
        Listening = "listening",
        Refusing = "refusing",
        AnyPort0 = "any:0",
        OtherFamily = "other family",
        Unspec = "AF_UNSPEC",
        Nonsense = "family 999",
        MissingPath = "missing path",
        LongPath = "path of 108 bytes",
        PathIsDirectory = "path is a directory",
        AbstractMissing = "missing abstract name",
    }
}

/// What is tried with every flag, and twice.
const USUAL: [Target; 2] = [Target::Listening, Target::Refusing];

impl Target {
    fn place(self, keep: &mut Keep, kind: Kind) -> Place {
        match self {
            Self::Listening => keep.listener(kind).1,
            Self::Refusing => keep.refusing(kind),
            Self::AnyPort0 => match kind {
                Kind::Tcp6 | Kind::Udp6 => Place::v6([0; 16], 0),
                _ => Place::v4([0; 4], 0),
            },
            Self::OtherFamily => match kind {
                Kind::Tcp4 | Kind::Udp4 => Place::v6(LOOPBACK6, 9),
                _ => Place::v4([127, 0, 0, 1], 9),
            },
            Self::Unspec => Place::empty(),
            Self::Nonsense => Place::v4([127, 0, 0, 1], 9).with_family(999),
            Self::MissingPath => Place::unix("missing"),
            Self::LongPath => Place::unix(&"x".repeat(108)),
            Self::PathIsDirectory => Place::unix("."),
            Self::AbstractMissing => Place::unix("\0biosock-probe-missing"),
        }
    }
}

fn every_flag(run: &Run) {
    let bits = [REUSEADDR, V6_ONLY, KEEPALIVE, NONBLOCK, NODELAY, TFO];
    for kind in Kind::ALL {
        for flags in combinations(&bits) {
            for target in USUAL {
                one(run, kind, State::Fresh, target, flags);
            }
        }
    }
}

fn every_state(run: &Run) {
    for kind in Kind::ALL {
        for state in State::ALL {
            for target in Target::ALL {
                for flags in FEW_FLAGS {
                    let done = state == State::Fresh && flags & !0x3f == 0;
                    let seen = USUAL.contains(&target);
                    if !(done && seen) {
                        one(run, kind, state, target, flags);
                    }
                }
            }
        }
    }
}

fn one(run: &Run, kind: Kind, state: State, target: Target, flags: c_int) {
    let (name, state_name, words) = (kind.name(), state.name(), flag_words(flags));
    let target_name = target.name();
    let id = format!("connect/{name}/{state_name}/{target_name}/{words}");
    run.case(&id, |r| {
        let place = target.place(&mut r.keep, kind);
        let fd = r.keep.make(kind, state);
        let call = format!("BIO_connect({state_name} {name}, {target_name}, {words})");
        connect(r, &call, fd, &place, flags);
    });
}

fn connect(r: &mut Record<'_>, call: &str, fd: c_int, place: &Place, flags: c_int) {
    let api = r.api;
    let result = r.int(call, || api.BIO_connect(fd, place.as_addr(), flags));
    if result == 0 && crate::interpose::errno() == libc::EINPROGRESS {
        world::settle(fd);
    }
    r.see_socket(fd);
}

/// A second call on the same socket: the outcome, or an error.
fn twice(run: &Run) {
    for kind in Kind::ALL {
        for target in USUAL {
            for flags in [0, NONBLOCK, KEEPALIVE | NODELAY | NONBLOCK] {
                let (name, target_name, words) = (kind.name(), target.name(), flag_words(flags));
                run.case(&format!("connect/twice/{name}/{target_name}/{words}"), |r| {
                    let place = target.place(&mut r.keep, kind);
                    let fd = r.keep.make(kind, State::Fresh);
                    for turn in ["first", "second", "third"] {
                        let call = format!("BIO_connect({name}, {target_name}, {words}), {turn}");
                        let api = r.api;
                        r.int(call, || api.BIO_connect(fd, place.as_addr(), flags));
                        world::settle(fd);
                    }
                    r.see_socket(fd);
                });
            }
        }
    }
}
