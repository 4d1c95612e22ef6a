//! The demo's race: of three addresses the first refuses and the second is
//! silent.

use std::io;
use std::time::Duration;

use biosock::dial::{DialError, Dialed, Dialer};
use biosock::{Options, Socket, SocketAddr};
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
/// A listener of this machine that has not answered by then will not.
const ANSWERED: Duration = Duration::from_millis(200);
/// With room for one connection a listener is full after a few.
const MOST: usize = 16;

/// Shows the race, and tells whether nothing was wrong with it.
pub(crate) fn show(out: &Output) -> Result<bool> {
    let addresses = match Addresses::set_up() {
        Ok(addresses) => addresses,
        Err(error) if family_is_off(&error) => {
            let detail = format!("left out: this system has no IPv4 ({error})");
            return tell(out, Vec::new(), "off", &detail).map(|()| true);
        }
        Err(error) => return tell(out, Vec::new(), "wrong", &error.to_string()).map(|()| false),
    };
    let dialed = Dialer::new().timeout(PATIENCE).dial_addrs(&addresses.all());
    let report = dialed.as_ref().map_or_else(DialError::report, |dialed| &dialed.report);
    let rows = race::rows(report);
    let ended = match &dialed {
        Ok(Dialed { addr, .. }) => Ok(addr.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let right = ended.as_ref().is_ok_and(|winner| *winner == addresses.answers.to_string());
    let detail = match &ended {
        Ok(winner) => format!("connected to {winner} after {}", duration(report.elapsed)),
        Err(message) => message.clone(),
    };
    let lines = if out.json() {
        vec![json::line(&race::to_json("three addresses", report, ended.as_deref()))]
    } else {
        timeline::draw(&rows, report.elapsed, &Terminal::of(&io::stdout()))
    };
    tell(out, lines, if right { "right" } else { "wrong" }, &detail).map(|()| right)
}

fn tell(out: &Output, lines: Vec<String>, verdict: &str, detail: &str) -> Result<()> {
    if out.json() {
        let last = json!({ "event": "verdict", "family": "race", "verdict": verdict, "detail": detail });
        return out.lines(lines.into_iter().chain([json::line(&last)]));
    }
    let end = format!("Race: {verdict}: {}", escape(detail));
    let head = String::from("Race of three addresses: one refuses, one is silent, one answers");
    out.lines([head].into_iter().chain(lines).chain([end, String::new()]))
}

/// Three addresses of this machine, and what makes them so.
struct Addresses {
    refuses: SocketAddr,
    silent: SocketAddr,
    answers: SocketAddr,
    _sockets: Vec<Socket>,
}

impl Addresses {
    fn set_up() -> biosock::Result<Self> {
        let any = "127.0.0.1:0".parse()?;
        let options = Options::empty();
        let (bound, full, open) = (stream(&any)?, stream(&any)?, stream(&any)?);
        bound.bind(&any, options)?;
        full.listen_with_backlog(&any, options, 0)?;
        open.listen(&any, options)?;
        let (refuses, silent, answers) = (bound.local_addr()?, full.local_addr()?, open.local_addr()?);
        let mut sockets = vec![bound, full, open];
        sockets.extend(fill(&silent)?);
        Ok(Self { refuses, silent, answers, _sockets: sockets })
    }

    fn all(&self) -> [SocketAddr; 3] {
        [self.refuses, self.silent, self.answers]
    }
}

/// Connects until the queue is full: Linux leaves whoever comes then without
/// an answer.
fn fill(listener: &SocketAddr) -> biosock::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for _ in 0..MOST {
        let socket = stream(listener)?;
        let verdict = socket.start_connect(listener, Options::NONBLOCK)?.wait(Some(ANSWERED));
        sockets.push(socket);
        match verdict {
            Some(verdict) => verdict?,
            None => break,
        }
    }
    Ok(sockets)
}

fn stream(addr: &SocketAddr) -> biosock::Result<Socket> {
    Socket::stream_for(addr, Options::empty())
}
