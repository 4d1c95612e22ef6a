//! Running cases: those asked for, each printed as one line of JSON as soon as it is known.

use crate::api::Api;
use crate::record::Record;
use crate::world;
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

/// So many seconds end a process of a case that hangs; none needs a tenth of it on a busy machine.
const LONGEST: u32 = 60;

/// The cases of one process.
pub(crate) struct Run {
    pub(crate) api: Api,
    /// Only cases whose id holds this text run.
    pub(crate) filter: Option<String>,
    /// The ids so far: tables overlap, and each case runs once.
    pub(crate) done: RefCell<HashSet<String>>,
}

impl Run {
    /// Runs one case. `id` names it in every process alike.
    pub(crate) fn case(&self, id: &str, body: impl FnOnce(&mut Record<'_>)) {
        if !self.wanted(id) {
            return;
        }
        let _lock = lock_empty_name(id);
        let mut record = Record::new(&self.api);
        body(&mut record);
        print(&record.finish(id).to_string());
        clean_directory();
    }

    /// Runs one case that may end the process, in a process of its own.
    pub(crate) fn risky(&self, id: &str, body: impl FnOnce(&mut Record<'_>)) {
        if !self.wanted(id) {
            return;
        }
        let _lock = lock_empty_name(id);
        // SAFETY: the probe has one thread, so the child may do as it likes.
        let child = unsafe { libc::fork() };
        match child {
            0 => self.in_child(id, body),
            _ => report_death(id, child),
        }
        clean_directory();
    }

    fn in_child(&self, id: &str, body: impl FnOnce(&mut Record<'_>)) {
        // SAFETY: alarm has no preconditions; its default action ends the child.
        unsafe { libc::alarm(LONGEST) };
        let mut record = Record::new(&self.api);
        body(&mut record);
        print(&record.finish(id).to_string());
        // SAFETY: leaves without running what the parent is to run.
        unsafe { libc::_exit(0) };
    }

    /// Whether this case is to run; it then counts as run.
    pub(crate) fn wanted(&self, id: &str) -> bool {
        let asked = self.filter.as_ref().is_none_or(|text| id.contains(text));
        asked && self.done.borrow_mut().insert(id.to_owned())
    }

    /// Whether the library has the named function.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.api.present().contains(&name)
    }
}

/// A network has one empty abstract name, which other runs want as well: a case that binds it
/// has it alone, until this is closed.
fn lock_empty_name(id: &str) -> Option<File> {
    if !id.contains("empty path") {
        return None;
    }
    let file = File::create(std::env::temp_dir().join("biosock-probe.empty-name")).ok()?;
    flock(&file, FlockOperation::LockExclusive).ok().map(|()| file)
}

fn report_death(id: &str, child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: the child is this process's, and the place for its status is valid.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    if libc::WIFSIGNALED(status) {
        let died = format!("died of signal {}", libc::WTERMSIG(status));
        print(&json!({ "id": id, "died": died }).to_string());
    }
}

/// Runs `body` in a process of its own and returns what it gave, or the signal that ended it.
pub(crate) fn in_child(body: impl FnOnce() -> Value) -> Value {
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends.
    let made = unsafe { libc::pipe(ends.as_mut_ptr()) };
    assert_eq!(made, 0, "this process can have no pipe");
    // SAFETY: the probe has one thread, so the child may do as it likes.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: alarm has no preconditions; its default action ends the child.
        unsafe { libc::alarm(LONGEST) };
        let text = body().to_string();
        // SAFETY: the text has the length given.
        unsafe { libc::write(ends[1], text.as_ptr().cast(), text.len()) };
        // SAFETY: leaves without running what the parent is to run.
        unsafe { libc::_exit(0) };
    }
    world::close(ends[1]);
    // SAFETY: nothing else has the pipe's end.
    let mut pipe = unsafe { File::from_raw_fd(ends[0]) };
    let mut text = String::new();
    let read = pipe.read_to_string(&mut text);
    let mut status = 0;
    // SAFETY: the child is this process's, and the place for its status is valid.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    if libc::WIFSIGNALED(status) || read.is_err() {
        let died = format!("died of signal {}", libc::WTERMSIG(status));
        return json!({ "call": "a call in a process of its own", "result": died, "errno": "unknown",
            "queue": [], "opened": 0, "trace": [], "seen": {} });
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Standard output is written at once, so that a child never prints its parent's lines.
pub(crate) fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
    if written.is_err() {
        std::process::exit(1);
    }
}

/// Socket files of one case are not to meet the next.
pub(crate) fn clean_directory() {
    let Ok(entries) = std::fs::read_dir(".") else {
        return;
    };
    for entry in entries.flatten() {
        let _gone_already = std::fs::remove_file(entry.path());
    }
}
