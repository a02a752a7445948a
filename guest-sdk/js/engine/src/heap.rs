//! One heap for Rust and C: the allocator of the C library that QuickJS is linked with.
//!
//! With two, each would have to have room of its own for a short run.

use std::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::Cell,
    ffi::c_void,
    ptr,
};

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn free(pointer: *mut c_void);
}

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

/// What `malloc` aligns to.
const ALIGNMENT: usize = 8;

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            unsafe { malloc(layout.size()).cast() }
        } else {
            let size = layout.size().next_multiple_of(layout.align());
            unsafe { aligned_alloc(layout.align(), size).cast() }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            return unsafe { calloc(1, layout.size()).cast() };
        }
        let pointer = unsafe { self.alloc(layout) };
        if !pointer.is_null() {
            unsafe { pointer.write_bytes(0, layout.size()) };
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _layout: Layout) {
        unsafe { free(pointer.cast()) };
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            return unsafe { realloc(pointer.cast(), size).cast() };
        }
        let Ok(new) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            unsafe {
                ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
        }
        moved
    }
}

/// Makes sure that so many bytes are there without asking the host for memory.
pub(crate) fn reserve(bytes: usize) {
    unsafe { free(malloc(bytes)) };
}

/// Whether the host gives no more memory.
pub(crate) fn is_full() -> bool {
    wasm32::memory_grow::<0>(1) == usize::MAX
}

thread_local! {
    static RESERVE: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

/// What it takes to say that there is no memory left. It is never touched before, and so costs nothing.
const RESERVE_BYTES: usize = 256 * 1024;

/// Sets memory aside for the end.
pub(crate) fn keep_reserve() {
    RESERVE.set(unsafe { malloc(RESERVE_BYTES) });
}

/// Gives free what was set aside.
pub(crate) fn release_reserve() {
    unsafe { free(RESERVE.replace(ptr::null_mut())) };
}
