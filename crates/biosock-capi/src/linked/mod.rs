//! The hosts that are an OpenSSL or a library derived from it: errors go to its
//! queue, memory comes from its allocator.

mod find;
mod table;

pub use table::{Linked, Table};

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::errno;
use crate::host::{Common, Entry, Host, LIB_BIO, LIB_SYS, MEMORY_CLASSIC, MEMORY_MODERN, What};
use crate::sites::Site;
use table::{Modern, Put};

/// For use over the OpenSSL in the process: the functions that this library is
/// linked to, or those found on first use.
#[derive(Debug)]
pub struct Overlay<L>(PhantomData<L>);

/// For use in place of OpenSSL's object files: the functions that this library is
/// linked to.
#[derive(Debug)]
pub struct Swap<L>(PhantomData<L>);

impl<L: Linked> Host for Overlay<L> {
    fn push(entry: &Entry) {
        find::with_table::<L, _>(|host| host.push(entry));
    }

    fn annotate(label: &'static CStr, text: &CStr) {
        find::with_table::<L, _>(|host| host.annotate(label, text));
    }

    fn close_negative() -> c_int {
        find::with_table::<L, _>(Table::close_negative)
    }

    fn alloc(size: usize, site: &'static Site) -> *mut c_void {
        find::with_table::<L, _>(|host| host.alloc(size, site))
    }

    unsafe fn free(memory: *mut c_void, site: &'static Site) {
        // SAFETY: NULL, or from this host's allocator and not used again.
        find::with_table::<L, _>(|host| unsafe { host.free(memory, site) });
    }
}

impl<L: Linked> Host for Swap<L> {
    fn push(entry: &Entry) {
        L::table().push(entry);
    }

    fn annotate(label: &'static CStr, text: &CStr) {
        L::table().annotate(label, text);
    }

    fn close_negative() -> c_int {
        L::table().close_negative()
    }

    fn alloc(size: usize, site: &'static Site) -> *mut c_void {
        L::table().alloc(size, site)
    }

    unsafe fn free(memory: *mut c_void, site: &'static Site) {
        // SAFETY: NULL, or from this host's allocator and not used again.
        unsafe { L::table().free(memory, site) };
    }
}

/// LibreSSL's only function number, which it prints as "CRYPTO_internal".
const LIBRE_FUNCTION: u32 = 0xFFF;

/// LibreSSL's BIO_R_INVALID_ARGUMENT; OpenSSL 1.1.1's number is a library's name
/// there.
const LIBRE_INVALID_ARGUMENT: u32 = 125;

/// The number of a system call, if LibreSSL names it.
fn libre_call(code: u8) -> u32 {
    if code <= 8 { code.into() } else { LIBRE_FUNCTION }
}

/// BoringSSL's number of the BIO library; AWS-LC has it too.
const BORING_LIB_BIO: u32 = 17;

impl Table {
    fn push(&self, entry: &Entry) {
        match (self.modern(), self.put_error) {
            (Some(modern), _) => push_modern(&modern, entry),
            (None, Some(put)) if self.is_boring() => self.push_boring(put, entry),
            (None, Some(put)) if self.is_libre() => self.push_libre(put, entry),
            (None, Some(put)) => self.push_classic(put, entry),
            // There is no queue, only errno.
            (None, None) => {}
        }
    }

    /// OpenSSL 1.1.1: the function has a number.
    fn push_classic(&self, put: Put, entry: &Entry) {
        let (lib, function, reason) = match entry.what {
            What::System { errno, call } => (LIB_SYS, call.code, errno as u32),
            What::Bio(reason) => (LIB_BIO, entry.site.code, reason.into()),
            What::Common(common) => (LIB_BIO, entry.site.code, common.classic()),
            What::Memory => (LIB_BIO, entry.site.code, MEMORY_CLASSIC),
        };
        put_error(put, [lib, function.into(), reason], entry.site);
        if !matches!(entry.what, What::System { .. }) {
            self.add_data(entry.data, None);
        }
    }

