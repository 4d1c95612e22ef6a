//! Proof that two libraries are compared, and that a difference would be seen.

use crate::api::Api;
use crate::compare::{Pair, Seen};
use crate::parts::Part;
use crate::rng::Rng;
use biosock_conformance::loader::whose;
use biosock_conformance::originals::Fallible;
use std::ffi::c_void;

/// A broken copy must be noticed within so many inputs.
const PATIENCE: u32 = 2000;

/// Different code at different addresses, from different files.
pub(crate) fn must_be_two(pair: &Pair) -> Fallible<()> {
    let theirs = addresses(&pair.theirs);
    let ours = addresses(&pair.ours);
    for ((name, theirs), (_, ours)) in theirs.into_iter().zip(ours) {
        let (Some((first, _)), Some((second, _))) = (whose(theirs as usize), whose(ours as usize)) else {
            return Err(format!("a library lacks {name}").into());
        };
        if theirs == ours || first == second {
            return Err(format!("{name} is the same code on both sides, from {first}").into());
        }
    }
    Ok(())
}

fn addresses(api: &Api) -> [(&'static str, *const c_void); 4] {
    [
        ("BIO_parse_hostserv", api.BIO_parse_hostserv.map_or(std::ptr::null(), |f| f as *const c_void)),
        ("BIO_lookup_ex", api.BIO_lookup_ex.map_or(std::ptr::null(), |f| f as *const c_void)),
        ("BIO_ADDR_rawmake", api.BIO_ADDR_rawmake.map_or(std::ptr::null(), |f| f as *const c_void)),
        ("ERR_error_string_n", api.ERR_error_string_n.map_or(std::ptr::null(), |f| f as *const c_void)),
    ]
}

/// With one function of biosock replaced, the part must see a difference.
pub(crate) fn must_catch_a_broken_one(part: &Part, pair: &Pair) -> Fallible<()> {
    let mut broken = pair.ours;
    (part.break_one)(&mut broken);
    let mut seen = Seen::new(pair);
    let mut rng = Rng::new(0, part.name);
    let seeds = (part.seeds)();
    let mut input = Vec::new();
    for _ in 0..PATIENCE {
        input.clear();
        (part.generate)(&mut rng, &seeds, &mut input);
        let same = seen.observe(part, pair, &pair.ours, &input);
        if same && !seen.observe(part, pair, &broken, &input) {
            return Ok(());
        }
    }
    Err(format!("a broken library was not noticed by {}: nothing would be", part.name).into())
}
