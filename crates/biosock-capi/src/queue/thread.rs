//! The calling thread's queue, and who frees its strings made at run time:
//! the slot that holds one, the end of its thread, or for the thread that
//! unloads the library its end.
//!
//! A string belongs to its thread alone, so there is no lock: nothing to wait
//! for at any priority, and nothing for fork(2) to find half done. Threads
//! share the key whose destructor runs at their ends; the first thread
//! publishes it, and none waits for that either. Nothing of this is set up
//! before the first such string is made.

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

/// Adds `label` and `text` to the data of the newest entry, if there is one.
pub(crate) fn annotate(label: &CStr, text: &CStr) {
    with(|queue| {
        if let Some(newest) = queue.peek(End::Newest) {
            at_end_of_thread(queue);
            newest.data.append(label, text);
        }
    });
}

/// The key whose destructor runs at the end of each thread that made a string.
#[cfg(not(all(test, loom)))]
static KEY: Key = Key::new();

#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref KEY: Key = Key::new();
}

/// Makes sure that the calling thread's strings are freed at its end.
fn at_end_of_thread(queue: &Queue) {
    if let Some(key) = KEY.get(make_key, delete_key) {
        // SAFETY: the key exists until the library ends, and later the call
        // fails. The queue is in the thread's own storage, which outlives the
        // key's destructor.
        unsafe { libc::pthread_setspecific(key, ptr::from_ref(queue).cast()) };
    }
}

unsafe extern "C" {
    /// Names this library to the C runtime: its handlers go when it is unloaded.
    static __dso_handle: c_void;
    fn __cxa_atexit(
        handler: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        library: *const c_void,
    ) -> c_int;
}

/// A new key. The end of the library is registered first, so that there is
/// never a key that would outlive the library.
fn make_key() -> Option<libc::pthread_key_t> {
    let library = &raw const __dso_handle;
    // SAFETY: the handler takes any argument, and the handle is this library's
    // own. It may be registered twice.
    unsafe { __cxa_atexit(library_ended, ptr::null_mut(), library) };
    let mut key = 0;
    // SAFETY: the key is written by this call alone.
    let failed = unsafe { libc::pthread_key_create(&mut key, Some(thread_ended)) };
    (failed == 0).then_some(key)
}

fn delete_key(key: libc::pthread_key_t) {
    // SAFETY: the key exists, and nobody deletes it twice.
    unsafe { libc::pthread_key_delete(key) };
}

/// # Safety
///
/// Called by the threads' library with what [`at_end_of_thread`] stored.
unsafe extern "C" fn thread_ended(queue: *mut c_void) {
    // SAFETY: the queue is in the storage of the thread that is ending, which
    // is still there, and all of its fields are used through shared references.
    unsafe { &*queue.cast::<Queue>() }.forget_strings();
}

/// The strings of threads that live on stay theirs: at exit(3) they may be
/// reading them.
extern "C" fn library_ended(_: *mut c_void) {
    if let Some(key) = KEY.end() {
        delete_key(key);
    }
    with(Queue::forget_strings);
}
