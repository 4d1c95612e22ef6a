//! Runs the command as a process, with a deadline.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Ends a test that hangs; no test measures time.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn biosock<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biosock"));
    command.args(args).env_remove("RUST_BACKTRACE");
    command
}

/// The output and status of a process that has exited.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("standard output is UTF-8")
    }

    /// The lines of standard output, each as JSON.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        json_lines(&self.out())
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code(), Some(0), "{self:?}");
        self
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// Runs the command with this input until it exits.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &[u8]) -> Ended {
    let mut process = Process::start(&mut biosock(args), Stdio::piped());
    process.give(input);
    process.finish()
}

/// A running process, killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    lines: Receiver<String>,
    stderr: String,
}

impl Process {
    pub(crate) fn start(command: &mut Command, stdin: Stdio) -> Self {
        Self::start_with(command, stdin, Stdio::piped())
    }

    pub(crate) fn start_with(command: &mut Command, stdin: Stdio, stdout: Stdio) -> Self {
        let mut child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().expect("starts");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().map(|out| thread::spawn(move || read_all(out)));
        let stderr = child.stderr.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { child, stdin, stdout, lines, stderr: String::new() }
    }

    /// Starts `biosock listen` and returns the address that it bound.
    pub(crate) fn listen<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, stdin: Stdio) -> (Self, String) {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        let mut process =
            Self::start(&mut biosock([OsStr::new("listen").to_owned()].into_iter().chain(args)), stdin);
        let addr = process.line_with("listening on ");
        (process, addr)
    }

    /// Waits for a line of standard error that begins like this; returns the rest.
    pub(crate) fn line_with(&mut self, head: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                    if let Some(rest) = line.strip_prefix(head) {
                        return rest.to_owned();
                    }
                }
                Err(error) => panic!("no line '{head}…' ({error}), but:\n{}", self.stderr),
            }
        }
    }

    /// Writes input and ends it.
    pub(crate) fn give(&mut self, input: &[u8]) {
        self.write(input);
        self.stdin = None;
    }

    /// Writes input. A process that has exited does not read it; its status shows why.
    pub(crate) fn write(&mut self, input: &[u8]) {
        let stdin = self.stdin.as_mut().expect("piped and not given yet");
        let _ = stdin.write_all(input).and_then(|()| stdin.flush());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        let done = Command::new("sh").args(["-c", &kill]).status();
        assert!(done.expect("sh runs").success());
    }

    /// Accepts its connection; fails if none comes.
    pub(crate) fn accepted_by(&mut self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        listener.set_nonblocking(true).unwrap();
        let end = Instant::now() + DEADLINE;
        loop {
            match listener.accept() {
                Ok((socket, peer)) => {
                    socket.set_nonblocking(false).unwrap();
                    return (socket, peer);
                }
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => panic!("accept: {error}"),
                Err(_) if !self.is_running() => {
                    self.drain();
                    panic!("it ended without connecting: {}", self.stderr);
                }
                Err(_) => assert!(Instant::now() < end, "no connection came"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end of standard output; input stays open unless ended.
    pub(crate) fn output_to_its_end(&mut self) -> Vec<u8> {
        let out = self.stdout.take().expect("piped and not read yet");
        let end = Instant::now() + DEADLINE;
        while !out.is_finished() {
            assert!(Instant::now() < end, "standard output stays open");
            thread::sleep(Duration::from_millis(5));
        }
        out.join().expect("was read")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("is a child").is_none()
    }

    /// Waits for the process to exit; input stays open unless ended.
    pub(crate) fn finish(mut self) -> Ended {
        let end = Instant::now() + DEADLINE;
        let status = loop {
            match self.child.try_wait().expect("is a child") {
                Some(status) => break status,
                None if Instant::now() > end => {
                    let _ = self.child.kill();
                    self.drain();
                    panic!("still running after {DEADLINE:?}; standard error: {}", self.stderr);
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        self.drain();
        let stdout = self.stdout.take().map_or(Vec::new(), |out| out.join().expect("was read"));
        Ended { status, stdout, stderr: std::mem::take(&mut self.stderr) }
    }

    fn drain(&mut self) {
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => self.stderr.push_str(&(line + "\n")),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("standard error stays open: {}", self.stderr),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = from.read_to_end(&mut all);
    all
}

/// Whether an optional program is installed. If skips are forbidden
/// (BIOSOCK_REQUIRE_ALL=1), a missing one is a failure.
pub(crate) fn has(name: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success()) || skip(name, "not installed")
}

/// Prints that something is skipped; always `false`.
pub(crate) fn skip(name: &str, why: &str) -> bool {
    println!("skipped: {name}: {why}");
    let required = std::env::var_os("BIOSOCK_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "skipped: {name}: {why}, and BIOSOCK_REQUIRE_ALL=1 forbids it");
    false
}

/// An address that refuses: bound, so that nothing else gets it, but not
/// listening.
pub(crate) fn refusing() -> String {
    let any = "127.0.0.1:0".parse().unwrap();
    let socket = biosock::Socket::stream_for(&any).unwrap();
    socket.bind(&any).unwrap();
    let addr = socket.local_addr().unwrap();
    // Kept until the test process ends.
    std::mem::forget(socket);
    addr.to_string()
}

/// Runs the command with a hosts file in which `two.test` has two addresses.
pub(crate) fn with_two_addresses(args: &[&str], stdin: Stdio) -> Option<Process> {
    with_hosts("127.0.0.1 two.test\n127.0.0.2 two.test\n", args, stdin)
}

/// Runs the command with this hosts file.
pub(crate) fn with_hosts(known: &str, args: &[&str], stdin: Stdio) -> Option<Process> {
    let directory = tempfile::tempdir().unwrap().keep();
    let hosts = directory.join("hosts");
    std::fs::write(&hosts, known).unwrap();
    let script = "mount --bind \"$0\" /etc/hosts && rm -r \"$1\" && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(&hosts).arg(&directory);
    command.arg(env!("CARGO_BIN_EXE_biosock")).args(args);
    let may = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if may.is_ok_and(|status| status.success()) {
        return Some(Process::start(&mut command, stdin));
    }
    skip("unshare -m", "not permitted");
    None
}

/// The command as another user with this limit of threads and processes, if
/// permitted.
pub(crate) fn with_threads(most: u32, args: &[&str]) -> Option<Command> {
    static USERS: AtomicU32 = AtomicU32::new(0);
    if !["bash", "setpriv", "prlimit"].into_iter().all(has) {
        return None;
    }
    // The OS counts all processes of a user.
    let number = std::process::id().wrapping_mul(16).wrapping_add(USERS.fetch_add(1, Ordering::Relaxed));
    let user = (20_000 + number % 40_000).to_string();
    // Opened beforehand: that user may have no access to the build directory.
    let script = "exec 9< \"$0\"
        exec setpriv --reuid \"$1\" --regid \"$1\" --clear-groups prlimit --nproc=\"$2\" -- /proc/self/fd/9 \"${@:3}\"";
    let limited = |args: &[&str]| {
        let mut command = Command::new("bash");
        command.args(["-c", script, env!("CARGO_BIN_EXE_biosock"), &user, &most.to_string()]).args(args);
        command
    };
    let may = limited(&["--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if may.is_ok_and(|status| status.success()) {
        return Some(limited(args));
    }
    skip("setpriv --reuid", "not permitted");
    None
}

/// A listener whose queue is full, so that the OS does not answer further peers.
/// The sockets must be kept open.
pub(crate) fn silent() -> (String, Vec<biosock::Socket>) {
    silent_at("127.0.0.1:0")
}

pub(crate) fn silent_at(addr: &str) -> (String, Vec<biosock::Socket>) {
    let any = addr.parse().unwrap();
    let listener = biosock::Socket::stream_for(&any).unwrap();
    listener.listen_with(&any, &biosock::ListenOptions::new().backlog(0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut sockets = vec![listener];
    loop {
        let socket = biosock::Socket::stream_for(&addr).unwrap();
        let options = biosock::ConnectOptions::new().timeout(std::time::Duration::from_millis(300));
        let answered = socket.connect_with(&addr, &options).is_ok();
        sockets.push(socket);
        if !answered {
            return (addr.to_string(), sockets);
        }
    }
}

/// Bytes without a pattern.
pub(crate) fn varied_bytes(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(len).collect()
}
