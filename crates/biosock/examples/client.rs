//! Looks a name up, tries each address, sends a line and prints the answer.
//!
//! ```sh
//! cargo run -p biosock --example client -- localhost:80 'GET / HTTP/1.0'
//! ```

use std::error::Error;
use std::io::{Write, copy, stdout};
use std::process::ExitCode;

use biosock::{ConnectOptions, KeepAlive, Lookup, Priority, Shutdown, Socket, Type};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(target), Some(line)) = (args.next(), args.next()) else {
        return Err("usage: client HOST:SERVICE LINE".into());
    };
    let mut socket = connect(&target)?;
    write!(socket, "{line}\r\n\r\n")?;
    socket.shutdown(Shutdown::Write)?;
    copy(&mut socket, &mut stdout().lock())?;
    Ok(())
}

/// Connects to the first address that answers; fails with the last one's error.
fn connect(target: &str) -> Result<Socket, Box<dyn Error>> {
    let found = Lookup::parse(target, Priority::Host)?.socktype(Type::STREAM).run()?;
    let options = ConnectOptions::new().keepalive(KeepAlive::default()).nodelay(true);
    for candidate in &found {
        let socket = Socket::stream_for(&candidate.addr)?;
        match socket.connect_with(&candidate.addr, &options) {
            Ok(()) => return Ok(socket),
            Err(error) => eprintln!("client: {error}"),
        }
    }
    Err(format!("no address of {target} answered").into())
}
