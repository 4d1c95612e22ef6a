//! The BIO_* socket names, in place of OpenSSL's own object files.
#![allow(non_snake_case, non_upper_case_globals, reason = "the names are those of the C functions")]

use biosock_capi::Swap;
use biosock_capi::export::types::*;

biosock_capi::linked!();
biosock_capi::export_bio!(Swap<Linker>);
biosock_capi::export_internals!(Swap<Linker>);
