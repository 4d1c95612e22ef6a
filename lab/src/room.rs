//! A room: a network namespace with a thread that lives in it.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};

use crate::{Failure, Result, kernel};

type Job = Box<dyn FnOnce() + Send>;

/// A network of its own, empty except for a loopback device that is up, with its own
/// mounts. It vanishes when this, the processes started in it and its open sockets are
/// gone.
#[derive(Debug)]
pub struct Room {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Room {
    /// Creates one.
    ///
    /// # Errors
    /// Why there can be none: not root, or no iproute2.
    pub fn open() -> Result<Self> {
        let (jobs, work) = channel();
        let (tell, entered) = channel();
        let thread = thread::Builder::new().name("room".into()).spawn(move || {
            let entry = enter();
            let inside = entry.is_ok();
            if tell.send(entry).is_ok() && inside {
                live(&work);
            }
        })?;
        let room = Self { jobs: Some(jobs), thread: Some(thread) };
        entered.recv()?.map_err(|error| format!("no network namespace (root is needed): {error}"))?;
        room.ip(&["link set lo up"])?;
        Ok(room)
    }

    /// Creates one in which these files are FIFOs, to which nothing writes.
    ///
    /// # Errors
    /// As [`open`](Self::open); mount(2)'s.
    pub fn with_fifos(files: &[&'static str]) -> Result<Self> {
        let room = Self::open()?;
        let directory = tempfile::tempdir()?;
        let fifo = directory.path().join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        files.iter().try_for_each(|file| room.replace(file, &fifo))?;
        Ok(room)
    }

    /// Runs a job in it. Threads and processes that the job starts are in it too.
    ///
    /// # Panics
    /// If the job does.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let job: Job = Box::new(move || drop(tell.send(job())));
        if let Some(jobs) = &self.jobs {
            // A thread that is gone sends no result, which is noticed below.
            let _ = jobs.send(job);
        }
        told.recv().expect("what ran in the room has panicked, see above")
    }

    /// Runs these lines of ip(8) in it.
    ///
    /// # Errors
    /// ip(8)'s message.
    pub fn ip<S: AsRef<str>>(&self, lines: &[S]) -> Result<()> {
        let lines: Vec<_> = lines.iter().map(AsRef::as_ref).collect();
        let batch = lines.join("\n") + "\n";
        self.run(move || ip(&batch))
    }

    /// Waits until a device transmits frames. A new one drops them until the kernel has
    /// handled its carrier, which can take a while (linkwatch).
    ///
    /// # Errors
    /// It does not transmit after five seconds; ip(8) fails.
    pub fn await_device(&self, device: &'static str) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(5);
        while !self.run(move || takes_frames(device))? {
            if Instant::now() > end {
                return Err(Failure::from(format!("the device {device} takes no frames")));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Replaces a file with another, in this room only.
    ///
    /// # Errors
    /// mount(2)'s.
    pub fn replace(&self, file: &'static str, by: &Path) -> Result<()> {
        let by = by.to_owned();
        let mounted = self.run(move || mount_bind(by, file));
        Ok(mounted.map_err(|error| format!("mount over {file}: {error}"))?)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.jobs = None;
        // A thread that panicked has already reported it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn enter() -> io::Result<()> {
    kernel::leave_namespaces()?;
    // What is mounted in here is not visible outside.
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", flags)?)
}

fn live(work: &Receiver<Job>) {
    work.iter().for_each(|job| job());
}

/// Whether its queue is no longer the one that drops everything, and it has a carrier.
fn takes_frames(device: &str) -> Result<bool> {
    let shown = Command::new("ip").args(["link", "show", device]).output();
    let shown = shown.map_err(|error| format!("ip (of iproute2): {error}"))?;
    let shown = String::from_utf8_lossy(&shown.stdout);
    Ok(shown.contains("LOWER_UP") && !shown.contains("qdisc noop "))
}

fn ip(batch: &str) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("ip (of iproute2): {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(batch.as_bytes())?;
    }
    let ended = child.wait_with_output()?;
    if ended.status.success() {
        return Ok(());
    }
    Err(Failure::from(format!("ip: {}of:\n{batch}", String::from_utf8_lossy(&ended.stderr))))
}
