//! `biosock listen`.

use serde_json::json;

use crate::args::ListenArgs;
use crate::bound;
use crate::exec::Children;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::serve::Server;
use crate::signal;
use crate::socket_file::SocketFile;

pub(crate) fn run(args: &ListenArgs, out: &Output) -> Result<()> {
    let file = SocketFile::default();
    let children = Children::default();
    tidy_on_signal(&file, &children)?;
    let bound = bound::open(args, out, &file)?;
    let addr = bound.addr.to_string();
    let event = json!({ "event": "listening", "address": addr });
    out.event(&event, Some(&format!("listening on {addr}")));
    let served = Server::new(args, out, &file, children).run(bound);
    file.remove();
    served
}

/// Before there is a file, so that no signal comes in between.
fn tidy_on_signal(file: &SocketFile, children: &Children) -> Result<()> {
    let (file, children) = (file.clone(), children.clone());
    let tidy = move || {
        children.end();
        file.remove();
    };
    signal::at_end(tidy).map_err(|error| Failure::io("take SIGINT and SIGTERM", &error))
}
