//! The C functions of BIO_connect(3) and related pages over `biosock`.
//!
//! Each is a Rust function of the same name, generic over the [`Host`] that
//! receives its errors and supplies its memory. Nothing here has a C symbol; the
//! thin crates `libbiosock`, `libbiosock-overlay` and `libbiosock-swap` define
//! those.
#![allow(
    non_snake_case,
    non_camel_case_types,
    reason = "functions and types have the names of their manual pages"
)]

mod addr;
mod allocator;
mod c_string;
mod calls;
mod connect;
mod deprecated;
mod descriptor;
mod errno;
pub mod export;
mod ext;
mod failure;
mod host;
mod hostserv;
mod linked;
mod lookup;
mod message;
mod out;
mod queue;
mod raise;
mod sites;
mod sock;
mod standalone;
mod strings;
mod uncancelled;

pub use addr::*;
pub use allocator::*;
pub use calls::Call;
pub use connect::*;
pub use deprecated::*;
pub use ext::*;
pub use host::{Common, Entry, Host, What};
pub use hostserv::*;
pub use linked::{Linked, Overlay, Swap, Table};
pub use lookup::*;
pub use queue::*;
pub use sites::Site;
pub use sock::*;
pub use standalone::Standalone;
pub use strings::*;
