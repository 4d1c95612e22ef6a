//! Serves one connection by standard input and output, and reports it.

use std::time::Instant;

use biosock::{Socket, SocketAddr};

use crate::args::TransferArgs;
use crate::failure::Result;
use crate::output::Output;
use crate::progress::Progress;
use crate::relay::{Relay, Turn};
use crate::traffic::{Counters, Total};

/// Moves bytes both ways until both sides have ended, and closes the connection.
pub(crate) fn standard_streams(
    socket: &Socket,
    peer: &SocketAddr,
    args: TransferArgs,
    turn: Turn,
    out: &Output,
) -> Result<()> {
    let start = Instant::now();
    let counters = Counters::default();
    let relay = Relay { socket, peer, turn, counters: &counters, out };
    let done = std::thread::scope(|scope| {
        let _progress = args.progress.then(|| Progress::start(scope, &counters)).transpose()?;
        relay.run()
    });
    let (sent, received) = (counters.sent(), counters.received());
    Total { sent, received, took: start.elapsed() }.report(peer, out);
    done
}
