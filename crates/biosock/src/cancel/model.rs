//! The protocol of a cancel: loom runs it through every order of its steps, with a
//! descriptor that behaves as eventfd(2) says.

use std::os::fd::{AsFd, BorrowedFd};

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::Cancel;
use crate::sys::Errno;

/// An eventfd(2) that is never read: readable once written to. A clone is the same
/// descriptor in another process, as after fork(2).
#[derive(Clone, Debug)]
pub(super) struct Waker(Arc<(Mutex<bool>, Condvar)>);

impl Waker {
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self(Arc::new((Mutex::new(false), Condvar::new()))))
    }

    pub(super) fn wake(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(super) fn is_awake(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    /// poll(2) without a timeout.
    fn wait(&self) {
        let mut awake = self.0.0.lock().unwrap();
        while !*awake {
            awake = self.0.1.wait(awake).unwrap();
        }
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        panic!("the system knows nothing of a model's descriptor")
    }
}

/// An accept loop: checks once, and then the wait's result is enough. Waiting again for
/// a cancel that was already seen would spin.
fn work(cancel: &Cancel) {
    if !cancel.is_cancelled() {
        cancel.0.waker.wait();
        assert!(cancel.is_cancelled(), "it would wait again, and spin");
    }
    assert!(cancel.is_known());
}

#[test]
fn loom_a_cancel_ends_every_loop_of_a_process() {
    loom::model(|| {
        let cancel = Cancel::new().unwrap();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let cancel = cancel.clone();
                thread::spawn(move || work(&cancel))
            })
            .collect();
        cancel.cancel();
        assert!(cancel.is_cancelled());
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

/// Processes share the descriptor and nothing else.
#[test]
fn loom_a_cancel_ends_the_loops_of_other_processes() {
    loom::model(|| {
        let parent = Cancel::new().unwrap();
        let children: Vec<_> = (0..2)
            .map(|_| {
                let child = Cancel::with(parent.0.waker.clone());
                thread::spawn(move || work(&child))
            })
            .collect();
        parent.cancel();
        children.into_iter().for_each(|child| child.join().unwrap());
    });
}

/// Any thread that waits for a cancel may also be the one that cancels.
#[test]
fn loom_cancels_may_meet() {
    loom::model(|| {
        let cancel = Cancel::new().unwrap();
        let other = Cancel::with(cancel.0.waker.clone());
        let threads = [cancel.clone(), other].map(|cancel| {
            thread::spawn(move || {
                cancel.cancel();
                work(&cancel);
            })
        });
        work(&cancel);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
