//! Emptying the error queue into something that can be compared.

use crate::api::Api;
use libc::{c_char, c_int, c_ulong};
use serde_json::{Value, json};
use std::ffi::CStr;
use std::ptr;

/// `ERR_TXT_STRING`: the entry's data is a text.
const TEXT: c_int = 2;

/// Takes every entry off the queue, oldest first; files and lines are left out.
pub(crate) fn drain(api: &Api) -> Vec<Value> {
    std::iter::from_fn(|| take(api)).collect()
}

fn take(api: &Api) -> Option<Value> {
    let mut file = ptr::null();
    let mut line = 0;
    let mut function = ptr::null();
    let mut data = ptr::null();
    let mut flags = 0;
    let code = if api.ERR_get_error_all.is_some() {
        api.ERR_get_error_all(&mut file, &mut line, &mut function, &mut data, &mut flags)
    } else {
        api.ERR_get_error_line_data(&mut file, &mut line, &mut data, &mut flags)
    };
    if code == 0 {
        return None;
    }
    let data = if flags & TEXT == 0 { None } else { text(data) };
    Some(entry(api, code, text(function), data))
}

fn entry(api: &Api, code: c_ulong, function: Option<String>, data: Option<String>) -> Value {
    let parts = Parts::of(code, is_old(api));
    json!({
        "code": format!("{code:08X}"),
        "lib": parts.lib,
        "reason": parts.reason,
        "function": function.or_else(|| old_function(api, code)),
        "data": data.unwrap_or_default(),
        "lib_text": text(api.ERR_lib_error_string(code)),
        "reason_text": text(api.ERR_reason_error_string(code)),
    })
}

fn old_function(api: &Api, code: c_ulong) -> Option<String> {
    is_old(api).then(|| text(api.ERR_func_error_string(code))).flatten()
}

/// Whether codes are packed as by 1.1.1, with a function's number.
pub(crate) fn is_old(api: &Api) -> bool {
    api.ERR_get_error_all.is_none()
}

/// What is packed into a code.
struct Parts {
    lib: c_ulong,
    reason: c_ulong,
}

impl Parts {
    fn of(code: c_ulong, old: bool) -> Self {
        if old {
            let (lib, reason) = (code >> 24 & 0xff, code & 0xfff);
            return Self { lib, reason };
        }
        if code & 0x8000_0000 != 0 {
            let reason = code & 0x7fff_ffff;
            return Self { lib: 2, reason };
        }
        Self { lib: code >> 23 & 0xff, reason: code & 0x7f_ffff }
    }
}

/// A C string's text; `None` for a null pointer.
pub(crate) fn text(chars: *const c_char) -> Option<String> {
    if chars.is_null() {
        return None;
    }
    // SAFETY: not null, and the C functions asked give NUL-terminated strings.
    let chars = unsafe { CStr::from_ptr(chars) };
    Some(chars.to_string_lossy().into_owned())
}
