//! A laboratory for dialling: small broken networks, made of network namespaces that
//! vanish with the threads that live in them.
//!
//! A [`World`](world::World) is one network as a [`Scenario`](scenario::Scenario)
//! describes it: a client's side with its own DNS server, a wire that delays and loses
//! frames, and a server's side. [`contestants`] dial through it, each in its own
//! process; [`bench`](mod@bench) makes a table of the times and compares biosock's with
//! its bars.
//!
//! [`place`]s record the DNS queries. [`load`] dials by the thousand on loopback, which
//! needs no root.
//!
//! Worlds need root, iproute2 and /dev/net/tun. The host's own network and files are
//! never changed.

#![deny(unsafe_code)]

pub mod bars;
pub mod bench;
pub mod client;
pub mod command;
pub mod contestants;
pub mod dns;
pub mod due;
#[allow(unsafe_code, reason = "the only module that asks the kernel for what no safe crate offers")]
pub mod kernel;
pub mod listeners;
pub mod load;
pub mod lookups;
pub mod place;
pub mod room;
pub mod scenario;
pub mod shortage;
pub mod wire;
pub mod worker;
pub mod world;

/// What went wrong, for humans.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A result with such an error.
pub type Result<T> = std::result::Result<T, Failure>;

/// What a test needs, or `None` with a line `skipped: TEST: why` if this machine does
/// not have it.
///
/// # Panics
/// If `BIOSOCK_REQUIRE_ALL=1` forbids skipping.
pub fn or_skip<T>(test: &str, needed: Result<T>) -> Option<T> {
    let why = match needed {
        Ok(needed) => return Some(needed),
        Err(why) => why,
    };
    println!("skipped: {test}: {why}");
    let required = std::env::var_os("BIOSOCK_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "skipped: {test}: {why}, and BIOSOCK_REQUIRE_ALL=1 forbids it");
    None
}

/// Runs the README's examples as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
