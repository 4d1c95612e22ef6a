//! Lines for standard error, which never block the threads that post them.
//!
//! Lines go into a bounded queue, and one thread writes them. When the queue is
//! full because standard error is not read, lines are dropped and counted; of
//! many similar lines the first few are written and the others counted. Both
//! counts are written when there is room.
//!
//! If that thread cannot be started, the thread that posts a line writes what it
//! can without blocking, and the rest is written on exit.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use serde_json::json;

use crate::background;
use crate::stderr;

/// How long exiting waits for a reader that does not read.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The same if a signal ends the process: its sender may not wait longer.
pub(crate) const PATIENCE_AT_SIGNAL: Duration = Duration::from_secs(1);

const MOST_LINES: usize = 1024;
const MOST_BYTES: usize = 1 << 20;
/// Of similar lines, this many are written in this time; the others are counted.
const ALIKE: (u32, Duration) = (10, Duration::from_secs(1));
/// How many kinds of lines are tracked at a time.
const MOST_KINDS: usize = 32;

/// How long exiting waits for room before it tries again to start a missing
/// writer thread.
const TRY_AGAIN: Duration = Duration::from_millis(100);

static QUEUE: Queue = Queue { state: Mutex::new(State::new()), changed: Condvar::new() };

/// Whether lines are JSON objects.
pub(crate) fn set_json(json: bool) {
    QUEUE.lock().json = json;
}

/// From now on a line that cannot be written makes the command fail, since the
/// user asked for those lines.
pub(crate) fn require() {
    QUEUE.lock().required = true;
}

/// Queues a line to be written.
pub(crate) fn post(line: &str) {
    QUEUE.post(line);
}

/// Queues a line, unless many of its kind were written recently.
pub(crate) fn post_of_kind(kind: &str, line: &str) {
    let mut state = QUEUE.lock();
    if state.is_one_too_many(kind) {
        QUEUE.start(&mut state);
        return;
    }
    drop(state);
    QUEUE.post(line);
}

/// Waits until everything is written, for at most this long without progress.
pub(crate) fn flush(patience: Duration) {
    QUEUE.flush(patience);
}

/// Whether a required line was lost.
pub(crate) fn have_failed() -> bool {
    let state = QUEUE.lock();
    state.required && (state.lost || !state.is_idle())
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    json: bool,
    required: bool,
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    kinds: Vec<Kind>,
    dropped: u64,
    /// The writer thread is running.
    started: bool,
    /// It has taken lines that it has not written yet.
    writing: bool,
    /// How many writes have succeeded.
    writes: u64,
    /// Something was dropped or could not be written.
    lost: bool,
    /// The reader has gone.
    gone: bool,
    /// Counts must be written now.
    ending: bool,
}

/// Similar lines.
#[derive(Debug)]
struct Kind {
    text: String,
    until: Instant,
    written: u32,
    held_back: u64,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&'static self, line: &str) {
        let mut state = self.lock();
        state.push(format!("{line}\n"));
        if !self.start(&mut state) {
            state.write_without_waiting();
        }
        self.changed.notify_all();
    }

    /// Starts the writer. Returns whether it is running: if no thread can be
    /// started, the next line or exiting tries again.
    fn start(&'static self, state: &mut State) -> bool {
        if !state.started {
            state.started = background::spawn("messages", || self.write_all()).is_ok();
        }
        state.started
    }

    fn write_all(&self) {
        let mut state = self.lock();
        loop {
            state.count_up();
            let text = state.take();
            if text.is_empty() {
                self.changed.notify_all();
                state = match state.next_count() {
                    Some(wait) => {
                        self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            }
            let gone = state.gone;
            state.writing = true;
            drop(state);
            let written =
                if gone { Err(Errno::PIPE.into()) } else { stderr::write_all(&text, || self.progress()) };
            state = self.lock();
            state.writing = false;
            if let Err(error) = written {
                state.note_failure(&error);
            }
        }
    }

    fn progress(&self) {
        self.lock().writes += 1;
        self.changed.notify_all();
    }

    fn flush(&'static self, patience: Duration) {
        let mut state = self.lock();
        if state.is_idle() {
            return;
        }
        state.ending = true;
        self.changed.notify_all();
        let (mut writes, mut end) = (state.writes, Instant::now() + patience);
        while !state.is_idle() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.lost = true;
                break;
            }
            if self.start(&mut state) {
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state.write_without_waiting();
                if !state.is_idle() {
                    drop(state);
                    stderr::wait_for_room(left.min(TRY_AGAIN));
                    state = self.lock();
                }
            }
            if state.writes != writes {
                (writes, end) = (state.writes, Instant::now() + patience);
            }
        }
        state.ending = false;
    }
}

impl State {
    const fn new() -> Self {
        Self {
            json: false,
            required: false,
            lines: VecDeque::new(),
            bytes: 0,
            kinds: Vec::new(),
            dropped: 0,
            started: false,
            writing: false,
            writes: 0,
            lost: false,
            gone: false,
            ending: false,
        }
    }

    fn is_idle(&self) -> bool {
        let counted = self.dropped == 0 && self.kinds.iter().all(|kind| kind.held_back == 0);
        self.lines.is_empty() && !self.writing && counted
    }

