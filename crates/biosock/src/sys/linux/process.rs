//! Values of one process that its children must not share: after fork(2) a child
//! has a copy of its parent's memory and none of its threads.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::forks;

/// A value that each process creates on first use.
///
/// No lock is involved, since another thread could hold it when the process forks.
/// The parent's value stays in the child's memory, untouched: no thread is there to
/// finish what it was doing with it.
pub(crate) struct PerProcess<T: 'static>(AtomicPtr<Made<T>>);

struct Made<T: 'static> {
    /// The process, identified by [`forks`].
    process: usize,
    value: T,
    /// An ancestor's value.
    _before: Option<&'static Made<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// This process' value. If two threads are first at once, one of them may create
    /// a value that is dropped.
    pub(crate) fn get(&'static self) -> &'static T {
        let mut before = self.current();
        loop {
            if let Some(made) = before.filter(|made| made.process == forks()) {
                return &made.value;
            }
            let made = Box::new(Made { process: forks(), value: T::default(), _before: before });
            let (new, old) =
                (Box::into_raw(made), before.map_or(ptr::null_mut(), |made| ptr::from_ref(made).cast_mut()));
            if self.0.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: it came from the box above, and nothing else has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
            before = self.current();
        }
    }

    fn current(&self) -> Option<&'static Made<T>> {
        // SAFETY: it is NULL or came from a box that is never freed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}
