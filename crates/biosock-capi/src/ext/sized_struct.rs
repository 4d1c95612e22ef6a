//! Structures that later versions may extend. Each begins with its size at the
//! time the caller was compiled, so that programs and libraries of different
//! versions work together.

use std::mem::MaybeUninit;
use std::ptr;

use crate::failure::Failure;

/// A structure that begins with its size.
///
/// # Safety
///
/// It is `repr(C)`, its first field is a `usize`, and every other is an
/// integer or a raw pointer, so that all bytes 0 is a valid value.
pub(super) unsafe trait SizedStruct: Copy {
    /// Its name in error messages.
    const NAME: &'static str;
    /// The macro that sets its size.
    const INIT: &'static str;
}

/// No structure of biosock will ever be larger; a larger size means that it was not set.
const LARGEST: usize = 4096;

/// The caller's structure, with 0 for fields that an older caller does not have,
/// and all 0 for NULL. Refused if a newer caller sets fields unknown here.
///
/// # Safety
///
/// `given` is NULL, or points to as many bytes as its size says.
pub(super) unsafe fn read<T: SizedStruct>(given: *const T) -> Result<T, Failure> {
    let mut known = MaybeUninit::<T>::zeroed();
    if !given.is_null() {
        // SAFETY: not NULL, so there is at least a size.
        let size = unsafe { size_of_given(given) }?;
        // SAFETY: the caller supplied the size.
        let beyond = unsafe { beyond(given.cast(), size_of::<T>(), size) };
        if beyond.iter().any(|byte| *byte != 0) {
            return Err(Failure::invalid(format_args!("{} sets fields that this version lacks", T::NAME)));
        }
        let size = size.min(size_of::<T>());
        // SAFETY: both are this long, and one is new.
        unsafe { ptr::copy_nonoverlapping(given.cast::<u8>(), known.as_mut_ptr().cast::<u8>(), size) };
    }
    // SAFETY: all bytes 0 is a valid value, and so is any other.
    Ok(unsafe { known.assume_init() })
}

/// Writes the fields that the caller has, and 0 for those unknown here.
///
/// # Safety
///
/// `place` points to as many bytes as its size says.
pub(super) unsafe fn write<T: SizedStruct>(place: *mut T, value: T) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::Null(T::NAME));
    }
    // SAFETY: not NULL, so there is at least a size.
    let size = unsafe { size_of_given(place) }?;
    // SAFETY: as large as it says.
    unsafe { ptr::write_bytes(place.cast::<u8>(), 0, size) };
    // SAFETY: both have so many bytes, and one is this function's.
    unsafe {
        ptr::copy_nonoverlapping((&raw const value).cast(), place.cast::<u8>(), size.min(size_of::<T>()))
    };
    // SAFETY: the size is the first field, and the caller's.
    unsafe { place.cast::<usize>().write_unaligned(size) };
    Ok(())
}

/// # Safety
///
/// `given` points to a size at least.
unsafe fn size_of_given<T: SizedStruct>(given: *const T) -> Result<usize, Failure> {
    // SAFETY: there is a size at least.
    let size = unsafe { given.cast::<usize>().read_unaligned() };
    let plausible = (size_of::<usize>()..=LARGEST).contains(&size) && size % align_of::<T>() == 0;
    if plausible {
        return Ok(size);
    }
    Err(Failure::invalid(format_args!("{}: invalid size {size}; initialise it with {}", T::NAME, T::INIT)))
}

/// The bytes after the first `known` of `size`.
///
/// # Safety
///
/// `given` points to `size` bytes, which nothing changes while these are used.
unsafe fn beyond<'a>(given: *const u8, known: usize, size: usize) -> &'a [u8] {
    if size <= known {
        return &[];
    }
    // SAFETY: within the bytes.
    let start = unsafe { given.add(known) };
    // SAFETY: as many are left.
    unsafe { std::slice::from_raw_parts(start, size - known) }
}
