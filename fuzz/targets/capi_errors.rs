//! `ERR_error_string_n` and its kin: within the room, and always a C string.
#![no_main]

use biosock_capi as c;
use libfuzzer_sys::fuzz_target;
use std::ffi::CStr;

fuzz_target!(|input: (u64, u16)| {
    let (code, room) = input;
    let room = usize::from(room % 400);
    // Allocated to fit, so that writing beyond it is seen.
    let mut buffer = vec![0xaa_u8; room];
    // SAFETY: the buffer has the room that is told.
    unsafe { c::ERR_error_string_n(code, buffer.as_mut_ptr().cast(), room) };
    let text = CStr::from_bytes_until_nul(&buffer);
    assert_eq!(text.is_ok(), room > 0);
    for text in
        [c::ERR_lib_error_string(code), c::ERR_func_error_string(code), c::ERR_reason_error_string(code)]
    {
        if !text.is_null() {
            // SAFETY: the texts are constants.
            assert!(!unsafe { CStr::from_ptr(text) }.is_empty());
        }
    }
});
