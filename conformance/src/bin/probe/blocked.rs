//! Acting on a call while it waits in the system.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The thread that makes the call.
pub(crate) struct Watched {
    thread: libc::pthread_t,
    number: libc::pid_t,
    calling: AtomicBool,
}

impl Watched {
    /// Sends that thread a signal.
    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: the thread waits in `when_blocked` for the one that runs this.
        unsafe { libc::pthread_kill(self.thread, signal) };
    }

    /// Returns when the thread sleeps in the system, or has come back from the call.
    pub(crate) fn wait_until_blocked(&self) {
        // The moments between the signal's being sent and its handler's running look like
        // sleep, too: it has to be seen sleeping with no signal on its way.
        while self.calling.load(Ordering::SeqCst) && !self.is_asleep() {
            thread::yield_now();
        }
    }

    fn is_asleep(&self) -> bool {
        let status = format!("/proc/self/task/{}/status", self.number);
        let text = std::fs::read_to_string(status).unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1).map(str::to_owned)
        };
        let quiet = |pending: String| pending.bytes().all(|byte| byte == b'0');
        field("State:").is_some_and(|state| state == "S") && field("SigPnd:").is_some_and(quiet)
    }
}

/// Makes `call` while another thread waits until it sleeps in the system, and then runs `act`.
pub(crate) fn when_blocked<T>(act: impl FnOnce(&Watched) + Send, call: impl FnOnce() -> T) -> T {
    // SAFETY: pthread_self has no preconditions.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: gettid has no preconditions.
    let number = unsafe { libc::gettid() };
    let watched = Watched { thread, number, calling: AtomicBool::new(false) };
    let (result, errno) = thread::scope(|scope| {
        scope.spawn(|| {
            while !watched.calling.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            watched.wait_until_blocked();
            act(&watched);
        });
        watched.calling.store(true, Ordering::SeqCst);
        let result = call();
        let errno = crate::interpose::errno();
        watched.calling.store(false, Ordering::SeqCst);
        (result, errno)
    });
    crate::interpose::set_errno(errno);
    result
}
