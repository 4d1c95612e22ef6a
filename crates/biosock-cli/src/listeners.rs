//! Opening the listening sockets.

use biosock::Family;
use biosock::listeners::{Listen, Listeners};
use rustix::io::Errno;

use crate::args::ListenArgs;
use crate::call::{LISTEN_ALL, PASSED, and_options};
use crate::failure::{Failure, Result, has_errno};
use crate::output::Output;
use crate::socket_file::SocketFiles;
use crate::target::Target;

/// Listens on every address of the target, or on the inherited sockets.
pub(crate) fn open(args: &ListenArgs, out: &Output, files: &SocketFiles) -> Result<Listeners> {
    let Some(target) = &args.target else { return inherited(out) };
    let (text, how) = (target.to_string(), how(args, target));
    let backlog = args.backlog.map_or(String::new(), |backlog| format!(", backlog {backlog}"));
    let words = format!("{text}{}{backlog}", and_options(&args.stream.names()));
    let listen = || how.listen(&text);
    let run = || match target {
        Target::Unix(_) => files.note(listen),
        // No file, and a signal need not wait for the resolver.
        Target::Ip { .. } => listen(),
    };
    out.call(LISTEN_ALL, words, run, sockets).map_err(|error| {
        let failure = Failure::from(&error);
        let is_ip = matches!(target, Target::Ip { .. });
        if args.no_reuseaddr && is_ip && has_errno(&error, Errno::ADDRINUSE) {
            return failure.hint("choose another port, or omit --no-reuseaddr");
        }
        failure
    })
}

pub(crate) fn inherited(out: &Output) -> Result<Listeners> {
    let describe = |found: &Option<Listeners>| found.as_ref().map_or("none".into(), sockets);
    out.call(PASSED, "", Listeners::inherited, describe)?.ok_or_else(|| {
        Failure::new("no listening socket inherited")
            .hint("a service manager passes them (systemd.socket(5)); without one, give an address")
    })
}

fn how(args: &ListenArgs, target: &Target) -> Listen {
    let stream = args.stream;
    let how = Listen::new().keepalive(stream.keepalive()).nodelay(stream.nodelay).tfo(stream.tfo);
    let how = how.family(family(args, target));
    let how = how.reuseaddr(!args.no_reuseaddr).backlog(args.backlog.unwrap_or(u32::MAX));
    args.device.iter().fold(how, |how, device| how.device(device))
}

/// --v6only restricts the wildcard to IPv6.
fn family(args: &ListenArgs, target: &Target) -> Family {
    let is_wildcard = matches!(target, Target::Ip { host: None, .. });
    if args.v6only && is_wildcard { Family::Ipv6 } else { args.family.wanted() }
}

fn sockets(listeners: &Listeners) -> String {
    match listeners.sockets().len() {
        1 => "1 socket".into(),
        count => format!("{count} sockets"),
    }
}
