//! An allocator that counts, on request, the bytes that are allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

/// The system's allocator with a counter. If the counter is off, an allocation costs one predictable
/// branch more.
pub struct Counted;

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

/// Starts to count from zero. If memory that was allocated before is freed later, the count becomes
/// negative.
pub fn start_counting() {
    LIVE_BYTES.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// Returns the bytes that were allocated since [`start_counting`], minus the bytes that were freed since
/// then.
pub fn live_bytes() -> isize {
    LIVE_BYTES.load(Relaxed)
}

fn count(bytes: isize) {
    if COUNTING.load(Relaxed) {
        LIVE_BYTES.fetch_add(bytes, Relaxed);
    }
}

// SAFETY: every call goes to `System` unchanged. The counter touches no memory except two atomics.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller upholds the conditions of this trait, and `System` requires the same
        // conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
