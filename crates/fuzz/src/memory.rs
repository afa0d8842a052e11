//! An allocator that counts, so that a target can say how much a reader held at once.
//!
//! Counted is what the thread of the target takes from Rust's allocator; what a codec written in C takes is bounded by
//! its own settings.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[derive(Debug)]
pub struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends frees its last blocks when the counters are gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads something; more than `bound` bytes held at once meanwhile is a broken promise.
pub fn within<T>(bound: usize, what: &str, read: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    MOST.set(before);
    let result = read();
    let held = usize::try_from(MOST.get() - before).unwrap_or(0);
    assert!(held <= bound, "{what} held {held} bytes, {bound} are allowed");
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    // Not beside the targets: one of them takes every panic of its process for one of the broker's.
    #[test]
    #[should_panic(expected = "a vector held 2048 bytes, 2047 are allowed")]
    fn what_is_held_is_counted() {
        within(2_047, "a vector", || drop(std::hint::black_box(Vec::<u8>::with_capacity(2_048))));
    }
}
