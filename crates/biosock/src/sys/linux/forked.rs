//! Tests of what processes share after fork(2), which need unsafe code. Each runs
//! in a separate process, since a child gets copies of every other test's
//! descriptors.

use std::os::fd::AsFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::dial::{DialFailure, Dialer};
use crate::listeners::{Event, Listen, Listeners};
use crate::{Cancel, Interest, ListenOptions, Socket, children};

const ALONE: &str = "BIOSOCK_TEST_ALONE";

/// Runs a test of this file in a separate process; `true` in that process.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let name = format!("sys::linux::forked::{test}");
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", &name, "--test-threads=1", "--nocapture"]).env(ALONE, "1");
    let output = children::output(&mut alone).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
    false
}

/// A child process, killed if it does not exit by itself.
struct Child(libc::pid_t);

impl Child {
    /// Runs the job in a child, whose status is 0 if the job returns `true`.
    fn fork(job: impl FnOnce() -> bool) -> Self {
        // SAFETY: no other thread of this process holds a lock: it runs one test.
        match unsafe { libc::fork() } {
            0 => {
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).unwrap_or(false);
                // SAFETY: ends the process without running exit handlers.
                unsafe { libc::_exit(i32::from(!done)) }
            }
            pid => Self(pid),
        }
    }

    /// The status, or `None` if it is still running after a minute.
    fn status(&self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            let mut status = 0;
            // SAFETY: a child of this process, and room for its status.
            if unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } == self.0 {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Child {
    /// A spinning child would continue, and keep this process's standard output open.
    fn drop(&mut self) {
        let me = std::process::id();
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        let parent = status.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parent == Some(&me.to_string()) {
            // SAFETY: a child of this process that was not waited for.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
        }
    }
}

/// An address at which connect(2) blocks until a connection is accepted.
fn full() -> (Socket, Vec<Socket>) {
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any).unwrap();
    listener.listen_with(&any, &ListenOptions::new().backlog(0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let connect = || {
        let client = Socket::stream_for(&addr).unwrap();
        client.set_nonblocking(true).unwrap();
        let _ = client.start_connect(&addr).unwrap();
        client
    };
    // One more than fits into its queue.
    let clients = (0..4).map(|_| connect()).collect();
    (listener, clients)
}

fn is_stopped_accept(listeners: &Listeners, cancel: &Cancel) -> bool {
    listeners.accept_or_cancel(None, cancel).unwrap().is_none()
}

fn served(listeners: &Listeners, cancel: &Cancel) -> u32 {
    let mut connections = 0;
    let count = |event| connections += u32::from(matches!(event, Event::Connection(..)));
    listeners.serve(cancel, count).unwrap();
    connections
}

/// All processes wait until one of them cancels.
#[test]
fn a_cancel_in_one_process_ends_the_loops_and_dials_of_all() {
    if !is_alone("a_cancel_in_one_process_ends_the_loops_and_dials_of_all") {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let (silent, _queue) = full();
    let silent = silent.local_addr().unwrap();
    let (cancel, ready) = (Cancel::new().unwrap(), Cancel::new().unwrap());
    let dial = || Dialer::new().cancel(cancel.clone()).dial_addrs(&[silent]);
    let workers = [
        Child::fork(|| is_stopped_accept(&listeners, &cancel)),
        Child::fork(|| served(&listeners, &cancel) == 0),
        Child::fork(|| matches!(dial().unwrap_err().failure(), DialFailure::Cancelled)),
        Child::fork(|| {
            crate::fd::wait(ready.as_fd(), Interest::Read, None).unwrap();
            cancel.cancel();
            is_stopped_accept(&listeners, &cancel)
        }),
    ];
    assert!(!cancel.is_cancelled());
    ready.cancel();
    for worker in &workers {
        assert_eq!(worker.status(), Some(0));
    }
    assert!(cancel.is_cancelled(), "it is seen where it was made, too");
    assert_eq!(served(&listeners, &cancel), 0);
}

/// Like the previous test, for a task: the parent's runtime notices its child's cancel.
#[cfg(feature = "tokio")]
#[test]
fn a_cancel_in_another_process_wakes_tasks() {
    if !is_alone("a_cancel_in_another_process_wakes_tasks") {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let (silent, _queue) = full();
    let silent = silent.local_addr().unwrap();
    let cancel = Cancel::new().unwrap();
    let (mine, child_s) = (Cancel::new().unwrap(), cancel.clone());
    let child = Child::fork(|| {
        crate::fd::wait(mine.as_fd(), Interest::Read, None).unwrap();
        child_s.cancel();
        true
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut listeners = listeners.into_async().unwrap();
        let dialer = Dialer::new().cancel(cancel.clone());
        // Many dials may have one cancel.
        let target = silent.to_string();
        let ended = async {
            let serve = listeners.serve(&cancel, |event| panic!("{event:?}"));
            let (first, second) = (dialer.dial_async(&target), dialer.dial_async(&target));
            let release = async {
                tokio::task::yield_now().await;
                mine.cancel();
            };
            tokio::join!(serve, first, second, release)
        };
        let (served, first, second, ()) =
            tokio::time::timeout(Duration::from_secs(60), ended).await.expect("all end");
        served.unwrap();
        for dialed in [first, second] {
            assert!(matches!(dialed.unwrap_err().failure(), DialFailure::Cancelled));
        }
        // Once cancelled, it neither accepts nor dials.
        listeners.serve(&cancel, |event| panic!("{event:?}")).await.unwrap();
    });
    assert_eq!(child.status(), Some(0));
}

/// The open epoll(7) descriptors.
fn epolls() -> Vec<libc::c_int> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(std::io::Result::unwrap);
    let is_epoll = |path: &std::path::Path| {
        std::fs::read_link(path).is_ok_and(|link| link.ends_with("anon_inode:[eventpoll]"))
    };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.filter(|entry| is_epoll(&entry.path())).filter_map(number).collect()
}

/// Marks a descriptor of this process, so that its child can distinguish it from
/// its own: the flag has no effect on epoll(7), and a copy shares it.
fn mark(fd: libc::c_int) {
    // SAFETY: changes flags of a descriptor that is open.
    assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) }, 0);
}

