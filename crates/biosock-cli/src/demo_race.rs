//! The demo's race of three addresses: the first refuses, the second does not
//! answer.

use std::io;
use std::time::Duration;

use biosock::dial::{DialError, Dialed, Dialer};
use biosock::{ConnectOptions, ErrorKind, ListenOptions, Socket, SocketAddr};
use serde_json::json;

use crate::failure::{Result, family_is_off};
use crate::json;
use crate::output::Output;
use crate::race;
use crate::terminal::Terminal;
use crate::text::{duration, escape};
use crate::timeline;

/// How long the demo waits for the winner.
const PATIENCE: Duration = Duration::from_secs(10);
/// A local listener that has not answered after this long will not.
const ANSWERED: Duration = Duration::from_millis(200);
/// A listener with a backlog of 0 is full after a few connections.
const MOST: usize = 16;

/// Shows the race. Returns whether it went as expected.
pub(crate) fn show(out: &Output) -> Result<bool> {
    let addresses = match Addresses::set_up() {
        Ok(addresses) => addresses,
        Err(error) if family_is_off(&error) => {
            let detail = format!("this system has no IPv4 ({error})");
            return print(out, Vec::new(), "skipped", &detail).map(|()| true);
        }
        Err(error) => return print(out, Vec::new(), "failed", &error.to_string()).map(|()| false),
    };
    let dialed = Dialer::new().timeout(PATIENCE).dial_addrs(&addresses.all());
    let report = dialed.as_ref().map_or_else(DialError::report, |dialed| &dialed.report);
    let rows = race::rows(report);
    let ended = match &dialed {
        Ok(Dialed { addr, .. }) => Ok(addr.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let as_expected = ended.as_ref().is_ok_and(|winner| *winner == addresses.answers.to_string());
    let detail = match &ended {
        Ok(winner) => format!("connected to {winner} after {}", duration(report.elapsed)),
        Err(message) => message.clone(),
    };
    let lines = if out.json() {
        vec![json::line(&race::to_json("three addresses", report, ended.as_deref()))]
    } else {
        timeline::draw(&rows, report.elapsed, &Terminal::of(&io::stdout()))
    };
    print(out, lines, if as_expected { "ok" } else { "failed" }, &detail).map(|()| as_expected)
}

fn print(out: &Output, lines: Vec<String>, outcome: &str, detail: &str) -> Result<()> {
    if out.json() {
        let last = json!({ "event": "outcome", "family": "race", "outcome": outcome, "detail": detail });
        return out.lines(lines.into_iter().chain([json::line(&last)]));
    }
    let end = format!("Race: {outcome}: {}", escape(detail));
    let head = String::from("Race of three addresses: one refuses, one does not answer, one accepts");
    out.lines([head].into_iter().chain(lines).chain([end, String::new()]))
}

/// Three local addresses, and the sockets behind them.
struct Addresses {
    refuses: SocketAddr,
    silent: SocketAddr,
    answers: SocketAddr,
    _sockets: Vec<Socket>,
}

impl Addresses {
    fn set_up() -> biosock::Result<Self> {
        let any = "127.0.0.1:0".parse()?;
        let (bound, full, open) = (stream(&any)?, stream(&any)?, stream(&any)?);
        bound.bind(&any)?;
        full.listen_with(&any, &ListenOptions::new().backlog(0))?;
        open.listen(&any)?;
        let (refuses, silent, answers) = (bound.local_addr()?, full.local_addr()?, open.local_addr()?);
        let mut sockets = vec![bound, full, open];
        sockets.extend(fill(&silent)?);
        Ok(Self { refuses, silent, answers, _sockets: sockets })
    }

    fn all(&self) -> [SocketAddr; 3] {
        [self.refuses, self.silent, self.answers]
    }
}

/// Connects until the queue is full; Linux then does not answer further peers.
fn fill(listener: &SocketAddr) -> biosock::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for _ in 0..MOST {
        let socket = stream(listener)?;
        let outcome = socket.connect_with(listener, &ConnectOptions::new().timeout(ANSWERED));
        sockets.push(socket);
        match outcome {
            Err(error) if error.kind() == ErrorKind::TimedOut => break,
            outcome => outcome?,
        }
    }
    Ok(sockets)
}

fn stream(addr: &SocketAddr) -> biosock::Result<Socket> {
    Socket::stream_for(addr)
}
