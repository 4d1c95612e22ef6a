//! Socket addresses and numbers in the OS's layout. Nothing here makes a system
//! call or fails with an [`Error`](crate::Error).

mod addr;
mod escape;
mod numbers;
mod sockaddr;
mod unix;

pub use addr::{RawAddress, SocketAddr};
pub use escape::needs_escape;
pub(crate) use numbers::SUN_PATH_LEN;
pub use numbers::{Domain, Protocol, Type};
pub use sockaddr::SockAddr;
pub use unix::UnixAddr;
