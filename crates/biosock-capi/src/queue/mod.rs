//! The error queue of the stand-alone form: one per thread, as in ERR_get_error(3)
//! of OpenSSL 3.
//!
//! It is a ring in thread-local storage, without a destructor, so that a thread
//! that never fails costs nothing and an unloaded library leaves no destructor
//! behind. Only strings created at run time are allocated; [`thread`] frees them
//! with their thread.

mod data;
mod get;
mod key;
mod mark;
mod ring;
mod thread;

pub use get::*;
pub use mark::*;
pub(crate) use ring::{SYSTEM_FLAG, lib_of, reason_of};
pub(crate) use thread::{annotate, push, with};

#[cfg(test)]
mod tests;
