//! The C library with the names of BIO_connect(3), stand-alone: with its own
//! error queue and allocator functions.
#![allow(non_snake_case, non_upper_case_globals, reason = "the names are those of the C functions")]

use biosock_capi::Standalone;
use biosock_capi::export::types::*;

biosock_capi::export_bio!(Standalone);
biosock_capi::export_own!(Standalone);
biosock_capi::export_retry!();
biosock_capi::export_queue!();
