//! Entries for the host's queue, raised by one site.

use std::ffi::CStr;
use std::fmt::Display;
use std::marker::PhantomData;

use biosock::Syscall;

use crate::calls::call_of;
use crate::host::{Entry, Host, What};
use crate::message::Message;
use crate::sites::Site;

/// Pushes entries of one site.
pub(super) struct Entries<H> {
    site: &'static Site,
    host: PhantomData<H>,
}

impl<H: Host> Entries<H> {
    pub(super) fn at(site: &'static Site) -> Self {
        Self { site, host: PhantomData }
    }

    pub(super) fn push(&self, what: What) {
        self.push_data(what, None);
    }

    pub(super) fn push_data(&self, what: What, data: Option<&'static CStr>) {
        H::push(&Entry { what, site: self.site, data });
    }

    /// Pushes an entry with this text as its data, if there is memory for it.
    pub(super) fn push_text(&self, what: What, text: &dyn Display) {
        self.push_message(what, &Message::of(text));
    }

    pub(super) fn push_message(&self, what: What, message: &Message) {
        self.push(what);
        if let Some(text) = message.as_c_str() {
            H::annotate(c"", text);
        }
    }

    /// Pushes an OS error: a failed system call.
    pub(super) fn refused(&self, syscall: Syscall, errno: i32) {
        let call = call_of(syscall);
        self.push_data(What::System { errno, call }, Some(call.calling));
    }
}
