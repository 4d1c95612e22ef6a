//! `biosock connect`.

use biosock::{AddrInfo, Lookup, Options, Protocol, Socket, SocketAddr, Type};
use serde_json::json;

use crate::args::ConnectArgs;
use crate::bound::addresses;
use crate::call::{BIND, CONNECT, LOOKUP, SOCKET, and_options};
use crate::failure::{Attempt, Failure, Result};
use crate::output::{Output, duration};
use crate::target::Source;
use crate::transfer;

pub(crate) fn run(args: &ConnectArgs, out: &Output) -> Result<()> {
    let (socket, peer) = reach(args, out)?;
    let local = socket.local_addr().map_or(String::new(), |addr| addr.to_string());
    out.event(&json!({ "event": "connected", "peer": peer.to_string(), "local": local }), None);
    transfer::standard_streams(&socket, &peer, args.transfer, out)
}

/// Connects to the first address that answers.
fn reach(args: &ConnectArgs, out: &Output) -> Result<(Socket, SocketAddr)> {
    let mut attempts = Vec::new();
    for AddrInfo { addr, .. } in candidates(args, out)? {
        match attempt(&addr, args, out) {
            Ok(socket) => return Ok((socket, addr)),
            Err(error) => attempts.push(Attempt { address: addr.to_string(), error }),
        }
    }
    Err(Failure::all_failed(&format!("connect to {}", args.target), attempts))
}

fn candidates(args: &ConnectArgs, out: &Output) -> Result<Vec<AddrInfo>> {
    if let Some(unix) = args.target.unix_answer(Type::STREAM) {
        return Ok(vec![unix]);
    }
    let family = args.family.domain();
    let lookup = args.target.lookup(family).socktype(Type::STREAM);
    let words = format!("{}, {family} family, stream", args.target);
    Ok(out.call(LOOKUP, words, || lookup.run(), |found| addresses(found))?)
}

fn attempt(addr: &SocketAddr, args: &ConnectArgs, out: &Output) -> biosock::Result<Socket> {
    let socket = create(addr, args, out)?;
    if let Some(source) = &args.bind {
        bind(&socket, source, addr, out)?;
    }
    let options = args.stream.options();
    let limit = args.timeout.map_or(String::new(), |time| format!(", within {}", duration(time)));
    let connect = || match args.timeout {
        Some(timeout) => socket.connect_timeout(addr, options, timeout),
        None => socket.connect(addr, options).map(drop),
    };
    let words = format!("to {addr}{}{limit}", and_options(options));
    out.call(CONNECT, words, connect, |()| "connected".into())?;
    Ok(socket)
}

fn create(addr: &SocketAddr, args: &ConnectArgs, out: &Output) -> biosock::Result<Socket> {
    let family = addr.family();
    let (protocol, create): (_, &dyn Fn() -> biosock::Result<Socket>) = if args.mptcp {
        (Protocol::MPTCP, &|| Socket::mptcp(family, Options::empty()))
    } else {
        (Protocol::DEFAULT, &|| Socket::stream_for(addr, Options::empty()))
    };
    let tell = |socket: &Socket| match socket.protocol() {
        Ok(protocol) if args.mptcp => format!("created, {protocol}"),
        _ => "created".into(),
    };
    out.call(SOCKET, format!("{family} stream, {protocol} protocol"), create, tell)
}

/// Binds the first address of the source that is of the peer's family.
fn bind(socket: &Socket, source: &Source, peer: &SocketAddr, out: &Output) -> biosock::Result<()> {
    let family = peer.family();
    let lookup = Lookup::new().host(&source.host).service(&source.service);
    let lookup = lookup.family(family).socktype(Type::STREAM).passive();
    let words = format!("{source}, {family}, stream, passive");
    let found = out.call(LOOKUP, words, || lookup.run(), |found| addresses(found))?;
    let mut result = Ok(());
    for AddrInfo { addr, .. } in found {
        // A chosen port is one to come back to.
        let reuse = if addr.port() == Some(0) { Options::empty() } else { Options::REUSEADDR };
        let words = format!("to {addr}{}", and_options(reuse));
        result = out.call(BIND, words, || socket.bind(&addr, reuse), |()| "bound".into());
        if result.is_ok() {
            break;
        }
    }
    result
}
