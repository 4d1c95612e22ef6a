//! `--exec`: a command for each connection.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use biosock::listeners::Listeners;
use biosock::{Socket, SocketAddr};
use nix::sys::signal::{self as signals, SigSet};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, wait};
use signal_hook::low_level::pipe;

use crate::background;
use crate::closing::{self, Fin, Until};
use crate::failure::{Failure, Result};

/// The running commands, each the leader of its own process group, with where
/// to send the exit status of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children(Arc<Mutex<HashMap<Pid, Sender<ExitStatus>>>>);

impl Children {
    /// Starts the one thread that waits for children. It waits for all: as PID 1
    /// of a container this process is also the parent of every orphan there
    /// (pid_namespaces(7)), and of children started before exec(3).
    pub(crate) fn reap(&self) -> Result<()> {
        let failure = |error: io::Error| Failure::start("wait for children", &error);
        let (mut ended, writer) = UnixStream::pair().map_err(failure)?;
        pipe::register(signals::SIGCHLD as i32, writer).map_err(failure)?;
        // A parent that uses signalfd(2) blocks it, and execve(2) keeps that.
        SigSet::from(signals::SIGCHLD).thread_unblock().map_err(|errno| failure(errno.into()))?;
        let children = self.clone();
        let wait = move || {
            loop {
                children.reap_ended();
                // The other end belongs to the handler and is never closed.
                if ended.read(&mut [0; 64]).is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
                    return;
                }
            }
        };
        background::spawn("children", wait).map_err(failure)
    }

    /// Holds the lock, so that no command is started or ended meanwhile: until a
    /// child is reaped, its PID cannot be another process'.
    fn reap_ended(&self) {
        let mut running = self.lock();
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if let Some(waiting) = running.remove(&pid) {
                // Fails only if nothing waits for it.
                let _ = waiting.send(ExitStatus::from_raw(status.as_raw()));
            }
        }
    }

    /// Runs a command with the socket as its standard input and output, waits
    /// for it and closes the connection.
    pub(crate) fn run(&self, command: &OsStr, socket: &Socket, peer: &SocketAddr) -> Result<()> {
        // The connection ends with the command, even if its children hold it.
        self.run_to_end(command, socket, peer).and(closing::close(
            socket,
            peer,
            Until::PeerEnd,
            Fin::NotKnown,
        ))
    }

    fn run_to_end(&self, command: &OsStr, socket: &Socket, peer: &SocketAddr) -> Result<()> {
        let local = socket.local_addr()?;
        let ended = self
            .spawn(command, socket, peer, &local)
            .map_err(|error| Failure::start("start the command with /bin/sh", &error))?;
        let status = ended.recv().map_err(|_| Failure::new("wait for the command: exit status unknown"))?;
        if status.success() {
            return Ok(());
        }
        let command = command.to_string_lossy();
        Err(Failure::new(format!("command '{command}' for {peer} failed: {status}")))
    }

    fn spawn(
        &self,
        command: &OsStr,
        socket: &Socket,
        peer: &SocketAddr,
        local: &SocketAddr,
    ) -> io::Result<Receiver<ExitStatus>> {
        // Like system(3), not the first in PATH.
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).process_group(0);
        shell.env("BIOSOCK_PEER", peer.to_string()).env("BIOSOCK_LOCAL", local.to_string());
        shell.stdin(socket.as_fd().try_clone_to_owned()?).stdout(socket.as_fd().try_clone_to_owned()?);
        // They describe the listeners of this process.
        for name in Listeners::INHERITED_ENV {
            shell.env_remove(name);
        }
        let (sender, ended) = mpsc::channel();
        // `end` must see every child, and none may be reaped before it is inserted.
        let mut running = self.lock();
        let pid = Pid::from_child(&shell.spawn()?);
        running.insert(pid, sender);
        Ok(ended)
    }

    /// Ends every command and prevents others from starting, before the process exits.
    pub(crate) fn end(&self) {
        let running = self.lock();
        for &pid in running.keys() {
            // It may have just ended.
            let _ = kill_process_group(pid, Signal::TERM);
        }
        std::mem::forget(running);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pid, Sender<ExitStatus>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