fn is_marked(fd: libc::c_int) -> bool {
    // SAFETY: asks about a number.
    unsafe { libc::fcntl(fd, libc::F_GETFL) & libc::O_NONBLOCK != 0 }
}

/// The parent keeps its epoll instance, and the children accept with their own,
/// even in a loop that was started before the fork.
#[test]
fn children_accept_with_their_own() {
    if !is_alone("children_accept_with_their_own") {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let cancel = Cancel::new().unwrap();
    let dial = || Dialer::new().dial_addrs(&[addr]).unwrap();
    let _first = (dial(), listeners.accept(None).unwrap());
    let mut begun = listeners.incoming(&cancel);
    let _second = (dial(), begun.next().unwrap().unwrap());
    let [parent_s] = epolls()[..] else { panic!("one: {:?}", epolls()) };
    mark(parent_s);
    let accepts_with_its_own = |event| {
        let is_connection = matches!(event, Some(Ok(Event::Connection(..))));
        is_connection && matches!(epolls()[..], [own] if !is_marked(own))
    };
    let _third = dial();
    let child = Child::fork(|| accepts_with_its_own(begun.next()));
    assert_eq!(child.status(), Some(0));
    let _fourth = dial();
    let child = Child::fork(|| listeners.accept(None).is_ok());
    assert_eq!(child.status(), Some(0));
    // The parent's is unchanged.
    let _fifth = dial();
    assert!(matches!(begun.next(), Some(Ok(Event::Connection(..)))));
}

/// Knows one name, and hangs for any other.
#[derive(Debug)]
struct KnowsOne(crate::SocketAddr);

impl crate::dial::Resolver for KnowsOne {
    fn resolve(&self, question: &crate::dial::Question) -> crate::Result<Vec<crate::SocketAddr>> {
        while question.host.as_deref() != Some("good") {
            thread::park();
        }
        Ok(if question.family == self.0.family() { vec![self.0] } else { vec![] })
    }
}

/// The child has none of the parent's threads, and the parent's lock may be held.
#[test]
fn a_child_looks_names_up_on_threads_of_its_own() {
    if !is_alone("a_child_looks_names_up_on_threads_of_its_own") {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let dialer = Dialer::new().resolver(std::sync::Arc::new(KnowsOne(listeners.addrs().unwrap()[0])));
    let short = dialer.clone().timeout(Duration::from_millis(20));
    // A single thread, which is busy.
    crate::dial::set_lookup_threads(1);
    assert!(matches!(short.dial("dead:1").unwrap_err().failure(), DialFailure::TimedOut));
    assert!(matches!(short.dial("good:1").unwrap_err().failure(), DialFailure::TimedOut));
    for _ in 0..3 {
        let child = Child::fork(|| {
            let grandchild = Child::fork(|| dialer.dial("good:1").is_ok());
            let [mine, again] = [dialer.dial("good:1"), dialer.dial("good:2")];
            mine.is_ok() && again.is_ok() && grandchild.status() == Some(0)
        });
        assert_eq!(child.status(), Some(0));
    }
}

/// Like a prefork server, one of whose workers is stopped just as a connection
/// wakes it: another, sleeping worker accepts the connection.
#[test]
fn a_worker_that_is_stopped_leaves_its_connection_to_its_siblings() {
    if !is_alone("a_worker_that_is_stopped_leaves_its_connection_to_its_siblings") {
        return;
    }
    // All on one processor, with the first worker running last.
    stay_on_this_processor();
    let (mut left, mut taken) = (0, 0);
    for _ in 0..20 {
        let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
        let addr = listeners.addrs().unwrap()[0];
        let client = Socket::stream_for(&addr).unwrap();
        let cancel = Cancel::new().unwrap();
        let first = Child::fork(|| {
            run_when_nothing_else_does();
            listeners.incoming(&cancel).next().is_none()
        });
        wait_until_asleep(&first);
        // Less than the interval at which workers check the listeners anyway.
        let second = Child::fork(|| listeners.accept(Some(Duration::from_secs(3))).is_ok());
        wait_until_asleep(&second);
        // Nothing here waits, so that the first worker does not run in between.
        client.connect(&addr).unwrap();
        cancel.cancel();
        if first.status() == Some(0) {
            left += 1;
            taken += i32::from(second.status() == Some(0));
        }
        if taken > 2 {
            return;
        }
    }
    // A slow worker has three more tries.
    assert!(left == 0, "of {left} connections that a cancelled worker left, another took {taken}");
    println!("note: no worker was cancelled between its waking and its accept");
}

fn stay_on_this_processor() {
    // SAFETY: it takes no arguments.
    let here = usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0);
    // SAFETY: all zeros is an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number is that of a processor, and has room in the set.
    unsafe { libc::CPU_SET(here, &mut set) };
    // SAFETY: the set and its size.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
}

fn run_when_nothing_else_does() {
    // SAFETY: 0 is the only priority with SCHED_IDLE.
    let none: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: this process, and a pointer that outlives the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &none) };
}

/// Waits until it sleeps, which it does only in its wait; for a minute at most.
fn wait_until_asleep(child: &Child) {
    let end = Instant::now() + Duration::from_secs(60);
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.0)).unwrap_or_default();
    while !stat().rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')) && Instant::now() < end {
        thread::sleep(Duration::from_millis(5));
    }
}
