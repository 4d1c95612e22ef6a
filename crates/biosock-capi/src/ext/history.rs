//! biosock_memory(3): a history of addresses, shared by dials.

use std::sync::Arc;

use biosock::dial::AddressHistory;

use super::handle;

/// A history of addresses that dials share.
#[derive(Debug)]
pub struct biosock_memory(pub(super) Arc<AddressHistory>);

/// `biosock_memory_new`: a history of at most this many addresses.
pub fn biosock_memory_new(most: usize) -> *mut biosock_memory {
    handle::give(biosock_memory(Arc::new(AddressHistory::new(most))))
}

/// `biosock_memory_free`: frees it; NULL is ignored. Dials that use it continue.
///
/// # Safety
///
/// `memory` is NULL or not yet freed, and is not used again.
pub unsafe fn biosock_memory_free(memory: *mut biosock_memory) {
    // SAFETY: NULL or a live handle, not used again.
    unsafe { handle::free(memory) };
}
