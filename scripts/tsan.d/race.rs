//! Two threads count in one place without a lock: ThreadSanitizer has to report it.

use std::cell::UnsafeCell;

struct Shared(UnsafeCell<u64>);

// SAFETY: none. This is the fault that is planted.
unsafe impl Sync for Shared {}

static COUNT: Shared = Shared(UnsafeCell::new(0));

fn count() {
    for _ in 0..1000 {
        // SAFETY: none, since the other thread writes as well.
        unsafe { *COUNT.0.get() += 1 };
    }
}

fn main() {
    let other = std::thread::spawn(count);
    count();
    other.join().unwrap();
}
