//! Listens on every address of a name, or on what systemd or a parent passed, and
//! echoes each connection.
//!
//! ```sh
//! cargo run -p biosock --example server -- localhost:7777
//! ```

use std::error::Error;
use std::io::copy;
use std::thread;

use biosock::listeners::{Event, Listen, Listeners};
use biosock::{Cancel, Socket, SocketAddr};

fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::args().nth(1).unwrap_or_else(|| "localhost:0".into());
    let listeners = match Listeners::inherited()? {
        Some(passed) => passed,
        None => Listen::new().listen(&target)?,
    };
    for addr in listeners.addrs()? {
        println!("listening on {addr}");
    }
    // Never cancelled: a signal ends the program.
    let cancel = Cancel::new()?;
    listeners.serve(&cancel, |event| match event {
        Event::Connection(socket, peer) => start(socket, peer),
        Event::Failure { error, backoff } => eprintln!("server: {error}; next try in {backoff:?}"),
    })?;
    Ok(())
}

fn start(socket: Socket, peer: SocketAddr) {
    if let Err(error) = thread::Builder::new().spawn(move || echo(&socket, &peer)) {
        eprintln!("server: no thread for {peer}: {error}");
    }
}

fn echo(socket: &Socket, peer: &SocketAddr) {
    match copy(&mut { socket }, &mut { socket }) {
        Ok(bytes) => println!("{peer}: {bytes} bytes"),
        Err(error) => println!("{peer}: {error}"),
    }
}
