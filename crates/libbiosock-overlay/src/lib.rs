//! The BIO_* socket names, over the OpenSSL in the process: errors go to its
//! queue, memory comes from its allocator.
#![allow(non_snake_case, non_upper_case_globals, reason = "the names are those of the C functions")]

use biosock_capi::Overlay;
use biosock_capi::export::types::*;

biosock_capi::linked!();
biosock_capi::export_bio!(Overlay<Linker>);
biosock_capi::export_own!(Overlay<Linker>);
biosock_capi::export_retry!();
