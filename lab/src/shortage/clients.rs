//! The clients: all connect at once, and each waits to be served.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::Result;

/// Only ends what hangs: the whole run, and a wait for the server.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects this often, to the addresses in turn, and reports the results in two lines
/// of JSON: once all are connected or refused, and once all are served or lost.
///
/// # Errors
/// Too few descriptors are allowed.
pub fn run(count: usize, addrs: &[SocketAddr]) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let end = Instant::now() + PATIENCE;
    let left = || end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let connect = |addr: &SocketAddr| TcpStream::connect_timeout(addr, left());
    let tried: Vec<_> = addrs.iter().cycle().take(count).map(connect).collect();
    let connected: Vec<_> = tried.into_iter().flatten().collect();
    println!("{}", json!({"connected": connected.len(), "refused": count - connected.len()}));

    let served = connected.iter().filter(|stream| is_served(stream)).count();
    println!("{}", json!({"served": served, "lost": connected.len() - served}));
    Ok(())
}

/// Whether the server's byte arrives, and then the end.
fn is_served(mut stream: &TcpStream) -> bool {
    let mut heard = Vec::new();
    stream.set_read_timeout(Some(PATIENCE)).is_ok()
        && stream.read_to_end(&mut heard).is_ok()
        && heard == super::server::GREETING
}
