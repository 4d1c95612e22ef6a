//! `biosock connect`.

#[path = "../common/mod.rs"]
mod common;

mod dial;
mod output;
mod signals;
mod transfer;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

/// A server for one connection, which reads to the end, answers and closes.
fn answering(answer: &'static [u8]) -> (String, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        socket.write_all(answer).unwrap();
        heard
    });
    (addr, server)
}
