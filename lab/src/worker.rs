//! Threads that serve until they are stopped.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A serving thread; dropping this ends it.
#[derive(Debug)]
pub struct Worker {
    wanted: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

/// Signals the thread to end.
#[derive(Debug)]
pub struct Stop(UnixStream);

impl Worker {
    /// Starts a thread, in the caller's namespaces.
    ///
    /// # Errors
    /// There is no descriptor or thread left.
    pub fn start(
        name: &str,
        serve: impl FnOnce(Stop) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (wanted, stop) = UnixStream::pair()?;
        let told = name.to_owned();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            if let Err(error) = serve(Stop(stop)) {
                eprintln!("biosock-lab: the {told} ended: {error}");
            }
        })?;
        Ok(Self { wanted: Some(wanted), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.wanted = None;
        // A thread that panicked has already reported it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Stop {
    /// Waits until one of these is readable, until the given time, or until the thread
    /// should end, which is `None`; returns which are readable.
    ///
    /// # Errors
    /// poll(2)'s.
    pub fn wait(&self, readers: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<Option<Vec<bool>>> {
        let mut watched = vec![PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        watched.extend(readers.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
        match poll(&mut watched, until.map(time_left).as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<_> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        Ok(if ready[0] { None } else { Some(ready[1..].to_vec()) })
    }
}

fn time_left(until: Instant) -> Timespec {
    let left = until.saturating_duration_since(Instant::now()).min(Duration::from_secs(3600));
    // At most an hour, which fits.
    Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ }
}
