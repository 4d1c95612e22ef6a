//! biosock_memory(3): what dials remember between them.

use std::sync::Arc;

use biosock::dial::AddressHistory;

use super::handle;

/// A memory that dials share.
#[derive(Debug)]
pub struct biosock_memory(pub(super) Arc<AddressHistory>);

/// `biosock_memory_new`: a memory of at most so many addresses.
pub fn biosock_memory_new(most: usize) -> *mut biosock_memory {
    handle::give(biosock_memory(Arc::new(AddressHistory::new(most))))
}

/// `biosock_memory_free`: frees it; NULL is fine. Dials that have it go on.
///
/// # Safety
///
/// `memory` is NULL or one that is not freed yet, and is not used again.
pub unsafe fn biosock_memory_free(memory: *mut biosock_memory) {
    // SAFETY: NULL or a live handle, not used again.
    unsafe { handle::free(memory) };
}
