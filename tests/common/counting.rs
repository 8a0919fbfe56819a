//! An allocator that counts, for the tests of what costs memory.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what each thread allocates, so that the tests don't see each other's.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
    static FREED: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator with the same arguments. Counting allocates
// nothing: the counters are constants at first and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as isize);
        // SAFETY: the caller keeps `alloc`'s contract, which is the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        FREED.set(FREED.get() + 1);
        BYTES.set(BYTES.get() - layout.size() as isize);
        // SAFETY: the caller keeps `dealloc`'s contract, and the place came from `System`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + 1);
        FREED.set(FREED.get() + 1);
        BYTES.set(BYTES.get() + size as isize - layout.size() as isize);
        // SAFETY: the caller keeps `realloc`'s contract, and the place came from `System`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations this thread made since it was started.
pub fn allocated() -> usize {
    ALLOCATED.get()
}

/// How many of its allocations are still there.
pub fn alive() -> isize {
    ALLOCATED.get() as isize - FREED.get() as isize
}

/// How many bytes its allocations that are still there hold.
pub fn bytes_alive() -> isize {
    BYTES.get()
}
