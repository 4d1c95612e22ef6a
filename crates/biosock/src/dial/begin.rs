//! How an attempt starts: its socket, and the connect.

use super::settings::Settings;
use crate::connect::is_queue_full;
use crate::{Result, Socket, SocketAddr};

/// The result of starting to connect.
pub(super) enum Started {
    Done,
    InProgress,
    QueueFull,
}

/// Creates a socket, blocking or not, and starts to connect it.
pub(super) fn begin(settings: &Settings, addr: &SocketAddr, nonblocking: bool) -> Result<(Socket, Started)> {
    let socket = settings.socket_for(addr, nonblocking)?;
    settings.prepare(&socket, addr)?;
    let started = connect(settings, &socket, addr)?;
    Ok((socket, started))
}

pub(super) fn connect(settings: &Settings, socket: &Socket, addr: &SocketAddr) -> Result<Started> {
    match socket.begin_connect(addr, &settings.connect.fit_for(addr.family())) {
        Ok(connecting) if connecting.is_connected() => Ok(Started::Done),
        Ok(_) => Ok(Started::InProgress),
        Err(error) if is_queue_full(&error, addr) => Ok(Started::QueueFull),
        Err(error) => Err(error),
    }
}
