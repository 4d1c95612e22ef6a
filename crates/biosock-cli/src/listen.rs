//! `biosock listen`.

use serde_json::json;

use crate::args::ListenArgs;
use crate::call::LOCAL_ADDR;
use crate::exec::Children;
use crate::failure::{Failure, Result};
use crate::listeners;
use crate::output::Output;
use crate::serve::Server;
use crate::signal;
use crate::socket_file::SocketFiles;

pub(crate) fn run(args: &ListenArgs, out: &Output) -> Result<()> {
    // Before anything is opened, since that might get the number of a missing descriptor.
    let inherited = if args.activated { Some(listeners::inherited(out)?) } else { None };
    let files = SocketFiles::default();
    let children = Children::default();
    clean_up_on_signal(&files, &children)?;
    if args.exec.is_some() || signal::is_init() {
        children.reap()?;
    }
    let listeners = match inherited {
        Some(inherited) => inherited,
        None => listeners::open(args, out, &files)?,
    };
    for socket in listeners.sockets() {
        let addr = out.call(LOCAL_ADDR, "", || socket.local_addr(), ToString::to_string)?.to_string();
        let event = json!({ "event": "listening", "address": addr });
        out.event(&event, Some(&format!("listening on {addr}")));
    }
    let served = Server::new(args, out, &files, children).run(listeners);
    files.remove();
    served
}

/// Called before there is a file, so that no signal comes in between.
fn clean_up_on_signal(files: &SocketFiles, children: &Children) -> Result<()> {
    let (files, children) = (files.clone(), children.clone());
    let clean_up = move || {
        children.end();
        files.remove();
    };
    signal::at_end(clean_up).map_err(|error| Failure::start("handle signals", &error))
}
