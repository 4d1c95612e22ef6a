//! Finding the host on first use: the one the linker found, else one visible to
//! the whole process, else any in the process (Python loads its OpenSSL with
//! RTLD_LOCAL).

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, Ordering};

use super::table::{Linked, NAMES, Table};
use crate::errno;

/// Lends the host's functions, or an empty table until there is a host.
pub(super) fn with_table<L: Linked, T>(work: impl FnOnce(&Table) -> T) -> T {
    let linked = L::table();
    if linked.takes_errors() {
        return work(linked);
    }
    match FOUND.get() {
        Some(found) => work(found),
        None => work(&find()),
    }
}

/// What is in the process now. Only a success is cached, as a host may be loaded
/// later.
fn find() -> Table {
    let found = errno::keeping(|| visible().or_else(hidden));
    found.inspect(|found| FOUND.set(*found)).unwrap_or(Table::NONE)
}

static FOUND: Found = Found { state: AtomicU8::new(EMPTY), table: UnsafeCell::new(MaybeUninit::uninit()) };

/// The table that was found first. No thread waits for it, since a child forked
/// while it is written would wait indefinitely.
struct Found {
    state: AtomicU8,
    table: UnsafeCell<MaybeUninit<Table>>,
}

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const WRITTEN: u8 = 2;

// SAFETY: the table is written by the one thread that took the state from
// EMPTY to WRITING, and read once it is WRITTEN.
unsafe impl Sync for Found {}

impl Found {
    fn get(&self) -> Option<&Table> {
        if self.state.load(Ordering::Acquire) != WRITTEN {
            return None;
        }
        // SAFETY: written, and never written again.
        let table = unsafe { &*self.table.get() };
        // SAFETY: as above.
        Some(unsafe { table.assume_init_ref() })
    }

    /// Caches a table, unless another thread is or was first.
    fn set(&self, table: Table) {
        let taken = self.state.compare_exchange(EMPTY, WRITING, Ordering::Relaxed, Ordering::Relaxed);
        if taken.is_ok() {
            // SAFETY: only this thread writes, and none reads yet.
            unsafe { self.table.get().write(MaybeUninit::new(table)) };
            self.state.store(WRITTEN, Ordering::Release);
        }
    }
}

/// A host that is visible to every library in the process.
fn visible() -> Option<Table> {
    // SAFETY: the handle that stands for all libraries.
    unsafe { look_in(libc::RTLD_DEFAULT) }
}

/// A host that was loaded for a single library.
fn hidden() -> Option<Table> {
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: the callback gets a vector that outlives the call, and uses only its
    // arguments.
    unsafe { libc::dl_iterate_phdr(Some(note_name), (&raw mut names).cast()) };
    names.iter().find_map(|name| look_in_library(name))
}

/// Records the name of a loaded library; it can be searched only once the
/// loader's lock is released.
///
/// # Safety
///
/// Called by dl_iterate_phdr(3), with a vector of names.
unsafe extern "C" fn note_name(info: *mut libc::dl_phdr_info, _: usize, names: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a valid one.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: the vector that `hidden` passed.
    let names = unsafe { &mut *names.cast::<Vec<CString>>() };
    if !name.is_null() {
        // SAFETY: the loader's names end with a NUL.
        names.push(unsafe { CStr::from_ptr(name) }.to_owned());
    }
    0
}

fn look_in_library(name: &CStr) -> Option<Table> {
    if name.is_empty() {
        return None;
    }
    // SAFETY: the name ends with a NUL; NOLOAD loads nothing new.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if library.is_null() {
        return None;
    }
    // SAFETY: not NULL, so open.
    let found = unsafe { look_in(library) };
    if found.is_none() {
        // SAFETY: the handle belongs to this function. The handle of a host is
        // kept, since its functions must stay loaded.
        unsafe { libc::dlclose(library) };
    }
    found
}

/// # Safety
///
/// `library` is an open handle of dlopen(3), or that for all libraries.
unsafe fn look_in(library: *mut c_void) -> Option<Table> {
    // SAFETY: such a handle; names are NUL-terminated.
    let address = |name: &CStr| unsafe { libc::dlsym(library, name.as_ptr()) };
    // SAFETY: functions with OpenSSL's names are OpenSSL's functions.
    let table = unsafe { Table::from_addresses(address) };
    table.takes_errors().then_some(table)
}

const _: () = assert!(size_of::<Table>() == NAMES.len() * size_of::<*mut c_void>());
