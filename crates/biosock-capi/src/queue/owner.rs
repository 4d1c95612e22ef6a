//! Texts made at run time and who frees them: the slot that holds one, the
//! end of its thread, or for the thread that unloads the library its end.
//!
//! A text belongs to its thread alone, so there is no lock: nothing to wait
//! for at any priority, and nothing for fork(2) to find half done. Threads
//! share the key whose destructor runs at their ends; whoever is first
//! publishes it, and nobody waits for that either. Nothing of this is set up
//! before the first text is made.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use super::{Queue, with};
use key::Key;

mod key;

/// The place of a made text in its slot: NULL, or memory from malloc. Only its
/// thread comes here. It does not free what it holds when it is dropped, for a
/// thread's queue is to have no destructor.
#[derive(Debug)]
pub(super) struct Place(Cell<*mut c_char>);

impl Place {
    pub(super) const fn new() -> Self {
        Self(Cell::new(ptr::null_mut()))
    }

    /// The text, or NULL.
    pub(super) fn as_ptr(&self) -> *const c_char {
        self.0.get()
    }

    /// Puts a text into the slot, or NULL, and frees what the slot held.
    #[cold]
    #[inline(never)]
    pub(super) fn replace(&self, made: *mut c_char) {
        let old = self.0.replace(made);
        // SAFETY: `join` took it from malloc, or it is NULL, and nothing points
        // to it any more.
        unsafe { libc::free(old.cast()) };
    }
}

/// A text of these parts in a row. `None` where there is no memory.
pub(super) fn join(parts: &[&[u8]]) -> Option<NonNull<c_char>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // SAFETY: malloc takes any size.
    let memory = NonNull::new(unsafe { libc::malloc(length + 1) }.cast::<u8>())?;
    let mut end = memory.as_ptr();
    for part in parts.iter().copied().chain([&b"\0"[..]]) {
        // SAFETY: the parts and the NUL are `length + 1` bytes together, as
        // many as there are; new memory overlaps nothing.
        unsafe { ptr::copy_nonoverlapping(part.as_ptr(), end, part.len()) };
        // SAFETY: still within that memory, or one past it at the end.
        end = unsafe { end.add(part.len()) };
    }
    Some(memory.cast())
}

/// The key whose destructor runs at the end of each thread that made a text.
#[cfg(not(all(test, loom)))]
static KEY: Key = Key::new();

#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref KEY: Key = Key::new();
}

/// Sees to it that the calling thread's texts are freed at its end.
pub(super) fn at_end_of_thread(queue: &Queue) {
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
    unsafe { &*queue.cast::<Queue>() }.forget_texts();
}

/// The texts of threads that live on stay theirs: at exit(3) they may be
/// reading them.
extern "C" fn library_ended(_: *mut c_void) {
    if let Some(key) = KEY.end() {
        delete_key(key);
    }
    with(Queue::forget_texts);
}
