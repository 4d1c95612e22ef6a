//! The allocator beneath the library under test: it counts, and refuses on request.
//!
//! glibc's own functions stand behind under their other names, so that nothing has to be
//! looked up, which would itself allocate.

use super::set_errno;
use libc::{c_int, c_void};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(memory: *mut c_void);
}

/// Which allocations are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The first one refused, counted from 1.
    pub(crate) nth: u64,
    /// Whether all later ones are refused, too.
    pub(crate) rest: bool,
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
static NTH: AtomicU64 = AtomicU64::new(0);
static REST: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static ASIDE: Cell<bool> = const { Cell::new(false) };
}

/// Counts what `body` allocates and frees; with a refusal, refuses accordingly.
pub(crate) fn count<T>(refusal: Option<Refusal>, body: impl FnOnce() -> T) -> T {
    ASKED.store(0, Ordering::SeqCst);
    NTH.store(refusal.map_or(0, |refusal| refusal.nth), Ordering::SeqCst);
    REST.store(refusal.is_some_and(|refusal| refusal.rest), Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    let result = body();
    COUNTING.store(false, Ordering::SeqCst);
    result
}

/// How many allocations have been refused so far.
pub(crate) fn refused() -> u64 {
    REFUSED.load(Ordering::SeqCst)
}

/// How many more blocks were allocated than freed while counting.
pub(crate) fn live() -> i64 {
    LIVE.load(Ordering::SeqCst)
}

/// Lets the probe itself allocate, uncounted, while the library is being watched.
pub(super) fn aside<T>(body: impl FnOnce() -> T) -> T {
    let before = ASIDE.replace(true);
    let result = body();
    ASIDE.set(before);
    result
}

fn is_counted() -> bool {
    COUNTING.load(Ordering::SeqCst) && !ASIDE.get()
}

/// Whether this allocation is to fail.
fn is_refused() -> bool {
    if !is_counted() {
        return false;
    }
    let number = ASKED.fetch_add(1, Ordering::SeqCst) + 1;
    let nth = NTH.load(Ordering::SeqCst);
    let refused = nth != 0 && (number == nth || (number > nth && REST.load(Ordering::SeqCst)));
    if refused {
        REFUSED.fetch_add(1, Ordering::SeqCst);
        set_errno(libc::ENOMEM);
    }
    refused
}

fn counted(memory: *mut c_void, change: i64) -> *mut c_void {
    if !memory.is_null() && is_counted() {
        LIVE.fetch_add(change, Ordering::SeqCst);
    }
    memory
}

/// Passed on, or refused.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    if is_refused() {
        return std::ptr::null_mut();
    }
    // SAFETY: malloc takes any size.
    counted(unsafe { __libc_malloc(size) }, 1)
}

/// Passed on, or refused.
#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    if is_refused() {
        return std::ptr::null_mut();
    }
    // SAFETY: calloc takes any sizes.
    counted(unsafe { __libc_calloc(count, size) }, 1)
}

/// Passed on, or refused; the old block then stays.
///
/// # Safety
/// As libc's `realloc`.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    if is_refused() {
        return std::ptr::null_mut();
    }
    // SAFETY: the caller's block goes on as it came.
    let new = unsafe { __libc_realloc(old, size) };
    counted(new, c_int::from(old.is_null()).into())
}

/// Passed on.
///
/// # Safety
/// As libc's `free`.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(memory: *mut c_void) {
    counted(memory, -1);
    // SAFETY: the caller's block goes on as it came.
    unsafe { __libc_free(memory) };
}
