//! The table of failures, and the delays.

use super::*;
use crate::{Operation, Reason, Syscall};

fn failed(errno: i32) -> Error {
    Error::system_call(Operation::Accept, Syscall::Accept, errno, Reason::Accept)
}

#[test]
fn failures_are_sorted() {
    use AcceptAdvice::{BackOff, GiveUp, TryAgain};
    for (advice, errnos) in [
        (TryAgain, &[libc::ECONNABORTED, libc::EINTR, libc::EAGAIN][..]),
        // accept(2): "detect these errors, and treat them like EAGAIN by retrying".
        (TryAgain, &[libc::ENETDOWN, libc::EPROTO, libc::ENOPROTOOPT, libc::EHOSTDOWN, libc::ENONET]),
        (TryAgain, &[libc::EHOSTUNREACH, libc::ENETUNREACH, libc::ETIMEDOUT]),
        (BackOff, &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EPERM]),
        (GiveUp, &[libc::EBADF, libc::EINVAL, libc::ENOTSOCK, libc::EOPNOTSUPP, libc::EFAULT]),
    ] {
        for errno in errnos {
            assert_eq!(AcceptAdvice::after(&failed(*errno)), advice, "{}", failed(*errno));
        }
    }
    assert_eq!(AcceptAdvice::after(&Error::from_reason(Operation::Accept, Reason::Accept)), GiveUp);
}

/// The delay of the outcome, and whether it is reported.
fn pause(backoff: &mut AcceptBackoff, errno: i32) -> Option<(u128, bool)> {
    match backoff.outcome_of(Err(failed(errno))).unwrap() {
        Outcome::Event(event) => Some((event.pause().unwrap().as_millis(), true)),
        Outcome::Rest(pause) => Some((pause.as_millis(), false)),
        Outcome::GoOn => None,
    }
}

fn connection() -> Result<(Socket, SocketAddr)> {
    let any = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    Ok((Socket::from(any), "unix:".parse().unwrap()))
}

#[test]
fn pauses_double_up_to_a_second_and_begin_anew() {
    let mut backoff = AcceptBackoff::new();
    let pauses: Vec<_> = (0..10).map(|_| pause(&mut backoff, libc::EMFILE).unwrap()).collect();
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000].map(|pause| (pause, true)));

    assert_eq!(pause(&mut backoff, libc::ECONNABORTED), None);
    backoff.outcome_of(connection()).unwrap();
    assert_eq!(pause(&mut backoff, libc::EMFILE), Some((5, true)));
    backoff.outcome_of(Err(failed(libc::EINVAL))).unwrap_err();
}

#[test]
fn failures_of_one_connection_each_are_told_once_and_sat_out_after_a_few_in_a_row() {
    for errno in [libc::EPROTO, libc::ECONNABORTED, libc::EHOSTUNREACH] {
        let mut backoff = AcceptBackoff::new();
        let said: Vec<_> = (0..12).map(|_| pause(&mut backoff, errno)).collect();
        assert_eq!(said[..7], [None; 7]);
        assert_eq!(said[7..], [(5, true), (10, false), (20, false), (40, false), (80, false)].map(Some));
        // A connection, or an empty queue, ends the row.
        backoff.outcome_of(connection()).unwrap();
        assert!((0..7).all(|_| pause(&mut backoff, errno).is_none()));
        backoff.settle();
        assert!((0..7).all(|_| pause(&mut backoff, errno).is_none()));
        assert!(backoff.is_in_doubt());
    }
}

#[test]
fn who_comes_too_late_again_and_again_rests_and_tells_nobody() {
    let mut backoff = AcceptBackoff::new();
    assert!((0..7).all(|_| pause(&mut backoff, libc::EAGAIN).is_none()));
    let said: Vec<_> = (0..9).map(|_| pause(&mut backoff, libc::EAGAIN).unwrap()).collect();
    assert_eq!(said, [1, 2, 4, 8, 16, 32, 64, 100, 100].map(|pause| (pause, false)));
    // Other failures in between are reported as usual.
    assert_eq!(pause(&mut backoff, libc::EPROTO), Some((5, true)));
    assert_eq!(pause(&mut backoff, libc::EPROTO), Some((10, false)));
}
