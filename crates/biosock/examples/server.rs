//! Listens on every address that a name gives and echoes each connection.
//!
//! ```sh
//! cargo run -p biosock --example server -- localhost:7777
//! ```

use std::error::Error;
use std::io::copy;
use std::thread;

use biosock::{Lookup, Options, Priority, Socket, Type};

fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::args().nth(1).unwrap_or_else(|| "localhost:0".into());
    let found = Lookup::parse(&target, Priority::Service)?.passive().socktype(Type::STREAM).run()?;
    thread::scope(|scope| {
        for candidate in found {
            let listener = Socket::stream_for(&candidate.addr, Options::empty())?;
            // V6_ONLY lets the IPv4 address of the same name have a socket of its own.
            listener.listen(&candidate.addr, Options::REUSEADDR | Options::V6_ONLY)?;
            println!("listening on {}", listener.local_addr()?);
            scope.spawn(move || serve(&listener));
        }
        Ok(())
    })
}

fn serve(listener: &Socket) {
    loop {
        match listener.accept(Options::empty()) {
            Ok((socket, peer)) => match copy(&mut &socket, &mut &socket) {
                Ok(bytes) => println!("{peer}: {bytes} bytes"),
                Err(error) => println!("{peer}: {error}"),
            },
            Err(error) => return eprintln!("server: {error}"),
        }
    }
}
