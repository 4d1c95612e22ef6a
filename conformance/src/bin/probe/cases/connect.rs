//! `BIO_connect`.

use super::{FEW_FLAGS, KEEPALIVE, NODELAY, NONBLOCK, REUSEADDR, TFO, V6_ONLY};
use super::{combinations, flag_words};
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Keep, Kind, LOOPBACK6, Place, State};
use libc::c_int;

pub(crate) fn cases(run: &Run) {
    every_flag(run);
    every_state(run);
    twice(run);
    null(run);
}

/// Where to connect.
#[derive(Clone, Copy)]
enum Target {
    Listening,
    Refusing,
    AnyPort0,
    OtherFamily,
    Unspec,
    Nonsense,
    MissingPath,
    LongPath,
    PathIsDirectory,
    AbstractMissing,
}

const TARGETS: [(Target, &str); 10] = [
    (Target::Listening, "listening"),
    (Target::Refusing, "refusing"),
    (Target::AnyPort0, "any:0"),
    (Target::OtherFamily, "other family"),
    (Target::Unspec, "AF_UNSPEC"),
    (Target::Nonsense, "family 999"),
    (Target::MissingPath, "missing path"),
    (Target::LongPath, "path of 108 bytes"),
    (Target::PathIsDirectory, "path is a directory"),
    (Target::AbstractMissing, "missing abstract name"),
];

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
            for (target, target_name) in &TARGETS[..2] {
                one(run, kind, State::Fresh, *target, target_name, flags);
            }
        }
    }
}

fn every_state(run: &Run) {
    for kind in Kind::ALL {
        for state in State::ALL {
            for (target, target_name) in TARGETS {
                for flags in FEW_FLAGS {
                    let done = state == State::Fresh && flags & !0x3f == 0;
                    let seen = matches!(target, Target::Listening | Target::Refusing);
                    if !(done && seen) {
                        one(run, kind, state, target, target_name, flags);
                    }
                }
            }
        }
    }
}

fn one(run: &Run, kind: Kind, state: State, target: Target, target_name: &str, flags: c_int) {
    let (name, state_name, words) = (kind.name(), state.name(), flag_words(flags));
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
        for (target, target_name) in &TARGETS[..2] {
            for flags in [0, NONBLOCK, KEEPALIVE | NODELAY | NONBLOCK] {
                let (name, words) = (kind.name(), flag_words(flags));
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

fn null(run: &Run) {
    for state in [State::Fresh, State::Negative, State::Closed] {
        let state_name = state.name();
        run.risky(&format!("connect/NULL/{state_name}"), |r| {
            let fd = r.keep.make(Kind::Tcp4, state);
            let api = r.api;
            let call = format!("BIO_connect({state_name} tcp4, NULL, 0)");
            r.int(call, || api.BIO_connect(fd, std::ptr::null(), 0));
        });
    }
}