    /// LibreSSL: only one function number, and some numbers in library BIO mean
    /// other reasons than OpenSSL's, which therefore go to a separate library. The
    /// data of each entry has the function's name and the reason's text.
    fn push_libre(&self, put: Put, entry: &Entry) {
        let (lib, function, reason) = match entry.what {
            What::System { errno, call } => (LIB_SYS, libre_call(call.code), errno as u32),
            What::Bio(reason @ (106 | 108 | 109 | 129 | 130)) => {
                (self.own_library(), LIBRE_FUNCTION, reason.into())
            }
            What::Bio(reason) => (LIB_BIO, LIBRE_FUNCTION, reason.into()),
            What::Common(Common::Invalid) => (LIB_BIO, LIBRE_FUNCTION, LIBRE_INVALID_ARGUMENT),
            What::Common(common) => (LIB_BIO, LIBRE_FUNCTION, common.classic()),
            What::Memory => (LIB_BIO, LIBRE_FUNCTION, MEMORY_CLASSIC),
        };
        put_error(put, [lib, function, reason], entry.site);
        let words = match entry.what {
            What::Bio(reason) => crate::strings::bio_reason(reason),
            _ => entry.data,
        };
        let Some(format) = self.format_data else { return };
        let function = entry.site.function.as_ptr();
        match words {
            // SAFETY: the host's function, with the signature of its header; the
            // format names two strings, which follow. It keeps a copy.
            Some(words) => unsafe { format(c"%s: %s".as_ptr(), function, words.as_ptr()) },
            // SAFETY: as above, with one string.
            None => unsafe { format(c"%s".as_ptr(), function) },
        }
    }

    /// BoringSSL and AWS-LC: no function, and other reasons in library BIO than
    /// OpenSSL's. Those that they have go there under their numbers, the others to
    /// a separate library; all with the reason's text.
    fn push_boring(&self, put: Put, entry: &Entry) {
        let (lib, reason) = match entry.what {
            What::System { errno, .. } => (LIB_SYS, errno as u32),
            What::Bio(103) => (BORING_LIB_BIO, 102),
            What::Bio(118) => (BORING_LIB_BIO, 113),
            What::Bio(reason) => (self.own_library(), reason.into()),
            What::Common(Common::BioLibrary) => (BORING_LIB_BIO, BORING_LIB_BIO),
            // The nearest one: "should not have been called".
            What::Common(Common::Invalid) => (BORING_LIB_BIO, 66),
            What::Common(common) => (BORING_LIB_BIO, common.classic()),
            What::Memory => (BORING_LIB_BIO, MEMORY_CLASSIC),
        };
        put_error(put, [lib, 0, reason], entry.site);
        let words = match entry.what {
            What::Bio(reason) => crate::strings::bio_reason(reason),
            _ => entry.data,
        };
        self.add_data(words, None);
    }

