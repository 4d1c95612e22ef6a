//! Loading libraries, and finding out which of them answers.

use std::ffi::{CStr, CString, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

/// A library loaded for the rest of the process.
#[derive(Clone, Copy, Debug)]
pub struct Library(*mut c_void);

impl Library {
    /// Loads a library, its names for the asker alone (`RTLD_LOCAL`).
    ///
    /// # Errors
    /// The loader's message.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, String> {
        let path = path.as_ref();
        let name = CString::new(path.as_os_str().as_bytes());
        let name = name.map_err(|_| format!("{} holds a NUL", path.display()))?;
        // SAFETY: the name is a C string; a library's own start-up code is trusted.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() { Err(load_error()) } else { Ok(Self(handle)) }
    }

    /// The address of a function, or null where the library lacks it.
    #[must_use]
    pub fn find(self, name: &str) -> *mut c_void {
        let Ok(name) = CString::new(name) else {
            return ptr::null_mut();
        };
        // SAFETY: the handle came from dlopen and is never closed; the name is a C string.
        unsafe { libc::dlsym(self.0, name.as_ptr()) }
    }
}

fn load_error() -> String {
    // SAFETY: dlerror has no preconditions.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "the loader gave no reason".to_owned();
    }
    // SAFETY: a text of dlerror is a C string that lives until the next call.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

/// The file that holds the code at `address`, and the offset in it.
#[must_use]
pub fn whose(address: usize) -> Option<(String, usize)> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address and fills in the structure when it knows it.
    if unsafe { libc::dladdr(address as *const c_void, info.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: zeroed at first and filled in by dladdr; all its fields may be zero.
    let info = unsafe { info.assume_init() };
    // SAFETY: dladdr gives the file's name as a C string that lives with the file.
    let file = unsafe { CStr::from_ptr(info.dli_fname) };
    let offset = address - info.dli_fbase as usize;
    Some((file.to_string_lossy().into_owned(), offset))
}