    fn push(&mut self, line: String) {
        let line = line.into_bytes();
        if self.lines.len() >= MOST_LINES || self.bytes + line.len() > MOST_BYTES {
            self.dropped += 1;
            self.lost = true;
            return;
        }
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    /// Records a line of this kind. Returns whether to only count it.
    fn is_one_too_many(&mut self, kind: &str) -> bool {
        let now = Instant::now();
        if let Some(known) = self.kinds.iter_mut().find(|known| known.text == kind) {
            if known.written < ALIKE.0 {
                known.written += 1;
                return false;
            }
            known.held_back += 1;
            return true;
        }
        if self.kinds.len() < MOST_KINDS {
            let text = kind.to_owned();
            self.kinds.push(Kind { text, until: now + ALIKE.1, written: 1, held_back: 0 });
        }
        false
    }

    /// Queues the counts that are due.
    fn count_up(&mut self) {
        let (now, json, ending) = (Instant::now(), self.json, self.ending);
        let (due, later): (Vec<_>, _) =
            std::mem::take(&mut self.kinds).into_iter().partition(|kind| ending || kind.until <= now);
        self.kinds = later;
        for Kind { text, held_back, .. } in due {
            if held_back > 0 {
                self.push(repeated(json, &text, held_back));
                if !ending {
                    // The flood continues: further lines are counted at once.
                    self.kinds.push(Kind { text, until: now + ALIKE.1, written: ALIKE.0, held_back: 0 });
                }
            }
        }
        if self.dropped > 0 && self.lines.len() < MOST_LINES / 2 {
            let line = dropped(json, std::mem::take(&mut self.dropped));
            self.push(line);
        }
    }

    /// How long until a count is due.
    fn next_count(&self) -> Option<Duration> {
        let until = self.kinds.iter().map(|kind| kind.until).min()?;
        Some(until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
    }

    /// Writes what standard error accepts now; for use without a writer thread.
    fn write_without_waiting(&mut self) {
        loop {
            self.count_up();
            let mut text = self.take();
            if text.is_empty() {
                return;
            }
            let written = if self.gone { Err(Errno::PIPE.into()) } else { stderr::write_some(&text) };
            match written {
                Ok(0) => return self.put_back(text),
                Ok(n) => {
                    self.writes += 1;
                    let rest = text.split_off(n);
                    self.put_back(rest);
                }
                Err(error) => self.note_failure(&error),
            }
        }
    }

    /// Puts unwritten bytes back at the front of the queue.
    fn put_back(&mut self, rest: Vec<u8>) {
        if !rest.is_empty() {
            self.bytes += rest.len();
            self.lines.push_front(rest);
        }
    }

    fn note_failure(&mut self, error: &io::Error) {
        self.lost = true;
        self.gone |=
            error.kind() == io::ErrorKind::BrokenPipe || Errno::from_io_error(error) == Some(Errno::BADF);
    }

    /// The next lines, as many as one write keeps whole.
    fn take(&mut self) -> Vec<u8> {
        let mut text = self.lines.pop_front().unwrap_or_default();
        while self.lines.front().is_some_and(|next| text.len() + next.len() <= stderr::WHOLE) {
            text.extend(self.lines.pop_front().unwrap_or_default());
        }
        self.bytes -= text.len();
        text
    }
}

fn repeated(json: bool, text: &str, count: u64) -> String {
    if json {
        return format!("{}\n", json!({ "event": "repeated", "message": text, "count": count }));
    }
    format!("biosock: repeated {count} more times: {text}\n")
}

fn dropped(json: bool, count: u64) -> String {
    if json {
        return format!("{}\n", json!({ "event": "dropped", "count": count }));
    }
    format!("biosock: {count} messages dropped: standard error was not read\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_into_the_queue_are_counted() {
        let mut state = State::new();
        (0..MOST_LINES + 7).for_each(|number| state.push(format!("{number}\n")));
        assert_eq!((state.lines.len(), state.dropped, state.lost), (MOST_LINES, 7, true));
        state.count_up();
        assert_eq!(state.lines.len(), MOST_LINES, "no room for the count yet");
        while state.lines.len() >= MOST_LINES / 2 {
            let text = state.take();
            assert!(text.len() <= stderr::WHOLE && text.ends_with(b"\n"));
        }
        state.count_up();
        assert_eq!(state.lines.back().unwrap(), dropped(false, 7).as_bytes());
        while !state.take().is_empty() {}
        assert_eq!((state.bytes, state.is_idle()), (0, true));
    }

    #[test]
    fn the_rest_of_a_partial_write_is_next() {
        let mut state = State::new();
        ["first\n", "second\n"].into_iter().for_each(|line| state.push(line.into()));
        let rest = state.take().split_off(3);
        state.push("third\n".into());
        state.put_back(rest);
        assert_eq!(state.bytes, 16);
        assert_eq!(state.take(), b"st\nsecond\nthird\n");
        assert_eq!((state.bytes, state.is_idle()), (0, true));
    }

    #[test]
    fn long_lines_are_bounded_in_bytes() {
        let mut state = State::new();
        (0..3).for_each(|_| state.push("x".repeat(MOST_BYTES / 2)));
        assert_eq!((state.lines.len(), state.dropped), (2, 1));
    }

    #[test]
    fn a_flood_of_similar_lines_is_counted() {
        let mut state = State::new();
        let counted = (0..100).filter(|_| state.is_one_too_many("reset")).count();
        assert_eq!(counted, 90);
        assert!(!state.is_one_too_many("another kind"));
        state.ending = true;
        state.count_up();
        assert_eq!(state.take(), b"biosock: repeated 90 more times: reset\n");
        assert!(state.is_idle());
        // However many kinds a peer causes, only a few are tracked.
        let _ = (0..1000).filter(|kind: &u32| state.is_one_too_many(&kind.to_string())).count();
        assert_eq!(state.kinds.len(), MOST_KINDS);
    }
}
