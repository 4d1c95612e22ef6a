//! The functions of a host.

use std::ffi::{c_char, c_int, c_ulong, c_void};

pub(super) type New = unsafe extern "C" fn();
pub(super) type SetDebug = unsafe extern "C" fn(*const c_char, c_int, *const c_char);
pub(super) type SetError = unsafe extern "C" fn(c_int, c_int, *const c_char, ...);
pub(super) type Put = unsafe extern "C" fn(c_int, c_int, c_int, *const c_char, c_int);
pub(super) type AddData = unsafe extern "C" fn(c_int, ...);
pub(super) type FormatData = unsafe extern "C" fn(*const c_char, ...);
pub(super) type PeekLast = unsafe extern "C" fn() -> c_ulong;
pub(super) type NextLibrary = unsafe extern "C" fn() -> c_int;
pub(super) type Malloc = unsafe extern "C" fn(usize, *const c_char, c_int) -> *mut c_void;
pub(super) type Free = unsafe extern "C" fn(*mut c_void, *const c_char, c_int);
pub(super) type BoringMalloc = unsafe extern "C" fn(usize) -> *mut c_void;
pub(super) type BoringFree = unsafe extern "C" fn(*mut c_void);

/// Names of the functions, in the order of [`Table`]'s fields.
pub(super) const NAMES: [&std::ffi::CStr; 12] = [
    c"ERR_new",
    c"ERR_set_debug",
    c"ERR_set_error",
    c"ERR_put_error",
    c"ERR_add_error_data",
    c"ERR_peek_last_error",
    c"ERR_get_next_error_library",
    c"CRYPTO_malloc",
    c"CRYPTO_free",
    c"OPENSSL_malloc",
    c"OPENSSL_free",
    c"ERR_asprintf_error_data",
];

/// The functions of a host, filled in by the linker or the loader: each field is
/// a function's address, or NULL if the host has no such function.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub(super) new: Option<New>,
    pub(super) set_debug: Option<SetDebug>,
    pub(super) set_error: Option<SetError>,
    pub(super) put_error: Option<Put>,
    pub(super) add_error_data: Option<AddData>,
    pub(super) peek_last_error: Option<PeekLast>,
    pub(super) next_library: Option<NextLibrary>,
    pub(super) crypto_malloc: Option<Malloc>,
    pub(super) crypto_free: Option<Free>,
    pub(super) boring_malloc: Option<BoringMalloc>,
    pub(super) boring_free: Option<BoringFree>,
    pub(super) format_data: Option<FormatData>,
}

/// The three functions that raise an error in OpenSSL 3 and 4.
pub(super) struct Modern {
    pub(super) new: New,
    pub(super) set_debug: SetDebug,
    pub(super) set_error: SetError,
}

impl Table {
    /// No host.
    pub(super) const NONE: Self = Self {
        new: None,
        set_debug: None,
        set_error: None,
        put_error: None,
        add_error_data: None,
        peek_last_error: None,
        next_library: None,
        crypto_malloc: None,
        crypto_free: None,
        boring_malloc: None,
        boring_free: None,
        format_data: None,
    };

    pub(super) fn modern(&self) -> Option<Modern> {
        Some(Modern { new: self.new?, set_debug: self.set_debug?, set_error: self.set_error? })
    }

    /// Whether the host is BoringSSL or AWS-LC: only there OPENSSL_malloc is a
    /// function.
    pub(super) fn is_boring(&self) -> bool {
        self.boring_malloc.is_some()
    }

    /// Whether the host is LibreSSL: only it has ERR_asprintf_error_data.
    pub(super) fn is_libre(&self) -> bool {
        self.format_data.is_some() && !self.is_boring()
    }

    /// Whether there is an error queue.
    pub(super) fn takes_errors(&self) -> bool {
        self.modern().is_some() || self.put_error.is_some()
    }

    /// The host whose functions `address` finds by their [`NAMES`].
    ///
    /// # Safety
    ///
    /// What `address` finds are the functions of those names, or NULL.
    pub(super) unsafe fn from_addresses(address: impl FnMut(&std::ffi::CStr) -> *mut c_void) -> Self {
        let addresses = NAMES.map(address);
        // SAFETY: there are as many fields as names, in the same order, each a
        // function's address or NULL, which is the layout of `Option` of a function.
        unsafe { std::mem::transmute::<[*mut c_void; NAMES.len()], Self>(addresses) }
    }
}

/// A library that may be linked to a host.
pub trait Linked: 'static {
    /// The functions that the linker found.
    fn table() -> &'static Table;
}

/// Defines a type `Linker` that is [`Linked`]: a table of weak references, so
/// that it links without a host, or with one that lacks some of the functions.
#[macro_export]
macro_rules! linked {
    () => {
        // Stable Rust has no weak references, so the assembler creates them. Rust
        // sees a table of addresses that may be NULL.
        ::std::arch::global_asm!(
            ".weak ERR_new, ERR_set_debug, ERR_set_error, ERR_put_error, ERR_add_error_data",
            ".weak ERR_peek_last_error, ERR_get_next_error_library",
            ".weak CRYPTO_malloc, CRYPTO_free, OPENSSL_malloc, OPENSSL_free",
            ".weak ERR_asprintf_error_data",
            ".pushsection .data.rel.ro.biosock_host, \"aw\"",
            ".balign 8",
            ".globl biosock_host",
            ".hidden biosock_host",
            "biosock_host:",
            ".8byte ERR_new, ERR_set_debug, ERR_set_error, ERR_put_error, ERR_add_error_data",
            ".8byte ERR_peek_last_error, ERR_get_next_error_library",
            ".8byte CRYPTO_malloc, CRYPTO_free, OPENSSL_malloc, OPENSSL_free",
            ".8byte ERR_asprintf_error_data",
            ".popsection",
        );

        unsafe extern "C" {
            static biosock_host: $crate::Table;
        }

        /// What this library is linked to.
        #[derive(Debug)]
        enum Linker {}

        impl $crate::Linked for Linker {
            fn table() -> &'static $crate::Table {
                // SAFETY: the assembler laid the table out above, in the order
                // of its fields, and the loader filled it before any code ran.
                unsafe { &biosock_host }
            }
        }
    };
}
