//! A library call: routine, arguments, result and duration.

use std::time::{Duration, Instant};

use biosock::{AddrInfo, SocketAddr};
use serde_json::{Value, json};

/// A routine, by its names in C and Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Routine {
    pub(crate) c: &'static str,
    pub(crate) rust: &'static str,
}

const fn routine(c: &'static str, rust: &'static str) -> Routine {
    Routine { c, rust }
}

pub(crate) const LOOKUP: Routine = routine("BIO_lookup_ex", "Lookup::run");
pub(crate) const NAMES: Routine = routine("BIO_ADDR_hostname_string", "SocketAddr::names");
pub(crate) const SOCKET: Routine = routine("BIO_socket", "Socket::new");
pub(crate) const BIND: Routine = routine("BIO_bind", "Socket::bind");
pub(crate) const CONNECT: Routine = routine("BIO_connect", "Socket::connect");
pub(crate) const DIAL_LOOKUP: Routine = routine("BIO_lookup_ex", "Dialer::dial");
pub(crate) const DIAL_CONNECT: Routine = routine("BIO_connect", "Dialer::dial");
pub(crate) const LISTEN: Routine = routine("BIO_listen", "Socket::listen");
pub(crate) const LISTEN_ALL: Routine = routine("BIO_listen", "Listen::listen");
pub(crate) const PASSED: Routine = routine("sd_listen_fds", "Listeners::inherited");
pub(crate) const LOCAL_ADDR: Routine = routine("BIO_sock_info", "Socket::local_addr");
pub(crate) const WAIT: Routine = routine("BIO_socket_wait", "Socket::wait");
pub(crate) const ACCEPT: Routine = routine("BIO_accept_ex", "Socket::accept");
pub(crate) const ACCEPT_ANY: Routine = routine("BIO_accept_ex", "Incoming::next");
pub(crate) const CLOSE: Routine = routine("BIO_closesocket", "Socket::close");
// Not in BIO_connect(3), which leaves moving bytes to BIO_write(3) and BIO_read(3).
pub(crate) const SHUTDOWN: Routine = routine("shutdown(2)", "Socket::shutdown");
pub(crate) const WRITE_READ: Routine = routine("BIO_write, BIO_read", "Write, Read");

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) routine: Routine,
    pub(crate) arguments: String,
    pub(crate) result: String,
    pub(crate) ok: bool,
    pub(crate) elapsed: Duration,
}

impl Call {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "routine": self.routine.c, "rust": self.routine.rust, "arguments": self.arguments,
            "result": self.result, "ok": self.ok, "seconds": self.elapsed.as_secs_f64(),
        })
    }
}

pub(crate) fn timed<T>(
    routine: Routine,
    arguments: String,
    run: impl FnOnce() -> biosock::Result<T>,
    describe: impl FnOnce(&T) -> String,
) -> (Call, biosock::Result<T>) {
    let start = Instant::now();
    let result = run();
    let elapsed = start.elapsed();
    let text = result.as_ref().map_or_else(|error| error.why().to_string(), describe);
    (Call { routine, arguments, result: text, ok: result.is_ok(), elapsed }, result)
}

/// The options as printed after an address: `, KEEPALIVE NODELAY`.
pub(crate) fn and_options(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!(", {}", names.join(" ")) }
}

/// The result of a lookup: its addresses.
pub(crate) fn addresses(found: &[AddrInfo]) -> String {
    listed(found.iter().map(|found| &found.addr))
}

pub(crate) fn listed<'a>(addrs: impl IntoIterator<Item = &'a SocketAddr>) -> String {
    let texts: Vec<_> = addrs.into_iter().map(ToString::to_string).collect();
    texts.join(", ")
}
