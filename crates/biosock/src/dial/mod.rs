//! From a name to a connection in one call: all addresses of the name are raced as RFC
//! 8305 specifies (Happy Eyeballs version 2), under one deadline.
//!
//! The IPv6 and IPv4 lookups run separately, and the race starts with the first answer;
//! an attempt starts every 250 ms, or at once when one fails; slow attempts stay in the
//! race; the losers are closed at once.
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
//! | 3, both queries at once, IPv6's first, each answer used as it arrives | yes; IPv4 addresses wait 50 ms for IPv6's answer, and IPv6 addresses for IPv4's if those may go first ([`Pace::resolution_delay`]) |
//! | 3, a family that the machine has no route for | the system's resolver is not queried for it unless the other family has no address: finding out takes four system calls for each family with a default route |
//! | 3.1, several DNS servers | the resolver's responsibility |
//! | 4, sorting by RFC 6724 | each answer by its resolver; the first address of each decides which family goes first, by the rules of [`sort_destinations`] |
//! | 4, what is known of addresses | [`AddressHistory`]: addresses that were silent, refused or unreachable go last, as unusable; among equals the fastest goes first |
//! | 4, interleaving, First Address Family Count | yes, [`Dialer::first_family_count`] |
//! | 5, an attempt every 250 ms, at once after a failure, losers closed | yes, between 10 ms and 2 s ([`Pace::attempt_delay`]); within the resolution delay the attempt after a failure waits for the other family's answer; the delay does not follow the RTT |
//! | 6, answers that change meanwhile | new addresses join the race; attempts at addresses that an answer would withdraw continue |
//! | 7.1 and 7.2, NAT64 | [`Dialer::nat64`]. Section 7.2's last resort after 2 s is not needed: IPv4 is queried anyway, and a missing route for it shows at once |
//! | 7.3, VPNs | the resolver's responsibility |
//!
//! Of the draft of version 3 (draft-ietf-happy-happyeyeballs-v3) this covers what does
//! not involve TLS: SVCB and HTTPS records, ECH, racing QUIC, and a handshake as part
//! of an attempt are left to programs that speak those protocols.
//!
//! # A connection to itself
//!
//! If nothing listens on a port of this machine, the system may choose that same port
//! for the dialling socket, and TCP connects the socket to itself (RFC 9293, section
//! 3.5: simultaneous open). Such an attempt fails with
//! [`ErrorKind::ConnectionRefused`](std::io::ErrorKind::ConnectionRefused), since
//! nothing can be listening: the system does not choose a port that something is bound
//! to. The socket is reset, so that its port is free for the server at once, and the
//! race continues. [`Socket::connect`](crate::Socket::connect) does not check for this,
//! as connect(2) does not.
//!
//! # Threads and system calls
//!
//! A numeric target, a list of addresses and a Unix path start no thread; one address
//! without a deadline, a [`Cancel`](crate::Cancel), [`Dialer::nonblocking`] or `nat64`
//! takes socket(2), connect(2) and getsockname(2); a deadline adds three calls. A name
//! in /etc/hosts ([known locally](Resolver::known)) starts no thread either. Any other
//! name is looked up for each family on biosock's threads, by blocking dials and those
//! of a runtime alike: there is a maximum number of them for the whole process
//! ([`lookup_threads`] describes how they start, wait and end), and identical questions
//! in progress share one. A lookup for which there is no thread and none can be started
//! fails. With `HickoryResolver` of the crate `biosock-hickory`, or another
//! `AsyncResolver`, async dials use no thread.
//!
//! A name server decides how many addresses an answer has, but not how long the calling
//! thread works on them: a dial uses, of each answer and of a list of addresses, the
//! first 256 of a family, or [`Pace::max_attempts`] if that is more; of a name in
//! /etc/hosts, those on its first 1,024 lines; and 16 prefixes of a NAT64. With an
//! [`AddressHistory`] each address may take five system calls.

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
