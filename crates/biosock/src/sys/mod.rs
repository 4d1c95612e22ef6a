//! The only OS-specific code: system calls and their arguments. `unsupported.rs`
//! lists what a platform must supply.

#[cfg(all(target_os = "linux", not(biosock_unsupported)))]
mod linux;
#[cfg(all(target_os = "linux", not(biosock_unsupported)))]
use linux as platform;

#[cfg(not(all(target_os = "linux", not(biosock_unsupported))))]
mod unsupported;
#[cfg(not(all(target_os = "linux", not(biosock_unsupported))))]
use unsupported as platform;

mod args;
#[cfg(test)]
mod refusing;

pub(crate) use args::Flags;
pub use args::{Interest, Shutdown};
pub use platform::SockAddrBuf;
pub(crate) use platform::*;
#[cfg(test)]
pub(crate) use refusing::without_memory;
