//! Emptying the queue, entirely or down to a mark: ERR_clear_error(3) and
//! ERR_set_mark(3).

use std::ffi::c_int;

use super::ring::Queue;
use super::thread::with;

/// `ERR_clear_error`: removes every entry.
pub fn ERR_clear_error() {
    with(Queue::clear);
}

/// `ERR_set_mark`: marks the newest entry; 0 if there is none.
pub fn ERR_set_mark() -> c_int {
    with(|queue| c_int::from(queue.set_mark()))
}

/// `ERR_pop_to_mark`: removes the entries newer than the newest mark, and the
/// mark; 0 if there was none, and then everything is removed.
pub fn ERR_pop_to_mark() -> c_int {
    with(|queue| c_int::from(queue.pop_to_mark()))
}

/// `ERR_clear_last_mark`: removes the newest mark and no entry; 0 if there was
/// none.
pub fn ERR_clear_last_mark() -> c_int {
    with(|queue| c_int::from(queue.clear_last_mark()))
}
