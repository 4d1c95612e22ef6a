//! `BIO_bind`.

use super::{KEEPALIVE, NODELAY, NONBLOCK, REUSEADDR, TFO, V6_ONLY};
use super::{combinations, flag_words};
use crate::run::Run;
use crate::world::{self, Keep, Kind, LOOPBACK6, Place, State};

pub(crate) fn cases(run: &Run) {
    let bits = [REUSEADDR, V6_ONLY, KEEPALIVE, NONBLOCK, NODELAY, TFO];
    for kind in Kind::ALL {
        for flags in combinations(&bits) {
            one(run, kind, State::Fresh, Target::Free, "free", flags);
        }
        for state in State::ALL {
            for (target, name) in TARGETS {
                for flags in [0, REUSEADDR] {
                    if (state, name) != (State::Fresh, "free") {
                        one(run, kind, state, target, name, flags);
                    }
                }
            }
        }
    }
    null(run);
}

/// What to bind or listen on.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    Free,
    Any,
    Busy,
    NotOurs,
    OtherFamily,
    Unspec,
    Nonsense,
    MissingDirectory,
    LongPath,
    EmptyPath,
    Abstract,
}

pub(crate) const TARGETS: [(Target, &str); 11] = [
    (Target::Free, "free"),
    (Target::Any, "any"),
    (Target::Busy, "busy"),
    (Target::NotOurs, "not ours"),
    (Target::OtherFamily, "other family"),
    (Target::Unspec, "AF_UNSPEC"),
    (Target::Nonsense, "family 999"),
    (Target::MissingDirectory, "missing directory"),
    (Target::LongPath, "path of 108 bytes"),
    (Target::EmptyPath, "empty path"),
    (Target::Abstract, "abstract name"),
];

impl Target {
    pub(crate) fn place(self, keep: &mut Keep, kind: Kind) -> Place {
        let six = matches!(kind, Kind::Tcp6 | Kind::Udp6);
        match self {
            Self::Free => kind.fresh_place(),
            Self::Any if six => Place::v6([0; 16], 0),
            Self::Any => Place::v4([0; 4], 0),
            Self::Busy => keep.listener(kind).1,
            Self::NotOurs if six => Place::v6(DOCUMENTATION6, 0),
            Self::NotOurs => Place::v4([198, 51, 100, 1], 0),
            Self::OtherFamily if six => Place::v4([127, 0, 0, 1], 0),
            Self::OtherFamily => Place::v6(LOOPBACK6, 0),
            Self::Unspec => Place::empty(),
            Self::Nonsense => Place::v4([127, 0, 0, 1], 0).with_family(999),
            Self::MissingDirectory => Place::unix("missing/sock"),
            Self::LongPath => Place::unix(&"x".repeat(108)),
            Self::EmptyPath => Place::unix(""),
            Self::Abstract => Place::unix(&world::abstract_name()),
        }
    }
}

/// An address for documentation, which no host has.
const DOCUMENTATION6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fn one(run: &Run, kind: Kind, state: State, target: Target, target_name: &str, flags: i32) {
    let (name, state_name, words) = (kind.name(), state.name(), flag_words(flags));
    let id = format!("bind/{name}/{state_name}/{target_name}/{words}");
    run.case(&id, |r| {
        let place = target.place(&mut r.keep, kind);
        let fd = r.keep.make(kind, state);
        let api = r.api;
        let call = format!("BIO_bind({state_name} {name}, {target_name}, {words})");
        r.int(call, || api.BIO_bind(fd, place.as_addr(), flags));
        r.see_socket(fd);
    });
}

fn null(run: &Run) {
    for state in [State::Fresh, State::Negative, State::Closed] {
        let state_name = state.name();
        run.risky(&format!("bind/NULL/{state_name}"), |r| {
            let fd = r.keep.make(Kind::Tcp4, state);
            let api = r.api;
            let call = format!("BIO_bind({state_name} tcp4, NULL, 0)");
            r.int(call, || api.BIO_bind(fd, std::ptr::null(), 0));
        });
    }
}
