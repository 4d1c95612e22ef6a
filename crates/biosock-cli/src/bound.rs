//! Opening the listening socket.

use biosock::{AddrInfo, Domain, Options, Socket, SocketAddr, Type};
use rustix::io::Errno;

use crate::args::ListenArgs;
use crate::call::{LISTEN, LOCAL_ADDR, LOOKUP, SOCKET, and_options};
use crate::failure::{Attempt, Failure, Result};
use crate::output::Output;
use crate::socket_file::{SocketFile, is};
use crate::target::Target;

/// A listening socket, and the address that it got.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) socket: Socket,
    pub(crate) addr: SocketAddr,
}

/// Listens on the first address of the target that can be.
pub(crate) fn open(args: &ListenArgs, out: &Output, file: &SocketFile) -> Result<Bound> {
    let socket = match &args.target {
        Target::Unix(addr) => {
            let addr = SocketAddr::Unix(*addr);
            file.make(&addr, || listen(&addr, args, out))?
        }
        Target::Ip { .. } => first(&candidates(args, out)?, args, out)?,
    };
    let addr = out.call(LOCAL_ADDR, "", || socket.local_addr(), ToString::to_string)?;
    Ok(Bound { socket, addr })
}

/// The addresses to try. Without a host that is IPv6's wildcard, which takes
/// IPv4 too, and where there is no IPv6, IPv4's. Each family is asked for by
/// itself: the resolver leaves out one whose only address is loopback's.
fn candidates(args: &ListenArgs, out: &Output) -> Result<Vec<AddrInfo>> {
    let any_host = matches!(args.target, Target::Ip { host: None, .. });
    let families = match args.family.domain() {
        Domain::UNSPEC if any_host && args.v6only => vec![Domain::IPV6],
        Domain::UNSPEC if any_host => vec![Domain::IPV6, Domain::IPV4],
        family => vec![family],
    };
    let mut found = Vec::new();
    for family in families {
        let lookup = args.target.lookup(family).passive().socktype(Type::STREAM);
        let words = format!("{}, {family}, stream, passive", args.target);
        found.extend(out.call(LOOKUP, words, || lookup.run(), |found| addresses(found))?);
    }
    Ok(found)
}

pub(crate) fn addresses(found: &[AddrInfo]) -> String {
    let texts: Vec<_> = found.iter().map(|found| found.addr.to_string()).collect();
    texts.join(", ")
}

fn first(candidates: &[AddrInfo], args: &ListenArgs, out: &Output) -> Result<Socket> {
    let wildcards = matches!(args.target, Target::Ip { host: None, .. });
    let mut attempts = Vec::new();
    for AddrInfo { addr, .. } in candidates {
        match listen(addr, args, out) {
            Ok(socket) => return Ok(socket),
            // Half of "every address" is not what was asked for; only a
            // family that is off is left out.
            Err(error) if wildcards && !family_is_off(&error) => return Err(error.into()),
            Err(error) => attempts.push(Attempt { address: addr.to_string(), error }),
        }
    }
    Err(Failure::all_failed(&format!("listen on {}", args.target), attempts))
}

pub(crate) fn family_is_off(error: &biosock::Error) -> bool {
    is(error, Errno::AFNOSUPPORT) || is(error, Errno::ADDRNOTAVAIL)
}

fn listen(addr: &SocketAddr, args: &ListenArgs, out: &Output) -> biosock::Result<Socket> {
    let mut options = args.stream.options();
    options.set(Options::REUSEADDR, args.reuseaddr);
    options.set(Options::V6_ONLY, args.v6only);
    let family = addr.family();
    let socket = out.call(
        SOCKET,
        format!("{family} stream"),
        || Socket::stream_for(addr, Options::empty()),
        |_| "created".into(),
    )?;
    let backlog = args.backlog.map_or(String::new(), |backlog| format!(", backlog {backlog}"));
    out.call(
        LISTEN,
        format!("on {addr}{}{backlog}", and_options(options)),
        || socket.listen_with_backlog(addr, options, args.backlog.unwrap_or(u32::MAX)),
        |()| "listening".into(),
    )?;
    Ok(socket)
}
