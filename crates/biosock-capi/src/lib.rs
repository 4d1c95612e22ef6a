//! The C functions of BIO_connect(3) and its neighbours over `biosock`.
//!
//! Each is a Rust function of the same name, generic over the [`Host`] that
//! takes its errors and gives its memory. Nothing here has a C symbol; the
//! thin crates `libbiosock`, `libbiosock-overlay` and `libbiosock-swap` give
//! them theirs.
#![allow(
    non_snake_case,
    non_camel_case_types,
    reason = "functions and types have the names of their manual pages"
)]

mod addr;
mod connect;
mod deprecated;
mod errno;
pub mod export;
mod helpers;
mod host;
mod hostserv;
mod linked;
mod lookup;
mod mem;
mod memory;
mod out;
mod own;
mod queue;
mod raise;
mod standalone;
mod text;
mod uncancelled;

pub use addr::*;
pub use connect::*;
pub use deprecated::*;
pub use helpers::*;
pub use host::{Call, Common, Entry, Host, Site, What};
pub use hostserv::*;
pub use linked::{Linked, Overlay, Swap, Table};
pub use lookup::*;
pub use mem::*;
pub use own::*;
pub use queue::*;
pub use standalone::Standalone;
pub use text::*;
