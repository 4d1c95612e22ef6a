//! One case: what was called, and everything that can be seen of it.

use crate::api::{Api, called, quietly};
use crate::interpose::{self, Fault, errno_name};
use crate::queue;
use crate::world::{self, Keep};
use libc::{c_char, c_int};
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// What errno holds before each call; no system call gives it.
const UNTOUCHED: c_int = 3999;

/// A case that is being run.
pub(crate) struct Record<'a> {
    /// The functions under test.
    pub(crate) api: &'a Api,
    /// The descriptors of the case.
    pub(crate) keep: Keep,
    steps: Vec<Value>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(api: &'a Api) -> Self {
        Self { api, keep: Keep::default(), steps: Vec::new() }
    }

    /// Calls `body`, and records it under `call`, its result put into words by `tell`.
    pub(crate) fn call<T: Copy>(
        &mut self,
        call: impl Display,
        tell: impl FnOnce(T) -> String,
        body: impl FnOnce() -> T,
    ) -> T {
        quietly(|| self.api.ERR_clear_error());
        self.call_on(call, tell, body)
    }

    /// The same with the queue as it is.
    pub(crate) fn call_on<T: Copy>(
        &mut self,
        call: impl Display,
        tell: impl FnOnce(T) -> String,
        body: impl FnOnce() -> T,
    ) -> T {
        let before = world::open_descriptors();
        interpose::set_errno(UNTOUCHED);
        let (result, seen) = interpose::watch(body);
        let errno = interpose::errno();
        let opened = world::open_descriptors() as i64 - before as i64;
        let queue = quietly(|| queue::drain(self.api));
        self.steps.push(json!({
            "call": call.to_string(),
            "result": tell(result),
            "errno": errno_words(errno),
            "queue": queue,
            "opened": opened,
            "trace": seen.notes,
            "faults": seen.faults,
            "seen": {},
        }));
        interpose::set_errno(errno);
        result
    }

    /// A call whose result is a number.
    pub(crate) fn int(&mut self, call: impl Display, body: impl FnOnce() -> c_int) -> c_int {
        self.call(call, |value| value.to_string(), body)
    }

    /// A call whose result is a descriptor, which is kept until the case ends.
    pub(crate) fn descriptor(&mut self, call: impl Display, body: impl FnOnce() -> c_int) -> c_int {
        let tell = |fd: c_int| match fd {
            0.. => "a descriptor".to_owned(),
            other => other.to_string(),
        };
        let fd = self.call(call, tell, body);
        self.keep.keep(fd)
    }

    /// A call whose result is a string that the caller frees.
    pub(crate) fn string(&mut self, call: impl Display, body: impl FnOnce() -> *mut c_char) {
        let text = self.call(call, |text| string_words(text), body);
        self.free(text);
    }

    /// A call that gives nothing back.
    pub(crate) fn void(&mut self, call: impl Display, body: impl FnOnce()) {
        self.call(call, |()| "void".to_owned(), body);
    }

    /// Adds a call that was made elsewhere: by another thread, or in another process.
    pub(crate) fn told(&mut self, call: &str, result: &str, queue: Value) {
        self.steps.push(json!({
            "call": call,
            "result": result,
            "errno": "untouched",
            "queue": queue,
            "opened": 0,
            "trace": [],
            "faults": 0,
            "seen": {},
        }));
    }

    /// Forgets the last call, which is made again.
    pub(crate) fn forget(&mut self) {
        self.steps.pop();
    }

    /// Sets faults for the next call only.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        interpose::set_faults(faults);
    }

    /// Frees a string of the library.
    pub(crate) fn free(&self, text: *mut c_char) {
        quietly(|| self.api.CRYPTO_free(text.cast(), c"probe".as_ptr(), 0));
    }

    /// Adds something that was seen after the last call.
    pub(crate) fn see(&mut self, what: &str, value: impl Display) {
        let seen = self.steps.last_mut().and_then(|step| step.get_mut("seen"));
        if let Some(Value::Object(seen)) = seen {
            seen.insert(what.to_owned(), Value::String(value.to_string()));
        }
    }

    /// Adds the socket as the last call left it.
    pub(crate) fn see_socket(&mut self, fd: c_int) {
        self.see("socket", world::left_behind(fd));
    }

    /// The finished record.
    pub(crate) fn finish(self, id: &str) -> Value {
        let mut case = Map::new();
        case.insert("id".to_owned(), Value::String(id.to_owned()));
        case.insert("functions".to_owned(), called().into());
        case.insert("steps".to_owned(), Value::Array(self.steps));
        Value::Object(case)
    }
}

/// A string's text in quotes, or NULL.
pub(crate) fn string_words(text: *const c_char) -> String {
    queue::text(text).map_or_else(|| "NULL".to_owned(), |text| format!("{text:?}"))
}

fn errno_words(errno: c_int) -> String {
    match errno {
        UNTOUCHED => "untouched".to_owned(),
        other => errno_name(other),
    }
}
