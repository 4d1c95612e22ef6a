//! From a name to a live connection in one call: every address that the name
//! gives is raced as RFC 8305 says (Happy Eyeballs version 2), under one
//! deadline.
//!
//! The IPv6 and IPv4 lookups run apart and the race starts with the first
//! answer; an attempt starts every 250 ms, at once when one fails; slow
//! attempts stay in the race; the losers are closed at once.
//!
//! ```
//! use std::time::Duration;
//! use biosock::dial::Dialer;
//! # let listener = biosock::Socket::stream_for(&"127.0.0.1:0".parse()?)?;
//! # listener.listen(&"127.0.0.1:0".parse()?)?;
//! # let target = format!("localhost:{}", listener.local_addr()?.port().unwrap_or_default());
//!
//! let dialer = Dialer::new().timeout(Duration::from_secs(10)).nodelay(true);
//! let dialed = dialer.dial(&target)?;
//! println!("connected to {} after {:?}", dialed.addr, dialed.report.elapsed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # RFC 8305, section by section
//!
//! | section | here |
//! |---|---|
//! | 3, both questions at once, IPv6's first, each answer used as it comes | yes; IPv4's waits 50 ms for IPv6's, and IPv6's for IPv4's where that may lead ([`Pace::resolution_delay`]) |
//! | 3, a family that the machine has no route for | the system's resolver is not asked for it unless the other family gives no address: that costs four system calls for each family with a default route |
//! | 3.1, several DNS servers | the resolver's responsibility |
//! | 4, sorting by RFC 6724 | each answer by its resolver; the first of each decide which family leads, by [`sort_destinations`]'s rules |
//! | 4, what is known of addresses | [`AddressHistory`]: what was silent, refused or unreachable goes last, as unusable; among equals the fastest goes first |
//! | 4, interleaving, First Address Family Count | yes, [`Dialer::first_family_count`] |
//! | 5, a start every 250 ms, at once after a failure, losers closed | yes, between 10 ms and 2 s ([`Pace::attempt_delay`]); within the resolution delay a failure leaves the turn to the other family's answer; the delay does not follow the RTT |
//! | 6, answers that change meanwhile | new addresses join the race; what an answer would take back goes on |
//! | 7.1 and 7.2, NAT64 | [`Dialer::nat64`]. Section 7.2's last resort after 2 s is not needed: IPv4 is asked for anyway, and a missing route for it shows at once |
//! | 7.3, VPNs | the resolver's responsibility |
//!
//! Of the draft of version 3 (draft-ietf-happy-happyeyeballs-v3) this is what
//! is left without TLS: SVCB and HTTPS records, ECH, racing QUIC, and a handshake
//! as part of an attempt are for programs that speak those protocols.
//!
//! # A connection to itself
//!
//! Where nothing listens on a port of this machine, the system may choose that
//! same port for the dialling socket, and TCP connects the socket to itself
//! (RFC 9293, section 3.5: simultaneous open). Such an attempt has failed, with
//! [`ErrorKind::ConnectionRefused`](std::io::ErrorKind::ConnectionRefused): the
//! system gives no port away that something is bound to. The socket is reset,
//! so that its port is free for the server at once, and the race goes on.
//! [`Socket::connect`](crate::Socket::connect) does not look, as connect(2) does not.
//!
//! # Threads and system calls
//!
//! A numeric target, a list of addresses and a Unix path start no thread; one
//! address without a deadline, a [`Cancel`](crate::Cancel) and
//! [`Dialer::nonblocking`] is socket(2), connect(2) and getsockname(2); a deadline
//! makes it three calls more. A name of /etc/hosts ([known locally](Resolver::known))
//! starts none either. Any other
//! name is looked up for each family on threads of biosock's, blocking dials and
//! those of a runtime alike: a bounded number of them for the whole process
//! ([`lookup_threads`] says how they start, wait and end), and equal questions
//! under way share one. A thread that cannot be had is a lookup that failed.
//! With `HickoryResolver` of the crate `biosock-hickory`, or another `AsyncResolver`,
//! async dials use no thread.
//!
//! A name server decides how many addresses an answer has, but not how long the
//! calling thread works on them: of each answer, and of a list of addresses, a
//! dial uses the first 256 of a family, or [`Pace::max_attempts`] if that is more;
//! of a name in /etc/hosts those on its first 1,024 lines, and 16 prefixes of a
//! NAT64. With an [`AddressHistory`] each address may cost five system calls.

mod answer;
#[cfg(feature = "tokio")]
mod async_resolver;
mod attempts;
mod begin;
mod blocking;
mod cached;
mod dialer;
mod dialing;
mod files;
mod gai;
mod history;
mod hosts;
#[cfg(feature = "tokio")]
mod hosts_file;
mod itself;
mod lesson;
mod local_names;
mod lookups;
mod nat64;
mod order;
mod pool;
mod race;
mod reach;
mod report;
mod resolver;
mod settings;
mod system_resolver;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "tokio")]
pub use async_resolver::{AsyncResolver, Resolving, resolve_on_threads};
pub use dialer::Dialer;
pub use dialing::Dialed;
pub use history::AddressHistory;
#[cfg(feature = "tokio")]
pub use hosts_file::hosts_file;
pub use lookups::{lookup_threads, set_lookup_threads};
pub use order::sort_destinations;
pub use race::Pace;
pub use report::{Attempt, DialError, DialFailure, LookupReport, Outcome, Report};
pub use resolver::{Question, Resolver};
pub use system_resolver::SystemResolver;
