//! The C functions of BIO_connect(3) and its neighbours over `biosock`.
//!
//! Each is a Rust function of the same name, generic over the [`Host`] that
//! takes its errors and gives its memory. Nothing here has a C symbol; the
//! thin crates `libbiosock`, `libbiosock-overlay` and `libbiosock-swap` give
//! them theirs.
#![expect(non_snake_case, reason = "the functions have the names of their manual pages")]

mod errno;
mod host;
mod mem;
mod queue;
mod standalone;
mod text;

pub use host::{Call, Common, Entry, Host, Site, What};
pub use mem::*;
pub use queue::*;
pub use standalone::Standalone;
pub use text::*;
