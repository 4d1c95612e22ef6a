//! `--exec`: a command for each connection.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use biosock::{Socket, SocketAddr};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::closing::{self, Until};
use crate::failure::{Failure, Result};

/// The commands that run, each leader of a process group of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children(Arc<Mutex<Vec<Pid>>>);

impl Children {
    /// Runs a command with the socket as its standard input and output, waits
    /// for its end and closes the connection.
    pub(crate) fn run(&self, command: &OsStr, socket: &Socket, peer: &SocketAddr) -> Result<()> {
        // The connection ends with the command, whatever else holds it.
        self.run_to_end(command, socket, peer).and(closing::close(socket, peer, Until::PeerEnd))
    }

    fn run_to_end(&self, command: &OsStr, socket: &Socket, peer: &SocketAddr) -> Result<()> {
        let local = socket.local_addr()?;
        let (child, pid) = self
            .spawn(command, socket, peer, &local)
            .map_err(|error| Failure::io("start the command by sh", &error))?;
        let status = self.wait(child, pid).map_err(|error| Failure::io("wait for the command", &error))?;
        if status.success() {
            return Ok(());
        }
        let command = command.to_string_lossy();
        Err(Failure::new(format!("the command '{command}' for {peer} failed: {status}")))
    }

    fn spawn(
        &self,
        command: &OsStr,
        socket: &Socket,
        peer: &SocketAddr,
        local: &SocketAddr,
    ) -> io::Result<(Child, Pid)> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).process_group(0);
        shell.env("BIOSOCK_PEER", peer.to_string()).env("BIOSOCK_LOCAL", local.to_string());
        shell.stdin(socket.as_fd().try_clone_to_owned()?).stdout(socket.as_fd().try_clone_to_owned()?);
        // No child may start that `end` would not see.
        let mut running = self.lock();
        let child = shell.spawn()?;
        let pid = Pid::from_child(&child);
        running.push(pid);
        Ok((child, pid))
    }

    /// The child is reaped only once it is off the list: until then its
    /// number cannot have become another process'.
    fn wait(&self, mut child: Child, pid: Pid) -> io::Result<ExitStatus> {
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        self.lock().retain(|running| *running != pid);
        child.wait()
    }

    /// Ends every command, and lets none start from now on: for use when the
    /// process is about to end.
    pub(crate) fn end(&self) {
        let running = self.lock();
        for &pid in &*running {
            // It may have ended in this moment.
            let _ = kill_process_group(pid, Signal::TERM);
        }
        std::mem::forget(running);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
