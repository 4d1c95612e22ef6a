//! Servers that accept and close.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::os::fd::AsFd;

use crate::scenario::{PORT, Scenario};
use crate::worker::{Stop, Worker};

/// Listens on every address where something listens in the scenario, in the calling
/// thread's network.
///
/// # Errors
/// bind(2)'s.
pub fn serve(scenario: &Scenario) -> io::Result<Worker> {
    let hosts = scenario.hosts().into_iter().filter(|(_, host)| host.listens());
    let listeners = hosts.map(|(addr, _)| listen(addr)).collect::<io::Result<Vec<_>>>()?;
    Worker::start("listeners", move |stop| accept(&listeners, &stop))
}

fn listen(addr: IpAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((addr, PORT))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn accept(listeners: &[TcpListener], stop: &Stop) -> io::Result<()> {
    let fds: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
    while let Some(ready) = stop.wait(&fds, None)? {
        for (listener, _) in listeners.iter().zip(ready).filter(|(_, ready)| *ready) {
            // A connection that ended meanwhile is none; either way it is closed at once.
            drop(listener.accept());
        }
    }
    Ok(())
}
