//! The calling thread's queue, and the freeing of its allocated strings: when
//! their slot is reused, when the thread ends, or, for the thread that unloads the
//! library, when it is unloaded.
//!
//! A string belongs to its thread alone, so there is no lock: nothing to wait for
//! at any priority, and nothing that fork(2) could interrupt halfway. Threads
//! share the key whose destructor runs when they end; the first thread publishes
//! it, and none waits for that either. None of this is set up before the first
//! such string is allocated.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use super::key::Key;
use super::ring::{End, Queue};
use crate::host::Entry;

thread_local! {
    static QUEUE: Queue = const { Queue::new() };
}

/// Lets `work` use the calling thread's queue.
#[inline]
pub(crate) fn with<T>(work: impl FnOnce(&Queue) -> T) -> T {
    QUEUE.with(work)
}

/// Adds an entry to the calling thread's queue.
#[inline]
pub(crate) fn push(entry: &Entry) {
    with(|queue| queue.push(entry));
}

/// Appends `label` and `text` to the data of the newest entry, if there is one.
pub(crate) fn annotate(label: &CStr, text: &CStr) {
    with(|queue| {
        if let Some(newest) = queue.peek(End::Newest) {
            at_end_of_thread(queue);
            newest.data.append(label, text);
        }
    });
}

/// The key whose destructor runs at the end of each thread that allocated a string.
#[cfg(not(all(test, loom)))]
static KEY: Key = Key::new();

#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref KEY: Key = Key::new();
}

/// Makes sure that the calling thread's strings are freed at its end.
fn at_end_of_thread(queue: &Queue) {
    if let Some(key) = KEY.get(make_key, delete_key) {
        // SAFETY: the key exists until the library is unloaded, and later the call
        // fails. The queue is in thread-local storage, which outlives the key's
        // destructor.
        unsafe { libc::pthread_setspecific(key, ptr::from_ref(queue).cast()) };
    }
}

unsafe extern "C" {
    /// Identifies this library to the C runtime, which runs its handlers on unloading.
    static __dso_handle: c_void;
    fn __cxa_atexit(
        handler: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        library: *const c_void,
    ) -> c_int;
}

/// A new key. The handler for unloading is registered first, so that no key
/// outlives the library.
fn make_key() -> Option<libc::pthread_key_t> {
    let library = &raw const __dso_handle;
    // SAFETY: the handler accepts any argument, and the handle is this library's. It
    // may be registered twice.
    unsafe { __cxa_atexit(library_ended, ptr::null_mut(), library) };
    let mut key = 0;
    // SAFETY: only this call writes the key.
    let failed = unsafe { libc::pthread_key_create(&mut key, Some(thread_ended)) };
    (failed == 0).then_some(key)
}

fn delete_key(key: libc::pthread_key_t) {
    // SAFETY: the key exists, and is not deleted twice.
    unsafe { libc::pthread_key_delete(key) };
}

/// # Safety
///
/// Called by the threads library with what [`at_end_of_thread`] stored.
unsafe extern "C" fn thread_ended(queue: *mut c_void) {
    // SAFETY: the queue is in the thread-local storage of the ending thread, which
    // still exists, and all of its fields are used through shared references.
    unsafe { &*queue.cast::<Queue>() }.forget_strings();
}

/// Running threads keep their strings: at exit(3) they may be reading them.
extern "C" fn library_ended(_: *mut c_void) {
    if let Some(key) = KEY.end() {
        delete_key(key);
    }
    with(Queue::forget_strings);
}
