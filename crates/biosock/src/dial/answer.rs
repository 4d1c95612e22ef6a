//! The answer of a lookup, and how much of it is used.

use crate::{Domain, Result, SocketAddr};

/// The answer of one lookup.
pub(super) type Answer = (Domain, Result<Vec<SocketAddr>>);

/// The most addresses of a family in one answer that are sorted and raced, unless a
/// dial makes more attempts. A name server decides how many there are, and each may
/// take system calls on the caller's thread.
pub(super) const MOST_OF_ANSWER: usize = 256;

/// Keeps the first `most` addresses of each family.
pub(super) fn keep_first(addrs: &mut Vec<SocketAddr>, most: usize) {
    let mut kept = [0; 3];
    addrs.retain(|addr| {
        let of_family = match addr {
            SocketAddr::V6(_) => &mut kept[0],
            SocketAddr::V4(_) => &mut kept[1],
            SocketAddr::Unix(_) => &mut kept[2],
        };
        *of_family += 1;
        *of_family <= most
    });
}
