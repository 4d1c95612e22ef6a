//! `BIO_bind`.

use super::{KEEPALIVE, NODELAY, NONBLOCK, REUSEADDR, TFO, V6_ONLY};
use super::{combinations, flag_words, null};
use crate::run::Run;
use crate::world::{self, Keep, Kind, LOOPBACK6, Place, State, named};

pub(crate) fn cases(run: &Run) {
    let bits = [REUSEADDR, V6_ONLY, KEEPALIVE, NONBLOCK, NODELAY, TFO];
    for kind in Kind::ALL {
        for flags in combinations(&bits) {
            one(run, kind, State::Fresh, Target::Free, flags);
        }
        for state in State::ALL {
            for target in Target::ALL {
                for flags in [0, REUSEADDR] {
                    if (state, target) != (State::Fresh, Target::Free) {
                        one(run, kind, state, target, flags);
                    }
                }
            }
        }
    }
    null(run, "bind", &[State::Fresh, State::Negative, State::Closed], |api, fd| {
        api.BIO_bind(fd, std::ptr::null(), 0)
    });
}

named! {
    /// What to bind or listen on.
    Target {
        Free = "free",
        Any = "any",
        Busy = "busy",
        NotLocal = "not local",
        OtherFamily = "other family",
        Unspec = "AF_UNSPEC",
        Nonsense = "family 999",
        MissingDirectory = "missing directory",
        LongPath = "path of 108 bytes",
        EmptyPath = "empty path",
        Abstract = "abstract name",
    }
}

impl Target {
    pub(crate) fn place(self, keep: &mut Keep, kind: Kind) -> Place {
        let six = matches!(kind, Kind::Tcp6 | Kind::Udp6);
        match self {
            Self::Free => kind.fresh_place(),
            Self::Any if six => Place::v6([0; 16], 0),
            Self::Any => Place::v4([0; 4], 0),
            Self::Busy => keep.listener(kind).1,
            Self::NotLocal if six => Place::v6(DOCUMENTATION6, 0),
            Self::NotLocal => Place::v4([198, 51, 100, 1], 0),
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

fn one(run: &Run, kind: Kind, state: State, target: Target, flags: i32) {
    let (name, state_name, words) = (kind.name(), state.name(), flag_words(flags));
    let target_name = target.name();
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
