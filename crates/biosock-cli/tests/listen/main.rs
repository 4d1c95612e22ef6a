//! `biosock listen`.

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod echo;
mod exec;
mod shortage;
mod signals;
mod standard_streams;
mod unix;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use common::DEADLINE;

fn dial(addr: &str) -> TcpStream {
    let socket = TcpStream::connect(addr).expect("listens");
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Sends, ends, and reads the answer.
fn exchange(mut socket: impl Read + Write, end: impl FnOnce(), bytes: &[u8]) -> Vec<u8> {
    socket.write_all(bytes).unwrap();
    end();
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    heard
}

fn exchange_tcp(addr: &str, bytes: &[u8]) -> Vec<u8> {
    let socket = dial(addr);
    exchange(&socket, || socket.shutdown(Shutdown::Write).unwrap(), bytes)
}

fn exchange_unix(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let socket = UnixStream::connect(path).expect("listens");
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    exchange(&socket, || socket.shutdown(Shutdown::Write).unwrap(), bytes)
}

fn socket_path(directory: &tempfile::TempDir) -> (PathBuf, String) {
    let path = directory.path().join("s.sock");
    let target = format!("unix:{}", path.display());
    (path, target)
}