    /// A library number allocated by the host; always the same.
    fn own_library(&self) -> u32 {
        // 0 until it is known. Two threads at once get two numbers, of which one is
        // used: no thread waits, so neither does a child that was forked in the
        // middle.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let known = NUMBER.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        // SAFETY: the host's function takes no arguments.
        let new = self.next_library.map_or(BORING_LIB_BIO, |next| unsafe { next() } as u32);
        match NUMBER.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => new,
            Err(known) => known,
        }
    }

    fn annotate(&self, label: &'static CStr, text: &CStr) {
        self.add_data(Some(label), Some(text));
    }

    fn close_negative(&self) -> c_int {
        if self.modern().is_none() && self.put_error.is_some() {
            errno::set(libc::EBADF);
        }
        0
    }

    fn add_data(&self, first: Option<&CStr>, second: Option<&CStr>) {
        if let (Some(format), None) = (self.format_data, self.add_error_data) {
            let [first, second] = [first, second].map(|text| text.unwrap_or_default().as_ptr());
            // SAFETY: the host's function, with the signature of its header; the format
            // names two strings, which follow.
            return unsafe { format(c"%s%s".as_ptr(), first, second) };
        }
        let (Some(add), Some(first)) = (self.add_error_data, first) else { return };
        match second {
            // SAFETY: the host's function, with the signature of its manual page: the
            // number of strings, then each.
            Some(second) => unsafe { add(2, first.as_ptr(), second.as_ptr()) },
            // SAFETY: as above.
            None => unsafe { add(1, first.as_ptr()) },
        }
    }

    fn alloc(&self, size: usize, site: &'static Site) -> *mut c_void {
        let memory = match (self.boring_malloc, self.crypto_malloc) {
            // SAFETY: the host's function, with its declared signature.
            (Some(malloc), _) => unsafe { malloc(size) },
            // SAFETY: as above.
            (None, Some(malloc)) => unsafe { malloc(size, site.file.as_ptr(), line(site)) },
            // SAFETY: malloc takes any size.
            (None, None) => unsafe { libc::malloc(size) },
        };
        if memory.is_null() && !self.said_no_memory() {
            self.push(&Entry { what: What::Memory, site, data: None });
        }
        memory
    }

    /// Whether the host's allocator queued its failure itself, as OpenSSL's does
    /// since 3.2.
    fn said_no_memory(&self) -> bool {
        const REASON: u64 = 0x7F_FFFF;
        // SAFETY: the host's function takes no arguments.
        let newest = self.peek_last_error.map_or(0, |peek| unsafe { peek() });
        newest & REASON == MEMORY_MODERN.into()
    }

    /// # Safety
    ///
    /// As [`Host::free`].
    unsafe fn free(&self, memory: *mut c_void, site: &'static Site) {
        match (self.boring_free, self.crypto_free) {
            // SAFETY: the host's function, with memory from its allocator.
            (Some(free), _) => unsafe { free(memory) },
            // SAFETY: as above.
            (None, Some(free)) => unsafe { free(memory, site.file.as_ptr(), line(site)) },
            // SAFETY: without a host, the memory came from malloc.
            (None, None) => unsafe { libc::free(memory) },
        }
    }
}

/// OpenSSL 3 and 4.
fn push_modern(host: &Modern, entry: &Entry) {
    let (lib, reason) = match entry.what {
        What::System { errno, .. } => (LIB_SYS, errno as u32),
        What::Bio(reason) => (LIB_BIO, reason.into()),
        What::Common(common) => (LIB_BIO, common.modern()),
        What::Memory => (LIB_BIO, MEMORY_MODERN),
    };
    let Site { function, file, .. } = entry.site;
    let (lib, reason) = (lib as c_int, reason as c_int);
    // SAFETY: the host's function takes no arguments.
    unsafe { (host.new)() };
    // SAFETY: the host's function, with the signature of its manual page; it keeps copies.
    unsafe { (host.set_debug)(file.as_ptr(), line(entry.site), function.as_ptr()) };
    match entry.data {
        // SAFETY: as above; the format names one string, which follows.
        Some(data) => unsafe { (host.set_error)(lib, reason, c"%s".as_ptr(), data.as_ptr()) },
        // SAFETY: as above; no format means no string.
        None => unsafe { (host.set_error)(lib, reason, ptr::null::<c_char>()) },
    }
}

/// `numbers`: library, function, reason.
fn put_error(put: Put, numbers: [u32; 3], site: &'static Site) {
    let [lib, function, reason] = numbers.map(|number| number as c_int);
    // SAFETY: the host's function, with its declared signature; it keeps the file
    // name, which is static.
    unsafe { put(lib, function, reason, site.file.as_ptr(), line(site)) };
}

fn line(site: &Site) -> c_int {
    site.line as c_int
}
