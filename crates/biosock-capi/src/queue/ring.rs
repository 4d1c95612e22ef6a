//! The ring of a thread's entries, and how OpenSSL 3 packs them.

use std::cell::Cell;

use super::data::Data;
use crate::host::{Entry, LIB_BIO, LIB_CRYPTO, LIB_SYS, MEMORY_MODERN, What};
use crate::sites::Site;

/// Slots of the ring. One stays free, so the latest 15 entries are kept.
const SLOTS: usize = 16;

/// Set in the code of an entry that came from the operating system.
pub(crate) const SYSTEM_FLAG: u32 = 0x8000_0000;

/// Bits below the library's number.
pub(crate) const LIB_SHIFT: u32 = 23;

/// One entry of the queue, as OpenSSL 3 packs it.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) code: Cell<u32>,
    marks: Cell<u32>,
    pub(crate) site: Cell<Option<&'static Site>>,
    pub(crate) data: Data,
}

impl Slot {
    const fn new() -> Self {
        Self { code: Cell::new(0), marks: Cell::new(0), site: Cell::new(None), data: Data::new() }
    }
}

/// The ring: entries are after `bottom`, up to and including `top`.
#[derive(Debug)]
pub(crate) struct Queue {
    slots: [Slot; SLOTS],
    top: Cell<usize>,
    bottom: Cell<usize>,
}

/// An end of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Oldest,
    Newest,
}

const fn after(slot: usize) -> usize {
    (slot + 1) % SLOTS
}

const fn before(slot: usize) -> usize {
    (slot + SLOTS - 1) % SLOTS
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS], top: Cell::new(0), bottom: Cell::new(0) }
    }

    /// Adds an entry, replacing the oldest if the queue is full.
    #[inline]
    pub(crate) fn push(&self, entry: &Entry) {
        let top = after(self.top.get());
        self.top.set(top);
        if top == self.bottom.get() {
            self.bottom.set(after(top));
        }
        let slot = &self.slots[top % SLOTS];
        slot.code.set(pack(entry.what));
        slot.marks.set(0);
        slot.site.set(Some(entry.site));
        slot.data.set(entry.data);
    }

    fn is_empty(&self) -> bool {
        self.top.get() == self.bottom.get()
    }

    /// The entry at one end.
    pub(crate) fn peek(&self, end: End) -> Option<&Slot> {
        let at = match end {
            End::Oldest => after(self.bottom.get()),
            End::Newest => self.top.get(),
        };
        if self.is_empty() { None } else { Some(&self.slots[at]) }
    }

    /// Removes the oldest entry. Its strings stay valid until its slot is reused.
    pub(crate) fn take(&self) -> Option<&Slot> {
        let oldest = self.peek(End::Oldest)?;
        self.bottom.set(after(self.bottom.get()));
        Some(oldest)
    }

    /// Removes every entry and every string.
    pub(crate) fn clear(&self) {
        self.top.set(0);
        self.bottom.set(0);
        self.forget_strings();
    }

    /// Frees every allocated string.
    pub(super) fn forget_strings(&self) {
        for slot in &self.slots {
            slot.data.set(None);
        }
    }

    /// Adds a mark to the newest entry. `false` if there is none.
    pub(crate) fn set_mark(&self) -> bool {
        let newest = self.peek(End::Newest);
        newest.inspect(|slot| slot.marks.set(slot.marks.get().saturating_add(1))).is_some()
    }

    /// Removes the entries newer than the newest mark, and one mark. Without a
    /// mark, removes everything and returns `false`.
    pub(crate) fn pop_to_mark(&self) -> bool {
        let marked = self.newest_mark();
        self.top.set(marked);
        self.drop_mark(marked)
    }

    /// Removes the newest mark, and no entry. `false` if there is none.
    pub(crate) fn clear_last_mark(&self) -> bool {
        self.drop_mark(self.newest_mark())
    }

    /// The newest slot with a mark, or the bottom.
    fn newest_mark(&self) -> usize {
        let mut at = self.top.get();
        while at != self.bottom.get() && self.slots[at].marks.get() == 0 {
            at = before(at);
        }
        at
    }

    fn drop_mark(&self, at: usize) -> bool {
        let found = at != self.bottom.get();
        if found {
            let marks = &self.slots[at].marks;
            marks.set(marks.get() - 1);
        }
        found
    }
}

/// The code of an entry as OpenSSL 3 packs it.
fn pack(what: What) -> u32 {
    match what {
        What::System { errno, .. } => SYSTEM_FLAG | errno as u32,
        What::Bio(reason) => LIB_BIO << LIB_SHIFT | u32::from(reason),
        What::Common(common) => LIB_BIO << LIB_SHIFT | common.modern(),
        What::Memory => LIB_CRYPTO << LIB_SHIFT | MEMORY_MODERN,
    }
}

/// The library's number in a packed code.
pub(crate) fn lib_of(code: u32) -> u32 {
    if code & SYSTEM_FLAG != 0 { LIB_SYS } else { code >> LIB_SHIFT & 0xFF }
}

/// The reason in a packed code.
pub(crate) fn reason_of(code: u32) -> u32 {
    if code & SYSTEM_FLAG != 0 { code & !SYSTEM_FLAG } else { code & ((1 << LIB_SHIFT) - 1) }
}
