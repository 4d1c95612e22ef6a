//! One connection served by standard input and output, and told of.

use std::io;
use std::time::{Duration, Instant};

use biosock::{Socket, SocketAddr};
use serde_json::json;

use crate::args::TransferArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::progress::{self, Progress};
use crate::relay::{Counters, Relay, Turn};
use crate::text::duration;

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
    let (sent, received) = (progress::load(&counters.sent), progress::load(&counters.received));
    Moved { sent, received, took: start.elapsed() }.tell(peer, out);
    done
}

/// How much a connection carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) took: Duration,
}

impl Moved {
    pub(crate) fn tell(&self, peer: &SocketAddr, out: &Output) {
        let Self { sent, received, took } = self;
        let event = json!({
            "event": "closed", "peer": peer.to_string(),
            "sent": sent, "received": received, "seconds": took.as_secs_f64(),
        });
        let text = format!("{peer}: {sent} bytes sent, {received} received ({})", duration(*took));
        out.event(&event, out.verbose().then_some(&text));
    }
}

/// A failure to move bytes over a socket.
pub(crate) fn socket_failure(what: &str, error: &io::Error) -> Failure {
    let failure = Failure::io(what, error);
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            failure.hint("the peer closed before it had taken all that was sent")
        }
        io::ErrorKind::ConnectionRefused => {
            failure.hint("nothing listens there; TCP Fast Open tells it late")
        }
        _ => failure,
    }
}
