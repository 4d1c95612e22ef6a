//! From a name to its listeners: a socket on each address of the name, all on one port,
//! accepted from fairly.
//!
//! ```
//! use biosock::Cancel;
//! use biosock::listeners::{Event, Listen};
//! # use biosock::dial::Dialer;
//!
//! let listeners = Listen::new().listen("localhost:0")?;
//! let cancel = Cancel::new()?;
//! # let dialed = Dialer::new().dial_addrs(&listeners.addrs()?);
//! # dialed.map_err(std::io::Error::from)?;
//! listeners.serve(&cancel, |event| match event {
//!     Event::Connection(_socket, peer) => {
//!         println!("hello {peer}");
//!         cancel.cancel();
//!     }
//!     Event::Failure { error, backoff } => eprintln!("{error}; next try in {backoff:?}"),
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | there is |
//! |---|---|
//! | listen on the addresses of a name | [`Listen::listen`] |
//! | accept until cancelled, through temporary failures | [`Listeners::serve`], [`Listeners::incoming`] |
//! | accept one | [`Listeners::accept`], [`Listeners::accept_or_cancel`] |
//! | do the same on tokio | `Listeners::into_async` (feature `tokio`) |
//! | have a set for each of several threads | [`Listen::shards`] |
//! | take over what systemd, a parent or other code opened | [`Listeners::inherited`], [`Listeners::take_over`] |
//! | pass a set to a child | [`Listeners::pass_to`] |
//! | remove socket files at the end | [`Listeners::unlink`] |

mod acceptor;
mod advice;
mod builder;
mod file;
mod inherit;
mod open;
mod resolve;
mod serve;
mod set;
#[cfg(feature = "tokio")]
mod tokio;

pub(crate) use advice::accept_advice;
pub use advice::{AcceptAdvice, Event};
pub use builder::Listen;
pub use file::SocketFile;
pub use serve::Incoming;
pub use set::{Listeners, TakeOverError};
#[cfg(feature = "tokio")]
pub use tokio::AsyncListeners;
