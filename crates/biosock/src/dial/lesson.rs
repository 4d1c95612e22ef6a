//! What the history learns from an attempt.

use std::io;

use super::history::Rank;
use super::order::has_route;
use super::report::{Attempt, Outcome};
use super::settings::Settings;
use crate::{Error, ErrorKind, Operation, SocketAddr, Syscall};

/// What the history learns from an attempt about its address, if anything. It learns
/// nothing from one that lost to another within the attempt delay, nor from a silence
/// if it is `unknown` whether it was one.
pub(super) fn lesson(settings: &Settings, attempt: &Attempt, unknown: bool) -> Option<Rank> {
    if !settings.is_tcp(&attempt.addr) {
        return None;
    }
    match &attempt.outcome {
        // With fast open no peer has answered yet.
        Outcome::Connected if settings.connect.is_tfo() => None,
        Outcome::Connected => Some(Rank::Used(attempt.took)),
        Outcome::Failed(error) => is_of_peer_or_path(&attempt.addr, error).then_some(Rank::Unusable),
        Outcome::NoAnswer => {
            let silent = attempt.took >= settings.pace.bounded().attempt_delay;
            (silent && !unknown).then_some(Rank::Unusable)
        }
    }
}

/// Whether the peer or the path made an attempt fail. Whether this machine has a route
/// is checked in every dial (RFC 6724, rule 1).
fn is_of_peer_or_path(addr: &SocketAddr, error: &Error) -> bool {
    if error.operation() != Operation::Connect
        || error.system().is_some_and(|system| system.syscall() != Syscall::Connect)
    {
        return false;
    }
    match error.kind() {
        ErrorKind::TimedOut => true,
        ErrorKind::Io(io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) => true,
        ErrorKind::Io(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => has_route(addr),
        _ => false,
    }
}
