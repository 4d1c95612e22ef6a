//! The cases, a file for each part of the family.

mod accept;
mod addr;
mod bind;
mod connect;
mod deprecated;
mod errors;
mod faults;
mod forks;
mod helpers;
mod hostserv;
mod listen;
mod lookup;
mod printing;
mod resets;
mod signals;
mod socket;
mod starved;
mod threads;

use crate::api::Api;
use crate::run::Run;
use crate::world::{Kind, State};
use libc::c_int;

pub(crate) const REUSEADDR: c_int = 0x01;
pub(crate) const V6_ONLY: c_int = 0x02;
pub(crate) const KEEPALIVE: c_int = 0x04;
pub(crate) const NONBLOCK: c_int = 0x08;
pub(crate) const NODELAY: c_int = 0x10;
pub(crate) const TFO: c_int = 0x20;

/// Every case, in the order of the contract's table.
pub(crate) fn all(run: &Run) {
    socket::cases(run);
    bind::cases(run);
    connect::cases(run);
    listen::cases(run);
    accept::cases(run);
    deprecated::cases(run);
    addr::cases(run);
    lookup::cases(run);
    hostserv::cases(run);
    helpers::cases(run);
    errors::cases(run);
    faults::cases(run);
    starved::cases(run);
    threads::cases(run);
    forks::cases(run);
    signals::cases(run);
    resets::cases(run);
}

/// Flag bits in words: `KEEPALIVE|NODELAY`, or `0`.
pub(crate) fn flag_words(flags: c_int) -> String {
    const NAMES: [(c_int, &str); 6] = [
        (REUSEADDR, "REUSEADDR"),
        (V6_ONLY, "V6_ONLY"),
        (KEEPALIVE, "KEEPALIVE"),
        (NONBLOCK, "NONBLOCK"),
        (NODELAY, "NODELAY"),
        (TFO, "TFO"),
    ];
    let mut words: Vec<String> = Vec::new();
    let mut rest = flags;
    for (bit, name) in NAMES {
        if rest & bit != 0 {
            words.push(name.to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(format!("{rest:#x}"));
    }
    words.join("|")
}

/// Every combination of `bits`.
pub(crate) fn combinations(bits: &[c_int]) -> Vec<c_int> {
    let count = 1_usize << bits.len();
    (0..count)
        .map(|set| {
            let chosen = bits.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1);
            chosen.fold(0, |flags, (_, bit)| flags | bit)
        })
        .collect()
}

/// Nothing, each flag alone, all together, and unknown bits.
pub(crate) const FEW_FLAGS: [c_int; 8] = [0, REUSEADDR, V6_ONLY, KEEPALIVE, NONBLOCK, NODELAY, 0x1f, !0x3f];

/// Each kind of socket in each state, as a part of a case's id and as a call's argument.
pub(crate) fn sockets() -> impl Iterator<Item = (Kind, State, String, String)> {
    Kind::ALL.into_iter().flat_map(|kind| {
        State::ALL.map(|state| {
            let (name, state_name) = (kind.name(), state.name());
            (kind, state, format!("{name}/{state_name}"), format!("{state_name} {name}"))
        })
    })
}

/// A call without an address: BIO_bind, BIO_connect or BIO_listen, by the part's name.
pub(crate) fn null(run: &Run, part: &str, states: &[State], function: fn(&Api, c_int) -> c_int) {
    for state in states {
        let state_name = state.name();
        run.risky(&format!("{part}/NULL/{state_name}"), |r| {
            let fd = r.keep.make(Kind::Tcp4, *state);
            let api = r.api;
            r.int(format!("BIO_{part}({state_name} tcp4, NULL, 0)"), || function(api, fd));
        });
    }
}
