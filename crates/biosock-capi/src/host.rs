//! Where errors go and memory comes from: the only difference between the three
//! forms of the C library.

use std::ffi::{CStr, c_int, c_void};

use crate::calls::Call;
use crate::sites::Site;

/// The library that the C functions live in or alongside.
///
/// Every C function of this crate is generic over its host, so that the forms
/// share their code, and each thin crate supplies its host.
pub trait Host: 'static {
    /// Pushes an entry onto the calling thread's error queue.
    fn push(entry: &Entry);

    /// Appends `label` and `text` to the data of the newest entry, as the host's
    /// version of OpenSSL does.
    fn annotate(label: &'static CStr, text: &CStr);

    /// What closing a negative descriptor returns: 0, with errno unchanged; but
    /// OpenSSL 1.1.1 calls close(2), which sets errno to EBADF.
    fn close_negative() -> c_int {
        0
    }

    /// Memory that the caller frees with `OPENSSL_free`. NULL if out of memory,
    /// which is reported on the queue.
    fn alloc(size: usize, site: &'static Site) -> *mut c_void;

    /// Frees what [`Host::alloc`] returned.
    ///
    /// # Safety
    ///
    /// `memory` is NULL or came from the host's allocator, and is not used again.
    unsafe fn free(memory: *mut c_void, site: &'static Site);
}

/// One entry of the error queue, before the host packs it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What failed.
    pub what: What,
    /// The function that reports it.
    pub site: &'static Site,
    /// The string that goes with it.
    pub data: Option<&'static CStr>,
}

/// The kinds of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A system call failed.
    System {
        /// The OS error.
        errno: i32,
        /// Which call it was.
        call: &'static Call,
    },
    /// A reason of OpenSSL's BIO library.
    Bio(u16),
    /// A reason that all of OpenSSL's libraries share, raised by BIO.
    Common(Common),
    /// Out of memory.
    Memory,
}

/// The reasons that all of OpenSSL's libraries share; their numbers changed
/// with OpenSSL 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    /// `ERR_R_SYS_LIB`: a system library (the resolver) failed.
    SystemLibrary,
    /// `ERR_R_PASSED_NULL_PARAMETER`
    Null,
    /// `ERR_R_INTERNAL_ERROR`
    Internal,
    /// `ERR_R_BIO_LIB`: an address could not be created.
    BioLibrary,
    /// `ERR_R_PASSED_INVALID_ARGUMENT`
    Invalid,
}

impl Common {
    /// The number since OpenSSL 3.
    pub const fn modern(self) -> u32 {
        match self {
            Self::SystemLibrary => 0x8_0002,
            Self::Null => 0xC_0102,
            Self::Internal => 0xC_0103,
            Self::BioLibrary => 0x8_0020,
            Self::Invalid => 0x8_0106,
        }
    }

    /// The number up to OpenSSL 1.1.1, and in the libraries derived from it.
    pub const fn classic(self) -> u32 {
        match self {
            Self::SystemLibrary => 2,
            Self::Null => 67,
            Self::Internal => 68,
            Self::BioLibrary => 32,
            Self::Invalid => 7,
        }
    }
}

/// `ERR_R_MALLOC_FAILURE` since OpenSSL 3.
pub(crate) const MEMORY_MODERN: u32 = 0xC_0100;

/// `ERR_R_MALLOC_FAILURE` up to OpenSSL 1.1.1, and in the libraries derived from it.
pub(crate) const MEMORY_CLASSIC: u32 = 65;

/// OpenSSL's number of the operating system as a library.
pub(crate) const LIB_SYS: u32 = 2;

/// OpenSSL's number of its common code as a library.
pub(crate) const LIB_CRYPTO: u32 = 15;

/// OpenSSL's number of the BIO library.
pub(crate) const LIB_BIO: u32 = 32;
