//! The probe's own versions of libc's socket calls: they stand before libc's for the library
//! under test, note what it asks of the system, and can make a call fail.
//!
//! Nothing is noted outside of [`watch`], and every call is passed on unless a fault is set.

mod calls;
pub(crate) mod memory;
mod names;
mod variadic;

use libc::c_int;
use std::ffi::CStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

static WATCHING: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<State> =
    Mutex::new(State { seen: Seen { notes: Vec::new(), faults: 0 }, faults: Vec::new() });

struct State {
    seen: Seen,
    faults: Vec<Fault>,
}

/// What was seen of a call from beneath.
#[derive(Default)]
pub(crate) struct Seen {
    /// The library's system calls, and their results.
    pub(crate) notes: Vec<String>,
    /// How many faults it met.
    pub(crate) faults: u32,
}

/// A failure to be seen by the library under test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// The call that fails.
    pub(crate) call: &'static str,
    /// The errno it fails with; for `getaddrinfo` its `EAI_` code.
    pub(crate) error: c_int,
    /// How many such calls pass before.
    pub(crate) after: u32,
}

/// Sets the faults of the next [`watch`].
pub(crate) fn set_faults(faults: &[Fault]) {
    if let Ok(mut state) = STATE.lock() {
        state.faults = faults.to_vec();
    }
}

/// Runs `body` and returns what it asked of the system with its result.
pub(crate) fn watch<T>(body: impl FnOnce() -> T) -> (T, Seen) {
    let errno = errno();
    WATCHING.store(true, Ordering::SeqCst);
    set_errno(errno);
    let result = body();
    let errno = self::errno();
    WATCHING.store(false, Ordering::SeqCst);
    let seen = take_seen();
    set_errno(errno);
    (result, seen)
}

fn take_seen() -> Seen {
    let Ok(mut state) = STATE.lock() else {
        return Seen::default();
    };
    state.faults.clear();
    std::mem::take(&mut state.seen)
}

/// The fault that this call is to meet, if any.
fn fault(call: &str) -> Option<c_int> {
    if !WATCHING.load(Ordering::SeqCst) {
        return None;
    }
    let mut state = STATE.lock().ok()?;
    let fault = state.faults.iter_mut().find(|f| f.call == call)?;
    let Some(left) = fault.after.checked_sub(1) else {
        let error = fault.error;
        state.faults.retain(|f| f.call != call);
        state.seen.faults += 1;
        return Some(error);
    };
    fault.after = left;
    None
}

/// Makes the call, or the fault instead, and notes it; errno stays as the call left it.
fn pass(call: &str, words: impl FnOnce() -> String, real: impl FnOnce() -> c_int) -> c_int {
    if !WATCHING.load(Ordering::SeqCst) {
        return real();
    }
    let before = errno();
    let fault = fault(call);
    set_errno(before);
    let result = match fault {
        Some(error) => {
            set_errno(error);
            -1
        }
        None => real(),
    };
    let after = errno();
    memory::aside(|| note(&format!("{call}({}) = {}", words(), outcome(result, after))));
    set_errno(after);
    result
}

fn outcome(result: c_int, error: c_int) -> String {
    match result {
        -1 => names::errno(error),
        _ => result.to_string(),
    }
}

fn note(line: &str) {
    if let Ok(mut state) = STATE.lock() {
        state.seen.notes.push(line.to_owned());
    }
}

pub(crate) use names::errno as errno_name;

/// The thread's errno.
pub(crate) fn errno() -> c_int {
    // SAFETY: the address of the thread's errno is always valid.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place }
}

/// Sets the thread's errno.
pub(crate) fn set_errno(value: c_int) {
    // SAFETY: the address of the thread's errno is always valid.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = value };
}

/// libc's own version of a call that the probe stands before, looked up once.
struct Next {
    name: &'static CStr,
    address: AtomicPtr<libc::c_void>,
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn get(&self) -> *mut libc::c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name is a C string; RTLD_NEXT looks beyond this program.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.address.store(found, Ordering::Relaxed);
        found
    }
}
