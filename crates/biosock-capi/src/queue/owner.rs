//! Texts made at run time and who frees them: the slot that holds one, the
//! end of its thread, or the end of the library, whichever comes first.
//!
//! All are on one list, under a lock that fork(2) takes too. Nothing of this
//! is set up before the first text is made.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::Queue;

/// A text in memory from malloc: this header, then the text and its NUL.
#[derive(Debug)]
pub(super) struct Made {
    next: Cell<*const Made>,
    previous: Cell<*const Made>,
    /// The slot's pointer to this text.
    place: Cell<*const AtomicPtr<Made>>,
}

impl Made {
    /// The parts in a row. `None` where there is no memory.
    pub(super) fn join(parts: &[&[u8]]) -> Option<NonNull<Self>> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        // SAFETY: malloc takes any size.
        let memory = unsafe { libc::malloc(size_of::<Self>() + length + 1) };
        let made = NonNull::new(memory.cast::<Self>())?;
        let header = Self {
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
            place: Cell::new(ptr::null()),
        };
        // SAFETY: malloc's memory is large enough for the header and aligned for anything.
        unsafe { made.write(header) };
        let mut end = text_of(made.as_ptr()).cast_mut().cast::<u8>();
        for part in parts.iter().copied().chain([&b"\0"[..]]) {
            // SAFETY: the parts and the NUL are `length + 1` bytes together, as
            // many as lie behind the header; new memory overlaps nothing.
            unsafe { ptr::copy_nonoverlapping(part.as_ptr(), end, part.len()) };
            // SAFETY: still within that memory, or one past it at the end.
            end = unsafe { end.add(part.len()) };
        }
        Some(made)
    }
}

/// The text behind a header.
pub(super) fn text_of(made: *const Made) -> *const c_char {
    made.wrapping_add(1).cast()
}

/// Puts `new` into a slot and frees what the slot held.
#[cold]
#[inline(never)]
pub(super) fn replace(place: &AtomicPtr<Made>, new: Option<NonNull<Made>>) {
    let list = LIST.lock();
    // Once the library has ended nobody would free a new text.
    let new = if list.ended.get() { free(new) } else { new };
    let old = place.swap(new.map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::AcqRel);
    if let Some(new) = new {
        list.link(new, place);
    }
    if let Some(old) = NonNull::new(old) {
        list.unlink(old);
        free(Some(old));
    }
}

/// Gives back the memory of a text that is not on the list.
fn free(text: Option<NonNull<Made>>) -> Option<NonNull<Made>> {
    if let Some(text) = text {
        // SAFETY: `join` took the memory from malloc, and nothing points to it any more.
        unsafe { libc::free(text.as_ptr().cast()) };
    }
    None
}

/// Every text there is, of every thread.
struct List {
    locked: AtomicBool,
    head: Cell<*const Made>,
    ended: Cell<bool>,
}

// SAFETY: the cells are used by the holder of the lock alone.
unsafe impl Sync for List {}

static LIST: List =
    List { locked: AtomicBool::new(false), head: Cell::new(ptr::null()), ended: Cell::new(false) };

/// The list while it is locked.
struct Locked<'a>(&'a List);

impl List {
    fn lock(&self) -> Locked<'_> {
        // Held for a few instructions at a time, so waiting by spinning is fine.
        while self.locked.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        Locked(self)
    }

    fn unlock(&self) {
        self.locked.store(false, Ordering::Release);
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl Deref for Locked<'_> {
    type Target = List;

    fn deref(&self) -> &List {
        self.0
    }
}

impl Locked<'_> {
    fn link(&self, text: NonNull<Made>, place: *const AtomicPtr<Made>) {
        // SAFETY: `join` made it, and it is freed under this lock only.
        let text = unsafe { text.as_ref() };
        text.place.set(place);
        text.next.set(self.head.replace(text));
        // SAFETY: what is on the list is alive, or NULL.
        if let Some(next) = unsafe { text.next.get().as_ref() } {
            next.previous.set(text);
        }
    }

    fn unlink(&self, text: NonNull<Made>) {
        // SAFETY: it is on the list, so alive.
        let text = unsafe { text.as_ref() };
        // SAFETY: what is on the list is alive, or NULL.
        match unsafe { text.previous.get().as_ref() } {
            Some(previous) => previous.next.set(text.next.get()),
            None => self.head.set(text.next.get()),
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { text.next.get().as_ref() } {
            next.previous.set(text.previous.get());
        }
    }

    /// Frees every text, and empties the slots that hold them.
    fn end(&self) {
        self.ended.set(true);
        while let Some(text) = NonNull::new(self.head.get().cast_mut()) {
            // SAFETY: it is on the list, so alive.
            let place = unsafe { text.as_ref() }.place.get();
            // SAFETY: a slot outlives its text: the end of its thread empties it.
            unsafe { &*place }.store(ptr::null_mut(), Ordering::Release);
            self.unlink(text);
            free(Some(text));
        }
    }
}

/// The key whose destructor runs at the end of each thread that made a text.
static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

/// Sees to it that the calling thread's texts are freed at its end.
pub(super) fn at_end_of_thread(queue: &Queue) {
    if let Some(key) = *KEY.get_or_init(start) {
        // SAFETY: the key exists until the library ends. The queue is in the
        // thread's own storage, which outlives the key's destructor.
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

/// Registers for the end of threads, the end of the library, and forks.
fn start() -> Option<libc::pthread_key_t> {
    let library = &raw const __dso_handle;
    // SAFETY: the handler takes any argument, and the handle is this library's own.
    unsafe { __cxa_atexit(library_ended, ptr::null_mut(), library) };
    // SAFETY: the handlers take nothing and stay as long as the library.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork)) };
    let mut key = 0;
    // SAFETY: the key is written by this call alone.
    let failed = unsafe { libc::pthread_key_create(&mut key, Some(thread_ended)) };
    (failed == 0).then_some(key)
}

/// # Safety
///
/// Called by the threads' library with what [`at_end_of_thread`] stored.
unsafe extern "C" fn thread_ended(queue: *mut c_void) {
    // SAFETY: the queue is in the storage of the thread that is ending, which
    // is still there, and all of its fields are used through shared references.
    unsafe { &*queue.cast::<Queue>() }.forget_texts();
}

extern "C" fn library_ended(_: *mut c_void) {
    LIST.lock().end();
    if let Some(key) = KEY.get().copied().flatten() {
        // SAFETY: the key exists, and the end of the library runs once.
        unsafe { libc::pthread_key_delete(key) };
    }
}

extern "C" fn before_fork() {
    std::mem::forget(LIST.lock());
}

extern "C" fn after_fork() {
    LIST.unlock();
}
