//! Finding the host at first need: what the linker found, else what is in
//! the process for all to see, else what is in the process at all (Python
//! loads its OpenSSL for itself alone, with RTLD_LOCAL).

use std::ffi::{CStr, CString, c_int, c_void};
use std::sync::OnceLock;

use super::table::{Linked, NAMES, Table};
use crate::errno;

/// The host's functions. Until there is a host, none.
pub(super) fn table<L: Linked>() -> &'static Table {
    let linked = L::table();
    if linked.takes_errors() { linked } else { loaded() }
}

/// What was found in the process. Only a find is remembered, as a host may be
/// loaded later on.
fn loaded() -> &'static Table {
    static FOUND: OnceLock<Table> = OnceLock::new();
    static NONE: Table = Table::NONE;
    if let Some(found) = FOUND.get() {
        return found;
    }
    match errno::keeping(|| visible().or_else(hidden)) {
        Some(found) => FOUND.get_or_init(|| found),
        None => &NONE,
    }
}

/// A host that every library in the process sees.
fn visible() -> Option<Table> {
    look_in(libc::RTLD_DEFAULT)
}

/// A host that was loaded for some library alone.
fn hidden() -> Option<Table> {
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: the callback gets the vector that outlives the call, and keeps
    // to what it is called with.
    unsafe { libc::dl_iterate_phdr(Some(note_name), (&raw mut names).cast()) };
    names.iter().find_map(|name| look_in_library(name))
}

/// Notes the name of a loaded library; looking into it has to wait until the
/// loader's lock is free again.
///
/// # Safety
///
/// As dl_iterate_phdr(3) calls it, with a vector of names.
unsafe extern "C" fn note_name(info: *mut libc::dl_phdr_info, _: usize, names: *mut c_void) -> c_int {
    // SAFETY: as the caller promised.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: as the caller promised.
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
    let found = look_in(library);
    if found.is_none() {
        // SAFETY: the handle is this function's own. The handle of a host is
        // kept: its functions must stay.
        unsafe { libc::dlclose(library) };
    }
    found
}

fn look_in(library: *mut c_void) -> Option<Table> {
    // SAFETY: the handle is open, or stands for all libraries; names end with a NUL.
    let address = |name: &CStr| unsafe { libc::dlsym(library, name.as_ptr()) };
    // SAFETY: a library that has functions of OpenSSL's names has OpenSSL's functions.
    let table = unsafe { Table::from_addresses(address) };
    table.takes_errors().then_some(table)
}

const _: () = assert!(size_of::<Table>() == NAMES.len() * size_of::<*mut c_void>());
