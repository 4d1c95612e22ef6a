//! The table of failures, and the pauses.

use super::*;
use crate::{Operation, Reason, Syscall};

fn failed(errno: i32) -> Error {
    Error::system_call(Operation::Accept, Syscall::Accept, errno, Reason::Accept)
}

#[test]
fn failures_are_sorted() {
    use AcceptAdvice::{GiveUp, Pause, TryAgain};
    for (advice, errnos) in [
        (TryAgain, &[libc::ECONNABORTED, libc::EINTR, libc::EAGAIN][..]),
        // accept(2): "detect these errors, and treat them like EAGAIN by retrying".
        (TryAgain, &[libc::ENETDOWN, libc::EPROTO, libc::ENOPROTOOPT, libc::EHOSTDOWN, libc::ENONET]),
        (TryAgain, &[libc::EHOSTUNREACH, libc::ENETUNREACH, libc::ETIMEDOUT]),
        (Pause, &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EPERM]),
        (GiveUp, &[libc::EBADF, libc::EINVAL, libc::ENOTSOCK, libc::EOPNOTSUPP, libc::EFAULT]),
    ] {
        for errno in errnos {
            assert_eq!(AcceptAdvice::after(&failed(*errno)), advice, "{}", failed(*errno));
        }
    }
    assert_eq!(AcceptAdvice::after(&Error::from_reason(Operation::Accept, Reason::Accept)), GiveUp);
}

#[test]
fn pauses_double_up_to_a_second_and_begin_anew() {
    let mut judge = Judge::new();
    let mut pauses = || -> Vec<u128> {
        let pause = |_| judge.judge(Err(failed(libc::EMFILE))).unwrap().unwrap().pause().unwrap().as_millis();
        (0..10).map(pause).collect()
    };
    assert_eq!(pauses(), [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);

    assert!(judge.judge(Err(failed(libc::ECONNABORTED))).unwrap().is_none());
    let (socket, peer) = (
        Socket::from(rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap()),
        "unix:".parse().unwrap(),
    );
    judge.judge(Ok((socket, peer))).unwrap();
    let again = judge.judge(Err(failed(libc::EMFILE))).unwrap().unwrap();
    assert_eq!(again.pause(), Some(PAUSES.0));
    judge.judge(Err(failed(libc::EINVAL))).unwrap_err();
}
